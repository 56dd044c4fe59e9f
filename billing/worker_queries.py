"""What a worker's earnings pages read: every earning with its sum, totals, days, months, transfers."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text

from billing.models import Earning, EarningKind, EarningState, StripeAccount
from billing.statements import Statement
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import EarningId, TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets.masking import mask

LINES_A_PAGE = 50
DEEPEST_PAGE = 1_000
MONTHS_SHOWN = 24
LOST = [EarningState.REVERSED, EarningState.REJECTED, EarningState.CLAWED_BACK]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningLine:
    """One earning. `pay` is what its terms pay for the whole resolution, `surge_of_pay` the part of that which a surge
    added, `amount` what came of it."""

    earning: EarningId
    kind: EarningKind
    state: EarningState
    ticket_number: int
    subject: str
    brand: str
    category: str
    terms_version: int
    pay: Money
    surge_of_pay: Money
    amount: Money
    accrued_at: datetime
    window_ends_at: datetime


def paid_for_recall(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> Money | None:
    """What a brand's recall of `ticket` pays `worker`; None when it pays him nothing."""
    row = tx.execute(
        select(Earning.amount_minor, Earning.currency)
        .where(Earning.ticket_id == ticket, Earning.worker_id == worker, Earning.kind == EarningKind.RECALL)
        .order_by(Earning.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Money(amount_minor=row.amount_minor, currency=row.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningPage:
    lines: tuple[EarningLine, ...]
    page: int
    has_more: bool


def earning_lines(tx: Tx, *, worker: WorkerId, page: int = 1) -> EarningPage:
    """One page of everything that `worker` earned, newest first."""
    if not 1 <= page <= DEEPEST_PAGE:
        raise Invalid(f"Pages are numbered from 1 to {DEEPEST_PAGE:,}.")
    asked = {"worker": worker, "limit": LINES_A_PAGE + 1, "offset": (page - 1) * LINES_A_PAGE}
    lines = tuple(
        EarningLine(
            earning=EarningId(row.id),
            kind=EarningKind(row.kind),
            state=EarningState(row.state),
            ticket_number=row.number,
            subject=mask(row.subject).text,
            brand=row.brand,
            category=row.category,
            terms_version=row.version,
            pay=Money(amount_minor=row.pay_minor, currency=row.currency),
            surge_of_pay=Money(amount_minor=row.surge_of_pay, currency=row.currency),
            amount=Money(amount_minor=row.amount_minor, currency=row.currency),
            accrued_at=row.accrued_at,
            window_ends_at=row.window_ends_at,
        )
        for row in tx.execute(_LINES, asked)
    )
    return EarningPage(lines=lines[:LINES_A_PAGE], page=page, has_more=len(lines) > LINES_A_PAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencySums:
    """What `worker` earned in one currency: by state, and of all that is not taken back since a moment."""

    currency: str
    by_state: dict[EarningState, Money]
    since: Money

    def of(self, *states: EarningState) -> Money:
        total = sum(self.by_state[state].amount_minor for state in states if state in self.by_state)
        return Money(amount_minor=total, currency=self.currency)


def sums_by_currency(tx: Tx, *, worker: WorkerId, since: datetime) -> tuple[CurrencySums, ...]:
    """One entry per currency that `worker` ever earned in; no sum crosses currencies."""
    found: dict[str, dict[EarningState, Money]] = {}
    recent: dict[str, int] = {}
    for row in tx.execute(_SUMS, {"worker": worker, "since": since, "lost": LOST}):
        state = EarningState(row.state)
        found.setdefault(row.currency, {})[state] = Money(amount_minor=row.amount, currency=row.currency)
        recent[row.currency] = recent.get(row.currency, 0) + row.recent
    return tuple(
        CurrencySums(
            currency=currency,
            by_state=states,
            since=Money(amount_minor=recent[currency], currency=currency),
        )
        for currency, states in sorted(found.items())
    )


def earned_by_day(
    tx: Tx, *, worker: WorkerId, currency: str, zone: str, since: datetime
) -> dict[date, Money]:
    """Sums by calendar day of the time zone `zone`, of what is not taken back."""
    asked = {
        "worker": worker,
        "currency": currency,
        "zone": zone,
        "since": since,
        "lost": LOST,
    }
    return {row.day: Money(amount_minor=row.amount, currency=currency) for row in tx.execute(_BY_DAY, asked)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentTransfer:
    """One transfer as Stripe accepted it."""

    transfer: str
    amount: Money
    sent_at: datetime


def transfers_of(tx: Tx, statement: Statement) -> tuple[SentTransfer, ...]:
    """The payouts that Stripe accepted under the transfers a statement names, from their own rows."""
    named = [line.transfer for line in statement.movements if line.transfer]
    asked = {"worker": statement.worker, "currency": statement.currency, "transfers": named}
    return tuple(
        SentTransfer(
            transfer=row.stripe_transfer,
            amount=Money(amount_minor=row.amount_minor, currency=statement.currency),
            sent_at=row.paid_at,
        )
        for row in tx.execute(_TRANSFERS, asked)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutAbility:
    """What Stripe said last of the worker's account; `begun` once there is one."""

    begun: bool
    can_receive: bool
    reaches_bank: bool
    disabled_reason: str | None


def payout_ability(tx: Tx, *, worker: WorkerId) -> PayoutAbility:
    row = tx.scalars(select(StripeAccount).where(StripeAccount.worker_id == worker)).one_or_none()
    return PayoutAbility(
        begun=row is not None and row.account is not None,
        can_receive=row is not None and row.transfers_active,
        reaches_bank=row is not None and row.payouts_enabled,
        disabled_reason=row.disabled_reason if row else None,
    )


_LINES = text(
    "SELECT e.id, e.kind, e.state, e.amount_minor, e.currency, e.accrued_at, e.window_ends_at, k.number, "
    "k.subject, b.name AS brand, c.name AS category, t.version, "
    "CASE e.kind WHEN 'escalation' THEN t.escalation_fee_minor ELSE t.pay_minor END AS pay_minor, "
    "CASE WHEN e.surge_minor > 0 THEN t.pay_minor - b0.pay_minor ELSE 0 END AS surge_of_pay "
    "FROM earning e JOIN ticket k ON k.brand_id = e.brand_id AND k.id = e.ticket_id "
    "JOIN brand b ON b.id = e.brand_id JOIN terms t ON t.brand_id = e.brand_id AND t.id = e.terms_id "
    "LEFT JOIN terms b0 ON b0.brand_id = t.brand_id AND b0.id = t.base_terms_id "
    "JOIN category c ON c.brand_id = t.brand_id AND c.key = t.category "
    "WHERE e.worker_id = :worker ORDER BY e.accrued_at DESC, e.id DESC LIMIT :limit OFFSET :offset"
)
_SUMS = text(
    "SELECT currency, state, sum(amount_minor)::bigint AS amount, "
    "coalesce(sum(amount_minor) FILTER (WHERE accrued_at >= :since AND NOT state = ANY(:lost)), 0)::bigint "
    "AS recent "
    "FROM earning WHERE worker_id = :worker GROUP BY currency, state"
)
_BY_DAY = text(
    "SELECT (accrued_at AT TIME ZONE :zone)::date AS day, sum(amount_minor)::bigint AS amount FROM earning "
    "WHERE worker_id = :worker AND currency = :currency AND accrued_at >= :since AND NOT state = ANY(:lost) "
    "GROUP BY day"
)
_TRANSFERS = text(
    "SELECT stripe_transfer, amount_minor, paid_at FROM payout WHERE worker_id = :worker "
    "AND currency = :currency AND stripe_transfer = ANY(:transfers) AND state = 'accepted' "
    "ORDER BY paid_at, stripe_transfer"
)
