"""A brand's funds as people read them: nothing is locked, and nothing is decided by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, select, text

from billing.auto_top_ups import charged_in_month
from billing.brand_queries import MONEY_IN_AND_OUT
from billing.funds_models import (
    AutoTopUp,
    BrandInvoice,
    CreditLine,
    PromoCredit,
    ReversalState,
    TopUpReversal,
    WalletRefund,
    WriteOff,
    WriteOffState,
)
from billing.reversals import FREEZES
from billing.wallet_refunds import payable_back
from marketplace.accounts.models import Brand, Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.kernel.money import Money

NEWEST = 12
BRANDS_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandFunds:
    """What a brand has beside its wallet, owes, and may have back."""

    promo: Money
    owed: Money
    refundable: Money
    line: CreditLine | None
    auto: AutoTopUp | None
    charged_this_month: Money
    reversals: Sequence[TopUpReversal]
    invoices: Sequence[BrandInvoice]
    refunds: Sequence[WalletRefund]


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySpend:
    """What a category has cost since a moment, and how many resolutions that bought."""

    category: str
    name: str
    spent: Money
    resolutions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandLine:
    """One brand's funds in the platform's list, in minor units of its currency."""

    brand: BrandId
    slug: str
    name: str
    currency: str
    wallet_minor: int
    promo_minor: int
    owed_minor: int
    limit_minor: int | None
    is_frozen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A payment that was taken back, with what waits for a second person about it."""

    reversal: TopUpReversal
    brand: str
    slug: str
    write_off: WriteOff | None
    asked_by: str


def funds_of(tx: Tx, *, brand: BrandId, currency: str, now: datetime) -> BrandFunds:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=currency)

    standing = {row.code: row.minor for row in tx.execute(_STANDING, {"brand": brand, "currency": currency})}
    reversals = tx.scalars(
        select(TopUpReversal)
        .where(TopUpReversal.brand_id == brand)
        .order_by(TopUpReversal.opened_at.desc())
        .limit(NEWEST)
    ).all()
    free = max(0, standing.get("brand_wallet", 0) - standing.get("brand_receivable", 0))
    frozen = any(one.state in FREEZES for one in reversals)
    return BrandFunds(
        promo=money(standing.get("brand_promo", 0)),
        owed=money(standing.get("brand_receivable", 0)),
        refundable=money(0 if frozen else min(free, payable_back(tx, brand=brand, currency=currency))),
        line=tx.get(CreditLine, brand),
        auto=tx.get(AutoTopUp, brand),
        charged_this_month=money(charged_in_month(tx, brand=brand, now=now)),
        reversals=reversals,
        invoices=tx.scalars(
            select(BrandInvoice)
            .where(BrandInvoice.brand_id == brand)
            .order_by(BrandInvoice.created_at.desc())
            .limit(NEWEST)
        ).all(),
        refunds=tx.scalars(
            select(WalletRefund)
            .where(WalletRefund.brand_id == brand)
            .order_by(WalletRefund.asked_at.desc(), WalletRefund.id.desc())
            .limit(NEWEST)
        ).all(),
    )


def spend_by_category(tx: Tx, *, brand: BrandId, currency: str, since: datetime) -> list[CategorySpend]:
    """Most costly first; what a category cost includes escalation fees, which resolve nothing."""
    rows = tx.execute(_BY_CATEGORY, {"brand": brand, "currency": currency, "since": since})
    return [
        CategorySpend(
            category=row.category,
            name=row.name,
            spent=Money(amount_minor=row.spent, currency=currency),
            resolutions=row.resolutions,
        )
        for row in rows
    ]


def brand_lines(tx: Tx) -> list[BrandLine]:
    """Brands with a currency, frozen ones and those that owe most first."""
    return [
        BrandLine(
            brand=BrandId(row.id),
            slug=row.slug,
            name=row.name,
            currency=row.currency,
            wallet_minor=row.wallet_minor,
            promo_minor=row.promo_minor,
            owed_minor=row.owed_minor,
            limit_minor=row.limit_minor,
            is_frozen=row.frozen,
        )
        for row in tx.execute(_LINES, {"limit": BRANDS_SHOWN})
    ]


