"""What a worker's open page hears when an operator warns, suspends or answers him, and when a note is written."""

from collections.abc import Iterator

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from marketplace.accounts.standing_models import AppealOutcome, StandingReason
from marketplace.accounts.suspensions import decide_appeal, suspend_worker, warn_worker, write_appeal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import PersonId
from marketplace.kernel.settings import Settings
from marketplace.tickets.notes import write_brand_note
from tests.builders import a_person, as_brand
from tests.workers_ui.live_site import Town, a_town
from workers_ui.deps import SESSION_COOKIE

URL = "http://localhost"
QUIET_SECONDS = 1.0


@pytest.fixture
def town(settings: Settings, db: Database, background: Database) -> Iterator[Town]:
    with a_town(settings, db, background) as made:
        yield made


@pytest.fixture
def operator(background: Database) -> PersonId:
    with background.transaction() as tx:
        return a_person(tx, name="Olga Oakes")


def banner(town: Town, path: str = "/worker/pool") -> str | None:
    """The line on top of Ann's page; None where the page keeps no place for it."""
    page = httpx.get(
        f"{town.site.url}{path}", cookies={SESSION_COOKIE: town.tokens[town.ann]}, trust_env=False
    )
    found = HTMLParser(page.text).css_first("#banner")
    return None if found is None else found.text(strip=True)


def test_a_warning_is_heard_by_the_warned_alone_and_stands_on_top_of_the_page(
    town: Town, background: Database, operator: PersonId
) -> None:
    ann, bob = town.listen(town.ann), town.listen(town.bob)
    town.settle(ann)
    assert banner(town) == ""
    with background.transaction() as tx:
        warn_worker(
            tx,
            worker=town.ann,
            reason=StandingReason.WRONG_ANSWERS,
            note="Quote the page.",
            by=operator,
            base_url=URL,
            now=app_now(tx),
        )
    ann.next("standing")
    assert "You have a warning" in str(ann.next("notice").data["text"])
    assert "You have a warning." in (banner(town) or "")
    heard = {one.event for one in bob.everything_for(QUIET_SECONDS)}
    assert not heard & {"standing", "notice"}
    assert banner(town, "/worker/standing") is None


def test_a_suspension_and_its_appeals_answer_are_heard(
    town: Town, background: Database, operator: PersonId
) -> None:
    ann = town.listen(town.ann)
    town.settle(ann)
    with background.transaction() as tx:
        suspend_worker(
            tx,
            worker=town.ann,
            reason=StandingReason.WRONG_ANSWERS,
            note="Three made-up refunds.",
            unwarned_because="Customers were promised money today.",
            by=operator,
            base_url=URL,
            now=app_now(tx),
        )
    assert "suspended" in str(ann.next("notice").data["text"])
    after = town.listen(town.ann)  # the stream of a worker who may claim has ended
    with background.transaction() as tx:
        appeal = write_appeal(tx, worker=town.ann, text="It was on the page.", now=app_now(tx))
    with background.transaction() as tx:
        decide_appeal(
            tx,
            appeal=appeal,
            outcome=AppealOutcome.UPHELD,
            answer="It was not.",
            by=a_person(tx, name="Oscar Oak"),
            base_url=URL,
            now=app_now(tx),
        )
    after.next("standing")
    assert "Your appeal is answered." in str(after.next("notice").data["text"])


def test_a_note_of_the_brand_is_heard_at_the_desk_and_on_the_brands_page(town: Town) -> None:
    ann, manager, stranger = town.listen(town.ann), town.listen(town.manager), town.listen(town.stranger)
    town.settle(ann)
    ticket = town.post()
    town.claim(town.ann, ticket)
    with town.db.transaction(as_brand(town.brand)) as tx:
        write_brand_note(
            tx, brand=town.brand, ticket=ticket, person=town.manager, body="Ask for a photo.", now=app_now(tx)
        )
    ann.next("ticket.note", about=ticket)
    manager.next("ticket.note", about=ticket)
    assert stranger.everything_for(0) == []
