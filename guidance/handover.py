"""What somebody who takes a conversation over must know: asked, answered, promised, still open; all in quotes.

Nothing is put into other words: a summary that errs would be read as a promise. Cue words are English first,
then German and Spanish; a sentence that no cue fits is quoted as an answer or left out, never guessed at.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from guidance.sentences import split_sentences
from marketplace.tickets.models import Author

QUOTES_OF_A_KIND = 4
QUOTES_OF_A_REPLY = 2
QUOTE_CHARS = 240
LINES_READ = 200
FEWEST_WORDS = 3
FEWEST_WORDS_OF_A_QUESTION = 2


class Spoken(Protocol):
    """A line of the thread, masked already for who reads it."""

    @property
    def author(self) -> Author: ...
    @property
    def text(self) -> str: ...
    @property
    def written_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One sentence, word for word (cut with … when long), with who said it and when."""

    author: Author
    said_at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """At most four quotes of a kind, in the order they were said. `open_question` waits for an answer now."""

    replies: int
    asked: tuple[Quote, ...]
    answered: tuple[Quote, ...]
    promised: tuple[Quote, ...]
    open_question: Quote | None


def handover(thread: Iterable[Spoken]) -> Handover:
    """The conversation so far in its own words; the newest 200 lines are read."""
    lines = tuple(thread)[-LINES_READ:]
    asked = [quote for line in lines if line.author is Author.CUSTOMER for quote in _questions(line)]
    replies = [line for line in lines if line.author is not Author.CUSTOMER]
    is_open = bool(lines) and lines[-1].author is Author.CUSTOMER and bool(asked)
    return Handover(
        replies=len(replies),
        asked=_first_and_newest(asked[:-1] if is_open else asked),
        answered=_newest([quote for line in replies for quote in _answers(line)]),
        promised=_newest([quote for line in replies for quote in _promises(line)]),
        open_question=asked[-1] if is_open else None,
    )


def _questions(line: Spoken) -> list[Quote]:
    """What the customer wants to know or have; of a message without such a sentence, its last that says something."""
    sentences = tuple(_sayings(line.text))
    wanted = [one for one in sentences if one.endswith("?") or _ASKS.match(one)]
    return [_quote(line, one) for one in wanted or sentences[-1:]]


def _answers(line: Spoken) -> list[Quote]:
    """The first sentences of a reply that say something and promise nothing."""
    said = [one for one in _sayings(line.text) if not _is_promise(one)]
    return [_quote(line, one) for one in said[:QUOTES_OF_A_REPLY]]


def _promises(line: Spoken) -> list[Quote]:
    """Every sentence that the customer may hold the brand to."""
    return [_quote(line, one) for one in _sayings(line.text) if _is_promise(one)]


def _is_promise(sentence: str) -> bool:
    return not sentence.endswith("?") and not _REFUSES.search(sentence) and bool(_COMMITS.search(sentence))


def _sayings(text: str) -> Iterator[str]:
    """The sentences of `text` without greeting, thanks and sign-off."""
    lines = (line.strip() for line in text.splitlines())
    for sentence in split_sentences("\n".join("" if _COURTESY.fullmatch(line) else line for line in lines)):
        # Customers write on in small letters after a question mark; each question is one of its own.
        for part in _AFTER_A_QUESTION.split(_GREETING.sub("", sentence)):
            words = part.strip()
            fewest = FEWEST_WORDS_OF_A_QUESTION if words.endswith("?") else FEWEST_WORDS
            if len(words.split()) >= fewest and not _COURTESY.fullmatch(words):
                yield words


def _quote(line: Spoken, sentence: str) -> Quote:
    return Quote(author=line.author, said_at=line.written_at, text=_shortened(sentence))


def _shortened(sentence: str) -> str:
    """`sentence` within the limit; a long one ends after a whole word. A question keeps its mark."""
    if len(sentence) <= QUOTE_CHARS:
        return sentence
    end = " …?" if sentence.endswith("?") else " …"
    return sentence[: QUOTE_CHARS - len(end)].rsplit(None, 1)[0] + end


