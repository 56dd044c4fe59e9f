"""Invoices of brands with a credit line: what is owed is billed once, and what is paid settles it to the cent."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select, text

from billing.funds_models import BrandInvoice, InvoiceState
from billing.invoices import left_of
from billing.models import CallState
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from tests.billing.funding import Purse, a_purse
from tests.billing.paying import assert_proven
from tests.billing.stripe_server import StripeServer
from tests.billing.test_brand_funds import give_line
from tests.builders import a_resolved_ticket, a_worker

LIMIT = 100_000


@pytest.fixture
def purse(background: Database, fake_stripe: StripeServer) -> Iterator[Purse]:
    fake_stripe.turn("settings", fee_basis_points=0, fee_fixed_minor=0)
    found = a_purse(background, fake_stripe)
    with background.transaction() as tx:
        give_line(tx, found.brand, LIMIT)
    yield found
    assert_proven(background)
    found.assert_agrees_with_stripe()


def resolve(purse: Purse, tickets: int) -> None:
    """20.00 each, on credit."""
    with purse.database.transaction() as tx:
        worker = a_worker(tx)
        for _ in range(tickets):
            a_resolved_ticket(tx, purse.brand, worker)


def billed(purse: Purse, tickets: int = 5) -> dict[str, Any]:
    """100.00 owed, and the invoice of it at Stripe, sent."""
    resolve(purse, tickets)
    turn_the_month(purse)
    send(purse)
    return invoice(purse)


def turn_the_month(purse: Purse) -> None:
    with purse.database.transaction() as tx:
        tx.execute(text("UPDATE credit_line SET next_invoice_on = app_now()::date"))


def send(purse: Purse) -> None:
    """Draft, line and sending are three calls, each stored by the one before."""
    for _ in range(3):
        purse.work()
    purse.hear()


def invoice(purse: Purse) -> dict[str, Any]:
    return purse.objects("invoice")[-1]


def rows(purse: Purse) -> list[BrandInvoice]:
    with purse.database.transaction() as tx:
        return list(tx.scalars(select(BrandInvoice).order_by(BrandInvoice.id)))


def turn(purse: Purse, action: str, **options: int) -> Any:
    return purse.server.turn(f"invoices/{invoice(purse)['id']}/{action}", **options)


def heard(purse: Purse) -> dict[str, int]:
    purse.hear()
    purse.work()
    return purse.money()


def test_case_41_paid_twice_partially_overpaid_voided_or_credited_the_debt_is_exact_and_the_rest_the_wallets(
    purse: Purse,
) -> None:
    billed(purse)
    turn(purse, "void")
    assert heard(purse) == {"owed": 10_000}
    turn_the_month(purse)
    send(purse)
    turn(purse, "pay", amount=4_000)
    assert heard(purse) == {"owed": 6_000}
    turn(purse, "credit", amount=1_000)
    assert heard(purse) == {"owed": 5_000}
    turn(purse, "pay", amount=5_500)
    assert heard(purse) == {"wallet": 500}
    turn(purse, "pay", amount=5_500)
    assert heard(purse) == {"wallet": 6_000}
    assert purse.books()["discount"] == 1_000
    assert [one.state for one in rows(purse)] == [InvoiceState.VOID, InvoiceState.PAID]


def test_an_invoice_paid_twice_settles_its_debt_and_the_second_payment_is_the_wallets(
    purse: Purse,
) -> None:
    billed(purse)
    assert purse.money() == {"owed": 10_000}
    turn(purse, "pay", amount=10_000)
    assert heard(purse) == {}
    turn(purse, "pay", amount=10_000)
    assert heard(purse) == {"wallet": 10_000}
    assert heard(purse) == {"wallet": 10_000}
    assert [one.state for one in rows(purse)] == [InvoiceState.PAID]


def test_a_partial_payment_leaves_the_rest_owed(purse: Purse) -> None:
    billed(purse)
    turn(purse, "pay", amount=4_000)
    assert heard(purse) == {"owed": 6_000}
    assert [(one.state, left_of(one)) for one in rows(purse)] == [(InvoiceState.OPEN, 6_000)]
    turn_the_month(purse)
    send(purse)
    assert len(rows(purse)) == 1, "what an invoice still asks for is not billed again"
    turn(purse, "pay", amount=6_000)
    assert heard(purse) == {}


def test_what_is_overpaid_goes_to_the_wallet(purse: Purse) -> None:
    billed(purse)
    turn(purse, "pay", amount=10_001)
    assert heard(purse) == {"wallet": 1}


def test_a_voided_invoice_leaves_the_debt_and_the_next_one_bills_it(purse: Purse) -> None:
    billed(purse)
    turn(purse, "void")
    purse.hear()
    assert purse.money() == {"owed": 10_000}
    turn_the_month(purse)
    send(purse)
    assert [(one.state, one.amount_minor) for one in rows(purse)] == [
        (InvoiceState.VOID, 10_000),
        (InvoiceState.OPEN, 10_000),
    ]
    turn(purse, "pay", amount=10_000)
    assert heard(purse) == {}


def test_a_credit_note_takes_off_the_debt_and_voided_puts_it_back(purse: Purse) -> None:
    billed(purse)
    turn(purse, "credit", amount=3_000)
    assert heard(purse) == {"owed": 7_000}
    assert purse.books()["discount"] == 3_000
    [note] = purse.objects("credit_note")
    purse.server.turn(f"credit_notes/{note['id']}/void")
    assert heard(purse) == {"owed": 10_000}
    assert "discount" not in purse.books()
    turn(purse, "credit", amount=2_500)
    turn(purse, "pay", amount=7_500)
    assert heard(purse) == {}
    turn(purse, "credit", amount=1_000)
    assert heard(purse) == {"wallet": 1_000}, "after it was paid, credit is the wallet's"
    assert purse.books()["discount"] == 3_500


def test_events_in_any_order_end_in_the_same_books(purse: Purse) -> None:
    billed(purse)
    turn(purse, "pay", amount=4_000)
    turn(purse, "credit", amount=1_000)
    turn(purse, "pay", amount=6_000)
    ids = [one["id"] for one in purse.objects("event") if one["type"].startswith(("invoice", "credit"))]
    for order in list(permutations(ids[-3:])):
        purse.acted_on.difference_update(order)
        assert heard(purse) == {"wallet": 1_000}


def test_a_payment_that_never_passed_through_stripe_is_in_the_bank(purse: Purse) -> None:
    billed(purse)
    turn(purse, "pay_elsewhere", amount=10_000)
    assert heard(purse) == {}
    assert purse.books()["bank"] == 10_000


def test_stripes_fee_on_an_invoice_is_the_platforms_and_the_rest_becomes_available(purse: Purse) -> None:
    billed(purse)
    purse.server.turn("settings", fee_basis_points=290, fee_fixed_minor=30, funds="pending")
    turn(purse, "pay", amount=10_000)
    heard(purse)
    assert (purse.books().get("fees", 0), purse.books()["pending"]) == (0, 10_000)
    purse.server.turn("balance/settle")
    asked = len(purse.server.look("requests"))
    purse.work()
    assert len(purse.server.look("requests")) == asked, "Stripe is not asked each second"
    purse.later(minutes=11)
    purse.work()
    books = purse.books()
    assert (books["fees"], books["available"], books.get("pending", 0)) == (320, 9_680, 0)


def test_a_debt_that_reaches_the_threshold_is_billed_before_the_month_ends(purse: Purse) -> None:
    resolve(purse, 24)
    send(purse)
    assert rows(purse) == []
    resolve(purse, 1)
    send(purse)
    assert [(one.state, one.amount_minor) for one in rows(purse)] == [(InvoiceState.OPEN, 50_000)]
    found = invoice(purse)
    assert (found["status"], found["total"], found["customer_email"]) == ("open", 50_000, "bills@example.com")
    assert rows(purse)[0].number == found["number"]
    resolve(purse, 3)
    send(purse)
    assert len(rows(purse)) == 1


def test_the_wallet_pays_first_what_it_can(purse: Purse) -> None:
    resolve(purse, 5)
    purse.top_up(4_000)
    turn_the_month(purse)
    send(purse)
    assert purse.money() == {"owed": 6_000}
    assert rows(purse)[0].amount_minor == 6_000
    turn(purse, "pay", amount=6_000)
    assert heard(purse) == {}


def test_a_debt_the_wallet_pays_wholly_needs_no_invoice(purse: Purse) -> None:
    resolve(purse, 5)
    purse.top_up(15_000)
    turn_the_month(purse)
    send(purse)
    assert (purse.money(), rows(purse)) == ({"wallet": 5_000}, [])


def test_what_a_disputed_payment_left_owed_is_not_billed(purse: Purse) -> None:
    top_up = purse.top_up(2_000)
    resolve(purse, 2)
    purse.server.turn(f"charges/{purse.charge(top_up)}/dispute")
    purse.hear()
    assert purse.money() == {"owed": 4_000}
    turn_the_month(purse)
    send(purse)
    assert [one.amount_minor for one in rows(purse)] == [2_000]


def test_an_invoice_whose_replies_were_lost_is_one_invoice_with_one_line(purse: Purse) -> None:
    resolve(purse, 5)
    turn_the_month(purse)
    for path in ("/v1/invoices", "/v1/invoiceitems", "/v1/invoices/*/send"):
        purse.server.fault("after_lost_reply", path=path)
        purse.work()
        purse.later(hours=25)
        purse.work()
    send(purse)
    assert [(one["status"], one["total"]) for one in purse.objects("invoice")] == [("open", 10_000)]
    assert len(purse.objects("invoiceitem")) == 1
    assert {one.state for one in purse.calls()} == {CallState.ACCEPTED}


def test_an_invoice_that_stripe_refuses_is_billed_anew_the_next_day(purse: Purse) -> None:
    resolve(purse, 5)
    turn_the_month(purse)
    purse.server.fault("500", path="/v1/invoiceitems", times=1)
    purse.work()
    purse.work()
    with purse.database.transaction() as tx:
        tx.execute(text("UPDATE brand_invoice SET state = 'refused', failure = 'No.'"))
    turn_the_month(purse)
    purse.work()
    assert len(rows(purse)) == 1
    purse.later(hours=25)
    turn_the_month(purse)
    purse.work()
    assert [one.amount_minor for one in rows(purse)] == [10_000, 10_000]


def test_a_paid_invoice_lets_the_line_be_drawn_again(purse: Purse) -> None:
    with purse.database.transaction() as tx:
        give_line(tx, purse.brand, 10_000)
    billed(purse)
    waiting = purse.post()
    assert purse.money() == {"owed": 10_000}
    turn(purse, "pay", amount=10_000)
    purse.hear()
    purse.open_awaiting()
    assert purse.money() == {"owed": 2_000, "reserved": 2_000}
    assert waiting is not None
    assert purse.facts("wallet_restored") == 1


def test_the_sweep_finds_a_payment_nobody_told_us_of(purse: Purse) -> None:
    billed(purse)
    turn(purse, "pay", amount=10_000)
    purse.later(hours=1)
    purse.work()
    purse.hear()
    assert purse.money() == {}


def test_a_month_is_billed_once(purse: Purse) -> None:
    billed(purse)
    with purse.database.transaction() as tx:
        due = tx.execute(text("SELECT next_invoice_on > app_now()::date FROM credit_line")).scalar_one()
        assert due, app_now(tx)
    resolve(purse, 1)
    send(purse)
    assert len(rows(purse)) == 1
