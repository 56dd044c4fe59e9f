"""The brand's board, taking tickets back, finding and withdrawing many, and the switches, through a real app."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BulkWithdrawalId, TicketId
from marketplace.tickets import bulk_withdrawals, counts, switch_queries
from marketplace.tickets.endings import escalate_ticket
from marketplace.tickets.models import EscalationReason, Ticket, TicketState
from marketplace.tickets.pool import save_draft
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import Stop
from marketplace.tickets.switches import throw_on_platform
from marketplace.tickets.terms import CategoryPlan, add_category
from tests.builders import Clock, a_member
from tests.workers_ui.brand_site import Browser, House, a_claim, a_house, an_answer, an_article, tree, words
from tests.workers_ui.conftest import Site, sentence


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def state(site: Site, house: House, ticket: TicketId) -> TicketState:
    with site.background.transaction() as tx:
        return tx.get_one(Ticket, (house.brand, ticket)).state


def figures(owner: Browser) -> dict[str, str]:
    """The board's numbers by their names, without hints."""
    page = owner.get("/board")
    assert page.status_code == 200
    found = {}
    for stat in tree(page).css(".stat"):
        name, value = stat.css_first("dt"), stat.css_first("dd")
        assert name is not None
        assert value is not None
        for hint in value.css(".stat-hint"):
            hint.decompose()
        found[name.text().strip()] = value.text().strip()
    return found


# The board


def test_an_empty_board_says_what_to_do_next(owner: Browser) -> None:
    assert set(figures(owner).values()) == {"0"}
    page = owner.get("/board")
    assert "No tickets yet" in words(page)


def test_the_board_counts_what_waits_what_is_late_and_what_needs_the_brand(site: Site, house: House) -> None:
    late = house.ticket(subject="Late one")
    Clock(database=site.background).forward(timedelta(hours=23, minutes=30))
    house.ticket(subject="Fresh one")
    held = house.ticket(subject="Held one")
    a_claim(site, held)
    escalated = house.ticket(subject="Escalated one")
    worker, number = a_claim(site, escalated)
    with site.background.transaction() as tx:
        escalate_ticket(
            tx,
            ticket=escalated,
            worker=worker,
            number=number,
            reason=EscalationReason.OTHER,
            note="",
            now=app_now(tx),
        )

    owner = house.member()  # a session does not outlive the day
    assert figures(owner) == {
        "Waiting": "2",
        "Claimed": "1",
        "At risk": "1",
        "Past due": "0",
        "Answered": "0",
        "Escalated to you": "1",
        "Replies to review": "0",
        "Kept by you": "0",
        "Awaiting funds": "0",
    }
    page = owner.get("/board")
    assert "oldest 23 h" in words(page)
    needs = [link.attributes["href"] for link in tree(page).css(".need a")]
    assert needs == [house.path(f"/tickets/{escalated}"), house.path(f"/tickets/{late}")]

    Clock(database=site.background).forward(timedelta(hours=1))
    owner = house.member()
    assert (figures(owner)["At risk"], figures(owner)["Past due"]) == ("0", "1")


def test_the_board_counts_the_same_before_and_after_the_counters_are_rolled_up(
    site: Site, house: House, owner: Browser
) -> None:
    for _ in range(3):
        house.ticket()
    before = figures(owner)
    with site.background.transaction() as tx:
        while counts.roll_up(tx):
            pass
    assert figures(owner) == before
    assert before["Waiting"] == "3"


def test_a_brand_sees_on_its_board_that_something_is_stopped(
    site: Site, house: House, owner: Browser
) -> None:
    owner.post("/control/switches", {"kind": "brand", "reason": "A recall is running."})
    owner.post("/control/switches", {"kind": "channel", "key": "chat", "reason": "Chat is down."})
    board = words(owner.get("/board"))
    assert "All your tickets are stopped by Mo Manager: A recall is running." in board
    assert "Chat is stopped by Mo Manager: Chat is down." in board


