"""The control page of a brand's stages: where it stands, what its gates count, every move with its numbers."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, ONE_PAGE, Badge, Choice, FormState, Pager, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStep:
    """One stage of the way; `note` says how it relates to where the brand stands."""

    name: str
    percent: str
    note: str
    current: bool = False
    passed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What comes next; `parts` complete the sentence as a list."""

    text: str
    parts: tuple[str, ...] = ()
    tone: Tone = Tone.INFO


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A share on a line of 1,000 units: how far it is filled, and where breach and threshold stand."""

    filled: int
    breach: int
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCard:
    """One gate. The gauge and the meter only repeat what the text says; nothing counted yet: no gauge.

    `needed` is 0 on the last stage.
    """

    key: str
    name: str
    state: Badge
    share: str
    counted: str
    gauge: Gauge | None
    limits: str
    evidence: str
    collected: int
    needed: int
    early: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    moved_at: datetime
    what: str
    cause: Badge
    by: str
    reason: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesPage:
    """POST settings: percents ("5, 25, 100"), window_days, stage_days, minimum, fcr, csat, accuracy, margin
    (percent as typed). POST activation: csrf alone. POST deactivation: reason. POST moves: to_stage, reason."""

    template: ClassVar[str] = "brand/stages.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    enabled: bool
    percent: str
    steps: tuple[StageStep, ...]
    verdict: Verdict
    gates: tuple[GateCard, ...]
    moves: tuple[MoveRow, ...]
    other_stages: tuple[Choice, ...]
    settings: FormState
    move_form: FormState = EMPTY_FORM
    off_form: FormState = EMPTY_FORM
    since: datetime | None = None
    counted_since: datetime | None = None
    earliest_advance: datetime | None = None
    pager: Pager = ONE_PAGE
