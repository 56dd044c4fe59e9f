"""The books, as finance reads them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """One sentence of the proof, with what was found."""

    sentence: str
    said: str
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class HandPosting:
    sentence: str
    reason: str
    proposed_by: str
    amount: Money
    approve: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakCard:
    """POST {href}/resolution: note; {href}/postings: debit, credit, amount, reason. `form` is of the one just sent."""

    href: str
    title: str
    about: tuple[str, ...]
    at_stripe: Money
    in_ledger: Money
    opened_at: datetime
    owner: str
    stops: bool
    take: Action | None
    may_resolve: bool
    postings: tuple[HandPosting, ...]
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeRow:
    worker: str
    account: str
    balance: Money
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    day: date
    said: str
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksPage:
    template: ClassVar[str] = "finance/books.html"
    frame: Frame
    verdict: Notice
    ran_at: datetime | None
    proven: tuple[Proven, ...]
    breaks: tuple[BreakCard, ...]
    negative: tuple[NegativeRow, ...]
    days: tuple[DayRow, ...]
    accounts: tuple[Choice, ...]
