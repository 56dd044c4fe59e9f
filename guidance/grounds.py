"""What the passages beside a reply say, sentence by sentence: whether one of the reply's rests on them in other words.

A paraphrase rests on a sentence of the knowledge when it uses hardly another word that carries meaning, no other
figure, turns nothing round, and keeps the sentence's conditions and hedges: "if it is unopened" and "usually" are
part of what a brand says.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from guidance.draft import CitedPassage
from guidance.figures import read_figures
from guidance.receipts import negations
from guidance.sentences import FEWEST_WORDS, content_stems, plain_text, split_sentences
from guidance.voice import links, unfilled_slots

Mark = str | tuple[str, Decimal]

SAME_WORDS_SHARE = 0.75
"""Of the words that carry meaning and the figures, so many must be the knowledge's own."""

FEWEST_MARKS = 3
"""With fewer words and figures nothing can be told: "We refund you." would rest on any line about refunds."""

MOST_SLOTS = 4

NEAREST_SHARE = 0.5
"""From here on a sentence of the knowledge is about the same thing, and may be offered in place of the reply's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One sentence as it is compared: `marks` are the stems of its words and its figures, by what they come to."""

    text: str
    marks: frozenset[Mark]
    figures: frozenset[Mark]
    negations: int
    conditions: int
    hedges: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """The sentences that were shown beside a reply."""

    said: tuple[Said, ...]
    forms: tuple[re.Pattern[str], ...]
    """Sentences with slots, as flows have them."""

    def hold(self, sentence: str) -> bool:
        """Whether the knowledge says `sentence` in other words, or has it with slots that were filled in.

        What was filled in is no knowledge: its amounts and times are looked at by themselves.
        """
        if any(form.fullmatch(plain_text(sentence)) for form in self.forms):
            return True
        asked = _said(sentence)
        return len(asked.marks) >= FEWEST_MARKS and any(_says(one, asked) for one in self.said)

    def drop_condition(self, sentence: str) -> bool:
        """Whether the knowledge says `sentence` only under a condition, or only perhaps, that it leaves out."""
        asked = _said(sentence)
        return len(asked.marks) >= FEWEST_MARKS and any(
            _has_words_of(one, asked) and not _keeps_conditions(one, asked) for one in self.said
        )

    def nearest(self, sentence: str) -> str | None:
        """The knowledge's own sentence about the same thing, if there is one."""
        asked = _said(sentence).marks
        best = max(self.said, key=lambda one: len(one.marks & asked), default=None)
        if best is None or len(best.marks & asked) < max(FEWEST_MARKS - 1, NEAREST_SHARE * len(asked)):
            return None
        return best.text


def grounds_of(passages: Sequence[CitedPassage]) -> Grounds:
    lines = [plain_text(line) for passage in passages for line in split_sentences(passage.text)]
    return Grounds(said=tuple(map(_said, lines)), forms=tuple(_forms(lines)))


def _forms(lines: Iterable[str]) -> Iterator[re.Pattern[str]]:
    """A line that is hardly more than slots would be the form of any sentence, and is none."""
    for line in lines:
        slots = unfilled_slots(line)
        words = _without(line, ((slot.start, slot.end) for slot in slots)).split()
        if 0 < len(slots) <= MOST_SLOTS and len(words) >= FEWEST_WORDS:
            ends = [0, *(slot.end for slot in slots)]
            starts = [*(slot.start for slot in slots), len(line)]
            fixed = (re.escape(line[end:start]) for end, start in zip(ends, starts, strict=True))
            yield re.compile(_FILLED.join(fixed))


_FILLED = r"[^.!?\n]{1,60}?"
_CONDITION = re.compile(
    r"\b(?:if|unless|only|except|when|once|until|provided|as long as|after|before|subject to)\b"
)
_HEDGE = re.compile(
    r"\b(?:may|might|could|usually|normally|typically|often|sometimes|about|around|approximately|estimated|up to)\b"
)
_DIGITS = re.compile(r"[0-9]+")


def _said(sentence: str) -> Said:
    found, lower = tuple(read_figures(sentence)), sentence.lower()
    words = _without(sentence, (*((one.start, one.end) for one in found), *_spans_of_links(sentence)))
    bare = {("", Decimal(digits)) for digits in _DIGITS.findall(words)}
    figures: frozenset[Mark] = frozenset(bare.union(*(figure.values for figure in found)))
    return Said(
        text=sentence,
        marks=figures | content_stems(_DIGITS.sub(" ", words)),
        figures=figures,
        negations=negations(sentence),
        conditions=len(_CONDITION.findall(lower)),
        hedges=len(_HEDGE.findall(lower)),
    )


def _spans_of_links(sentence: str) -> Iterator[tuple[int, int]]:
    """Where a link leads is for the list of domains to judge."""
    return ((link.start, link.end) for link in links(sentence))


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _says(known: Said, asked: Said) -> bool:
    return _has_words_of(known, asked) and _keeps_conditions(known, asked)


def _has_words_of(known: Said, asked: Said) -> bool:
    shared = len(known.marks & asked.marks)
    return (
        shared >= SAME_WORDS_SHARE * len(asked.marks)
        and asked.figures <= known.figures
        and asked.negations == known.negations
    )


def _keeps_conditions(known: Said, asked: Said) -> bool:
    return asked.conditions >= known.conditions and asked.hedges >= known.hedges
