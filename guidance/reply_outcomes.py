"""What became of replies, for every reader of their receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Uuid, bindparam, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, ReceiptId, TicketId

NOT_COUNTED_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyOutcome:
    """`held`: it resolved the ticket and the review window is over; `as_shown`: it was the brand's own answer."""

    as_shown: bool
    resolved: bool
    held: bool
    reopened: bool
    rated_low: bool
    refused: bool
    corrected: bool
    is_bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted:
    """A worker's reply that went badly and was the brand's own answer, which `title` names."""

    ticket: TicketId
    number: int
    brand: str
    title: str
    reopened: bool
    rated_low: bool
    refused: bool
    corrected: bool
    written_at: datetime


def outcomes_of(tx: Tx, *, brand: BrandId, receipts: Sequence[ReceiptId]) -> dict[ReceiptId, ReplyOutcome]:
    """As far as the transaction's reader may see what they follow from."""
    rows = tx.execute(_OUTCOMES, {"brand": brand, "receipts": list(receipts)}).mappings()
    return {
        ReceiptId(row["receipt_id"]): ReplyOutcome(
            **{name: row[name] for name in row if name != "receipt_id"}
        )
        for row in rows
    }


def replies_not_counted(tx: Tx) -> list[NotCounted]:
    """The newest of the worker's own, in his transaction."""
    rows = tx.execute(_NOT_COUNTED, {"limit": NOT_COUNTED_LISTED})
    return [NotCounted(**row._mapping) for row in rows]


_OUTCOMES = text(
    "SELECT receipt_id, as_shown, resolved, held, reopened, rated_low, refused, corrected, is_bad "
    "FROM reply_outcome WHERE brand_id = :brand AND receipt_id = ANY(:receipts)"
).bindparams(bindparam("receipts", type_=ARRAY(Uuid)))
_NOT_COUNTED = text(
    "SELECT ticket_id AS ticket, number, brand, coalesce(title, '') AS title, reopened, rated_low, refused, "
    "corrected, written_at FROM own_replies_not_counted(:limit)"
)
