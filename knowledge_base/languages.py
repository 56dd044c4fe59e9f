"""Tell in which language a text is written, by its function words; of a short or mixed one, nothing.

A few little words tell what is needed here without a library's models (docs/decisions, 21). Languages that are not
listed, and other scripts, are unknown. What a text's own file declares is believed before it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

MAX_CHARS = 4_000
FEWEST_WORDS = 3
"""Different ones: of a sentence with “a” twice and “as”, English or Portuguese, nothing is told."""

LEAD = 1.5
"""How many times as many function words the language must have as the next one."""

_FUNCTION_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "en": (
            "the and is are was my your you i it to of that this with for not have has can do does how what when where "
            "please from they will would there be we if or but after an been a as at in no so "
            "our who which by on us"
        ),
        "de": (
            "der die das und ist sind war mein meine ihr sie ich es zu von dass dies mit für nicht habe hat kann wie "
            "was wann wo bitte aus werden wird würde wir wenn oder aber nach ein eine einen auf auch noch den dem im "
            "bei in so"
        ),
        "fr": (
            "le la les et est sont mon ma votre vous je il de que ce cette avec pour pas ai avez peut comment quoi "
            "quand où des du un une nous si ou mais après dans sur ne au aux a par qui se ces on"
        ),
        "es": (
            "el la los las y es son mi su usted yo de que este esta con para no he ha puedo puede cómo qué cuándo "
            "dónde por un una nosotros si o pero después en del al lo se me está a"
        ),
        "it": (
            "il lo la gli e è sono mio mia suo voi io di che questo questa con per non ho ha posso può come cosa "
            "quando dove un una noi se o ma dopo in del della nel al mi ci a"
        ),
        "nl": (
            "de het en is zijn was mijn uw u ik van dat dit met voor niet heb heeft kan hoe wat wanneer waar een wij "
            "als of maar na op ook nog er bij naar aan te in"
        ),
        "pt": (
            "o a os as e é são meu minha seu você eu de que este esta com para não tenho tem posso pode como quando "
            "onde por um uma nós se ou mas depois em do da no na ao"
        ),
        "pl": (
            "i jest są mój moja pan pani ja z że to ten ta dla nie mam ma mogę może jak co kiedy gdzie proszę po na do "
            "w się czy lub ale od przez a"
        ),
        "sv": (
            "och är var min mitt din ni jag det att av som med för inte har kan hur vad när ett en vi om eller men "
            "efter på den de till från"
        ),
    }
)
_WORDS = {language: frozenset(words.split()) for language, words in _FUNCTION_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")


def declared_language(tag: str | None) -> str | None:
    """The two letters of a language tag that a file declares; None for a longer code, which names none of two."""
    letters = (tag or "").partition("-")[0].lower()
    return letters if len(letters) == 2 else None


def language_of(text: str) -> str | None:
    """The language's two letters, or None when the text is too short, mixed, or in none of those known."""
    words = Counter(_WORD.findall(text[:MAX_CHARS].lower()))
    hits = {
        language: sum(count for word, count in words.items() if word in known)
        for language, known in _WORDS.items()
    }
    (best, most), (_, next_most) = Counter(hits).most_common(2)
    told = sum(word in _WORDS[best] for word in words)
    return best if told >= FEWEST_WORDS and most >= LEAD * next_most else None
