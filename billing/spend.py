"""The spend cap: what a brand commits a day and a month never passes it, however many tickets arrive at once.

One row a brand holds both caps and both counters, so one UPDATE decides. A transaction posts to the ledger
first and takes room afterwards: the brand's accounts are the lock that comes first everywhere.
"""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from billing.spend_models import BrandSpend
from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import SpendCapChanged
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, TicketId

HIGHEST_CAP_MINOR = 100_000_000_000


class BadCap(Invalid):
    """A cap is an amount from 0 up, or nothing at all; the month's is not below the day's."""


class CapReached(Conflict):
    """The spend cap leaves no room for this ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """A brand's caps (None: none) and what its running day and month have committed, in minor units."""

    per_day_minor: int | None
    per_month_minor: int | None
    day_minor: int
    month_minor: int


def set_caps(
    tx: Tx, *, brand: BrandId, per_day_minor: int | None, per_month_minor: int | None, now: datetime
) -> None:
    """Cap what is committed from now on; what is committed already stays. Raises BadCap."""
    given = [cap for cap in (per_day_minor, per_month_minor) if cap is not None]
    if any(not 0 <= cap <= HIGHEST_CAP_MINOR for cap in given) or given != sorted(given):
        raise BadCap
    tx.execute(
        _SET_CAPS,
        {
            "brand": brand,
            "per_day": per_day_minor,
            "per_month": per_month_minor,
            "day": today(tx, brand, now),
        },
    )
    record(tx, SpendCapChanged(brand=brand, per_day_minor=per_day_minor, per_month_minor=per_month_minor))


def spending(tx: Tx, *, brand: BrandId, now: datetime) -> Spending:
    """What stands in the periods that run now."""
    day = today(tx, brand, now)
    row = tx.scalars(select(BrandSpend).where(BrandSpend.brand_id == brand)).one_or_none()
    if row is None:
        return Spending(per_day_minor=None, per_month_minor=None, day_minor=0, month_minor=0)
    return Spending(
        per_day_minor=row.per_day_minor,
        per_month_minor=row.per_month_minor,
        day_minor=row.day_minor if row.day >= day else 0,
        month_minor=row.month_minor if row.day >= day.replace(day=1) else 0,
    )


def commit_spend(tx: Tx, *, brand: BrandId, ticket: TicketId, amount_minor: int, now: datetime) -> None:
    """Take room for `amount_minor` in the running day and month. Raises CapReached and takes nothing."""
    asked = {"brand": brand, "amount": amount_minor, "day": today(tx, brand, now)}
    taken_on = tx.execute(_TAKE, asked).scalar_one_or_none()
    if taken_on is None:
        raise CapReached
    tx.execute(_KEEP, {"brand": brand, "ticket": ticket, "day": taken_on, "amount": amount_minor})


def note_refusal(tx: Tx, *, brand: BrandId, now: datetime) -> None:
    """A ticket found no room today: from tomorrow on, it may try again."""
    tx.execute(_REFUSED, {"brand": brand, "day": today(tx, brand, now)})


def give_back(tx: Tx, *, brand: BrandId, ticket: TicketId, amount_minor: int) -> None:
    """Room for `amount_minor` that the ticket does not need after all, in the periods it was taken in.

    A period that has ended keeps its figures. More than the ticket still holds is not given back twice.
    """
    left = amount_minor
    for day, amount in tx.execute(_HELD, {"brand": brand, "ticket": ticket}).all():
        part = min(left, amount)
        if part <= 0:
            return
        row = {"brand": brand, "ticket": ticket, "day": day, "amount": part}
        tx.execute(_RELEASE_ALL if part == amount else _RELEASE_PART, row)
        tx.execute(_GIVE_BACK, row)
        left -= part


def find_brand_to_try_again(tx: Tx, *, now: datetime) -> BrandId | None:
    """The brand that waits longest of those whose day has turned since a ticket found no room. It is not locked."""
    found = tx.execute(_TURNED, {"now": now}).scalar_one_or_none()
    return None if found is None else BrandId(found)


