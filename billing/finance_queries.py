"""What finance reads of one earning: its whole story, from the ticket to the bank."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import func, select

from billing.ledger import Posting, postings_of_ticket
from billing.models import (
    Earning,
    LedgerAccount,
    LedgerEntry,
    LedgerTxn,
    Payout,
    PayoutBatch,
    PayoutLine,
    StripeCall,
)
from marketplace.accounts.models import Brand, Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import BrandId, EarningId, PersonId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Claim, Escalation, Message, Reply, Resolution, Terms, Ticket
from marketplace.tickets.recall_models import Recall

STORY_ROWS = 200
ATTEMPTS_SHOWN = 50


Evidence = TypeVar("Evidence", Claim, Reply, Escalation, Resolution, Recall)


class EarningNotFound(NotFound):
    """There is no such earning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPayout:
    """A payout that took the earning in: its batch, and the newest request to Stripe if there is one.

    `live` is False once the payout was refused or its batch given up.
    """

    payout: Payout
    batch: PayoutBatch
    earnings: int
    live: bool
    call: StripeCall | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that led to one earning and came of it. Texts are masked for a reader outside the brand."""

    earning: Earning
    ticket: Ticket
    subject: str
    question: str
    brand_name: str
    terms: Terms
    claims: tuple[Claim, ...]
    replies: tuple[Reply, ...]
    escalations: tuple[Escalation, ...]
    resolutions: tuple[Resolution, ...]
    recalls: tuple[Recall, ...]
    payouts: tuple[StoryPayout, ...]
    postings: tuple[Posting, ...]
    worker_names: dict[WorkerId, str]
    brand_names: dict[BrandId, str]
    person_names: dict[PersonId, str]


def earning_story(tx: Tx, earning: EarningId) -> Story:
    """Raises EarningNotFound."""
    row = tx.scalars(select(Earning).where(Earning.id == earning)).one_or_none()
    if row is None:
        raise EarningNotFound
    ticket = tx.get_one(Ticket, (row.brand_id, row.ticket_id))
    payouts = _payouts_of(tx, row)
    postings = postings_of_ticket(tx, row.ticket_id)
    for payout in payouts:
        postings += postings_of_payout(tx, payout.payout)
    claims = _of_ticket(tx, Claim, ticket)
    return Story(
        earning=row,
        ticket=ticket,
        subject=mask(ticket.subject).text,
        question=_question(tx, ticket),
        brand_name=tx.get_one(Brand, row.brand_id).name,
        terms=tx.get_one(Terms, (row.brand_id, row.terms_id)),
        claims=claims,
        replies=_of_ticket(tx, Reply, ticket),
        escalations=_of_ticket(tx, Escalation, ticket),
        resolutions=_of_ticket(tx, Resolution, ticket),
        recalls=_of_ticket(tx, Recall, ticket),
        payouts=payouts,
        postings=tuple(postings),
        worker_names=worker_names(tx, [*(one.worker_id for one in claims), row.worker_id]),
        brand_names=_brand_names(tx, (one.brand for one in postings)),
        person_names=person_names(tx, [one.batch for one in payouts]),
    )


def postings_of_payout(tx: Tx, payout: Payout) -> list[Posting]:
    """Every leg that sending this payout caused, refusals and later attempts included, in order."""
    attempts = range(1, min(payout.attempt, ATTEMPTS_SHOWN) + 1)
    keys = [f"{kind}:{payout.id}:{attempt}" for kind in ("send", "rejected") for attempt in attempts]
    if payout.stripe_transfer is not None:
        keys.append(f"sent:{payout.stripe_transfer}")
    rows = tx.execute(
        select(LedgerTxn, LedgerEntry, LedgerAccount)
        .join(LedgerEntry, LedgerEntry.txn_id == LedgerTxn.id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(LedgerTxn.key.in_(keys))
        .order_by(LedgerEntry.id)
    )
    return [
        Posting(
            txn=txn.id,
            kind=txn.kind,
            key=txn.key,
            code=account.code,
            brand=account.brand_id,
            worker=account.worker_id,
            side=entry.side,
            amount=Money(amount_minor=entry.amount_minor, currency=entry.currency),
            posted_at=txn.posted_at,
        )
        for txn, entry, account in rows
    ]


def worker_name(tx: Tx, worker: WorkerId) -> str | None:
    """The name of one worker; None when there is none by that id."""
    return worker_names(tx, [worker]).get(worker)


def worker_names(tx: Tx, workers: Iterable[WorkerId]) -> dict[WorkerId, str]:
    """The workers' names by their ids."""
    rows = tx.execute(
        select(Worker.id, Person.name)
        .join(Person, Person.id == Worker.person_id)
        .where(Worker.id.in_(set(workers)))
    )
    return {worker: name for worker, name in rows}


def person_names(tx: Tx, batches: Iterable[PayoutBatch]) -> dict[PersonId, str]:
    """The names of everybody who signed one of `batches`."""
    signed = {
        person
        for batch in batches
        for person in (
            batch.created_by,
            batch.submitted_by,
            batch.approved_by,
            batch.seconded_by,
            batch.released_by,
        )
        if person is not None
    }
    rows = tx.execute(select(Person.id, Person.name).where(Person.id.in_(signed)))
    return {person: name for person, name in rows}


def amount_of(earning: Earning) -> Money:
    return Money(amount_minor=earning.amount_minor, currency=earning.currency)


def _payouts_of(tx: Tx, earning: Earning) -> tuple[StoryPayout, ...]:
    rows = tx.execute(
        select(Payout, PayoutBatch, PayoutLine.dropped)
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .join(PayoutLine, PayoutLine.payout_id == Payout.id)
        .where(PayoutLine.earning_id == earning.id)
        .order_by(Payout.id)
        .limit(STORY_ROWS)
    ).all()
    return tuple(
        StoryPayout(
            payout=payout,
            batch=batch,
            earnings=_lines_of(tx, payout),
            live=not dropped,
            call=tx.scalars(
                select(StripeCall)
                .where(StripeCall.payout_id == payout.id)
                .order_by(StripeCall.attempt.desc())
                .limit(1)
            ).one_or_none(),
        )
        for payout, batch, dropped in rows
    )


def _lines_of(tx: Tx, payout: Payout) -> int:
    counted = select(func.count()).select_from(PayoutLine).where(PayoutLine.payout_id == payout.id)
    return tx.scalar(counted) or 0


def _of_ticket(tx: Tx, table: type[Evidence], ticket: Ticket) -> tuple[Evidence, ...]:
    found = (
        select(table)
        .where(table.brand_id == ticket.brand_id, table.ticket_id == ticket.id)
        .order_by(table.id)
        .limit(STORY_ROWS)
    )
    return tuple(tx.scalars(found))


def _question(tx: Tx, ticket: Ticket) -> str:
    """What the customer asked first."""
    first = tx.scalars(
        select(Message.body)
        .where(Message.brand_id == ticket.brand_id, Message.ticket_id == ticket.id)
        .order_by(Message.id)
        .limit(1)
    ).one_or_none()
    return mask(first or "").text


def _brand_names(tx: Tx, brands: Iterable[BrandId | None]) -> dict[BrandId, str]:
    asked = {brand for brand in brands if brand is not None}
    rows = tx.execute(select(Brand.id, Brand.name).where(Brand.id.in_(asked)))
    return {brand: name for brand, name in rows}
