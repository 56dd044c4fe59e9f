"""The door to the `holidays` library: which days a country, or a part of it, does not work."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import holidays

CACHED_YEARS = 512
_SUNDAY = "Sunday"  # Sweden's law calls every Sunday a holiday; a brand says itself whether it opens then


@lru_cache(maxsize=CACHED_YEARS)
def days_off(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Public holidays of `year` in `country` (ISO 3166-1 alpha-2), in `subdivision` too where one is given.

    Years before or after what the library knows have none.
    """
    found = holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    return frozenset(day for day, name in found.items() if name != _SUNDAY and day.year == year)


@lru_cache(maxsize=1)
def countries() -> Mapping[str, tuple[str, ...]]:
    """Every country the library knows, with the codes of its parts."""
    known = holidays.list_supported_countries(include_aliases=False)
    return {country: tuple(parts) for country, parts in sorted(known.items())}
