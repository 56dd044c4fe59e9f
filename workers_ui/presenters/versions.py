"""Versions of what a brand chose, as a page lists them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """`summary` says what it is in a few words; `by` is empty where no person chose it."""

    version: int
    summary: str
    written_at: datetime
    by: str
