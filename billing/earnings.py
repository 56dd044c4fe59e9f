"""From a ticket's life to a worker's pay: reserve, accrue, take back, mature.

Each function runs in the transaction of the fact it answers, so money cannot lag behind.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from billing.accounts import held, payable, pending, platform_fee, reserved
from billing.holds import end_holds_of_window
from billing.ledger import InsufficientFunds, credit, debit, lock_accounts, post
from billing.models import Earning, EarningKind, EarningState
from billing.pay_parts import Part, split_pay
from billing.reservations import BrandIsFrozen, back_to_brand, release, reserve, terms_behind
from billing.spend import (
    CapReached,
    find_brand_to_try_again,
    forget_refusal,
    give_back,
    note_refusal,
)
from marketplace.events.facts import (
    EscalationConfirmed,
    EscalationRejected,
    TicketAdmitted,
    TicketReopened,
    TicketResolved,
)
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import (
    BrandId,
    EarningId,
    EscalationId,
    RecallId,
    ResolutionId,
    TicketId,
    new_id,
)
from marketplace.kernel.money import Money
from marketplace.tickets import endings, posting, sharing
from marketplace.tickets.models import Terms, Ticket, TicketState
from marketplace.tickets.surge import base_of
from marketplace.tickets.terms import terms_in_force

SWEEP_LIMIT = 100


class AlreadyPayable(Conflict):
    """The pay for this resolution has left its review window; it can no longer be taken back this way."""


def reserve_or_wait(tx: Tx, fact: TicketAdmitted) -> None:
    """Reserve an admitted ticket's whole price and open it; without the money it waits, unseen."""
    brand = fact.owner
    open_if_funded(tx, brand=brand, ticket=fact.ticket, now=app_now(tx))


def open_if_funded(tx: Tx, *, brand: BrandId, ticket: TicketId, now: datetime) -> bool:
    """Try to reserve and open one admitted ticket; whether it is open now."""
    row = posting.ticket_of(tx, brand=brand, ticket=ticket)
    if row.state is not TicketState.AWAITING_FUNDS:
        return False
    terms = terms_in_force(tx, brand=brand, category=row.category, language=row.language, now=now)
    if terms is None:
        posting.hold_back(tx, brand=brand, ticket=ticket, reason="no price is set for its category")
        return False
    row.reservation += 1
    try:
        reserve(
            tx,
            kind="reserve",
            key=f"reserve:{ticket}:{row.reservation}",
            brand=brand,
            ticket=ticket,
            amount=Money(amount_minor=terms.total_minor, currency=terms.currency),
            now=now,
        )
    except InsufficientFunds:
        posting.await_funds(tx, brand=brand, ticket=ticket)
        return False
    except BrandIsFrozen:
        posting.await_funds(tx, brand=brand, ticket=ticket, reason="frozen")
        return False
    except CapReached:
        note_refusal(tx, brand=brand, now=now)
        posting.await_funds(tx, brand=brand, ticket=ticket, reason="spend cap")
        return False
    posting.fund(tx, brand=brand, ticket=ticket, terms=terms, now=now)
    return True


def open_awaiting(tx: Tx, *, brand: BrandId, now: datetime) -> int:
    """Let waiting tickets in, oldest first, until one finds no money or room; how many wait no more.

    The dial may have been turned down since: what it no longer shares goes to the brand.
    """
    waiting = tx.scalars(
        select(Ticket.id)
        .where(Ticket.brand_id == brand, Ticket.state == TicketState.AWAITING_FUNDS)
        .order_by(Ticket.posted_at, Ticket.id)
        .limit(SWEEP_LIMIT)
    ).all()
    for done, row in enumerate(posting.lock_tickets(tx, brand=brand, tickets=waiting)):
        kept = sharing.kept_by(tx, ticket=row, now=now)
        if kept is not None:
            posting.hold_back(tx, brand=brand, ticket=row.id, reason=kept)
        elif not open_if_funded(tx, brand=brand, ticket=row.id, now=now) and _waits(row):
            return done
    return len(waiting)


def _waits(ticket: Ticket) -> bool:
    return ticket.state is TicketState.AWAITING_FUNDS


def open_after_midnight(tx: Tx, *, now: datetime) -> int:
    """Let tickets that found no room under a spend cap try again where a new day has begun; how many wait no more."""
    brand = find_brand_to_try_again(tx, now=now)
    if brand is None:
        return 0
    opened = open_awaiting(tx, brand=brand, now=now)
    if opened < SWEEP_LIMIT:  # else there may be more: this brand is not done with its new day
        forget_refusal(tx, brand=brand, now=now)
    return opened


def accrue(tx: Tx, fact: TicketResolved) -> None:
    """Pay the resolution out of its reservation: each credited worker's share, and the platform's fee."""
    brand = fact.owner
    resolution = endings.resolution_of(tx, brand=brand, resolution=fact.resolution)
    terms = terms_behind(tx, brand, fact.ticket)
    parts = split_pay(
        resolution.credits,
        pay=Money(amount_minor=terms.pay_minor, currency=terms.currency),
        base_pay=Money(amount_minor=base_of(tx, terms).pay_minor, currency=terms.currency),
        fee=Money(amount_minor=terms.fee_minor, currency=terms.currency),
    )
    fresh = post(
        tx,
        kind="accrue",
        key=f"accrue:{fact.ticket}:{fact.resolution}",
        currency=terms.currency,
        legs=[
            debit(reserved(brand), terms.total_minor),
            *(credit(pending(brand, part.worker), part.amount_minor) for part in parts),
            credit(platform_fee(brand), terms.fee_minor),
        ],
        now=resolution.resolved_at,
        ticket=fact.ticket,
    )
    if fresh:
        write_earnings(
            tx,
            parts,
            kind=EarningKind.RESOLUTION,
            terms=terms,
            ticket=fact.ticket,
            resolution=fact.resolution,
            accrued_at=resolution.resolved_at,
        )


