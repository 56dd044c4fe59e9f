"""Amounts, shares and times as people write them, and what each comes to, so that 48 hours and two days are one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`text[start:end]`, and its values by unit: two for a range."""

    start: int
    end: int
    values: frozenset[tuple[str, Decimal]]


def read_figures(text: str) -> Iterator[Figure]:
    """Every amount, share and time in `text`: amounts first, then shares, then times."""
    for match in _AMOUNT.finditer(text):
        currency = _CURRENCIES[(match["sign"] or match["code"]).lower().rstrip(".")]
        yield _figure(match, {(currency, _number(match["after"] or match["before"]))})
    for match in _SHARE.finditer(text):
        yield _figure(match, {("%", _number(match["share"]))})
    for match in _TIME.finditer(text):
        unit = "working hours" if match["working"] else "hours"
        counts = [_number(count) for count in (match["from"], match["to"]) if count]
        yield _figure(
            match, {(unit, round(count * _UNIT_HOURS[match["unit"].lower()], 4)) for count in counts}
        )


_CURRENCIES = {
    "$": "usd", "us$": "usd", "usd": "usd", "dollar": "usd", "dollars": "usd", "buck": "usd", "bucks": "usd",
    "€": "eur", "eur": "eur", "euro": "eur", "euros": "eur",
    "£": "gbp", "gbp": "gbp", "pound": "gbp", "pounds": "gbp", "quid": "gbp",
    "¥": "jpy", "jpy": "jpy", "yen": "jpy", "₹": "inr", "inr": "inr", "rs": "inr", "rupees": "inr",
    "chf": "chf", "cad": "cad", "aud": "aud",
}  # fmt: skip
_NUMBER_WORDS = {
    "a": Decimal(1), "an": Decimal(1), "one": Decimal(1), "two": Decimal(2),
    "three": Decimal(3), "four": Decimal(4),
    "five": Decimal(5), "six": Decimal(6), "seven": Decimal(7), "eight": Decimal(8), "nine": Decimal(9),
    "ten": Decimal(10), "eleven": Decimal(11), "twelve": Decimal(12),
    "thirteen": Decimal(13), "fourteen": Decimal(14),
    "thirty": Decimal(30), "sixty": Decimal(60), "ninety": Decimal(90),
}  # fmt: skip
_UNIT_HOURS = {
    "minute": Decimal(1) / 60,
    "min": Decimal(1) / 60,
    "hour": Decimal(1),
    "hr": Decimal(1),
    "h": Decimal(1),
    "day": Decimal(24),
    "night": Decimal(24),
    "week": Decimal(168),
    "fortnight": Decimal(336),
    "month": Decimal(730),
    "year": Decimal(8760),
}
_NUMBER = r"[0-9]{1,9}(?:[.,' ][0-9]{3}){0,3}(?:[.,][0-9]{1,2})?(?![0-9])"
_COUNT = rf"(?:{_NUMBER}|\b(?:{'|'.join(sorted(_NUMBER_WORDS, key=len, reverse=True))})\b)"
_SIGN = r"us\$|[$€£¥₹]"
_CODE = "|".join(sorted((code for code in _CURRENCIES if code.isalpha()), key=len, reverse=True))
_AMOUNT = re.compile(
    rf"(?:(?P<sign>{_SIGN}|\b(?:usd|eur|gbp|chf|cad|aud|inr|jpy|rs)\b\.?)\s?(?P<after>{_NUMBER}))"
    rf"|(?<![\w.,])(?P<before>{_NUMBER})[\s-]?(?P<code>[$€£¥₹]|(?:{_CODE})\b)",
    re.IGNORECASE,
)
_SHARE = re.compile(rf"(?<![\w.,])(?P<share>{_NUMBER})\s?(?:%|per\s?cent\b|percent\b)", re.IGNORECASE)
_TIME = re.compile(
    rf"(?<![\w.,])(?:(?P<from>{_COUNT})\s?(?:-|–|to|or|and)\s?)?(?P<to>{_COUNT})[\s-]?"
    r"(?P<working>(?:business|working|week)[\s-]?)?"
    r"(?P<unit>minute|min|hour|hr|h|day|night|week|fortnight|month|year)s?\b",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"(?<=[0-9])[.,' ](?=[0-9]{3}(?![0-9]))")


def _figure(match: re.Match[str], values: set[tuple[str, Decimal]]) -> Figure:
    return Figure(start=match.start(), end=match.end(), values=frozenset(values))


def _number(written: str) -> Decimal:
    """1,299.00 and 1.299,00 and "two" as numbers; what follows three digits after a mark is thousands,
    else cents."""
    if written.lower() in _NUMBER_WORDS:
        return _NUMBER_WORDS[written.lower()]
    try:
        return Decimal(_THOUSANDS.sub("", written).replace(",", ".")).normalize()
    except InvalidOperation as error:
        raise ValueError(f"not a number: {written!r}") from error
