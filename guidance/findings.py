"""What checking a reply finds: the kinds, how much each weighs, and where in the text it stands."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """A block keeps the reply from being sent; a warning asks for a second look."""

    BLOCK = "block"
    WARN = "warn"


class FindingKind(StrEnum):
    """What is wrong."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNFILLED_SLOT = "unfilled_slot"
    CARD_NUMBER = "card_number"
    OUTDATED = "outdated"
    AVOIDED_WORD = "avoided_word"
    LINK = "link"
    PERSONAL_DATA = "personal_data"
    CUSTOMER_DATA = "customer_data"
    UNSUPPORTED_FIGURE = "unsupported_figure"
    PROMISE = "promise"
    UNSUPPORTED_SENTENCE = "unsupported_sentence"
    VOICE = "voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with `text[start:end]`; `fix` replaces it when there is one obvious replacement."""

    kind: FindingKind
    severity: Severity
    start: int
    end: int
    message: str
    fix: str | None
