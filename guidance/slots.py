"""Slots of the knowledge's own text: what kind each is, and what of the ticket or the passage may fill it.

A slot is filled only where exactly one value can be meant, and only with a plain id, name, amount or date: what a
customer writes is data, so a text that looks like a slot, a link or an instruction fills nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from guidance.voice import presentable_name, unfilled_slots
from marketplace.tickets.masking import mask

MAX_TICKET_CHARS = 20_000
MAX_VALUE_CHARS = 100
CUSTOMER, TICKET = "customer", "ticket"
"""Where a value came from, besides `passage 2`."""


class SlotKind(StrEnum):
    CUSTOMER_NAME = "customer_name"
    ORDER_ID = "order_id"
    AMOUNT = "amount"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledSlot:
    """A slot that was filled, and from where: `customer`, `ticket`, or the passage it stood in."""

    name: str
    kind: SlotKind
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFacts:
    """What of a ticket may fill slots; None where it holds no value, or more than one."""

    customer_name: str | None = None
    order_id: str | None = None


NO_FACTS = TicketFacts()


def facts_of(texts: Iterable[str], *, customer_name: str | None) -> TicketFacts:
    """What the customer's own `texts` say, without personal data."""
    said = mask("\n".join(texts)[:MAX_TICKET_CHARS]).text
    orders = {match["id"].upper() for match in _ORDER_SAID.finditer(said) if _is_id(match["id"])}
    orders = orders or {match.group() for match in _ORDER_LOOKS.finditer(said)}
    return TicketFacts(
        customer_name=presentable_name(customer_name), order_id=orders.pop() if len(orders) == 1 else None
    )


def kind_of(name: str) -> SlotKind:
    """What a slot's name asks for: `order_id`, `order.id` and `ORDER NUMBER` are one kind."""
    words = {word.casefold() for word in _WORD.findall(name)}
    if words & {"order", "booking", "reservation"} and words & _NUMBERS:
        return SlotKind.ORDER_ID
    if "name" in words and words <= _NAME_WORDS:
        return SlotKind.CUSTOMER_NAME
    if words & {"amount", "price", "fee", "total", "sum", "cost"}:
        return SlotKind.AMOUNT
    return SlotKind.DATE if words & {"date", "day", "deadline"} else SlotKind.TEXT


def with_braces(text: str) -> str:
    """`text` with `<your name>` as `{your name}`: what stands in angle brackets is taken for markup and left out."""
    return _ANGLED.sub(lambda match: "{" + match.group(1) + "}", text)


def fill_from(
    text: str, *, facts: TicketFacts, passage: str, rank: int
) -> tuple[str, tuple[FilledSlot, ...]]:
    """`text` with the slots filled for which ticket or passage hold one value; the others stay open."""
    filled: list[FilledSlot] = []
    pieces, at = [], 0
    for slot in unfilled_slots(text):
        found = _value(kind_of(slot.value), facts, passage)
        if found is None:
            continue
        value, source = found
        pieces += [text[at : slot.start], value]
        at = slot.end
        where = f"passage {rank}" if source is None else source
        filled.append(FilledSlot(name=slot.value, kind=kind_of(slot.value), value=value, source=where))
    return "".join((*pieces, text[at:])), tuple(filled)


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """`text` with its open slots replaced by what a worker typed for them, one line each; blank leaves one open."""
    pieces, at = [], 0
    for slot in unfilled_slots(text):
        value = " ".join(values.get(slot.value, "").split())[:MAX_VALUE_CHARS]
        if value:
            pieces += [text[at : slot.start], value]
            at = slot.end
    return "".join((*pieces, text[at:]))


def _value(kind: SlotKind, facts: TicketFacts, passage: str) -> tuple[str, str | None] | None:
    match kind:
        case SlotKind.CUSTOMER_NAME:
            return (facts.customer_name, CUSTOMER) if facts.customer_name else None
        case SlotKind.ORDER_ID:
            return (facts.order_id, TICKET) if facts.order_id else None
        case SlotKind.AMOUNT:
            return _only(_AMOUNT, passage)
        case SlotKind.DATE:
            return _only(_DATE, passage)
        case SlotKind.TEXT:
            return None


def _only(pattern: re.Pattern[str], passage: str) -> tuple[str, None] | None:
    found = {match.group().rstrip(".,") for match in pattern.finditer(passage)}
    return (found.pop(), None) if len(found) == 1 else None


def _is_id(text: str) -> bool:
    return any(character.isdigit() for character in text)


_WORD = re.compile(r"[^\W_]+")
_NUMBERS = frozenset({"id", "number", "no", "nr", "code", "reference", "ref"})
_NAME_WORDS = frozenset({"name", "your", "customer", "client", "first", "full", "last", "the", "s"})
_ANGLED = re.compile(
    r"<((?:[A-Za-z]{1,20}[ _-]){0,4}(?:name|number|id|date|amount|price|code|reference|address|link))>",
    re.IGNORECASE,
)
_ID = r"(?P<id>[A-Za-z0-9](?:[A-Za-z0-9-]{2,18})[A-Za-z0-9])(?![\w@/.-]*[\w@/])"
_ORDER_SAID = re.compile(
    r"\b(?:order|booking|reservation|bestellung|buchung|commande|pedido)"
    rf"(?:\s?(?:number|no\.?|nr\.?|id|nummer|code|reference))?(?:\s?(?:is|ist|:|#))*\s*{_ID}",
    re.IGNORECASE,
)
_ORDER_LOOKS = re.compile(r"(?<![\w@/.-])[A-Z]{1,4}-?[0-9]{4,12}(?![\w@/-])")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_AMOUNT = re.compile(
    r"[$€£¥]\s?[0-9][0-9.,]{0,14}|\b[0-9][0-9.,]{0,14}\s?(?:[€£¥]|(?:usd|eur|gbp|chf|dollars|euros?|pounds)\b)",
    re.IGNORECASE,
)
_DATE = re.compile(
    rf"\b[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}\b|\b{_MONTH}\s[0-9]{{1,2}}\b(?:,\s[0-9]{{4}})?"
    rf"|\b[0-9]{{1,2}}\.?\s{_MONTH}\b(?:\s[0-9]{{4}})?",
    re.IGNORECASE,
)
