"""Events of workers' accounts at Stripe: what the account can do, which bank it has, and what goes to that bank."""

from collections.abc import Mapping

from sqlalchemy import select

from billing.bank_payouts import keep_payout
from billing.inbox_events import Act, Handler, StripeEvent
from billing.models import StripeAccount
from billing.onboarding import keep_status, read_status
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from billing.stripe_observer import StripeObserver
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import WorkerId


def refresh_account(database: Database, connection: StripeConnection, event: StripeEvent) -> Act:
    """Keep what the account can do now, and its bank. One we may not see any more can do nothing."""
    account = _account(event)
    worker = _worker(database, account)
    status = read_status(StripeGateway(connection), account)
    return lambda tx: keep_status(tx, worker=worker, status=status, now=app_now(tx))


def see_payout(database: Database, connection: StripeConnection, event: StripeEvent) -> Act:
    """Keep how far a payout to the worker's bank is."""
    account = _account(event)
    worker = _worker(database, account)
    seen = StripeObserver(connection).bank_payout(event.object_id, account=account)
    return lambda tx: keep_payout(tx, worker=worker, seen=seen, now=app_now(tx))


def _account(event: StripeEvent) -> str:
    if event.account is None:
        raise ValueError("an event of a worker's account names that account")
    return event.account


def _worker(database: Database, account: str) -> WorkerId:
    with database.transaction() as tx:
        return tx.scalars(select(StripeAccount.worker_id).where(StripeAccount.account == account)).one()


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(
        (
            "account.updated",
            "account.application.deauthorized",
            "account.external_account.created",
            "account.external_account.updated",
            "account.external_account.deleted",
            "capability.updated",
        ),
        refresh_account,
    ),
    **dict.fromkeys(
        ("payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled"), see_payout
    ),
}
