"""Closing the books of a UTC month: after that, nothing is dated into it or before it, whoever writes.

The database decides (0035_periods.sql) and waits for postings under way; this module says what it found.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from billing.months import month_of
from billing.period_models import ClosedPeriod
from marketplace.accounts.models import Person
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, NotAllowed, Unavailable
from marketplace.kernel.ids import PersonId

PERIODS_SHOWN = 36


class NotOverYet(Conflict):
    """This month is not over yet. A month is closed once it has ended, in UTC."""


class AlreadyClosed(Conflict):
    """This month is closed already: closing a month closes all before it."""


class OnlyFinanceCloses(NotAllowed):
    """Months are closed by people of finance."""


class PostingsUnderWay(Unavailable):
    """Postings are under way that closing would have to wait for. Try again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A closed month, by its first day, and who closed it when."""

    month: date
    closed_at: datetime
    closed_by: str


def close_period(tx: Tx, *, month: str, person: PersonId) -> ClosedPeriod:
    """Close `month` ("2026-10") and all before it, for good.

    Raises BadMonth, NotOverYet, AlreadyClosed, OnlyFinanceCloses, PostingsUnderWay.
    """
    row = ClosedPeriod(month=month_of(month), closed_by=person)
    try:
        with tx.begin_nested():
            tx.add(row)
            tx.flush()
    except DBAPIError as error:
        refusal = _REFUSALS.get(getattr(error.orig, "sqlstate", None) or "")
        if refusal is None:
            raise
        raise refusal from error
    return row


_REFUSALS: dict[str, type[AppError]] = {
    "HC036": OnlyFinanceCloses,
    "HC037": NotOverYet,
    "HC038": AlreadyClosed,
    "23505": AlreadyClosed,
    "55P03": PostingsUnderWay,
}


def closings(tx: Tx) -> list[Closing]:
    """The closed months, newest first."""
    rows = tx.execute(
        select(ClosedPeriod.month, ClosedPeriod.closed_at, Person.name)
        .join(Person, Person.id == ClosedPeriod.closed_by)
        .order_by(ClosedPeriod.month.desc())
        .limit(PERIODS_SHOWN)
    )
    return [Closing(month=month, closed_at=at, closed_by=name) for month, at, name in rows]


def closed_through(tx: Tx) -> date | None:
    """The first day of the newest closed month; None while all is open."""
    return tx.scalar(select(func.max(ClosedPeriod.month)))


def months_to_close(tx: Tx, *, now: datetime, limit: int = 12) -> list[date]:
    """Months that are over and open, the newest first: closing one closes those before it too."""
    last = closed_through(tx)
    ended = _before(now.astimezone(UTC).date().replace(day=1))
    found: list[date] = []
    while len(found) < limit and (last is None or ended > last):
        found.append(ended)
        ended = _before(ended)
    return found


def _before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)
