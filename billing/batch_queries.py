"""What finance reads of pay runs: batches with their totals, their payouts, what waits for the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, or_, select

from billing.bank_payouts import paused
from billing.batches import BatchChanged, BatchNotFound, batch_of, content_hash, needs_second
from billing.earning_queue import PAGE_ROWS
from billing.finance_queries import person_names
from billing.models import (
    Earning,
    EarningState,
    Payout,
    PayoutBatch,
    PayoutLine,
    PayoutState,
    ReviewCause,
    StripeAccount,
)
from billing.payout_models import PayoutHold
from billing.payout_rules import minimum_payout_minor
from marketplace.accounts.models import Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BatchId, PayoutId, PersonId
from marketplace.kernel.money import Money

PAYOUT_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCard:
    """A batch with what its payouts add up to, and the names of those who signed it.

    `netted` is kept against what workers owed. `unseen` payouts are first ones, or go to a new bank, and nobody has
    confirmed them.
    """

    batch: PayoutBatch
    payouts: int
    earnings: int
    amount: Money
    paid: Money
    refused: int
    netted: Money
    unseen: int
    names: Mapping[PersonId, str]

    def name(self, person: PersonId | None) -> str:
        """Who that was; a batch that a job drafted has no author."""
        return self.names[person] if person is not None else "The weekly run"


def batches_page(tx: Tx, *, page: int = 1) -> list[BatchCard]:
    """The newest batches first, 50 a page."""
    newest = select(PayoutBatch).order_by(PayoutBatch.number.desc())
    return _cards(tx, tx.scalars(newest.limit(PAGE_ROWS).offset((page - 1) * PAGE_ROWS)).all())


def batch_card(tx: Tx, batch: BatchId) -> BatchCard:
    """Raises BatchNotFound."""
    row = tx.get(PayoutBatch, batch)
    if row is None:
        raise BatchNotFound
    return _cards(tx, [row])[0]


def waits_for_second(tx: Tx, card: BatchCard) -> bool:
    """Whether the batch is so large that another approver signs before it is released."""
    return needs_second(tx, card.batch)


def batch_as_seen(tx: Tx, batch: BatchId, seen_hash: str) -> PayoutBatch:
    """The batch, locked, if it is the one that somebody saw. Raises BatchNotFound, BatchChanged."""
    row = batch_of(tx, batch)
    if row.content_hash != seen_hash:
        raise BatchChanged
    return row


def batch_to_sign(tx: Tx, batch: BatchId, seen_hash: str) -> PayoutBatch:
    """Like `batch_as_seen`, for a signature: its payouts must still be what the hash says, too."""
    row = batch_as_seen(tx, batch, seen_hash)
    if content_hash(tx, batch) != seen_hash and row.finished_at is None:
        raise BatchChanged
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRow:
    """One worker's transfer in a batch."""

    payout: PayoutId
    worker_name: str
    earnings: int
    amount: Money
    state: PayoutState
    transfer: str | None
    failure: str | None
    netted: Money
    reversed: Money
    review: ReviewCause | None
    reviewed: bool