def test_the_board_costs_what_is_committed_today_against_the_cap(site: Site, house: House) -> None:
    house.ticket()
    assert "$2.50 no cap is set" in words(house.member().get("/board"))
    assert "Committed today" not in words(house.member(MemberRole.AGENT).get("/board"))


# Take back, withdraw


def test_taking_back_says_its_price_before_and_its_pay_after(
    site: Site, house: House, owner: Browser
) -> None:
    ticket = house.ticket()
    worker, number = a_claim(site, ticket)
    with site.background.transaction() as tx:
        save_draft(tx, ticket=ticket, worker=worker, number=number, body="Half", now=app_now(tx))
    assert "they earn $0.60" in words(owner.get(f"/tickets/{ticket}"), "#recall-costs")

    refused = owner.post(f"/tickets/{ticket}/take-back", {"reason": " "})
    assert refused.status_code == 422
    assert "Say why" in words(refused)
    assert state(site, house, ticket) is TicketState.CLAIMED

    done = owner.post(f"/tickets/{ticket}/take-back", {"reason": "We know this customer."})
    assert done.status_code == 303
    assert sentence(done) == (
        "Taken back: the ticket is yours to answer. The worker who was on it is paid a fee; "
        "the rest is back in your wallet."
    )
    assert state(site, house, ticket) is TicketState.HELD_BACK
    page = owner.get(f"/tickets/{ticket}")
    assert "Taken back by Mo Manager: We know this customer." in words(page)
    assert not tree(page).css(f"form[action$='{ticket}/take-back']")
    assert tree(page).css(f"form[action$='{ticket}/withdrawal']")


def test_the_worker_reads_what_a_take_back_pays_and_keeps_the_text(
    site: Site, house: House, owner: Browser
) -> None:
    ticket = house.ticket()
    worker, number = a_claim(site, ticket)
    with site.background.transaction() as tx:
        save_draft(tx, ticket=ticket, worker=worker, number=number, body="Half a thought", now=app_now(tx))
        person = tx.execute(text("SELECT person_id FROM worker WHERE id = :w"), {"w": worker}).scalar_one()
    owner.post(f"/tickets/{ticket}/take-back", {"reason": "Ours."})

    desk = site.signed_in(person).client.get(f"/worker/t/{ticket}")

    assert "The brand took this ticket back. You are paid $0.60 for your work on it." in words(desk)
    assert "Half a thought" in words(desk)
    earnings = site.signed_in(person).client.get("/worker/earnings")
    assert "Taken back by the brand" in words(earnings)


def test_withdrawing_an_answered_ticket_pays_the_full_price(
    db: object, site: Site, house: House, owner: Browser
) -> None:
    ticket = house.ticket()
    an_answer(db, site, ticket, body="Here it is.")  # type: ignore[arg-type]
    assert "the full price of $2.50 is paid" in words(owner.get(f"/tickets/{ticket}"), "#recall-costs")
    assert owner.post(f"/tickets/{ticket}/withdrawal", {"reason": "Asked twice."}).status_code == 303
    assert state(site, house, ticket) is TicketState.WITHDRAWN
    again = owner.post(f"/tickets/{ticket}/take-back", {"reason": "No."})
    assert (again.status_code, state(site, house, ticket)) == (409, TicketState.WITHDRAWN)


@pytest.mark.parametrize("rest", ["take-back", "withdrawal"])
def test_who_may_not_answer_or_is_a_stranger_recalls_nothing(
    site: Site, house: House, owner: Browser, rest: str
) -> None:
    ticket = house.ticket()
    foreign = a_house(site, name="Somebody Else").ticket()
    reviewer = house.member(MemberRole.REVIEWER)
    assert reviewer.post(f"/tickets/{ticket}/{rest}", {"reason": "x"}).status_code == 403
    assert "Your role does not include this." in words(reviewer.get(f"/tickets/{ticket}"))
    assert owner.post(f"/tickets/{foreign}/{rest}", {"reason": "x"}).status_code == 404
    assert owner.post_without_token(f"/tickets/{ticket}/{rest}", {"reason": "x"}).status_code == 403
    assert state(site, house, ticket) is TicketState.OPEN


