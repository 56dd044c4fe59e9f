"""UTC months, as statements and closed periods count them."""

from datetime import UTC, date, datetime

from marketplace.kernel.errors import Invalid


class BadMonth(Invalid):
    """A month is written like 2026-11."""


def month_of(written: str) -> date:
    """The first day of the month written like "2026-11". Raises BadMonth."""
    return month_bounds(written)[0].date()


def month_bounds(written: str) -> tuple[datetime, datetime]:
    """The UTC instants at which the month written like "2026-11" begins and the next one does. Raises BadMonth."""
    try:
        start = datetime.strptime(written, "%Y-%m").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadMonth from error
    if start.year >= 9999:
        raise BadMonth
    end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start, end


def year_bounds(written: str) -> tuple[datetime, datetime]:
    """The UTC instants at which the year written like "2026" begins and the next one does. Raises BadMonth."""
    start, _ = month_bounds(f"{written}-01")
    return start, start.replace(year=start.year + 1)
