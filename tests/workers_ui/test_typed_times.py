"""Times and opening hours as people type them: read exactly, written back the same, or refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.errors import Invalid
from marketplace.tickets.calendars import Period
from workers_ui.pages.durations import UnreadableDuration, typed_duration, written_duration
from workers_ui.pages.opening_hours import (
    UnreadableDates,
    UnreadableHours,
    typed_dates,
    typed_periods,
    written_dates,
    written_periods,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24 h", 86_400),
        ("90 min", 5_400),
        ("1 h 30 min", 5_400),
        ("1h30m", 5_400),
        ("20 s", 20),
        (" 5 MIN ", 300),
        ("0 s", 0),
    ],
)
def test_a_time_is_read_with_its_units(text: str, seconds: int) -> None:
    assert typed_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5 days", "h", "-5 min", "5 min 5 min", "1.5 h", "1 h oder so", "9999999 h"]
)
def test_a_time_that_could_mean_anything_is_refused(text: str) -> None:
    with pytest.raises(UnreadableDuration):
        typed_duration(text)


@given(st.integers(0, 10_000_000))
def test_a_written_time_is_read_back(seconds: int) -> None:
    assert typed_duration(written_duration(seconds)) == seconds


@pytest.mark.parametrize(
    "text", ["9:00-12:00, 13:00-17:30", "9:00–12:00,13.00–17.30", "09:00 to 12:00, 13:00 to 17:30"]
)
def test_opening_hours_are_read_however_they_are_typed(text: str) -> None:
    assert typed_periods(2, text) == (
        Period(weekday=2, opens=540, closes=720),
        Period(weekday=2, opens=780, closes=1050),
    )


def test_a_closed_day_is_empty_and_midnight_is_24() -> None:
    assert typed_periods(0, " ") == ()
    assert typed_periods(0, "0:00-24:00") == (Period(weekday=0, opens=0, closes=1440),)


@pytest.mark.parametrize(
    "text", ["9-17", "9:00", "17:00-9:00", "9:00-25:00", "9:60-10:00", "open", "9:00-9:00"]
)
def test_hours_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(UnreadableHours):
        typed_periods(0, text)


def test_a_night_is_explained() -> None:
    with pytest.raises(UnreadableHours, match="on the next day"):
        typed_periods(0, "22:00-6:00")


@given(st.lists(st.integers(0, 1440), min_size=2, max_size=12, unique=True))
def test_written_hours_are_read_back(edges: list[int]) -> None:
    edges = sorted(edges)[: len(edges) // 2 * 2]
    own = tuple(Period(weekday=3, opens=a, closes=b) for a, b in zip(edges[::2], edges[1::2], strict=True))
    noise = Period(weekday=4, opens=0, closes=60)
    assert typed_periods(3, written_periods(3, (*own, noise))) == own


def test_dates_stand_one_a_line() -> None:
    days = frozenset([date(2026, 12, 31), date(2026, 12, 24)])
    assert written_dates(days) == "2026-12-24\n2026-12-31"
    assert typed_dates("2026-12-24\r\n\r\n 2026-12-31", limit=2) == days
    for text, limit in (("24.12.2026", 5), ("2026-13-01", 5), ("2026-12-24\n2026-12-31", 1)):
        with pytest.raises(UnreadableDates):
            typed_dates(text, limit=limit)


def test_refusals_are_for_people() -> None:
    assert issubclass(UnreadableDuration, Invalid)
    assert "24 h" in UnreadableDuration().detail
