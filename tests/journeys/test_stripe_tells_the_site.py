"""`humancloud serve` without any key hears of payments by itself: fake Stripe, site and background as processes."""

import time
from pathlib import Path

import httpx
import pytest

from billing.accounts import wallet
from billing.inbox_models import EventSource, InboxEvent, InboxState
from billing.ledger import balance
from billing.models import TopUp
from billing.top_ups import ask_top_up, open_checkout
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.settings import Settings
from tests.builders import a_brand, usd
from tests.site_process import free_port
from workers_ui import parts, serving
from workers_ui.supervisor import Supervisor

READY_SECONDS = 90.0
HEARD_SECONDS = 30.0
POLL_SECONDS = 0.1


@pytest.mark.timeout(240)
def test_a_payment_at_fake_stripe_is_told_and_acted_on_without_any_key(
    tmp_path: Path, database_url: str, background: Database, model_dir: Path
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        model_dir=model_dir,
        database_url=database_url,
        redis_url=None,
        port=free_port(),
        fake_stripe_port=free_port(),
        stripe_api_key=None,
        stripe_platform_webhook_secret=None,
        stripe_connect_webhook_secret=None,
    )
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(0))
        top_up = ask_top_up(tx, brand=brand, amount=usd(10_000), person=None, now=app_now(tx)).id
    with Supervisor(serving.children(settings), log_dir=tmp_path / "logs") as supervisor:
        assert supervisor.wait_ready(READY_SECONDS)
        open_checkout(
            background, parts.gateway(settings), brand=brand, top_up=top_up, return_url=settings.base_url
        )
        with background.transaction() as tx:
            session = tx.get_one(TopUp, (brand, top_up)).checkout_session
        paid = httpx.post(
            f"{parts.fake_stripe_url(settings)}/_fake/checkout/{session}",
            json={"action": "pay"},
            trust_env=False,
        )
        assert paid.status_code == httpx.codes.OK
        heard = _heard(background, "checkout.session.completed", "payment_intent.succeeded")
    assert heard == {EventSource.WEBHOOK}
    with background.transaction() as tx:
        assert balance(tx, wallet(brand), currency="usd") == usd(10_000)


def _heard(background: Database, *types: str) -> set[EventSource]:
    """How events of `types` came in, once all of them are handled."""
    deadline = time.monotonic() + HEARD_SECONDS
    while time.monotonic() < deadline:
        with background.transaction() as tx:
            rows = tx.query(InboxEvent).where(InboxEvent.type.in_(types)).all()
        if len(rows) == len(types) and all(row.state is InboxState.HANDLED for row in rows):
            return {row.source for row in rows}
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"after {HEARD_SECONDS} s: {[(row.type, row.state, row.error) for row in rows]}")
