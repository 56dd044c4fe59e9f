"""Do two passages state different values for the same thing? Pure.

They do when a sentence of each speaks of the same with a value of the same kind, and neither states the other's value
anywhere. Passages under headings that name different products, places or versions speak of different things.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

from knowledge_base.policy_values import Stated, stems, values_in
from knowledge_base.report_models import ValueKind

SENTENCE_LIKENESS = 0.5
"""How much of both sentences' words must be common to them; rare words weigh more (Dice's coefficient)."""

TOPIC_LIKENESS = 0.25
"""The same of the sentences with the headings above them: alike sentences in articles about different things."""

PRACTICE_LIKENESS = 0.7
"""`SENTENCE_LIKENESS` for what is done or not: such sentences are alike in all but the word that matters."""

SUBJECT_WORDS = 2
"""Words of meaning that two sentences must share at least."""

MARKS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A passage ready for comparing: its values, and the words of its headings."""

    text: str
    headings: tuple[str, ...]
    values: tuple[Stated, ...]
    context: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A kind of value on which two passages differ; `marks` are places in each text, `likeness` of their subjects."""

    kind: ValueKind
    subject: str
    first_marks: tuple[tuple[int, int], ...]
    second_marks: tuple[tuple[int, int], ...]
    likeness: float


def compared(text: str, headings: Sequence[str]) -> Compared:
    return Compared(
        text=text, headings=tuple(headings), values=values_in(text), context=stems(" ".join(headings))
    )


def ordinary_words(passages: Iterable[Compared]) -> frozenset[str]:
    """Words written in lower case at least as often as with a capital within a sentence: a heading names nothing by
    them."""
    lower: Counter[str] = Counter()
    capital: Counter[str] = Counter()
    for passage in passages:
        for part in (passage.text, *passage.headings):
            lower.update(_LOWER.findall(part))
            capital.update(word.casefold() for word in _CAPITAL_WITHIN.findall(part))
    return frozenset(word for word, count in lower.items() if count >= capital[word])


def names_differ(one: Compared, other: Compared, ordinary: frozenset[str]) -> bool:
    """Whether the headings name different things: each has a name that the other lacks, or, where one has, the other's
    heading at the same place is a title of its own."""
    first, second = _names(one.headings, ordinary), _names(other.headings, ordinary)
    own = first - _folded_words(other.headings)
    others = second - _folded_words(one.headings)
    if own and others:
        return True
    for mine, theirs in zip(one.headings, other.headings, strict=False):
        if mine.casefold() == theirs.casefold():
            continue
        named = _names((mine,), ordinary) - _folded_words((theirs,)) or _names(
            (theirs,), ordinary
        ) - _folded_words((mine,))
        if named and _is_a_title(mine) and _is_a_title(theirs):
            return True
    return False


Weights = Mapping[str, float]


def word_weights(passages: Sequence[Compared]) -> Weights:
    """What each stem weighs: the fewer sentences with values have it, the more. A stem that none has weighs most."""
    subjects = [value.subject for passage in passages for value in passage.values]
    counts = Counter(stem for subject in subjects for stem in subject)
    weights = {stem: log(1 + len(subjects) / count) for stem, count in counts.items()}
    return defaultdict(lambda: log(1 + max(len(subjects), 1)), weights)


def differences(one: Compared, other: Compared, weights: Weights) -> tuple[Difference, ...]:
    """At most one for each kind of value, the one whose sentences are most alike."""
    found: dict[ValueKind, Difference] = {}
    for mine in one.values:
        theirs, likeness = _counterpart(mine, one, other, weights)
        if theirs is None or theirs.value == mine.value:
            continue
        if _states(other, mine) or _states(one, theirs):
            continue
        if likeness > (found[mine.kind].likeness if mine.kind in found else 0.0):
            found[mine.kind] = _difference(one, other, mine, theirs, likeness)
    return tuple(found.values())


def _counterpart(
    mine: Stated, one: Compared, other: Compared, weights: Weights
) -> tuple[Stated | None, float]:
    """The value of the same kind whose sentence says most of the same."""
    best, best_likeness = None, 0.0
    enough = PRACTICE_LIKENESS if mine.kind is ValueKind.PRACTICE else SENTENCE_LIKENESS
    # Headings that both stand under tell nothing of what either sentence is about.
    same = stems(" ".join(set(one.headings) & set(other.headings)))
    own = mine.subject - same
    for theirs in other.values:
        others = theirs.subject - same
        if not _comparable(mine, theirs) or len(own & others) < min(SUBJECT_WORDS, len(own | others)):
            continue
        likeness = _likeness(own, others, weights)
        topic = _likeness(mine.subject | one.context, theirs.subject | other.context, weights)
        if likeness >= enough and topic >= TOPIC_LIKENESS and likeness > best_likeness:
            best, best_likeness = theirs, likeness
    return best, best_likeness


def _comparable(mine: Stated, theirs: Stated) -> bool:
    """Of one kind and unit; a most and a least of something can both hold."""
    same = mine.kind is theirs.kind and mine.unit == theirs.unit
    return (
        same
        and {mine.bound, theirs.bound} != {"most", "least"}
        and not _opposed(mine.subject, theirs.subject)
    )


def _opposed(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the sentences speak of two things that go by opposite words."""
    return any(
        first in one and second not in one and second in other and first not in other
        for pair in _OPPOSITES
        for first, second in (pair, pair[::-1])
    )


