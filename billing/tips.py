"""A brand's tip: out of its wallet, all of it the worker's, an earning of its own; taken back inside its window."""

from datetime import datetime, timedelta

from sqlalchemy import select

from billing.accounts import pending, wallet
from billing.bonus_models import Tip
from billing.ledger import InsufficientFunds, credit, debit, post
from billing.models import Earning, EarningKind, EarningState
from billing.spend import commit_spend, give_back
from marketplace.events.commands import record
from marketplace.events.facts import TipGiven, TipRefunded
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, EarningId, PersonId, TicketId, TipId, WorkerId, new_id
from marketplace.tickets.posting import ticket_of
from marketplace.tickets.terms import terms_of

HIGHEST_TIP_MINOR = 100_000


class TipOutOfRange(Invalid):
    """A tip lies between 0.01 and 1,000.00."""


class NobodyToTip(Conflict):
    """A tip is for a worker who was paid for resolving this ticket."""


class NotEnoughForTip(Conflict):
    """There is not enough in your wallet for this tip."""


class NoSuchTip(NotFound):
    """There is no such tip."""


class TipIsKept(Conflict):
    """This tip is the worker's for good: its window is over, or it was taken back already."""


def give_tip(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: TicketId,
    worker: WorkerId,
    amount_minor: int,
    person: PersonId | None,
    now: datetime,
) -> Tip:
    """Raises TipOutOfRange, NobodyToTip, NotEnoughForTip, CapReached; then nothing is posted."""
    if not 0 < amount_minor <= HIGHEST_TIP_MINOR:
        raise TipOutOfRange
    ticket_of(tx, brand=brand, ticket=ticket)
    worked = _paid_work(tx, brand=brand, ticket=ticket, worker=worker)
    if worked is None:
        raise NobodyToTip
    terms = terms_of(tx, brand=brand, terms=worked.terms_id)
    tip = Tip(
        brand_id=brand,
        id=TipId(new_id()),
        ticket_id=ticket,
        worker_id=worker,
        amount_minor=amount_minor,
        currency=terms.currency,
        given_at=now,
        given_by=person,
    )
    with tx.begin_nested():
        tx.add(tip)
        tx.flush()
        try:
            post(
                tx,
                kind="tip",
                key=f"tip:{tip.id}",
                currency=tip.currency,
                legs=[debit(wallet(brand), amount_minor), credit(pending(brand, worker), amount_minor)],
                now=now,
                ticket=ticket,
            )
        except InsufficientFunds as error:
            raise NotEnoughForTip from error
        commit_spend(tx, brand=brand, ticket=ticket, amount_minor=amount_minor, now=now)
        tx.add(
            Earning(
                brand_id=brand,
                id=EarningId(new_id()),
                ticket_id=ticket,
                worker_id=worker,
                kind=EarningKind.TIP,
                tip_id=tip.id,
                terms_id=terms.id,
                amount_minor=amount_minor,
                currency=tip.currency,
                state=EarningState.IN_WINDOW,
                accrued_at=now,
                window_ends_at=now + timedelta(hours=terms.review_window_hours),
            )
        )
    record(tx, TipGiven(brand=brand, worker=worker, tip=tip.id, ticket=ticket, amount_minor=amount_minor))
    return tip


def refund_tip(tx: Tx, *, brand: BrandId, tip: TipId, now: datetime) -> None:
    """Back to the wallet, as long as its window is open. Raises NoSuchTip, TipIsKept."""
    found = tx.get(Tip, (brand, tip))
    if found is None:
        raise NoSuchTip
    ticket_of(tx, brand=brand, ticket=found.ticket_id)
    earned = tx.scalars(
        select(Earning)
        .where(Earning.brand_id == brand, Earning.tip_id == tip)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if earned.state is not EarningState.IN_WINDOW:
        raise TipIsKept
    earned.state, found.refunded_at = EarningState.REVERSED, now
    post(
        tx,
        kind="tip_refund",
        key=f"tip_refund:{tip}",
        currency=found.currency,
        legs=[
            debit(pending(brand, found.worker_id), found.amount_minor),
            credit(wallet(brand), found.amount_minor),
        ],
        now=now,
        ticket=found.ticket_id,
    )
    give_back(tx, brand=brand, ticket=found.ticket_id, amount_minor=found.amount_minor)
    record(tx, TipRefunded(brand=brand, worker=found.worker_id, tip=tip, ticket=found.ticket_id))


def tips_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[Tip]:
    """The oldest first."""
    return list(
        tx.scalars(select(Tip).where(Tip.brand_id == brand, Tip.ticket_id == ticket).order_by(Tip.id))
    )


def _paid_work(tx: Tx, *, brand: BrandId, ticket: TicketId, worker: WorkerId) -> Earning | None:
    lost = (EarningState.REVERSED, EarningState.REJECTED, EarningState.CLAWED_BACK)
    return tx.scalars(
        select(Earning).where(
            Earning.brand_id == brand,
            Earning.ticket_id == ticket,
            Earning.worker_id == worker,
            Earning.kind == EarningKind.RESOLUTION,
            Earning.state.not_in(lost),
        )
    ).one_or_none()
