"""A refusal's sentence in two: what is wrong, and what to do about it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    reason: str
    remedy: str = ""


def told_apart(sentences: str) -> Problem:
    """Readers say first what is wrong and then what to do, so the first sentence is the reason."""
    reason, _, remedy = _SENTENCE_END.sub("\0", sentences.strip(), count=1).partition("\0")
    return Problem(reason=reason, remedy=remedy)


# A capital letter follows, so the point of "e.g. this" or of a file's name ends nothing.
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[A-ZÀ-Þ{\"“])")
