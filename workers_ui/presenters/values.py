"""Small values that several pages share: notices, badges, choices, form state, one-button actions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Tone(StrEnum):
    """How a badge or notice is coloured; its text always says the same without the colour."""

    NEUTRAL = "neutral"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    label: str
    tone: Tone = Tone.NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One sentence for the person: a toast, or a callout inside a page."""

    text: str
    tone: Tone = Tone.INFO
    href: str = ""
    link_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormState:
    """What was typed and what was refused, so that a 422 page shows both.

    `errors` is keyed by field name; `problem` is about the whole form. Passwords never stand in `values`.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


EMPTY_FORM = FormState()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button that posts to `href`. A refused one is shown disabled, with the reason as text."""

    href: str
    label: str
    allowed: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTab:
    """One state of a filtered list, with how many rows it has; None where nothing is to be counted."""

    label: str
    href: str
    count: int | None
    current: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pager:
    """Links of a server-paged list; an empty href means there is no such page."""

    previous_href: str = ""
    next_href: str = ""
    label: str = ""


ONE_PAGE = Pager()
