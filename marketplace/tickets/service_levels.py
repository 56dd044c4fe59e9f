"""What a brand promises: its calendar, its three clocks by channel, its ladder; and setting them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.fields import known_time_zone
from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId
from marketplace.tickets.calendars import BusinessCalendar, Period, checked
from marketplace.tickets.models import Channel
from marketplace.tickets.service_models import BusinessHours, ClockKind, SlaPolicy

LEAST_MINUTES = 1
MOST_MINUTES = 90 * 24 * 60
LONGEST_PROMISE = timedelta(days=366)


class BadPromise(Invalid):
    """Each clock takes from one minute to 90 days of opening hours."""


class PromiseTooLong(Invalid):
    """With these opening hours a clock would run for more than a year. Open for longer, or promise less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Business minutes until the first reply, until each next one, and until the resolution."""

    first_minutes: int
    next_minutes: int
    resolution_minutes: int

    def seconds(self, kind: ClockKind) -> int:
        match kind:
            case ClockKind.FIRST:
                return self.first_minutes * 60
            case ClockKind.NEXT:
                return self.next_minutes * 60
            case ClockKind.RESOLUTION:
                return self.resolution_minutes * 60


DEFAULT_PROMISES: Mapping[Channel, Promise] = {
    Channel.EMAIL: Promise(first_minutes=24 * 60, next_minutes=24 * 60, resolution_minutes=72 * 60),
    Channel.CHAT: Promise(first_minutes=60, next_minutes=60, resolution_minutes=8 * 60),
}


def calendar_of(tx: Tx, brand: BrandId) -> BusinessCalendar:
    """When `brand` works: always, in its own time zone, until it says otherwise."""
    row = tx.get(BusinessHours, brand)
    if row is None:
        zone = tx.scalar(select(Brand.time_zone).where(Brand.id == brand))
        return BusinessCalendar(time_zone=zone or "UTC")
    return BusinessCalendar(
        time_zone=row.time_zone,
        periods=tuple(Period(weekday=day, opens=opens, closes=closes) for day, opens, closes in row.periods),
        country=row.country,
        subdivision=row.subdivision,
        closed_days=frozenset(row.closed_days),
    )


def promise_of(tx: Tx, brand: BrandId, channel: Channel) -> Promise:
    row = tx.get(SlaPolicy, (brand, channel))
    if row is None:
        return DEFAULT_PROMISES[channel]
    return Promise(
        first_minutes=row.first_minutes,
        next_minutes=row.next_minutes,
        resolution_minutes=row.resolution_minutes,
    )


def promises_of(tx: Tx, brand: BrandId) -> dict[Channel, Promise]:
    return {channel: promise_of(tx, brand, channel) for channel in Channel}


def set_calendar(tx: Tx, *, brand: BrandId, calendar: BusinessCalendar, now: datetime) -> None:
    """Clocks that start from now on follow `calendar`. Raises BadCalendar, UnknownTimeZone, PromiseTooLong."""
    wanted = checked(replace(calendar, time_zone=known_time_zone(calendar.time_zone)), now=now)
    for promise in promises_of(tx, brand).values():
        _check_reach(wanted, promise, now)
    values = {
        "time_zone": wanted.time_zone,
        "periods": [[one.weekday, one.opens, one.closes] for one in sorted(wanted.periods)],
        "country": wanted.country,
        "subdivision": wanted.subdivision,
        "closed_days": sorted(wanted.closed_days),
    }
    made = insert(BusinessHours).values(brand_id=brand, **values)
    kept = made.on_conflict_do_update(index_elements=[BusinessHours.brand_id], set_=values)
    tx.scalars(kept.returning(BusinessHours), execution_options={"populate_existing": True}).one()


def set_promise(tx: Tx, *, brand: BrandId, channel: Channel, promise: Promise, now: datetime) -> None:
    """Clocks of `channel` that start from now on run this long. Raises BadPromise, PromiseTooLong."""
    minutes = (promise.first_minutes, promise.next_minutes, promise.resolution_minutes)
    if not all(LEAST_MINUTES <= one <= MOST_MINUTES for one in minutes):
        raise BadPromise
    if promise.resolution_minutes < promise.first_minutes:
        raise BadPromise("A resolution cannot be due before the first reply.")
    _check_reach(calendar_of(tx, brand), promise, now)
    values = {
        "first_minutes": promise.first_minutes,
        "next_minutes": promise.next_minutes,
        "resolution_minutes": promise.resolution_minutes,
    }
    made = insert(SlaPolicy).values(brand_id=brand, channel=channel, **values)
    kept = made.on_conflict_do_update(index_elements=[SlaPolicy.brand_id, SlaPolicy.channel], set_=values)
    tx.scalars(kept.returning(SlaPolicy), execution_options={"populate_existing": True}).one()


def _check_reach(calendar: BusinessCalendar, promise: Promise, now: datetime) -> None:
    for kind in ClockKind:
        if calendar.after(now, promise.seconds(kind)) > now + LONGEST_PROMISE:
            raise PromiseTooLong
