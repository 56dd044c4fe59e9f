"""The money behind one ticket: out of its brand's wallet and back, together with its room under the spend cap."""

from datetime import datetime

from billing.accounts import reserved, wallet
from billing.ledger import credit, debit, post
from billing.spend import commit_spend, give_back
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.models import Terms, Ticket
from marketplace.tickets.terms import terms_of


def reserve(
    tx: Tx, *, kind: str, key: str, brand: BrandId, ticket: TicketId, amount: Money, now: datetime
) -> None:
    """Raises InsufficientFunds or CapReached, with nothing posted and no room taken."""
    with tx.begin_nested():
        post(
            tx,
            kind=kind,
            key=key,
            currency=amount.currency,
            legs=[debit(wallet(brand), amount.amount_minor), credit(reserved(brand), amount.amount_minor)],
            now=now,
            ticket=ticket,
        )
        commit_spend(tx, brand=brand, ticket=ticket, amount_minor=amount.amount_minor, now=now)


def release(tx: Tx, *, key: str, brand: BrandId, ticket: TicketId, now: datetime) -> None:
    """The whole price of a ticket that pays nobody returns to the wallet, raises included."""
    terms = terms_behind(tx, brand, ticket)
    fresh = post(
        tx,
        kind="release",
        key=key,
        currency=terms.currency,
        legs=[debit(reserved(brand), terms.total_minor), credit(wallet(brand), terms.total_minor)],
        now=now,
        ticket=ticket,
    )
    if fresh:
        give_back(tx, brand=brand, ticket=ticket, amount_minor=terms.total_minor)


def terms_behind(tx: Tx, brand: BrandId, ticket: TicketId) -> Terms:
    """What the ticket's price was reserved by."""
    row = tx.get_one(Ticket, (brand, ticket))
    if row.terms_id is None:
        raise RuntimeError(f"ticket {ticket} has no terms: it was never funded")
    return terms_of(tx, brand=brand, terms=row.terms_id)
