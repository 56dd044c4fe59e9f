"""The gap list, a gap, coverage and what begins from them, as a brand's people and a worker meet them."""

import csv
import io
from datetime import timedelta

import pytest

from marketplace.accounts.models import MemberRole, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import PersonId, TicketId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ReleaseReason, ResolvedBy
from marketplace.tickets.pool import claim_ticket, release_ticket
from tests.builders import Clock, a_worker, answer
from tests.builders_gaps import WARRANTY, an_unanswered_ticket, gap_of, look_for_gaps
from tests.workers_ui.brand_site import Browser, House, a_house, tree
from tests.workers_ui.conftest import Site, sentence

GIFT = "Do parcels come gift wrapped with ribbons?"
PAGES = ("/knowledge/gaps", "/knowledge/gaps.csv", "/knowledge/coverage", "/knowledge/coverage.csv")


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def test_the_list_shows_the_costliest_first_with_its_cost_and_leads_to_its_lines(
    site: Site, house: House, owner: Browser, clock: Clock
) -> None:
    _asked(site, house, text=GIFT)
    dear = _asked(site, house)
    _abandoned(site, dear, clock, after=timedelta(seconds=123))

    listed = owner.get("/knowledge/gaps")
    gap = owner.get(f"/knowledge/gaps/{gap_of(site.background, dear)}")

    rows = [row.text() for row in tree(listed).css("tbody tr")]
    assert [WARRANTY in row for row in rows] == [True, False]
    assert "$0.82" in rows[0]
    assert "$0.00" in rows[1]
    said = " ".join(gap.text.split())
    assert "2 min 3 s at 2.00 USD for 5 minutes" in said
    assert "Guidance had no answer. The nearest passage is about something else." in said
    assert said.count("$0.82") == 4  # the figure on top, its part, the sum, its line


def test_nothing_missing_says_so(owner: Browser) -> None:
    assert "No gaps yet" in owner.get("/knowledge/gaps").text
    assert "Nothing counted yet" in owner.get("/knowledge/coverage").text


def test_who_sees_no_prices_sees_no_costs(site: Site, house: House, clock: Clock) -> None:
    ticket = _asked(site, house)
    _abandoned(site, ticket, clock, after=timedelta(seconds=123))
    reviewer, gap = house.member(MemberRole.REVIEWER), gap_of(site.background, ticket)

    for rest in ("/knowledge/gaps", f"/knowledge/gaps/{gap}", "/knowledge/gaps.csv"):
        page = reviewer.get(rest)
        assert page.status_code == 200
        assert WARRANTY in page.text
        assert "0.82" not in page.text
    assert reviewer.get(f"/knowledge/gaps/{gap}/costs.csv").status_code == 403
    for act in ("article", "dismissal", "return"):
        assert reviewer.post(f"/knowledge/gaps/{gap}/{act}", {"reason": "No."}).status_code == 403
    assert not tree(reviewer.get(f"/knowledge/gaps/{gap}")).css("form[action*='/knowledge/gaps/']")


def test_the_files_hold_every_gap_and_every_line_and_run_in_no_spreadsheet(
    site: Site, house: House, owner: Browser, clock: Clock
) -> None:
    ticket = _asked(site, house, text="I would like to hear it from you.", subject="=2+3 lamps cost what")
    _abandoned(site, ticket, clock, after=timedelta(seconds=60))

    gaps = _csv(owner.get("/knowledge/gaps.csv").text)
    lines = _csv(owner.get(f"/knowledge/gaps/{gap_of(site.background, ticket)}/costs.csv").text)
    coverage = _csv(owner.get("/knowledge/coverage.csv").text)

    assert gaps[0]["gap"].startswith("'=2+3")
    assert (gaps[0]["tickets"], gaps[0]["unpaid_time"], gaps[0]["cost"], gaps[0]["currency"]) == (
        "1",
        "0.40",
        "0.40",
        "USD",
    )
    assert [(line["what"], line["amount"]) for line in lines] == [("Unpaid time", "0.40")]
    assert [(row["category"], row["tickets"], row["missing"]) for row in coverage] == [("general", "1", "1")]


def test_a_dismissal_takes_a_reason_and_a_return_takes_it_back(
    site: Site, house: House, owner: Browser
) -> None:
    base = f"/knowledge/gaps/{gap_of(site.background, _asked(site, house))}"

    refused = owner.post(f"{base}/dismissal", {"reason": "  "})
    assert refused.status_code == 422
    assert "Say in a few words" in refused.text
    assert owner.post(f"{base}/dismissal", {"reason": "Lamps are gone."}).status_code == 303
    assert WARRANTY not in owner.get("/knowledge/gaps").text
    assert WARRANTY in owner.get("/knowledge/gaps?state=dismissed").text
    assert "“Lamps are gone.”" in owner.get(base).text
    assert owner.post(f"{base}/dismissal", {"reason": "Again."}).status_code == 409
    assert owner.post(f"{base}/return").status_code == 303
    assert WARRANTY in owner.get("/knowledge/gaps").text
    assert owner.post(f"{base}/return").status_code == 409


