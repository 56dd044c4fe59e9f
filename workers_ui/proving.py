"""`humancloud reconcile`: the ledger's own proof, and the ledger against what Stripe holds."""

from dataclasses import dataclass

from sqlalchemy import select

from billing.gateway import CallRejected, CallUnknown, CredentialsRefused
from billing.ledger import proof, total_of
from billing.models import Earning, EarningState, LedgerAccount, Payout, PayoutLine, PayoutState
from marketplace.kernel.db import Database
from marketplace.kernel.settings import Settings
from workers_ui import parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    ok: bool
    said: str


def prove(database: Database, settings: Settings) -> list[Finding]:
    """Every statement that must hold of money, each with what was found."""
    with database.transaction() as tx:
        found = proof(tx)
        currencies = list(tx.scalars(select(LedgerAccount.currency).distinct()))
        unsent = tx.scalars(
            select(Payout.id).where(Payout.state == PayoutState.ACCEPTED, Payout.stripe_transfer.is_(None))
        ).all()
        orphans = tx.scalars(
            select(Earning.id)
            .outerjoin(PayoutLine, (PayoutLine.earning_id == Earning.id) & ~PayoutLine.dropped)
            .where(Earning.state == EarningState.SENT, PayoutLine.earning_id.is_(None))
        ).all()
        available = total_of(tx, "stripe_available")
    return [
        Finding(
            what="debits equal credits",
            ok=found.imbalance_minor == 0,
            said=f"{found.transactions} transactions, difference {found.imbalance_minor}",
        ),
        Finding(
            what="balances equal their entries",
            ok=not found.drifted_accounts,
            said=f"{len(found.drifted_accounts)} accounts differ",
        ),
        Finding(what="every sent payout has its transfer", ok=not unsent, said=f"{len(unsent)} without"),
        Finding(what="every sent earning has its payout", ok=not orphans, said=f"{len(orphans)} without"),
        *(_against_stripe(settings, currencies[0], available) if len(currencies) == 1 else ()),
    ]


def _against_stripe(settings: Settings, currency: str, ledger_minor: int) -> list[Finding]:
    what = "the ledger equals Stripe's available balance"
    try:
        held = parts.gateway(settings).available_balance(currency)
    except (parts.PaymentsOff, CallUnknown, CallRejected, CredentialsRefused) as error:
        return [Finding(what=what, ok=False, said=f"Stripe could not be asked: {error}")]
    said = f"ledger {ledger_minor}, Stripe {held} ({currency}, minor units)"
    return [Finding(what=what, ok=held == ledger_minor, said=said)]
