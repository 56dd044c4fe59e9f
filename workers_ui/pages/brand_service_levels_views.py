"""Service levels in words: times as they are typed, choices, and what a promise means on an ordinary Friday."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale

from marketplace.kernel.money import Money
from marketplace.tickets.calendars import ALWAYS_OPEN, BusinessCalendar, Period
from marketplace.tickets.ladder_plan import Ladder
from marketplace.tickets.lease_plan import LEAST, MOST, LeasePlan
from marketplace.tickets.models import Channel
from marketplace.tickets.public_holidays import countries
from marketplace.tickets.service_levels import Promise
from workers_ui.pages.durations import written_duration
from workers_ui.pages.opening_hours import WEEKDAYS, written_periods
from workers_ui.presenters import service_levels as views
from workers_ui.presenters.values import Choice
from workers_ui.templating import decimal_input

CHANNELS: Mapping[Channel, str] = {Channel.EMAIL: "E-mail", Channel.CHAT: "Chat"}
PROMISES = {
    "first_minutes": "First reply",
    "next_minutes": "Each next reply",
    "resolution_minutes": "Resolution",
}
LEASES = {
    "read_seconds": "To read and tag",
    "reply_seconds": "To the first reply",
    "follow_up_seconds": "To follow up",
}
BASIS_POINTS_A_PERCENT = 100
BEFORE_CLOSING = 30
FRIDAY = 4
WEEKS_AHEAD = 8


def days(calendar: BusinessCalendar) -> tuple[views.DayField, ...]:
    return tuple(
        views.DayField(name=day.lower(), label=day, value=written_periods(number, calendar.periods))
        for number, day in enumerate(WEEKDAYS)
    )


def clock_fields(promises: Mapping[Channel, Promise]) -> tuple[views.ChannelTimes, ...]:
    return tuple(
        views.ChannelTimes(
            channel=channel.value,
            label=CHANNELS[channel],
            fields=tuple(
                views.TimeField(
                    name=f"{channel}_{name}",
                    label=label,
                    value=written_duration(getattr(promise, name) * 60),
                )
                for name, label in PROMISES.items()
            ),
        )
        for channel, promise in promises.items()
    )


def lease_fields(plans: Mapping[Channel, LeasePlan]) -> tuple[views.ChannelTimes, ...]:
    return tuple(
        views.ChannelTimes(
            channel=channel.value,
            label=CHANNELS[channel],
            fields=tuple(
                views.TimeField(
                    name=f"{channel}_{name}",
                    label=label,
                    value=written_duration(getattr(plan, name)),
                    hint=lease_range(channel, name),
                )
                for name, label in LEASES.items()
            ),
        )
        for channel, plan in plans.items()
    )


def lease_limits(channel: Channel, name: str) -> tuple[int, int]:
    """The fewest and the most seconds that `channel` may have for the step `name`."""
    return asdict(LEAST[channel])[name], asdict(MOST[channel])[name]


def lease_range(channel: Channel, name: str) -> str:
    least, most = lease_limits(channel, name)
    return f"{written_duration(least)} to {written_duration(most)}"


def ladder_fields(ladder: Ladder, *, currency: str | None, spent_minor: int) -> views.LadderFields:
    budget = Money(amount_minor=ladder.daily_budget_minor, currency=currency) if currency else None
    return views.LadderFields(
        notify=_percent(ladder.notify_percent),
        raise_at=_percent(ladder.raise_percent),
        raise_every=str(ladder.raise_every_percent),
        raise_step=_points(ladder.raise_step_basis_points),
        raise_cap=_points(ladder.raise_cap_basis_points),
        budget=decimal_input(budget) if budget and budget.amount_minor else "",
        widen=_percent(ladder.widen_percent),
        give_back=_percent(ladder.give_back_percent),
        currency=(currency or "").upper(),
        spent_today=Money(amount_minor=spent_minor, currency=currency) if currency else None,
    )


def previews(
    calendar: BusinessCalendar, promises: Mapping[Channel, Promise], *, now: datetime
) -> tuple[str, ...]:
    """ "An e-mail ticket posted on Friday 17:30 is due …", for each channel."""
    posted = _shortly_before_closing(calendar, now)
    return tuple(_preview(calendar, channel, promise, posted) for channel, promise in promises.items())


@cache
def time_zones() -> tuple[Choice, ...]:
    """Zones by place, as people know them; old names and fixed offsets are left out."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return tuple(
        Choice(value=name, label=name.replace("_", " ")) for name in ("UTC", *places) if _is_place(name)
    )


@cache
def holiday_countries() -> tuple[Choice, ...]:
    names = Locale("en").territories
    known = [(str(names.get(code, code)), code) for code in countries()]
    return tuple(Choice(value=code, label=name) for name, code in sorted(known))


def _preview(calendar: BusinessCalendar, channel: Channel, promise: Promise, posted: datetime) -> str:
    first = calendar.after(posted, promise.first_minutes * 60)
    resolution = calendar.after(posted, promise.resolution_minutes * 60)
    kind = "An e-mail ticket" if channel is Channel.EMAIL else "A chat ticket"
    return (
        f"{kind} posted {_spoken(posted, posted, calendar)} is due for its first reply "
        f"{_spoken(first, posted, calendar)}, and to be resolved {_spoken(resolution, posted, calendar)}."
    )


def _spoken(moment: datetime, since: datetime, calendar: BusinessCalendar) -> str:
    local = moment.astimezone(ZoneInfo(calendar.time_zone))
    text = f"{WEEKDAYS[local.weekday()]} {local:%-H:%M}"
    return text if moment - since < timedelta(days=6) else f"{text} ({local:%-d %B})"


def _shortly_before_closing(calendar: BusinessCalendar, now: datetime) -> datetime:
    """Half an hour before the week's last closing time on the next such day that is open."""
    last = _last_period(calendar)
    minute = max(last.opens, last.closes - BEFORE_CLOSING) if last.closes < 24 * 60 else 17 * 60 + 30
    zone = ZoneInfo(calendar.time_zone)
    found = (_at(day, minute, zone) for day in _next_days(now.astimezone(zone).date(), last.weekday))
    open_ones = (moment for moment in found if calendar.is_open(moment))
    return next(open_ones, _at(now.astimezone(zone).date(), minute, zone))


def _last_period(calendar: BusinessCalendar) -> Period:
    in_week = [one for one in calendar.periods if one.weekday <= FRIDAY]
    return max(in_week or calendar.periods or ALWAYS_OPEN.periods)


def _next_days(today: date, weekday: int) -> Iterator[date]:
    first = today + timedelta(days=(weekday - today.weekday()) % 7)
    return (first + timedelta(weeks=week) for week in range(WEEKS_AHEAD))


def _at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    return (datetime.combine(day, time()) + timedelta(minutes=minute)).replace(tzinfo=zone)


def _percent(value: int | None) -> str:
    return "" if value is None else str(value)


def _points(basis_points: int) -> str:
    return f"{basis_points / BASIS_POINTS_A_PERCENT:g}"


def _is_place(name: str) -> bool:
    return not name.startswith(
        ("SystemV/", "posix/", "right/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/")
    )