def test_one_click_begins_a_draft_that_credits_its_worker_and_holds_nowhere(
    site: Site, house: House, owner: Browser
) -> None:
    ticket = _asked(site, house)
    base = f"/knowledge/gaps/{gap_of(site.background, ticket)}"
    assert owner.post(f"{base}/article", {"ticket": str(ticket)}).status_code == 409
    worker = _resolved(site, house, ticket)

    begun = owner.post(f"{base}/article", {"ticket": str(ticket)})

    assert begun.status_code == 303
    assert sentence(begun).startswith("A draft is begun.")
    article = owner.visitor.client.get(begun.headers["location"])
    assert "Begun from" in article.text
    assert "answered by Robin R." in article.text
    assert "being written" in owner.get("/knowledge/gaps").text
    assert "No grounded answer" in owner.get("/knowledge?q=lamp+warranty+years").text
    mine = site.signed_in(worker).client.get("/worker/mine")
    assert WARRANTY in mine.text
    assert "It is no payment." in mine.text
    again = owner.post(f"/tickets/{ticket}/article")
    assert again.headers["location"] == begun.headers["location"]
    page = owner.get(f"/tickets/{ticket}").text
    assert "An article began from this answer" in page
    assert "Its question is in the gap list" in page


def test_a_ticket_page_offers_the_article_once_it_is_resolved(
    site: Site, house: House, owner: Browser
) -> None:
    ticket = house.ticket()
    assert "Begin an article" not in owner.get(f"/tickets/{ticket}").text
    assert owner.post(f"/tickets/{ticket}/article").status_code == 409

    _resolved(site, house, ticket)

    assert "Begin an article" in owner.get(f"/tickets/{ticket}").text
    assert "Begin an article" not in house.member(MemberRole.AGENT).get(f"/tickets/{ticket}").text
    assert owner.post(f"/tickets/{ticket}/article").status_code == 303


def test_coverage_counts_by_category_and_leads_to_the_gaps(site: Site, house: House, owner: Browser) -> None:
    _asked(site, house)

    page = owner.get("/knowledge/coverage")

    said = " ".join(tree(page).css("main")[0].text().split())
    assert "A passage above the threshold was there for 0 of 1 ticket." in said
    assert "(1 open gap)" in said
    assert [cell.text() for cell in tree(page).css("tbody tr td[data-label=Tickets]")] == ["1"]


def test_another_brands_gap_is_not_there_and_forms_need_their_token(
    site: Site, house: House, owner: Browser
) -> None:
    foreign = a_house(site, name="Somebody Else")
    ticket = _asked(site, foreign)
    base = f"/knowledge/gaps/{gap_of(site.background, ticket)}"

    assert owner.get(base).status_code == 404
    assert owner.get(f"{base}/costs.csv").status_code == 404
    for act in ("article", "dismissal", "return"):
        assert owner.post(f"{base}/{act}", {"reason": "No.", "ticket": str(ticket)}).status_code == 404
        assert owner.post_without_token(f"{base}/{act}").status_code == 403
    for rest in PAGES:
        assert owner.get(rest).status_code == 200
        assert owner.visitor.client.get(foreign.path(rest)).status_code == 404
        assert WARRANTY not in owner.get(rest).text
    own = _asked(site, house)
    mine = f"/knowledge/gaps/{gap_of(site.background, own)}"
    assert owner.post(f"{mine}/article", {"ticket": str(ticket)}).status_code == 404


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ("/knowledge/gaps?state=lost", 422),
        ("/knowledge/gaps?page=0", 422),
        ("/knowledge/gaps/x", 404),
        ("/knowledge/gaps/%00", 404),
        ("/knowledge/gaps/x/costs.csv", 404),
    ],
    ids=("state", "page", "word", "nul", "file"),
)
def test_what_cannot_be_asked_is_refused(owner: Browser, rest: str, status: int) -> None:
    assert owner.get(rest).status_code == status


def _asked(site: Site, house: House, *, text: str = WARRANTY, subject: str = "Lamps") -> TicketId:
    with site.background.transaction() as tx:
        ticket = an_unanswered_ticket(tx, house.brand, text=text, subject=subject)
    look_for_gaps(site.background)
    return ticket


def _abandoned(site: Site, ticket: TicketId, clock: Clock, *, after: timedelta) -> None:
    with site.background.transaction() as tx:
        worker = a_worker(tx)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    clock.forward(after)
    with site.background.transaction() as tx:
        release_ticket(
            tx, ticket=ticket, worker=worker, number=number, reason=ReleaseReason.NO_TIME, now=app_now(tx)
        )
    look_for_gaps(site.background)


def _resolved(site: Site, house: House, ticket: TicketId) -> PersonId:
    with site.background.transaction() as tx:
        worker = a_worker(tx)
        answer(tx, ticket, worker, body="Hello Sam,\n\nThe warranty on the lamp is two years.")
        resolve_ticket(tx, brand=house.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        person = tx.get_one(Worker, worker).person_id
    look_for_gaps(site.background)
    return person


def _csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