def take_back(tx: Tx, fact: TicketReopened) -> None:
    """A reopened ticket's pay returns to its reservation, never to the wallet. Raises AlreadyPayable.

    Pay that was held inside its window returns out of the hold.
    """
    brand, now = fact.owner, app_now(tx)
    terms = terms_behind(tx, brand, fact.ticket)
    kept = end_holds_of_window(tx, brand=brand, resolution=fact.resolution, now=now)
    taken = tx.execute(
        update(Earning)
        .where(
            Earning.brand_id == brand,
            Earning.resolution_id == fact.resolution,
            or_(Earning.state == EarningState.IN_WINDOW, Earning.id.in_(kept)),
        )
        .values(state=EarningState.REVERSED)
        .returning(Earning.id, Earning.worker_id, Earning.amount_minor)
    ).all()
    if sum(amount for _, _, amount in taken) != terms.pay_minor:
        raise AlreadyPayable
    post(
        tx,
        kind="reopen",
        key=f"reopen:{fact.resolution}",
        currency=terms.currency,
        legs=[
            *(
                debit((held if earning in kept else pending)(brand, worker), amount)
                for earning, worker, amount in taken
            ),
            debit(platform_fee(brand), terms.fee_minor),
            credit(reserved(brand), terms.total_minor),
        ],
        now=now,
        ticket=fact.ticket,
    )


def pay_escalation(tx: Tx, fact: EscalationConfirmed) -> None:
    """A confirmed escalation pays its fee; the platform's share of the fee is kept, the rest goes back.

    One that came after needless messages pays nobody. What is paid is read from the escalation's own row.
    """
    brand = fact.owner
    escalation = endings.escalation_of(tx, brand=brand, escalation=fact.escalation)
    terms = terms_behind(tx, brand, fact.ticket)
    fee = terms.escalation_fee_minor if escalation.needless_reason is None else 0
    platform = Money(amount_minor=fee, currency=terms.currency).share(terms.fee_basis_points).amount_minor
    left = terms.total_minor - fee - platform
    now = app_now(tx)
    fresh = post(
        tx,
        kind="escalate",
        key=f"escalate:{fact.ticket}:{escalation.number}",
        currency=terms.currency,
        legs=[
            debit(reserved(brand), terms.total_minor),
            credit(pending(brand, escalation.worker_id), fee),
            credit(platform_fee(brand), platform),
            *back_to_brand(
                tx, brand=brand, ticket=fact.ticket, amount_minor=left, spent_minor=fee + platform
            ),
        ],
        now=now,
        ticket=fact.ticket,
    )
    if fresh:
        give_back(tx, brand=brand, ticket=fact.ticket, amount_minor=left)
        write_earnings(
            tx,
            [Part(worker=escalation.worker_id, amount_minor=fee)],
            kind=EarningKind.ESCALATION,
            terms=terms,
            ticket=fact.ticket,
            escalation=fact.escalation,
            accrued_at=now,
        )


def free_reservation(tx: Tx, fact: EscalationRejected) -> None:
    """A rejected escalation pays nobody: the whole reservation returns to the wallet."""
    key = f"release:{fact.ticket}:{fact.escalation}"
    release(tx, key=key, brand=fact.owner, ticket=fact.ticket, now=app_now(tx))


def mature(tx: Tx, *, now: datetime) -> int:
    """Make up to 100 earnings payable whose review window has ended; how many."""
    due = tx.scalars(
        select(Earning)
        .where(Earning.state == EarningState.IN_WINDOW, Earning.window_ends_at <= now)
        .order_by(Earning.window_ends_at, Earning.id)
        .limit(SWEEP_LIMIT)
        .with_for_update(skip_locked=True)
    ).all()
    lock_accounts(
        tx,
        (
            (account(earning.brand_id, earning.worker_id), earning.currency)
            for earning in due
            for account in (pending, payable)
        ),
    )
    for earning in due:
        post(
            tx,
            kind="mature",
            key=f"mature:{earning.id}",
            currency=earning.currency,
            legs=[
                debit(pending(earning.brand_id, earning.worker_id), earning.amount_minor),
                credit(payable(earning.brand_id, earning.worker_id), earning.amount_minor),
            ],
            now=now,
            ticket=earning.ticket_id,
        )
        earning.state, earning.payable_at = EarningState.PAYABLE, now
    return len(due)


def write_earnings(
    tx: Tx,
    parts: Sequence[Part],
    *,
    kind: EarningKind,
    terms: Terms,
    ticket: TicketId,
    accrued_at: datetime,
    resolution: ResolutionId | None = None,
    escalation: EscalationId | None = None,
    recall: RecallId | None = None,
) -> None:
    """One line for each worker with a part of his own; the review window of `terms` begins."""
    tx.add_all(
        Earning(
            brand_id=terms.brand_id,
            id=EarningId(new_id()),
            ticket_id=ticket,
            worker_id=part.worker,
            kind=kind,
            resolution_id=resolution,
            escalation_id=escalation,
            recall_id=recall,
            terms_id=terms.id,
            amount_minor=part.amount_minor,
            surge_minor=part.surge_minor,
            fee_minor=part.fee_minor,
            currency=terms.currency,
            state=EarningState.IN_WINDOW,
            accrued_at=accrued_at,
            window_ends_at=accrued_at + timedelta(hours=terms.review_window_hours),
        )
        for part in parts
        if part.amount_minor
    )
    tx.flush()