def forget_refusal(tx: Tx, *, brand: BrandId, now: datetime) -> None:
    """The brand's tickets have tried again; a refusal of the running day stays noted."""
    tx.execute(_FORGET, {"brand": brand, "day": today(tx, brand, now)})


def today(tx: Tx, brand: BrandId, now: datetime) -> date:
    """The date in the brand's zone."""
    return now.astimezone(ZoneInfo(tx.get_one(Brand, brand).time_zone)).date()


# A request that read the clock just before midnight counts on the day that has begun meanwhile.
_TAKE = text(
    "INSERT INTO brand_spend AS s (brand_id, day, day_minor, month_minor) VALUES (:brand, :day, :amount, :amount) "
    "ON CONFLICT (brand_id) DO UPDATE SET day = greatest(s.day, excluded.day), "
    "day_minor = excluded.day_minor + CASE WHEN s.day >= excluded.day THEN s.day_minor ELSE 0 END, "
    "month_minor = excluded.month_minor "
    "+ CASE WHEN s.day >= date_trunc('month', excluded.day)::date THEN s.month_minor ELSE 0 END "
    "WHERE (s.per_day_minor IS NULL OR excluded.day_minor "
    "+ CASE WHEN s.day >= excluded.day THEN s.day_minor ELSE 0 END <= s.per_day_minor) "
    "AND (s.per_month_minor IS NULL OR excluded.month_minor "
    "+ CASE WHEN s.day >= date_trunc('month', excluded.day)::date THEN s.month_minor ELSE 0 END "
    "<= s.per_month_minor) RETURNING s.day"
)
_KEEP = text(
    "INSERT INTO spend_commitment AS c (brand_id, ticket_id, day, amount_minor) "
    "VALUES (:brand, :ticket, :day, :amount) ON CONFLICT (brand_id, ticket_id, day) "
    "DO UPDATE SET amount_minor = c.amount_minor + excluded.amount_minor"
)
_HELD = text(
    "SELECT day, amount_minor FROM spend_commitment WHERE brand_id = :brand AND ticket_id = :ticket "
    "ORDER BY day DESC FOR UPDATE"
)
_RELEASE_ALL = text(
    "DELETE FROM spend_commitment WHERE brand_id = :brand AND ticket_id = :ticket AND day = :day"
)
_RELEASE_PART = text(
    "UPDATE spend_commitment SET amount_minor = amount_minor - :amount "
    "WHERE brand_id = :brand AND ticket_id = :ticket AND day = :day"
)
_GIVE_BACK = text(
    "UPDATE brand_spend SET day_minor = day_minor - CASE WHEN day = :day THEN :amount ELSE 0 END, "
    "month_minor = month_minor - :amount "
    "WHERE brand_id = :brand AND date_trunc('month', day) = date_trunc('month', CAST(:day AS date))"
)
_SET_CAPS = text(
    "INSERT INTO brand_spend (brand_id, per_day_minor, per_month_minor, day) "
    "VALUES (:brand, :per_day, :per_month, :day) ON CONFLICT (brand_id) "
    "DO UPDATE SET per_day_minor = excluded.per_day_minor, per_month_minor = excluded.per_month_minor"
)
_REFUSED = text(
    "UPDATE brand_spend SET refused_on = greatest(refused_on, CAST(:day AS date)) WHERE brand_id = :brand"
)
_TURNED = text(
    "SELECT s.brand_id FROM brand_spend s JOIN brand b ON b.id = s.brand_id "
    "WHERE s.refused_on < (CAST(:now AS timestamptz) AT TIME ZONE b.time_zone)::date "
    "ORDER BY s.refused_on LIMIT 1"
)
_FORGET = text("UPDATE brand_spend SET refused_on = NULL WHERE brand_id = :brand AND refused_on < :day")
