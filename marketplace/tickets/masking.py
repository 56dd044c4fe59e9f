"""Hide e-mail addresses, phone numbers, card numbers and IBANs in text that workers see.

Only what validates is hidden: a card number must have an issuer's prefix and length and pass Luhn, an IBAN
its checksum, a phone number its country's plan. The price of the rule is an unlabelled ten-digit order id
that happens to be a dialable number: it is hidden, because a leaked number costs a customer more than a
hidden id costs a worker.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from unicodedata import decimal

import phonenumbers
from phonenumbers import PhoneMetadata, ValidationResult
from stdnum import iban, luhn

DEFAULT_REGIONS = ("US", "GB", "DE")
"""Regions whose national phone formats are recognised; numbers with a country code always are."""

MAX_CHARS = 200_000
"""Longer text is refused: no ticket message is that long, and masking runs inside a request."""


class PersonalData(StrEnum):
    """What kind of personal data was found."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One piece of personal data: `text[start:end]`, and what a worker sees in its place."""

    kind: PersonalData
    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """The text as a worker may read it, and which kinds of personal data were hidden in it."""

    text: str
    kinds: frozenset[PersonalData]


def mask(text: str, *, regions: Sequence[str] = DEFAULT_REGIONS) -> Masked:
    """`text` with personal data replaced by readable tokens; masking masked text changes nothing.

    Raises ValueError for text of more than MAX_CHARS characters.
    """
    pieces: list[str] = []
    found = find_personal_data(text, regions=regions)
    at = 0
    for piece in found:
        pieces += (text[at : piece.start], piece.replacement)
        at = piece.end
    return Masked(text="".join((*pieces, text[at:])), kinds=frozenset(piece.kind for piece in found))


def find_personal_data(text: str, *, regions: Sequence[str] = DEFAULT_REGIONS) -> tuple[Found, ...]:
    """Personal data in `text`, in order, never overlapping.

    Raises ValueError for text of more than MAX_CHARS characters.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"text of {len(text)} characters; masking takes {MAX_CHARS}")
    folded = text if text.isascii() else text.translate(_plain_characters())
    found = [*_emails(folded)]
    if not _DIGIT.search(folded):
        return tuple(found)
    # Each finder reads what the earlier ones left, so that the digits of a card are never read again as a
    # phone number.
    rest = _without(folded, [(piece.start, piece.end) for piece in found])
    for finder in (_ibans, _cards, lambda left: _phones(left, tuple(regions))):
        pieces = [*finder(rest)]
        rest = _without(rest, [(piece.start, piece.end) for piece in pieces])
        found += pieces
    return tuple(sorted(found, key=lambda piece: piece.start))


_DIGIT = re.compile(r"[0-9]")
_TAKEN = "\x00"


@lru_cache(maxsize=1)
def _plain_characters() -> dict[int, str]:
    """Digits of every script, odd spaces and odd dashes by their ASCII twins, one for one, so positions
    stay true."""
    digits = {
        code: str(decimal(chr(code))) for code in range(128, 0x1FBFA) if decimal(chr(code), None) is not None
    }
    spaces = dict.fromkeys((0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")
    dashes = dict.fromkeys((*range(0x2010, 0x2016), 0x2212, 0xFE63, 0xFF0D), "-")
    return digits | spaces | dashes | {0xFF0B: "+", 0xFF20: "@"}


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with the spans, which are in order, made unreadable but kept as long as they were."""
    pieces: list[str] = []
    at = 0
    for start, end in spans:
        pieces += (text[at:start], _TAKEN * (end - start))
        at = end
    return "".join((*pieces, text[at:]))


# --- e-mail -------------------------------------------------------------------------------------------------

_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}(?![\w@])"
_AT = r"(?:@|\s{0,2}[\[({]\s?at\s?[\])}]\s{0,2})"
_EMAIL = re.compile(rf"(?<![\w.+%'-])[\w+%'-](?:[\w.+%'-]{{0,62}}[\w+%-])?{_AT}{_HOST}", re.IGNORECASE)
_DOT_WORD = re.compile(r"\s{0,2}[\[({]\s?dot\s?[\])}]\s{0,2}", re.IGNORECASE)


def _emails(text: str) -> Iterator[Found]:
    if (
        "@" not in text
        and " at" not in text.lower()
        and "(at" not in text
        and "[at" not in text
        and "{at" not in text
    ):
        return
    # "jane (at) example (dot) com": the dots are made plain, padded to keep positions.
    plain = _DOT_WORD.sub(_padded_dot, text)
    for match in _EMAIL.finditer(plain):
        yield Found(
            kind=PersonalData.EMAIL, start=match.start(), end=match.end(), replacement="[e-mail hidden]"
        )


def _padded_dot(match: re.Match[str]) -> str:
    # Letters, not spaces, keep the host one word; what they are is never shown.
    return "x" * (len(match.group()) - 1) + "."


# --- bank account -------------------------------------------------------------------------------------------

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_IBAN_SHORTEST = 15


