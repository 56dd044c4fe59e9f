"""UTC months and years, without gap or overlap."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.months import BadMonth, month_bounds, month_of, year_bounds


@given(year=st.integers(min_value=1970, max_value=9997), month=st.integers(min_value=1, max_value=12))
def test_months_follow_each_other_without_gap_or_overlap(year: int, month: int) -> None:
    start, end = month_bounds(f"{year:04}-{month:02}")
    assert start == datetime(year, month, 1, tzinfo=UTC)
    assert month_bounds(f"{end:%Y-%m}" if end.year >= 1000 else "1970-01")[0] == end
    assert (end - timedelta(microseconds=1)).month == month


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-00", "26-1x", "", "9999-12", "2026-11-01"])
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(BadMonth):
        month_bounds(month)


@pytest.mark.parametrize("year", ["", "26", "20x6", "9999", "2026-11"])
def test_what_is_no_year_is_refused(year: str) -> None:
    with pytest.raises(BadMonth):
        year_bounds(year)


def test_a_year_is_its_twelve_months() -> None:
    assert year_bounds("2028") == (month_bounds("2028-01")[0], month_bounds("2028-12")[1])
    assert month_bounds("9998-12")[1] == datetime(9999, 1, 1, tzinfo=UTC)
    assert month_of("2028-02") == date(2028, 2, 1)
