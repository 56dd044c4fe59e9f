"""Withdrawing many tickets at once: a filter, a count first, then a job that withdraws them one by one.

The tickets are fixed when it is asked for, so what was counted is what is withdrawn. Each ticket is a transaction
of its own: none waits for another, and a killed job goes on where it stopped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.events.commands import record
from marketplace.events.facts import BulkWithdrawalAdvanced, BulkWithdrawalAsked
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import AppError, Conflict, NotFound
from marketplace.kernel.ids import BrandId, BulkWithdrawalId, TicketId, new_id
from marketplace.tickets.models import Ticket, TicketState
from marketplace.tickets.posting import TicketNotFound
from marketplace.tickets.recall_models import BulkWithdrawal
from marketplace.tickets.recalls import MAY_BE_WITHDRAWN, checked_reason, withdraw
from marketplace.tickets.ticket_search import TicketFilter, oldest_of

TICKETS_AT_ONCE = 500
TOLD_EVERY = 100
UNFINISHED_LIMIT = 20
STATES = tuple(sorted(MAY_BE_WITHDRAWN))


class NothingToWithdraw(Conflict):
    """No ticket that could be withdrawn matches this filter."""


class NoSuchBulkWithdrawal(NotFound):
    """There is no such withdrawal here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a bulk withdrawal would withdraw, by state: all that match, up to TICKETS_AT_ONCE of the oldest."""

    by_state: Mapping[TicketState, int]
    is_all: bool

    @property
    def tickets(self) -> int:
        return sum(self.by_state.values())


def preview(tx: Tx, *, brand: BrandId, which: TicketFilter, limit: int = TICKETS_AT_ONCE) -> Preview:
    found = oldest_of(tx, brand=brand, which=which, among=STATES, limit=limit + 1)
    counted = Counter(state for _, state in found[:limit])
    return Preview(by_state=dict(counted), is_all=len(found) <= limit)


def ask_to_withdraw(
    tx: Tx,
    *,
    brand: BrandId,
    which: TicketFilter,
    reason: str,
    by: str,
    now: datetime,
    limit: int = TICKETS_AT_ONCE,
) -> BulkWithdrawal:
    """Have the oldest `limit` tickets of the filter withdrawn by a job. Raises NothingToWithdraw."""
    said = checked_reason(reason)
    found = oldest_of(tx, brand=brand, which=which, among=STATES, limit=limit)
    tickets = [ticket for ticket, _ in found]
    if not tickets:
        raise NothingToWithdraw
    bulk = BulkWithdrawal(
        brand_id=brand,
        id=BulkWithdrawalId(new_id()),
        tickets=list(tickets),
        reason=said,
        by=by,
        done=0,
        withdrawn=0,
        refusals=[],
        asked_at=now,
    )
    tx.add(bulk)
    record(tx, BulkWithdrawalAsked(brand=brand, bulk=bulk.id))
    return bulk


def work_off(database: Database, *, brand: BrandId, bulk: BulkWithdrawalId) -> None:
    """Withdraw ticket after ticket until all are dealt with."""
    while True:
        with database.transaction() as tx:
            if not withdraw_next(tx, brand=brand, bulk=bulk, now=app_now(tx)):
                return


def withdraw_next(tx: Tx, *, brand: BrandId, bulk: BulkWithdrawalId, now: datetime) -> bool:
    """Deal with one more ticket; False when none is left. A refusal is written down and the next one follows."""
    row = tx.get(BulkWithdrawal, (brand, bulk), with_for_update=True, populate_existing=True)
    if row is None or row.finished_at is not None:
        return False
    ticket = TicketId(row.tickets[row.done])
    why = _withdrawn_or_why(tx, row, ticket, now)
    if why is None:
        row.withdrawn += 1
    else:
        row.refusals = [
            *row.refusals,
            {"ticket": str(ticket), "number": _number(tx, row, ticket), "why": why},
        ]
    row.done += 1
    if row.done == len(row.tickets):
        row.finished_at = now
    if row.finished_at is not None or row.done % TOLD_EVERY == 0:
        record(tx, BulkWithdrawalAdvanced(brand=brand, bulk=bulk, done=row.done, tickets=len(row.tickets)))
    return True


def bulk_withdrawal(tx: Tx, *, brand: BrandId, bulk: BulkWithdrawalId) -> BulkWithdrawal:
    """One of the brand's bulk withdrawals, with how far it has come. Raises NoSuchBulkWithdrawal."""
    found = tx.get(BulkWithdrawal, (brand, bulk))
    if found is None:
        raise NoSuchBulkWithdrawal
    return found


def unfinished(
    tx: Tx, *, asked_before: datetime, limit: int = UNFINISHED_LIMIT
) -> Sequence[tuple[BrandId, BulkWithdrawalId]]:
    """Bulk withdrawals with tickets left, the oldest first: for the sweep, should a job be lost."""
    rows = tx.execute(
        select(BulkWithdrawal.brand_id, BulkWithdrawal.id)
        .where(BulkWithdrawal.finished_at.is_(None), BulkWithdrawal.asked_at < asked_before)
        .order_by(BulkWithdrawal.asked_at)
        .limit(limit)
    )
    return [(brand, bulk) for brand, bulk in rows]


def _withdrawn_or_why(tx: Tx, row: BulkWithdrawal, ticket: TicketId, now: datetime) -> str | None:
    try:
        with tx.begin_nested():
            withdraw(tx, brand=row.brand_id, ticket=ticket, reason=row.reason, by=row.by, now=now)
    except AppError as refusal:
        return refusal.detail
    return None


def _number(tx: Tx, row: BulkWithdrawal, ticket: TicketId) -> int:
    found = tx.get(Ticket, (row.brand_id, ticket))
    if found is None:
        raise TicketNotFound
    return found.number
