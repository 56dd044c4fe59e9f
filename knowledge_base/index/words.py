"""Text to stemmed words without the ones that say nothing."""

import re

import Stemmer

_WORD = re.compile(r"(?u)\b\w\w+\b")
# Lucene's list.
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)


def words_of(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]
    # A stemmer keeps a cache and is not safe between threads; making one costs microseconds.
    stems: list[str] = Stemmer.Stemmer("english").stemWords(words)
    return stems
