"""Surge: a waiting ticket's better price, as an immutable version of the terms it began with."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from marketplace.kernel.db import Tx
from marketplace.kernel.ids import TermsId, new_id
from marketplace.kernel.money import BASIS_POINTS, Money
from marketplace.tickets.models import PoolState, PoolTicket, Terms, Ticket
from marketplace.tickets.terms import PriceChangedMeanwhile, next_version, terms_of


def base_of(tx: Tx, terms: Terms) -> Terms:
    """What `terms` were before any surge."""
    if terms.base_terms_id is None:
        return terms
    return terms_of(tx, brand=terms.brand_id, terms=terms.base_terms_id)


def surged_terms(tx: Tx, *, base: Terms, surge_basis_points: int, now: datetime) -> Terms:
    """`base` with its total raised by `surge_basis_points`: one row for all tickets that surge so far.

    Fee and pay keep their shares of the total. Raises PriceChangedMeanwhile when a price is set at this moment.
    """
    known = _known(tx, base, surge_basis_points)
    if known is not None:
        return known
    terms = _derived(
        base, surge_basis_points, version=next_version(tx, base.brand_id, base.category), now=now
    )
    try:
        with tx.begin_nested():
            tx.add(terms)
    except IntegrityError as error:
        made_meanwhile = _known(tx, base, surge_basis_points)
        if made_meanwhile is None:
            raise PriceChangedMeanwhile from error
        return made_meanwhile
    return terms


def show_price(tx: Tx, row: PoolTicket, ticket: Ticket, *, terms: Terms) -> bool:
    """Point an open ticket at `terms`; whether it was still open under the terms we looked at.

    A claim that comes first keeps the price it saw; one that comes later gets this one.
    """
    shown = tx.scalar(
        update(PoolTicket)
        .where(
            PoolTicket.ticket_id == row.ticket_id,
            PoolTicket.state == PoolState.OPEN,
            PoolTicket.terms_id == row.terms_id,
        )
        .values(terms_id=terms.id, pay_minor=terms.pay_minor, surge_basis_points=terms.surge_basis_points)
        .returning(PoolTicket.ticket_id)
    )
    if shown is None:
        return False
    ticket.terms_id = terms.id
    tx.flush()
    return True


def _known(tx: Tx, base: Terms, surge_basis_points: int) -> Terms | None:
    return tx.scalars(
        select(Terms).where(
            Terms.brand_id == base.brand_id,
            Terms.base_terms_id == base.id,
            Terms.surge_basis_points == surge_basis_points,
        )
    ).one_or_none()


def _derived(base: Terms, surge_basis_points: int, *, version: int, now: datetime) -> Terms:
    factor = BASIS_POINTS + surge_basis_points
    total = Money(amount_minor=base.total_minor, currency=base.currency).share(factor)
    fee = total.share(base.fee_basis_points)
    pay = total - fee
    escalation_fee = Money(amount_minor=base.escalation_fee_minor, currency=base.currency).share(factor)
    same = (
        "category",
        "fee_basis_points",
        "earlier_share_basis_points",
        "currency",
        "review_window_hours",
        "created_by",
    )
    return Terms(
        brand_id=base.brand_id,
        id=TermsId(new_id()),
        version=version,
        total_minor=total.amount_minor,
        fee_minor=fee.amount_minor,
        pay_minor=pay.amount_minor,
        escalation_fee_minor=min(escalation_fee.amount_minor, pay.amount_minor),
        created_at=now,
        base_terms_id=base.id,
        surge_basis_points=surge_basis_points,
        **{name: getattr(base, name) for name in same},
    )
