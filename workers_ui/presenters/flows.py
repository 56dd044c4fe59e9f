"""Question trees: beside a ticket at the desk, and as a brand writes, tries and publishes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Badge, Choice, FilterTab, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowQuestion:
    """`labels` are buttons; without them one field of `input_type` is filled in."""

    text: str
    labels: tuple[str, ...] = ()
    input_type: str = "text"
    inputmode: str = "text"
    hint: str = ""
    maxlength: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowOutcome:
    """`mark` names the walk in a reply's form; it is empty where nobody can insert it."""

    label: Badge
    draft: str = ""
    note: str = ""
    escalates: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWalkView:
    """`answers` are what was typed, to be sent again; `answered` what was understood: question, answer."""

    key: str
    name: str
    version: int
    answers: tuple[str, ...]
    answered: tuple[tuple[str, str], ...]
    said: tuple[str, ...] = ()
    question: FlowQuestion | None = None
    outcome: FlowOutcome | None = None
    typed: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPanel:
    """The desk's: what may be begun, and the walk under way."""

    flows: tuple[Choice, ...] = ()
    walk: FlowWalkView | None = None
    problem: str = ""


NO_FLOWS = FlowPanel()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    key: str
    name: str
    version: str
    state: Badge
    published_at: datetime
    by: str
    used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowsPage:
    template: ClassVar[str] = "brand/flows.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    rows: tuple[FlowRow, ...]
    can_edit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPage:
    """`based_on` is the version in the editor, 0 for a new flow. `problems` are what keeps it from being published."""

    template: ClassVar[str] = "brand/flow.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    key: str
    name: str
    source: str
    based_on: int
    holds: bool
    can_edit: bool
    versions: tuple[FlowRow, ...] = ()
    problems: tuple[str, ...] = ()
    walk: FlowWalkView | None = None
    form: FormState = EMPTY_FORM
