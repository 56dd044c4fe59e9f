"""Kill switches as a brand sees them: what can be stopped, what that does, and who did it when."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSwitch:
    """Something that is stopped now; `lifting` is refused with a reason where the platform stopped it."""

    what: str
    reason: str
    thrown_by: str
    thrown_at: datetime
    lifting: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Stoppable:
    """One kind of thing that can be stopped. `choices` names which; a brand and guidance have only themselves.

    POST to the page's address: kind, key, reason.
    """

    kind: str
    title: str
    rule: str
    icon: str
    choices: tuple[Choice, ...] = ()
    choice_label: str = ""
    needs_choice: bool = False
    live: tuple[LiveSwitch, ...] = ()
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSwitch:
    what: str
    reason: str
    thrown_by: str
    thrown_at: datetime
    lifted_by: str = ""
    lifted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchesPage:
    template: ClassVar[str] = "brand/switches.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    stoppable: tuple[Stoppable, ...]
    history: tuple[PastSwitch, ...]
