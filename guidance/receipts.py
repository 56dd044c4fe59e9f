"""Measure what became of a suggestion: how much of it was edited, and which sent sentences its passages still
support.

The one door to rapidfuzz.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from guidance.draft import CitedPassage
from guidance.sentences import split_sentences

MAX_CHARS = 20_000
"""The distance of two long texts takes time by their product; replies end at 5,000 characters."""

SUPPORT_RATIO = 85.0
"""Likeness in percent from which a sentence counts as quoted: a changed word or two pass, a changed
statement does not."""

QUOTED_WORDS = 4

UNEDITED_SHARE = 0.05
"""A name put in or a comma more is no edit; see `is_as_shown` for what always is one."""

FUZZY_WORDS = 3
"""A shorter sentence is supported only word for word, and a single word ("Sure.") never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceSupport:
    """One sentence of the sent reply and the rank of the passage that holds it, or None."""

    sentence: str
    passage_rank: int | None


def edit_distance(shown: str, sent: str) -> int:
    """Characters inserted, deleted or replaced between the suggestion and the reply (Levenshtein); line ends
    do not count.

    Raises ValueError when either is longer than MAX_CHARS.
    """
    return Levenshtein.distance(_plain_lines(shown), _plain_lines(sent))


def edited_share(shown: str, sent: str) -> float:
    """`edit_distance` as a share of the longer text: 0 sent as shown, 1 nothing kept.

    Raises ValueError when either is longer than MAX_CHARS.
    """
    return Levenshtein.normalized_distance(_plain_lines(shown), _plain_lines(sent))


def is_as_shown(shown: str, sent: str) -> bool:
    """Whether `sent` says what `shown` does: next to nothing edited, and no figure and no negation.

    Raises ValueError when either is longer than MAX_CHARS.
    """
    before, after = _folded(shown), _folded(sent)
    return (
        edited_share(shown, sent) <= UNEDITED_SHARE
        and _says_the_same(before, after)
        and _says_the_same(after, before)
    )


def most_alike(text: str, others: Sequence[str]) -> str | None:
    """The one of `others` most like `text`; None when there is none."""
    return max(others, key=lambda other: fuzz.ratio(text, other), default=None)


def supported_sentences(sent: str, passages: Sequence[CitedPassage]) -> tuple[SentenceSupport, ...]:
    """Each sentence of `sent` with the best-ranked passage that holds it, word for word or nearly.

    A sentence whose figures or negations differ from the passage's is not supported, however alike the
    rest is. Raises ValueError when `sent` is longer than MAX_CHARS.
    """
    ranked = [(passage.rank, _folded(passage.text)) for passage in sorted(passages, key=lambda p: p.rank)]
    return tuple(
        SentenceSupport(sentence=sentence, passage_rank=_supporting_rank(_folded(sentence), ranked))
        for sentence in split_sentences(_plain_lines(sent))
    )


def quotes(sentence: str, passages: Sequence[str]) -> bool:
    """Whether one of the passages holds `sentence` word for word; one of fewer than QUOTED_WORDS words is nobody's."""
    wanted = _folded(sentence)
    return len(wanted.split()) >= QUOTED_WORDS and any(wanted in _folded(passage) for passage in passages)


def negations(text: str) -> int:
    """How many words of `text` turn its meaning round."""
    return len(_NEGATION.findall(text.lower().replace("’", "'")))


_MARKUP = re.compile(r"[*_`#>|]+|\[([^\]]*)\]\([^)]*\)")
_LIST_MARK = re.compile(r"^\s*(?:[-*•–]|[0-9]{1,2}[.)])\s", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"[0-9]+(?:[.,:][0-9]+)*")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|cannot|without|unable|neither|nor|except|unless|\w+n't|nicht|kein\w*|nie|ohne)\b"
)


def _plain_lines(text: str) -> str:
    """Browsers send CRLF for what was shown with LF."""
    if len(text) > MAX_CHARS:
        raise ValueError(f"text of {len(text)} characters; receipts compare up to {MAX_CHARS}")
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _folded(text: str) -> str:
    plain = _MARKUP.sub(r"\1", _LIST_MARK.sub(" ", text)).replace("’", "'")
    return _SPACE.sub(" ", plain).strip().lower()


def _supporting_rank(sentence: str, ranked: list[tuple[int, str]]) -> int | None:
    return next((rank for rank, passage in ranked if _holds(passage, sentence)), None)


def _holds(passage: str, sentence: str) -> bool:
    words = len(sentence.split())
    if words < FUZZY_WORDS:
        return words > 1 and re.search(rf"(?<!\w){re.escape(sentence)}", passage) is not None
    # With a passage shorter than the sentence partial_ratio would ask whether the sentence holds the passage.
    if len(sentence) > len(passage):
        return fuzz.ratio(sentence, passage) >= SUPPORT_RATIO and _says_the_same(sentence, passage)
    found = fuzz.partial_ratio_alignment(sentence, passage, score_cutoff=SUPPORT_RATIO)
    return found is not None and _says_the_same(
        sentence, _whole_words(passage, found.dest_start, found.dest_end)
    )


def _whole_words(text: str, start: int, end: int) -> str:
    """`text[start:end]` widened to whole words, so that a figure or a "not" at its edge is read whole."""
    first = text.rfind(" ", 0, start + 1) + 1
    last = text.find(" ", max(end - 1, 0))
    return text[first : last if last >= 0 else len(text)]


def _says_the_same(sentence: str, window: str) -> bool:
    same_figures = set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(window))
    return same_figures and negations(sentence) == negations(window)
