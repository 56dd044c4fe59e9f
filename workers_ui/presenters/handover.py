"""What a desk says of the time before: who asked and promised what, where the conversation came from, and how the
worker's last reply fared in review."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverQuote:
    text: str
    who: str
    said_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPart:
    """One kind of quotes under its title."""

    title: str
    quotes: tuple[HandoverQuote, ...]
    warns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverPanel:
    """`parts` without quotes are left out; `before` is about the settled ticket that this one goes on from."""

    sentence: str
    parts: tuple[HandoverPart, ...]
    before: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewNotice:
    """`waiting`: nothing can be written until `decide_by`. Else why the text came back."""

    waiting: bool
    sentence: str
    note: str = ""
    text: str = ""
    decide_by: datetime | None = None