def _ibans(text: str) -> Iterator[Found]:
    at = 0
    while match := _IBAN_START.search(text, at):
        # A match may reach into what follows, so the search goes on where the number ends.
        at = _iban_end(text, match.start(), match.end()) or match.start() + 1
        if at > match.start() + 1:
            yield Found(kind=PersonalData.IBAN, start=match.start(), end=at, replacement="[IBAN hidden]")


def _iban_end(text: str, start: int, end: int) -> int | None:
    """Where the IBAN stops: words after it may look like more of it."""
    for stop in range(end, start + _IBAN_SHORTEST - 1, -1):
        at_word_end = text[stop - 1].isalnum() and not text[stop : stop + 1].isalnum()
        if at_word_end and iban.is_valid(text[start:stop]):
            return stop
    return None


# --- payment card -------------------------------------------------------------------------------------------

_DIGIT_RUN = re.compile(r"(?<![\w+])[0-9]+(?:[ .-]{1,2}[0-9]+){0,39}(?![\w])")
_DIGITS = re.compile(r"[0-9]+")
_CARD_GROUPS = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 2)}
_CARD = re.compile(
    r"4(?:[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)[0-9]*(?<=^[0-9]{16})"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|(?:30[0-5]|3[689])[0-9]*(?<=^[0-9]{14})"  # Diners Club
    r"|(?:6011|64[4-9]|65|62|352[89]|35[3-8])[0-9]*(?<=^[0-9]{16})"  # Discover, UnionPay, JCB
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])[0-9]*(?<=^[0-9]{16})"  # Maestro
    r"|(?:62|6759|676[1-3])[0-9]*(?<=^[0-9]{19})"
)
_CARD_SHORTEST, _CARD_LONGEST = 14, 19
# USPS parcels: 22 digits from 91 to 95, perhaps after 420 and the post code. Their middle can pass for a
# card.
_PARCEL = re.compile(r"(?:420[0-9]{5}(?:[0-9]{4})?)?9[1-5][0-9]{20}")


def _cards(text: str) -> Iterator[Found]:
    for run in _DIGIT_RUN.finditer(text):
        groups = [*_DIGITS.finditer(text, *run.span())]
        digits = "".join(group.group() for group in groups)
        if len(digits) >= _CARD_SHORTEST and not _PARCEL.fullmatch(digits):
            yield from _cards_in_run(groups)


def _cards_in_run(groups: list[re.Match[str]]) -> Iterator[Found]:
    first = 0
    while first < len(groups):
        stop = _card_stop(groups, first)
        if stop is None:
            first += 1
            continue
        last_digits = "".join(group.group() for group in groups[first:stop])[-4:]
        yield Found(
            kind=PersonalData.CARD,
            start=groups[first].start(),
            end=groups[stop - 1].end(),
            replacement=f"[card hidden •••• {last_digits}]",
        )
        first = stop


def _card_stop(groups: list[re.Match[str]], first: int) -> int | None:
    """After which group the card that begins at `first` ends, if one does.

    Grouping counts: four numbers in a row are only a card when they are grouped like one or stand alone.
    Otherwise every tenth row of figures would pass Luhn.
    """
    sizes: tuple[int, ...] = ()
    digits = ""
    for stop in range(first + 1, len(groups) + 1):
        digits += groups[stop - 1].group()
        sizes += (len(groups[stop - 1].group()),)
        if len(digits) > _CARD_LONGEST:
            return None
        stands_alone = len(sizes) == 1 or (first == 0 and stop == len(groups))
        if (stands_alone or sizes in _CARD_GROUPS) and _CARD.fullmatch(digits) and luhn.is_valid(digits):
            return stop
    return None


