"""Hold the final text of a reply to the brand's rules: what blocks sending, and what the worker should
look at again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from guidance.draft import CitedPassage
from guidance.findings import Finding, FindingKind, Severity
from guidance.voice import Voice, avoided_words, is_allowed_link, links, unfilled_slots
from marketplace.tickets.masking import DEFAULT_REGIONS, Found, PersonalData, find_personal_data

MAX_REPLY_CHARS = 5_000


def lint(
    text: str, voice: Voice, passages: Sequence[CitedPassage], *, regions: Sequence[str] = DEFAULT_REGIONS
) -> tuple[Finding, ...]:
    """Everything wrong with a reply, in the order of the text. Empty and overlong text is reported alone."""
    if not text.strip():
        return (_block(FindingKind.EMPTY, 0, len(text), "The reply is empty."),)
    if len(text) > MAX_REPLY_CHARS:
        message = f"The reply has {len(text)} characters; {MAX_REPLY_CHARS} is the most."
        return (_block(FindingKind.TOO_LONG, MAX_REPLY_CHARS, len(text), message),)
    known = "\n".join(passage.text for passage in passages)
    findings = (
        *_avoided(text, voice),
        *_links(text, voice),
        *_slots(text),
        *_personal(text, voice, known, regions),
        *_figures(text, known),
    )
    return tuple(sorted(findings, key=lambda finding: (finding.start, finding.end, finding.kind)))


def blocks_sending(findings: Sequence[Finding]) -> bool:
    """Whether any finding keeps the reply from being sent."""
    return any(finding.severity is Severity.BLOCK for finding in findings)


def _block(kind: FindingKind, start: int, end: int, message: str, fix: str | None = None) -> Finding:
    return Finding(kind=kind, severity=Severity.BLOCK, start=start, end=end, message=message, fix=fix)


def _warn(kind: FindingKind, start: int, end: int, message: str, fix: str | None = None) -> Finding:
    return Finding(kind=kind, severity=Severity.WARN, start=start, end=end, message=message, fix=fix)


def _avoided(text: str, voice: Voice) -> Iterator[Finding]:
    for word in avoided_words(text, voice.words_to_avoid):
        message = f"This brand never says “{word.value}”. Say it another way."
        yield _block(FindingKind.AVOIDED_WORD, word.start, word.end, message)


def _links(text: str, voice: Voice) -> Iterator[Finding]:
    for link in links(text):
        if not is_allowed_link(link.value, voice.allowed_link_domains):
            message = f"“{link.value}” is not on this brand's list of link domains. Take it out."
            yield _block(FindingKind.LINK, link.start, link.end, message, fix="")


def _slots(text: str) -> Iterator[Finding]:
    for slot in unfilled_slots(text):
        message = f"Fill in “{slot.value}” before sending."
        yield _block(FindingKind.UNFILLED_SLOT, slot.start, slot.end, message)


# --- personal data ------------------------------------------------------------------------------------------

_PERSONAL = {
    PersonalData.CARD: "This is a whole card number. Never send one; the last four digits are enough.",
    PersonalData.IBAN: "This is a bank account number (IBAN). Leave it out unless the customer needs it.",
    PersonalData.EMAIL: "This e-mail address is in no passage. Leave it out unless the customer needs it.",
    PersonalData.PHONE: "This phone number is in no passage. Leave it out unless the customer needs it.",
}


def _personal(text: str, voice: Voice, known: str, regions: Sequence[str]) -> Iterator[Finding]:
    # https://shop.example@evil.com holds no address of a person; the link is judged as a link.
    bare = text
    for link in links(text):
        bare = bare[: link.start] + " " * (link.end - link.start) + bare[link.end :]
    for found in find_personal_data(bare, regions=regions):
        quoted = text[found.start : found.end]
        if found.kind is PersonalData.CARD:
            yield _block(
                FindingKind.CARD_NUMBER, found.start, found.end, _PERSONAL[found.kind], found.replacement
            )
        elif not _is_the_brands_own(found, quoted, voice, known):
            yield _warn(FindingKind.PERSONAL_DATA, found.start, found.end, _PERSONAL[found.kind])


def _is_the_brands_own(found: Found, quoted: str, voice: Voice, known: str) -> bool:
    """The help desk's own number and address are knowledge, not personal data."""
    if found.kind is PersonalData.EMAIL:
        return quoted.casefold() in known.casefold() or _has_brand_host(quoted, voice)
    return _dialled(quoted) in _dialled(known)


def _has_brand_host(address: str, voice: Voice) -> bool:
    return is_allowed_link(address.rpartition("@")[2], voice.allowed_link_domains)


def _dialled(text: str) -> str:
    return re.sub(r"[\s().\-/]", "", text).casefold()


# --- amounts, shares and times ------------------------------------------------------------------------------

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """An amount, share or time as a person says it, and what it comes to, so that 48 hours and two days
    are one."""

    start: int
    end: int
    values: frozenset[tuple[str, Decimal]]


def _figures(text: str, known: str) -> Iterator[Finding]:
    supported = {value for figure in _read_figures(known) for value in figure.values}
    for figure in _read_figures(text):
        if not figure.values <= supported:
            quoted = text[figure.start : figure.end]
            message = f"“{quoted}” is in none of the passages. Check it, or take it out."
            yield _warn(FindingKind.UNSUPPORTED_FIGURE, figure.start, figure.end, message)


def _read_figures(text: str) -> Iterator[_Figure]:
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


def _figure(match: re.Match[str], values: set[tuple[str, Decimal]]) -> _Figure:
    return _Figure(start=match.start(), end=match.end(), values=frozenset(values))


_THOUSANDS = re.compile(r"(?<=[0-9])[.,' ](?=[0-9]{3}(?![0-9]))")


def _number(written: str) -> Decimal:
    """1,299.00 and 1.299,00 and "two" as numbers; what follows three digits after a mark is thousands,
    else cents."""
    if written.lower() in _NUMBER_WORDS:
        return _NUMBER_WORDS[written.lower()]
    try:
        return Decimal(_THOUSANDS.sub("", written).replace(",", ".")).normalize()
    except InvalidOperation as error:
        raise ValueError(f"not a number: {written!r}") from error
