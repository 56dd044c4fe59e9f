"""A brand that rejects too much stops itself: the database freezes it, its workers are paid, a person looks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing import appeals, holds, rejections
from billing.judgement_models import Judge, RejectionFreeze, RejectionState
from billing.models import EarningState
from marketplace.events.facts import RejectionsFrozen, RejectionsUnfrozen, kind_of
from marketplace.events.models import Event
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId
from tests.billing.judging import Judged, a_judged
from tests.billing.paying import assert_proven, pass_review
from tests.builders import Clock, a_brand, a_resolved_ticket, a_worker, usd

AT_LEAST = 20
ALLOWED = 4


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        a_resolved_ticket(tx, noise, a_worker(tx))
        return a_brand(tx, funds=usd(100_000))


def decided(background: Database, brand: BrandId, count: int) -> None:
    """So many of the brand's resolutions are payable."""
    with background.transaction() as tx:
        for _ in range(count):
            a_resolved_ticket(tx, brand, a_worker(tx))
    pass_review(background)


def fresh(db: Database, background: Database, brand: BrandId, count: int) -> list[Judged]:
    """Each of a worker of its own, who may claim what is kept for newcomers."""
    return [a_judged(db, background, brand=brand) for _ in range(count)]


def freezes(background: Database) -> list[RejectionFreeze]:
    with background.transaction() as tx:
        return list(tx.scalars(select(RejectionFreeze)))


def test_the_rejection_that_is_one_too_many_freezes_the_brand_and_its_workers_are_paid(
    db: Database, background: Database, brand: BrandId
) -> None:
    decided(background, brand, AT_LEAST - ALLOWED)
    *few, last, disputed, late = fresh(db, background, brand, ALLOWED + 3)
    counted = [one.rejected() for one in few]
    assert freezes(background) == [], "20 % of 20 is not more than 20 %"
    disputed.dispute()
    too_many = last.reject()
    (freeze,) = freezes(background)
    assert (freeze.rejected, freeze.decided) == (ALLOWED + 1, AT_LEAST + 1)
    with pytest.raises(rejections.RejectingFrozen):
        late.reject()
    rejections.settle_rejections(background)
    holds.end_disputes(background)
    assert last.state() is disputed.state() is late.state() is EarningState.IN_WINDOW
    assert last.rejection(too_many).state is RejectionState.CALLED_OFF
    assert [one.state() for one in few] == [EarningState.REJECTED] * len(counted)
    late.rejected(judge=Judge.PLATFORM, person=late.a_colleague())
    assert late.state() is EarningState.REJECTED, "the platform's people may"
    pass_review(background)
    assert last.state() is disputed.state() is EarningState.PAYABLE
    with background.transaction() as tx:
        told = tx.scalars(select(Event).where(Event.kind == kind_of(RejectionsFrozen))).one()
        assert (told.brand_id, told.subject_id) == (brand, freeze.id)
    assert_proven(background)


def test_a_brand_with_few_decided_is_not_frozen(db: Database, background: Database, brand: BrandId) -> None:
    decided(background, brand, 3)
    for one in fresh(db, background, brand, 5):
        one.rejected()
    assert freezes(background) == []


def test_what_was_undone_or_is_long_ago_counts_no_more(
    db: Database, background: Database, brand: BrandId, clock: Clock
) -> None:
    for one in fresh(db, background, brand, ALLOWED + 2):
        one.rejected()
    clock.forward(timedelta(days=31))
    decided(background, brand, AT_LEAST)
    one, other = fresh(db, background, brand, 2)
    one.undo(one.reject())
    other.rejected()
    assert freezes(background) == []
    assert other.state() is EarningState.REJECTED


def test_a_freeze_is_lifted_with_a_reason_and_counting_begins_anew(
    db: Database, background: Database, brand: BrandId
) -> None:
    decided(background, brand, AT_LEAST - ALLOWED)
    *many, after = fresh(db, background, brand, ALLOWED + 2)
    for one in many:
        one.reject()
    assert len(freezes(background)) == 1
    rejections.settle_rejections(background)
    person = after.a_colleague()
    with db.transaction(PLATFORM) as tx:
        with pytest.raises(appeals.LiftReasonNeeded):
            appeals.lift_freeze(tx, brand=brand, reason=" ", person=person, now=app_now(tx))
        appeals.lift_freeze(tx, brand=brand, reason="A new agent.", person=person, now=app_now(tx))
        with pytest.raises(appeals.NotFrozen):
            appeals.lift_freeze(tx, brand=brand, reason="Again.", person=person, now=app_now(tx))
    after.rejected()
    assert after.state() is EarningState.REJECTED
    with background.transaction() as tx:
        assert tx.scalars(select(Event.brand_id).where(Event.kind == kind_of(RejectionsUnfrozen))).all() == [
            brand
        ]


def test_rejections_at_once_are_counted_one_after_the_other(
    db: Database, background: Database, brand: BrandId
) -> None:
    decided(background, brand, AT_LEAST - ALLOWED)
    many = fresh(db, background, brand, ALLOWED * 2)

    def reject(one: Judged) -> bool:
        try:
            one.reject()
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(max_workers=len(many)) as pool:
        done = list(pool.map(reject, many))
    assert sum(done) == ALLOWED + 1
    assert len(freezes(background)) == 1
    rejections.settle_rejections(background)
    assert {one.state() for one in many} == {EarningState.IN_WINDOW}
    assert_proven(background)
