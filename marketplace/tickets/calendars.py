"""Business calendars: how far a number of open seconds reaches, and how many lie between two moments.

Local opening hours become moments by one rule that keeps their order on days when clocks change: a local time
means the first moment whose local time is not before it. A skipped hour is then empty, a repeated one counts whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo

from marketplace.kernel.errors import Invalid
from marketplace.tickets.public_holidays import countries, days_off

MINUTES_A_DAY = 24 * 60
WEEK_DAYS = 7
PERIODS_A_DAY = 6
CLOSED_DAYS_LIMIT = 366
LEAST_OPEN = timedelta(hours=50)
"""Open hours a year a calendar must have: one an ordinary week, nearly."""
LOOK_AHEAD = timedelta(days=366)
LONGEST_WALK = timedelta(days=10 * 366)


class BadCalendar(Invalid):
    """These opening hours cannot be kept."""


class NeverOpen(BadCalendar):
    """With these hours and closed days there is hardly an open hour in a year. Open on more days."""


class OverlappingPeriods(BadCalendar):
    """Two periods of one day overlap. Write each stretch of opening hours once, in order."""


class UnknownHolidays(BadCalendar):
    """We know no public holidays for that country or part of it. Leave it empty and list closed days."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Period:
    """Open on `weekday` (Monday is 0) from minute `opens` of the day to minute `closes`; 1440 is midnight."""

    weekday: int
    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 0 <= self.weekday < WEEK_DAYS or not 0 <= self.opens < self.closes <= MINUTES_A_DAY:
            raise BadCalendar("A period opens before it closes, on one day of the week.")


EVERY_HOUR = tuple(Period(weekday=day, opens=0, closes=MINUTES_A_DAY) for day in range(WEEK_DAYS))


@dataclass(frozen=True, kw_only=True)
class BusinessCalendar:
    """When a brand works. `closed_days` are its own days off, besides the public holidays of `country`."""

    time_zone: str = "UTC"
    periods: tuple[Period, ...] = EVERY_HOUR
    country: str | None = None
    subdivision: str | None = None
    closed_days: frozenset[date] = field(default_factory=frozenset)

    def after(self, start: datetime, seconds: int) -> datetime:
        """The earliest moment by which `seconds` open seconds have passed since `start`.

        A clock that would run for more than ten years ends there: no loop here is without an end.
        """
        if self.is_always_open or seconds <= 0:
            return start + timedelta(seconds=max(seconds, 0))
        left = timedelta(seconds=seconds)
        limit = start + LONGEST_WALK
        for opens, closes in self._open(start, limit):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        return limit

    def between(self, start: datetime, end: datetime) -> int:
        """Whole open seconds from `start` to `end`; none when `end` is not later."""
        if end <= start:
            return 0
        if self.is_always_open:
            return _seconds(end - start)
        return _seconds(sum((closes - opens for opens, closes in self._open(start, end)), timedelta(0)))

    def is_open(self, moment: datetime) -> bool:
        return any(True for _ in self._open(moment, moment + timedelta(microseconds=1)))

    @cached_property
    def is_always_open(self) -> bool:
        return self.country is None and not self.closed_days and _joined(self.periods) == EVERY_HOUR

    def _open(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open stretches between two moments, cut to them, in order."""
        zone = ZoneInfo(self.time_zone)
        # Zones move by up to a day against each other; what lies outside is cut away below.
        day = start.astimezone(zone).date() - timedelta(days=1)
        last = end.astimezone(zone).date()
        while day <= last:
            for period in self._periods_of(day):
                opens = max(_moment(zone, day, period.opens), start)
                closes = min(_moment(zone, day, period.closes), end)
                if opens < closes:
                    yield opens, closes
            day += timedelta(days=1)

    def _periods_of(self, day: date) -> tuple[Period, ...]:
        if day in self.closed_days or self._is_holiday(day):
            return ()
        return self._by_weekday[day.weekday()]

    @cached_property
    def _by_weekday(self) -> tuple[tuple[Period, ...], ...]:
        joined = _joined(self.periods)
        return tuple(tuple(one for one in joined if one.weekday == day) for day in range(WEEK_DAYS))

    def _is_holiday(self, day: date) -> bool:
        return self.country is not None and day in days_off(self.country, self.subdivision, day.year)


ALWAYS_OPEN = BusinessCalendar()


def checked(calendar: BusinessCalendar, *, now: datetime) -> BusinessCalendar:
    """`calendar`, if a brand may have it. Raises a BadCalendar that says what is wrong."""
    for day in range(WEEK_DAYS):
        of_day = sorted(one for one in calendar.periods if one.weekday == day)
        if len(of_day) > PERIODS_A_DAY:
            raise BadCalendar(f"A day has {PERIODS_A_DAY} periods at most.")
        if any(after.opens < before.closes for before, after in pairwise(of_day)):
            raise OverlappingPeriods
    if len(calendar.closed_days) > CLOSED_DAYS_LIMIT:
        raise BadCalendar(f"A calendar has {CLOSED_DAYS_LIMIT} closed days at most.")
    _check_holidays(calendar)
    if calendar.between(now, now + LOOK_AHEAD) < LEAST_OPEN.total_seconds():
        raise NeverOpen
    return calendar


def _check_holidays(calendar: BusinessCalendar) -> None:
    if calendar.country is None:
        if calendar.subdivision is not None:
            raise UnknownHolidays
        return
    parts = countries().get(calendar.country)
    if parts is None or (calendar.subdivision is not None and calendar.subdivision not in parts):
        raise UnknownHolidays


def _joined(periods: tuple[Period, ...]) -> tuple[Period, ...]:
    """The same hours in order, with periods that touch made one."""
    joined: list[Period] = []
    for one in sorted(periods):
        last = joined[-1] if joined else None
        if last is not None and last.weekday == one.weekday and last.closes >= one.opens:
            both = Period(weekday=one.weekday, opens=last.opens, closes=max(last.closes, one.closes))
            joined[-1] = both
        else:
            joined.append(one)
    return tuple(joined)


def _moment(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """The first moment whose local time is not before `minute` of `day`."""
    local = datetime.combine(day, time()) + timedelta(minutes=minute)
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    return _end_of_gap(zone, local, before=local.replace(tzinfo=zone, fold=1).astimezone(UTC), after=moment)


def _end_of_gap(zone: ZoneInfo, local: datetime, *, before: datetime, after: datetime) -> datetime:
    """Clocks skipped `local` between these two moments: when they did, to the second."""
    low, high = 0, _seconds(after - before)
    while low < high:
        middle = (low + high) // 2
        there = (before + timedelta(seconds=middle)).astimezone(zone).replace(tzinfo=None)
        low, high = (low, middle) if there >= local else (middle + 1, high)
    return before + timedelta(seconds=low)


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