def taken_back(tx: Tx) -> list[TakenBack]:
    """Payments that are disputed or owed, oldest first; with the write-off that somebody asked for."""
    rows = tx.execute(
        select(TopUpReversal, Brand.name, Brand.slug, WriteOff, Person.name)
        .join(Brand, Brand.id == TopUpReversal.brand_id)
        .outerjoin(
            WriteOff,
            (WriteOff.brand_id == TopUpReversal.brand_id)
            & (WriteOff.reversal_id == TopUpReversal.id)
            & (WriteOff.state == WriteOffState.ASKED),
        )
        .outerjoin(Person, Person.id == WriteOff.asked_by)
        .where(TopUpReversal.state.in_((ReversalState.OPEN, ReversalState.OWED)))
        .order_by(TopUpReversal.opened_at)
        .limit(BRANDS_SHOWN)
    )
    return [
        TakenBack(reversal=reversal, brand=name, slug=slug, write_off=write_off, asked_by=asker or "")
        for reversal, name, slug, write_off, asker in rows
    ]


def newest_promos(tx: Tx, *, brand: BrandId) -> Sequence[PromoCredit]:
    """What the platform gave the brand, newest first."""
    wanted = select(PromoCredit).where(PromoCredit.brand_id == brand)
    return tx.scalars(wanted.order_by(PromoCredit.given_at.desc()).limit(NEWEST)).all()


_STANDING = text(
    "SELECT code, balance_minor AS minor FROM ledger_account WHERE brand_id = :brand AND worker_id IS NULL "
    "AND currency = :currency AND code IN ('brand_wallet', 'brand_promo', 'brand_receivable')"
)
_BY_CATEGORY = text(
    "SELECT k.category, coalesce(c.name, k.category) AS name, sum(k.minor)::bigint AS spent, "
    "count(*) FILTER (WHERE k.kind = 'accrue') - count(*) FILTER (WHERE k.kind = 'reopen') AS resolutions "
    "FROM (SELECT x.category, t.kind, sum(CASE WHEN e.side = a.normal THEN -e.amount_minor ELSE e.amount_minor END) "
    "AS minor FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_txn t ON t.id = e.txn_id "
    "JOIN ticket x ON x.brand_id = a.brand_id AND x.id = t.ticket_id "
    "WHERE a.brand_id = :brand AND a.currency = :currency AND t.posted_at >= :since "
    "AND a.code IN ('brand_wallet', 'brand_reserved', 'brand_promo') AND t.kind <> ALL(:money_in_and_out) "
    "GROUP BY t.id, x.category, t.kind) k "
    "LEFT JOIN category c ON c.brand_id = :brand AND c.key = k.category "
    "GROUP BY k.category, c.name HAVING sum(k.minor) <> 0 ORDER BY spent DESC, k.category"
).bindparams(bindparam("money_in_and_out", list(MONEY_IN_AND_OUT), type_=ARRAY(Text)))
_LINES = text(
    "SELECT b.id, b.slug, b.name, b.currency, l.limit_minor, "
    "coalesce(sum(a.balance_minor) FILTER (WHERE a.code = 'brand_wallet'), 0)::bigint AS wallet_minor, "
    "coalesce(sum(a.balance_minor) FILTER (WHERE a.code = 'brand_promo'), 0)::bigint AS promo_minor, "
    "coalesce(sum(a.balance_minor) FILTER (WHERE a.code = 'brand_receivable'), 0)::bigint AS owed_minor, "
    "EXISTS (SELECT FROM top_up_reversal r WHERE r.brand_id = b.id AND r.state IN ('open', 'owed')) AS frozen "
    "FROM brand b LEFT JOIN credit_line l ON l.brand_id = b.id "
    "LEFT JOIN ledger_account a ON a.brand_id = b.id AND a.worker_id IS NULL AND a.currency = b.currency "
    "WHERE b.currency IS NOT NULL GROUP BY b.id, l.limit_minor "
    "ORDER BY frozen DESC, owed_minor DESC, b.name LIMIT :limit"
)
