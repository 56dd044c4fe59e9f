"""Who is credited with a ticket's answer: the last who replied, less a frozen share for those before."""

from sqlalchemy import select

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import BASIS_POINTS
from marketplace.tickets.models import Reply, ReplyState

LEFT_THE_DESK = (ReplyState.QUEUED, ReplyState.SENT, ReplyState.FAILED)
"""Replies that count: what waits for approval or was recalled never went to the customer."""


def credits_of(
    tx: Tx, *, brand: BrandId, ticket: TicketId, earlier_share_basis_points: int
) -> list[dict[str, object]]:
    """The workers who replied, each with a weight; empty when nobody did."""
    in_order = tx.scalars(
        select(Reply.worker_id)
        .where(Reply.brand_id == brand, Reply.ticket_id == ticket, Reply.state.in_(LEFT_THE_DESK))
        .order_by(Reply.id)
    ).all()
    if not in_order:
        return []
    last = in_order[-1]
    earlier = [worker for worker in dict.fromkeys(in_order) if worker != last]
    if not earlier:
        return [{"worker": str(last), "weight": BASIS_POINTS}]
    return [
        {"worker": str(last), "weight": (BASIS_POINTS - earlier_share_basis_points) * len(earlier)},
        *({"worker": str(worker), "weight": earlier_share_basis_points} for worker in earlier),
    ]