def payout_rows(tx: Tx, batch: BatchId, *, page: int = 1) -> list[PayoutRow]:
    """A batch's payouts by worker, 200 a page."""
    rows = tx.execute(
        select(Payout, Person.name, _EARNINGS_OF_PAYOUT.label("earnings"))
        .join(Worker, Worker.id == Payout.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(Payout.batch_id == batch)
        .order_by(func.lower(Person.name), Payout.id)
        .limit(PAYOUT_ROWS)
        .offset((page - 1) * PAYOUT_ROWS)
    )
    return [
        PayoutRow(
            payout=payout.id,
            worker_name=name,
            earnings=earnings,
            amount=Money(amount_minor=payout.amount_minor, currency=payout.currency),
            state=payout.state,
            transfer=payout.stripe_transfer,
            failure=payout.failure,
            netted=Money(amount_minor=payout.netted_minor, currency=payout.currency),
            reversed=Money(amount_minor=payout.reversed_minor, currency=payout.currency),
            review=payout.review,
            reviewed=payout.reviewed_by is not None,
        )
        for payout, name, earnings in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyToPay:
    """What is payable in one currency: `ready` is what a batch drafted now takes, the rest has to wait.

    A worker waits without an account that takes transfers, while he is held, or below the minimum payout.
    """

    earnings: int
    ready: Money
    waiting_earnings: int
    waiting: Money
    waiting_workers: int


def ready_to_pay(tx: Tx) -> list[ReadyToPay]:
    """Per currency in which anything is payable; nothing is summed across currencies."""
    payable = Earning.state == EarningState.PAYABLE
    currencies = tx.scalars(select(Earning.currency).where(payable).distinct()).all()
    return [_ready(tx, currency) for currency in sorted(currencies)]


def _ready(tx: Tx, currency: str) -> ReadyToPay:
    owed = func.sum(Earning.amount_minor)
    minimum = minimum_payout_minor(currency)
    receives = and_(StripeAccount.transfers_active, StripeAccount.account.is_not(None))
    held = or_(
        exists().where(PayoutHold.worker_id == Earning.worker_id, PayoutHold.lifted_at.is_(None)),
        paused(Earning.worker_id),
    )
    per_worker = (
        select(
            func.count().label("earnings"),
            owed.label("owed"),
            and_(
                func.coalesce(func.bool_or(receives), False),
                or_(owed >= minimum, func.bool_or(StripeAccount.leaving_at.is_not(None))),
                ~func.bool_or(held),
            ).label("goes"),
        )
        .select_from(Earning)
        .outerjoin(StripeAccount, StripeAccount.worker_id == Earning.worker_id)
        .where(Earning.state == EarningState.PAYABLE, Earning.currency == currency)
        .group_by(Earning.worker_id)
        .subquery()
    )
    goes = per_worker.c.goes
    found = tx.execute(
        select(
            func.coalesce(func.sum(per_worker.c.earnings).filter(goes), 0),
            func.coalesce(func.sum(per_worker.c.owed).filter(goes), 0),
            func.coalesce(func.sum(per_worker.c.earnings).filter(~goes), 0),
            func.coalesce(func.sum(per_worker.c.owed).filter(~goes), 0),
            func.count().filter(~goes),
        )
    ).one()
    earnings, ready, waiting_earnings, waiting, waiting_workers = (int(value) for value in found)
    return ReadyToPay(
        earnings=earnings,
        ready=Money(amount_minor=ready, currency=currency),
        waiting_earnings=waiting_earnings,
        waiting=Money(amount_minor=waiting, currency=currency),
        waiting_workers=waiting_workers,
    )


_EARNINGS_OF_PAYOUT = (
    select(func.count())
    .select_from(PayoutLine)
    .where(PayoutLine.payout_id == Payout.id)
    .correlate(Payout)
    .scalar_subquery()
)


def _cards(tx: Tx, batches: Sequence[PayoutBatch]) -> list[BatchCard]:
    totals = _totals(tx, [batch.id for batch in batches])
    names = person_names(tx, batches)
    cards = []
    for batch in batches:
        payouts, earnings, amount, paid, refused, netted, unseen = totals.get(batch.id, (0,) * 7)
        cards.append(
            BatchCard(
                batch=batch,
                payouts=payouts,
                earnings=earnings,
                amount=Money(amount_minor=amount, currency=batch.currency),
                paid=Money(amount_minor=paid, currency=batch.currency),
                refused=refused,
                netted=Money(amount_minor=netted, currency=batch.currency),
                unseen=unseen,
                names=names,
            )
        )
    return cards


def _totals(tx: Tx, batches: Sequence[BatchId]) -> dict[BatchId, tuple[int, ...]]:
    """Payouts, earnings, amount, amount paid, payouts not paid, amount netted, payouts to look at, by batch."""
    amount = func.sum(Payout.amount_minor)
    rows = tx.execute(
        select(
            Payout.batch_id,
            func.count(),
            func.sum(_EARNINGS_OF_PAYOUT),
            amount,
            func.coalesce(amount.filter(Payout.state == PayoutState.ACCEPTED), 0),
            func.count().filter(Payout.state.in_((PayoutState.REJECTED, PayoutState.CANCELLED))),
            func.sum(Payout.netted_minor),
            func.count().filter(Payout.review.is_not(None), Payout.reviewed_by.is_(None)),
        )
        .where(Payout.batch_id.in_(batches))
        .group_by(Payout.batch_id)
    )
    return {batch: tuple(int(number) for number in numbers) for batch, *numbers in rows}
