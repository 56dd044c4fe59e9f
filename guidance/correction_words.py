"""The words of a correction to one customer, in the brand's voice: what we wrote, that it was wrong, what holds now.

Nothing is generated: what holds is quoted from the text that took the wrong one's place, or there is none and the
customer is told so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from guidance.draft import CitedPassage
from guidance.sentences import content_stems, quotable_blocks
from guidance.voice import Voice, avoided_words, greet, is_allowed_link, links

REPLACES_LIKENESS = 0.3
"""Share of the wrong text's words that a newer text must hold to have taken its place."""

SENTENCES_QUOTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one customer was told wrongly, and when."""

    sentences: tuple[str, ...]
    told_at: datetime


def replacement(wrong: str, candidates: Sequence[CitedPassage]) -> CitedPassage | None:
    """The candidate that says most of what `wrong` is about; None when none is near enough."""
    asked = content_stems(wrong)
    if not asked:
        return None
    likeness = [len(content_stems(one.text) & asked) / len(asked) for one in candidates]
    best = max(range(len(candidates)), key=lambda at: likeness[at], default=None)
    return None if best is None or likeness[best] < REPLACES_LIKENESS else candidates[best]


def compose_correction(
    *, told: Told, wrong: str, now_holds: CitedPassage | None, voice: Voice, customer_name: str | None
) -> str:
    """The whole letter; a sentence of ours that uses a word the voice avoids is left out."""
    said = told.sentences[:SENTENCES_QUOTED]
    parts = [
        greet(voice, customer_name),
        _fit(voice, *_what_we_wrote(said, told.told_at)),
        _what_holds(" ".join(said) or wrong, now_holds, voice),
        voice.sign_off.strip(),
    ]
    return "\n\n".join(part for part in parts if part)


def _what_we_wrote(said: Sequence[str], told_at: datetime) -> tuple[str, ...]:
    day = f"{told_at.day} {told_at:%B %Y}"
    if not said:
        return (f"Our answer of {day} rested on information that was not right.", SORRY)
    quoted = " ".join(f"“{sentence}”" for sentence in said)
    return (f"In our answer of {day} we wrote: {quoted}", "That was not right.", SORRY)


SORRY = "We are sorry."
NOTHING_HOLDS = (
    "Please do not rely on it.",
    "If it concerns something you still need, write back and we will tell you what holds.",
)


def _what_holds(wrong: str, now_holds: CitedPassage | None, voice: Voice) -> str:
    quoted = _quoted(wrong, now_holds.text, voice) if now_holds else ()
    if not quoted:
        return _fit(voice, *NOTHING_HOLDS)
    return "\n\n".join(part for part in (_fit(voice, "What holds now:"), " ".join(quoted)) if part)


def _quoted(wrong: str, text: str, voice: Voice) -> tuple[str, ...]:
    """The sentences of `text` that speak of what `wrong` speaks of, in their order."""
    asked = content_stems(wrong)
    sentences = [
        one
        for block in quotable_blocks(text)
        for one in block.sentences
        if _may_be_quoted(one, voice) and not one.endswith("?")
    ]
    scored = [(len(content_stems(one) & asked), -at, one) for at, one in enumerate(sentences)]
    best = sorted((entry for entry in scored if entry[0]), reverse=True)[:SENTENCES_QUOTED]
    enough = best[0][0] / 2 if best else 0
    kept = [entry for entry in best if entry[0] >= enough]
    return tuple(one for _, _, one in sorted(kept, key=lambda entry: -entry[1]))


def _fit(voice: Voice, *sentences: str) -> str:
    return " ".join(one for one in sentences if not avoided_words(one, voice.words_to_avoid))


def _may_be_quoted(sentence: str, voice: Voice) -> bool:
    return not avoided_words(sentence, voice.words_to_avoid) and all(
        is_allowed_link(link.value, voice.allowed_link_domains) for link in links(sentence)
    )
