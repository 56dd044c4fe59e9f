"""What became of a reply, read alike by its brand and its worker, and an article's record on its brand's pages."""

import pytest
from sqlalchemy import select

from guidance.commands import write_receipt
from marketplace.accounts.models import Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import ArticleId, TicketId, WorkerId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from marketplace.tickets.replies import ApiFeed, customer_writes, deliver_queued, send_reply
from tests.builders import a_worker
from tests.workers_ui.brand_site import Browser, House, a_claim, a_house, a_suggestion, an_article, words
from tests.workers_ui.conftest import Site, Visitor

SAID = "Returns are accepted within 14 days."


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member()


def a_failed_answer(db: Database, house: House) -> tuple[ArticleId, TicketId, WorkerId]:
    """The brand's own answer as it was shown, and its customer comes back."""
    ticket, site = house.ticket(), house.site
    with site.background.transaction() as tx:
        passage = an_article(tx, house.brand, text=SAID)
        a_suggestion(tx, house.brand, ticket, passage, draft=SAID)
    worker, number = a_claim(site, ticket)
    with site.background.transaction() as tx:
        reply = send_reply(tx, ticket=ticket, worker=worker, number=number, body=SAID, now=app_now(tx))
        write_receipt(tx, reply=reply, inserted=["draft"], now=app_now(tx))
        deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))
        resolve_ticket(tx, brand=house.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        customer_writes(
            tx, brand=house.brand, ticket=ticket, text="That is wrong.", external_id=None, now=app_now(tx)
        )
        return passage.article_id, ticket, worker


def at_work(site: Site, worker: WorkerId) -> Visitor:
    with site.background.transaction() as tx:
        person = tx.scalars(select(Worker.person_id).where(Worker.id == worker)).one()
    return site.signed_in(person)


def test_a_failed_answer_counts_against_its_article_wherever_it_is_read(
    db: Database, house: House, owner: Browser
) -> None:
    article, ticket, _ = a_failed_answer(db, house)
    receipt = words(owner.get(f"/tickets/{ticket}"))
    assert (
        "Reopened by the customer. It left as guidance showed it, so it counts against the article" in receipt
    )
    record = words(owner.get(f"/knowledge/{article}"), "#outcomes")
    for expected in ("too few to say (1 of 5 known)", "Faults of the article 1", "Reopened by the customer"):
        assert expected in record
    assert "1 failed, 0 went well" in words(owner.get("/knowledge/coverage"), "#worst")


def test_its_worker_reads_that_it_is_not_counted_and_another_reads_nothing(
    db: Database, house: House
) -> None:
    _, ticket, worker = a_failed_answer(db, house)
    mine = words(at_work(house.site, worker).client.get("/worker/mine"))
    assert "Not counted against you: you sent the brand’s own answer" in mine
    assert "reopened by the customer from “Returns”" in mine
    own = words(at_work(house.site, worker).client.get(f"/worker/t/{ticket}"), "#receipts")
    for expected in ("draft inserted, sent unchanged", SAID, "it counts against the article, not the worker"):
        assert expected in own
    with house.site.background.transaction() as tx:
        other = a_worker(tx)
    assert "Not counted" not in words(at_work(house.site, other).client.get("/worker/mine"))


def test_another_brand_is_shown_none_of_it(db: Database, house: House) -> None:
    article, _, _ = a_failed_answer(db, house)
    stranger = a_house(house.site, name="Noise & Sons").member()
    assert stranger.get(f"/knowledge/{article}").status_code == 404
    assert "failed" not in words(stranger.get("/knowledge/coverage"))
