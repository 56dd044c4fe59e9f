"""What of a reply is not in the brand's voice: contractions, emoji, spelling, length, reading level. English, but for
emoji and length. Pure; where there is one obvious way to say it in the voice, the finding offers it."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from guidance.findings import Finding, FindingKind, Severity
from guidance.reply_bodies import body_of
from guidance.sentences import split_sentences
from guidance.voice import Emoji, Formality, Spelling, Voice
from knowledge_base.languages import language_of

FEWEST_WORDS = 30
"""The grade of a shorter text says more about one long word than about its reader."""


def voice_findings(text: str, voice: Voice) -> Iterator[Finding]:
    """Everything in `text` that the voice would not say so, kind by kind."""
    if voice.formality is Formality.FORMAL:
        yield from _contractions(text)
    if voice.emoji is Emoji.NEVER:
        yield from _emoji(text)
    yield from _spelling(text, voice.spelling)
    if voice.most_sentences or voice.reading_grade:
        yield from _size(text, voice)


def _found(start: int, end: int, message: str, fix: str | None = None) -> Finding:
    return Finding(
        kind=FindingKind.VOICE, severity=Severity.WARN, start=start, end=end, message=message, fix=fix
    )


# --- contractions -------------------------------------------------------------------------------------------

_LONG: Mapping[str, str] = MappingProxyType(
    {"can't": "cannot", "won't": "will not", "shan't": "shall not", "let's": "let us", "i'm": "I am"}
)
_ENDINGS: Mapping[str, str] = MappingProxyType({"n't": " not", "'re": " are", "'ll": " will", "'ve": " have"})
_CONTRACTION = re.compile(
    r"\b(?:[a-z]+n['’]t|(?:i|you|he|she|it|we|they|that|there|who|what)['’](?:m|re|ll|ve|d)"
    r"|(?:let|it|that|there|here|what|where|who|how)['’]s)\b",
    re.IGNORECASE,
)


def _contractions(text: str) -> Iterator[Finding]:
    for match in _CONTRACTION.finditer(text):
        message = f"This brand writes formally: “{match.group()}” in full."
        yield _found(match.start(), match.end(), message, _in_full(match.group()))


def _in_full(short: str) -> str | None:
    """None where it may stand for two things: "it's" is "it is" or "it has", "we'd" is "we would" or "we had"."""
    plain = short.lower().replace("’", "'")
    if plain in _LONG:
        return _as_written(short, _LONG[plain])
    ending = next((one for one in _ENDINGS if plain.endswith(one)), None)
    return None if ending is None else short[: -len(ending)] + _ENDINGS[ending]


# --- emoji --------------------------------------------------------------------------------------------------

_PICTURE = "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u26ff\u2705\u2728\u274c\u2753\u2757\u2763\u2764\u2b50]"
_EMOJI = re.compile(rf" ?{_PICTURE}(?:[\ufe0f\u200d\U0001f3fb-\U0001f3ff]|{_PICTURE})*")


def _emoji(text: str) -> Iterator[Finding]:
    for match in _EMOJI.finditer(text):
        yield _found(match.start(), match.end(), "This brand writes without emoji.", "")


# --- spelling -----------------------------------------------------------------------------------------------

_OUR = ("", "s", "ed", "ing", "ful", "fully", "less", "able", "ably", "ite", "ites", "ly", "hood", "al")
_ISE = ("e", "es", "ed", "er", "ers", "ing", "ation", "ations", "able")
_DOUBLE = ("ed", "ing", "er", "ers")


def _families() -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
    """British stem, American stem, endings, and whether British writers use the American one too."""
    for stem in (
        "behavi",
        "col",
        "endeav",
        "fav",
        "flav",
        "harb",
        "hon",
        "hum",
        "lab",
        "neighb",
        "od",
        "rum",
        "vap",
    ):
        yield f"{stem}our", f"{stem}or", _OUR, False
    for stem in (
        *(
            "apolog",
            "author",
            "capital",
            "categor",
            "custom",
            "emphas",
            "final",
            "general",
            "initial",
            "local",
        ),
        *("maxim", "minim", "modern", "optim", "organ", "personal", "priorit", "real", "recogn", "special"),
        *("standard", "summar", "symbol", "synchron", "util", "visual"),
    ):
        yield f"{stem}is", f"{stem}iz", _ISE, True
    for stem in ("cancel", "travel", "label", "model", "signal", "total", "fuel"):
        yield f"{stem}l", stem, _DOUBLE, False
    for british, american, endings in (
        ("analys", "analyz", ("e", "ed", "er", "ing")),
        ("centre", "center", ("", "s")),
        ("litre", "liter", ("", "s")),
        ("theatre", "theater", ("", "s")),
        ("fibre", "fiber", ("", "s")),
        ("defence", "defense", ("", "s")),
        ("offence", "offense", ("", "s")),
        ("grey", "gray", ("", "s")),
        ("jewellery", "jewelry", ("",)),
        ("aluminium", "aluminum", ("",)),
        ("instalment", "installment", ("", "s")),
        ("enrolment", "enrollment", ("", "s")),
        ("fulfilment", "fulfillment", ("", "s")),
        ("pyjamas", "pajamas", ("",)),
        ("sceptical", "skeptical", ("", "ly")),
    ):
        yield british, american, endings, False


def _other_words() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """American words by the British ones, and British words by the American ones that are not British too."""
    american, british = {}, {}
    for there, here, endings, both in _families():
        for ending in endings:
            american[there + ending] = here + ending
            if not both:
                british[here + ending] = there + ending
    # A total or a travel agent is spelled alike; only what the other side never writes is told.
    return MappingProxyType(american), MappingProxyType(
        {word: other for word, other in british.items() if word not in american}
    )


_TO_AMERICAN, _TO_BRITISH = _other_words()
_WORD = re.compile(r"[A-Za-z]{4,}")
_OTHER: Mapping[Spelling, Mapping[str, str]] = MappingProxyType(
    {
        Spelling.ANY: MappingProxyType({}),
        Spelling.AMERICAN: _TO_AMERICAN,
        Spelling.BRITISH: _TO_BRITISH,
    }
)


def _spelling(text: str, spelling: Spelling) -> Iterator[Finding]:
    words = _OTHER[spelling]
    for match in _WORD.finditer(text) if words else ():
        if match.group().lower() in words:
            fix = _as_written(match.group(), words[match.group().lower()])
            message = f"This brand spells it “{fix}”, the {spelling.value.capitalize()} way."
            yield _found(match.start(), match.end(), message, fix)


def _as_written(before: str, after: str) -> str:
    if before.isupper() and len(before) > 1:
        return after.upper()
    return after[:1].upper() + after[1:] if before[:1].isupper() else after


# --- length and reading level -------------------------------------------------------------------------------

_SYLLABLE = re.compile(r"[aeiouy]+")
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _size(text: str, voice: Voice) -> Iterator[Finding]:
    """Of what stands between greeting and sign-off."""
    body = body_of(text, voices=[voice], label="")
    sentences = split_sentences(body)
    if not sentences:
        return
    start = max(0, text.find(sentences[0]))
    end = start + len(sentences[0])
    if voice.most_sentences and len(sentences) > voice.most_sentences:
        message = (
            f"This brand answers in {voice.most_sentences} sentences at most; these are {len(sentences)}."
        )
        yield _found(start, end, message)
    grade = reading_grade(sentences)
    if voice.reading_grade and grade is not None and grade > voice.reading_grade:
        message = (
            f"This reads like year {grade} of school; this brand writes for year {voice.reading_grade}. "
            "Shorter sentences and shorter words help."
        )
        yield _found(start, end, message)


def reading_grade(sentences: list[str] | tuple[str, ...]) -> int | None:
    """Flesch and Kincaid's years of school, for English; None for a short text or another language."""
    words = [word for sentence in sentences for word in _LETTERS.findall(sentence)]
    if len(words) < FEWEST_WORDS or language_of(" ".join(sentences)) not in ("en", None):
        return None
    syllables = sum(map(_syllables, words))
    return round(0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59)


def _syllables(word: str) -> int:
    """By groups of vowels; a silent e at the end is none."""
    groups = len(_SYLLABLE.findall(word.lower()))
    silent = word.lower().endswith("e") and not word.lower().endswith("le") and groups > 1
    return max(1, groups - silent)
