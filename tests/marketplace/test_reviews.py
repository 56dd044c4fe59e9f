"""Replies that wait for approval: sent or given back, once, whoever comes at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, ReviewId, TicketId, WorkerId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import (
    ClaimEnd,
    Message,
    PoolState,
    PoolTicket,
    Reply,
    ReplyState,
    ResolvedBy,
    Ticket,
    TicketState,
    WorkerDraft,
)
from marketplace.tickets.pool import (
    ReplyInReview,
    StaleClaim,
    back_to_pool,
    claim_ticket,
    expire_leases,
    mark_done,
)
from marketplace.tickets.probation import set_probation, standing_of
from marketplace.tickets.replies import ApiFeed, customer_writes, deliver_queued, send_reply
from marketplace.tickets.reply_models import AfterLimit, ReplyReview, ReviewReason, ReviewState
from marketplace.tickets.reviews import (
    BadReviewNote,
    Change,
    Changes,
    GroundsChanged,
    NothingChanged,
    ReviewDecided,
    ReviewNotFound,
    approve_reply,
    decide_overdue_reviews,
    return_outdated,
    return_reply,
)
from tests.builders import Clock, a_brand, a_member, a_worker, an_open_ticket, answer, as_brand, as_worker
from tests.fakes import Ground

CHANGED = Ground(
    Changes(mark="m1", changes=(Change(title="Shipping", what="The article says something else now."),))
)
ASKED = "I ordered a kettle last week and have heard nothing since. Where is it?"
TEXT = "It left Memphis today."
LIMIT = timedelta(minutes=61)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx, email_cap=1)


def probation(
    background: Database, brand: BrandId, *, after: AfterLimit = AfterLimit.SEND, replies: int = 2
) -> None:
    with background.transaction() as tx:
        set_probation(
            tx,
            brand=brand,
            replies=replies,
            limit_minutes=60,
            after_limit=after,
            accuracy_basis_points=0,
            by=a_member(tx, brand),
        )


def answered(background: Database, brand: BrandId, worker: WorkerId, body: str = TEXT) -> TicketId:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        answer(tx, ticket, worker, body=body)
        return ticket


def send(db: Database, ticket: TicketId, worker: WorkerId, number: int, body: str = TEXT) -> ReplyState:
    with db.transaction(as_worker(worker)) as tx:
        return send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx)).state


def the_review(background: Database, ticket: TicketId) -> ReplyReview:
    with background.transaction() as tx:
        newest = select(ReplyReview).where(ReplyReview.ticket_id == ticket).order_by(ReplyReview.id.desc())
        return tx.scalars(newest.limit(1)).one()


def thread(background: Database, ticket: TicketId) -> list[str]:
    with background.transaction() as tx:
        return list(tx.scalars(select(Message.body).where(Message.ticket_id == ticket).order_by(Message.id)))


def draft(db: Database, brand: BrandId, ticket: TicketId, worker: WorkerId) -> str:
    with db.transaction(as_worker(worker)) as tx:
        kept = tx.get(WorkerDraft, (brand, ticket, worker))
        return kept.body if kept else ""


def pool_row(background: Database, ticket: TicketId) -> PoolTicket:
    with background.transaction() as tx:
        return tx.get_one(PoolTicket, ticket)


def sweep(background: Database) -> int:
    return decide_overdue_reviews(background, Ground())


def approve(
    db: Database, brand: BrandId, review: ReviewId, *, grounds: Ground | None = None, read: str = ""
) -> ReplyReview:
    with db.transaction(as_brand(brand)) as tx:
        return approve_reply(
            tx, brand=brand, review=review, by="Mo", now=app_now(tx), grounds=grounds or Ground(), read=read
        )


def give_back(
    db: Database, brand: BrandId, review: ReviewId, reason: ReviewReason = ReviewReason.WRONG
) -> ReplyReview:
    with db.transaction(as_brand(brand)) as tx:
        return return_reply(
            tx, brand=brand, review=review, reason=reason, note="It left Monday.", by="Mo", now=app_now(tx)
        )


# Waiting


def test_without_a_rule_replies_leave_at_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = answered(background, brand, worker)
    assert pool_row(background, ticket).state is PoolState.ANSWERED
    with background.transaction() as tx:
        assert tx.scalars(select(ReplyReview)).all() == []


def test_on_probation_a_reply_waits_unsent_while_the_claim_stays_and_takes_no_room(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    review = the_review(background, ticket)
    assert (review.state, review.decide_by - review.asked_at) == (ReviewState.WAITING, timedelta(hours=1))
    row = pool_row(background, ticket)
    assert (row.state, row.worker_id, row.lease_ends_at) == (PoolState.IN_REVIEW, worker, None)
    assert len(thread(background, ticket)) == 1
    with background.transaction() as tx:
        assert tx.get_one(Ticket, (brand, ticket)).state is TicketState.CLAIMED
        assert deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx)) == 0
    clock.forward(timedelta(minutes=30))
    with background.transaction() as tx:
        assert expire_leases(tx, now=app_now(tx)) == 0
        another = an_open_ticket(tx, brand)
    with db.transaction() as tx:
        claim_ticket(tx, ticket=another, worker=worker)


def test_while_a_reply_waits_its_worker_writes_nothing_more(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    with pytest.raises(ReplyInReview):
        send(db, ticket, worker, 1, "Another one.")
    with db.transaction(as_worker(worker)) as tx, pytest.raises(ReplyInReview):
        mark_done(tx, ticket=ticket, worker=worker, number=1, now=app_now(tx))
    with pytest.raises(StaleClaim):
        send(db, ticket, worker, 7, "With an old number.")


# Decided


def test_an_approved_reply_leaves_as_any_other(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    decided = approve(db, brand, the_review(background, ticket).id)
    assert (decided.state, decided.decided_by) == (ReviewState.APPROVED, "Mo")
    assert thread(background, ticket)[-1] == TEXT
    assert pool_row(background, ticket).state is PoolState.ANSWERED
    with background.transaction() as tx:
        row = tx.get_one(Ticket, (brand, ticket))
        assert row.state is TicketState.ANSWERED
        assert row.silence_ends_at is not None
        assert deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx)) == 1
    with db.transaction(as_brand(brand)) as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))


def test_a_returned_reply_is_its_workers_draft_with_the_reason_and_a_running_clock(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    give_back(db, brand, the_review(background, ticket).id)
    review = the_review(background, ticket)
    assert (review.state, review.reason, review.note) == (
        ReviewState.REJECTED,
        ReviewReason.WRONG,
        "It left Monday.",
    )
    assert draft(db, brand, ticket, worker) == TEXT
    assert len(thread(background, ticket)) == 1
    row = pool_row(background, ticket)
    assert row.state is PoolState.CLAIMED
    with background.transaction() as tx:
        assert row.lease_ends_at is not None
        assert timedelta(minutes=59) < row.lease_ends_at - app_now(tx) <= timedelta(minutes=60)
        assert tx.scalars(select(Reply.state)).all() == [ReplyState.RECALLED]
    assert send(db, ticket, worker, 1, "It left Monday.") is ReplyState.AWAITING_APPROVAL
    approve(db, brand, the_review(background, ticket).id)
    assert thread(background, ticket)[-1] == "It left Monday."
    assert draft(db, brand, ticket, worker) == ""


def test_approvals_lift_probation_and_the_next_reply_leaves_at_once(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand, replies=2)
    for _ in range(2):
        approve(db, brand, the_review(background, answered(background, brand, worker)).id)
    ticket = answered(background, brand, worker)
    assert pool_row(background, ticket).state is PoolState.ANSWERED
    with background.transaction() as tx:
        assert tx.scalar(text("SELECT count(*) FROM event WHERE kind = 'probation_lifted'")) == 1


def test_a_returned_reply_earns_nobody_anything(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    give_back(db, brand, the_review(background, ticket).id)
    clock.forward(timedelta(minutes=61))
    with background.transaction() as tx:
        assert expire_leases(tx, now=app_now(tx)) == 1
        second = a_worker(tx)
    with db.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=second).number
    send(db, ticket, second, number, "It left Monday.")
    approve(db, brand, the_review(background, ticket).id)
    with db.transaction(as_brand(brand)) as tx:
        resolved = resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    assert [share["worker"] for share in resolved.credits] == [str(second)]
    assert draft(db, brand, ticket, worker) == TEXT


@pytest.mark.parametrize("note", ["", "  ", "x" * 2_001, "a\x00b"])
def test_something_else_must_say_what_within_the_limit(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, note: str
) -> None:
    probation(background, brand)
    review = the_review(background, answered(background, brand, worker)).id
    with db.transaction(as_brand(brand)) as tx, pytest.raises(BadReviewNote):
        return_reply(
            tx, brand=brand, review=review, reason=ReviewReason.OTHER, note=note, by="Mo", now=app_now(tx)
        )


def test_another_brand_cannot_decide(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    review = the_review(background, answered(background, brand, worker)).id
    with background.transaction() as tx:
        other = a_brand(tx)
    with pytest.raises(ReviewNotFound):
        approve(db, other, review)
    with pytest.raises(ReviewNotFound):
        give_back(db, other, review)


def test_a_decided_review_is_decided(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    review = the_review(background, ticket).id
    approve(db, brand, review)
    for again in (approve, give_back):
        with pytest.raises(ReviewDecided):
            again(db, brand, review)
    with background.transaction() as tx, pytest.raises(IntegrityError):
        tx.execute(text("UPDATE reply_review SET state = 'rejected', reason = 'wrong'"))


# Time


def test_after_its_time_limit_a_reply_leaves_and_silence_counts_as_approval(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand, after=AfterLimit.SEND)
    ticket = answered(background, brand, worker)
    assert sweep(background) == 0
    clock.forward(LIMIT)
    assert (sweep(background), sweep(background)) == (1, 0)
    assert the_review(background, ticket).state is ReviewState.TIMED_OUT_SENT
    assert thread(background, ticket)[-1] == TEXT
    with background.transaction() as tx:
        standing = standing_of(tx, brand=brand, worker=worker)
        assert standing is not None
        assert (standing.approved, standing.rejected) == (1, 0)


def test_after_its_time_limit_a_reply_comes_back_where_the_brand_wants_it_so(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand, after=AfterLimit.RETURN)
    ticket = answered(background, brand, worker)
    clock.forward(LIMIT)
    assert sweep(background) == 1
    assert the_review(background, ticket).state is ReviewState.TIMED_OUT_RETURNED
    assert draft(db, brand, ticket, worker) == TEXT
    assert pool_row(background, ticket).state is PoolState.CLAIMED
    with background.transaction() as tx:
        assert standing_of(tx, brand=brand, worker=worker) is None


# What comes between


def test_a_message_of_the_customer_gives_the_waiting_reply_back(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="Never mind!", external_id=None, now=app_now(tx))
    assert the_review(background, ticket).state is ReviewState.OVERTAKEN
    row = pool_row(background, ticket)
    assert (row.state, row.worker_id) == (PoolState.CLAIMED, worker)
    assert draft(db, brand, ticket, worker) == TEXT


def test_a_message_while_the_worker_is_away_hands_the_ticket_over_and_keeps_his_text(
    db: Database, background: Database, clock: Clock, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    clock.forward(timedelta(minutes=30))
    with db.transaction(as_brand(brand)) as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="Never mind!", external_id=None, now=app_now(tx))
    assert the_review(background, ticket).state is ReviewState.OVERTAKEN
    assert pool_row(background, ticket).state is PoolState.OPEN
    assert draft(db, brand, ticket, worker) == TEXT


def test_however_else_the_claim_ends_the_review_is_called_off_and_the_text_is_kept(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    back, gone = (answered(background, brand, worker) for _ in range(2))
    with background.transaction() as tx:
        back_to_pool(tx, tx.get_one(PoolTicket, back), end=ClaimEnd.SUSPENDED, now=app_now(tx))
        tx.delete(tx.get_one(PoolTicket, gone))
    for ticket in (back, gone):
        assert the_review(background, ticket).state is ReviewState.CALLED_OFF
        assert draft(db, brand, ticket, worker) == TEXT
    with background.transaction() as tx:
        assert set(tx.scalars(select(Reply.state))) == {ReplyState.RECALLED}


# What the database refuses


def test_no_unapproved_reply_can_be_queued_or_sent(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    with background.transaction() as tx:
        message = tx.scalars(select(Message.id).where(Message.ticket_id == ticket)).one()
    for state in ("queued", "sent"):
        with background.transaction() as tx, pytest.raises(IntegrityError):
            tx.execute(
                text("UPDATE reply SET state = :state, message_id = :message, sent_at = now()"),
                {"state": state, "message": message},
            )


def test_a_worker_cannot_decide_on_his_own_reply(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    with db.transaction(as_worker(worker)) as tx:
        tx.execute(
            text("UPDATE reply_review SET state = 'approved', decided_at = now() WHERE ticket_id = :t"),
            {"t": ticket},
        )
        tx.execute(text("UPDATE worker_standing SET lifted_at = now()"))
    assert the_review(background, ticket).state is ReviewState.WAITING


# Races


def _at_once(acts: list[Callable[[], object]]) -> list[str]:
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        start.wait()
        try:
            act()
        except AppError as refusal:
            return type(refusal).__name__
        return "done"

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


@pytest.mark.parametrize("after", list(AfterLimit))
@pytest.mark.parametrize("attempt", range(4))
def test_all_who_come_at_once_make_one_outcome(
    db: Database,
    background: Database,
    clock: Clock,
    brand: BrandId,
    worker: WorkerId,
    after: AfterLimit,
    attempt: int,
) -> None:
    probation(background, brand, after=after)
    ticket = answered(background, brand, worker)
    review = the_review(background, ticket).id
    clock.forward(LIMIT)

    def take_back() -> None:
        with background.transaction() as tx:
            row = tx.get_one(PoolTicket, ticket, with_for_update={"key_share": True})
            back_to_pool(tx, row, end=ClaimEnd.TAKEN_BACK, now=app_now(tx))

    def write() -> None:
        with db.transaction(as_brand(brand)) as tx:
            customer_writes(tx, brand=brand, ticket=ticket, text="Well?", external_id="m", now=app_now(tx))

    acts: list[Callable[[], object]] = [
        lambda: approve(db, brand, review),
        lambda: give_back(db, brand, review),
        lambda: sweep(background),
        take_back,
        write,
    ]
    told = _at_once(acts[attempt:] + acts[:attempt])
    assert set(told) <= {"done", "ReviewDecided"}, told

    decided = the_review(background, ticket)
    assert decided.state is not ReviewState.WAITING
    left = decided.state in (ReviewState.APPROVED, ReviewState.TIMED_OUT_SENT)
    with background.transaction() as tx:
        reply = tx.scalars(select(Reply)).one()
        standing = standing_of(tx, brand=brand, worker=worker)
    assert (reply.state is ReplyState.QUEUED, reply.message_id is not None) == (left, left)
    assert (thread(background, ticket).count(TEXT) == 1) == left
    assert (draft(db, brand, ticket, worker) == TEXT) == (not left)
    assert "Well?" in thread(background, ticket)
    counted = (standing.approved, standing.rejected) if standing else (0, 0)
    assert counted == (int(left), int(decided.state is ReviewState.REJECTED))
    assert pool_row(background, ticket).state in (PoolState.OPEN, PoolState.CLAIMED)


# What the reply rests on changed


def test_a_changed_reply_leaves_only_when_somebody_has_read_that_very_change(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    review = the_review(background, ticket).id
    for read in ("", "m0"):
        with pytest.raises(GroundsChanged):
            approve(db, brand, review, grounds=CHANGED, read=read)
    assert thread(background, ticket) == [ASKED]
    approve(db, brand, review, grounds=CHANGED, read="m1")
    decided = the_review(background, ticket)
    assert (decided.state, decided.decided_by) == (ReviewState.APPROVED, "Mo")
    assert decided.changes_read == [{"title": "Shipping", "what": "The article says something else now."}]
    assert thread(background, ticket)[-1] == TEXT


def test_what_changed_may_go_back_to_its_worker_and_counts_against_nobody(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    ticket = answered(background, brand, worker)
    review = the_review(background, ticket).id
    with pytest.raises(NothingChanged), db.transaction(as_brand(brand)) as tx:
        return_outdated(tx, brand=brand, review=review, by="Mo", now=app_now(tx), grounds=Ground())
    with db.transaction(as_brand(brand)) as tx:
        return_outdated(tx, brand=brand, review=review, by="Mo", now=app_now(tx), grounds=CHANGED)
    assert the_review(background, ticket).state is ReviewState.OUTDATED
    assert draft(db, brand, ticket, worker) == TEXT
    assert pool_row(background, ticket).state is PoolState.CLAIMED
    with background.transaction() as tx:
        assert standing_of(tx, brand=brand, worker=worker) is None


@pytest.mark.parametrize("after", list(AfterLimit))
def test_time_sends_no_changed_reply(
    background: Database, brand: BrandId, worker: WorkerId, clock: Clock, after: AfterLimit
) -> None:
    probation(background, brand, after=after)
    ticket = answered(background, brand, worker)
    clock.forward(LIMIT)
    assert decide_overdue_reviews(background, CHANGED) == 1
    decided = the_review(background, ticket)
    assert (decided.state, decided.decided_by) == (ReviewState.OUTDATED, "the time limit")
    assert thread(background, ticket) == [ASKED]


def test_the_database_keeps_read_changes_with_an_approval_only(
    background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    answered(background, brand, worker)
    with pytest.raises(IntegrityError), background.transaction() as tx:
        tx.execute(text("UPDATE reply_review SET changes_read = '[]'"))


def test_a_refusal_of_the_brands_own_answer_is_not_counted(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    probation(background, brand)
    own, edited = answered(background, brand, worker), answered(background, brand, worker)
    with background.transaction() as tx:
        tx.execute(text("UPDATE reply SET as_shown = true WHERE ticket_id = :own"), {"own": own})
    give_back(db, brand, the_review(background, own).id)
    with background.transaction() as tx:
        assert standing_of(tx, brand=brand, worker=worker) is None
    give_back(db, brand, the_review(background, edited).id)
    with background.transaction() as tx:
        standing = standing_of(tx, brand=brand, worker=worker)
        assert standing is not None
        assert (standing.approved, standing.rejected) == (0, 1)
