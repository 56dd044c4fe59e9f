"""A worker's way to be paid: an account at Stripe, made once, and what Stripe says it can do."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from billing.gateway import (
    ACCOUNT_IS_GONE,
    AccountStatus,
    CallRejected,
    PaymentGateway,
    ServiceAgreement,
)
from billing.models import StripeAccount
from billing.payout_holds import hold_worker, lift_cause
from billing.payout_models import HoldCause
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import WorkerId, new_id

CHECKS_PER_SWEEP = 50
CHECK_AGAIN = timedelta(minutes=1)
CLOSED = "The account at Stripe is closed."


class NoAccountYet(Conflict):
    """Set up your payouts first, so that there is somewhere to send the money."""


class CannotBePaidThere(Conflict):
    """Payouts do not reach your country yet. Your earnings stay yours and wait."""


def onboarding_link(
    database: Database,
    gateway: PaymentGateway,
    *,
    worker: WorkerId,
    country: str,
    email: str,
    agreement: ServiceAgreement,
    return_url: str,
) -> str:
    """A page at Stripe where the worker completes the account; the account is made on the first visit."""
    account = ensure_account(
        database, gateway, worker=worker, country=country, email=email, agreement=agreement
    )
    return gateway.create_onboarding_link(
        account_id=account, refresh_url=return_url, return_url=return_url, key=f"link:{worker}:{new_id()}"
    )


def ensure_account(
    database: Database,
    gateway: PaymentGateway,
    *,
    worker: WorkerId,
    country: str,
    email: str,
    agreement: ServiceAgreement,
) -> str:
    """The worker's Stripe account id; a crash between making and storing it finds the same one again."""
    with database.transaction(Scope(worker=worker)) as tx:
        tx.execute(insert(StripeAccount).values(worker_id=worker).on_conflict_do_nothing())
        known = tx.get_one(StripeAccount, worker).account
    if known is not None:
        return known
    account = gateway.create_recipient_account(
        worker_ref=str(worker),
        country=country,
        email=email,
        key=f"account:{worker}",
        service_agreement=agreement,
    )
    with database.transaction(Scope(worker=worker)) as tx:
        tx.get_one(StripeAccount, worker, with_for_update=True).account = account
    return account


def refresh_account(database: Database, gateway: PaymentGateway, *, worker: WorkerId) -> AccountStatus | None:
    """Read the account's abilities from Stripe and keep them; None when there is no account yet."""
    with database.transaction(Scope(worker=worker)) as tx:
        row = tx.get(StripeAccount, worker)
        account = row.account if row else None
    if account is None:
        return None
    status = read_status(gateway, account)
    with database.transaction(Scope(worker=worker)) as tx:
        keep_status(tx, worker=worker, status=status, now=app_now(tx))
    return status


def read_status(gateway: PaymentGateway, account: str) -> AccountStatus:
    """What the account can do; nothing, when Stripe no longer shows it to us. Raises CallRejected for other reasons:
    they say nothing about the account."""
    try:
        return gateway.account_status(account)
    except CallRejected as refusal:
        if refusal.code not in ACCOUNT_IS_GONE:
            raise
        return AccountStatus(
            account_id=account,
            transfers_active=False,
            payouts_enabled=False,
            disabled_reason=refusal.code,
            requirements_due=(),
        )


def keep_status(tx: Tx, *, worker: WorkerId, status: AccountStatus, now: datetime) -> None:
    """Keep what was just read of a worker's account. One that is closed holds its worker until he has another."""
    row = tx.get_one(StripeAccount, worker, with_for_update=True)
    row.transfers_active, row.payouts_enabled = status.can_receive, status.payouts_enabled
    row.disabled_reason, row.read_at = status.disabled_reason, now
    if status.bank is not None and status.bank != row.bank:
        row.bank_changed_at = now if row.bank is not None else row.bank_changed_at
        row.bank = status.bank
    if status.is_closed:
        cause, reason = HoldCause.ACCOUNT_CLOSED, CLOSED
        hold_worker(tx, worker=worker, cause=cause, reason=reason, by=None, now=now)
    elif status.can_receive:
        lift_cause(tx, worker=worker, cause=HoldCause.ACCOUNT_CLOSED, now=now)


def ask_final_payout(tx: Tx, *, worker: WorkerId, now: datetime) -> None:
    """A worker who leaves gets all that is payable with the next batch, however little it is. Raises NoAccountYet."""
    row = tx.get(StripeAccount, worker, with_for_update=True)
    if row is None or row.account is None:
        raise NoAccountYet
    row.leaving_at = row.leaving_at or now


def accounts_to_check(database: Database) -> list[WorkerId]:
    """Workers whose account is made but cannot receive, longest unread first; each once a minute at most."""
    with database.transaction() as tx:
        unread = or_(StripeAccount.read_at.is_(None), StripeAccount.read_at <= app_now(tx) - CHECK_AGAIN)
        return list(
            tx.scalars(
                select(StripeAccount.worker_id)
                .where(StripeAccount.account.is_not(None), ~StripeAccount.transfers_active, unread)
                .order_by(StripeAccount.read_at.nulls_first())
                .limit(CHECKS_PER_SWEEP)
            )
        )