def _first_and_newest(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """What it began with stays; of the rest the newest."""
    kept = _distinct(quotes)
    return kept if len(kept) <= QUOTES_OF_A_KIND else (kept[0], *kept[1 - QUOTES_OF_A_KIND :])


def _newest(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    return _distinct(quotes)[-QUOTES_OF_A_KIND:]


def _distinct(quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """Said twice, told once: as it was said last."""
    newest = {quote.text: quote for quote in quotes}
    return tuple(quote for quote in quotes if newest[quote.text] is quote)


_AFTER_A_QUESTION = re.compile(r"(?<=\?)\s+")
_ASKS = re.compile(
    r"(?:(?:and|but|so|also|und|y|pero)[,\s]+)?(?:"
    # English
    r"how|what|when|where|which|why|who|whether|can (?:you|i|we)|could (?:you|i|we)|would you|will (?:you|i|it)"
    r"|do (?:you|i)|does|is (?:it|there|that)|are (?:you|there)|please|i(?:'d| would) (?:like|rather|prefer)"
    r"|i(?:'d)? (?:want|need|wish|wonder|am asking)|let me know|tell me|may i|should i"
    # German
    r"|wie|was|wann|wo|woher|warum|wieso|welche[rnms]?|wer|kann (?:ich|man)|könn(?:en|ten) (?:sie|wir)|bitte"
    r"|ich (?:möchte|brauche|will|hätte gern)|würden sie|darf ich|muss ich|ist (?:es|das)"
    # Spanish
    r"|¿|c[oó]mo|qu[eé]|cu[aá]ndo|d[oó]nde|por qu[eé]|cu[aá]l(?:es)?|pued[eo]|podr[ií]a|quiero|quisiera|necesito"
    r"|por favor|me gustar[ií]a|d[ií]game"
    r")\b",
    re.IGNORECASE,
)
_DAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|tonight|(?:next|this) week|end of (?:the )?(?:day|week|month)"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|morgen|ende der woche"
    r"|lunes|martes|miércoles|jueves|viernes|sábado|domingo|mañana"
    r"|\d{1,2}(?:st|nd|rd|th)?[. ]+(?:jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|ene|abr|ago|dic)\w*"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w* \d{1,2}|\d{1,2}[./]\d{1,2}(?:[./]\d{2,4})?"
)
_COMMITS = re.compile(
    r"\b(?:"
    # English
    r"(?:i|we|you|it|they|he|she)['’]ll|will|shall|i promise|we promise|guaranteed?|no later than|at the latest"
    r"|within (?:\d+|an?|one|two|three|four|five|seven|ten|the next)\b|in \d+ (?:to \d+ )?(?:working |business )?"
    r"(?:minutes?|hours?|days?|weeks?)|(?:by|until|before|on) (?:the )?(?:" + _DAY + r")"
    r"|refund(?:s|ed)?|free of charge|for free|at no cost|replacement is|credit(?:ed)? (?:you|your)|compensation"
    # German
    r"|werden? (?:wir|ich|sie|ihnen)|(?:wir|ich|sie|es) (?:werden?|wird)|wird|innerhalb|spätestens|garantier\w+"
    r"|verspreche\w*|erstatt\w+|rückerstatt\w+|gutschrift|kostenlos|kostenfrei|bis (?:zum )?(?:" + _DAY + r")"
    # Spanish
    r"|(?:le |te |les )?(?:enviar|reembolsar|llamar|recibir|llegar|devolver|abonar|cambiar|har|confirmar|avisar|tendr)"
    r"(?:é|á|emos|án|ás)|reembolso|garantizamos|prometo|prometemos|en un plazo|dentro de|a más tardar|gratis"
    r"|sin coste|(?:antes d)?el (?:próximo )?(?:" + _DAY + r")"
    r")(?!\w)"
    r"|[$€£]\s?\d|\b\d+(?:[.,]\d{2})?\s?(?:€|£|\$|eur\b|usd\b|euros?\b|dollars?\b|dólares\b)",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\b(?:cannot|can['’]?t|can not|unable to|not able to|not possible|not eligible|not covered"
    r"|nicht möglich|leider nicht|k(?:ann|önnen) (?:ich |wir )?(?:ihnen |das |leider )*nicht"
    r"|no (?:podemos|puedo|es posible))\b",
    re.IGNORECASE,
)
_HELLO = (
    r"(?:hi|hello|hey|dear|good (?:morning|day|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|liebe[rs]?"
    r"|sehr geehrte[r]?|hola|buenos días|buenas (?:tardes|noches)|estimad[oa])\b(?: [^\s,.!?]+){0,3}"
)
_GREETING = re.compile(_HELLO + r"[,!] (?=\S)", re.IGNORECASE)
_COURTESY = re.compile(
    r"(?:" + _HELLO + r"|(?:thank you|thanks|many thanks|cheers|thx)\b[^.!?]{0,120}"
    r"|(?:best|kind|warm|many)? ?(?:regards|wishes)\b[^.!?]{0,60}|(?:yours|sincerely)\b[^.!?]{0,60}"
    r"|(?:i(?:['’]m| am)|we(?:['’]re| are)) (?:so |very |really )?sorry\b[^.!?]{0,80}|sorry (?:about|for)\b[^.!?]{0,80}"
    r"|i hope (?:this|that) helps\b[^.!?]{0,40}|(?:please )?let (?:me|us) know if\b[^.!?]{0,120}"
    r"|have a (?:nice|good|great|lovely)\b[^.!?]{0,40}|vielen dank\b[^.!?]{0,120}|danke\b[^.!?]{0,120}"
    r"|(?:mit )?(?:freundlichen|besten|viele|herzliche) grüße?n?\b[^.!?]{0,60}"
    r"|(?:es )?tut (?:mir|uns)(?: sehr)? leid\b[^.!?]{0,80}|(?:muchas )?gracias\b[^.!?]{0,120}"
    r"|(?:un )?(?:cordial )?saludos?\b[^.!?]{0,60}|(?:lo siento|lamentamos)\b[^.!?]{0,80})[.!,]*",
    re.IGNORECASE,
)
