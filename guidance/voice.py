"""How a brand speaks: greeting, sign-off, words, links. The draft is built from it and the final text is
held to it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

CUSTOMER_NAME = "customer_name"
"""The only slot a greeting may have."""

MAX_GREETING_CHARS = 200
MAX_SIGN_OFF_CHARS = 400
MAX_DESCRIPTION_CHARS = 2_000
MAX_WORDS = 200
MAX_WORD_CHARS = 60
MAX_DOMAINS = 50
MAX_SAMPLE_REPLIES = 20
MAX_SAMPLE_REPLY_CHARS = 5_000
MAX_NAME_CHARS = 60
MAX_DOMAIN_CHARS = 253
MAX_WARMTH_CHARS = 200
FEWEST_SENTENCES, MOST_SENTENCES = 2, 30
"""A short answer is quoted whole, so nothing can be held to one sentence."""

EASIEST_GRADE, HARDEST_GRADE = 3, 18


class Formality(StrEnum):
    """How formal the brand sounds. A formal one writes no contractions; else it is read by people."""

    CASUAL = "casual"
    FRIENDLY = "friendly"
    NEUTRAL = "neutral"
    FORMAL = "formal"


class Emoji(StrEnum):
    """Whether replies may hold emoji."""

    FREE = "free"
    NEVER = "never"


class Spelling(StrEnum):
    """How English is spelled; British takes -ize too, as its dictionaries do."""

    ANY = "any"
    BRITISH = "british"
    AMERICAN = "american"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A brand's tone rules.

    `opening` and `closing` are its warmth: what a draft says after the greeting and before the sign-off. A draft has at
    most `most_sentences`, and a reply is no harder to read than `reading_grade` (years of school); 0 sets no limit.
    A word to avoid is matched whole and in any case ("guarantee" does not match "guaranteed"); a star at
    its end matches every word that begins so ("guarantee*"). A link domain allows its subdomains too.
    """

    greeting: str
    sign_off: str
    words_to_avoid: tuple[str, ...] = ()
    words_to_use: tuple[str, ...] = ()
    formality: Formality = Formality.FRIENDLY
    description: str = ""
    allowed_link_domains: tuple[str, ...] = ()
    sample_replies: tuple[str, ...] = ()
    opening: str = ""
    closing: str = ""
    most_sentences: int = 0
    reading_grade: int = 0
    emoji: Emoji = Emoji.FREE
    spelling: Spelling = Spelling.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`text[start:end]` of the text that was searched, and the word, slot or address found there."""

    start: int
    end: int
    value: str


def greet(voice: Voice, customer_name: str | None) -> str:
    """The voice's greeting for this customer, or one that reads well when the name is unknown or no name
    at all."""
    name = presentable_name(customer_name)
    slot = "{" + CUSTOMER_NAME + "}"
    if name or slot not in voice.greeting:
        return voice.greeting.replace(slot, name or "").strip()
    bare = _SPACE.sub(" ", voice.greeting.replace(slot, "")).strip()
    return _DOUBLE_COMMA.sub(",", _SPACE_BEFORE_MARK.sub(r"\1", _NEEDS_A_NAME.sub("Hello", bare))) or "Hello,"


def presentable_name(customer_name: str | None) -> str | None:
    """The name on one line, or None when it is an address, a number, a slot or a paragraph. Customers
    choose this text."""
    name = _SPACE.sub(" ", customer_name or "").strip()
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name) or links(name):
        return None
    return name


def begins(voice: Voice, customer_name: str | None) -> str:
    """What stands before an answer: the greeting, and the opening where the brand has one."""
    return _paragraphs(greet(voice, customer_name), voice.opening)


def ends(voice: Voice) -> str:
    """What stands after an answer: the closing where the brand has one, and the sign-off."""
    return _paragraphs(voice.closing, voice.sign_off)


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part.strip() for part in parts if part.strip())


def validate(voice: Voice) -> list[str]:
    """What is wrong with the voice, in words for the brand's manager; empty when it can be used."""
    return [
        *_greeting_problems(voice),
        *_sign_off_problems(voice),
        *_warmth_problems(voice),
        *_limit_problems(voice),
        *_word_problems("Words to avoid", voice.words_to_avoid),
        *_word_problems("Words to use", voice.words_to_use),
        *_contradictions(voice),
        *_domain_problems(voice.allowed_link_domains),
        *_text_problems(voice),
    ]


