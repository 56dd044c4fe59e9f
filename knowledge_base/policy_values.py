"""Values that a text states of a policy: amounts, durations, shares, dates, times, phone numbers, addresses, and
whether something is done or not; each with the words it is said of. Pure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from knowledge_base.report_models import ValueKind

MAX_CHARACTERS = 20_000
SUBJECT_WORDS_FEWEST = 2
BOUND_CHARACTERS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One value at `text[start:end]`. Two of the same kind and unit can contradict each other; `value` is plain, so
    that 48 hours and two days are one. `bound` says that it is a most or a least of something, else it is empty;
    `subject` are the word stems of its sentence."""

    kind: ValueKind
    unit: str
    value: str
    start: int
    end: int
    subject: frozenset[str]
    bound: str = ""


def values_in(text: str) -> tuple[Stated, ...]:
    """Every value stated in `text`, in order. A question states nothing; a table row does, but of what its header
    says, so it is left out."""
    return tuple(
        one
        for start, end in _sentences(text[:MAX_CHARACTERS])
        if not text[start:end].rstrip().endswith("?") and "|" not in text[start:end]
        for one in _values_of_sentence(text, start, end)
    )


def stems(text: str) -> frozenset[str]:
    """Stems of the words that carry meaning."""
    plain = _PARTICLE.sub(r"\1\2", _ADDRESS.sub(" ", text.lower()))
    return frozenset(_stem(word) for word in _WORD.findall(plain) if word not in _EMPTY)


@dataclass(frozen=True, slots=True)
class _Found:
    kind: ValueKind
    unit: str
    value: str
    start: int
    end: int


def _values_of_sentence(text: str, start: int, end: int) -> Iterator[Stated]:
    sentence = text[start:end]
    taken: list[tuple[int, int]] = []
    for read in _READERS:
        for found in read(sentence):
            if any(found.start < last and first < found.end for first, last in taken):
                continue
            taken.append((found.start, found.end))
            rest = f"{sentence[: found.start]} {sentence[found.end :]}"
            subject = stems(sentence if found.kind is ValueKind.PRACTICE else rest)
            if len(subject) >= SUBJECT_WORDS_FEWEST:
                yield Stated(
                    kind=found.kind,
                    unit=found.unit,
                    value=found.value,
                    start=start + found.start,
                    end=start + found.end,
                    subject=subject,
                    bound=_bound(sentence, found),
                )


def _bound(sentence: str, found: _Found) -> str:
    """Whether the words before the value make it the most or the least of something."""
    before = sentence[max(0, found.start - BOUND_CHARACTERS) : found.start]
    if found.kind is ValueKind.PRACTICE:
        return ""
    if _LEAST.search(before):
        return "least"
    return "most" if _MOST.search(before) else ""


# --- how values are written ---------------------------------------------------------------------------------