# Finding and withdrawing many


def subjects(owner: Browser, query: str) -> list[str]:
    page = owner.get(f"/tickets?{query}")
    assert page.status_code == 200, page.text
    return [link.text() for link in tree(page).css("#ticket-list a.row-link")]


def test_tickets_are_found_and_filtered(site: Site, house: House) -> None:
    with site.background.transaction() as tx:
        add_category(tx, brand=house.brand, plan=CategoryPlan(key="returns", name="Returns"))
    house.ticket(subject="Old grinder", category="returns")
    Clock(database=site.background).forward(timedelta(hours=5))
    house.ticket(subject="New grinder", customer_email="ana@example.com")
    owner = house.member()

    assert subjects(owner, "q=grinder") == ["New grinder", "Old grinder"]
    assert subjects(owner, "q=%231") == ["Old grinder"]
    assert subjects(owner, "q=ana@example.com") == ["New grinder"]
    assert subjects(owner, "category=returns") == ["Old grinder"]
    assert subjects(owner, "older=4") == ["Old grinder"]
    assert subjects(owner, "category=returns&state=claimed") == []
    assert "Nothing matches" in words(owner.get("/tickets?q=zebra"))
    for wrong in ("older=x", "older=999999", "state=lost", "older=-1"):
        assert owner.get(f"/tickets?{wrong}").status_code == 422


def test_many_are_withdrawn_after_a_look_at_what_that_does(site: Site, house: House, owner: Browser) -> None:
    tickets = [house.ticket() for _ in range(3)]
    a_claim(site, tickets[1])
    link = tree(owner.get("/tickets?state=open")).css_first(".finder-bulk a")
    assert link is not None
    href = link.attributes["href"]
    assert href == house.path("/withdrawals/new?state=open")
    first = owner.get("/withdrawals/new?state=open")
    assert "Withdraw 2 tickets" in words(first)
    assert "nothing is paid" in words(first)
    assert state(site, house, tickets[0]) is TicketState.OPEN

    assert owner.post("/withdrawals", {"state": "open", "reason": ""}).status_code == 422
    form = {"state": "open", "reason": "Closed for good.", "idempotency_key": "once"}
    asked = owner.post("/withdrawals", form)
    assert owner.post("/withdrawals", form).headers["location"] == asked.headers["location"]
    rest = asked.headers["location"].removeprefix(house.path(""))
    assert "0 of 2" in words(owner.get(rest))
    bulk = BulkWithdrawalId(rest.rsplit("/", 1)[1])  # type: ignore[arg-type]
    bulk_withdrawals.work_off(site.background, brand=house.brand, bulk=bulk)
    assert "2 withdrawn." in words(owner.get(rest))
    assert state(site, house, tickets[0]) is TicketState.WITHDRAWN
    assert state(site, house, tickets[1]) is TicketState.CLAIMED


def test_everything_at_once_is_not_offered_and_not_taken(house: House, owner: Browser) -> None:
    house.ticket()
    assert not tree(owner.get("/tickets")).css(".finder-bulk")
    assert owner.get("/withdrawals/new").status_code == 422
    assert owner.post("/withdrawals", {"reason": "All."}).status_code == 422
    assert house.member(MemberRole.REVIEWER).get("/withdrawals/new?state=open").status_code == 403


# Switches