def avoided_words(text: str, words_to_avoid: Sequence[str]) -> tuple[Span, ...]:
    """Where `text` uses a word to avoid, in order."""
    pattern = _avoid_pattern(tuple(words_to_avoid))
    if pattern is None:
        return ()
    plain = text.translate(_STRAIGHT)
    return tuple(Span(start=m.start(), end=m.end(), value=m.group()) for m in pattern.finditer(plain))


def unfilled_slots(text: str) -> tuple[Span, ...]:
    """Slots such as `{order_id}`, `{{ order.id }}` or `[ORDER NUMBER]` that still stand in `text`, in order."""
    return tuple(
        Span(start=m.start(), end=m.end(), value=m.group().strip("{}[] ")) for m in _SLOT.finditer(text)
    )


def links(text: str) -> tuple[Span, ...]:
    """Everything in `text` a customer's mail program would make a link of, in order; e-mail addresses are
    not links."""
    found = []
    for match in _LINK.finditer(text):
        address = match.group().rstrip(_AFTER_LINK)
        found.append(Span(start=match.start(), end=match.start() + len(address), value=address))
    return tuple(found)


def is_allowed_link(address: str, allowed_link_domains: Sequence[str]) -> bool:
    """Whether `address` is a web address whose host is one of the domains or under one of them."""
    host = _host(address)
    return host is not None and any(
        host == domain or host.endswith("." + domain) for domain in map(_plain_domain, allowed_link_domains)
    )


# --- patterns -----------------------------------------------------------------------------------------------

_SPACE = re.compile(r"\s+")
_SPACE_BEFORE_MARK = re.compile(r"\s+([,!.:;])")
_DOUBLE_COMMA = re.compile(r",\s*,")
_NEEDS_A_NAME = re.compile(r"^(?:dear|liebe[rs]?|cher|chère|estimad[oa]|querid[oa])\b", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .,'’-])*")
_SLOT = re.compile(
    r"\{\{[^{}\n]{0,80}\}\}|\{%[^{}\n]{0,80}%\}|\{ ?[^\W\d]\w{0,60}(?:[ .-]\w{1,60}){0,4} ?\}"
    r"|\[(?:[A-Z]{2,20}[ _-]){0,4}(?:NAME|NUMBER|ID|DATE|AMOUNT|PRICE|CODE|REFERENCE|ADDRESS|LINK)\]"
)
_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "\u00a0": " "})
_TOP_LEVEL = (
    r"(?:com|org|net|info|biz|shop|store|app|dev|io|co|me|ai|xyz|online|site|link|example|test|eu|us|uk|de|at|ch|fr"
    r"|es|it|nl|be|pl|se|no|dk|fi|ie|pt|ca|au|nz|in|br|mx|jp|ru|cn|ly|gl|to|cc|top|club|live)"
)
_LINK = re.compile(
    r"(?<![\w@])[a-z][a-z0-9+.-]{1,20}://[^\s<>\"]+"
    r"|(?<![\w@])(?:javascript|data|vbscript):[^\s<>\"]+"
    r"|(?<![\w@.:/])//[a-z0-9-]+\.[^\s<>\"]+"
    rf"|(?<![\w@.%+-])(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?\.){{1,6}}{_TOP_LEVEL}(?![\w@-]|\.\w)"
    r"(?::[0-9]+)?(?:[/?#][^\s<>\"]*)?"
    r"|(?<![\w@.%+-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[a-z]{2,24}/[^\s<>\"]+"
    r"|(?<![\w@.])www\.[^\s<>\"]+",
    re.IGNORECASE,
)
_AFTER_LINK = ".,;:!?)]}'*_»”’"
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]")


@lru_cache(maxsize=256)
def _avoid_pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    # Longest first, so that "no problem at all" is found whole where "no problem" is avoided too.
    phrases = sorted((word.translate(_STRAIGHT).strip() for word in words), key=len, reverse=True)
    sources = [_phrase_source(phrase) for phrase in phrases if phrase.strip("* ")]
    if not sources:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(sources)})", re.IGNORECASE)


def _phrase_source(phrase: str) -> str:
    words = r"\s+".join(re.escape(word) for word in phrase.rstrip("*").split())
    if phrase.endswith("*"):
        return words + r"\w*"
    return words + r"(?!\w)"


# --- names and addresses ------------------------------------------------------------------------------------


def _plain_domain(domain: str) -> str:
    return domain.strip().lower().rstrip(".").removeprefix("www.")


