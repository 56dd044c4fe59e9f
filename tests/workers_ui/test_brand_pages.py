"""The brand's pages for tickets and team, and the walls round all of them, through a real app."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from billing.accounts import pending, wallet
from billing.ledger import balance
from marketplace.accounts.api_keys import ApiScope, key_holder
from marketplace.accounts.models import Invite, Mail, MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import TicketId
from marketplace.tickets.endings import escalate_ticket
from marketplace.tickets.models import EscalationReason, Message, Ticket, TicketState
from marketplace.tickets.posting import post_ticket
from tests.builders import Clock, a_new_ticket, as_worker, usd
from tests.workers_ui.brand_site import (
    Browser,
    House,
    a_claim,
    a_house,
    a_new_house,
    a_suggestion,
    an_answer,
    an_article,
    text_of,
    tree,
    value_of,
    words,
)
from tests.workers_ui.conftest import Site, sentence

GET_PATHS = ("/board", "/tickets", "/knowledge", "/wallet", "/team")
CONTROL_PATHS = ("/control", "/control/sharing", "/control/eligibility", "/control/prices")
QUESTION = "My grinder came broken. Write to sam@example.com."
POLICY = "Goods that arrive damaged are refunded in full within 30 days."


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def _form(**changes: str) -> dict[str, object]:
    values = {
        "idempotency_key": uuid4().hex,
        "external_id": "",
        "category": "general",
        "channel": "email",
        "language": "en",
        "customer_name": "Sam Doe",
        "customer_email": "sam@example.com",
        "subject": "Broken grinder",
        "text": QUESTION,
    }
    return {**values, **changes}


def _tickets(site: Site, house: House) -> int:
    with site.background.transaction() as tx:
        return tx.scalar(select(func.count()).where(Ticket.brand_id == house.brand)) or 0


def _state(site: Site, house: House, ticket: TicketId) -> TicketState:
    with site.background.transaction() as tx:
        return tx.get_one(Ticket, (house.brand, ticket)).state


# Walls


@pytest.mark.parametrize("rest", GET_PATHS)
def test_every_page_has_one_heading_and_marks_where_one_is(owner: Browser, rest: str) -> None:
    page = owner.get(rest)

    assert page.status_code == 200
    assert len(tree(page).css("h1")) == 1
    current = tree(page).css("nav.main-nav [aria-current=page]")
    assert [link.attributes["href"] for link in current] == [owner.house.path(rest)]


@pytest.mark.parametrize("rest", [*GET_PATHS, *CONTROL_PATHS, ""])
def test_a_foreign_brand_is_not_there(site: Site, owner: Browser, rest: str) -> None:
    foreign = a_house(site, name="Somebody Else")

    assert owner.visitor.client.get(foreign.path(rest)).status_code == 404
    assert owner.visitor.client.get(f"/b/no-such-brand{rest}").status_code == 404
    assert site.visitor().client.get(foreign.path(rest)).status_code == 303


def test_a_foreign_brands_ticket_article_import_and_key_are_not_there(site: Site, owner: Browser) -> None:
    foreign = a_house(site, name="Somebody Else")
    ticket = foreign.ticket()
    with site.background.transaction() as tx:
        article = an_article(tx, foreign.brand, text=POLICY).article_id
    stranger = foreign.member()
    files = {"files": ("a.md", b"# A\n\ntext", "text/markdown")}
    started = stranger.post("/knowledge/imports", files=files).headers["location"].rsplit("/", 1)[1]

    for rest in (f"/tickets/{ticket}", f"/knowledge/{article}", f"/knowledge/imports/{started}"):
        assert stranger.get(rest).status_code == 200
        assert owner.get(rest).status_code == 404
    for rest in (
        f"/tickets/{ticket}/messages",
        f"/tickets/{ticket}/confirmation",
        f"/tickets/{ticket}/resolution",
        f"/tickets/{ticket}/escalation-confirmation",
        f"/tickets/{ticket}/escalation-rejection",
        f"/knowledge/{article}/retire",
    ):
        assert owner.post(rest, {"text": "Hello"}).status_code == 404
    replacement = {"file": ("a.md", b"# A\n\ntext", "text/markdown")}
    assert owner.post(f"/knowledge/{article}/replace", files=replacement).status_code == 404


@pytest.mark.parametrize(
    "rest", ["/tickets/7", "/knowledge/%00", "/knowledge/imports/x", "/tickets/" + "9" * 400]
)
def test_an_id_that_is_none_is_not_there(owner: Browser, rest: str) -> None:
    assert owner.get(rest).status_code == 404


@pytest.mark.parametrize(
    "rest",
    ["/tickets?state=lost", "/tickets?page=0", "/tickets?page=x", "/wallet?page=-1", "/knowledge?page=0"],
)
def test_a_filter_that_cannot_be_is_refused(owner: Browser, rest: str) -> None:
    assert owner.get(rest).status_code == 422


@pytest.mark.parametrize(
    "rest",
    [
        "/tickets",
        "/knowledge/imports",
        "/knowledge/web",
        "/wallet/top-ups",
        "/control/prices",
        "/control/prices/categories",
        "/team/invites",
        "/team/api-keys",
    ],
)
def test_a_form_without_its_token_is_refused(site: Site, owner: Browser, rest: str) -> None:
    assert owner.post_without_token(rest, _form()).status_code == 403
    assert owner.post_without_token(rest, {**_form(), "csrf": "somebody-elses"}).status_code == 403
    assert _tickets(site, owner.house) == 0


def test_an_agent_posts_tickets_and_changes_neither_prices_nor_keys_nor_knowledge(house: House) -> None:
    agent = house.member(MemberRole.AGENT)

    assert agent.post("/tickets", _form()).status_code == 303
    for rest in (
        "/control/prices",
        "/wallet/top-ups",
        "/control/prices/categories",
        "/team/invites",
        "/team/api-keys",
        "/knowledge/imports",
        "/knowledge/web",
    ):
        assert agent.post(rest, {"category": "general", "total": "1.00"}).status_code == 403
    assert agent.get("/wallet").status_code == 403
    page = agent.get("/knowledge")
    assert page.status_code == 200
    assert not tree(page).css("form[enctype]")
    links = [link.attributes["href"] for link in tree(page).css("nav.main-nav a")]
    assert links == [
        house.path("/board"),
        house.path("/tickets"),
        house.path("/escalations"),
        house.path("/knowledge"),
    ]


def test_a_reviewer_reads_and_posts_nothing(house: House) -> None:
    reviewer = house.member(MemberRole.REVIEWER)
    ticket = house.ticket()

    assert reviewer.post("/tickets", _form()).status_code == 403
    assert not tree(reviewer.get("/tickets")).css("#new-ticket")
    page = reviewer.get(f"/tickets/{ticket}")
    assert page.status_code == 200
    assert not tree(page).css("main form")
    assert "Your role does not include this." in words(page)


def test_the_brands_address_leads_to_what_the_member_may_open(house: House) -> None:
    assert house.member(MemberRole.OWNER).get("").headers["location"] == house.path("/board")
    assert house.member(MemberRole.FINANCE).get("").headers["location"] == house.path("/wallet")


# The list


def test_the_list_shows_only_the_chosen_state_and_counts_all(site: Site, owner: Browser) -> None:
    house = owner.house
    waiting = house.ticket(subject="Where is my kettle?")
    a_claim(site, house.ticket(subject="The lid does not close"))
    with site.background.transaction() as tx:
        post_ticket(tx, brand=house.brand, ticket=a_new_ticket(subject="Not looked at yet"), now=app_now(tx))
    a_house(site, name="Noise").ticket(subject="Somebody else's kettle")

    all_of_them, open_ones = owner.get("/tickets"), owner.get("/tickets?state=open")

    rows = [text_of(row) for row in tree(all_of_them).css("#ticket-list tbody tr")]
    assert [row.split(" #")[0] for row in rows] == [
        "Not looked at yet",
        "The lid does not close",
        "Where is my kettle?",
    ]
    assert "Sam Doe" in rows[0]
    assert words(open_ones, "#ticket-list tbody th a") == "Where is my kettle?"
    assert f"/tickets/{waiting}" in open_ones.text
    assert words(open_ones, "nav.tabs [aria-current=page]") == "Waiting 1"
    assert "Being checked 1" in words(all_of_them, "nav.tabs")
    assert re.search(r"Waiting 1 ?oldest 0 min Claimed 1", words(all_of_them, "dl.stats"))


def test_a_long_list_is_paged_and_keeps_its_filter(site: Site, owner: Browser) -> None:
    house = owner.house
    with site.background.transaction() as tx:
        for number in range(52):
            ticket = a_new_ticket(external_id=f"n{number}", subject=f"Question {number}")
            post_ticket(tx, brand=house.brand, ticket=ticket, now=app_now(tx))

    first = owner.get("/tickets?state=screening")
    onward = tree(first).css_first("a[rel=next]")
    assert onward is not None
    second = owner.visitor.client.get(str(onward.attributes["href"]))

    assert "1–50 of 52" in words(first, "nav.pager")
    assert len(tree(second).css("#ticket-list tbody tr")) == 2
    assert not tree(second).css("a[rel=next]")
    assert owner.get("/tickets?page=9999").status_code == 200


def test_tickets_that_await_funds_are_told(site: Site) -> None:
    poor = a_house(site, funds=usd(0))
    poor.ticket()

    page = poor.member().get("/tickets")

    assert "1 ticket waits for funds and no worker sees them." in words(page)
    assert "Awaiting funds 1" in words(page, "nav.tabs")


# Posting


def test_a_posted_ticket_stands_on_its_page_and_the_form_sent_twice_makes_one(
    site: Site, owner: Browser
) -> None:
    form = _form(text="Two lines\r\nof text")

    posted, again = owner.post("/tickets", form), owner.post("/tickets", form)

    assert posted.status_code == again.status_code == 303
    assert posted.headers["location"] == again.headers["location"]
    assert _tickets(site, owner.house) == 1
    page = owner.visitor.client.get(posted.headers["location"])
    assert words(page, "h1") == "Broken grinder"
    assert "Ticket #1 is posted." in words(page, "#toasts")
    assert "Sam Doe, sam@example.com" in words(page, "dl.facts")
    assert "Two lines\nof text" in tree(page).css_first("#thread").text()  # type: ignore[union-attr]


def test_two_forms_without_a_number_make_two_tickets(site: Site, owner: Browser) -> None:
    assert owner.post("/tickets", _form()).status_code == 303
    assert owner.post("/tickets", _form()).status_code == 303
    assert _tickets(site, owner.house) == 2


def test_the_same_number_with_another_text_is_refused_at_its_field(site: Site, owner: Browser) -> None:
    owner.post("/tickets", _form(external_id="ZD-1"))

    refused = owner.post("/tickets", _form(external_id="ZD-1", text="Something else"))

    assert refused.status_code == 409
    assert "differs in: text" in words(refused, "#ticket-external-error")
    assert value_of(refused, "text") == "Something else"
    assert _tickets(site, owner.house) == 1


def test_a_form_sent_again_with_another_text_is_offered_as_a_new_ticket(site: Site, owner: Browser) -> None:
    form = _form()
    owner.post("/tickets", form)

    changed = owner.post("/tickets", {**form, "text": "Something else"})

    assert changed.status_code == 409
    assert "This form was sent before" in words(changed)
    fresh = {**form, "text": "Something else", "idempotency_key": value_of(changed, "idempotency_key")}
    assert owner.post("/tickets", fresh).status_code == 303
    assert _tickets(site, owner.house) == 2


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"subject": " "}, "ticket-subject", "Give it a subject"),
        ({"subject": "x" * 201}, "ticket-subject", "at most 200 characters"),
        ({"text": ""}, "ticket-text", "Say what the customer wrote"),
        ({"text": "x" * 20_001}, "ticket-text", "at most 20,000 characters"),
        ({"customer_email": "not an address"}, "ticket-customer-email", "e-mail address"),
        ({"customer_name": "Sam\u202eDoe"}, "ticket-customer-name", "A name has"),
        ({"channel": "fax"}, "ticket-channel", "Choose a channel"),
        ({"language": "Klingon!"}, "ticket-language", "languages by their tags"),
        ({"category": "none-such"}, "ticket-category", "no such category"),
        ({"category": "\0"}, "ticket-category", "no such category"),
        ({"external_id": "x" * 201}, "ticket-external", "at most 200 characters"),
    ],
)
def test_a_refused_field_says_why_and_nothing_typed_is_lost(
    site: Site, owner: Browser, changes: dict[str, str], field: str, sentence: str
) -> None:
    form = _form(**changes)

    refused = owner.post("/tickets", form)

    assert refused.status_code == 422
    assert sentence in words(refused, f"#{field}-error")
    kept = "customer_name" if "customer_name" not in changes else "customer_email"
    assert value_of(refused, kept) == form[kept]
    assert tree(refused).css("#new-ticket[open]")
    assert _tickets(site, owner.house) == 0
    again = {**_form(), "idempotency_key": form["idempotency_key"]}
    assert owner.post("/tickets", again).status_code == 303


def test_nul_characters_are_refused_and_not_a_defect(owner: Browser) -> None:
    for field in ("subject", "text", "external_id"):
        refused = owner.post("/tickets", _form(**{field: "a\0b"}))
        assert (refused.status_code, "NUL" in words(refused)) == (422, True)
    assert owner.post("/tickets", _form(idempotency_key="a\0b")).status_code == 422


def test_a_brand_without_categories_cannot_post_and_is_told(site: Site) -> None:
    page = a_new_house(site).member().post("/tickets", _form(category=""))

    assert page.status_code == 422
    assert "This brand has no such category." in words(page)


# One ticket


def test_a_reply_shows_its_receipt_and_the_thread_is_in_clear(
    db: Database, site: Site, owner: Browser
) -> None:
    ticket = owner.house.ticket(text=QUESTION, context="Earlier: hello.")
    with site.background.transaction() as tx:
        passage = an_article(tx, owner.house.brand, text=POLICY)
        a_suggestion(tx, owner.house.brand, ticket, passage, draft=f"Hello Sam,\n\n{POLICY}")
    an_answer(db, site, ticket, body=f"Hi Sam,\n\n{POLICY}", inserted=("draft",))

    page = owner.get(f"/tickets/{ticket}")

    thread = words(page, "#thread")
    assert "sam@example.com" in thread
    assert "Earlier: hello." in thread
    assert "Answered by an independent paid expert, not an employee of Fern & Kettle." in thread
    assert "Ana R." in thread
    assert "Reyes" not in thread
    receipt = words(page, "#thread details.receipt")
    assert "draft inserted, 5 % changed" in receipt
    assert "1 of 2 sentences stand in the passages. Guidance was 83 % confident." in receipt
    assert f"Returns · Damaged on arrival {POLICY} revision 1 · inserted" in receipt
    assert tree(page).css(f"details.receipt a[href='{owner.house.path('/knowledge/')}{passage.article_id}']")


def test_a_receipt_names_the_page_of_a_paged_file(db: Database, site: Site, owner: Browser) -> None:
    ticket = owner.house.ticket(text=QUESTION)
    with site.background.transaction() as tx:
        passage = an_article(tx, owner.house.brand, text=POLICY, page=4)
        a_suggestion(tx, owner.house.brand, ticket, passage, draft=POLICY)
    an_answer(db, site, ticket, body=POLICY, inserted=("draft",))

    receipt = words(owner.get(f"/tickets/{ticket}"), "#thread details.receipt")

    assert "Returns · Damaged on arrival › page 4" in receipt


def test_a_reply_for_which_guidance_was_silent_says_so(db: Database, site: Site, owner: Browser) -> None:
    ticket = owner.house.ticket()
    with site.background.transaction() as tx:
        passage = an_article(tx, owner.house.brand, text=POLICY)
        a_suggestion(tx, owner.house.brand, ticket, passage, draft="")
    an_answer(db, site, ticket, body="It is on its way.")

    receipt = words(owner.get(f"/tickets/{ticket}"), "details.receipt")

    assert "written by hand" in receipt
    assert "Guidance found no grounded answer" in receipt
    assert "revision 1 · shown" in receipt


def test_only_an_answered_ticket_can_be_resolved_and_the_reason_is_text(
    db: Database, site: Site, owner: Browser
) -> None:
    ticket = owner.house.ticket()

    before = owner.get(f"/tickets/{ticket}")
    assert owner.post(f"/tickets/{ticket}/confirmation").status_code == 409
    assert not tree(before).css("form[action$='/confirmation'], form[action$='/resolution']")
    assert "There is no answer yet." in words(before)
    an_answer(db, site, ticket, body="It is on its way.")
    assert tree(owner.get(f"/tickets/{ticket}")).css("form[action$='/confirmation'] button:not([disabled])")
    done = owner.post(f"/tickets/{ticket}/confirmation")

    assert done.status_code == 303
    assert _state(site, owner.house, ticket) is TicketState.RESOLVED
    after = words(owner.get(f"/tickets/{ticket}"))
    assert "Resolved by the customer." in after
    assert "The ticket is resolved already." in after


def test_the_brand_resolves_an_answered_ticket_itself(db: Database, site: Site, owner: Browser) -> None:
    ticket = owner.house.ticket()
    an_answer(db, site, ticket, body="It is on its way.")

    assert owner.post(f"/tickets/{ticket}/resolution").status_code == 303
    assert "Resolved by you." in words(owner.get(f"/tickets/{ticket}"))


def test_a_customers_message_reopens_inside_the_window_and_not_after_it(
    db: Database, site: Site, owner: Browser
) -> None:
    ticket = owner.house.ticket()
    an_answer(db, site, ticket, body="It is on its way.")
    owner.post(f"/tickets/{ticket}/resolution")
    form: dict[str, object] = {"text": "Still broken", "idempotency_key": uuid4().hex}

    first, twice = (owner.post(f"/tickets/{ticket}/messages", form) for _ in range(2))

    assert (first.status_code, twice.status_code) == (303, 303)
    with site.background.transaction() as tx:
        said = tx.scalar(
            select(func.count()).where(Message.ticket_id == ticket, Message.body == "Still broken")
        )
    assert said == 1
    assert _state(site, owner.house, ticket) in (TicketState.OPEN, TicketState.CLAIMED)
    assert "Reopened by the customer’s message." in words(owner.get(f"/tickets/{ticket}"))


def test_a_message_to_a_settled_ticket_opens_one_that_goes_on_from_it(
    db: Database, site: Site, owner: Browser
) -> None:
    ticket = owner.house.ticket()
    an_answer(db, site, ticket, body="It is on its way.")
    owner.post(f"/tickets/{ticket}/resolution")
    Clock(database=site.background).forward(timedelta(hours=73))
    browser = owner.house.member()

    page = browser.get(f"/tickets/{ticket}")
    sent = browser.post(f"/tickets/{ticket}/messages", {"text": "Hello?"})
    linked = sent.headers["location"].removeprefix(browser.house.path())

    assert tree(page).css("textarea[name=text]")
    assert linked != f"/tickets/{ticket}"
    assert "opened one that goes on from it" in sentence(sent)
    assert "Goes on from #1 resolved Where is my order?" in words(browser.get(linked), "aside")
    assert "Goes on in #2 being checked Re: Where is my order?" in words(
        browser.get(f"/tickets/{ticket}"), "aside"
    )


@pytest.mark.parametrize("text", ["", "   ", "a\0b", "x" * 20_001])
def test_a_message_that_cannot_be_is_refused_with_what_was_typed(owner: Browser, text: str) -> None:
    ticket = owner.house.ticket()

    refused = owner.post(f"/tickets/{ticket}/messages", {"text": text})

    assert refused.status_code == 422
    assert "A message has 1 to 20,000 characters." in words(refused, "#customer-text-error")
    assert value_of(refused, "text").strip() == text.strip().replace("\0", "\ufffd")


@pytest.mark.parametrize(
    ("decision", "earned", "left"), [("confirmation", 60, 9_928), ("rejection", 0, 10_000)]
)
def test_an_escalation_is_confirmed_or_rejected_and_paid_accordingly(
    db: Database, site: Site, owner: Browser, decision: str, earned: int, left: int
) -> None:
    ticket = owner.house.ticket()
    worker, number = a_claim(site, ticket)
    with db.transaction(as_worker(worker)) as tx:
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.SENSITIVE,
            note="The customer names a lawyer.",
            now=app_now(tx),
        )
    asked = owner.get(f"/tickets/{ticket}")
    decided = owner.post(f"/tickets/{ticket}/escalation-{decision}")

    assert "Escalated to Support: sensitive" in words(asked, ".escalation")
    assert "The customer names a lawyer." in words(asked, ".escalation")
    assert "pays the worker $0.60" in words(asked, ".escalation")
    assert decided.status_code == 303
    after = owner.get(f"/tickets/{ticket}")
    assert not tree(after).css(".escalation")
    assert f"Escalation {'confirmed' if earned else 'rejected'} by Mo Manager." in words(after)
    assert owner.post(f"/tickets/{ticket}/escalation-{decision}").status_code == 409
    with site.background.transaction() as tx:
        assert balance(tx, pending(owner.house.brand, worker), currency="usd") == usd(earned)
        assert balance(tx, wallet(owner.house.brand), currency="usd") == usd(left)


def test_an_agent_may_decide_and_a_reviewer_may_not(house: House) -> None:
    ticket = house.ticket()
    reviewer, agent = house.member(MemberRole.REVIEWER), house.member(MemberRole.AGENT)

    assert reviewer.post(f"/tickets/{ticket}/escalation-confirmation").status_code == 403
    assert agent.post(f"/tickets/{ticket}/escalation-confirmation").status_code == 409  # nothing to decide


# Team


def test_an_invite_is_sent_and_stands_on_the_page(site: Site, owner: Browser) -> None:
    sent = owner.post("/team/invites", {"email": "New@Example.com", "role": "agent"})

    assert sent.status_code == 303
    assert "new@example.com" in words(owner.get("/team"))
    with site.background.transaction() as tx:
        invite = tx.scalars(select(Invite)).one()
        letter = tx.scalars(select(Mail)).one()
    assert (invite.brand_id, invite.role) == (owner.house.brand, MemberRole.AGENT)
    assert letter.recipient == "new@example.com"


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"email": "nobody", "role": "agent"}, "invite-email", "does not look like an e-mail address"),
        ({"email": "a@example.com", "role": "king"}, "invite-role", "Choose a role"),
        ({"email": "a@example.com", "role": ""}, "invite-role", "Choose a role"),
        ({}, "invite-role", "Choose a role"),
    ],
)
def test_an_invite_that_cannot_be_is_refused(
    owner: Browser, form: dict[str, object], field: str, sentence: str
) -> None:
    refused = owner.post("/team/invites", form)

    assert refused.status_code == 422
    assert sentence in words(refused, f"#{field}-error")
    assert value_of(refused, "email") == form.get("email", "")


def test_a_member_is_not_invited_again(owner: Browser) -> None:
    members = tree(owner.get("/team")).css_first("main ul.rows .meta span")
    assert members is not None

    refused = owner.post("/team/invites", {"email": members.text(), "role": "agent"})

    assert (refused.status_code, "member already" in words(refused)) == (409, True)


def test_a_key_is_shown_once_works_and_is_revoked(site: Site, owner: Browser) -> None:
    made = owner.post("/team/api-keys", {"name": "Help desk", "scopes": ["tickets:write", "events:read"]})

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    key = words(made, "code.secret")
    with site.background.transaction() as tx:
        holder = key_holder(tx, key)
    assert holder is not None
    assert holder.scopes == {ApiScope.TICKETS_WRITE, ApiScope.EVENTS_READ}
    page = owner.get("/team")
    assert key not in page.text
    assert f"hc_test_…{key[-4:]}" in words(page)
    revocation = tree(page).css_first("form[action$='/revocation']")
    assert revocation is not None
    rest = str(revocation.attributes["action"]).removeprefix(owner.house.path())
    assert owner.post(rest).status_code == 303
    with site.background.transaction() as tx:
        assert key_holder(tx, key) is None
    after = owner.get("/team")
    assert "revoked" in words(after)
    assert not tree(after).css("form[action$='/revocation']")


def test_a_refused_key_keeps_its_name_and_its_ticks(owner: Browser) -> None:
    nameless = owner.post("/team/api-keys", {"name": "", "scopes": ["wallet:read", "events:read"]})
    scopeless = owner.post("/team/api-keys", {"name": "Help desk"})
    unknown = owner.post("/team/api-keys", {"name": "Help desk", "scopes": ["everything"]})

    assert [one.status_code for one in (nameless, scopeless, unknown)] == [422, 422, 422]
    ticked = [box.attributes["value"] for box in tree(nameless).css("input[type=checkbox][checked]")]
    assert sorted(str(one) for one in ticked) == ["events:read", "wallet:read"]
    assert "Choose at least one thing" in words(scopeless)
    assert value_of(scopeless, "name") == "Help desk"


def test_a_foreign_brands_key_cannot_be_revoked(site: Site, owner: Browser) -> None:
    stranger = a_house(site, name="Somebody Else").member()
    key = words(stranger.post("/team/api-keys", {"name": "Mine", "scopes": ["events:read"]}), "code.secret")
    with site.background.transaction() as tx:
        holder = key_holder(tx, key)
    assert holder is not None

    assert owner.post(f"/team/api-keys/{holder.key_id}/revocation").status_code == 404
    assert owner.post("/team/api-keys/x/revocation").status_code == 404
    with site.background.transaction() as tx:
        assert key_holder(tx, key) is not None


def test_a_manager_makes_keys_and_invites_nobody(house: House) -> None:
    manager = house.member(MemberRole.MANAGER)

    page = manager.get("/team")
    assert tree(page).css("form[action$='/api-keys']")
    assert not tree(page).css("form[action$='/invites']")
    assert manager.post("/team/invites", {"email": "a@example.com", "role": "agent"}).status_code == 403