# At most 23 digits: of more, Decimal would not say exactly what they are.
_NUMBER = r"[0-9]{1,9}(?:[., ][0-9]{3}){0,4}(?:[.,][0-9]{1,2})?(?![0-9])"
_COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "ninety": 90,
}  # fmt: skip
_COUNT = rf"(?:{_NUMBER}|\b(?:{'|'.join(_COUNTS)})\b)"
_CURRENCIES = {
    "$": "usd", "us$": "usd", "usd": "usd", "dollar": "usd", "dollars": "usd", "€": "eur", "eur": "eur",
    "euro": "eur", "euros": "eur", "£": "gbp", "gbp": "gbp", "pound": "gbp", "pounds": "gbp", "¥": "jpy", "jpy": "jpy",
    "yen": "jpy", "₹": "inr", "inr": "inr", "chf": "chf", "cad": "cad", "aud": "aud",
}  # fmt: skip
_CODE = "|".join(sorted((code for code in _CURRENCIES if code.isalpha()), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?:us\$|[$€£¥₹]|\b(?:usd|eur|gbp|chf|cad|aud|inr|jpy))\s?(?P<after>{_NUMBER})"
    rf"|(?<![\w.,])(?P<before>{_NUMBER})\s?(?P<code>[€£¥₹]|(?:{_CODE})\b)",
    re.IGNORECASE,
)
_SHARE = re.compile(rf"(?<![\w.,])(?P<share>{_NUMBER})\s?(?:%|per\s?cent\b)", re.IGNORECASE)
_HOURS = {"minute": "1/60", "hour": "1", "day": "24", "week": "168", "month": "730", "year": "8760"}
_DURATION = re.compile(
    rf"(?<![\w.,])(?:(?P<low>{_COUNT})\s?(?:-|–|to|or|and)\s?)?(?P<high>{_COUNT})[\s-]?"
    r"(?P<working>(?:business|working|week)[\s-]?)?(?P<unit>minute|hour|day|week|month|year)s?\b",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = re.compile(
    rf"\b(?P<iso>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})\b"
    rf"|\b(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month>{_MONTH})\b(?:,?\s+(?P<year>[0-9]{{4}}))?"
    rf"|\b(?P<month2>{_MONTH})\s+(?P<day2>[0-9]{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year2>[0-9]{{4}}))?",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?<![\w:.])(?P<hour>[01]?[0-9]|2[0-3])(?:[:.](?P<minute>[0-5][0-9]))?\s?(?P<half>[ap]\.?m\b\.?)"
    r"|(?<![\w:.])(?P<hour24>[01]?[0-9]|2[0-3]):(?P<minute24>[0-5][0-9])(?![\w:])",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")
_PHONE = re.compile(r"(?<![\w.-])\+?\(?[0-9][0-9 ()./-]{6,18}[0-9](?![\w])")
_PHONE_DIGITS = range(7, 16)
_ANSWER = re.compile(r"^\s*(?:yes|no)[,.!]", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|cannot|without|unable)\b|n[’']t\b", re.IGNORECASE)
_PRACTICE = re.compile(
    r"\b(?:(?:do|does|did|can|will|is|are|may)(?:\s?not|n[’']t)?\s+|cannot\s+|never\s+|no longer\s+)?"
    r"(?P<verb>accept(?:ed|s)?|allow(?:ed|s)?|offer(?:ed|s)?|ship(?:ped|s)?|refund(?:ed|s|able)?|return(?:able)?"
    r"|exchange[ds]?|deliver(?:ed|s)?|support(?:ed|s)?|permit(?:ted|s)?|welcome|include[ds]?|cover(?:ed|s)?"
    r"|cancel(?:led|s)?|available|free)\b",
    re.IGNORECASE,
)


def _amounts(sentence: str) -> Iterator[_Found]:
    for found in _AMOUNT.finditer(sentence):
        number = _number(found["after"] or found["before"])
        sign = found["code"] or re.match(r"\D+", found.group())[0].strip()  # type: ignore[index]
        if number is not None:
            unit = _CURRENCIES[_plain(sign)]
            yield _Found(ValueKind.AMOUNT, unit, str(number), found.start(), found.end())


def _shares(sentence: str) -> Iterator[_Found]:
    for found in _SHARE.finditer(sentence):
        number = _number(found["share"])
        if number is not None:
            yield _Found(ValueKind.SHARE, "%", str(number), found.start(), found.end())


def _durations(sentence: str) -> Iterator[_Found]:
    for found in _DURATION.finditer(sentence):
        unit = _plain(found["unit"])
        counts = [_count(one) for one in (found["low"], found["high"]) if one]
        hours = [_hours(one, unit) for one in counts if one is not None]
        kind = "working" if found["working"] else "time"
        if hours:
            yield _Found(
                ValueKind.DURATION, kind, "–".join(str(one) for one in hours), found.start(), found.end()
            )


def _dates(sentence: str) -> Iterator[_Found]:
    for found in _DATE.finditer(sentence):
        if found["iso"]:
            yield _Found(ValueKind.DATE, "date", found["iso"], found.start(), found.end())
            continue
        month = _MONTHS.index(_plain(found["month"] or found["month2"])[:3]) + 1
        day, year = int(found["day"] or found["day2"]), found["year"] or found["year2"]
        if 1 <= day <= 31:
            # A date with its year and one without do not speak of the same thing.
            unit = "date" if year else "day of the year"
            value = f"{year}-{month:02}-{day:02}" if year else f"{month:02}-{day:02}"
            yield _Found(ValueKind.DATE, unit, value, found.start(), found.end())


def _clocks(sentence: str) -> Iterator[_Found]:
    for found in _CLOCK.finditer(sentence):
        hour = int(found["hour"] or found["hour24"])
        minute = int(found["minute"] or found["minute24"] or 0)
        if found["half"] and hour <= 12:
            hour = hour % 12 + (12 if found["half"].lower().startswith("p") else 0)
        yield _Found(ValueKind.TIME, "clock", f"{hour:02}:{minute:02}", found.start(), found.end())


def _emails(sentence: str) -> Iterator[_Found]:
    for found in _EMAIL.finditer(sentence):
        yield _Found(ValueKind.EMAIL, "address", found.group().lower(), found.start(), found.end())


def _phones(sentence: str) -> Iterator[_Found]:
    for found in _PHONE.finditer(sentence):
        digits = re.sub(r"[^0-9]", "", found.group())
        groups = re.findall(r"[0-9]+", found.group())
        # A version such as 3.7.2022 has groups of one digit; only a country's code may be so short.
        grouped = len(groups) > 1 and all(len(group) > 1 for group in groups[1:]) and "." not in found.group()
        if len(digits) in _PHONE_DIGITS and (grouped or found.group().startswith("+")):
            yield _Found(ValueKind.PHONE, "number", digits.lstrip("0"), found.start(), found.end())


def _practices(sentence: str) -> Iterator[_Found]:
    """Done or not: a sentence with a negation anywhere says no ("There are no lockers available")."""
    said = _ANSWER.sub(lambda answer: " " * len(answer.group()), sentence)
    value = "no" if _NEGATION.search(said) else "yes"
    for found in _PRACTICE.finditer(said):
        yield _Found(ValueKind.PRACTICE, _stem(found["verb"].lower()), value, found.start(), found.end())


_READERS: tuple[Callable[[str], Iterator[_Found]], ...] = (
    _emails,
    _dates,
    _amounts,
    _shares,
    _durations,
    _clocks,
    _phones,
    _practices,
)


def _plain(written: str) -> str:
    """In small letters: a pattern that ignores case also takes ı for i and ſ for s."""
    return written.lower().translate(_SAME_LETTERS)


_SAME_LETTERS = str.maketrans("ıſ", "is")


def _number(written: str) -> Decimal | None:
    plain = re.sub(r"(?<=[0-9])[., ](?=[0-9]{3}(?![0-9]))", "", written).replace(",", ".").replace(" ", "")
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    return number.quantize(Decimal(1)) if number == number.to_integral_value() else number.normalize()


def _count(written: str) -> Decimal | None:
    word = _plain(written)
    return Decimal(_COUNTS[word]) if word in _COUNTS else _number(written)


def _hours(count: Decimal, unit: str) -> Decimal:
    above, _, below = _HOURS[unit].partition("/")
    hours = count * Decimal(above) / Decimal(below or 1)
    return hours.quantize(Decimal(1)) if hours == hours.to_integral_value() else round(hours, 3)


# --- sentences and words ------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"(?:https?://)?\b[\w-]+(?:\.[\w-]+)+(?:/[^\s)]*)?")
# "check in" and "check out" are words of their own: the particle is all that tells them apart.
_PARTICLE = re.compile(
    r"\b(check|sign|log|move|opt|drop|pick|turn|top)(?:ed|ing)?[- ]?(in|out|on|off|up|down)\b"
)
_MOST = re.compile(
    r"(?:within|up to|at most|no later than|until|maximum(?: of)?|no more than|not more than|in under|by)\W*$",
    re.I,
)
_LEAST = re.compile(
    r"(?:at least|more than|later than|longer than|after|minimum(?: of)?|not before|over|from|every)\W*$",
    re.I,
)
_SENTENCE_END = re.compile(r"\n+|(?<=[.!?])\s+(?=[\"'“(A-Z0-9])")
_WORD = re.compile(r"[^\W\d_]{2,}")
_EMPTY = frozenset(
    """
    an and any are as at be been but by can could did do does for from get had has have if in into is it its may
    might more most must no not of on or our shall should so than that the their them then there these they this
    to up us was we were what when where which while who will with within would you your after before until only
    also per each all
    """.split()  # noqa: SIM905 (a hundred quoted words are unreadable)
)
_ENDINGS = (
    "ations",
    "ation",
    "ments",
    "ment",
    "ings",
    "ing",
    "ies",
    "ied",
    "able",
    "ers",
    "ed",
    "er",
    "es",
    "s",
)
_SHORTEST = 3


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if text[start : end.start()].strip():
            yield start, end.start()
        start = end.end()
    if text[start:].strip():
        yield start, len(text)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            word = word[: -len(ending)]
            break
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "aeiousl":
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > _SHORTEST else word.removesuffix("e")
