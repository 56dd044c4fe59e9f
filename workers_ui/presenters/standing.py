"""A worker's standing as the worker reads it: what was decided, why, since when, and the way to object."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A warning, a suspension or a kill switch; `notes` are sentences below it, such as when it ended."""

    title: str
    reason: str
    text: str
    since: datetime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealStory:
    text: str
    written_at: datetime
    state: Badge
    answer: str = ""
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingPage:
    """POST appeal: text."""

    template: ClassVar[str] = "worker/standing.html"
    frame: Frame
    state: Badge
    suspension: Verdict | None = None
    can_appeal: bool = False
    cannot_because: str = ""
    appeals: tuple[AppealStory, ...] = ()
    stops: tuple[Verdict, ...] = ()
    warnings: tuple[Verdict, ...] = ()
    earlier: tuple[Verdict, ...] = ()
    form: FormState = EMPTY_FORM
