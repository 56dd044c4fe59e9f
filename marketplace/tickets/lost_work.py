"""What tickets cost beyond their price: work that nobody is paid for, fees, and pay that had to be taken back.

Unpaid time is read here, from claims; what was posted is billing's to say (`billing/ticket_losses.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.card_stats import USUAL_MINUTES

SECONDS_PER_MINUTE = 60


class Loss(StrEnum):
    UNPAID_TIME = "unpaid_time"
    ESCALATION_FEE = "escalation_fee"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostWork:
    """One line of what a ticket cost; `reference` is the claim, escalation or resolution that it stands for.

    Only unpaid time has `seconds`, and the rate they count at: `pay_minor` for every `per_minutes` minutes.
    """

    kind: Loss
    reference: UUID
    ticket: TicketId
    amount_minor: int
    currency: str
    at: datetime
    seconds: int | None = None
    pay_minor: int | None = None
    per_minutes: int | None = None


def unpaid_time(tx: Tx, *, brand: BrandId, tickets: Sequence[TicketId]) -> list[LostWork]:
    """The claims of these tickets that ended in release or expiry without any reply: nobody is ever paid for them.

    Their time counts at what the claim's own terms pay, over the minutes that its category usually takes.
    """
    rows = tx.execute(_UNPAID, {"brand": brand, "tickets": list(tickets), "usual": USUAL_MINUTES})
    return [
        LostWork(
            kind=Loss.UNPAID_TIME,
            reference=row.id,
            ticket=TicketId(row.ticket_id),
            amount_minor=value_of_time(row.seconds, pay_minor=row.pay_minor, per_minutes=row.minutes),
            currency=row.currency,
            at=row.ended_at,
            seconds=row.seconds,
            pay_minor=row.pay_minor,
            per_minutes=row.minutes,
        )
        for row in rows
    ]


def value_of_time(seconds: int, *, pay_minor: int, per_minutes: int) -> int:
    """`seconds` at `pay_minor` for every `per_minutes` minutes, half up."""
    whole = SECONDS_PER_MINUTE * per_minutes
    return (seconds * pay_minor + whole // 2) // whole


_UNPAID = text("""
    SELECT c.id, c.ticket_id, c.ended_at, t.pay_minor, t.currency,
        CAST(extract(epoch FROM c.ended_at - c.claimed_at) AS int) AS seconds,
        coalesce(s.median_minutes, :usual) AS minutes
    FROM claim c
    JOIN terms t ON t.brand_id = c.brand_id AND t.id = c.terms_id
    LEFT JOIN category_stat s ON s.brand_id = t.brand_id AND s.category = t.category
    WHERE c.brand_id = :brand AND c.ticket_id = ANY(:tickets) AND c.end_reason IN ('released', 'expired')
        AND NOT EXISTS (SELECT FROM reply r WHERE r.brand_id = c.brand_id AND r.claim_id = c.id)
    ORDER BY c.id
""").bindparams(bindparam("tickets", type_=ARRAY(Uuid)))
