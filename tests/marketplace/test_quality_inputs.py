"""What the gates count, to the exact number."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.endings import resolve_silent, resolve_ticket
from marketplace.tickets.gate_models import RatingReason
from marketplace.tickets.gates import Measure
from marketplace.tickets.models import ResolvedBy
from marketplace.tickets.probation import set_probation
from marketplace.tickets.quality_inputs import TicketRecords
from marketplace.tickets.ratings import (
    BadRating,
    NothingToRate,
    RatedBefore,
    rate_ticket,
    ratings_of_ticket,
)
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.reply_models import AfterLimit, ReplyReview, ReviewReason
from marketplace.tickets.reviews import approve_reply, decide_overdue_reviews, return_reply
from marketplace.tickets.terms import CategoryPlan, add_category, set_price
from tests.builders import (
    Clock,
    a_brand,
    a_member,
    a_resolved_ticket,
    a_worker,
    an_answered_ticket,
    an_open_ticket,
    as_brand,
    usd,
)
from tests.fakes import Ground
from tests.marketplace.quality import a_decided_escalation, an_escalated_ticket

WEEK = timedelta(days=7)
LONG_AGO = timedelta(days=60)
RECORDS = TicketRecords()


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(100_000))
        add_category(tx, brand=brand, plan=CategoryPlan(key="returns", name="Returns"))
        set_price(tx, brand=brand, category="returns", total=usd(250), author=None, now=app_now(tx))
        noise = a_brand(tx, name="Noise", funds=usd(100_000))
        worker = a_worker(tx, email_cap=50)
        rate_ticket(tx, brand=noise, ticket=a_resolved_ticket(tx, noise, worker), stars=1, now=app_now(tx))
        a_decided_escalation(tx, noise, worker, good=False)
        return brand


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx, email_cap=50)


def fcr(db: Database, brand: BrandId, *, since: datetime | None = None) -> Measure:
    with db.transaction(as_brand(brand)) as tx:
        now = app_now(tx)
        return RECORDS.fcr(tx, brand=brand, since=since or now - LONG_AGO, now=now)


def resolved(background: Database, brand: BrandId, worker: WorkerId, **changes: object) -> TicketId:
    with background.transaction() as tx:
        return a_resolved_ticket(tx, brand, worker, **changes)


def post(background: Database, brand: BrandId, **changes: object) -> None:
    with background.transaction() as tx:
        an_open_ticket(tx, brand, **changes)


# First-contact resolution


def test_a_resolved_ticket_is_early_for_seven_days_and_then_good(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    resolved(background, brand, worker)
    assert fcr(db, brand) == Measure(early_good=1, early_total=1)
    clock.forward(WEEK - timedelta(minutes=1))
    assert fcr(db, brand) == Measure(early_good=1, early_total=1)
    clock.forward(timedelta(minutes=1))
    assert fcr(db, brand) == Measure(good=1, total=1)


def test_a_reopened_ticket_fails_once_whatever_follows(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = resolved(background, brand, worker)
    with background.transaction() as tx:
        customer_writes(
            tx, brand=brand, ticket=ticket, text="Still broken.", external_id=None, now=app_now(tx)
        )
    assert fcr(db, brand) == Measure(early_good=0, early_total=1)
    clock.forward(WEEK)
    assert fcr(db, brand) == Measure(good=0, total=1)


def test_a_second_ticket_of_the_customer_in_the_category_fails_the_first(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    resolved(background, brand, worker, customer_email="sam@example.com")
    clock.forward(timedelta(days=6))
    post(background, brand, customer_email="sam@example.com")
    assert fcr(db, brand) == Measure(early_good=0, early_total=1)
    clock.forward(timedelta(days=1))
    assert fcr(db, brand) == Measure(good=0, total=1)


def test_another_customer_another_category_and_the_eighth_day_do_not(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    post(background, brand, customer_email="sam@example.com")  # before the answer: one question told twice
    resolved(background, brand, worker, customer_email="sam@example.com")
    post(background, brand, customer_email="sue@example.com")
    post(background, brand, customer_email="sam@example.com", category="returns")
    clock.forward(WEEK + timedelta(minutes=1))
    post(background, brand, customer_email="sam@example.com")
    assert fcr(db, brand) == Measure(good=1, total=1)


def test_a_question_that_comes_back_while_silence_is_awaited_fails_too(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    with background.transaction() as tx:
        an_answered_ticket(tx, brand, worker, customer_email="sam@example.com")
    clock.forward(timedelta(hours=5))
    post(background, brand, customer_email="sam@example.com")
    clock.forward(timedelta(hours=43))

    resolve_silent(background)
    assert fcr(db, brand) == Measure(early_good=0, early_total=1)


def test_a_ticket_that_goes_on_from_a_settled_one_fails_it_whatever_it_is_about(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    ticket = resolved(background, brand, worker, category="returns")
    clock.forward(timedelta(hours=73))  # past the review window: no reopening, a ticket of its own
    with background.transaction() as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="Again!", external_id=None, now=app_now(tx))
        tx.execute(text("UPDATE ticket SET category = 'general' WHERE follows_id = :t"), {"t": ticket})
    assert fcr(db, brand) == Measure(early_good=0, early_total=1)


def test_only_what_was_resolved_since_counts(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, clock: Clock
) -> None:
    resolved(background, brand, worker)
    clock.forward(timedelta(days=1))
    resolved(background, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        since = app_now(tx) - timedelta(hours=1)
    assert fcr(db, brand, since=since) == Measure(early_good=1, early_total=1)


# Ratings


def test_four_and_five_stars_are_good(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    for stars in (1, 3, 4, 5, 5):
        with background.transaction() as tx:
            ticket = a_resolved_ticket(tx, brand, worker)
            rate_ticket(tx, brand=brand, ticket=ticket, stars=stars, now=app_now(tx))
    resolved(background, brand, worker)  # not rated: no opinion
    with db.transaction(as_brand(brand)) as tx:
        now = app_now(tx)
        assert RECORDS.csat(tx, brand=brand, since=now - WEEK, now=now) == Measure(good=3, total=5)
        later = RECORDS.csat(tx, brand=brand, since=now + timedelta(seconds=1), now=now)
        assert later == Measure()


def test_a_rating_is_said_once_and_the_same_again_is_the_same(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = resolved(background, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        first, made = rate_ticket(
            tx,
            brand=brand,
            ticket=ticket,
            stars=2,
            reason=RatingReason.TONE,
            comment=" Curt. ",
            now=app_now(tx),
        )
    with db.transaction(as_brand(brand)) as tx:
        again, made_again = rate_ticket(
            tx,
            brand=brand,
            ticket=ticket,
            stars=2,
            reason=RatingReason.TONE,
            comment="Curt.",
            now=app_now(tx),
        )
    assert (made, made_again, again.id) == (True, False, first.id)
    with db.transaction(as_brand(brand)) as tx, pytest.raises(RatedBefore):
        rate_ticket(tx, brand=brand, ticket=ticket, stars=3, now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        kept = ratings_of_ticket(tx, brand=brand, ticket=ticket)
    assert [(one.stars, one.comment) for one in kept] == [(2, "Curt.")]


def test_a_ticket_resolved_anew_is_rated_anew(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:

    ticket = resolved(background, brand, worker)
    with background.transaction() as tx:
        rate_ticket(tx, brand=brand, ticket=ticket, stars=2, now=app_now(tx))
        customer_writes(tx, brand=brand, ticket=ticket, text="No.", external_id=None, now=app_now(tx))
    with background.transaction() as tx, pytest.raises(NothingToRate):
        rate_ticket(tx, brand=brand, ticket=ticket, stars=5, now=app_now(tx))
    with background.transaction() as tx:
        send_reply(tx, ticket=ticket, worker=worker, number=2, body="Mended.", now=app_now(tx))
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        rate_ticket(tx, brand=brand, ticket=ticket, stars=5, now=app_now(tx))
        assert [one.stars for one in ratings_of_ticket(tx, brand=brand, ticket=ticket)] == [2, 5]


@pytest.mark.parametrize(
    ("stars", "reason", "comment"),
    [
        (0, None, ""),
        (6, None, ""),
        (5, RatingReason.TONE, ""),
        (3, None, "x" * 2_001),
        (3, None, "nul \x00"),
    ],
)
def test_what_is_no_rating_is_refused(
    background: Database,
    brand: BrandId,
    worker: WorkerId,
    stars: int,
    reason: RatingReason | None,
    comment: str,
) -> None:
    ticket = resolved(background, brand, worker)
    with background.transaction() as tx, pytest.raises(BadRating):
        rate_ticket(
            tx, brand=brand, ticket=ticket, stars=stars, reason=reason, comment=comment, now=app_now(tx)
        )


# Accuracy


def test_the_brands_own_decisions_count_and_its_silence_does_not(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        for good in (True, True, False):
            a_decided_escalation(tx, brand, worker, good=good)
        a_decided_escalation(tx, brand, worker, good=True, by="silence")
        an_escalated_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        now = app_now(tx)
        assert RECORDS.accuracy(tx, brand=brand, since=now - WEEK, now=now) == Measure(good=2, total=3)


def test_replies_that_people_approved_or_gave_back_count_and_those_that_time_sent_do_not(
    db: Database, background: Database, brand: BrandId, clock: Clock
) -> None:
    with background.transaction() as tx:
        set_probation(
            tx,
            brand=brand,
            replies=50,
            limit_minutes=60,
            after_limit=AfterLimit.SEND,
            accuracy_basis_points=0,
            by=a_member(tx, brand),
        )
        worker = a_worker(tx, email_cap=50)
        for _ in range(6):
            an_answered_ticket(tx, brand, worker)
    with background.transaction() as tx:
        asked = tx.scalars(select(ReplyReview.id).where(ReplyReview.brand_id == brand)).all()
        for review in asked[:2]:
            approve_reply(tx, brand=brand, review=review, by="Mo", now=app_now(tx), grounds=Ground())
        brands_own = (
            "UPDATE reply SET as_shown = true WHERE id = (SELECT reply_id FROM reply_review WHERE id = :id)"
        )
        tx.execute(text(brands_own), {"id": asked[3]})
        for review in asked[2:4]:
            return_reply(
                tx, brand=brand, review=review, reason=ReviewReason.WRONG, note="", by="Mo", now=app_now(tx)
            )
    clock.forward(timedelta(minutes=61))
    decide_overdue_reviews(background, Ground())
    with db.transaction(as_brand(brand)) as tx:
        now = app_now(tx)
        assert RECORDS.accuracy(tx, brand=brand, since=now - WEEK, now=now) == Measure(good=2, total=3)
        assert RECORDS.accuracy(tx, brand=brand, since=now, now=now) == Measure()
