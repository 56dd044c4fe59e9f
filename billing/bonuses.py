"""The platform's own money for workers: a day below the hourly floor is topped up, once a worker, day and currency.

A day is what was claimed on it (UTC), looked at a week later, when its tickets have ended; rejected pay counts as
earned, for a floor is no way around a rejection. Who chose store credit gets it as credit: it is in no payout, and
ends after a year.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from billing.accounts import INCENTIVES, pending, store_credit
from billing.bonus_models import Bonus, CreditChoice
from billing.ledger import Account, credit, debit, post
from billing.models import Earning, EarningKind, EarningState
from billing.pay_floor import Span, active_seconds, missing_minor
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BonusId, BrandId, EarningId, TermsId, TicketId, WorkerId, new_id
from marketplace.kernel.sweeps import sweep_each

LOOKED_AT_AFTER = timedelta(days=7)
DAYS_LOOKED_BACK = 3
CREDIT_LIVES = timedelta(days=365)
SWEEP_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysWork:
    """One worker's day in one currency; `brand`, `ticket` and `terms` are those of its last claim."""

    worker: WorkerId
    currency: str
    seconds: int
    earned_minor: int
    brand: BrandId
    ticket: TicketId
    terms: TermsId


def top_up_days(database: Database, floors: Mapping[str, int]) -> int:
    """Top up the days whose tickets have ended; how many were. `floors`: minor units an hour, by currency."""
    granted = 0
    if not floors:
        return granted
    with database.transaction() as tx:
        newest = (app_now(tx) - LOOKED_AT_AFTER).astimezone(UTC).date() - timedelta(days=1)
    for day in (newest - timedelta(days=ago) for ago in range(DAYS_LOOKED_BACK)):
        with database.transaction() as tx:
            short = [
                (work, missing)
                for work in days_work(tx, day=day)
                if (missing := _missing(work, floors.get(work.currency, 0)))
            ]
        for work, missing in short:
            with database.transaction() as tx:
                granted += grant(
                    tx, work, day=day, amount_minor=missing, floor=floors[work.currency], now=app_now(tx)
                )
    return granted


def days_work(tx: Tx, *, day: date) -> list[DaysWork]:
    """What every worker did on the tickets that were claimed on `day`, and what that earned up to now."""
    began = datetime.combine(day, time(), tzinfo=UTC)
    asked = {"began": began, "ended": began + timedelta(days=1)}
    spans: defaultdict[tuple[WorkerId, str], list[Span]] = defaultdict(list)
    for row in tx.execute(_SPANS, asked):
        spans[WorkerId(row.worker_id), row.currency].append((row.began, row.ended))
    return [
        DaysWork(
            worker=WorkerId(row.worker_id),
            currency=row.currency,
            seconds=active_seconds(spans[WorkerId(row.worker_id), row.currency]),
            earned_minor=row.earned,
            brand=BrandId(row.brand_id),
            ticket=TicketId(row.ticket_id),
            terms=TermsId(row.terms_id),
        )
        for row in tx.execute(_EARNED, asked)
    ]


def grant(tx: Tx, work: DaysWork, *, day: date, amount_minor: int, floor: int, now: datetime) -> bool:
    """Give a day its bonus once: True when it was given now."""
    as_credit = tx.get(CreditChoice, work.worker) is not None
    bonus = BonusId(new_id())
    given = tx.execute(
        insert(Bonus)
        .values(
            brand_id=work.brand,
            id=bonus,
            ticket_id=work.ticket,
            worker_id=work.worker,
            day=day,
            currency=work.currency,
            active_seconds=work.seconds,
            earned_minor=work.earned_minor,
            floor_per_hour_minor=floor,
            amount_minor=amount_minor,
            granted_at=now,
            expires_at=now + CREDIT_LIVES if as_credit else None,
        )
        .on_conflict_do_nothing(index_elements=["worker_id", "day", "currency"])
        .returning(Bonus.id)
    ).first()
    if given is None:
        return False
    target = store_credit(work.worker) if as_credit else pending(work.brand, work.worker)
    kind = "store_credit" if as_credit else "bonus"
    key = f"wcr:{bonus}" if as_credit else f"bonus:{bonus}"
    _post(tx, kind, key, work.currency, source=INCENTIVES, target=target, amount_minor=amount_minor, now=now)
    if not as_credit:
        tx.add(
            Earning(
                brand_id=work.brand,
                id=EarningId(new_id()),
                ticket_id=work.ticket,
                worker_id=work.worker,
                kind=EarningKind.BONUS,
                bonus_id=bonus,
                terms_id=work.terms,
                amount_minor=amount_minor,
                currency=work.currency,
                state=EarningState.IN_WINDOW,
                accrued_at=now,
                window_ends_at=now,  # nobody reviews it: the next sweep makes it payable
            )
        )
        tx.flush()
    return True


