"""Corrections by hand, of a break: one person proposes, another posts. The database holds the four eyes."""

from datetime import datetime
from uuid import UUID

import structlog

from billing.books_models import ManualPosting
from billing.breaks import AlreadyResolved, break_of
from billing.ledger import Account, credit, debit, post
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import PersonId, new_id
from marketplace.kernel.money import Money

PLATFORMS_OWN = (
    "stripe_available",
    "stripe_pending",
    "stripe_reserve",
    "bank",
    "suspense_stripe",
    "stripe_fees",
    "dispute_loss",
    "bad_debt_brand",
    "bad_debt_worker",
    "incentive_expense",
    "unclaimed_property",
    "rounding_fx",
)
SHORTEST_REASON = 3

log = structlog.get_logger()


class PostingNotFound(NotFound):
    """There is no such posting."""


class NotTheProposer(Conflict):
    """A posting by hand is approved by someone other than the person who proposed it. Nobody is exempt."""


class AlreadyPosted(Conflict):
    """This posting has been posted already."""


class NotByHand(Invalid):
    """By hand, money moves between two of the platform's own accounts, above zero, with a reason."""


def propose_posting(
    tx: Tx,
    *,
    break_id: UUID,
    debit_code: str,
    credit_code: str,
    amount: Money,
    reason: str,
    person: PersonId,
    now: datetime,
) -> ManualPosting:
    """What would put a break right; nothing is posted yet. Brands' and workers' accounts have acts of their own."""
    if break_of(tx, break_id).resolved_at is not None:
        raise AlreadyResolved
    codes = {debit_code, credit_code}
    if len(codes) != 2 or not codes <= set(PLATFORMS_OWN) or amount.amount_minor < 1:
        raise NotByHand
    if len(reason.strip()) < SHORTEST_REASON:
        raise NotByHand
    posting = ManualPosting(
        id=new_id(),
        break_id=break_id,
        debit=debit_code,
        credit=credit_code,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        reason=reason.strip(),
        proposed_by=person,
        proposed_at=now,
    )
    tx.add(posting)
    tx.flush()
    return posting


def approve_posting(tx: Tx, *, posting: UUID, person: PersonId, now: datetime) -> ManualPosting:
    """Post it, as its second person. Raises NotTheProposer, AlreadyPosted."""
    row = tx.get(ManualPosting, posting, with_for_update=True)
    if row is None:
        raise PostingNotFound
    if row.approved_by is not None:
        raise AlreadyPosted
    if row.proposed_by == person:
        raise NotTheProposer
    row.approved_by, row.approved_at = person, now
    tx.flush()
    post(
        tx,
        kind="manual",
        key=f"manual:{row.id}",
        currency=row.currency,
        legs=[
            debit(Account(code=row.debit), row.amount_minor),
            credit(Account(code=row.credit), row.amount_minor),
        ],
        now=now,
    )
    log.info("books.posted_by_hand", posting=str(row.id), proposer=str(row.proposed_by), approver=str(person))
    return row
