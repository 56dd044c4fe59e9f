"""A brand's people decide: replies in review, escalations by queue, and the rules for both."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from guidance.commands import write_receipt
from knowledge_base.publishing import put_article
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets.endings import escalate_ticket
from marketplace.tickets.models import EscalationReason, Reply, ReplyState
from marketplace.tickets.notes import write_note
from marketplace.tickets.probation import probation_of, set_probation
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.reply_models import AfterLimit, ReplyReview, ReviewState
from tests.builders import Clock, a_member, as_brand, as_worker
from tests.knowledge_base.conftest import document
from tests.workers_ui.brand_site import (
    Browser,
    House,
    a_claim,
    a_house,
    a_suggestion,
    an_article,
    tree,
    value_of,
    words,
)
from tests.workers_ui.conftest import Site, sentence

TEXT = "Dear Sam, the kettle left Memphis today."


@pytest.fixture
def house(site: Site) -> House:
    a_house(site, name="Noise & Sons")
    return a_house(site)


@pytest.fixture
def reviewer(house: House) -> Browser:
    return house.member(MemberRole.REVIEWER)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member()


def a_waiting_reply(
    db: Database, house: House, *, minutes: int = 60, inserted: str = "draft"
) -> tuple[TicketId, str]:
    """Written on probation, with its receipt; the ticket and the review."""
    site = house.site
    with site.background.transaction() as tx:
        set_probation(
            tx,
            brand=house.brand,
            replies=3,
            limit_minutes=minutes,
            after_limit=AfterLimit.SEND,
            accuracy_basis_points=8_000,
            by=a_member(tx, house.brand),
        )
    ticket = house.ticket()
    with site.background.transaction() as tx:
        passage = an_article(tx, house.brand, text="Kettles leave from Memphis, Tennessee.")
        a_suggestion(tx, house.brand, ticket, passage, draft="The kettle left Memphis.")
    worker, number = a_claim(site, ticket)
    with db.transaction(as_worker(worker)) as tx:
        reply = send_reply(tx, ticket=ticket, worker=worker, number=number, body=TEXT, now=app_now(tx))
        write_receipt(tx, reply=reply, inserted=[inserted], now=app_now(tx))
    with site.background.transaction() as tx:
        review = tx.scalars(select(ReplyReview.id).where(ReplyReview.ticket_id == ticket)).one()
    return ticket, str(review)


def an_escalation(db: Database, house: House, *, after: int = 0, note: str = "A lawyer.") -> TicketId:
    ticket = house.ticket()
    worker, number = a_claim(house.site, ticket)
    with db.transaction(as_worker(worker)) as tx:
        for _ in range(after):
            send_reply(tx, ticket=ticket, worker=worker, number=number, body=TEXT, now=app_now(tx))
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=WorkerId(worker),
            number=number,
            reason=EscalationReason.SENSITIVE,
            note=note,
            now=app_now(tx),
        )
    return ticket


# Replies to approve


def test_a_reviewer_sees_question_reply_receipt_and_time_and_approves(
    db: Database, house: House, reviewer: Browser
) -> None:
    ticket, review = a_waiting_reply(db, house)
    page = reviewer.get("/reviews")
    said = words(page)
    for expected in (
        "I ordered a kettle last week",
        TEXT,
        "Kettles leave from Memphis",
        "first reply for you",
    ):
        assert expected in said
    assert "due in 59 min , then it is sent" in said
    assert "draft inserted" in said
    approved = reviewer.post(f"/reviews/{review}/approval")
    assert (approved.status_code, "on its way" in sentence(approved)) == (303, True)
    assert "Nothing waits for you" in words(reviewer.get("/reviews"))
    with house.site.background.transaction() as tx:
        assert tx.scalars(select(Reply.state)).one() is ReplyState.QUEUED
    assert TEXT in words(reviewer.get(f"/tickets/{ticket}"))


def an_edit(house: House) -> None:
    with house.site.background.transaction() as tx:
        written = document(key="returns.md", text="Kettles leave from Nashville.", title="Returns")
        put_article(tx, brand=house.brand, document=written, author=None, now=app_now(tx))


def test_a_reply_whose_article_was_edited_shows_what_changed_and_leaves_only_read(
    db: Database, house: House, reviewer: Browser
) -> None:
    _, review = a_waiting_reply(db, house, inserted="1")
    open_page = tree(reviewer.get("/reviews"))
    followed = [part.attributes["id"] for part in open_page.css("[data-refresh='kb.changed']")]
    assert followed == [f"grounds-{review}", f"sending-{review}"]
    assert not open_page.css("[data-refresh='kb.changed'] textarea")  # what is typed there stays
    before = {form.attributes["id"] for form in open_page.css(f"#sending-{review} form")}
    an_edit(house)
    after = {form.attributes["id"] for form in tree(reviewer.get("/reviews")).css(f"#sending-{review} form")}
    assert not before & after  # a button under the hand never becomes another act
    refused = reviewer.post(f"/reviews/{review}/approval")
    assert (refused.status_code, "has changed since it was written" in words(refused)) == (409, True)
    changed = words(refused, "[data-changed]")
    for expected in ("Kettles leave from Memphis", "Kettles leave from Nashville", "says something else now"):
        assert expected in changed
    approved = reviewer.post(
        f"/reviews/{review}/approval", {"changes_read": value_of(refused, "changes_read")}
    )
    assert (approved.status_code, "on its way" in sentence(approved)) == (303, True)


def test_what_changed_goes_back_without_blame_and_its_worker_reads_why(
    db: Database, house: House, reviewer: Browser
) -> None:
    _, review = a_waiting_reply(db, house, inserted="1")
    too_soon = reviewer.post(f"/reviews/{review}/outdated-return")
    assert (too_soon.status_code, "has not changed" in words(too_soon)) == (409, True)
    an_edit(house)
    returned = reviewer.post(f"/reviews/{review}/outdated-return")
    assert (returned.status_code, "against nobody" in sentence(returned)) == (303, True)
    with house.site.background.transaction() as tx:
        assert tx.scalars(select(Reply.state)).one() is ReplyState.RECALLED
        assert tx.scalars(select(ReplyReview.state)).one() is ReviewState.OUTDATED


def test_an_unapproved_reply_is_not_in_the_thread_but_its_ticket_leads_to_it(
    db: Database, house: House, reviewer: Browser
) -> None:
    ticket, review = a_waiting_reply(db, house)
    page = reviewer.get(f"/tickets/{ticket}")
    assert TEXT not in words(page, "#thread")
    link = tree(page).css_first(f"a[href$='#review-{review}']")
    assert link is not None
    agent = house.member(MemberRole.AGENT).get(f"/tickets/{ticket}")
    assert "waits for your approval" not in words(agent)


def test_a_returned_reply_asks_for_a_reason_and_keeps_what_was_typed(
    db: Database, house: House, reviewer: Browser
) -> None:
    _, review = a_waiting_reply(db, house)
    refused = reviewer.post(f"/reviews/{review}/return", {"reason": "", "note": "Too short."})
    assert (refused.status_code, "Say why it goes back" in words(refused)) == (422, True)
    assert value_of(refused, "note") == "Too short."
    silent = reviewer.post(f"/reviews/{review}/return", {"reason": "other", "note": " "})
    assert (silent.status_code, value_of(silent, "reason")) == (422, "other")
    returned = reviewer.post(f"/reviews/{review}/return", {"reason": "incomplete", "note": "And when?"})
    assert "Returned" in sentence(returned)
    with house.site.background.transaction() as tx:
        assert tx.scalars(select(Reply.state)).one() is ReplyState.RECALLED


def test_who_comes_too_late_sees_the_queue_and_why(db: Database, house: House, reviewer: Browser) -> None:
    ticket, review = a_waiting_reply(db, house)
    with house.site.background.transaction() as tx:
        customer_writes(
            tx, brand=house.brand, ticket=ticket, text="Never mind.", external_id=None, now=app_now(tx)
        )
    late = reviewer.post(f"/reviews/{review}/approval")
    assert (late.status_code, "was decided already" in words(late)) == (409, True)
    assert "Nothing waits for you" in words(late)


def test_reviews_are_for_those_who_may_review_at_this_brand(db: Database, house: House, site: Site) -> None:
    _, review = a_waiting_reply(db, house)
    agent = house.member(MemberRole.AGENT)
    assert agent.get("/reviews").status_code == 403
    assert agent.post(f"/reviews/{review}/approval").status_code == 403
    stranger = a_house(site, name="Others").member()
    assert stranger.visitor.client.get(house.path("/reviews")).status_code == 404
    assert stranger.post(f"/reviews/{review}/approval").status_code == 404
    assert house.member().post_without_token(f"/reviews/{review}/approval").status_code == 403


def test_the_tabs_count_what_waits_and_leave_out_what_is_not_yours(
    db: Database, house: House, owner: Browser
) -> None:
    a_waiting_reply(db, house)
    an_escalation(db, house)
    an_escalation(db, house)
    assert "Escalations 2 Replies to approve 1" in words(owner.get("/escalations"))
    assert "Replies to approve" not in words(house.member(MemberRole.AGENT).get("/escalations"))


# Escalations


def test_escalations_are_listed_by_queue_with_the_time_left(
    db: Database, house: House, owner: Browser
) -> None:
    an_escalation(db, house)
    assert "Queues" not in [
        nav.attributes.get("aria-label") for nav in tree(owner.get("/escalations")).css("nav")
    ]
    owner.post("/control/replies/queues", {"name": "Legal", "decide_minutes": "90"})
    page = owner.get("/escalations")
    assert "sensitive" in words(page)
    assert "“A lawyer.”" in words(page)
    assert "due in 23 h 59 min" in words(page)
    assert "All queues 1 Support 1 Legal 0" in words(page)
    assert "Nothing is escalated" in words(owner.get("/escalations?queue=legal"))


def test_the_ticket_of_an_escalation_shows_all_that_its_worker_had(
    db: Database, house: House, owner: Browser
) -> None:
    ticket = house.ticket()
    with house.site.background.transaction() as tx:
        passage = an_article(tx, house.brand, text="Ask a lawyer about lawyers.")
        a_suggestion(tx, house.brand, ticket, passage, draft="")
    worker, number = a_claim(house.site, ticket)
    with db.transaction(as_worker(worker)) as tx:
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=worker,
            number=number,
            reason=EscalationReason.SENSITIVE,
            note="Names a lawyer.",
            now=app_now(tx),
        )
    page = owner.get(f"/tickets/{ticket}")
    assert "Names a lawyer." in words(page, ".escalation")
    assert "Escalated to Support by Ana R.: sensitive. “Names a lawyer.”" in words(page, "#thread")
    shown = words(page, "#shown-guidance")
    assert "Guidance found no grounded answer (83 % sure)" in shown
    assert "Ask a lawyer about lawyers." in shown
    assert not tree(page).css("[name=needless_reason]")


def test_a_brand_confirms_without_the_fee_and_says_why(db: Database, house: House, owner: Browser) -> None:
    ticket = an_escalation(db, house, after=1)
    assert "The worker’s message before it was needless" in words(
        owner.get(f"/tickets/{ticket}"), ".escalation"
    )
    typed = {"note": "x" * 2_001, "needless_reason": "Our page says it."}
    refused = owner.post(f"/tickets/{ticket}/escalation-confirmation", typed)
    assert (refused.status_code, value_of(refused, "needless_reason")) == (422, "Our page says it.")
    typed["note"] = "Next time straight to us."
    done = owner.post(f"/tickets/{ticket}/escalation-confirmation", typed)
    assert "Confirmed without a fee" in sentence(done)
    thread = words(owner.get(f"/tickets/{ticket}"), "#thread")
    assert "No fee, for the replies before it were needless: “Our page says it.”" in thread
    assert "“Next time straight to us.”" in thread


def test_a_brand_rejects_with_a_note(db: Database, house: House, owner: Browser) -> None:
    ticket = an_escalation(db, house)
    done = owner.post(f"/tickets/{ticket}/escalation-rejection", {"note": "See article 7."})
    assert "Rejected" in sentence(done)
    assert "“See article 7.”" in words(owner.get(f"/tickets/{ticket}"), "#thread")


def test_the_list_of_tickets_leads_to_what_waits_for_its_reader(
    db: Database, house: House, owner: Browser, reviewer: Browser
) -> None:
    assert not tree(owner.get("/tickets")).css(".callout")
    an_escalation(db, house)
    a_waiting_reply(db, house)
    assert "1 escalation waits for you. Decide 1 reply waits for your approval. Decide" in words(
        owner.get("/tickets"), ".callout"
    )
    assert words(reviewer.get("/tickets"), ".callout") == "1 reply waits for your approval. Decide"


def test_notes_of_worker_and_brand_stand_on_the_ticket_and_no_customer_reads_them(
    db: Database, house: House, owner: Browser, reviewer: Browser
) -> None:
    ticket = house.ticket()
    worker, number = a_claim(house.site, ticket)
    with db.transaction(as_worker(worker)) as tx:
        write_note(
            tx, ticket=ticket, worker=worker, number=number, body="Asked for a photo.", now=app_now(tx)
        )
    noted = owner.post(f"/tickets/{ticket}/notes", {"internal_note": "He is a regular."})
    assert "the customer does not" in sentence(noted)
    page = owner.get(f"/tickets/{ticket}")
    assert "Asked for a photo. Ana R." in words(page, "#notes")
    assert "He is a regular. Mo Manager" in words(page, "#notes")
    assert "regular" not in words(page, "#thread")
    assert not tree(reviewer.get(f"/tickets/{ticket}")).css("#notes form")
    assert reviewer.post(f"/tickets/{ticket}/notes", {"internal_note": "x"}).status_code == 403
    empty = owner.post(f"/tickets/{ticket}/notes", {"internal_note": " "})
    assert (empty.status_code, "A note has 1 to 2,000 characters." in words(empty)) == (422, True)


# The rules


def test_a_manager_sets_silence_and_grace_by_channel(house: House, owner: Browser) -> None:
    page = owner.get("/control/replies")
    assert "Now 2 days of silence, and 10 minutes away." in words(page)
    saved = owner.post("/control/replies/follow-ups/chat", {"silence_minutes": "90", "grace_minutes": "5"})
    assert saved.status_code == 303
    assert "Now 1 hour 30 minutes of silence, and 5 minutes away." in words(owner.get("/control/replies"))
    for typed in ("4", "soon", "-5", "9" * 30, "٣٣", ""):
        refused = owner.post(
            "/control/replies/follow-ups/email", {"silence_minutes": typed, "grace_minutes": "10"}
        )
        assert refused.status_code == 422, typed
        assert tree(refused).css("[data-problem]")
    assert owner.post("/control/replies/follow-ups/fax", {}).status_code == 404


def test_a_manager_makes_changes_preselects_and_retires_queues(house: House, owner: Browser) -> None:
    base = "/control/replies/queues"
    owner.post(base, {"name": "Billing", "decide_minutes": "120", "notify_email": "b@fern.example"})
    owner.post(f"{base}/billing", {"name": "Money", "decide_minutes": "60", "notify_email": ""})
    owner.post(f"{base}/billing/preselection")
    page = owner.get("/control/replies")
    assert "Money preselected" in words(page)
    stays = owner.post(f"{base}/billing/retirement")
    assert (stays.status_code, "cannot be retired" in words(stays)) == (409, True)
    assert owner.post(f"{base}/support/retirement").status_code == 303
    assert "Support" not in words(owner.get("/control/replies"), "h3")
    twice = owner.post(base, {"name": "Billing", "decide_minutes": "60"})
    assert (twice.status_code, "There is a queue by this name" in words(twice)) == (409, True)
    assert owner.post(f"{base}/nowhere", {"name": "N", "decide_minutes": "60"}).status_code == 404


def test_a_manager_sets_probation_and_sees_how_workers_fared(
    db: Database, house: House, owner: Browser, reviewer: Browser
) -> None:
    assert "probation is off" in words(owner.get("/reviews"))
    rule = {"replies": "1", "limit_minutes": "30", "after_limit": "return", "accuracy_percent": "75"}
    assert owner.post("/control/replies/probation", rule).status_code == 303
    with house.site.background.transaction() as tx:
        kept = probation_of(tx, brand=house.brand)
        assert kept is not None
        assert (kept.replies, kept.limit_minutes, kept.after_limit, kept.accuracy_basis_points) == (
            1,
            30,
            AfterLimit.RETURN,
            7_500,
        )
    assert "first reply waits for your approval, 30 minutes at most; then it goes back." in words(
        owner.get("/reviews")
    )
    for wrong in ({"replies": "101"}, {"after_limit": "maybe"}, {"accuracy_percent": "101"}):
        refused = owner.post("/control/replies/probation", rule | wrong)
        assert (refused.status_code, value_of(refused, "limit_minutes")) == (422, "30")
    _, review = a_waiting_reply(db, house)
    reviewer.post(f"/reviews/{review}/approval")
    assert "Ana R. 1 0 on probation" in words(owner.get("/control/replies"), "table")


def test_the_rules_are_for_owner_and_manager(house: House, reviewer: Browser) -> None:
    assert reviewer.get("/control/replies").status_code == 403
    assert reviewer.post("/control/replies/probation", {}).status_code == 403
    assert house.member(MemberRole.MANAGER).get("/control/replies").status_code == 200


def test_a_reply_whose_time_is_nearly_over_says_so(db: Database, house: House, reviewer: Browser) -> None:
    a_waiting_reply(db, house, minutes=5)
    Clock(database=house.site.background).forward(timedelta(minutes=2))
    assert "due in 2 min , then it is sent" in words(house.member(MemberRole.REVIEWER).get("/reviews"))


def test_another_brands_queues_and_reviews_are_absent(db: Database, house: House, site: Site) -> None:
    an_escalation(db, house)
    a_waiting_reply(db, house)
    other = a_house(site, name="Others").member()
    assert "Nothing is escalated" in words(other.get("/escalations"))
    assert "Nothing waits for you" in words(other.get("/reviews"))
    with db.transaction(as_brand(other.house.brand)) as tx:
        assert tx.scalars(select(ReplyReview)).all() == []