# --- phone --------------------------------------------------------------------------------------------------

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:(?:19|20)[0-9]{2}|[0-9]{2})"
_NOT_A_PHONE = re.compile(
    # 24.12.2026, 12/24/26
    rf"(?<![0-9./-])(?:{_DAY}[./-]{_MONTH}|{_MONTH}[./-]{_DAY})[./-]{_YEAR}(?![0-9]|[./-][0-9])"
    rf"|(?<![0-9./-])(?:19|20)[0-9]{{2}}[./-]{_MONTH}[./-]{_DAY}(?![0-9]|[./-][0-9])"  # 2026-12-24
    r"|(?<![0-9])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9])"  # 14:30
    r"|(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])"  # 192.168.100.200
    r"|[$€£¥₹]\s?[0-9]+(?:[.,'][0-9]+)*"  # $1,299.00
    # 1.299,00 €, 40 pounds; without the limit, a page of "1,0001,000" would be walked to its end from each comma
    r"|(?<![0-9+])[0-9]+(?:[.,'][0-9]+){0,6}\s?(?:[$€£¥₹]|(?:eur|usd|gbp|chf|inr|dollars?|euros?|pounds?)\b)"
    r"|(?<!\w)https?://\S+",
    re.IGNORECASE,
)
_PHONE_RUN = re.compile(
    r"(?<![\w#+/$€£,])(?:\+\s?|\()?[0-9](?:[ ().-]{0,3}[0-9]|(?<=[0-9])/(?=[0-9])[0-9]){6,17}(?![0-9])(?!\w)"
    r"(?P<extension>[ ,]{0,2}(?:x|ext\.?|extension|durchwahl)\s?[0-9]{1,6}(?!\w))?",
    re.IGNORECASE,
)
_ID_LABEL = re.compile(
    r"(?:\b(?:orders?|purchase|reference|ref|tracking|track|parcel|package|shipment|consignment|waybill|awb|invoice"
    r"|receipt|ticket|case|serial|s/n|sku|ean|upc|isbn|imei|booking|reservation|confirmation|transaction|txn|customer"
    r"|client|account|member|membership|policy|contract|model|part|batch|lot|item|article|voucher|coupon|gift\scard"
    r"|return|rma|id|po|dhl|ups|fedex|usps|dpd|gls|hermes|evri|bestellung|auftrag|sendung|rechnung|vertrag|kunde|kunden)"
    r"|(?:bestell|auftrags|sendungs|rechnungs|kunden|vertrags|paket|liefer|artikel|serien|vorgangs)(?:nummer|nr|-nr|id)?)"
    r"(?:[\s.:#=_\"'(-]|\b(?:number|numbers|no|nr|num|id|ids|code|nummer|is|was|are|ist|my|the)\b){0,8}$",
    re.IGNORECASE,
)
_PHONE_LABEL = re.compile(
    r"\b(?:phone|telephone|tel|mobile|mob|cell|whatsapp|call|ring|text|sms|fax|handy|telefon|telefonnummer"
    r"|mobil|anrufen|rufnummer|reach|contact)\b"
    r"(?:[\s.:#=\"'(-]|\b(?:number|no|nr|me|us|back|is|at|on|under|unter|please|my|the|it|him|her|or)\b){0,8}$",
    re.IGNORECASE,
)
_LIST_JOINT = re.compile(r"\s*(?:,|;|/|&|and|or|und|oder)\s*(?:#\s*)?", re.IGNORECASE)
_LABEL_REACH = 48
# How people in North America group ten digits; other groupings of ten digits are ids more often than numbers.
_NORTH_AMERICAN_GROUPS = {
    (10,),
    (3, 7),
    (3, 3, 4),
    (6, 4),
    (3, 3, 2, 2),
    (11,),
    (1, 10),
    (1, 3, 7),
    (1, 3, 3, 4),
}


def _phones(text: str, regions: tuple[str, ...]) -> Iterator[Found]:
    text = _without(text, [match.span() for match in _NOT_A_PHONE.finditer(text)])
    last_id: re.Match[str] | None = None
    for match in _PHONE_RUN.finditer(text):
        if _is_id(text, match, last_id):
            last_id = match
        elif _is_phone(match, regions, labelled=bool(_PHONE_LABEL.search(_before(text, match)))):
            yield Found(
                kind=PersonalData.PHONE, start=match.start(), end=match.end(), replacement="[phone hidden]"
            )


def _before(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - _LABEL_REACH) : match.start()]


def _is_id(text: str, match: re.Match[str], last_id: re.Match[str] | None) -> bool:
    """Whether the figures are labelled as an id, or go on a list of ids of the same shape."""
    if match.group().startswith("+"):
        return False
    if last_id and _LIST_JOINT.fullmatch(text, last_id.end(), match.start()):
        return _sizes(match.group()) == _sizes(last_id.group())
    return _ID_LABEL.search(_before(text, match)) is not None


def _sizes(number: str) -> tuple[int, ...]:
    return tuple(len(group) for group in _DIGITS.findall(number))


def _is_phone(match: re.Match[str], regions: tuple[str, ...], *, labelled: bool) -> bool:
    number = match.group()[: -len(match["extension"])] if match["extension"] else match.group()
    if number.startswith("+"):
        return _dials(number, None, labelled=True)
    if number.startswith("00"):
        return _dials("+" + number[2:], None, labelled=labelled)
    return any(
        _looks_national(number, region) and _dials(number, region, labelled=labelled) for region in regions
    )


def _looks_national(number: str, region: str) -> bool:
    metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is None:
        raise ValueError(f"no phone numbering plan for region {region!r}")
    if metadata.country_code == 1:
        return _sizes(number) in _NORTH_AMERICAN_GROUPS or _sizes(number) == (3, 4)
    return metadata.national_prefix is None or number.lstrip("(").startswith(metadata.national_prefix)


def _dials(number: str, region: str | None, *, labelled: bool) -> bool:
    """Whether the number is assigned by its country's plan; a label or a country code lets a merely
    possible one pass."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if phonenumbers.is_valid_number(parsed):
        return True
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    may_be_local = region is not None and reason == ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    return labelled and (reason == ValidationResult.IS_POSSIBLE or may_be_local)
