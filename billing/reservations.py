"""The money behind one ticket: out of its brand's funds and back, together with its room under the spend cap.

Promo credit is taken first, then the wallet, then the credit line; what returns goes back to where it came from.
"""

from datetime import datetime

from sqlalchemy import text

from billing.accounts import owed_by_brand, promo, reserved, wallet
from billing.brand_balances import lock_standing
from billing.fund_split import Funds, Sources, sources_of, unspent_promo
from billing.ledger import InsufficientFunds, Leg, credit, debit, post
from billing.spend import commit_spend, give_back
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.models import Terms, Ticket
from marketplace.tickets.terms import terms_of


class BrandIsFrozen(Conflict):
    """A top-up of this brand was taken back. No new ticket opens until that is settled."""


def reserve(
    tx: Tx, *, kind: str, key: str, brand: BrandId, ticket: TicketId, amount: Money, now: datetime
) -> None:
    """Raises InsufficientFunds, BrandIsFrozen or CapReached, with nothing posted and no room taken."""
    with tx.begin_nested():
        sources = _sources(tx, brand, amount)
        if sources.drawn_minor:
            post(
                tx,
                kind="draw",
                key=key.replace("reserve", "draw", 1),
                currency=amount.currency,
                legs=[
                    debit(owed_by_brand(brand), sources.drawn_minor),
                    credit(wallet(brand), sources.drawn_minor),
                ],
                now=now,
                ticket=ticket,
            )
        post(
            tx,
            kind=kind,
            key=key,
            currency=amount.currency,
            legs=[
                debit(promo(brand), sources.promo_minor),
                debit(wallet(brand), sources.wallet_minor),
                credit(reserved(brand), amount.amount_minor),
            ],
            now=now,
            ticket=ticket,
        )
        commit_spend(tx, brand=brand, ticket=ticket, amount_minor=amount.amount_minor, now=now)


def release(tx: Tx, *, key: str, brand: BrandId, ticket: TicketId, now: datetime) -> None:
    """The whole price of a ticket that pays nobody returns to its brand, raises included."""
    terms = terms_behind(tx, brand, ticket)
    fresh = post(
        tx,
        kind="release",
        key=key,
        currency=terms.currency,
        legs=[
            debit(reserved(brand), terms.total_minor),
            *back_to_brand(tx, brand=brand, ticket=ticket, amount_minor=terms.total_minor, spent_minor=0),
        ],
        now=now,
        ticket=ticket,
    )
    if fresh:
        give_back(tx, brand=brand, ticket=ticket, amount_minor=terms.total_minor)


def back_to_brand(
    tx: Tx, *, brand: BrandId, ticket: TicketId, amount_minor: int, spent_minor: int
) -> list[Leg]:
    """The credits that return `amount_minor` of a ticket's money, of which `spent_minor` stays spent."""
    held = tx.execute(_PROMO_BEHIND, {"brand": brand, "ticket": ticket}).scalar_one()
    to_promo = min(amount_minor, unspent_promo(held, spent_minor=spent_minor))
    return [credit(promo(brand), to_promo), credit(wallet(brand), amount_minor - to_promo)]


def terms_behind(tx: Tx, brand: BrandId, ticket: TicketId) -> Terms:
    """What the ticket's price was reserved by."""
    row = tx.get_one(Ticket, (brand, ticket))
    if row.terms_id is None:
        raise RuntimeError(f"ticket {ticket} has no terms: it was never funded")
    return terms_of(tx, brand=brand, terms=row.terms_id)


def _sources(tx: Tx, brand: BrandId, amount: Money) -> Sources:
    """Decided on locked balances, so that tickets that arrive together take turns."""
    standing = lock_standing(tx, brand=brand, currency=amount.currency)
    if standing.is_frozen:
        raise BrandIsFrozen
    funds = Funds(
        promo_minor=standing.promo_minor,
        wallet_minor=standing.wallet_minor,
        credit_minor=max(0, standing.limit_minor - standing.owed_minor),
    )
    sources = sources_of(amount.amount_minor, funds)
    if sources is None:
        raise InsufficientFunds
    return sources


_PROMO_BEHIND = text("SELECT promo_behind_ticket(:brand, :ticket)")
