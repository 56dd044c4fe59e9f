"""The brand's pages of what is wrong in its knowledge: reports, corrections to customers, contradictions."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, ONE_PAGE, Badge, FilterTab, FormState, Pager


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    href: str
    title: str
    opened_at: datetime
    customers: int
    drafted: int
    leaving: int
    sent: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRow:
    """A revision that changed under sent replies. POST {path}: article, revision."""

    article: str
    revision: str
    article_href: str
    title: str
    revision_label: str
    replies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionsPage:
    template: ClassVar[str] = "brand/corrections.html"
    frame: Frame
    slug: str
    brand: str
    path: str
    tabs: tuple[FilterTab, ...]
    rows: tuple[CorrectionRow, ...]
    changed: tuple[ChangedRow, ...]
    can_send: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedAnswer:
    ticket_href: str
    ticket_number: str
    replied_at: datetime
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeCard:
    """One customer. POST {href}: body, then (save | send). POST {href}/skip: reason. POST {href}/undo: csrf alone."""

    notice: str
    href: str
    customer: str
    state: Badge
    body: str
    grounded: bool
    answers: tuple[CorrectedAnswer, ...]
    drafted: bool
    can_undo: bool
    leaves_at: datetime | None = None
    sent_at: datetime | None = None
    skip_reason: str = ""
    label: str = ""
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPage:
    """POST {path}/sending: notice (several), or all=yes."""

    template: ClassVar[str] = "brand/correction.html"
    frame: Frame
    slug: str
    brand: str
    path: str
    back: str
    title: str
    article_href: str
    row: CorrectionRow
    cards: tuple[NoticeCard, ...]
    label: str
    undo_seconds: int
    can_send: bool
    most_characters: int
    form: FormState = EMPTY_FORM
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedText:
    """A piece of a passage; `marked` pieces are the value that differs."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictingSide:
    title: str
    section_path: str
    article_href: str
    pieces: tuple[MarkedText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionCard:
    """Two passages side by side. POST {href}/dismissal: reason."""

    contradiction: str
    href: str
    kind: str
    state: Badge
    first: ContradictingSide
    second: ContradictingSide
    is_open: bool
    found_at: datetime
    reason: str = ""
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionsPage:
    template: ClassVar[str] = "brand/contradictions.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    filters: tuple[Section, ...]
    cards: tuple[ContradictionCard, ...]
    can_edit: bool