def _host(address: str) -> str | None:
    if "\\" in address:  # browsers read it as a slash, urlsplit does not
        return None
    try:
        parts = urlsplit(address if "//" in address.partition("?")[0] else "//" + address, scheme="https")
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username is not None:
        return None
    return host.rstrip(".").lower() if host else None


# --- problems -----------------------------------------------------------------------------------------------


def _greeting_problems(voice: Voice) -> Iterator[str]:
    yield from _length_problems("The greeting", voice.greeting, MAX_GREETING_CHARS)
    if not voice.greeting.strip():
        yield "The greeting is empty."
    rest = voice.greeting.replace("{" + CUSTOMER_NAME + "}", "", 1)
    if "{" in rest or "}" in rest:
        yield "The greeting may have one slot only, {customer_name}, and only once."


def _sign_off_problems(voice: Voice) -> Iterator[str]:
    yield from _length_problems("The sign-off", voice.sign_off, MAX_SIGN_OFF_CHARS)
    if not voice.sign_off.strip():
        yield "The sign-off is empty."
    if "{" in voice.sign_off or "}" in voice.sign_off:
        yield "The sign-off may have no slots."


def _warmth_problems(voice: Voice) -> Iterator[str]:
    for name, text in (("The opening", voice.opening), ("The closing", voice.closing)):
        yield from _length_problems(name, text, MAX_WARMTH_CHARS)
        if unfilled_slots(text):
            yield f"{name} may have no slots."


def _limit_problems(voice: Voice) -> Iterator[str]:
    if voice.most_sentences and not FEWEST_SENTENCES <= voice.most_sentences <= MOST_SENTENCES:
        yield f"The most sentences are 0 for no limit, or {FEWEST_SENTENCES} to {MOST_SENTENCES}."
    if voice.reading_grade and not EASIEST_GRADE <= voice.reading_grade <= HARDEST_GRADE:
        yield f"The reading grade is 0 for no limit, or {EASIEST_GRADE} to {HARDEST_GRADE}."


def _length_problems(name: str, text: str, limit: int) -> Iterator[str]:
    if len(text) > limit:
        yield f"{name} is longer than {limit} characters."


def _word_problems(name: str, words: tuple[str, ...]) -> Iterator[str]:
    if len(words) > MAX_WORDS:
        yield f"{name}: more than {MAX_WORDS}."
    if any(not word.strip("* \t\n") for word in words):
        yield f"{name}: one of them is empty."
    for word in words:
        yield from _length_problems(f"{name}: “{word[:20]}…”", word, MAX_WORD_CHARS)
    folded = [word.strip().casefold() for word in words]
    for word in sorted({word for word in folded if word and folded.count(word) > 1}):
        yield f"{name}: “{word}” is there twice."


def _contradictions(voice: Voice) -> Iterator[str]:
    parts = {
        "The greeting": voice.greeting,
        "The opening": voice.opening,
        "The closing": voice.closing,
        "The sign-off": voice.sign_off,
    }
    for name, text in parts.items():
        for span in avoided_words(text, voice.words_to_avoid):
            yield f"{name} uses “{span.value}”, which is a word to avoid."
        for link in links(text):
            if not is_allowed_link(link.value, voice.allowed_link_domains):
                yield f"{name} links to “{link.value}”, which is not on the list of link domains."
    for word in voice.words_to_use:
        if avoided_words(word, voice.words_to_avoid):
            yield f"“{word}” is both a word to use and a word to avoid."


def _domain_problems(domains: tuple[str, ...]) -> Iterator[str]:
    if len(domains) > MAX_DOMAINS:
        yield f"Link domains: more than {MAX_DOMAINS}."
    for domain in domains:
        if len(domain) > MAX_DOMAIN_CHARS or not _DOMAIN.fullmatch(domain.strip()):
            yield f"“{domain[:60]}” is not a domain. Write shop.example.com, without https:// or a path."


def _text_problems(voice: Voice) -> Iterator[str]:
    yield from _length_problems("The description", voice.description, MAX_DESCRIPTION_CHARS)
    if len(voice.sample_replies) > MAX_SAMPLE_REPLIES:
        yield f"More than {MAX_SAMPLE_REPLIES} sample replies."
    for number, reply in enumerate(voice.sample_replies, start=1):
        yield from _length_problems(f"Sample reply {number}", reply, MAX_SAMPLE_REPLY_CHARS)
        if not reply.strip():
            yield f"Sample reply {number} is empty."
        for span in avoided_words(reply, voice.words_to_avoid):
            yield f"Sample reply {number} uses “{span.value}”, which is a word to avoid."
