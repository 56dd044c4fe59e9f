"""The money behind the backlog ladder: the difference of a raised price, and the return of a ticket given back."""

from datetime import datetime

from billing.accounts import reserved, wallet
from billing.ledger import InsufficientFunds, credit, debit, post
from billing.spend import CapReached, commit_spend, give_back
from marketplace.events.facts import TicketGivenBack
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.models import Ticket
from marketplace.tickets.terms import terms_of


def reserve_more(
    tx: Tx, *, brand: BrandId, ticket: TicketId, extra: Money, surge_basis_points: int, now: datetime
) -> bool:
    """Reserve `extra` behind a ticket whose price rises.

    False, with nothing posted, when the wallet lacks it or the spend cap leaves no room for it.
    """
    try:
        with tx.begin_nested():
            post(
                tx,
                kind="reserve_more",
                key=f"reserve_more:{ticket}:{surge_basis_points}",
                currency=extra.currency,
                legs=[debit(wallet(brand), extra.amount_minor), credit(reserved(brand), extra.amount_minor)],
                now=now,
                ticket=ticket,
            )
            commit_spend(tx, brand=brand, ticket=ticket, amount_minor=extra.amount_minor, now=now)
    except (InsufficientFunds, CapReached):
        return False
    return True


def free_given_back(tx: Tx, fact: TicketGivenBack) -> None:
    """A ticket nobody claimed returns to its brand, and with it all that was reserved, raises included."""
    brand = fact.owner
    row = tx.get_one(Ticket, (brand, fact.ticket))
    if row.terms_id is None:
        raise RuntimeError(f"ticket {fact.ticket} has no terms: it was never funded")
    terms = terms_of(tx, brand=brand, terms=row.terms_id)
    fresh = post(
        tx,
        kind="release",
        key=f"release:{fact.ticket}:given_back:{row.reservation}",
        currency=terms.currency,
        legs=[debit(reserved(brand), terms.total_minor), credit(wallet(brand), terms.total_minor)],
        now=app_now(tx),
        ticket=fact.ticket,
    )
    if fresh:
        give_back(tx, brand=brand, ticket=fact.ticket, amount_minor=terms.total_minor)
