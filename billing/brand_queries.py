"""A brand's money as it reads it: what moved in its wallet, and what this month has cost."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Text, bindparam, select, text

from billing.models import LedgerAccount, LedgerEntry, LedgerTxn, Side, TopUp
from billing.top_ups import TopUpNotFound
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, TicketId, TopUpId
from marketplace.kernel.money import Money
from marketplace.tickets.models import Ticket

PAGE_ROWS = 50
DEEPEST_PAGE = 10_000
MONEY_IN_AND_OUT = (
    "top_up",
    "promo",
    "draw",
    "offset",
    "invoice_paid",
    "credit_note",
    "refund",
    "refund_failed",
    "top_up_failed",
    "dispute_won",
)
"""Kinds of postings that give a brand money or take it, without any ticket costing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletMovement:
    """One change of the free balance: positive when it grew. `kind` is the posting's."""

    at: datetime
    kind: str
    ticket: TicketId | None
    ticket_number: int | None
    amount: Money
    balance_after: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPage:
    movements: tuple[WalletMovement, ...]
    has_more: bool


def wallet_movements(tx: Tx, *, brand: BrandId, currency: str, page: int = 1) -> WalletPage:
    """What moved in the brand's wallet, newest first. Raises Invalid for a page that cannot be."""
    if not 1 <= page <= DEEPEST_PAGE:
        raise Invalid(f"Pages are numbered from 1 to {DEEPEST_PAGE:,}.")
    rows = tx.execute(
        select(LedgerEntry, LedgerTxn, Ticket.number)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .join(LedgerTxn, LedgerTxn.id == LedgerEntry.txn_id)
        .outerjoin(Ticket, (Ticket.id == LedgerTxn.ticket_id) & (Ticket.brand_id == brand))
        .where(
            LedgerAccount.code == "brand_wallet",
            LedgerAccount.brand_id == brand,
            LedgerAccount.currency == currency,
        )
        # The account's own count of its entries: their true order, with an index.
        .order_by(LedgerEntry.account_id, LedgerEntry.account_version.desc())
        .offset((page - 1) * PAGE_ROWS)
        .limit(PAGE_ROWS + 1)
    ).all()
    movements = tuple(_movement(entry, txn, number) for entry, txn, number in rows[:PAGE_ROWS])
    return WalletPage(movements=movements, has_more=len(rows) > PAGE_ROWS)


def spent_since(tx: Tx, *, brand: BrandId, currency: str, since: datetime) -> Money:
    """What left the brand for good since then: resolutions and escalation fees, less what was taken back.

    Reserving moves money between the brand's own accounts, so it cancels out here.
    """
    spent = tx.execute(_SPENT, {"brand": brand, "currency": currency, "since": since}).scalar_one()
    return Money(amount_minor=spent, currency=currency)


def month_start(now: datetime, time_zone: str) -> datetime:
    """When the month of `now` began in `time_zone`."""
    local = now.astimezone(ZoneInfo(time_zone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)


def top_up(tx: Tx, *, brand: BrandId, top_up_id: TopUpId) -> TopUp:
    """Raises TopUpNotFound; another brand's is as absent as none."""
    found = tx.get(TopUp, (brand, top_up_id))
    if found is None:
        raise TopUpNotFound
    return found


_SPENT = text(
    "SELECT coalesce(sum(CASE WHEN e.side = a.normal THEN -e.amount_minor ELSE e.amount_minor END), 0)"
    "::bigint "
    "FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_txn t ON t.id = e.txn_id "
    "WHERE a.brand_id = :brand AND a.currency = :currency "
    "AND a.code IN ('brand_wallet', 'brand_reserved', 'brand_promo') "
    "AND t.kind <> ALL(:money_in_and_out) AND t.posted_at >= :since"
).bindparams(bindparam("money_in_and_out", list(MONEY_IN_AND_OUT), type_=ARRAY(Text)))


def _movement(entry: LedgerEntry, txn: LedgerTxn, number: int | None) -> WalletMovement:
    change = entry.amount_minor if entry.side is Side.CREDIT else -entry.amount_minor
    return WalletMovement(
        at=txn.posted_at,
        kind=txn.kind,
        ticket=txn.ticket_id,
        ticket_number=number,
        amount=Money(amount_minor=change, currency=entry.currency),
        balance_after=Money(amount_minor=entry.balance_after_minor or 0, currency=entry.currency),
    )
