"""Giving up what a brand owes of a top-up that was taken back: one person asks, another decides."""

from datetime import datetime

from sqlalchemy import select

from billing.accounts import BAD_DEBT_BRAND, owed_by_brand
from billing.brand_balances import lock_standing
from billing.funds_models import ReversalState, TopUpReversal, WriteOff, WriteOffState
from billing.ledger import credit, debit, post
from billing.reversals import close
from marketplace.accounts.fields import words_within
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from marketplace.kernel.ids import BrandId, PersonId, ReversalId, WriteOffId, new_id

REASON_LIMIT = 500


class ReversalNotFound(NotFound):
    """There is no such payment that was taken back."""


class WriteOffNotFound(NotFound):
    """There is no such write-off."""


class NothingOwed(Conflict):
    """Only what a brand owes for good can be written off: not while the dispute is open, and not twice."""


class WriteOffAsked(Conflict):
    """A write-off of this was asked for already, and waits for another person."""


class BadReason(Invalid):
    """Say why, in 1 to 500 characters."""


class OwnWriteOff(NotAllowed):
    """Somebody else has to decide about this: you asked for it."""


class WriteOffDecided(Conflict):
    """This was decided already, or what is owed has changed since it was asked for."""


def ask_write_off(
    tx: Tx, *, brand: BrandId, reversal: ReversalId, reason: str, person: PersonId, now: datetime
) -> WriteOffId:
    """Ask another person to give up what is owed now."""
    reason = words_within(reason, REASON_LIMIT, BadReason)
    row = tx.get(TopUpReversal, (brand, reversal), with_for_update=True)
    if row is None:
        raise ReversalNotFound
    if row.state is not ReversalState.OWED:
        raise NothingOwed
    live = select(WriteOff.id).where(
        WriteOff.brand_id == brand, WriteOff.reversal_id == reversal, WriteOff.state == WriteOffState.ASKED
    )
    if tx.scalar(live) is not None:
        raise WriteOffAsked
    asked = WriteOffId(new_id())
    tx.add(
        WriteOff(
            brand_id=brand,
            id=asked,
            reversal_id=reversal,
            amount_minor=row.owed_minor,
            currency=row.currency,
            reason=reason,
            state=WriteOffState.ASKED,
            asked_by=person,
            asked_at=now,
        )
    )
    tx.flush()
    return asked


def approve_write_off(tx: Tx, *, write_off: WriteOffId, person: PersonId, now: datetime) -> None:
    """The debt is the platform's loss. Raises OwnWriteOff, which the database would refuse as well."""
    row = _asked(tx, write_off)
    if row.asked_by == person:
        raise OwnWriteOff
    lock_standing(tx, brand=row.brand_id, currency=row.currency)
    reversal = tx.get_one(TopUpReversal, (row.brand_id, row.reversal_id), populate_existing=True)
    if reversal.state is not ReversalState.OWED or reversal.owed_minor != row.amount_minor:
        raise WriteOffDecided
    row.state, row.decided_by, row.decided_at = WriteOffState.APPROVED, person, now
    tx.flush()
    post(
        tx,
        kind="write_off",
        key=f"wo:{row.id}",
        currency=row.currency,
        legs=[debit(BAD_DEBT_BRAND, row.amount_minor), credit(owed_by_brand(row.brand_id), row.amount_minor)],
        now=now,
    )
    close(tx, reversal, state=ReversalState.WRITTEN_OFF, now=now)


def refuse_write_off(tx: Tx, *, write_off: WriteOffId, person: PersonId, now: datetime) -> None:
    """The brand still owes it; whoever asked may withdraw it this way too."""
    row = _asked(tx, write_off)
    row.state, row.decided_by, row.decided_at = WriteOffState.REFUSED, person, now


def _asked(tx: Tx, write_off: WriteOffId) -> WriteOff:
    row = tx.scalars(select(WriteOff).where(WriteOff.id == write_off).with_for_update()).one_or_none()
    if row is None:
        raise WriteOffNotFound
    if row.state is not WriteOffState.ASKED:
        raise WriteOffDecided
    return row
