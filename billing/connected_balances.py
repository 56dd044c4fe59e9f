"""What workers' accounts hold at Stripe: below zero, a transfer is swallowed, so none is sent until it is cleared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, ScalarSelect, SQLColumnExpression, exists, select
from sqlalchemy.dialects.postgresql import insert

from billing.books_models import ConnectedBalance
from billing.books_port import BooksPort
from billing.gateway import CallRejected
from billing.models import CallState, Payout, StripeAccount, StripeCall
from marketplace.accounts.models import Person, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import WorkerId
from marketplace.kernel.money import Money

ACCOUNTS_PER_LOOK = 50
NEGATIVE_SHOWN = 100

log = structlog.get_logger()


def is_below_zero(account: SQLColumnExpression[str]) -> ColumnElement[bool]:
    """Whether the account that a column names owed Stripe something when it was last read."""
    negative = ConnectedBalance.negative_since.is_not(None)
    return exists().where(ConnectedBalance.account == account, negative)


def look_at_destinations(database: Database, port: BooksPort) -> None:
    """Read the accounts that the next transfers go to, right before they go."""
    with database.transaction() as tx:
        due = tx.scalars(
            select(Payout.destination)
            .join(StripeCall, StripeCall.payout_id == Payout.id)
            .where(StripeCall.state == CallState.READY, StripeCall.due_at <= app_now(tx))
            .order_by(StripeCall.due_at)
            .limit(ACCOUNTS_PER_LOOK)
        ).all()
    _look_at(database, port, list(dict.fromkeys(due)))


def look_at_accounts(database: Database, port: BooksPort) -> None:
    """A sample, those read longest ago first."""
    with database.transaction() as tx:
        read_at = _read_at()
        sample = tx.scalars(
            select(StripeAccount.account)
            .where(StripeAccount.account.is_not(None))
            .order_by(read_at.asc().nulls_first(), StripeAccount.worker_id)
            .limit(ACCOUNTS_PER_LOOK)
        ).all()
    _look_at(database, port, [one for one in sample if one is not None])


def _read_at() -> ScalarSelect[datetime]:
    known = select(ConnectedBalance.read_at).where(ConnectedBalance.account == StripeAccount.account)
    return known.correlate(StripeAccount).scalar_subquery()


def _look_at(database: Database, port: BooksPort, accounts: Sequence[str]) -> None:
    for account in accounts:
        try:
            currency, lowest = port.lowest_balance(account)
        except (
            CallRejected
        ) as refusal:  # a closed account has no balance to read; sending finds that out itself
            log.info("books.balance_unread", account=account, reason=str(refusal))
            continue
        with database.transaction() as tx:
            _keep(tx, account, currency, lowest, app_now(tx))


def _keep(tx: Tx, account: str, currency: str, lowest: int, now: datetime) -> None:
    before = tx.get(ConnectedBalance, account)
    since = (before.negative_since if before else None) or now if lowest < 0 else None
    if since == now:
        log.warning("books.account_below_zero", account=account, lowest=lowest, currency=currency)
    values = {"lowest_minor": lowest, "currency": currency, "read_at": now, "negative_since": since}
    kept = insert(ConnectedBalance).values(account=account, **values)
    tx.execute(kept.on_conflict_do_update(index_elements=[ConnectedBalance.account], set_=values))


@dataclass(frozen=True, slots=True, kw_only=True)
class NegativeAccount:
    """A worker's account that owes Stripe, and since when."""

    worker: WorkerId
    worker_name: str
    account: str
    balance: Money
    since: datetime


def negative_accounts(tx: Tx) -> list[NegativeAccount]:
    """The oldest first, 100 at most."""
    rows = tx.execute(
        select(ConnectedBalance, Worker.id, Person.name)
        .join(StripeAccount, StripeAccount.account == ConnectedBalance.account)
        .join(Worker, Worker.id == StripeAccount.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .where(ConnectedBalance.negative_since.is_not(None))
        .order_by(ConnectedBalance.negative_since)
        .limit(NEGATIVE_SHOWN)
    )
    return [
        NegativeAccount(
            worker=worker,
            worker_name=name,
            account=row.account,
            balance=Money(amount_minor=row.lowest_minor, currency=row.currency),
            since=row.negative_since,
        )
        for row, worker, name in rows
        if row.negative_since is not None
    ]
