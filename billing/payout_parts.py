"""A payout's earnings, each with the part that went against what the worker owed; and what is posted of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from billing.accounts import in_flight, owed_by_worker, payable
from billing.ledger import Account, Leg, credit, debit, post
from billing.models import Payout, PayoutLine
from billing.payout_rules import netted
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, EarningId, PayoutId


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One earning in a payout: `amount_minor` of it, `netted_minor` of which is not sent."""

    brand: BrandId
    earning: EarningId
    amount_minor: int
    netted_minor: int


def parts_of(tx: Tx, payouts: Sequence[Payout]) -> dict[PayoutId, list[Part]]:
    """What each payout holds; nothing of one that let its earnings go."""
    lines: dict[PayoutId, list[PayoutLine]] = {payout.id: [] for payout in payouts}
    wanted = select(PayoutLine).where(PayoutLine.payout_id.in_(lines), ~PayoutLine.dropped)
    for line in tx.scalars(wanted.order_by(PayoutLine.payout_id, PayoutLine.earning_id)):
        lines[line.payout_id].append(line)
    return {payout.id: _parts(lines[payout.id], payout.netted_minor) for payout in payouts}


def _parts(lines: Sequence[PayoutLine], netted_minor: int) -> list[Part]:
    kept = netted([line.amount_minor for line in lines], netted_minor)
    return [
        Part(
            brand=line.brand_id,
            earning=line.earning_id,
            amount_minor=line.amount_minor,
            netted_minor=part,
        )
        for line, part in zip(lines, kept, strict=True)
    ]


def accounts_of(payout: Payout, parts: Collection[Part]) -> list[Account]:
    """The accounts that sending or taking back this payout posts to."""
    return [
        in_flight(payout.worker_id),
        *([owed_by_worker(payout.worker_id)] if payout.netted_minor else []),
        *(payable(brand, payout.worker_id) for brand in {part.brand for part in parts}),
    ]


def sent_legs(payout: Payout, parts: Sequence[Part], *, back: bool = False) -> list[Leg]:
    """Payable to in flight, by brand, without what is netted; or back from there."""
    by_brand: dict[BrandId, int] = {}
    for part in parts:
        by_brand[part.brand] = by_brand.get(part.brand, 0) + part.amount_minor - part.netted_minor
    of_payable, of_flight = (credit, debit) if back else (debit, credit)
    return [
        of_flight(in_flight(payout.worker_id), payout.amount_minor),
        *(of_payable(payable(brand, payout.worker_id), amount) for brand, amount in sorted(by_brand.items())),
    ]


def post_netting(tx: Tx, payout: Payout, parts: Sequence[Part], now: datetime) -> None:
    """Each earning's part against what the worker owes. Raises InsufficientFunds when he owes less by now."""
    for part in parts:
        if part.netted_minor:
            post(
                tx,
                kind="net",
                key=f"net:{payout.id}:{part.earning}",
                currency=payout.currency,
                legs=[
                    debit(payable(part.brand, payout.worker_id), part.netted_minor),
                    credit(owed_by_worker(payout.worker_id), part.netted_minor),
                ],
                now=now,
            )


def undo_netting(tx: Tx, payout: Payout, parts: Sequence[Part], now: datetime) -> None:
    """Nothing was sent, so nothing is kept either: the debt stands again, and the earnings wait whole."""
    for part in parts:
        if part.netted_minor:
            post(
                tx,
                kind="unnet",
                key=f"unnet:{payout.id}:{part.earning}",
                currency=payout.currency,
                legs=[
                    debit(owed_by_worker(payout.worker_id), part.netted_minor),
                    credit(payable(part.brand, payout.worker_id), part.netted_minor),
                ],
                now=now,
            )
