"""Whatever becomes of a brand's money at Stripe, the ledger says the same of it, movement by movement."""

from billing.books import keep_books
from billing.breaks import open_breaks
from billing.stripe_books import StripeBooks
from billing.wallet_refunds import ask_refund
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from tests.billing.funding import Purse, a_purse
from tests.billing.paying import ENVIRONMENT, assert_proven
from tests.billing.stripe_server import StripeServer
from tests.billing.test_brand_funds import give_line
from tests.billing.test_invoices import billed


def refund(purse: Purse, amount: int) -> None:
    with purse.database.transaction() as tx:
        ask_refund(
            tx, brand=purse.brand, amount_minor=amount, person=None, environment=ENVIRONMENT, now=app_now(tx)
        )
    purse.work()


def test_refunds_disputes_failed_payments_and_invoices_leave_no_break(
    background: Database, fake_stripe: StripeServer
) -> None:
    purse = a_purse(background, fake_stripe)
    fake_stripe.turn("balance/fund", amount_minor=50_000)
    first, second, third = purse.top_up(20_000), purse.top_up(5_000), purse.top_up(7_000)
    refund(purse, 1_500)
    refund(purse, 2_500)
    purse.server.turn(f"refunds/{purse.objects('refund')[0]['id']}/fail")
    purse.server.turn(f"charges/{purse.charge(first)}/dispute")
    purse.server.turn(f"payment_intents/{purse.row(second).payment_intent}/take_back")
    purse.hear()
    purse.work()
    for dispute in purse.objects("dispute"):
        purse.server.turn(f"disputes/{dispute['id']}/win")
    purse.hear()
    with background.transaction() as tx:
        give_line(tx, purse.brand, 100_000)
    refund(purse, purse.money()["wallet"] - 2_000)
    found = billed(purse)
    purse.server.turn(f"invoices/{found['id']}/pay", amount=3_000)
    purse.server.turn(f"invoices/{found['id']}/pay", amount=7_000)
    purse.hear()
    purse.work()
    keep_books(background, StripeBooks(purse.connection))
    purse.later(hours=30)
    purse.work()
    run = keep_books(background, StripeBooks(purse.connection))
    with background.transaction() as tx:
        assert list(open_breaks(tx)) == []
    assert run.ok, run.statements
    assert third is not None
    assert_proven(background)