def test_every_kind_can_be_stopped_and_lifted_on_the_page(site: Site, house: House, owner: Browser) -> None:
    ticket = house.ticket()
    worker, _ = a_claim(site, ticket)
    with site.background.transaction() as tx:
        article = an_article(tx, house.brand, text="Use vinegar.").article_id
    keys = {
        SwitchKind.BRAND: "",
        SwitchKind.CATEGORY: "general",
        SwitchKind.CHANNEL: "email",
        SwitchKind.WORKER: str(worker),
        SwitchKind.ARTICLE: str(article),
        SwitchKind.GUIDANCE: "",
    }
    page = owner.get("/control/switches")
    for kind, key in keys.items():
        assert tree(page).css(f"#switch-{kind.value}")
        form = {"kind": kind.value, "key": key, "reason": f"Because of {kind.value}."}
        assert owner.post("/control/switches", form).status_code == 303
    stopped = owner.get("/control/switches")
    assert len(tree(stopped).css(".switch-live")) == len(SwitchKind)
    for lift in [form.attributes["action"] for form in tree(stopped).css(".switch-live form")]:
        assert lift is not None
        assert owner.post(lift.removeprefix(house.path(""))).status_code == 303
    after = owner.get("/control/switches")
    assert not tree(after).css(".switch-live")
    assert "Because of worker." in words(after, "table")
    with site.background.transaction() as tx:
        assert switch_queries.live_at_brand(tx, brand=house.brand) == []


def test_a_switch_needs_a_reason_and_something_that_is_there(
    site: Site, house: House, owner: Browser
) -> None:
    with site.background.transaction() as tx:
        foreign = an_article(tx, a_house(site, name="Else").brand, text="Theirs.").article_id
    for form, status in (
        ({"kind": "brand", "reason": " "}, 422),
        ({"kind": "category", "key": "", "reason": "x"}, 422),
        ({"kind": "category", "key": "nothing", "reason": "x"}, 404),
        ({"kind": "article", "key": str(foreign), "reason": "x"}, 404),
        ({"kind": "volcano", "reason": "x"}, 404),
    ):
        assert owner.post("/control/switches", form).status_code == status, form
    with site.background.transaction() as tx:
        assert switch_queries.live_at_brand(tx, brand=house.brand) == []


def test_only_owner_and_manager_throw_and_nobody_lifts_the_platforms(
    site: Site, house: House, owner: Browser
) -> None:
    for role in (MemberRole.REVIEWER, MemberRole.AGENT, MemberRole.FINANCE):
        somebody = house.member(role)
        assert somebody.get("/control/switches").status_code == 403
        assert somebody.post("/control/switches", {"kind": "brand", "reason": "x"}).status_code == 403
    with site.background.transaction() as tx:
        theirs = throw_on_platform(
            tx,
            stop=Stop(kind=SwitchKind.BRAND, brand=house.brand),
            reason="Unpaid.",
            by=a_member(tx, house.brand),
            now=app_now(tx),
        )
    page = owner.get("/control/switches")
    assert "the platform" in words(page)
    assert not tree(page).css(".switch-live form")
    assert owner.post(f"/control/switches/{theirs.id}/lift").status_code == 409
    with site.background.transaction() as tx:
        assert len(switch_queries.live_at_brand(tx, brand=house.brand)) == 1


def test_a_desk_says_that_guidance_is_off_and_why_a_worker_was_stopped(
    site: Site, house: House, owner: Browser
) -> None:
    ticket = house.ticket()
    worker, number = a_claim(site, ticket)
    with site.background.transaction() as tx:
        person = tx.execute(text("SELECT person_id FROM worker WHERE id = :w"), {"w": worker}).scalar_one()
        save_draft(tx, ticket=ticket, worker=worker, number=number, body="Kept text", now=app_now(tx))
    desk = site.signed_in(person).client

    owner.post("/control/switches", {"kind": "guidance", "reason": "Wrong prices in it."})
    page = desk.get(f"/worker/t/{ticket}")
    assert "Guidance is switched off for Fern & Kettle. “Wrong prices in it.”" in words(page, "#guidance")
    assert "Kept text" in page.text

    owner.post("/control/switches", {"kind": "worker", "key": str(worker), "reason": "Rude twice."})
    page = desk.get(f"/worker/t/{ticket}")
    assert "Fern & Kettle has stopped your work on its tickets: Rude twice." in words(page)
    assert "Kept text" in page.text
