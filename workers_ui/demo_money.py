"""Test money for a demo: top-ups paid and accounts onboarded at fake Stripe, as people would on its pages."""

import httpx
import structlog
from sqlalchemy import select

from billing import onboarding, top_ups
from billing.gateway import CallUnknown, PaymentGateway, ServiceAgreement
from billing.models import TopUp, TopUpState
from marketplace.accounts.models import Brand, Person, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.ids import BrandId, TopUpId, WorkerId
from marketplace.kernel.money import Money
from marketplace.kernel.settings import Settings
from workers_ui import parts

DEMO_TOP_UP_MINOR = 50_000
FLOAT_PERCENT, FLOAT_FIXED_MINOR = 10, 100
SWITCH_SECONDS = 10.0

log = structlog.get_logger()


def fund_demo(settings: Settings) -> None:
    """Give every demo brand money and every demo worker an account, once; needs fake Stripe running."""
    if not settings.fake_stripe:
        return
    database = parts.database(settings, role=Role.BACKGROUND, process="demo")
    gateway = parts.gateway(settings)
    try:
        with database.transaction() as tx:
            funded = set(tx.scalars(select(TopUp.brand_id)))
            brands = tx.execute(select(Brand.id, Brand.currency)).all()
            workers = tx.execute(
                select(Worker.id, Worker.country, Person.email).join(Person, Person.id == Worker.person_id)
            ).all()
        for brand, currency in brands:
            if brand not in funded and currency:
                amount = Money(amount_minor=DEMO_TOP_UP_MINOR, currency=currency)
                add_float(settings, amount)
                pay_top_up(settings, database, gateway, brand=brand, amount=amount)
        for worker, country, email in workers:
            onboard(settings, database, gateway, worker=worker, country=country, email=email)
    except (CallUnknown, httpx.HTTPError) as error:
        log.warning("demo.money_waits", reason=str(error))
    finally:
        database.dispose()


def add_float(settings: Settings, top_up: Money) -> None:
    """The platform's own money at Stripe: the fee of `top_up` comes out of it, so that clients' money stays covered."""
    own = FLOAT_FIXED_MINOR + top_up.amount_minor * FLOAT_PERCENT // 100
    switch(settings, "balance/fund", {"amount_minor": own, "currency": top_up.currency})


def pay_top_up(
    settings: Settings, database: Database, gateway: PaymentGateway, *, brand: BrandId, amount: Money
) -> None:
    """Ask for a top-up, pay it on the hosted page's behalf, and read the result."""
    with database.transaction(Scope(brand=brand)) as tx:
        top_up = top_ups.ask_top_up(tx, brand=brand, amount=amount, person=None, now=app_now(tx))
        asked = TopUpId(top_up.id)
    finish_top_up(settings, database, gateway, brand=brand, top_up=asked)


def finish_top_up(
    settings: Settings, database: Database, gateway: PaymentGateway, *, brand: BrandId, top_up: TopUpId
) -> None:
    """Pay an asked top-up at fake Stripe; doing it twice changes nothing."""
    top_ups.open_checkout(database, gateway, brand=brand, top_up=top_up, return_url=settings.base_url)
    with database.transaction(Scope(brand=brand)) as tx:
        row = tx.get_one(TopUp, (brand, top_up))
        session, state = row.checkout_session, row.state
    if state in (TopUpState.OPEN, TopUpState.CREATED):
        switch(settings, f"checkout/{session}", {"action": "pay"})
        top_ups.settle(database, gateway, brand=brand, top_up=top_up)


def onboard(
    settings: Settings,
    database: Database,
    gateway: PaymentGateway,
    *,
    worker: WorkerId,
    country: str,
    email: str,
) -> None:
    """Make the worker's account and complete it, as its owner would on the hosted page."""
    account = onboarding.ensure_account(
        database, gateway, worker=worker, country=country, email=email, agreement=ServiceAgreement.FULL
    )
    status = onboarding.refresh_account(database, gateway, worker=worker)
    if status is None or not status.transfers_active:
        switch(settings, f"accounts/{account}/onboard", {})
        onboarding.refresh_account(database, gateway, worker=worker)


def switch(settings: Settings, what: str, body: dict[str, object]) -> None:
    """Turn one of fake Stripe's own switches."""
    url = f"{parts.fake_stripe_url(settings)}/_fake/{what}"
    httpx.post(url, json=body, timeout=SWITCH_SECONDS).raise_for_status()
