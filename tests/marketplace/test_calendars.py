"""Business hours: the two questions agree with each other on every calendar, in every zone, on every day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marketplace.tickets.calendars import (
    ALWAYS_OPEN,
    EVERY_HOUR,
    LONGEST_WALK,
    BadCalendar,
    BusinessCalendar,
    NeverOpen,
    OverlappingPeriods,
    Period,
    UnknownHolidays,
    checked,
)
from marketplace.tickets.public_holidays import days_off

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
# Zones with ordinary, half-hour and midnight changes, and one that skipped a whole day.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia")


def office(zone: str = "Europe/Berlin", **changes: object) -> BusinessCalendar:
    """Monday to Friday, 9 to 12 and 13 to 18."""
    hours = ((540, 720), (780, 1080))
    periods = tuple(Period(weekday=day, opens=a, closes=b) for day in range(5) for a, b in hours)
    return BusinessCalendar(time_zone=zone, periods=periods, **changes)  # type: ignore[arg-type]  # keywords pass through


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@st.composite
def periods(draw: st.DrawFn) -> tuple[Period, ...]:
    found = []
    for day in draw(st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True)):
        count = draw(st.integers(1, 3))
        edges = sorted(
            draw(st.lists(st.integers(0, 1440), min_size=2 * count, max_size=2 * count, unique=True))
        )
        pairs = zip(edges[::2], edges[1::2], strict=True)
        found += [Period(weekday=day, opens=opens, closes=closes) for opens, closes in pairs]
    return tuple(found)


@st.composite
def calendars(draw: st.DrawFn) -> BusinessCalendar:
    near_changes = st.dates(date(2011, 12, 20), date(2012, 1, 5)) | st.dates(
        date(2026, 3, 1), date(2026, 11, 10)
    )
    return BusinessCalendar(
        time_zone=draw(st.sampled_from(ZONES)),
        periods=draw(periods() | st.just(EVERY_HOUR)),
        country=draw(st.sampled_from((None, "US", "DE"))),
        closed_days=frozenset(draw(st.lists(near_changes, max_size=5))),
    )


seconds = st.integers(0, 60 * 3600)


def moments_between(first: datetime, last: datetime) -> st.SearchStrategy[datetime]:
    """Whole seconds: what the calendar counts in."""
    stamps = st.integers(int(first.timestamp()), int(last.timestamp()))
    return stamps.map(lambda stamp: datetime.fromtimestamp(stamp, UTC))


moments = st.one_of(
    [
        moments_between(
            datetime(2011, 12, 25, tzinfo=UTC), datetime(2012, 1, 3, tzinfo=UTC)
        ),  # Samoa skips a day
        moments_between(datetime(2026, 3, 5, tzinfo=UTC), datetime(2026, 4, 8, tzinfo=UTC)),
        moments_between(datetime(2026, 9, 25, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)),
    ]
)


@given(calendars(), moments, seconds)
def test_what_lies_before_a_deadline_is_what_was_asked_for(
    calendar: BusinessCalendar, start: datetime, wanted: int
) -> None:
    assert calendar.between(start, calendar.after(start, wanted)) == wanted


@given(calendars(), moments, seconds)
def test_a_deadline_is_the_earliest_that_could_be(
    calendar: BusinessCalendar, start: datetime, wanted: int
) -> None:
    due = calendar.after(start, wanted)
    assert due >= start
    if wanted:
        assert calendar.between(start, due - timedelta(seconds=1)) == wanted - 1


@given(calendars(), moments, seconds, seconds)
def test_waiting_twice_is_waiting_once_for_the_sum(
    calendar: BusinessCalendar, start: datetime, first: int, second: int
) -> None:
    at_once = calendar.after(start, first + second)
    # A clock ends after ten years at the latest, and a second wait would begin another ten.
    assume(at_once < start + LONGEST_WALK)
    assert calendar.after(calendar.after(start, first), second) == at_once


@given(calendars(), moments, seconds, seconds)
def test_more_time_is_never_due_earlier_and_a_later_start_never_either(
    calendar: BusinessCalendar, start: datetime, first: int, more: int
) -> None:
    assert calendar.after(start, first) <= calendar.after(start, first + more)
    assert calendar.after(start, first) <= calendar.after(start + timedelta(seconds=more), first)


@given(calendars(), moments, seconds, seconds)
def test_stretches_add_up(calendar: BusinessCalendar, start: datetime, first: int, second: int) -> None:
    middle = start + timedelta(seconds=first)
    end = middle + timedelta(seconds=second)
    parts = calendar.between(start, middle) + calendar.between(middle, end)
    assert calendar.between(start, end) == parts
    assert 0 <= calendar.between(start, end) <= first + second
    assert calendar.between(end, start) == 0


@given(calendars(), moments)
def test_a_closed_day_holds_no_time(calendar: BusinessCalendar, start: datetime) -> None:
    day = start.astimezone(ZoneInfo(calendar.time_zone)).date()
    without = BusinessCalendar(
        time_zone=calendar.time_zone, periods=calendar.periods, closed_days=frozenset([day])
    )
    assert not without.is_open(start)


def test_a_ticket_of_friday_afternoon_is_due_on_monday_morning() -> None:
    due = office().after(berlin("2026-11-27T17:30"), 2 * 3600)
    assert due == berlin("2026-11-30T10:30")


def test_the_lunch_break_does_not_count() -> None:
    assert office().between(berlin("2026-11-26T11:00"), berlin("2026-11-26T14:00")) == 2 * 3600
    assert not office().is_open(berlin("2026-11-26T12:30"))


def test_public_holidays_and_own_closed_days_do_not_count() -> None:
    calendar = office(country="DE", closed_days=frozenset([date(2026, 12, 28)]))
    # 24 December is a Thursday and no holiday; the 25th is one, 26 and 27 are the weekend, the 28th is closed.
    assert calendar.after(berlin("2026-12-24T17:00"), 2 * 3600) == berlin("2026-12-29T10:00")


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    epiphany = date(2027, 1, 6)
    assert epiphany in days_off("DE", "BY", 2027)
    assert epiphany not in days_off("DE", "BE", 2027)


def test_a_country_whose_law_rests_on_sundays_may_still_be_open_then() -> None:
    assert date(2026, 11, 29) not in days_off("SE", None, 2026)


def test_the_hour_that_clocks_skip_is_empty_and_the_one_they_repeat_counts_twice() -> None:
    nights = BusinessCalendar(
        time_zone="Europe/Berlin",
        periods=tuple(Period(weekday=day, opens=120, closes=180) for day in range(7)),
    )
    forward, back = berlin("2026-03-29T00:00"), berlin("2026-10-25T00:00")
    assert nights.between(forward, forward + timedelta(hours=20)) == 0
    assert nights.between(back, back + timedelta(hours=20)) == 2 * 3600


def test_always_open_is_the_clock_on_the_wall() -> None:
    assert ALWAYS_OPEN.after(NOW, 86_400) == NOW + timedelta(days=1)
    halves = tuple(
        Period(weekday=day, opens=opens, closes=opens + 720) for day in range(7) for opens in (0, 720)
    )
    assert BusinessCalendar(periods=halves).is_always_open
    assert not BusinessCalendar(country="DE").is_always_open


def test_a_clock_never_walks_further_than_ten_years() -> None:
    rare = BusinessCalendar(periods=(Period(weekday=0, opens=0, closes=1),))
    assert rare.after(NOW, 10**9) == NOW + timedelta(days=3660)


@pytest.mark.parametrize(
    ("calendar", "refusal"),
    [
        (BusinessCalendar(periods=()), NeverOpen),
        (BusinessCalendar(periods=(Period(weekday=0, opens=0, closes=10),)), NeverOpen),
        (
            BusinessCalendar(
                periods=(Period(weekday=0, opens=0, closes=1440),),
                closed_days=frozenset(date(2026, 11, 30) + timedelta(weeks=week) for week in range(53)),
            ),
            NeverOpen,
        ),
        (
            BusinessCalendar(
                periods=(
                    Period(weekday=0, opens=540, closes=720),
                    Period(weekday=0, opens=700, closes=1080),
                )
            ),
            OverlappingPeriods,
        ),
        (BusinessCalendar(country="XX"), UnknownHolidays),
        (BusinessCalendar(country="DE", subdivision="QQ"), UnknownHolidays),
        (BusinessCalendar(subdivision="BY"), UnknownHolidays),
        (
            BusinessCalendar(
                periods=tuple(Period(weekday=0, opens=h * 60, closes=h * 60 + 30) for h in range(7))
            ),
            BadCalendar,
        ),
        (
            BusinessCalendar(
                closed_days=frozenset(date(2030, 1, 1) + timedelta(days=day) for day in range(367))
            ),
            BadCalendar,
        ),
    ],
)
def test_a_calendar_that_cannot_be_kept_is_refused(
    calendar: BusinessCalendar, refusal: type[BadCalendar]
) -> None:
    with pytest.raises(refusal):
        checked(calendar, now=NOW)


@pytest.mark.parametrize(("weekday", "opens", "closes"), [(7, 0, 60), (-1, 0, 60), (0, 60, 60), (0, 0, 1441)])
def test_a_period_that_is_none_is_refused(weekday: int, opens: int, closes: int) -> None:
    with pytest.raises(BadCalendar):
        Period(weekday=weekday, opens=opens, closes=closes)


def test_an_ordinary_calendar_is_accepted() -> None:
    assert checked(office(country="DE", subdivision="BY"), now=NOW).is_open(berlin("2026-11-27T10:00"))
    assert checked(ALWAYS_OPEN, now=NOW) is ALWAYS_OPEN
