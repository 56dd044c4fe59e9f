"""The brand's pages of imported files: choosing one, looking at it before the import, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLink:
    href: str
    file_name: str
    state: Badge
    lines: int
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketImportsPage:
    """POST imports: file."""

    template: ClassVar[str] = "brand/ticket_imports.html"
    frame: Frame
    slug: str
    brand: str
    imports: tuple[ImportLink, ...] = ()
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoice:
    """A thing a ticket has, and the columns it may come from; `sample` is what stands there in the first line."""

    name: str
    label: str
    value: str
    required: bool
    hint: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """A line as the ticket it would become, or why it becomes none."""

    line: int
    problem: str = ""
    subject: str = ""
    text: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    line: int
    reason: str
    href: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTotal:
    label: str
    value: int
    hint: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketImportPage:
    """A draft has `columns`, `choices`, `preview`, `commit` and `discard`; a running one `done` of `total`.

    POST columns: the name of each column choice, channel, language, category.
    """

    template: ClassVar[str] = "brand/ticket_import.html"
    frame: Frame
    slug: str
    import_id: str
    href: str
    file_name: str
    state: Badge
    headline: str
    totals: tuple[ImportTotal, ...]
    is_draft: bool = False
    is_running: bool = False
    done: int = 0
    total: int = 0
    columns: tuple[ColumnChoice, ...] = ()
    choices: tuple[Choice, ...] = ()
    channels: tuple[Choice, ...] = ()
    languages: tuple[Choice, ...] = ()
    categories: tuple[Choice, ...] = ()
    preview: tuple[PreviewRow, ...] = ()
    problems: tuple[LineProblem, ...] = ()
    more_problems: int = 0
    errors_href: str = ""
    commit: Action | None = None
    discard: Action | None = None
    undo: Action | None = None
    callouts: tuple[Notice, ...] = ()
    form: FormState = EMPTY_FORM
