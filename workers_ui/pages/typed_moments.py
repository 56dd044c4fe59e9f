"""Days and times as a person types them into a date field, in the brand's zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

from marketplace.kernel.errors import Invalid

FORMAT = "%Y-%m-%dT%H:%M"
FIRST_YEAR, LAST_YEAR = 2000, 2100


class UnreadableMoment(Invalid):
    """Write a day and a time, such as 2026-12-01 08:00, between the years 2000 and 2100."""


def typed_moment(text: str, zone: str) -> datetime | None:
    """None for an empty field. An hour that the clocks skip is the hour after. Raises UnreadableMoment."""
    plain = text.strip().replace(" ", "T")
    if not plain:
        return None
    if "T" not in plain:
        plain += "T00:00"
    try:
        local = datetime.strptime(plain[:16], FORMAT)  # noqa: DTZ007 - the zone is put on below
    except ValueError:
        raise UnreadableMoment from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise UnreadableMoment
    return local.replace(tzinfo=ZoneInfo(zone))


def written_moment(moment: datetime | None, zone: str) -> str:
    return "" if moment is None else moment.astimezone(ZoneInfo(zone)).strftime(FORMAT)
