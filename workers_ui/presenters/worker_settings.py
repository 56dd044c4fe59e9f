"""A worker's settings: what the pool offers him, whether he is there, which brands he has hidden, his clock."""

from dataclasses import dataclass
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One box of a list of many."""

    value: str
    label: str
    ticked: bool
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenBrand:
    slug: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettingsPage:
    """POST /worker/settings: languages, skills (each several times), available, time_zone."""

    template: ClassVar[str] = "worker/settings.html"
    frame: Frame
    languages: tuple[Tick, ...]
    skills: tuple[Tick, ...]
    available: bool
    time_zone: str
    time_zones: tuple[Choice, ...]
    hidden: tuple[HiddenBrand, ...] = ()
    form: FormState = EMPTY_FORM
