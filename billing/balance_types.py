"""What Stripe's types of balance transaction mean to the ledger: who posts them, and against which account."""

from enum import Enum, auto


class PostedBy(Enum):
    """COMMANDS know the object and post it when they act on it; the BOOKS post what only the record tells."""

    COMMANDS = auto()
    BOOKS_TO_BANK = auto()
    BOOKS_TO_FEES = auto()
    BOOKS_TO_RESERVE = auto()
    BOOKS_TO_SUSPENSE = auto()


_KNOWN = {
    PostedBy.COMMANDS: (
        "charge",
        "payment",
        "payment_failure_refund",
        "payment_refund",
        "payment_reversal",
        "refund",
        "refund_failure",
        "transfer",
        "transfer_cancel",
        "transfer_failure",
        "transfer_refund",
        "adjustment",  # disputes: their amount and fee, and the money back when they are won
    ),
    PostedBy.BOOKS_TO_BANK: ("payout", "payout_cancel", "payout_failure", "topup", "topup_reversal"),
    PostedBy.BOOKS_TO_FEES: ("stripe_fee", "stripe_fx_fee", "tax_fee"),
    PostedBy.BOOKS_TO_RESERVE: ("reserve_transaction", "reserve_hold", "reserve_release", "reserved_funds"),
}
_BY_TYPE = {type_: posted_by for posted_by, types in _KNOWN.items() for type_ in types}

_KEY_PREFIXES = {
    "payout": "po:{}",
    "payout_cancel": "po:{}:back",
    "payout_failure": "po:{}:back",
    "topup": "tu:{}",
    "topup_reversal": "tu:{}:back",
}


def posted_by(type_: str) -> PostedBy:
    """A type this table does not know goes to suspense, where a person looks at it."""
    return _BY_TYPE.get(type_, PostedBy.BOOKS_TO_SUSPENSE)


def key_of(type_: str, *, transaction: str, source: str | None) -> str:
    """The ledger key under which the books post it: the object's where it has one of its own."""
    template = _KEY_PREFIXES.get(type_)
    return template.format(source) if template and source else f"bt:{transaction}"
