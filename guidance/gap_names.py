"""What a gap is called: the question nearest to its middle, and the words that set it apart."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from guidance.sentences import content_stems, split_sentences, stem

KEY_WORDS = 4
NAME_CHARACTERS = 90
_WORD = re.compile(r"[^\W\d_]{3,}")
_HIDDEN = re.compile(r"\{[^{}]*\}|\[[^\]]*\]")


def name_of(question: str) -> str:
    """The question's first asking sentence, else its first one, cut at a word when it is long."""
    sentences = split_sentences(question)
    asking = next((one for one in sentences if one.rstrip().endswith("?")), None)
    line = " ".join((asking or (sentences[0] if sentences else question)).split())
    if len(line) <= NAME_CHARACTERS:
        return line
    return line[:NAME_CHARACTERS].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def key_words_of(questions: Sequence[str], others: Mapping[str, int], *, of: int) -> list[str]:
    """Up to four words that many of `questions` have and few of all `of` questions do.

    `others` counts, for each stem, the questions that have it. Equally telling words stand as they were said.
    """
    having: Counter[str] = Counter()
    forms: dict[str, Counter[str]] = {}
    for question in questions:
        plain = _HIDDEN.sub(" ", question).lower()
        stems = content_stems(plain)
        having.update(stems)
        for word in _WORD.findall(plain):
            if stem(word) in stems:
                forms.setdefault(stem(word), Counter())[word] += 1
    told = sorted(forms, key=lambda one: -having[one] * (1 - min(others.get(one, 0), of) / (of + 1)))
    return [min(forms[one], key=lambda word: (-forms[one][word], word)) for one in told[:KEY_WORDS]]


def stems_of(questions: Sequence[str]) -> Counter[str]:
    """How many of `questions` have each stem."""
    counted: Counter[str] = Counter()
    for question in questions:
        counted.update(content_stems(_HIDDEN.sub(" ", question)))
    return counted
