"""Views of one article: its editor, its history, its dates; and of what is to be checked."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Badge, Choice, FilterTab, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One of an article's pages."""

    label: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """A step of the schedule in words; `starts` is what the form that cancels it sends, empty when none may."""

    text: str
    starts_at: datetime
    starts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Who answers for an article. POST owner: owner, verify_days. POST verify: csrf alone."""

    owner_name: str
    owner: str
    owners: tuple[Choice, ...]
    own_days: str
    every_days: int
    state: Badge
    verified_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpublishedDraft:
    """A revision that may be published. POST publish: revision, starts, ends."""

    heading: str
    revision: int
    author: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedPassage:
    section_path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffStretch:
    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """`change` is same, added, removed or skipped; the sign and the word say it without colour."""

    change: str
    sign: str = ""
    word: str = ""
    stretches: tuple[DiffStretch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffView:
    title: str
    summary: str
    rows: tuple[DiffRow, ...]
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorName:
    name: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleConflict:
    """What somebody else saved meanwhile: their text in full, and how it differs from what is typed here."""

    author: str
    revision: int
    written_at: datetime
    text: str
    diff: DiffView


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleEditorPage:
    """POST: title, text, note, base, starts, ends, and `do`: preview, draft or publish.

    `base` is the revision the text was written over; another one by then is a conflict. `presence_href` is posted to
    while the page is open; empty for an article that is not there yet.
    """

    template: ClassVar[str] = "brand/article_editor.html"
    frame: Frame
    slug: str
    article: str
    title: str
    action: str
    back_href: str
    base: int
    text: str
    time_zone: str
    presence_href: str = ""
    editors: tuple[EditorName, ...] = ()
    preview: tuple[QuotedPassage, ...] = ()
    previewed: bool = False
    notes: tuple[str, ...] = ()
    conflict: ArticleConflict | None = None
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class EditorsPart:
    """Who else has the article open: the answer to the page's own saying so."""

    template: ClassVar[str] = "parts/article_editors.html"
    frame: Frame
    editors: tuple[EditorName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    number: int
    title: str
    note: str
    author: str
    written_at: datetime
    state: Badge | None = None
    restorable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """A time at which one revision held, or nothing did."""

    text: str
    starts_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleHistoryPage:
    """GET ?before=…&after=… compares two. POST restore: revision."""

    template: ClassVar[str] = "brand/article_history.html"
    frame: Frame
    slug: str
    article: str
    title: str
    sections: tuple[Section, ...]
    revisions: tuple[RevisionRow, ...]
    held: tuple[HeldRow, ...]
    choices: tuple[Choice, ...]
    before: str = ""
    after: str = ""
    diff: DiffView | None = None
    can_edit: bool = True
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class DueArticle:
    article: str
    title: str
    state: Badge
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersArticles:
    owner: str
    articles: tuple[DueArticle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeChecksPage:
    """POST rules: verified_only, verify_days. POST verify per article."""

    template: ClassVar[str] = "brand/knowledge_checks.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    owners: tuple[OwnersArticles, ...]
    more: bool
    verified_only: bool
    verify_days: int
    can_edit: bool = True
    form: FormState = EMPTY_FORM
