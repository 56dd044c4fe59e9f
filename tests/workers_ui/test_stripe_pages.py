"""What Stripe told, as people see it: operators what nobody acts on, workers what their bank did."""

from datetime import UTC, datetime

import pytest

from billing.bank_payout_models import BankPayoutState
from billing.bank_payouts import keep_payout
from billing.inbox import take_in
from billing.inbox_events import Endpoint, StripeEvent
from billing.inbox_models import EventSource, InboxEvent, InboxState, Quarantine
from billing.observing import ObservedPayout
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from tests.workers_ui.brand_site import words
from tests.workers_ui.conftest import Site
from tests.workers_ui.operator_site import WorkerAtSite, a_worker_at, an_operator

MADE = datetime(2026, 5, 8, 9, tzinfo=UTC)


def left(background: Database, event: str, state: InboxState, **reason: object) -> None:
    told = StripeEvent(
        id=event,
        type="payment_intent.succeeded",
        account=None,
        created_at=MADE,
        livemode=False,
        api_version=None,
        snapshot={"id": f"pi_of_{event}"},
    )
    with background.transaction() as tx:
        take_in(
            tx,
            endpoint=Endpoint.PLATFORM,
            event=told,
            body=b"{}",
            headers={},
            source=EventSource.WEBHOOK,
            now=app_now(tx),
        )
        row = tx.get_one(InboxEvent, (Endpoint.PLATFORM, event))
        row.state = state
        for name, value in reason.items():
            setattr(row, name, value)


def test_operators_see_what_nobody_acts_on_and_try_it_again(site: Site, background: Database) -> None:
    operator = an_operator(site)
    assert "None: what Stripe told was acted on." in words(operator.get("/jobs"))
    left(background, "evt_1", InboxState.QUARANTINED, quarantined_for=Quarantine.OTHER_VERSION)
    left(background, "evt_2", InboxState.FAILED, error="Stripe did not answer.", attempts=12)
    left(background, "evt_3", InboxState.WAITING)

    page = words(operator.get("/jobs"))
    assert "pi_of_evt_1" in page
    assert "quarantined: the endpoint at Stripe is set to another API version" in page
    assert "failed: 12 attempts: Stripe did not answer." in page
    assert "pi_of_evt_3" not in page
    assert "Events of Stripe that nobody acts on 2 needs a look" in words(operator.get("/health"))

    assert operator.post("/jobs/events/platform/evt_2/replay").is_redirect
    assert operator.post("/jobs/events/platform/evt_2/replay").status_code == 409
    assert operator.post("/jobs/events/connect/evt_1/replay").status_code == 409
    with background.transaction() as tx:
        row = tx.get_one(InboxEvent, (Endpoint.PLATFORM, "evt_2"))
        assert (row.state, row.attempts, row.error) == (InboxState.WAITING, 0, None)
        kept = tx.get_one(InboxEvent, (Endpoint.PLATFORM, "evt_1"))
        assert kept.state is InboxState.QUARANTINED
    assert "tried event evt_2 of Stripe again" in words(operator.get("/health"))


def test_nobody_else_tries_an_event_again(site: Site, background: Database) -> None:
    left(background, "evt_1", InboxState.FAILED, error="Stripe did not answer.")
    worker = a_worker_at(site)
    assert worker.post("/operator/jobs/events/platform/evt_1/replay").status_code == 404
    with background.transaction() as tx:
        assert tx.get_one(InboxEvent, (Endpoint.PLATFORM, "evt_1")).state is InboxState.FAILED


def bank_did(
    background: Database,
    worker: WorkerAtSite,
    state: BankPayoutState,
    *,
    number: int,
    code: str | None = None,
) -> None:
    seen = ObservedPayout(
        id=f"po_{number}",
        amount_minor=1_600,
        currency="usd",
        state=state,
        failure_code=code,
        bank="ba_1",
        created_at=MADE.replace(minute=number),
        arrives_at=MADE,
    )
    with background.transaction() as tx:
        keep_payout(tx, worker=worker.worker, seen=seen, now=app_now(tx))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (BankPayoutState.PENDING, "$16.00 is on its way to your bank, expected there on Fri, May 8."),
        (BankPayoutState.IN_TRANSIT, "$16.00 is on its way to your bank, expected there on Fri, May 8."),
        (BankPayoutState.PAID, "$16.00 went to your bank on Fri, May 8."),
        (BankPayoutState.CANCELED, "Stripe called off a payout of $16.00 to your bank."),
    ],
)
def test_a_worker_reads_what_his_bank_did_last(
    site: Site, background: Database, state: BankPayoutState, said: str
) -> None:
    worker, other = a_worker_at(site), a_worker_at(site, name="Bo Birch")
    bank_did(background, worker, state, number=1)
    assert said in words(worker.get("/worker/earnings"))
    assert said not in words(other.get("/worker/earnings"))


def test_a_worker_reads_why_his_bank_refused_and_when_no_more_is_sent(
    site: Site, background: Database
) -> None:
    worker = a_worker_at(site)
    bank_did(background, worker, BankPayoutState.FAILED, number=1, code="no_account")
    page = words(worker.get("/worker/earnings"))
    assert "Your bank did not take $16.00: the bank found no such account. The money is yours" in page
    assert "three payouts in a row" not in page
    for number in (2, 3):
        bank_did(background, worker, BankPayoutState.FAILED, number=number, code="new_code_of_stripe")
    page = words(worker.get("/worker/earnings"))
    assert "the bank gave no reason" in page
    assert "Your bank refused three payouts in a row, so we send no more" in page
