"""A brand takes tickets back and withdraws them: who is paid, what returns, and that a race ends in one way."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, text

from billing import earnings
from billing.accounts import pending, platform_fee, reserved, wallet
from billing.models import Earning, EarningKind, EarningState, LedgerTxn
from marketplace.events.facts import TicketTakenBack, TicketWithdrawn, kind_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Tx
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets import recalls
from marketplace.tickets.endings import confirm_escalation, escalate_ticket, resolve_ticket
from marketplace.tickets.models import (
    Claim,
    ClaimEnd,
    Escalation,
    EscalationReason,
    EscalationState,
    PoolState,
    PoolTicket,
    ReleaseReason,
    Reply,
    ReplyState,
    ResolvedBy,
    Ticket,
    TicketState,
    WorkerDraft,
)
from marketplace.tickets.pool import claim_ticket, expire_leases, release_ticket, save_draft
from marketplace.tickets.posting import TicketNotFound, hold_back, post_ticket
from marketplace.tickets.recall_models import Recall, RecallKind, RecallPay
from marketplace.tickets.replies import customer_writes, send_reply
from tests.billing.paying import assert_proven, standing
from tests.builders import (
    Clock,
    a_brand,
    a_new_ticket,
    a_worker,
    an_answered_ticket,
    an_open_ticket,
    answer,
    as_brand,
    as_worker,
    begin_probation,
    usd,
)
from workers_ui.bootstrap import same_transaction_bus

PRICE, PAY, FEE_SHARE, ESCALATION_FEE = usd(250), usd(200), usd(50), usd(60)
PLATFORM_OF_FEE = usd(12)
FUNDS = usd(10_000)
ROUNDS = 12

Act = Callable[[Tx], object]


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        noise = a_brand(tx, name="Noise & Sons")
        an_answered_ticket(tx, noise, a_worker(tx))
        return a_brand(tx)


@pytest.fixture
def worker(background: Database) -> WorkerId:
    with background.transaction() as tx:
        return a_worker(tx, email_cap=100)


@pytest.fixture
def other(database_url: str) -> Iterator[Database]:
    """A second process."""
    database = Database(
        database_url, role=Role.BACKGROUND, connections=2, shared={"bus": same_transaction_bus()}
    )
    yield database
    database.dispose()


def take_back(tx: Tx, brand: BrandId, ticket: TicketId, *, reason: str = "We answer it.") -> Recall:
    return recalls.take_back(tx, brand=brand, ticket=ticket, reason=reason, by="Mo", now=app_now(tx))


def withdraw(tx: Tx, brand: BrandId, ticket: TicketId, *, reason: str = "Spam.") -> Recall:
    return recalls.withdraw(tx, brand=brand, ticket=ticket, reason=reason, by="Mo", now=app_now(tx))


Recalls = Callable[[Tx, BrandId, TicketId], Recall]
BOTH = pytest.mark.parametrize(
    ("recall", "left"),
    [(take_back, TicketState.HELD_BACK), (withdraw, TicketState.WITHDRAWN)],
    ids=["take back", "withdraw"],
)


def state(database: Database, brand: BrandId, ticket: TicketId) -> TicketState:
    with database.transaction() as tx:
        return tx.get_one(Ticket, (brand, ticket)).state


def earned(database: Database, brand: BrandId) -> dict[WorkerId, int]:
    with database.transaction() as tx:
        rows = tx.execute(
            select(Earning.worker_id, func.sum(Earning.amount_minor))
            .where(Earning.brand_id == brand, Earning.state != EarningState.REVERSED)
            .group_by(Earning.worker_id)
        )
        return {worker: int(amount) for worker, amount in rows}


def money(database: Database, brand: BrandId) -> dict[str, int]:
    with database.transaction() as tx:
        return {
            "wallet": standing(tx, wallet(brand)).amount_minor,
            "reserved": standing(tx, reserved(brand)).amount_minor,
            "fee": standing(tx, platform_fee(brand)).amount_minor,
        }


def claimed(database: Database, brand: BrandId, worker: WorkerId) -> tuple[TicketId, int]:
    with database.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        return ticket, claim_ticket(tx, ticket=ticket, worker=worker).number


@BOTH
def test_an_unclaimed_ticket_gives_its_whole_reservation_back(
    db: Database, background: Database, brand: BrandId, recall: Recalls, left: TicketState
) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
    with db.transaction(as_brand(brand)) as tx:
        made = recall(tx, brand, ticket)

    assert made.pays is RecallPay.NOTHING
    assert state(background, brand, ticket) is left
    assert money(background, brand) == {"wallet": FUNDS.amount_minor, "reserved": 0, "fee": 0}
    assert earned(background, brand) == {}
    with background.transaction() as tx:
        assert tx.get(PoolTicket, ticket) is None
        assert tx.scalar(select(LedgerTxn.key).where(LedgerTxn.kind == "release")) == f"release:{ticket}:1"
    assert_proven(background)


@BOTH
def test_a_claimant_without_a_reply_earns_the_escalation_fee(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, recall: Recalls, left: TicketState
) -> None:
    ticket, number = claimed(background, brand, worker)
    with db.transaction(as_worker(worker)) as tx:
        save_draft(tx, ticket=ticket, worker=worker, number=number, body="Half a thought", now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        made = recall(tx, brand, ticket)

    assert made.pays is RecallPay.ESCALATION_FEE
    assert state(background, brand, ticket) is left
    spent = ESCALATION_FEE + PLATFORM_OF_FEE
    assert money(background, brand) == {
        "wallet": (FUNDS - spent).amount_minor,
        "reserved": 0,
        "fee": PLATFORM_OF_FEE.amount_minor,
    }
    assert earned(background, brand) == {worker: ESCALATION_FEE.amount_minor}
    with db.transaction(as_worker(worker)) as tx:
        ended = tx.scalars(select(Claim).where(Claim.ticket_id == ticket)).one()
        assert (ended.end_reason, ended.ended_at is not None) == (ClaimEnd.TAKEN_BACK, True)
        assert tx.get_one(WorkerDraft, (brand, ticket, worker)).body == "Half a thought"
        earning = tx.scalars(select(Earning).where(Earning.worker_id == worker)).one()
        assert (earning.kind, earning.state) == (EarningKind.RECALL, EarningState.IN_WINDOW)
        told = tx.execute(
            text("SELECT body->>'pays' FROM event WHERE kind = ANY(:kinds)"),
            {"kinds": [kind_of(TicketTakenBack), kind_of(TicketWithdrawn)]},
        ).scalar_one()
        assert told == "escalation_fee"
    assert_proven(background)


@BOTH
def test_after_a_reply_the_full_price_is_paid(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, recall: Recalls, left: TicketState
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        assert recall(tx, brand, ticket).pays is RecallPay.FULL_PRICE

    assert state(background, brand, ticket) is left
    assert money(background, brand) == {
        "wallet": (FUNDS - PRICE).amount_minor,
        "reserved": 0,
        "fee": FEE_SHARE.amount_minor,
    }
    assert earned(background, brand) == {worker: PAY.amount_minor}
    assert_proven(background)


def test_two_who_replied_share_by_largest_remainder(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        first = a_worker(tx, name="First")
        ticket = an_answered_ticket(tx, brand, first)
    Clock(database=background).forward(timedelta(minutes=11))  # the first is not around any more
    with background.transaction() as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="And now?", external_id=None, now=app_now(tx))
        assert tx.get_one(PoolTicket, ticket).state is PoolState.OPEN
    with background.transaction() as tx:
        answer(tx, ticket, worker)
    with db.transaction(as_brand(brand)) as tx:
        take_back(tx, brand, ticket)
    assert earned(background, brand) == {worker: 140, first: 60}
    assert_proven(background)


def test_who_replied_is_paid_although_nobody_holds_the_ticket_now(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    Clock(database=background).forward(timedelta(minutes=11))
    with background.transaction() as tx:
        customer_writes(tx, brand=brand, ticket=ticket, text="And now?", external_id=None, now=app_now(tx))
    with db.transaction(as_brand(brand)) as tx:
        assert withdraw(tx, brand, ticket).pays is RecallPay.FULL_PRICE
    assert earned(background, brand) == {worker: PAY.amount_minor}


def test_a_lease_that_has_run_out_earns_nothing(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket, _ = claimed(background, brand, worker)
    Clock(database=background).forward(timedelta(hours=2))
    with db.transaction(as_brand(brand)) as tx:
        assert take_back(tx, brand, ticket).pays is RecallPay.NOTHING
    with background.transaction() as tx:
        assert tx.scalars(select(Claim.end_reason)).all()[-1] is ClaimEnd.EXPIRED
    assert earned(background, brand) == {}
    assert money(background, brand)["reserved"] == 0


def test_a_ticket_given_back_earns_nothing(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket, number = claimed(background, brand, worker)
    with background.transaction() as tx:
        release_ticket(
            tx, ticket=ticket, worker=worker, number=number, reason=ReleaseReason.NO_TIME, now=app_now(tx)
        )
    with db.transaction(as_brand(brand)) as tx:
        assert take_back(tx, brand, ticket).pays is RecallPay.NOTHING


def escalated(database: Database, brand: BrandId, worker: WorkerId) -> TicketId:
    ticket, number = claimed(database, brand, worker)
    with database.transaction() as tx:
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.SENSITIVE,
            note="",
            now=app_now(tx),
        )
    return ticket


def test_taking_an_escalated_ticket_back_agrees_with_the_worker(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = escalated(background, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        assert take_back(tx, brand, ticket).pays is RecallPay.ESCALATION_FEE
    with background.transaction() as tx:
        decided = tx.scalars(select(Escalation).where(Escalation.ticket_id == ticket)).one()
        assert (decided.state, decided.decided_by) == (EscalationState.CONFIRMED, "Mo")
    assert earned(background, brand) == {worker: ESCALATION_FEE.amount_minor}
    assert money(background, brand)["reserved"] == 0
    assert_proven(background)


def test_an_escalation_that_was_decided_is_not_paid_again(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    ticket = escalated(background, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        confirm_escalation(tx, brand=brand, ticket=ticket, by="Mo", now=app_now(tx))
    before = money(background, brand)
    with db.transaction(as_brand(brand)) as tx:
        assert withdraw(tx, brand, ticket).pays is RecallPay.NOTHING
    assert money(background, brand) == before
    assert earned(background, brand) == {worker: ESCALATION_FEE.amount_minor}


def test_a_reply_that_waits_for_approval_never_leaves_and_earns_the_fee(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        begin_probation(tx, brand)
        ticket = an_answered_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        assert take_back(tx, brand, ticket).pays is RecallPay.ESCALATION_FEE
    with background.transaction() as tx:
        assert tx.scalars(select(Reply.state).where(Reply.ticket_id == ticket)).one() is ReplyState.RECALLED


def test_a_ticket_without_money_behind_it_moves_none(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        poor = a_brand(tx, name="Poor", funds=usd(0))
        waiting = an_open_ticket(tx, poor)
        screening, _ = post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
        kept, _ = post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
        hold_back(tx, brand=brand, ticket=kept.id, reason="not in the pool")
    assert state(background, poor, waiting) is TicketState.AWAITING_FUNDS
    with db.transaction(as_brand(poor)) as tx:
        assert take_back(tx, poor, waiting).pays is RecallPay.NOTHING
    with db.transaction(as_brand(brand)) as tx:
        assert withdraw(tx, brand, screening.id).pays is RecallPay.NOTHING
        assert withdraw(tx, brand, kept.id).pays is RecallPay.NOTHING
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).where(LedgerTxn.kind.in_(["recall", "release"]))) == 0


@BOTH
def test_once_more_is_the_same_recall(
    db: Database, background: Database, brand: BrandId, worker: WorkerId, recall: Recalls, left: TicketState
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    made = set()
    for _ in range(2):
        with db.transaction(as_brand(brand)) as tx:
            made.add(recall(tx, brand, ticket).id)
    assert len(made) == 1
    assert earned(background, brand) == {worker: PAY.amount_minor}


def test_a_ticket_taken_back_can_be_withdrawn_and_pays_no_second_time(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        take_back(tx, brand, ticket)
    with db.transaction(as_brand(brand)) as tx:
        again = withdraw(tx, brand, ticket)
    assert (again.kind, again.number, again.pays) == (RecallKind.WITHDRAWAL, 2, RecallPay.NOTHING)
    with db.transaction(as_brand(brand)) as tx, pytest.raises(recalls.TicketIsOver):
        take_back(tx, brand, ticket)
    assert earned(background, brand) == {worker: PAY.amount_minor}
    assert_proven(background)


def test_what_is_over_or_kept_or_foreign_is_not_recalled(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        over = an_answered_ticket(tx, brand, worker)
        resolve_ticket(tx, brand=brand, ticket=over, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        kept, _ = post_ticket(tx, brand=brand, ticket=a_new_ticket(), now=app_now(tx))
        hold_back(tx, brand=brand, ticket=kept.id, reason="not in the pool")
        foreign = an_open_ticket(tx, a_brand(tx, name="Somebody Else"))
    refusals: list[tuple[Recalls, TicketId, type[AppError]]] = [
        (take_back, over, recalls.TicketIsOver),
        (withdraw, over, recalls.TicketIsOver),
        (take_back, kept.id, recalls.KeptAlready),
        (take_back, foreign, TicketNotFound),
        (withdraw, foreign, TicketNotFound),
    ]
    for recall, ticket, refusal in refusals:
        with db.transaction(as_brand(brand)) as tx, pytest.raises(refusal):
            recall(tx, brand, ticket)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 301, "a\x00b"])
def test_a_recall_needs_a_reason(background: Database, brand: BrandId, reason: str) -> None:
    with background.transaction() as tx:
        ticket = an_open_ticket(tx, brand)
        with pytest.raises(recalls.ReasonNeeded):
            take_back(tx, brand, ticket, reason=reason)


def test_recall_pay_matures_like_any_other(
    db: Database, background: Database, brand: BrandId, worker: WorkerId
) -> None:
    with background.transaction() as tx:
        ticket = an_answered_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        take_back(tx, brand, ticket)
    Clock(database=background).forward(timedelta(hours=73))
    with background.transaction() as tx:
        assert earnings.mature(tx, now=app_now(tx)) >= 1
    with background.transaction() as tx:
        states = tx.scalars(select(Earning.state).where(Earning.brand_id == brand)).all()
        assert states == [EarningState.PAYABLE]
        assert standing(tx, pending(brand, worker)) == usd(0)


# Races


def race(first: Database, second: Database, one: Act, other: Act) -> list[object]:
    """Both at once from two processes; a refusal is an answer too."""
    start = Barrier(2)

    def run(database: Database, act: Act) -> object:
        start.wait()
        try:
            with database.transaction() as tx:
                return act(tx)
        except AppError as refusal:
            return refusal

    with ThreadPoolExecutor(2) as pool:
        return [done.result() for done in [pool.submit(run, first, one), pool.submit(run, second, other)]]


def assert_legal(database: Database, brand: BrandId, ticket: TicketId) -> TicketState:
    """One state, at most one accrual, no live claim on what is over, nothing left reserved for it."""
    with database.transaction() as tx:
        row = tx.get_one(Ticket, (brand, ticket))
        in_pool = tx.get(PoolTicket, ticket)
        live = tx.scalar(select(func.count()).where(Claim.ticket_id == ticket, Claim.ended_at.is_(None)))
        accruals = tx.scalar(
            select(func.count()).where(
                LedgerTxn.ticket_id == ticket, LedgerTxn.kind.in_(["accrue", "recall", "escalate"])
            )
        )
        left = standing(tx, reserved(brand)).amount_minor
    over = row.state in (TicketState.HELD_BACK, TicketState.WITHDRAWN, TicketState.RESOLVED)
    assert over, row.state
    assert (in_pool, live) == (None, 0)
    assert accruals is not None
    assert accruals <= 1
    assert left == 0
    assert_proven(database)
    return row.state


def rival(name: str, brand: BrandId, ticket: TicketId, worker: WorkerId, number: int) -> Act:
    acts: dict[str, Act] = {
        "reply": lambda tx: send_reply(
            tx, ticket=ticket, worker=worker, number=number, body="On its way.", now=app_now(tx)
        ),
        "resolve": lambda tx: resolve_ticket(
            tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx)
        ),
        "claim": lambda tx: claim_ticket(tx, ticket=ticket, worker=worker),
        "expire": lambda tx: expire_leases(tx, now=app_now(tx)),
        "customer": lambda tx: customer_writes(
            tx, brand=brand, ticket=ticket, text="And?", external_id=None, now=app_now(tx)
        ),
        "escalate": lambda tx: escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.OTHER,
            note="",
            now=app_now(tx),
        ),
        "withdraw": lambda tx: withdraw(tx, brand, ticket),
    }
    return acts[name]


@pytest.mark.parametrize("name", ["reply", "resolve", "claim", "expire", "customer", "escalate", "withdraw"])
def test_a_race_with_a_take_back_ends_in_one_legal_state(
    background: Database, other: Database, brand: BrandId, worker: WorkerId, name: str
) -> None:
    outcomes: list[Any] = []
    for _ in range(ROUNDS):
        with background.transaction() as tx:
            worker = a_worker(tx, email_cap=100)
            ticket = an_open_ticket(tx, brand)
            number = 0 if name == "claim" else claim_ticket(tx, ticket=ticket, worker=worker).number
            if name in ("resolve", "customer", "withdraw"):
                send_reply(tx, ticket=ticket, worker=worker, number=number, body="Done.", now=app_now(tx))
        if name == "expire":
            Clock(database=background).forward(timedelta(hours=2))
        act = rival(name, brand, ticket, worker, number)
        outcomes.append(race(background, other, partial(take_back, brand=brand, ticket=ticket), act))
        if state(background, brand, ticket) in (TicketState.ESCALATED, TicketState.CLAIMED):
            raise AssertionError("the take-back waited for the other and then had to win")
        assert_legal(background, brand, ticket)
    assert all(isinstance(first, Recall | recalls.TicketIsOver) for first, _ in outcomes), outcomes
