"""The brand's pages of what is wrong in its knowledge: reports, corrections to customers, contradictions."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Badge, FilterTab, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageReportLine:
    worker_alias: str
    ticket_href: str
    ticket_number: str
    reason: str
    note: str
    reported_at: datetime
    state: Badge
    decision_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongPassageCard:
    """A reported text. POST {href}/confirmation: csrf alone. POST {href}/dismissal, {href}/lifting: reason.
    POST {correct_href}: csrf alone, opens the corrections."""

    report: str
    href: str
    title: str
    article_href: str
    quoted: str
    state: Badge
    holds: bool
    quarantined_at: datetime | None
    reports: tuple[PassageReportLine, ...]
    can_confirm: bool
    can_dismiss: bool
    correct_href: str = ""
    replies: int = 0
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongPassagesPage:
    """POST {path}/policy: reports."""

    template: ClassVar[str] = "brand/wrong.html"
    frame: Frame
    slug: str
    brand: str
    path: str
    tabs: tuple[FilterTab, ...]
    filters: tuple[FilterTab, ...]
    cards: tuple[WrongPassageCard, ...]
    reports_needed: int
    most_reports: int
    can_edit: bool
    form: FormState = EMPTY_FORM