def choose_credit(tx: Tx, *, worker: WorkerId, as_credit: bool, now: datetime) -> None:
    """From the next bonus on. Pay, tips and bonuses given before stay what they are."""
    chosen = tx.get(CreditChoice, worker)
    if as_credit and chosen is None:
        tx.add(CreditChoice(worker_id=worker, chosen_at=now))
    elif not as_credit and chosen is not None:
        tx.delete(chosen)
    tx.flush()


def expire_credit(database: Database) -> int:
    """End the store credit whose year is over; how many bonuses were looked at."""
    return sweep_each(database, "expire_credit", due=_expired, act=_expire)


def _missing(work: DaysWork, floor: int) -> int:
    return missing_minor(seconds=work.seconds, earned_minor=work.earned_minor, per_hour_minor=floor)


def _expired(tx: Tx, now: datetime) -> Sequence[tuple[BrandId, BonusId]]:
    rows = tx.execute(
        select(Bonus.brand_id, Bonus.id)
        .where(Bonus.expires_at <= now, Bonus.expired_at.is_(None))
        .order_by(Bonus.expires_at)
        .limit(SWEEP_LIMIT)
    )
    return [(brand, bonus) for brand, bonus in rows]


def _expire(tx: Tx, brand: BrandId, bonus: BonusId, now: datetime) -> None:
    row = tx.get_one(Bonus, (brand, bonus), with_for_update=True)
    if row.expired_at is not None:
        return
    row.expired_at = now
    _post(
        tx,
        "store_credit_end",
        f"wcr_end:{bonus}",
        row.currency,
        source=store_credit(row.worker_id),
        target=INCENTIVES,
        amount_minor=row.amount_minor,
        now=now,
    )


def _post(
    tx: Tx,
    kind: str,
    key: str,
    currency: str,
    *,
    source: Account,
    target: Account,
    amount_minor: int,
    now: datetime,
) -> None:
    legs = [debit(source, amount_minor), credit(target, amount_minor)]
    post(tx, kind=kind, key=key, currency=currency, legs=legs, now=now)


# A span runs from the claim, or from the customer's last message since, to the reply; without a reply to the end of a
# claim that was handed to the brand. A claim that ran out or was given back is no work.
_SPANS = text("""
    SELECT c.worker_id, m.currency, r.written_at AS ended, greatest(c.claimed_at, (
        SELECT max(g.written_at) FROM message g WHERE g.brand_id = c.brand_id AND g.ticket_id = c.ticket_id
            AND g.author = 'customer' AND g.written_at < r.written_at)) AS began
    FROM claim c JOIN terms m ON m.brand_id = c.brand_id AND m.id = c.terms_id
    JOIN reply r ON r.brand_id = c.brand_id AND r.claim_id = c.id AND r.state IN ('queued', 'sent', 'failed')
    WHERE c.claimed_at >= :began AND c.claimed_at < :ended
    UNION ALL
    SELECT c.worker_id, m.currency, c.ended_at, c.claimed_at
    FROM claim c JOIN terms m ON m.brand_id = c.brand_id AND m.id = c.terms_id
    WHERE c.claimed_at >= :began AND c.claimed_at < :ended AND c.end_reason IN ('escalated', 'taken_back')
        AND NOT EXISTS (SELECT FROM reply r WHERE r.brand_id = c.brand_id AND r.claim_id = c.id)
""")
_EARNED = text("""
    SELECT DISTINCT ON (d.worker_id, d.currency) d.worker_id, d.currency, d.brand_id, d.ticket_id, d.terms_id, (
        SELECT CAST(coalesce(sum(e.amount_minor), 0) AS bigint) FROM earning e
        WHERE e.worker_id = d.worker_id AND e.currency = d.currency AND e.state <> 'reversed'
            AND e.kind IN ('resolution', 'escalation', 'recall', 'tip')
            AND EXISTS (SELECT FROM claim x WHERE x.brand_id = e.brand_id AND x.ticket_id = e.ticket_id
                AND x.worker_id = d.worker_id AND x.claimed_at >= :began AND x.claimed_at < :ended)) AS earned
    FROM (
        SELECT c.worker_id, m.currency, c.brand_id, c.ticket_id, c.terms_id, c.claimed_at, c.id
        FROM claim c JOIN terms m ON m.brand_id = c.brand_id AND m.id = c.terms_id
        WHERE c.claimed_at >= :began AND c.claimed_at < :ended
    ) AS d
    ORDER BY d.worker_id, d.currency, d.claimed_at DESC, d.id DESC
""")
