"""What a customer thought of a resolution: said once, kept as said."""

from datetime import datetime

from sqlalchemy import select

from marketplace.events.commands import record
from marketplace.events.facts import TicketRated
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, RatingId, ResolutionId, TicketId, new_id
from marketplace.tickets.endings import standing_resolution
from marketplace.tickets.gate_models import Rating, RatingReason
from marketplace.tickets.models import TicketState
from marketplace.tickets.posting import ticket_of

MOST_STARS = 5
COMMENT_LIMIT = 2_000


class BadRating(Invalid):
    """A rating has 1 to 5 stars, a reason only below 5, and a comment of at most 2,000 characters."""


class NothingToRate(Conflict):
    """This ticket is not resolved. A customer rates a resolution."""


class RatedBefore(Conflict):
    """This resolution is rated already, and differently. A rating is kept as it was first said."""


def rate_ticket(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: TicketId,
    stars: int,
    reason: RatingReason | None = None,
    comment: str = "",
    now: datetime,
) -> tuple[Rating, bool]:
    """The rating of the ticket's standing resolution, and whether this call made it.

    The same rating again is the same one; another raises RatedBefore. A ticket that was reopened and resolved
    anew may be rated anew. Raises BadRating, NothingToRate.
    """
    if not 1 <= stars <= MOST_STARS or (reason is not None and stars == MOST_STARS):
        raise BadRating
    if len(comment) > COMMENT_LIMIT or "\x00" in comment:
        raise BadRating
    row = ticket_of(tx, brand=brand, ticket=ticket)  # locked: two ratings at once become one after the other
    if row.state is not TicketState.RESOLVED:
        raise NothingToRate
    resolution = standing_resolution(tx, row).id
    known = _rating_of(tx, brand, resolution)
    if known is not None:
        if (known.stars, known.reason, known.comment) != (stars, reason, comment.strip()):
            raise RatedBefore
        return known, False
    rating = Rating(
        brand_id=brand,
        id=RatingId(new_id()),
        ticket_id=ticket,
        resolution_id=resolution,
        stars=stars,
        reason=reason,
        comment=comment.strip(),
        rated_at=now,
    )
    tx.add(rating)
    record(tx, TicketRated(brand=brand, ticket=ticket, rating=rating.id, stars=stars))
    return rating, True


def ratings_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> list[Rating]:
    """In the order they were given; one at most for each resolution."""
    wanted = select(Rating).where(Rating.brand_id == brand, Rating.ticket_id == ticket)
    return list(tx.scalars(wanted.order_by(Rating.id)))


def _rating_of(tx: Tx, brand: BrandId, resolution: ResolutionId) -> Rating | None:
    wanted = select(Rating).where(Rating.brand_id == brand, Rating.resolution_id == resolution)
    return tx.scalars(wanted).one_or_none()
