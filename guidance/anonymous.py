"""Text of a ticket for others to read: no customer in it, and where he was, a slot that says what stood there.

Personal data is found by the masking that workers' pages use. A figure is an order number when the ticket itself
names it; other figures, such as a policy's thirty days, stay.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from marketplace.tickets.masking import PersonalData, find_personal_data

SLOTS = {
    PersonalData.EMAIL: "{email}",
    PersonalData.PHONE: "{phone}",
    PersonalData.CARD: "{card}",
    PersonalData.IBAN: "{iban}",
}
ORDER_NUMBER = "{order_number}"
CUSTOMER_NAME = "{customer_name}"
SHORTEST_NAME = 2
_NUMBER = re.compile(r"(?<![\w{])#?(?=[\w-]*\d)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?![\w}])")
_DIGITS_OF_AN_ID = 3
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_LONG_RUN = re.compile(r"[0-9]{5,}")
_LABELLED = re.compile(
    r"(\b(?:orders?|booking|reservation|tracking|invoice|reference|ref|rma|return|serial|account|customer|ticket"
    r"|case|shipment|parcel)\b(?:\s+(?:number|no|nr|id|code))?[\s.:#]{0,3}(?:is\s+)?)"
    r"#?(?=[\w-]*\d[\w-]*\d[\w-]*\d)([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)(?![\w}])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What would tell who a ticket's customer is: his name, and the numbers the ticket names."""

    name: str = ""
    numbers: frozenset[str] = frozenset()


def numbers_of(*texts: str) -> frozenset[str]:
    """Every order number and the like in a ticket's own texts, as `anonymous` compares them."""
    found = {match.group() for text in texts for match in _NUMBER.finditer(text) if _is_id(match)}
    digits = {run for number in found for run in _LONG_RUN.findall(number)}
    return frozenset({_folded(number) for number in found} | digits)


def anonymous(text: str, customer: Customer) -> str:
    """`text` with personal data, order numbers and the customer's name replaced by slots."""
    return _without_name(_without_numbers(_without_personal_data(text), customer.numbers), customer.name)


def _without_personal_data(text: str) -> str:
    pieces: list[str] = []
    at = 0
    for found in find_personal_data(text):
        pieces += (text[at : found.start], SLOTS[found.kind])
        at = found.end
    return "".join((*pieces, text[at:]))


def _without_numbers(text: str, numbers: Collection[str]) -> str:
    named = _NUMBER.sub(
        lambda match: ORDER_NUMBER if _is_id(match) and _folded(match.group()) in numbers else match.group(),
        text,
    )
    return _LABELLED.sub(lambda match: match.group(1) + ORDER_NUMBER, named)


def _is_id(match: re.Match[str]) -> bool:
    """Letters with a few figures, or a longer row of figures that is no year."""
    word = match.group().lstrip("#")
    if word.isdigit():
        return len(word) > _DIGITS_OF_AN_ID and not _YEAR.fullmatch(word)
    return sum(character.isdigit() for character in word) >= _DIGITS_OF_AN_ID


def _folded(number: str) -> str:
    return number.lstrip("#").replace("-", "").casefold()


def _without_name(text: str, name: str) -> str:
    whole = " ".join(name.split())
    if len(whole) < SHORTEST_NAME:
        return text
    text = re.sub(rf"(?<!\w){re.escape(whole)}(?!\w)", CUSTOMER_NAME, text, flags=re.IGNORECASE)
    for part in sorted({part for part in whole.split() if len(part) > SHORTEST_NAME}, key=len, reverse=True):
        text = re.sub(rf"(?<![\w{{]){re.escape(part)}(?![\w}}])", CUSTOMER_NAME, text)
    return re.sub(rf"{re.escape(CUSTOMER_NAME)}(?:\s+{re.escape(CUSTOMER_NAME)})+", CUSTOMER_NAME, text)
