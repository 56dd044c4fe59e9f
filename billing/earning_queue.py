"""The queue of earnings as finance reads it: any filter, its rows, and counts and sums over all of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, tuple_

from billing.models import Earning, EarningKind, EarningState, StripeAccount
from marketplace.accounts.models import Brand, Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, EarningId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Ticket

PAGE_ROWS = 50
DEEPEST_PAGE = 10_000

Columns = TypeVarTuple("Columns")


class Flag(StrEnum):
    """What may need a person's eye."""

    NO_ACCOUNT = "no_account"
    """Its worker has no account that takes transfers now, and it is not sent yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningFilter:
    """Which earnings are asked for; None, or no text, leaves that side open.

    Earned from `since` on and before `until`; `least_minor` to `most_minor`, both taken in. `text` is the number of a
    ticket (#12), or part of its subject or of its worker's name.
    """

    state: EarningState | None = None
    worker: WorkerId | None = None
    brand: BrandId | None = None
    kind: EarningKind | None = None
    currency: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    least_minor: int | None = None
    most_minor: int | None = None
    flag: Flag | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningLine:
    """One earning in the queue. `can_receive`: its worker has an account that takes transfers now."""

    earning: EarningId
    ticket_number: int
    subject: str
    worker: WorkerId
    worker_name: str
    brand_slug: str
    brand_name: str
    kind: EarningKind
    state: EarningState
    amount: Money
    accrued_at: datetime
    can_receive: bool


def earnings_page(tx: Tx, wanted: EarningFilter, *, page: int = 1) -> list[EarningLine]:
    """The newest earnings first, PAGE_ROWS a page."""
    rows = tx.execute(
        _joined(
            select(
                Earning,
                Ticket.number,
                Ticket.subject,
                Person.name.label("worker_name"),
                Brand.slug,
                Brand.name.label("brand_name"),
                func.coalesce(StripeAccount.transfers_active, False).label("can_receive"),
            )
        )
        .join(Brand, Brand.id == Earning.brand_id)
        .where(*_conditions(wanted))
        .order_by(Earning.accrued_at.desc(), Earning.id.desc())
        .limit(PAGE_ROWS)
        .offset((page - 1) * PAGE_ROWS)
    )
    return [
        EarningLine(
            earning=row.Earning.id,
            ticket_number=row.number,
            subject=mask(row.subject).text,
            worker=row.Earning.worker_id,
            worker_name=row.worker_name,
            brand_slug=row.slug,
            brand_name=row.brand_name,
            kind=row.Earning.kind,
            state=row.Earning.state,
            amount=Money(amount_minor=row.Earning.amount_minor, currency=row.Earning.currency),
            accrued_at=row.Earning.accrued_at,
            can_receive=row.can_receive,
        )
        for row in rows
    ]


def earnings_of(
    tx: Tx, wanted: EarningFilter, *, among: Collection[EarningState], limit: int
) -> list[EarningId]:
    """The ids of all that match and are in one of these states, the oldest first, `limit` at most."""
    found = _joined(select(Earning.id)).where(*_conditions(wanted), Earning.state.in_(among))
    return list(tx.scalars(found.order_by(Earning.accrued_at, Earning.id).limit(limit)))


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTotal:
    """How many earnings are in one state, and their sum in one currency."""

    state: EarningState
    count: int
    amount: Money


def earning_totals(tx: Tx, wanted: EarningFilter) -> list[StateTotal]:
    """Counts and sums by state and currency over everything that `wanted` takes in but for its state, not over one
    page."""
    rows = tx.execute(
        _joined(select(Earning.state, Earning.currency, func.count(), func.sum(Earning.amount_minor)))
        .where(*_conditions(replace(wanted, state=None)))
        .group_by(Earning.state, Earning.currency)
    )
    totals = [
        StateTotal(state=state, count=count, amount=Money(amount_minor=int(amount or 0), currency=currency))
        for state, currency, count, amount in rows
    ]
    in_order = list(EarningState)
    return sorted(totals, key=lambda total: (in_order.index(total.state), total.amount.currency))


def neighbours(
    tx: Tx, wanted: EarningFilter, earning: EarningId
) -> tuple[EarningId | None, EarningId | None]:
    """The earnings above and below this one in the queue of `wanted`."""
    at = tx.scalar(select(Earning.accrued_at).where(Earning.id == earning))
    if at is None:
        return None, None
    place, here = tuple_(Earning.accrued_at, Earning.id), tuple_(at, earning)
    found = _joined(select(Earning.id)).where(*_conditions(wanted)).limit(1)
    above = found.where(place > here).order_by(Earning.accrued_at, Earning.id)
    below = found.where(place < here).order_by(Earning.accrued_at.desc(), Earning.id.desc())
    return tx.scalar(above), tx.scalar(below)


# --- how old what is owed is --------------------------------------------------------------------------------

AGES: Mapping[str, tuple[int, int | None]] = {
    "0 to 7 days": (0, 8),
    "8 to 30 days": (8, 31),
    "31 to 60 days": (31, 61),
    "more than 60 days": (61, None),
}
"""Of so many days at least, and of fewer than so many; days begin at midnight UTC, as the filter's do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeTotal:
    """What is owed in one state and currency, earned within one of AGES."""

    state: EarningState
    age: str
    count: int
    amount: Money


def ageing(tx: Tx, *, states: Sequence[EarningState], now: datetime) -> list[AgeTotal]:
    """What is in these states, by state, currency and age."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    age = case(
        *(
            (Earning.accrued_at >= midnight - timedelta(days=end - 1), name)
            for name, (_, end) in AGES.items()
            if end
        ),
        else_=list(AGES)[-1],
    ).label("age")
    rows = tx.execute(
        select(Earning.state, Earning.currency, age, func.count(), func.sum(Earning.amount_minor))
        .where(Earning.state.in_(states))
        .group_by(Earning.state, Earning.currency, age)
    )
    return [
        AgeTotal(
            state=state, age=named, count=count, amount=Money(amount_minor=int(total), currency=currency)
        )
        for state, currency, named, count, total in rows
    ]


# --- how a filter is asked ----------------------------------------------------------------------------------


def _joined(asked: Select[*Columns]) -> Select[*Columns]:
    """With the ticket, the worker's name and account, which filters speak of."""
    return (
        asked.select_from(Earning)
        .join(Ticket, and_(Ticket.brand_id == Earning.brand_id, Ticket.id == Earning.ticket_id))
        .join(Worker, Worker.id == Earning.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .outerjoin(StripeAccount, StripeAccount.worker_id == Earning.worker_id)
    )


NOT_SENT = (EarningState.IN_WINDOW, EarningState.PAYABLE)


def _conditions(wanted: EarningFilter) -> list[ColumnElement[bool]]:
    same = (
        (Earning.state, wanted.state),
        (Earning.worker_id, wanted.worker),
        (Earning.brand_id, wanted.brand),
        (Earning.kind, wanted.kind),
        (Earning.currency, wanted.currency),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in same if value is not None]
    if wanted.since is not None:
        found.append(Earning.accrued_at >= wanted.since)
    if wanted.until is not None:
        found.append(Earning.accrued_at < wanted.until)
    if wanted.least_minor is not None:
        found.append(Earning.amount_minor >= wanted.least_minor)
    if wanted.most_minor is not None:
        found.append(Earning.amount_minor <= wanted.most_minor)
    if wanted.flag is Flag.NO_ACCOUNT:
        able = func.coalesce(StripeAccount.transfers_active, False)
        found += [~able, Earning.state.in_(NOT_SENT)]
    if wanted.text:
        found.append(_says(wanted.text))
    return found


def _says(text: str) -> ColumnElement[bool]:
    number = text.removeprefix("#")
    if number.isascii() and number.isdigit():
        return Ticket.number == int(number)
    return or_(*(column.icontains(text, autoescape=True) for column in (Ticket.subject, Person.name)))
