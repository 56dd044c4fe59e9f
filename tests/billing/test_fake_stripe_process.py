"""Fake Stripe as a process: what it acknowledged survives kill -9, and it leaves at once when asked."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from billing.gateway import CallUnknown
from billing.stripe_gateway import StripeGateway
from tests.billing.conftest import a_payout, a_worker, gateway_to
from tests.billing.stripe_server import StripeServer

SENDERS = 4
ACKNOWLEDGED_BEFORE_KILL = 40
SENDS_LIMIT = 2_000
FUNDS = 1_000_000
LEAVE_SECONDS = 1.0


@pytest.fixture
def own_stripe(tmp_path: Path) -> Iterator[StripeServer]:
    """A server of this test's own, free to be killed; the path has a space in it on purpose."""
    server = StripeServer(tmp_path / "fake stripe")
    server.start()
    yield server
    server.close()


def send_until_killed(
    server: StripeServer, gateway: StripeGateway, worker: str
) -> tuple[dict[str, str], set[str]]:
    """Transfers from several threads until kill -9: those acknowledged by key, and the keys left unknown."""
    acknowledged: dict[str, str] = {}
    unknown: set[str] = set()

    def send(sender: int) -> None:
        for n in range(SENDS_LIMIT):
            payout = f"p{sender}-{n}"
            try:
                sent = gateway.execute_transfer(
                    a_payout(worker, amount_minor=1, payout=payout), key=f"xfer:{payout}:1"
                )
            except CallUnknown:
                unknown.add(payout)
                return
            acknowledged[payout] = sent.id

    with ThreadPoolExecutor(max_workers=SENDERS) as pool:
        done = [pool.submit(send, sender) for sender in range(SENDERS)]
        deadline = time.monotonic() + 10
        while len(acknowledged) < ACKNOWLEDGED_BEFORE_KILL and time.monotonic() < deadline:
            time.sleep(0.001)
        server.kill()
        for sender in done:
            sender.result(timeout=10)
    return acknowledged, unknown


def test_kill_9_loses_nothing_acknowledged_and_a_retry_pays_once(own_stripe: StripeServer) -> None:
    gateway = gateway_to(own_stripe)
    worker = a_worker(own_stripe, gateway)
    own_stripe.turn("balance/fund", amount_minor=FUNDS)
    acknowledged, unknown = send_until_killed(own_stripe, gateway, worker)
    own_stripe.start()

    assert len(acknowledged) >= ACKNOWLEDGED_BEFORE_KILL
    assert len(unknown) == SENDERS
    kept = {transfer["metadata"]["payout_id"]: transfer["id"] for transfer in own_stripe.look("transfers")}
    assert acknowledged.items() <= kept.items()
    for payout in (*acknowledged, *unknown):
        again = gateway.execute_transfer(
            a_payout(worker, amount_minor=1, payout=payout), key=f"xfer:{payout}:1"
        )
        assert again.id == acknowledged.get(payout, again.id)
    transfers = own_stripe.look("transfers")
    assert len(transfers) == len(acknowledged) + len(unknown)
    assert gateway.available_balance("usd") == FUNDS - len(transfers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_leaves_cleanly_within_a_second_even_with_a_request_held(
    own_stripe: StripeServer, number: signal.Signals
) -> None:
    gateway = gateway_to(own_stripe)
    worker = a_worker(own_stripe, gateway)
    own_stripe.fault("delay", seconds=30)
    with ThreadPoolExecutor(max_workers=1) as pool:
        held = pool.submit(gateway.execute_transfer, a_payout(worker), key="xfer:p1:1")
        deadline = time.monotonic() + 5
        while own_stripe.look("faults") and time.monotonic() < deadline:
            time.sleep(0.005)
        asked = time.monotonic()
        assert own_stripe.stop(number) == 0
        assert time.monotonic() - asked < LEAVE_SECONDS
        with pytest.raises(CallUnknown):
            held.result(timeout=5)


def test_a_taken_port_is_said_in_words(own_stripe: StripeServer, tmp_path: Path) -> None:
    second = subprocess.run(
        [
            sys.executable,
            "-m",
            "billing.fake_stripe",
            "--data",
            str(tmp_path),
            "--port",
            own_stripe.url.split(":")[-1],
        ],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert second.returncode == 1
    assert "cannot listen" in second.stderr


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    public = subprocess.run(
        [
            sys.executable,
            "-m",
            "billing.fake_stripe",
            "--data",
            str(tmp_path),
            "--port",
            "0",
            "--host",
            "0.0.0.0",
        ],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert public.returncode == 2
    assert "loopback only" in public.stderr


def test_the_fake_clock_and_waiting_faults_survive_a_restart(own_stripe: StripeServer) -> None:
    now = own_stripe.turn("clock", advance_seconds=1_000_000)["now"]
    own_stripe.fault("429", times=3)
    own_stripe.kill()
    own_stripe.start()
    assert own_stripe.turn("clock", advance_seconds=0)["now"] >= now
    assert [fault["times"] for fault in own_stripe.look("faults")] == [3]
