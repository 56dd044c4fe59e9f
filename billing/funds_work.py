"""What the background does about brands' money besides top-ups by a page. Every step is safe to take again."""

from collections.abc import Callable

from billing import auto_top_ups, invoices, reversals, wallet_refunds
from billing.funds_calls import Reactions, make_due
from billing.funds_models import FundsOperation
from billing.funds_port import FundsPort
from marketplace.kernel.db import Database

REACTIONS: Reactions = {
    FundsOperation.CHARGE: auto_top_ups.REACTION,
    FundsOperation.REFUND: wallet_refunds.REACTION,
    FundsOperation.INVOICE: invoices.DRAFT_REACTION,
    FundsOperation.INVOICE_LINE: invoices.LINE_REACTION,
    FundsOperation.INVOICE_SEND: invoices.SEND_REACTION,
}


def steps(database: Database, port: FundsPort) -> tuple[Callable[[], object], ...]:
    """In the order in which one makes work for the next."""
    return (
        lambda: auto_top_ups.learn_methods(database, port),
        lambda: auto_top_ups.ask_charges(database, port),
        lambda: invoices.plan_invoices(database),
        lambda: invoices.draft_planned(database, port),
        lambda: make_due(database, port, REACTIONS),
        lambda: auto_top_ups.settle_charges(database, port),
        lambda: wallet_refunds.look_at_refunds(database, port),
        lambda: invoices.book_payments(database, port),
        lambda: invoices.read_invoices(database, port),
        lambda: reversals.collect_debts(database),
    )


def work(database: Database, port: FundsPort) -> None:
    """All steps once."""
    for step in steps(database, port):
        step()
