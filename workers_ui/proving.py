"""`humancloud reconcile`: the books as the background process keeps them; the ledger alone where Stripe is away."""

from dataclasses import dataclass

from billing.books import Statement, StripeKeepsMoving, keep_books, ledger_statements
from billing.gateway import CallRejected, CallUnknown, CredentialsRefused
from billing.stripe_books import StripeBooks
from marketplace.kernel.db import Database
from marketplace.kernel.settings import Settings
from workers_ui import parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    ok: bool
    said: str


def prove(database: Database, settings: Settings) -> list[Finding]:
    """Every statement that must hold of money, each with what was found; what was found with Stripe is kept."""
    try:
        run = keep_books(database, StripeBooks(parts.stripe_connection(settings)))
    except (
        parts.PaymentsOff,
        CallUnknown,
        CallRejected,
        CredentialsRefused,
        StripeKeepsMoving,
    ) as error:
        with database.transaction() as tx:
            found = [_finding(one) for one in ledger_statements(tx)]
        what = "the ledger equals Stripe's balance"
        return [Finding(what=what, ok=False, said=f"Stripe could not be asked: {error}"), *found]
    return [Finding(**one) for one in run.statements]


def _finding(one: Statement) -> Finding:
    return Finding(what=one.what, ok=one.ok, said=one.said)
