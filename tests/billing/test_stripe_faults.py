"""What is known about money when the network or Stripe fails at the worst moment."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from billing.gateway import CallRejected, CallUnknown, KeyReused
from billing.stripe_gateway import StripeGateway
from tests.billing.conftest import a_payout, a_worker, gateway_to
from tests.billing.stripe_server import StripeServer

FUNDS = 10_000
POLL_LIMIT_SECONDS = 5.0


@pytest.fixture
def worker(fake_stripe: StripeServer, gateway: StripeGateway) -> str:
    account = a_worker(fake_stripe, gateway)
    fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    return account


def send_unknown(gateway: StripeGateway, params: dict[str, object], key: str) -> CallUnknown:
    with pytest.raises(CallUnknown) as unknown:
        gateway.execute_transfer(params, key=key)
    return unknown.value


def test_a_connection_lost_before_execution_leaves_nothing_and_a_retry_sends_once(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    fake_stripe.fault("before")
    send_unknown(gateway, a_payout(worker), "xfer:p1:1")
    assert fake_stripe.look("transfers") == []
    transfer = gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
    assert [t["id"] for t in fake_stripe.look("transfers")] == [transfer.id]


def test_a_lost_reply_is_answered_again_by_the_same_key(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    fake_stripe.fault("after_lost_reply")
    send_unknown(gateway, a_payout(worker), "xfer:p1:1")
    [executed] = fake_stripe.look("transfers")
    transfer = gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")

    assert transfer.id == executed["id"]
    assert len(fake_stripe.look("transfers")) == 1
    assert fake_stripe.look("requests")[-1]["replayed"]
    assert gateway.available_balance("usd") == FUNDS - transfer.amount_minor


def test_a_lost_reply_is_found_by_batch_when_the_key_is_too_old(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    fake_stripe.fault("after_lost_reply")
    send_unknown(gateway, a_payout(worker), "xfer:p1:1")
    fake_stripe.turn("clock", advance_seconds=25 * 60 * 60)
    [found] = gateway.find_transfers(transfer_group="b1", destination=worker)
    assert found.metadata["payout_id"] == "p1"


def test_a_pruned_key_executes_again(fake_stripe: StripeServer, gateway: StripeGateway, worker: str) -> None:
    """Why recovery stops trusting a key after 20 hours."""
    first = gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
    fake_stripe.turn("clock", advance_seconds=23 * 60 * 60)
    assert gateway.execute_transfer(a_payout(worker), key="xfer:p1:1").id == first.id
    fake_stripe.turn("clock", advance_seconds=60 * 60)
    assert gateway.execute_transfer(a_payout(worker), key="xfer:p1:1").id != first.id


def test_an_answer_later_than_our_patience_is_unknown_and_executed_once(
    fake_stripe: StripeServer, worker: str
) -> None:
    hasty = gateway_to(fake_stripe, timeout_seconds=0.15)
    fake_stripe.fault("delay", seconds=0.4)
    send_unknown(hasty, a_payout(worker), "xfer:p1:1")

    transfer = None
    deadline = time.monotonic() + POLL_LIMIT_SECONDS
    while transfer is None and time.monotonic() < deadline:
        try:
            transfer = hasty.execute_transfer(a_payout(worker), key="xfer:p1:1")
        except CallUnknown:
            time.sleep(0.02)
    assert transfer is not None
    assert [t["id"] for t in fake_stripe.look("transfers")] == [transfer.id]


def test_a_second_request_with_a_key_in_flight_is_unknown_not_a_second_transfer(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    fake_stripe.fault("delay", seconds=0.5)
    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(gateway.execute_transfer, a_payout(worker), key="xfer:p1:1")
        deadline = time.monotonic() + POLL_LIMIT_SECONDS
        while fake_stripe.look("faults") and time.monotonic() < deadline:
            time.sleep(0.005)
        send_unknown(gateway, a_payout(worker), "xfer:p1:1")
        transfer = first.result(timeout=POLL_LIMIT_SECONDS)
    assert [t["id"] for t in fake_stripe.look("transfers")] == [transfer.id]
    assert 409 in [request["status"] for request in fake_stripe.look("requests")]


@pytest.mark.parametrize("kind", ["409", "429"])
def test_conflict_and_rate_limit_are_unknown_and_stored_nowhere(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str, kind: str
) -> None:
    fake_stripe.fault(kind, times=5)
    for _ in range(5):
        send_unknown(gateway, a_payout(worker), "xfer:p1:1")
    assert gateway.execute_transfer(a_payout(worker), key="xfer:p1:1").amount_minor == 1_250


@pytest.mark.parametrize(("kind", "transfers"), [("500", 0), ("500_after", 1)])
def test_a_stored_500_is_replayed_and_only_a_look_tells_what_happened(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str, kind: str, transfers: int
) -> None:
    fake_stripe.fault(kind)
    for _ in range(3):
        send_unknown(gateway, a_payout(worker), "xfer:p1:1")
    found = gateway.find_transfers(transfer_group="b1", destination=worker)
    assert len(found) == transfers
    assert len(fake_stripe.look("transfers")) == transfers


def test_a_stored_refusal_is_replayed_until_a_new_key_is_used(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    params = a_payout(worker, amount_minor=FUNDS + 1)
    for round_ in range(2):
        with pytest.raises(CallRejected) as refusal:
            gateway.execute_transfer(params, key="xfer:p1:1")
        assert refusal.value.code == "balance_insufficient"
        if round_ == 0:
            fake_stripe.turn("balance/fund", amount_minor=FUNDS)
    assert gateway.execute_transfer(params, key="xfer:p1:2").amount_minor == FUNDS + 1


def test_changed_parameters_under_one_key_are_never_called_a_rejection(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    """The first result stands: calling this a reject would pay the worker twice."""
    gateway.execute_transfer(a_payout(worker), key="xfer:p1:1")
    unknown = send_unknown(gateway, a_payout(worker, amount_minor=1), "xfer:p1:1")
    assert isinstance(unknown, KeyReused)
    assert len(fake_stripe.look("transfers")) == 1


def test_one_key_on_another_endpoint_is_refused_too(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    with pytest.raises(KeyReused):
        gateway.create_onboarding_link(
            account_id=worker,
            refresh_url="http://app/again",
            return_url="http://app/back",
            key="account:worker-1",
        )


def test_the_sdk_retries_a_conflict_with_the_same_key_when_told_to(
    fake_stripe: StripeServer, worker: str
) -> None:
    fake_stripe.fault("409")
    gateway_to(fake_stripe, max_network_retries=1).execute_transfer(a_payout(worker), key="xfer:p1:1")
    tried = [r["idempotency_key"] for r in fake_stripe.look("requests") if r["path"] == "/v1/transfers"]
    assert tried == ["xfer:p1:1", "xfer:p1:1"]


def test_a_failing_read_is_unknown_as_well(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    fake_stripe.fault("before", method="GET", path="/v1/accounts/*")
    with pytest.raises(CallUnknown):
        gateway.account_status(worker)
    assert gateway.account_status(worker).can_receive


def test_many_senders_of_one_key_make_one_transfer(
    fake_stripe: StripeServer, gateway: StripeGateway, worker: str
) -> None:
    def send(_: int) -> str | None:
        try:
            return gateway.execute_transfer(a_payout(worker), key="xfer:p1:1").id
        except CallUnknown:
            return None

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = set(pool.map(send, range(40))) - {None}
    assert answers == {t["id"] for t in fake_stripe.look("transfers")}
    assert len(answers) == 1
