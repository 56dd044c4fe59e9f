"""Money on its way back to a brand: never more than is free, never promo credit, and restored once if it fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from billing.funds_models import RefundState, WalletRefund
from billing.models import CallState
from billing.promos import give_promo
from billing.wallet_refunds import BadRefund, RefundTooHigh, ask_refund, refundable
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.money import Money
from marketplace.tickets.models import TicketState
from tests.billing.funding import Purse, a_purse
from tests.billing.paying import ENVIRONMENT, assert_proven
from tests.billing.stripe_server import StripeServer
from tests.billing.test_brand_funds import give_line
from tests.builders import a_person, as_brand, usd

REFUNDS = "/v1/refunds"


@pytest.fixture
def purse(background: Database, fake_stripe: StripeServer) -> Iterator[Purse]:
    fake_stripe.turn("settings", fee_basis_points=0, fee_fixed_minor=0)
    found = a_purse(background, fake_stripe)
    yield found
    assert_proven(background)
    found.assert_agrees_with_stripe()


def ask(purse: Purse, amount: int) -> None:
    with purse.database.transaction() as tx:
        ask_refund(
            tx, brand=purse.brand, amount_minor=amount, person=None, environment=ENVIRONMENT, now=app_now(tx)
        )


def free(purse: Purse) -> Money:
    with purse.database.transaction() as tx:
        return refundable(tx, brand=purse.brand, currency="usd")


def rows(purse: Purse) -> list[WalletRefund]:
    with purse.database.transaction() as tx:
        return list(tx.scalars(select(WalletRefund).order_by(WalletRefund.id)))


def test_case_39_more_than_the_free_wallet_is_refused_and_a_refund_that_fails_later_restores_it_once(
    purse: Purse,
) -> None:
    purse.top_up(5_000)
    purse.post()
    assert free(purse) == usd(3_000)
    with pytest.raises(RefundTooHigh):
        ask(purse, 3_001)
    ask(purse, 3_000)
    assert purse.money() == {"reserved": 5_000}
    assert purse.state(purse.post()) is TicketState.AWAITING_FUNDS, "money on its way back opens no ticket"
    purse.work()
    assert purse.money() == {"reserved": 2_000}
    [refund] = purse.objects("refund")
    assert (refund["amount"], refund["status"]) == (3_000, "succeeded")

    purse.server.turn(f"refunds/{refund['id']}/fail")
    purse.hear()
    purse.later(hours=1)
    purse.work()
    assert purse.money() == {"wallet": 3_000, "reserved": 2_000}
    assert (purse.postings("refund_failed"), purse.facts("wallet_restored")) == (1, 1)
    assert [one.state for one in rows(purse)] == [RefundState.FAILED]


def test_promo_credit_is_never_paid_out(purse: Purse) -> None:
    purse.top_up(1_000)
    with purse.database.transaction() as tx:
        give_promo(
            tx, brand=purse.brand, amount=usd(5_000), reason="Hi.", person=a_person(tx), now=app_now(tx)
        )
    assert free(purse) == usd(1_000)
    with pytest.raises(RefundTooHigh):
        ask(purse, 1_001)
    ask(purse, 1_000)
    purse.work()
    assert purse.money() == {"promo": 5_000}


def test_what_a_brand_owes_is_not_paid_out(purse: Purse) -> None:
    with purse.database.transaction() as tx:
        give_line(tx, purse.brand, 5_000)
    purse.post()
    purse.top_up(2_500)
    assert purse.money() == {"owed": 2_000, "wallet": 2_500, "reserved": 2_000}
    assert free(purse) == usd(500)


def test_it_goes_back_to_the_newest_payments_first_each_with_a_call_of_its_own(purse: Purse) -> None:
    older, newer = purse.top_up(1_000), purse.top_up(3_000)
    ask(purse, 3_500)
    purse.work()
    assert [(one.top_up_id, one.amount_minor) for one in rows(purse)] == [(newer, 3_000), (older, 500)]
    assert purse.money() == {"wallet": 500}
    ask(purse, 500)
    purse.work()
    assert purse.money() == {}
    assert free(purse) == usd(0)


def test_a_refund_that_stripe_refuses_is_in_the_wallet_again(purse: Purse) -> None:
    purse.top_up(3_000)
    purse.server.turn("balance/drain")
    ask(purse, 3_000)
    purse.work()
    assert purse.money() == {"wallet": 3_000}
    [row] = rows(purse)
    assert row.state is RefundState.REFUSED
    assert "Insufficient funds" in str(row.failure)
    purse.server.turn("balance/fund", amount_minor=3_000)


def test_a_refund_whose_reply_was_lost_is_made_once(purse: Purse) -> None:
    purse.top_up(3_000)
    purse.server.fault("after_lost_reply", path=REFUNDS)
    ask(purse, 2_000)
    purse.work()
    purse.later(hours=25)
    purse.work()
    assert [one["amount"] for one in purse.objects("refund")] == [2_000]
    assert purse.money() == {"wallet": 1_000}
    assert [one.state for one in purse.calls()] == [CallState.ACCEPTED]


def test_a_refund_on_its_way_is_looked_at_until_it_has_arrived(purse: Purse) -> None:
    purse.server.turn("settings", refunds="pending")
    purse.top_up(3_000)
    ask(purse, 1_000)
    purse.work()
    purse.work()
    assert [one.state for one in rows(purse)] == [RefundState.SENT]
    [refund] = purse.objects("refund")
    purse.server.turn(f"refunds/{refund['id']}/arrive")
    purse.later(hours=1)
    purse.work()
    assert [one.state for one in rows(purse)] == [RefundState.ARRIVED]


def test_a_brand_with_a_disputed_payment_gets_nothing_back(purse: Purse) -> None:
    top_up = purse.top_up(3_000)
    purse.top_up(2_000)
    purse.server.turn(f"charges/{purse.charge(top_up)}/dispute")
    purse.hear()
    with pytest.raises(RefundTooHigh):
        ask(purse, 1)


def test_money_that_did_not_come_from_payments_here_cannot_go_back_there(purse: Purse) -> None:
    with pytest.raises(BadRefund):
        ask(purse, 0)
    with pytest.raises(RefundTooHigh):
        ask(purse, 1)


def test_a_brand_asks_for_its_own_refund_in_its_own_scope(purse: Purse, db: Database) -> None:
    purse.top_up(3_000)
    with db.transaction(as_brand(purse.brand)) as tx:
        ask_refund(
            tx, brand=purse.brand, amount_minor=1_000, person=None, environment=ENVIRONMENT, now=app_now(tx)
        )
    purse.work()
    assert purse.money() == {"wallet": 2_000}


def test_ten_refunds_at_once_of_a_wallet_for_five_pay_back_exactly_five(purse: Purse) -> None:
    purse.top_up(5_000)

    def one(_: int) -> bool:
        try:
            ask(purse, 1_000)
        except RefundTooHigh:
            return False
        return True

    with ThreadPoolExecutor(max_workers=8) as pool:
        assert sorted(pool.map(one, range(10))) == [False] * 5 + [True] * 5
    purse.work()
    assert purse.money() == {}
    assert sum(found["amount"] for found in purse.objects("refund")) == 5_000
