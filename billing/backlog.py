"""The money behind the ladder: the difference of a raised price; what a ticket given back or unpublished returns."""

from datetime import datetime

from billing.ledger import InsufficientFunds
from billing.reservations import BrandIsFrozen, release, reserve
from billing.spend import CapReached
from marketplace.events.facts import TicketGivenBack, TicketUnpublished
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.models import Ticket


def reserve_more(
    tx: Tx, *, brand: BrandId, ticket: TicketId, extra: Money, surge_basis_points: int, now: datetime
) -> bool:
    """Reserve `extra` behind a ticket whose price rises.

    False, with nothing posted, when the brand's funds lack it or the spend cap leaves no room for it.
    """
    key = f"reserve_more:{ticket}:{surge_basis_points}"
    try:
        reserve(tx, kind="reserve_more", key=key, brand=brand, ticket=ticket, amount=extra, now=now)
    except (InsufficientFunds, BrandIsFrozen, CapReached):
        return False
    return True


def free_unpublished(tx: Tx, fact: TicketUnpublished) -> None:
    """A ticket that nobody has claimed leaves the pool for want of money: what was reserved for it returns."""
    row = tx.get_one(Ticket, (fact.owner, fact.ticket))
    key = f"release:{fact.ticket}:unpublished:{row.reservation}"
    release(tx, key=key, brand=fact.owner, ticket=fact.ticket, now=app_now(tx))


def free_given_back(tx: Tx, fact: TicketGivenBack) -> None:
    """A ticket nobody claimed returns to its brand, and with it all that was reserved."""
    row = tx.get_one(Ticket, (fact.owner, fact.ticket))
    key = f"release:{fact.ticket}:given_back:{row.reservation}"
    release(tx, key=key, brand=fact.owner, ticket=fact.ticket, now=app_now(tx))
