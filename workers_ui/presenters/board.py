"""The brand's board: figures, what needs the brand, and each category with its share of what waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import Notice, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that leads to what it counts; `at_least` when there are more than were counted."""

    label: str
    value: int
    href: str = ""
    hint: str = ""
    tone: Tone = Tone.NEUTRAL
    at_least: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that waits for somebody at the brand; `due_at` is by when."""

    title: str
    detail: str
    href: str
    icon: str
    due_at: datetime | None = None
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLine:
    """`share` is the category's part of all that waits, from 0 to 1."""

    name: str
    href: str
    waiting: int
    claimed: int
    answered: int
    with_you: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What today's tickets have committed; `cap` None where there is none."""

    today: Money
    cap: Money | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPage:
    template: ClassVar[str] = "brand/board.html"
    frame: Frame
    slug: str
    brand: str
    figures: tuple[Figure, ...]
    with_you: tuple[Figure, ...]
    needs: tuple[Need, ...]
    categories: tuple[CategoryLine, ...]
    at_risk_rule: str
    callouts: tuple[Notice, ...] = ()
    spend: Spend | None = None
    tickets_ever: bool = True
