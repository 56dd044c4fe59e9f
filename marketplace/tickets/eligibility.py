"""Which tickets stay with their brand by what they say: words of sensitive topics, and the brand's own rules."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from marketplace.tickets.sensitive_words import ALWAYS_KEPT, NAMES, PATTERNS, Topic

READ_CHARACTERS = 40_000
"""A ticket's context and text; more is not read, so more must not arrive."""

_ENDING = r"\w*"
_BETWEEN = r"(?:\W+\w+){0,4}?\W+"


class Outcome(StrEnum):
    """`unsure` stays with the brand as `kept_back` does; it says that nobody could tell."""

    ORDINARY = "ordinary"
    KEPT_BACK = "kept_back"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`reason` names the rule; it is empty for an ordinary ticket."""

    outcome: Outcome
    reason: str = ""

    @property
    def stays(self) -> bool:
        return self.outcome is not Outcome.ORDINARY


ORDINARY = Verdict(outcome=Outcome.ORDINARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepBackRules:
    """What a brand keeps back beyond what always stays: topics that are on, phrases, examples, categories."""

    topics: frozenset[Topic] = frozenset(Topic)
    phrases: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    categories: frozenset[str] = frozenset()

    @property
    def watched(self) -> frozenset[Topic]:
        return self.topics | ALWAYS_KEPT


def judge_by_rules(text: str, *, category: str, category_name: str, rules: KeepBackRules) -> Verdict:
    """The first rule that keeps the ticket back: its category, the brand's phrases, words of a topic."""
    if category in rules.categories:
        return _kept(f"the category “{category_name}” is kept back")
    plain = normalised(text)
    phrase = _first_match(_phrases(rules.phrases), plain) if rules.phrases else None
    if phrase is not None:
        return _kept(f"your own phrase “{phrase}”")
    for topic in Topic:
        if topic in rules.watched and (word := _first_match(_words_of(topic), plain)) is not None:
            return _kept(f"{NAMES[topic]}: it says “{word}”")
    return ORDINARY


def normalised(text: str) -> str:
    """Lower case without accents, straight apostrophes left out, so that “don’t” and “dont” are one word."""
    plain = text[:READ_CHARACTERS].replace("’", "'").casefold()
    bare = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return bare.replace("'", "")


def _kept(reason: str) -> Verdict:
    return Verdict(outcome=Outcome.KEPT_BACK, reason=reason)


def _first_match(pattern: re.Pattern[str], plain: str) -> str | None:
    found = pattern.search(plain)
    return " ".join(found.group().split()) if found else None


@cache
def _words_of(topic: Topic) -> re.Pattern[str]:
    return re.compile("|".join(_pattern(one) for one in PATTERNS[topic]))


@lru_cache(maxsize=256)
def _phrases(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """A brand's own phrases are plain words: nothing in them is a pattern."""
    return re.compile("|".join(rf"(?<!\w){_words(normalised(one))}(?!\w)" for one in phrases))


def _pattern(entry: str) -> str:
    if entry.startswith("re:"):
        return entry.removeprefix("re:").replace("'?", "")
    return rf"\b{_BETWEEN.join(_words(part) for part in normalised(entry).split(' ~ '))}"


def _words(phrase: str) -> str:
    return r"[\s-]+".join(
        re.escape(word.removesuffix("*")) + (_ENDING if word.endswith("*") else r"(?!\w)")
        for word in phrase.split()
    )
