"""Weeks of work with Stripe at its worst: nothing is paid twice, nothing is lost, and every cent is accounted for."""

import os
from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest
from sqlalchemy import select, text

from billing.models import StripeCall
from marketplace.kernel.db import Database, Role
from marketplace.kernel.settings import Settings
from tests.billing.inbox_post import a_post
from tests.billing.keeping import House
from tests.billing.paying import PAY, Till, WatchedGateway
from tests.billing.simulating import (
    AT_ONCE,
    Simulation,
    Size,
    UnluckyGateway,
    assert_every_cent_is_accounted_for,
    assert_everybody_was_paid_once,
)
from tests.billing.stripe_server import StripeServer
from workers_ui.bootstrap import same_transaction_bus

NIGHTLY = bool(os.environ.get("HUMANCLOUD_NIGHTLY"))
SEED = 20_261_127
SIZE = (
    Size(tickets=50_000, rounds=25, brands=20, workers=80)
    if NIGHTLY
    else Size(tickets=2_000, rounds=4, brands=4, workers=30)
)


def connected(url: str, *, connections: int) -> Database:
    return Database(
        url, role=Role.BACKGROUND, connections=connections, shared={"bus": same_transaction_bus()}
    )


@pytest.fixture
def crowd(database_url: str) -> Iterator[Database]:
    """As many connections as there are hands at once."""
    database = connected(database_url, connections=AT_ONCE + 1)
    yield database
    database.dispose()


@pytest.fixture
def senders(database_url: str, fake_stripe: StripeServer) -> Iterator[list[tuple[Database, UnluckyGateway]]]:
    databases = [connected(database_url, connections=1) for _ in range(2)]
    yield [
        (one, UnluckyGateway(fake_stripe, one, chance=Random(SEED + number)))
        for number, one in enumerate(databases)
    ]
    for one in databases:
        one.dispose()


@pytest.mark.timeout(7_200 if NIGHTLY else 900)
def test_a_platform_in_bad_weather_pays_everybody_once_and_to_the_cent(
    crowd: Database,
    senders: list[tuple[Database, UnluckyGateway]],
    fake_stripe: StripeServer,
    settings: Settings,
) -> None:
    house = House.of(
        Till(database=crowd, server=fake_stripe, gateway=WatchedGateway(fake_stripe, crowd)),
        float_minor=SIZE.tickets * PAY.amount_minor,
    )
    post = a_post(crowd, fake_stripe, settings)
    simulation = Simulation(house=house, post=post, senders=senders, size=SIZE, chance=Random(SEED))
    simulation.run()
    post.close()

    the_weather_was_bad(simulation)
    assert_everybody_was_paid_once(house, SIZE.tickets)
    assert_every_cent_is_accounted_for(house)


def the_weather_was_bad(simulation: Simulation) -> None:
    """Else this test tested nothing."""
    faults: Counter[str] = Counter()
    for _, gateway in simulation.senders:
        faults.update(gateway.faults)
    assert min(faults[kind] for kind in ("after_lost_reply", "500", "500_after")) > 0, faults
    assert simulation.told_twice > 0
    with simulation.database.transaction() as tx:
        attempts = tx.scalars(select(StripeCall.attempt)).all()
        handled = text("SELECT count(*) FROM stripe_event WHERE state NOT IN ('handled', 'ignored')")
        assert tx.execute(handled).scalar_one() == 0
    assert max(attempts) > 1, "no key had to be given up"
