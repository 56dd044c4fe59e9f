"""The background process does what brands' money needs, without anybody calling it by name."""

from billing.funds_models import ReversalState
from billing.stripe_gateway import StripeGateway
from marketplace.kernel.db import Database
from tests.billing.funding import a_purse
from tests.billing.stripe_server import StripeServer
from tests.billing.test_brand_funds import give_line
from tests.billing.test_invoices import resolve, turn_the_month
from workers_ui.money_work import MoneyWork


def test_the_sweeps_bill_what_is_owed_and_find_a_dispute_nobody_told_us_of(
    background: Database, fake_stripe: StripeServer
) -> None:
    purse = a_purse(background, fake_stripe)
    top_up = purse.top_up(2_000)
    with background.transaction() as tx:
        give_line(tx, purse.brand, 100_000)
    resolve(purse, 3)
    turn_the_month(purse)
    fake_stripe.turn(f"charges/{purse.charge(top_up)}/dispute")
    work = MoneyWork(database=background, gateway=StripeGateway(purse.connection), stripe=purse.connection)
    for _ in range(3):
        for sweep in work.sweeps():
            sweep()
    assert [(one["status"], one["total"]) for one in purse.objects("invoice")] == [("open", 4_000)]
    assert [one.state for one in purse.reversals()] == [ReversalState.OPEN]


def test_without_a_connection_nothing_is_asked_of_stripe(
    background: Database, fake_stripe: StripeServer
) -> None:
    purse = a_purse(background, fake_stripe)
    asked = len(fake_stripe.look("requests"))
    work = MoneyWork(database=background, gateway=None)
    assert work.funds_steps() == ()
    work.look_at_disputes()
    assert len(fake_stripe.look("requests")) == asked
    assert purse.reversals() == []
