"""Events about a brand's payment into its wallet: the top-up is read at Stripe and credited once, or closed."""

from collections.abc import Mapping
from uuid import UUID

import structlog
from sqlalchemy import or_, select

from billing.auto_top_ups import intent_of, note_outcome
from billing.inbox_events import Act, ComesTooEarly, Handler, StripeEvent, nothing_to_do
from billing.models import TopUp
from billing.stripe_connection import StripeConnection
from billing.stripe_funds import StripeFunds
from billing.stripe_gateway import StripeGateway
from billing.top_ups import apply_status
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx

log = structlog.get_logger()


def settle_top_up(database: Database, connection: StripeConnection, event: StripeEvent) -> Act:
    """A completed checkout alone is no money: what the payment itself has come to decides."""
    with database.transaction() as tx:
        found = _top_up(tx, event)
    if found is None:
        log.info("top_up.not_ours", stripe_event=event.id, about=event.object_id)
        return nothing_to_do
    brand, top_up, session = found.brand_id, found.id, found.checkout_session
    if session is not None:
        status = StripeGateway(connection).top_up_status(session)
    else:
        status = StripeFunds(connection).payment_status(_charge(database, found))

    def act(tx: Tx) -> None:
        apply_status(tx, brand=brand, top_up=top_up, status=status, now=app_now(tx))
        note_outcome(tx, brand=brand, top_up=top_up)

    return act


def _charge(database: Database, found: TopUp) -> str:
    """The payment of a top-up without a page. Raises ComesTooEarly while its call has not been answered for."""
    with database.transaction() as tx:
        intent = intent_of(tx, brand=found.brand_id, top_up=found.id)
    if intent is None:
        raise ComesTooEarly
    return intent


def _top_up(tx: Tx, event: StripeEvent) -> TopUp | None:
    """By the checkout or the payment it has, or by our own name on it, which is there from the first moment."""
    names = [TopUp.checkout_session == event.object_id, TopUp.payment_intent == event.object_id]
    if reference := _reference(event):
        names.append(TopUp.id == reference)
    return tx.scalars(select(TopUp).where(or_(*names))).one_or_none()


def _reference(event: StripeEvent) -> UUID | None:
    try:
        return UUID(str(event.metadata.get("top_up_ref", "")))
    except ValueError:
        return None


HANDLERS: Mapping[str, Handler] = dict.fromkeys(
    (
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.partially_funded",
    ),
    settle_top_up,
)
