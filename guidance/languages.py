"""Say in which language a customer writes and an answer is, where they differ."""

from collections.abc import Mapping
from types import MappingProxyType

_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "en": "English",
        "de": "German",
        "fr": "French",
        "es": "Spanish",
        "it": "Italian",
        "nl": "Dutch",
        "pt": "Portuguese",
        "pl": "Polish",
        "sv": "Swedish",
    }
)
_OTHER = "another language"


def mismatch(asked: str | None, answered: str | None) -> str:
    """What a worker reads when the knowledge answers in another language than the customer writes; else nothing."""
    if not asked or not answered or asked == answered:
        return ""
    return f"The customer writes in {_name(asked)}; this answer is in {_name(answered)}."


def _name(language: str) -> str:
    return _NAMES.get(language, _OTHER)
