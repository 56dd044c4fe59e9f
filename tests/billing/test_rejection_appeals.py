"""A worker appeals once, somebody who had no part in it decides, and restored pay is paid like any other."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing import appeals
from billing.accounts import (
    STRIPE_AVAILABLE,
    held,
    owed_by_brand,
    owed_by_worker,
    payable,
    platform_fee,
    wallet,
)
from billing.judgement_models import AppealEnd, Judge, RejectionAppeal
from billing.ledger import credit, debit, post
from billing.models import Earning, EarningKind, EarningState
from billing.pay_record import pay_record
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import RejectionAppealId, new_id
from tests.billing.judging import Judged, a_judged
from tests.billing.paying import as_owner, assert_proven, standing
from tests.builders import Clock, a_brand, a_person, a_resolved_ticket, a_worker, as_worker, usd


@pytest.fixture
def one(db: Database, background: Database) -> Judged:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        a_resolved_ticket(tx, noise, a_worker(tx))
    return a_judged(db, background)


def test_a_reversed_rejection_restores_the_pay_and_the_fee_from_the_brands_wallet(
    background: Database, one: Judged
) -> None:
    appeal = one.appeal(one.rejected())
    one.decide(appeal, AppealEnd.REVERSED, person=one.a_colleague())
    assert one.state() is EarningState.REJECTED, "what was decided stays readable"
    with background.transaction() as tx:
        assert standing(tx, payable(one.brand, one.worker)) == usd(200)
        assert standing(tx, platform_fee(one.brand)) == usd(50)
        assert standing(tx, wallet(one.brand)) == usd(9_750)
        restored = tx.scalars(select(Earning).where(Earning.kind == EarningKind.RESTORED)).one()
        assert (restored.worker_id, restored.amount_minor, restored.state) == (
            one.worker,
            200,
            EarningState.PAYABLE,
        )
        found = pay_record(tx, brand=one.brand, now=app_now(tx))
        assert (found.decided, found.paid) == (1, 1)
    assert_proven(background)


def test_an_upheld_rejection_pays_nothing(background: Database, one: Judged) -> None:
    appeal = one.appeal(one.rejected())
    one.decide(appeal, AppealEnd.UPHELD, person=one.a_colleague())
    with background.transaction() as tx:
        assert standing(tx, payable(one.brand, one.worker)) == usd(0)
        assert standing(tx, wallet(one.brand)) == usd(10_000)
        found = pay_record(tx, brand=one.brand, now=app_now(tx))
        assert (found.decided, found.paid) == (1, 0)
    with pytest.raises(appeals.AppealOver):
        one.decide(appeal, AppealEnd.REVERSED, person=one.a_colleague())
    assert_proven(background)


def test_restored_pay_does_not_wait_for_the_brands_wallet(background: Database, one: Judged) -> None:
    appeal = one.appeal(one.rejected())
    with background.transaction() as tx:
        post(
            tx,
            kind="refund",
            key="refund:test",
            currency="usd",
            legs=[debit(wallet(one.brand), 9_900), credit(STRIPE_AVAILABLE, 9_900)],
            now=app_now(tx),
        )
    one.decide(appeal, AppealEnd.REVERSED, person=one.a_colleague())
    with background.transaction() as tx:
        assert standing(tx, wallet(one.brand)) == usd(0)
        assert standing(tx, owed_by_brand(one.brand)) == usd(150)
        assert standing(tx, payable(one.brand, one.worker)) == usd(200)
    assert_proven(background)


def test_a_rejection_is_appealed_once_by_its_worker_and_for_thirty_days(
    db: Database, background: Database, one: Judged, clock: Clock
) -> None:
    waiting = one.reject()
    with pytest.raises(appeals.NothingToAppeal):
        one.appeal(waiting)
    one.settle()
    with background.transaction() as tx:
        stranger = a_worker(tx)
    with db.transaction(as_worker(stranger)) as tx, pytest.raises(appeals.NothingToAppeal):
        appeals.appeal(tx, worker=stranger, rejection=waiting, said="Me too.", now=app_now(tx))
    one.appeal(waiting)
    with pytest.raises(appeals.AppealedAlready):
        one.appeal(waiting)
    late = a_judged(db, background, brand=one.brand)
    counted = late.rejected()
    clock.forward(appeals.APPEAL_WITHIN + timedelta(minutes=1))
    with pytest.raises(appeals.TooLateToAppeal):
        late.appeal(counted)


def test_whoever_had_a_part_in_the_rejection_does_not_decide_its_appeal(
    database_url: str, background: Database, one: Judged
) -> None:
    held_it, rejected_it, other = one.a_colleague(), one.a_colleague(), one.a_colleague()
    one.hold(held_it)
    appeal = one.appeal(one.rejected(judge=Judge.PLATFORM, person=rejected_it))
    with background.transaction() as tx:
        outsider = a_person(tx)
    for person in (held_it, rejected_it, outsider):
        with pytest.raises(appeals.DecidedBefore):
            one.decide(appeal, AppealEnd.UPHELD, person=person)
    with pytest.raises(DBAPIError) as refused, as_owner(database_url) as connection:
        connection.execute(
            text("UPDATE rejection_appeal SET ended_as = 'upheld', decided_at = now(), decided_by = :who"),
            {"who": rejected_it},
        )
    assert getattr(refused.value.orig, "sqlstate", None) == "HC013"
    assert one.decide(appeal, AppealEnd.UPHELD, person=other).ended_as is AppealEnd.UPHELD


def test_nobody_writes_another_workers_appeal_into_the_database(
    db: Database, background: Database, one: Judged
) -> None:
    counted = one.rejected()
    with background.transaction() as tx:
        stranger = a_worker(tx)
    with db.transaction(as_worker(stranger)) as tx:
        mine = RejectionAppeal(
            brand_id=one.brand,
            id=RejectionAppealId(new_id()),
            rejection_id=counted,
            worker_id=stranger,
            said="Mine now.",
            appealed_at=app_now(tx),
            answer="",
        )
        tx.add(mine)
        with pytest.raises(DBAPIError, match="row-level security"):
            tx.flush()
        tx.rollback()


def test_a_clawed_back_pay_that_an_appeal_restores_is_payable_beside_what_is_owed(
    db: Database, background: Database, database_url: str, one: Judged
) -> None:
    with as_owner(database_url) as connection:
        connection.execute(text("UPDATE earning SET state = 'sent' WHERE id = :id"), {"id": one.earning})
    appeal = one.appeal(one.rejected(judge=Judge.PLATFORM, person=one.a_colleague()))
    one.decide(appeal, AppealEnd.REVERSED, person=one.a_colleague())
    with background.transaction() as tx:
        assert standing(tx, owed_by_worker(one.worker)) == usd(200)
        assert standing(tx, payable(one.brand, one.worker)) == usd(200)
        assert standing(tx, held(one.brand, one.worker)) == usd(0)
    assert_proven(background)
