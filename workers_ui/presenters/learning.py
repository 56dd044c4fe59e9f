"""What a brand's resolved tickets taught, as its people read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Badge, FilterTab, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure of held-out tickets, before the last change and with it; `meaning` says what is better."""

    name: str
    meaning: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version; `can_return` where it differs from what is used."""

    number: int
    cause: Badge
    told: str
    by: str
    tickets: int
    made_at: datetime
    is_used: bool
    can_return: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPage:
    """`held` says that a person's choice stays until it is released."""

    template: ClassVar[str] = "brand/learning.html"

    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    lead: str
    figures: tuple[FigureRow, ...]
    versions: tuple[VersionRow, ...]
    held: bool
    can_edit: bool
    wrong_cost: str
    threshold: str
    caution: FormState = EMPTY_FORM
    worded: str = ""
    """What a generator's words came to; empty where none was asked."""

    last_refusal: str = ""
