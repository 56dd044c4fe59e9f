"""Take apart what a customer asks: each question or request of a message, with the sentences that say what it is about.

Known are question marks of any language, lists, and the openings of English, German, French and Spanish requests. Not
known: questions of other languages without a mark, and two questions that share one verb ("the price and the size?").
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from guidance.sentences import content_stems, split_sentences

MAX_CHARS = 8_000
MAX_QUESTIONS = 6
"""More are not taken apart: the last one then holds all that follow."""

MAX_QUESTION_CHARS = 300
MAX_LEAD_SENTENCES = 3
FEWEST_STEMS = 2
"""A question with fewer words of meaning ("how long?") is about what was said before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing asked. `asked` is `text` after the sentences that lead to it: what a search needs to know."""

    text: str
    asked: str

    @property
    def meant(self) -> str:
        """The question alone where it says enough by itself: what leads to it holds other things' words."""
        return self.text if len(content_stems(self.text)) >= FEWEST_STEMS else self.asked


def questions_in(message: str) -> tuple[Question, ...]:
    """What `message` asks, in its order; what says the same as another, and courtesies, are left out."""
    found: list[Question] = []
    lead: list[str] = []
    for clause in _clauses(message[:MAX_CHARS]):
        if clause.asks and content_stems(clause.text):
            _append(found, clause.text, lead)
            lead = []
        else:
            lead.append(clause.text)
    return _bounded(_distinct(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clause:
    text: str
    asks: bool


def _append(found: list[Question], text: str, lead: list[str]) -> None:
    """A request and the question that leans on it ("I want to return it. How long do I have?") are one."""
    before = found[-1] if found else None
    leads = " ".join(lead[-MAX_LEAD_SENTENCES:])
    if before and not leads and _leans(text):
        leads = before.asked
        if _INTENDS.match(before.text):
            found[-1] = Question(text=_cut(f"{before.text} {text}"), asked=_cut_front(f"{leads} {text}"))
            return
    found.append(Question(text=_cut(text), asked=_cut_front(f"{leads} {text}".strip())))


def _leans(text: str) -> bool:
    return bool(_POINTS_BACK.search(text)) or len(content_stems(text)) < FEWEST_STEMS


def _cut(text: str) -> str:
    return text if len(text) <= MAX_QUESTION_CHARS else text[: MAX_QUESTION_CHARS - 1].rstrip() + "…"


def _cut_front(text: str) -> str:
    return text[-2 * MAX_QUESTION_CHARS :]


def _distinct(found: list[Question]) -> list[Question]:
    stems = [content_stems(one.text) for one in found]
    return [
        one
        for at, one in enumerate(found)
        if not any(
            stems[at] < other or (stems[at] == other and before < at)
            for before, other in enumerate(stems)
            if before != at
        )
    ]


def _bounded(found: list[Question]) -> tuple[Question, ...]:
    if len(found) <= MAX_QUESTIONS:
        return tuple(found)
    kept, rest = found[: MAX_QUESTIONS - 1], found[MAX_QUESTIONS - 1 :]
    joined = " ".join(one.text for one in rest)
    return (*kept, replace(rest[0], text=_cut(joined), asked=_cut_front(joined)))


# --- clauses ------------------------------------------------------------------------------------------------


def _clauses(message: str) -> Iterator[_Clause]:
    """Sentences and their questions; a list after "please tell me:" or "my questions:" asks with every line."""
    listed = False
    for sentence in split_sentences(_own_lines(message)):
        mark = _LIST_MARK.match(sentence)
        text = sentence[mark.end() :] if mark else sentence
        if mark and listed:
            yield _Clause(text=text, asks=True)
            continue
        listed = text.endswith(":") and bool(_asks(text) or _QUESTIONS.search(text))
        for part in _parts(text):
            yield _Clause(text=part, asks=_asks(part) and not listed)


def _own_lines(message: str) -> str:
    """Without lines of earlier mail; long runs of spaces and marks would be tried from each of their characters."""
    lines = (_RUN.sub(_few, line).strip() for line in message.splitlines())
    return "\n".join(line for line in lines if not line.startswith(">"))


def _few(run: re.Match[str]) -> str:
    return run.group()[:2]


def _parts(sentence: str) -> Iterator[str]:
    """ "Where is it and can you send it?" is two; a mark ends a question whatever case goes on after it."""
    for marked in _AFTER_MARK.split(sentence):
        yield from (part.strip(" ,;") for part in _AND_ASKS.split(marked) if part.strip(" ,;"))


def _asks(clause: str) -> bool:
    return bool(_MARK.search(clause) or _OPENS.match(clause))


_AUXILIARY = r"(?:can|could|may|do|does|did|is|are|was|were|will|would|should|shall|has|have|am)(?:n['’]?t)?"
_SUBJECT = (
    r"(?:you|i|we|they|it|he|she|there|this|that|these|those|the|my|your|our|an?|any(?:one|body)?|someone)\b"
)
_ASKING_WORD = (
    rf"(?:(?:when|where)(?:['’]?s|\s+{_AUXILIARY})\b"
    rf"|(?:what|whose|why|how)(?:['’]s|(?!\s+(?:i|we|you|they|it)\b)(?:\s+[\w'’-]+){{0,3}}?\s+{_AUXILIARY})\b"
    rf"|which(?:\s+[\w'’-]+){{1,3}}?\s+{_AUXILIARY}\b|who\s+\w+"
    r"|how\s+(?:much|many|long|often|soon|far|to)\b|(?:what|how)\s+about\b)"
)
_ASKING = rf"(?:{_AUXILIARY}\s+{_SUBJECT}|{_ASKING_WORD})"
_INTENDING = r"(?:(?:i|we)(?:['’]d|\s+would)\s+(?:like|love)\b|(?:i|we)\s+(?:want|wish|need)\s+(?:to|you)\b)"
_REQUESTING = (
    r"(?:(?:please|kindly)\b(?!\s+(?:find|see|note)\b)|(?:tell|send|give|show)\s+me\b|let\s+me\s+know\b"
    rf"|{_INTENDING}"
    r"|(?:i['’]?m|i\s+am|was|i\s+was)?\s*wondering\b"
    r"|(?:bitte|können|könnten|kann|ich\s+(?:möchte|hätte|brauche|will))\b"
    r"|(?:pouvez|pourriez|puis|est-ce|je\s+(?:voudrais|veux|souhaite))\b"
    r"|(?:puedo|pueden|podrían?|puede|quisiera|quiero|necesito|me\s+gustaría)\b)"
)
_LINKS = (
    r"(?>(?:and|also|plus|so|but|then|oh|hi|hello|hey|first(?:ly)?|second(?:ly)?|third(?:ly)?|finally|lastly"
    r"|besides|additionally|furthermore|by\s+the\s+way|btw|another\s+(?:thing|question)"
    r"|one\s+more\s+(?:thing|question)|p\.?\s?s\.?|und|außerdem|auch|et|aussi|y|también)\b[\s,.:;–-]*+)*+"
)
_OPENS = re.compile(rf"[\s\"'“‘(¿]*{_LINKS}(?:{_ASKING}|{_REQUESTING})", re.IGNORECASE)
_INTENDS = re.compile(rf"{_LINKS}{_INTENDING}", re.IGNORECASE)
_MARK = re.compile(r"[?？؟][\"'”’)\]!?]*\s*$")
_AFTER_MARK = re.compile(r"(?<=[?？؟])[\"'”’)\]!?]*\s+")
_AND_ASKS = re.compile(
    rf"(?:\s*[,;–]\s*|\s+)(?:and|also|plus)\s+(?:also\s+|then\s+|please\s+)?(?={_ASKING}\s)", re.IGNORECASE
)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|this|that|these|those|they|them|one|ones|so|es|sie|das|dies\w*|ça|cela|ello|eso)\b",
    re.IGNORECASE,
)
_RUN = re.compile(r"[^\S\n]{3,}|[^\w\s]{3,}")
_LIST_MARK = re.compile(r"\s*(?:[-*+•–]|\(?[0-9]{1,2}[.):]|\(?[a-z][.)])\s+")
_QUESTIONS = re.compile(r"\b(?:questions?|following|fragen?|preguntas?)\b", re.IGNORECASE)
