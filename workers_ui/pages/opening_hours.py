"""Opening hours as a person types and reads them: "9:00–12:00, 13:00–17:30", and nothing for a closed day."""

import re
from collections.abc import Iterable
from datetime import date

from marketplace.kernel.errors import Invalid
from marketplace.tickets.calendars import MINUTES_A_DAY, PERIODS_A_DAY, BadCalendar, Period

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PERIOD = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})\s*(?:-|–|to)\s*([0-9]{1,2})[:.]([0-9]{2})")


class UnreadableHours(Invalid):
    """Write opening hours such as 9:00–17:30, several with commas between; leave a closed day empty."""


class UnreadableDates(Invalid):
    """Write one date a line, such as 2026-12-24."""


def typed_periods(weekday: int, text: str) -> tuple[Period, ...]:
    """Raises UnreadableHours."""
    stretches = [part.strip() for part in text.split(",") if part.strip()]
    if len(stretches) > PERIODS_A_DAY:
        raise UnreadableHours(f"A day has {PERIODS_A_DAY} stretches of opening hours at most.")
    return tuple(_period(weekday, stretch) for stretch in stretches)


def written_periods(weekday: int, periods: Iterable[Period]) -> str:
    own = sorted(one for one in periods if one.weekday == weekday)
    return ", ".join(f"{written_minute(one.opens)}–{written_minute(one.closes)}" for one in own)


def typed_dates(text: str, *, limit: int) -> frozenset[date]:
    """Raises UnreadableDates."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > limit:
        raise UnreadableDates(f"A calendar has {limit} closed days at most.")
    try:
        return frozenset(date.fromisoformat(line) for line in lines)
    except ValueError:
        raise UnreadableDates from None


def written_dates(days: Iterable[date]) -> str:
    return "\n".join(day.isoformat() for day in sorted(days))


def written_minute(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def _period(weekday: int, text: str) -> Period:
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise UnreadableHours
    opens, closes = _minute(found[1], found[2]), _minute(found[3], found[4])
    try:
        return Period(weekday=weekday, opens=opens, closes=closes)
    except BadCalendar:
        raise UnreadableHours(
            f"{text} does not open before it closes on one day. For a night, write 22:00–24:00 here "
            "and 0:00–6:00 on the next day."
        ) from None


def _minute(hours: str, minutes: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > MINUTES_A_DAY:
        raise UnreadableHours
    return minute
