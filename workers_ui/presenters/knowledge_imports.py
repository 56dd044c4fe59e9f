"""What the templates of a brand's imports are given: how far they are, file by file, and what they would publish."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import ONE_PAGE, Action, Badge, FilterTab, Notice, Pager, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """Also a part by itself; the stream's `kb.progress` moves its bar and, at the end, asks for it again.

    `total` counts the files; `note` is what went wrong with some of them.
    """

    template: ClassVar[str] = "parts/import_progress.html"
    slug: str
    import_id: str
    state: str
    stage_label: str
    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    label: str
    value: int
    hint: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPart:
    """An article inside a file that was not taken."""

    name: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file: where it is, what it gave, or why it was refused and what to do. `retry` is its number, when it can
    be read again: POST retry: file."""

    name: str
    state: Badge
    gave: str = ""
    reason: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    refusals: tuple[RefusedPart, ...] = ()
    more_refusals: int = 0
    retry: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """An article that waits for a look. `decide` leaves it out, or takes it in again."""

    href: str
    title: str
    file: str
    kind: Badge
    passages: int
    repeats: str = ""
    left_out: bool = False
    decide: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptArticle:
    href: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage:
    """POST retry, publish, discard, undo: csrf alone. `drafts` are shown while someone looks before publishing."""

    template: ClassVar[str] = "brand/import.html"
    frame: Frame
    slug: str
    href: str
    state: Badge
    source_label: str
    progress: ImportProgress
    is_running: bool = False
    totals: tuple[Total, ...] = ()
    callouts: tuple[Notice, ...] = ()
    publish: Action | None = None
    discard: Action | None = None
    undo: Action | None = None
    undo_effect: str = ""
    retry: Action | None = None
    draft_tabs: tuple[FilterTab, ...] = ()
    drafts: tuple[DraftRow, ...] = ()
    drafts_pager: Pager = ONE_PAGE
    kept: tuple[KeptArticle, ...] = ()
    file_tabs: tuple[FilterTab, ...] = ()
    files: tuple[FileRow, ...] = ()
    files_pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    href: str
    started_at: datetime
    who: str
    state: Badge
    files: int
    new: int
    changed: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportsPage:
    """All imports of a brand, newest first; each leads to its files and its undo."""

    template: ClassVar[str] = "brand/imports.html"
    frame: Frame
    slug: str
    rows: tuple[ImportRow, ...] = ()
    pager: Pager = ONE_PAGE


class DiffKind(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffPiece:
    kind: DiffKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPassageView:
    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Another article that says the same: both texts stand side by side."""

    title: str
    href: str
    label: str
    text: str
    tone: Tone = Tone.WARN


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPage:
    """One article of an import as it would be published."""

    template: ClassVar[str] = "brand/import_draft.html"
    frame: Frame
    slug: str
    import_href: str
    title: str
    file: str
    kind: Badge
    text: str
    passages: tuple[DraftPassageView, ...]
    notes: tuple[str, ...] = ()
    changed: tuple[DiffPiece, ...] = ()
    title_before: str = ""
    repeats: tuple[Repeat, ...] = ()
    decide: Action | None = None
    left_out: bool = False
    earlier_href: str = ""
    later_href: str = ""