def _likeness(one: frozenset[str], other: frozenset[str], weights: Weights) -> float:
    both = sum(weights[stem] for stem in one) + sum(weights[stem] for stem in other)
    return 2 * sum(weights[stem] for stem in one & other) / both if both else 0.0


def _states(passage: Compared, value: Stated) -> bool:
    return any(
        one.kind is value.kind and one.unit == value.unit and one.value == value.value
        for one in passage.values
    )


def _difference(one: Compared, other: Compared, mine: Stated, theirs: Stated, likeness: float) -> Difference:
    return Difference(
        kind=mine.kind,
        subject=" ".join(sorted(mine.subject & theirs.subject)),
        first_marks=_marks(one, mine),
        second_marks=_marks(other, theirs),
        likeness=likeness,
    )


def _marks(passage: Compared, value: Stated) -> tuple[tuple[int, int], ...]:
    """Where the passage states this value."""
    places = [
        (one.start, one.end)
        for one in passage.values
        if one.kind is value.kind and one.unit == value.unit and one.value == value.value
    ]
    return tuple(places[:MARKS_SHOWN])


_OPPOSITES = tuple(
    (next(iter(stems(first))), next(iter(stems(second))))
    for first, second in (
        ("checkin", "checkout"),
        ("signin", "signout"),
        ("open", "close"),
        ("arrive", "depart"),
        ("arrive", "leave"),
        ("earliest", "latest"),
        ("minimum", "maximum"),
        ("weekday", "weekend"),
        ("domestic", "international"),
        ("standard", "express"),
        ("adult", "child"),
        ("monthly", "yearly"),
        ("new", "used"),
        ("online", "store"),
        ("first", "second"),
        ("buy", "sell"),
    )
)
_LOWER = re.compile(r"(?<![\w])[^\W\d_A-Z][^\W\d_]*\b")
_CAPITAL_WITHIN = re.compile(r"(?<=[a-z,] )[A-Z][^\W_]*")
_TOKEN = re.compile(r"[\w+]*[^\W_][\w+]*")
_SMALL = frozenset("a an and as at by de for from in la le of on or the to with your our".split())  # noqa: SIM905


def _names(headings: Sequence[str], ordinary: frozenset[str]) -> frozenset[str]:
    return frozenset(name for heading in headings for name in _names_in(heading, ordinary))


def _names_in(heading: str, ordinary: frozenset[str]) -> Iterator[str]:
    """Words of a heading that name something: with a digit or capitals inside, or with a capital that no sentence
    begins with, unless they are ordinary words."""
    tokens = _TOKEN.findall(heading)
    for place, token in enumerate(tokens):
        begins = place == 0 and not (_is_a_title(heading) and len(tokens) > 1)
        inner = any(sign.isupper() for sign in token[1:])
        capital = token[0].isupper() and (inner or not begins)
        if any(sign.isdigit() for sign in token) or (capital and token.casefold() not in ordinary):
            yield token.casefold()


def _folded_words(headings: Sequence[str]) -> frozenset[str]:
    return frozenset(token.casefold() for heading in headings for token in _TOKEN.findall(heading))


def _is_a_title(heading: str) -> bool:
    """Every word that is not small begins with a capital: "A AND B GUEST HOUSE", not "Returns and refunds"."""
    words = [word for word in _TOKEN.findall(heading) if word.casefold() not in _SMALL]
    return len(words) > 0 and all(word[0].isupper() or word[0].isdigit() for word in words)
