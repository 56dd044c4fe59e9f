"""A wallet that fills itself: once for each need, within its limit, and not again after a refusal."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from billing import auto_top_ups
from billing.auto_top_ups import BadAutoTopUp, set_up, turn_off
from billing.funds_models import AutoCharge, AutoChargeState, AutoTopUp, AutoTopUpState
from billing.models import CallState, TopUpState
from billing.top_ups import BadAmount
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import TopUpId
from marketplace.tickets.models import TicketState
from tests.billing.funding import Purse, a_purse
from tests.billing.paying import assert_proven
from tests.billing.stripe_server import StripeServer
from tests.builders import a_member, a_resolved_ticket, a_worker, usd

AMOUNT, THRESHOLD, LIMIT = 5_000, 1_500, 15_000
CHARGES = "/v1/payment_intents"


@pytest.fixture
def purse(background: Database, fake_stripe: StripeServer) -> Iterator[Purse]:
    fake_stripe.turn("settings", fee_basis_points=0, fee_fixed_minor=0)
    found = a_purse(background, fake_stripe)
    yield found
    assert_proven(background)
    found.assert_agrees_with_stripe()


def wish(
    purse: Purse, *, threshold: int = THRESHOLD, amount: int = AMOUNT, limit: int = LIMIT
) -> TopUpId | None:
    with purse.database.transaction() as tx:
        return set_up(
            tx,
            brand=purse.brand,
            threshold_minor=threshold,
            amount=usd(amount),
            monthly_limit_minor=limit,
            person=None,
            now=app_now(tx),
        )


def saved(purse: Purse, *, how: str = "pay", **wished: int) -> None:
    """Set up, and the first 50.00 paid by a method that is kept."""
    top_up = wish(purse, **wished)
    assert top_up is not None
    auto_top_ups.open_saving_checkout(
        purse.database,
        purse.port,
        brand=purse.brand,
        top_up=top_up,
        email="owner@example.com",
        return_url="http://app.example",
    )
    session = purse.row(top_up).checkout_session
    purse.server.turn(f"checkout/{session}", action=how)
    if how == "pay_by_bank":
        purse.server.turn(f"checkout/{session}", action="settle")
    purse.hear()
    purse.work()
    assert row(purse).state is AutoTopUpState.ON


def row(purse: Purse) -> AutoTopUp:
    with purse.database.transaction() as tx:
        return tx.get_one(AutoTopUp, purse.brand)


def charges(purse: Purse) -> list[AutoCharge]:
    with purse.database.transaction() as tx:
        found = tx.execute(text("SELECT brand_id, top_up_id FROM auto_charge ORDER BY top_up_id")).all()
        return [tx.get_one(AutoCharge, tuple(one)) for one in found]


def spend(purse: Purse) -> None:
    """20.00 to a worker and the platform."""
    with purse.database.transaction() as tx:
        a_resolved_ticket(tx, purse.brand, a_worker(tx))


def taken(purse: Purse) -> int:
    """What Stripe took of the saved method, in all, besides the first payment."""
    paid = [int(one["amount"]) for one in purse.objects("payment_intent") if one["status"] == "succeeded"]
    return sum(paid) - AMOUNT


def test_case_19_published_tickets_are_paid_on_a_dry_wallet_and_auto_top_up_opens_the_waiting_ones_once(
    purse: Purse,
) -> None:
    saved(purse)
    first, second = purse.post(), purse.post()
    waiting = purse.post()
    assert purse.money() == {"wallet": 1_000, "reserved": 4_000}
    assert [purse.state(one) for one in (first, second)] == [TicketState.OPEN] * 2
    assert purse.state(waiting) is TicketState.AWAITING_FUNDS
    purse.work()
    purse.hear()
    for _ in range(2):
        purse.open_awaiting()
    assert purse.state(waiting) is TicketState.OPEN
    assert purse.money() == {"wallet": 4_000, "reserved": 6_000}
    assert taken(purse) == AMOUNT
    for _ in range(3):
        purse.work()
    assert taken(purse) == AMOUNT, "the wallet is above its threshold again"
    assert purse.facts("wallet_funded") == 2


def test_a_charge_whose_reply_was_lost_is_the_same_charge_on_the_next_try(purse: Purse) -> None:
    saved(purse)
    spend(purse)
    spend(purse)
    purse.server.fault("after_lost_reply", path=CHARGES)
    purse.work()
    assert charges(purse)[0].state is AutoChargeState.ASKED
    purse.work()
    assert taken(purse) == AMOUNT, "one is on its way: no other is asked for"
    purse.later(minutes=1)
    purse.work()
    purse.work()
    assert (taken(purse), charges(purse)[0].state) == (AMOUNT, AutoChargeState.DONE)
    assert purse.money() == {"wallet": 6_000}


def test_an_unknown_charge_is_looked_up_once_its_key_has_died_and_never_sent_again(purse: Purse) -> None:
    saved(purse)
    spend(purse)
    spend(purse)
    purse.server.fault("after_lost_reply", path=CHARGES)
    purse.work()
    purse.later(hours=25)
    purse.work()
    assert taken(purse) == AMOUNT
    assert purse.money() == {"wallet": 6_000}
    assert [one.state for one in purse.calls()] == [CallState.ACCEPTED]


def test_a_charge_that_never_reached_stripe_has_a_new_key_after_two_empty_looks(purse: Purse) -> None:
    saved(purse)
    spend(purse)
    spend(purse)
    purse.server.fault("before", path=CHARGES)
    purse.work()
    purse.later(hours=25)
    purse.work()
    assert taken(purse) == 0
    purse.later(minutes=11)
    purse.work()
    purse.work()
    assert taken(purse) == AMOUNT
    assert [one.state for one in purse.calls()] == [CallState.RETIRED, CallState.ACCEPTED]
    assert len({one.key for one in purse.calls()}) == 2


def test_a_refused_method_stops_it_and_tells_the_brand(purse: Purse) -> None:
    with purse.database.transaction() as tx:
        a_member(tx, purse.brand, role=MemberRole.OWNER)
    saved(purse)
    spend(purse)
    spend(purse)
    method = row(purse).payment_method
    purse.server.turn(f"payment_methods/{method}/decline", code="authentication_required")
    purse.work()
    stopped = row(purse)
    assert stopped.state is AutoTopUpState.STOPPED
    assert "requires authentication" in str(stopped.stopped_reason)
    assert purse.facts("auto_top_up_stopped") == 1
    with purse.database.transaction() as tx:
        told = tx.execute(text("SELECT subject FROM mail")).scalars().all()
    assert told == ["Automatic top-up has stopped at Fern & Kettle"]
    assert purse.row(charges(purse)[0].top_up_id).state is TopUpState.FAILED

    purse.server.turn(f"payment_methods/{method}/decline", code="")
    for _ in range(3):
        purse.later(hours=1)
        purse.work()
    assert taken(purse) == 0
    assert wish(purse) is None, "the method is still there: it holds at once"
    purse.work()
    assert taken(purse) == AMOUNT


def test_the_months_limit_is_never_passed_and_the_next_month_begins_anew(purse: Purse) -> None:
    saved(purse, limit=AMOUNT * 2, threshold=THRESHOLD)
    for _ in range(7):
        spend(purse)
        purse.work()
        purse.hear()
    assert taken(purse) == AMOUNT * 2
    purse.later(days=32)
    purse.work()
    purse.hear()
    assert taken(purse) == AMOUNT * 3


def test_a_saved_bank_account_takes_days_and_is_credited_once_or_stops_it(purse: Purse) -> None:
    saved(purse, how="pay_by_bank")
    spend(purse)
    spend(purse)
    purse.work()
    [charge] = charges(purse)
    assert charge.state is AutoChargeState.TAKEN
    assert purse.row(charge.top_up_id).state is TopUpState.PROCESSING
    assert purse.money() == {"wallet": 1_000}
    purse.work()
    assert len(charges(purse)) == 1
    purse.server.turn(f"payment_intents/{charge.payment_intent}/settle")
    purse.later(hours=1)
    purse.work()
    purse.hear()
    assert purse.money() == {"wallet": 6_000}

    spend(purse)
    spend(purse)
    spend(purse)
    purse.work()
    again = charges(purse)[1]
    purse.server.turn(f"payment_intents/{again.payment_intent}/bounce")
    purse.hear()
    assert row(purse).state is AutoTopUpState.STOPPED
    assert purse.money() == {}
    assert charges(purse)[1].state is AutoChargeState.REFUSED


def test_a_frozen_brand_is_not_charged(purse: Purse) -> None:
    saved(purse)
    [paid] = purse.objects("charge")
    spend(purse)
    spend(purse)
    purse.server.turn(f"charges/{paid['id']}/dispute")
    purse.hear()
    purse.work()
    assert charges(purse) == []


def test_two_sweeps_at_once_ask_for_one_charge(purse: Purse, second_background: Database) -> None:
    saved(purse)
    spend(purse)
    spend(purse)
    with purse.database.transaction() as tx, second_background.transaction() as mine:
        assert auto_top_ups.ask_charge(tx, brand=purse.brand, environment="tests", now=app_now(tx)) == 1
        mine.execute(text("SET LOCAL lock_timeout = '200ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            auto_top_ups.ask_charge(mine, brand=purse.brand, environment="tests", now=app_now(mine))
    with second_background.transaction() as mine:
        assert auto_top_ups.ask_charge(mine, brand=purse.brand, environment="tests", now=app_now(mine)) == 0
    purse.work()
    assert taken(purse) == AMOUNT


def test_turned_off_charges_nothing_and_can_forget_its_method(purse: Purse) -> None:
    saved(purse)
    spend(purse)
    spend(purse)
    with purse.database.transaction() as tx:
        turn_off(tx, brand=purse.brand, forget_method=True, now=app_now(tx))
    purse.work()
    assert (taken(purse), row(purse).payment_method) == (0, None)
    assert wish(purse) is not None, "a new method has to be saved"


@pytest.mark.parametrize(
    ("threshold", "amount", "limit"), [(-1, 500, 500), (0, 500, 499), (0, 50, 500), (0, 100_000_000, 10**10)]
)
def test_a_wish_within_reason(purse: Purse, threshold: int, amount: int, limit: int) -> None:
    with pytest.raises((BadAutoTopUp, BadAmount)):
        wish(purse, threshold=threshold, amount=amount, limit=limit)


def test_a_month_is_the_brands_own(purse: Purse) -> None:
    saved(purse)
    spend(purse)
    spend(purse)
    purse.work()
    with purse.database.transaction() as tx:
        now = app_now(tx)
        assert auto_top_ups.charged_in_month(tx, brand=purse.brand, now=now) == AMOUNT
        later = now + timedelta(days=32)
        assert auto_top_ups.charged_in_month(tx, brand=purse.brand, now=later) == 0
