"""What is missing in a brand's knowledge: the gap list, one gap, coverage."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.outcomes import WorstRow
from workers_ui.presenters.values import EMPTY_FORM, ONE_PAGE, Badge, FilterTab, FormState, Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """A gap in the list; `cost` is None for whom prices are not shown."""

    gap: str
    name: str
    key_words: str
    state: Badge
    tickets: int
    trend: Badge
    recent: str
    escalations: int
    reopens: int
    cost: Money | None
    closed_by: str = ""
    closed_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapsPage:
    template: ClassVar[str] = "brand/gaps.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    states: tuple[FilterTab, ...]
    rows: tuple[GapRow, ...]
    shows_costs: bool = True
    any_gap: bool = True
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class GapExample:
    """A question, and the nearest passage that was not good enough: `match` says how near it was."""

    ticket: str
    number: str
    question: str
    asked_at: datetime
    why: str
    nearest_title: str = ""
    nearest_quote: str = ""
    match: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPart:
    """One of the three parts; `note` says who bears it and where the figure is from."""

    label: str
    note: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class GapCostLine:
    what: str
    how: str
    ticket: str
    number: str
    lost_at: datetime
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTicket:
    """A resolved ticket an article may begin from; `article_href` once one did."""

    ticket: str
    number: str
    subject: str
    worker: str
    resolved_at: datetime
    article_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPage:
    """POST article: ticket. POST dismissal: reason. POST return: csrf alone."""

    template: ClassVar[str] = "brand/gap.html"
    frame: Frame
    slug: str
    brand: str
    row: GapRow
    first_at: datetime
    last_at: datetime
    examples: tuple[GapExample, ...]
    parts: tuple[CostPart, ...]
    whole: Money | None
    lines: tuple[GapCostLine, ...]
    more_lines: int = 0
    sources: tuple[SourceTicket, ...] = ()
    is_open: bool = True
    article_href: str = ""
    article_title: str = ""
    closed_at: datetime | None = None
    dismissed_by: str = ""
    dismissed_at: datetime | None = None
    dismissed_because: str = ""
    can_edit: bool = True
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    category: str
    tickets: int
    covered: int
    partly: int
    missing: int
    share: float
    change: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveragePage:
    template: ClassVar[str] = "brand/coverage.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    since: date
    rows: tuple[CoverageRow, ...]
    caption: str
    whole: CoverageRow | None
    worst: tuple[WorstRow, ...] = ()
    open_gaps: int = 0
