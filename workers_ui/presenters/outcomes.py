"""What became of replies: an article's record for its brand, and what is not counted against a worker."""

from dataclasses import dataclass
from datetime import datetime

from workers_ui.presenters.values import Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCountedRow:
    """A reply of the worker's that went badly and was the brand's own answer."""

    ticket: str
    number: str
    brand: str
    title: str
    what: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """`median`: how much of what was put in was edited; empty where nothing was."""

    label: str
    score: Badge
    shown: int
    inserted: int
    as_shown: int
    edited: int
    median: str
    resolved: int
    reopened: int
    rated_low: int
    refused: int
    corrected: int
    faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleReplyRow:
    href: str
    number: str
    used: str
    outcome: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleOutcomes:
    revisions: tuple[RevisionRow, ...]
    replies: tuple[ArticleReplyRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstRow:
    title: str
    href: str
    good: int
    faults: int
    score: Badge
