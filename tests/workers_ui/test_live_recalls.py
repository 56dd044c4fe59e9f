"""What open pages hear when a brand takes a ticket back or stops something, over a real port."""

from collections.abc import Iterator

import pytest

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.settings import Settings
from marketplace.tickets.recalls import take_back
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switches import throw_at_brand
from tests.builders import as_brand
from tests.workers_ui.live_site import Town, a_town

QUIET_SECONDS = 1.0


@pytest.fixture
def town(settings: Settings, db: Database, background: Database) -> Iterator[Town]:
    with a_town(settings, db, background) as made:
        yield made


def throw(town: Town, kind: SwitchKind, key: str | None = None) -> None:
    with town.db.transaction(as_brand(town.brand)) as tx:
        throw_at_brand(
            tx,
            brand=town.brand,
            kind=kind,
            key=key,
            reason="A recall is running.",
            by=town.manager,
            now=app_now(tx),
        )


def test_a_ticket_taken_back_leaves_the_pool_the_desk_and_the_brands_page(town: Town) -> None:
    ann, bob, manager = town.listen(town.ann), town.listen(town.bob), town.listen(town.manager)
    town.settle(ann)
    waiting, held = town.post(), town.post()
    town.claim(town.ann, held)
    ann.next("mine", about=held)
    for ticket in (waiting, held):
        with town.db.transaction(as_brand(town.brand)) as tx:
            take_back(tx, brand=town.brand, ticket=ticket, reason="Ours.", by="Mo", now=app_now(tx))
    ann.next("ticket.lease", about=held)
    assert bob.next("pool.remove", about=waiting).data["reason"] == "withdrawn"
    manager.next("ticket.state", about=waiting)


def test_a_switch_is_heard_by_those_whom_it_stops(town: Town) -> None:
    ann, bob = town.listen(town.ann), town.listen(town.bob)
    manager, stranger = town.listen(town.manager), town.listen(town.stranger)
    town.settle(ann)
    waiting = town.post()
    throw(town, SwitchKind.BRAND)
    ann.next("pool.remove", about=waiting)
    manager.next("board")
    throw(town, SwitchKind.GUIDANCE)
    ann.next("ticket.guidance")
    manager.next("kb.changed")
    throw(town, SwitchKind.WORKER, str(town.ann))
    assert ann.next("notice").data == {
        "text": "Your work was stopped at a brand: A recall is running.",
        "tone": "warn",
    }
    assert "notice" not in [one.event for one in bob.everything_for(QUIET_SECONDS)]
    assert stranger.everything_for(0) == []
