"""A worker's pages as a browser uses them: claim, read, answer, pass on, lose, and look at the pay."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from sqlalchemy import func, select

from billing.batches import approve_batch, draft_batch, release_batch
from billing.earnings import mature
from billing.models import StripeAccount
from billing.sending import send_due
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from guidance.commands import prepare_suggestion
from guidance.confidence import Reason
from guidance.models import Receipt, Suggestion, SuggestionState
from guidance.voice import Voice
from guidance.voices import set_voice
from knowledge_base.index.building import build_index
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import LocalShelf
from knowledge_base.publishing import delete_article, put_article
from knowledge_base.reading.documents import Document, Section
from marketplace.accounts.models import Brand, Member, MemberRole, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import TicketId
from marketplace.kernel.settings import MoneyMode
from marketplace.tickets.models import Escalation, Note, PoolTicket, Reply, WorkerDraft
from tests.billing.paying import submit
from tests.billing.stripe_server import StripeServer
from tests.builders import a_brand, a_person, an_open_ticket, usd
from tests.fakes import WordHashEmbedder
from tests.workers_ui.worker_site import (
    ANSWER,
    Floor,
    Form,
    attribute,
    one,
    page,
    said,
    typed_in,
    value_of,
    words,
)

# The pool


def test_the_pool_shows_what_waits_masked_and_priced_per_hour(floor: Floor) -> None:
    answer = floor.ann.get("/worker/pool")
    shown = words(answer)
    assert "Where is my kettle?" in shown
    assert "sam@example.com" not in answer.text
    assert "$16.00" in shown  # of 20.00, 80 percent
    assert "$192.00 an hour" in shown
    assert "Fern & Kettle" in shown
    assert "General" in shown
    assert "Coverage not known" in shown


def test_a_visitor_is_sent_to_sign_in_and_a_person_who_is_no_worker_finds_nothing(floor: Floor) -> None:
    with floor.site.background.transaction() as tx:
        stranger = a_person(tx)
    assert floor.site.visitor().client.get("/worker/pool").headers["location"].startswith("/sign-in")
    for path in ("/worker/pool", f"/worker/t/{floor.ticket}", "/worker/mine", "/worker/earnings"):
        assert floor.site.signed_in(stranger).client.get(path).status_code == 404


def test_own_brands_and_given_back_tickets_are_not_offered(floor: Floor) -> None:
    with floor.site.background.transaction() as tx:
        tx.add(
            Member(
                brand_id=floor.brand, person_id=floor.bob.person, role=MemberRole.AGENT, joined_at=app_now(tx)
            )
        )
    number = floor.ann.claim(floor.ticket)
    floor.ann.post(f"/worker/t/{floor.ticket}/release", claim_number=number, reason="no_time")
    assert "Where is my kettle?" not in words(floor.ann.get("/worker/pool"))
    assert "Where is my kettle?" not in words(floor.bob.get("/worker/pool"))
    refused = floor.bob.post(f"/worker/pool/{floor.ticket}/claim")
    assert "Members of a brand cannot work on its tickets." in words(refused, 403)
    again = floor.ann.post(f"/worker/pool/{floor.ticket}/claim")
    assert "You gave this ticket back before" in words(again, 409)


def test_a_pool_of_more_than_a_page_is_paged_in_claim_order_without_a_repeat(floor: Floor) -> None:
    floor.more_tickets(55)
    first, second = floor.ann.get("/worker/pool"), floor.ann.get("/worker/pool?page=2")
    rows = [[row.id for row in page(answer).css(".pool-row")] for answer in (first, second)]
    assert [len(shown) for shown in rows] == [50, 6]
    assert len({*rows[0], *rows[1]}) == 56
    assert attribute(one(page(first), "a[rel=next]"), "href") == "/worker/pool?page=2"
    assert floor.ann.get("/worker/pool?page=0").status_code == 422
    assert floor.ann.get("/worker/pool?page=999999").status_code == 422


def test_a_worker_whose_country_no_payout_reaches_is_told_before_the_first_claim(floor: Floor) -> None:
    with floor.site.background.transaction() as tx:
        tx.get_one(Worker, floor.ann.id).country = "AQ"
    assert "Payouts do not reach your country yet." in words(floor.ann.get("/worker/pool"))
    assert "Payouts do not reach your country yet." not in words(floor.bob.get("/worker/pool"))


# Claiming


def test_the_loser_of_a_claim_gets_the_row_as_taken_with_the_next_best(floor: Floor) -> None:
    (other,) = floor.more_tickets(1, subject="Can I return it?")
    floor.ann.claim(floor.ticket)
    lost = floor.bob.post(f"/worker/pool/{floor.ticket}/claim", script=True)
    assert lost.status_code == 409
    assert lost.headers["hx-retarget"] == f"#ticket-{floor.ticket}"
    row = HTMLParser(lost.text).css_first("li")
    assert row is not None
    assert attribute(row, "data-next") == f"ticket-{other}"
    assert "Can I return it?" in row.text()
    assert not HTMLParser(lost.text).css("h1")


def test_without_script_the_loser_sees_the_pool_with_what_happened_and_the_next_best(floor: Floor) -> None:
    (other,) = floor.more_tickets(1, subject="Can I return it?")
    floor.ann.claim(floor.ticket)
    lost = floor.bob.post(f"/worker/pool/{floor.ticket}/claim")
    shown = page(lost, 409)
    assert "Taken: Someone else holds this ticket." in words(lost, 409)
    link = shown.css_first(f'a[href="#ticket-{other}"]')
    assert link is not None
    assert "Can I return it?" in link.text()
    assert shown.css_first(f"#ticket-{other}") is not None


def test_a_claim_needs_the_forms_token_and_a_real_ticket(floor: Floor) -> None:
    bare = floor.ann.browser.client.post(f"/worker/pool/{floor.ticket}/claim", data={"csrf": "wrong"})
    assert bare.status_code == 403
    assert floor.ann.post(f"/worker/pool/{uuid4()}/claim").status_code == 404
    assert floor.ann.post("/worker/pool/not-an-id/claim").status_code == 404
    with floor.site.background.transaction() as tx:
        assert tx.get_one(PoolTicket, floor.ticket).worker_id is None


def test_full_hands_are_refused_in_words_and_the_best_ticket_is_claimed_by_the_form_itself(
    floor: Floor,
) -> None:
    tickets = [floor.ticket, *floor.more_tickets(3)]
    assert floor.ann.post("/worker/pool").headers["location"] == f"/worker/t/{tickets[0]}"
    for ticket in tickets[1:3]:
        floor.ann.claim(ticket)
    refused = floor.ann.post(f"/worker/pool/{tickets[3]}/claim")
    assert "You hold as many tickets of this kind as you may at once." in words(refused, 409)


# The desk


def test_the_desk_of_a_foreign_unknown_or_malformed_ticket_is_not_found(floor: Floor) -> None:
    floor.ann.claim(floor.ticket)
    for path in (f"/worker/t/{floor.ticket}", f"/worker/t/{uuid4()}", "/worker/t/7", "/worker/t/%00"):
        assert floor.bob.get(path).status_code == 404, path
    sent = floor.bob.post(f"/worker/t/{floor.ticket}/reply", claim_number=1, text="Mine now")
    assert sent.status_code == 404


def test_the_desk_shows_the_masked_thread_the_voice_and_the_label(floor: Floor) -> None:
    with floor.site.background.transaction() as tx:
        voice = Voice(greeting="Hi {customer_name},", sign_off="Cheerio", words_to_avoid=("unfortunately",))
        set_voice(tx, brand=floor.brand, voice=voice, author=None, now=app_now(tx))
    floor.ann.claim(floor.ticket)
    answer = floor.ann.get(f"/worker/t/{floor.ticket}")
    shown = words(answer)
    assert "I ordered a kettle last week" in shown
    assert "sam@example.com" not in answer.text
    assert "Cheerio" in shown
    assert "“unfortunately”" in shown
    assert "Answered by an independent paid expert, not an employee of Fern & Kettle." in shown
    assert "$4.80" in shown  # the escalation fee: 30 percent of 16.00
    assert page(answer).css_first("hc-lease") is not None


def test_confirming_the_category_moves_the_clock_on_and_an_unknown_one_comes_back_refused(
    floor: Floor,
) -> None:
    number = floor.ann.claim(floor.ticket)
    for bad in ("nonsense", "\x00", ""):
        refused = floor.ann.post(f"/worker/t/{floor.ticket}/category", claim_number=number, category=bad)
        assert "Choose one of the brand's categories." in words(refused, 422)
    done = floor.ann.post(f"/worker/t/{floor.ticket}/category", claim_number=number, category="general")
    assert done.status_code == 303
    with floor.site.background.transaction() as tx:
        lease = tx.get_one(PoolTicket, floor.ticket).lease_ends_at
        assert lease is not None
        assert lease - app_now(tx) > timedelta(minutes=50)


def test_a_reply_is_sent_once_however_often_its_form_arrives(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    key = value_of(floor.ann.get(f"/worker/t/{floor.ticket}"), "idempotency_key")
    form: Form = {"claim_number": number, "text": ANSWER, "idempotency_key": key, "then": "next"}
    for _ in range(3):
        sent = floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form)
        assert (sent.headers["location"], said(sent)[:4]) == ("/worker/pool", "Sent")
    changed = floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form | {"text": "Something else."})
    assert "Another text went out from this form before" in words(changed, 409)
    assert typed_in(changed) == "Something else."
    with floor.site.background.transaction() as tx:
        replies = tx.scalars(select(Reply).where(Reply.ticket_id == floor.ticket)).all()
        receipts = tx.scalars(select(Receipt).where(Receipt.ticket_id == floor.ticket)).all()
        assert [reply.body for reply in replies] == [ANSWER]
        assert [receipt.reply_id for receipt in receipts] == [replies[0].id]
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert "You" in [author.text().strip() for author in page(desk).css(".message-author")]
    assert "waiting for the customer" in words(desk)
    assert typed_in(desk) == ""


def test_after_sending_comes_the_claim_that_presses_most_or_the_same_desk(floor: Floor) -> None:
    (other,) = floor.more_tickets(1)
    number = floor.ann.claim(floor.ticket)
    second = floor.ann.claim(other)
    sent = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER, then="next")
    assert sent.headers["location"] == f"/worker/t/{other}"
    stayed = floor.ann.post(f"/worker/t/{other}/reply", claim_number=second, text=ANSWER, then="stay")
    assert stayed.headers["location"] == f"/worker/t/{other}"


def test_what_the_brand_forbids_comes_back_with_the_text_and_what_is_doubtful_comes_back_once(
    floor: Floor,
) -> None:
    with floor.site.background.transaction() as tx:
        voice = Voice(greeting="Hi,", sign_off="Bye", words_to_avoid=("unfortunately",))
        set_voice(tx, brand=floor.brand, voice=voice, author=None, now=app_now(tx))
    number = floor.ann.claim(floor.ticket)
    bad = "Unfortunately {order_id} is late.\r\nIt takes 3 days."
    refused = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=bad)
    shown = words(refused, 422)
    assert typed_in(refused) == bad.replace("\r\n", "\n")
    assert "Not sent yet: 2 things to fix first." in shown
    assert "This brand never says “Unfortunately”." in shown
    assert "Fill in “order_id” before sending." in shown
    assert "“3 days” is in none of the passages." in shown
    form: Form = {"claim_number": number, "text": "It takes 3 days."}
    doubtful = floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form)
    assert "Not sent yet: look at this once." in words(doubtful, 422)
    assert "Send anyway" in words(doubtful, 422)
    seen = value_of(doubtful, "seen")
    other = floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form, text="It takes 4 days.", seen=seen)
    assert "“4 days” is in none of the passages." in words(other, 422)
    with floor.site.background.transaction() as tx:
        assert tx.scalars(select(Reply.body)).all() == []
    sent = floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form, seen=seen)
    assert said(sent) == "Sent to the customer."
    with floor.site.background.transaction() as tx:
        assert tx.scalars(select(Reply.body)).all() == ["It takes 3 days."]
        [[kept]] = tx.scalars(select(Receipt.findings)).all()
        assert kept == {
            "kind": "unsupported_figure",
            "severity": "warn",
            "words": "“3 days” is in none of the passages. Check it, or take it out.",
        }


def test_a_text_mended_since_its_warnings_were_seen_is_sent_at_once(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/reply"
    doubtful = floor.ann.post(path, claim_number=number, text="It takes 3 days.")
    seen = value_of(doubtful, "seen")
    mended = floor.ann.post(path, claim_number=number, text="Thank you for writing.", seen=seen)
    assert said(mended) == "Sent to the customer."


@pytest.mark.parametrize("text", ["", "   ", "a\x00b", "x" * 5_001])
def test_a_text_no_reply_can_be_is_refused_with_a_reason_and_sends_nothing(floor: Floor, text: str) -> None:
    number = floor.ann.claim(floor.ticket)
    refused = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=text)
    assert page(refused, 422).css_first("[data-problem]") is not None
    with floor.site.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Reply)) == 0


def test_a_refused_reply_does_not_use_up_its_key(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    form: Form = {"claim_number": number, "idempotency_key": "k-1", "then": "stay"}
    assert floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form, text="a\x00b").status_code == 422
    assert floor.ann.post(f"/worker/t/{floor.ticket}/reply", fields=form, text=ANSWER).status_code == 303
    with floor.site.background.transaction() as tx:
        assert tx.scalars(select(Reply.body)).all() == [ANSWER]


def test_a_reply_that_comes_after_the_lease_is_kept_and_shown_as_unsent(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    floor.lease_runs_out()
    late = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    assert "Your time on this ticket is over." in words(late, 409)
    assert typed_in(late, "#kept-text") == ANSWER
    assert page(late, 409).css_first("#composer") is None
    mine = floor.ann.get("/worker/mine")
    assert ANSWER in words(mine)
    again = page(mine).css_first(f'form[action="/worker/pool/{floor.ticket}/claim"]')
    assert again is not None
    assert typed_in(floor.ann.get(f"/worker/t/{floor.ticket}"), "#kept-text") == ANSWER
    floor.ann.claim(floor.ticket)
    assert typed_in(floor.ann.get(f"/worker/t/{floor.ticket}")) == ANSWER
    assert "Your unsent text" not in words(floor.ann.get("/worker/mine"))


def test_a_stale_number_writes_nothing_whatever_the_act(floor: Floor) -> None:
    stale = floor.ann.claim(floor.ticket)
    floor.lease_runs_out()
    floor.bob.claim(floor.ticket)
    forms: dict[str, Form] = {
        "reply": {"text": ANSWER},
        "draft": {"text": ANSWER},
        "release": {"reason": "no_time"},
        "escalate": {"reason": "other"},
        "done": {},
        "category": {"category": "general"},
        "ask-again": {},
        "extension": {},
        "notes": {"internal_note": "Asked for a photo."},
    }
    for act, fields in forms.items():
        answer = floor.ann.post(f"/worker/t/{floor.ticket}/{act}", fields=fields | {"claim_number": stale})
        assert "Not yours any more" in words(answer, 409), act
    with floor.site.background.transaction() as tx:
        assert tx.get_one(PoolTicket, floor.ticket).worker_id == floor.bob.id
        assert tx.scalar(select(func.count()).select_from(Reply)) == 0
        assert tx.scalar(select(func.count()).select_from(Escalation)) == 0
        assert tx.scalar(select(func.count()).select_from(Note)) == 0
        assert tx.scalars(select(WorkerDraft.worker_id)).all() == [floor.ann.id]


@pytest.mark.parametrize("number", ["-1", "99999999999", "one", ""])
def test_a_claim_number_that_cannot_be_one_is_refused(floor: Floor, number: str) -> None:
    floor.ann.claim(floor.ticket)
    answer = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    assert answer.status_code == 422


def test_drafts_are_saved_by_script_and_by_button_and_wait_on_the_desk(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/draft"
    quiet = floor.ann.post(
        path, claim_number=number, text="Dear\r\nSam", headers={"accept": "application/json"}
    )
    assert quiet.status_code == 200
    assert quiet.json()["revision"] > 0
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert typed_in(desk) == "Dear\nSam"
    assert value_of(desk, "draft_revision") == str(quiet.json()["revision"])
    pressed = floor.ann.post(path, claim_number=number, text="Dear Sam,", accept="text/html")
    assert pressed.headers["location"] == f"/worker/t/{floor.ticket}"
    assert typed_in(floor.ann.get(f"/worker/t/{floor.ticket}")) == "Dear Sam,"
    assert "draft kept" in words(floor.ann.get("/worker/mine"))


def test_a_save_that_arrives_after_the_reply_does_not_bring_the_sent_text_back(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    before = value_of(floor.ann.get(f"/worker/t/{floor.ticket}"), "draft_revision")
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    late = floor.ann.post(
        f"/worker/t/{floor.ticket}/draft", claim_number=number, text=ANSWER[:-3], draft_revision=before
    )
    assert late.status_code == 200
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert typed_in(desk) == ""
    floor.ann.post(
        f"/worker/t/{floor.ticket}/draft",
        claim_number=number,
        text="One thing more",
        draft_revision=value_of(desk, "draft_revision"),
    )
    assert typed_in(floor.ann.get(f"/worker/t/{floor.ticket}")) == "One thing more"


def test_a_released_ticket_is_for_others_and_its_draft_stays_with_its_writer(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    floor.ann.post(f"/worker/t/{floor.ticket}/draft", claim_number=number, text="Half a thought")
    refused = floor.ann.post(f"/worker/t/{floor.ticket}/release", claim_number=number, reason="because")
    assert "Choose one of the reasons." in words(refused, 422)
    released = floor.ann.post(f"/worker/t/{floor.ticket}/release", claim_number=number, reason="no_time")
    assert said(released).startswith("Released.")
    mine = floor.ann.get("/worker/mine")
    assert "Half a thought" in words(mine)
    assert page(mine).css_first(f'form[action="/worker/pool/{floor.ticket}/claim"]') is None
    assert "You gave this ticket back." in words(floor.ann.get(f"/worker/t/{floor.ticket}"))
    floor.bob.claim(floor.ticket)
    assert typed_in(floor.bob.get(f"/worker/t/{floor.ticket}")) == ""


def test_an_escalation_needs_a_reason_keeps_its_note_and_leaves_the_pool(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/escalate"
    refused = floor.ann.post(path, claim_number=number, reason="", note="He asks for a lawyer")
    assert typed_in(refused, "#escalate-note") == "He asks for a lawyer"
    assert attribute(one(page(refused, 422), "#escalate-reason"), "aria-invalid") == "true"
    long = floor.ann.post(path, claim_number=number, reason="sensitive", note="x" * 2_001)
    assert "A note may have 2,000 characters at most." in words(long, 422)
    passed = floor.ann.post(path, claim_number=number, reason="sensitive", note="He asks for a lawyer")
    assert said(passed).startswith("Escalated.")
    with floor.site.background.transaction() as tx:
        escalation = tx.scalars(select(Escalation)).one()
        assert (escalation.reason, escalation.note) == ("sensitive", "He asks for a lawyer")
    assert "You escalated this ticket to the brand." in words(floor.ann.get(f"/worker/t/{floor.ticket}"))


def test_done_can_be_said_after_a_reply_and_pays_nobody(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    early = floor.ann.post(f"/worker/t/{floor.ticket}/done", claim_number=number)
    assert "Send the customer a reply first." in words(early, 409)
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    assert floor.ann.post(f"/worker/t/{floor.ticket}/done", claim_number=number).status_code == 303
    assert "You marked this as done." in words(floor.ann.get(f"/worker/t/{floor.ticket}"))
    assert "No earnings yet" in words(floor.ann.get("/worker/earnings"))


def test_mine_tells_what_is_held_what_waits_and_what_was_sent_today(floor: Floor) -> None:
    (other,) = floor.more_tickets(1, subject="Can I return it?")
    number = floor.ann.claim(floor.ticket)
    floor.ann.claim(other)
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    mine = page(floor.ann.get("/worker/mine"))
    sections = {
        (one(section, "h2").text(strip=True)): section.text() for section in mine.css("#mine section")
    }
    assert "Can I return it?" in sections["In your hands1 of 4"]
    assert "Where is my kettle?" in sections["Waiting for the customer1"]
    assert "Where is my kettle?" in sections["Sent today1"]
    floor.customer_says("And the lid?")
    assert "customer wrote" in words(floor.ann.get("/worker/mine"))
    floor.later(timedelta(days=2))
    assert "Replies you send today are listed here." in words(floor.ann.get("/worker/mine"))
    assert "Where is my kettle?" not in words(floor.bob.get("/worker/mine"))


def test_who_takes_over_is_told_that_somebody_answered_before(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    floor.later(timedelta(minutes=30))
    floor.customer_says("That did not help.")
    floor.bob.claim(floor.ticket)
    desk = words(floor.bob.get(f"/worker/t/{floor.ticket}"))
    assert "Answered once before" in desk
    assert "Promised: keep it, or say why not" not in desk
    assert "Answered The kettle travels by post and arrives soon. Another expert" in desk
    assert "Open now That did not help. Customer" in desk
    assert ANSWER in desk
    past = words(floor.ann.get(f"/worker/t/{floor.ticket}"))
    assert "The customer wrote while you were away" in past
    assert ANSWER in past
    assert "That did not help." not in past


# Guidance


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """The brand's knowledge, indexed; guidance looks there."""

    floor: Floor
    retriever: Retriever
    folder: Path
    embedder: WordHashEmbedder

    def put(self, key: str, text: str, *, page: int | None = None) -> None:
        section = Section(path=("Basics",), text=text, page=page)
        document = Document(key=key, title=key.capitalize(), sections=(section,))
        with self.floor.site.background.transaction(Scope(brand=self.floor.brand)) as tx:
            put_article(tx, brand=self.floor.brand, document=document, author=None, now=app_now(tx))
        self.index()

    def index(self) -> None:
        build_index(
            self.floor.site.background, self.floor.brand, bulk=LocalWork(self.embedder), folder=self.folder
        )

    def suggest(self) -> None:
        with self.floor.site.background.transaction() as tx:
            prepare_suggestion(
                tx,
                self.retriever,
                brand=self.floor.brand,
                ticket=self.floor.ticket,
                weight=0.5,
                threshold=0.5,
                now=app_now(tx),
            )


DELIVERY = "A kettle that you ordered last week arrives within nine days. Nothing is heard before."


@pytest.fixture
def library(floor: Floor, tmp_path: Path) -> Library:
    embedder = WordHashEmbedder()
    retriever = Retriever(
        shelf=LocalShelf(tmp_path / "index"),
        load_embedder=lambda: embedder,
        report_damage=lambda *_: None,
    )
    site = floor.site.app
    site.state.services = replace(site.state.services, retriever=retriever)
    made = Library(floor=floor, retriever=retriever, folder=tmp_path / "index", embedder=embedder)
    made.put("delivery", DELIVERY)
    made.put("tea", "Green leaves want cooler water.")
    return made


def test_guidance_stands_on_the_desk_and_what_was_inserted_is_on_the_receipt(library: Library) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    assert "Reading the knowledge of Fern & Kettle" in words(floor.ann.get(f"/worker/t/{floor.ticket}"))
    library.suggest()
    desk = page(floor.ann.get(f"/worker/t/{floor.ticket}"))
    card = desk.css_first("#passage-1")
    assert card is not None
    assert "arrives within nine days" in card.text()
    sent = floor.ann.post(
        f"/worker/t/{floor.ticket}/reply",
        claim_number=number,
        text=f"Hello Sam,\n\n{DELIVERY}",
        inserted=f"{card.attributes['data-passage']},{uuid4()},nonsense",
    )
    assert said(sent) == "Sent to the customer."
    with floor.site.background.transaction() as tx:
        receipt = tx.scalars(select(Receipt)).one()
        assert receipt.inserted == ["1"]
        assert receipt.edit_distance == len("Hello Sam,\n\n")


def test_the_receipt_names_the_suggestion_that_stood_beside_the_reply_and_no_newer_one(
    library: Library,
) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    library.suggest()
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    shown = value_of(desk, "suggestion")
    library.put("delivery", "It arrives within two days.")
    library.suggest()
    floor.ann.post(
        f"/worker/t/{floor.ticket}/reply",
        claim_number=number,
        text="Soon.",
        inserted="draft",
        suggestion=shown,
    )
    with floor.site.background.transaction() as tx:
        assert str(tx.scalars(select(Receipt)).one().suggestion_id) == shown


def test_a_suggestion_of_no_ticket_of_theirs_sends_nothing_and_keeps_the_text(library: Library) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    library.suggest()
    refused = floor.ann.post(
        f"/worker/t/{floor.ticket}/reply", claim_number=number, text="Soon.", suggestion=str(uuid4())
    )
    kept = page(refused, 422)
    assert "not one of this ticket's" in kept.text()
    assert one(kept, "#reply-text").text().strip() == "Soon."
    with floor.site.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Receipt)) == 0


def test_the_desk_and_the_receipt_name_the_page_that_a_passage_stands_on(library: Library) -> None:
    floor = library.floor
    library.put("delivery", DELIVERY, page=4)
    number = floor.ann.claim(floor.ticket)
    library.suggest()

    card = page(floor.ann.get(f"/worker/t/{floor.ticket}")).css_first("#passage-1")
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=DELIVERY, inserted="draft")

    assert card is not None
    assert "Basics › page 4" in card.text()
    with floor.site.background.transaction() as tx:
        receipt = tx.scalars(select(Receipt)).one()
        assert receipt.shown[0]["page"] == 4


def test_without_script_a_button_appends_guidance_and_remembers_it(library: Library) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    library.suggest()
    added = floor.ann.post(
        f"/worker/t/{floor.ticket}/draft", claim_number=number, text="Hi Sam,", insert="1", accept="text/html"
    )
    desk = floor.ann.get(added.headers["location"])
    assert typed_in(desk) == f"Hi Sam,\n\n{DELIVERY}"
    passage = one(page(desk), "#passage-1")
    assert value_of(desk, "inserted") == attribute(passage, "data-passage")
    ignored = floor.ann.post(
        f"/worker/t/{floor.ticket}/draft", claim_number=number, text="Hi", insert="9", accept="text/html"
    )
    assert ignored.headers["location"] == f"/worker/t/{floor.ticket}"


def test_guidance_that_no_longer_holds_is_not_offered_until_it_is_asked_again(library: Library) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    library.suggest()
    with floor.site.background.transaction(Scope(brand=floor.brand)) as tx:
        delete_article(tx, brand=floor.brand, key="delivery")
    stale = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert attribute(one(page(stale), "#guidance"), "data-state") == "stale"
    assert "The brand changed or took out what this suggestion was taken from." in words(stale)
    assert "nine days" not in stale.text
    asked = floor.ann.post(f"/worker/t/{floor.ticket}/ask-again", claim_number=number)
    assert said(asked) == "Guidance has looked again."
    fresh = page(floor.ann.get(f"/worker/t/{floor.ticket}"))
    assert attribute(one(fresh, "#guidance"), "data-state") == "abstained"
    with floor.site.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Suggestion)) == 2


def test_guidance_from_before_the_customer_wrote_again_says_so(library: Library) -> None:
    floor = library.floor
    floor.ann.claim(floor.ticket)
    library.suggest()
    floor.customer_says("It is order 12.")
    stale = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert "The customer wrote again since this was prepared." in words(stale)
    assert "The brand changed" not in words(stale)


def test_a_draft_names_the_passages_it_takes_sentences_from_and_no_other(library: Library) -> None:
    floor = library.floor
    library.put("kettles", "A kettle that is ordered is a kettle. " + "It is of steel. " * 20)
    floor.ann.claim(floor.ticket)
    library.suggest()
    desk = page(floor.ann.get(f"/worker/t/{floor.ticket}"))
    assert [link.text() for link in desk.css(".draft > p > .cite")] == ["[1]"]
    first, second = one(desk, "#passage-1"), one(desk, "#passage-2")
    assert "in the draft" in first.text()
    assert "in the draft" not in second.text()
    assert ([*first.css(".unfold")], len(second.css(".unfold"))) == ([], 1)
    assert "It is of steel." in one(second, "[data-insert-text]").text()
    assert not desk.css(".cards .confidence")  # a search's score says nothing of a passage's worth


@pytest.mark.parametrize(
    ("confidence", "told"),
    [(0.59, "About 6 in 10 suggestions like this rest on the right article."), (0.8, "")],
)
def test_a_confidence_that_is_not_high_says_what_it_means(
    library: Library, confidence: float, told: str
) -> None:
    floor = library.floor
    floor.ann.claim(floor.ticket)
    library.suggest()
    with floor.site.background.transaction() as tx:
        tx.scalars(select(Suggestion)).one().confidence = confidence
    desk = page(floor.ann.get(f"/worker/t/{floor.ticket}"))
    assert " ".join(line.text() for line in desk.css(".meaning")).startswith(told)
    assert bool(desk.css(".meaning")) is bool(told)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason.OFF_TOPIC, "The knowledge of Fern & Kettle does not answer this."),
        (Reason.AMBIGUOUS, "No sure answer in the knowledge of Fern & Kettle."),
    ],
)
def test_a_silence_claims_no_more_than_its_reason(library: Library, reason: Reason, told: str) -> None:
    floor = library.floor
    floor.ann.claim(floor.ticket)
    library.suggest()
    with floor.site.background.transaction() as tx:
        suggestion = tx.scalars(select(Suggestion)).one()
        suggestion.state, suggestion.reason, suggestion.next_step = SuggestionState.ABSTAINED, reason, "Ask."
    desk = page(floor.ann.get(f"/worker/t/{floor.ticket}"))
    assert one(desk, ".abstain strong").text() == told
    assert "The nearest passages, not an answer" in one(desk, "#guidance").text()


def test_a_reply_that_quotes_what_no_longer_holds_comes_back_with_the_sentence_to_take_out(
    library: Library,
) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    library.suggest()
    with floor.site.background.transaction(Scope(brand=floor.brand)) as tx:
        delete_article(tx, brand=floor.brand, key="delivery")
    library.suggest()
    refused = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=DELIVERY)
    assert "The knowledge does not say this any more." in words(refused, 422)
    assert typed_in(refused) == DELIVERY
    own = floor.ann.post(
        f"/worker/t/{floor.ticket}/reply", claim_number=number, text="I am asking our shop and come back."
    )
    assert said(own) == "Sent to the customer."


def test_asking_again_too_often_is_refused(library: Library) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/ask-again"
    statuses = [floor.ann.post(path, claim_number=number).status_code for _ in range(11)]
    assert statuses == [303] * 10 + [429]


def test_a_card_says_whether_the_knowledge_covers_its_ticket(library: Library) -> None:
    library.suggest()
    assert "Knowledge covers this" in words(library.floor.ann.get("/worker/pool"))
    with library.floor.site.background.transaction(Scope(brand=library.floor.brand)) as tx:
        delete_article(tx, brand=library.floor.brand, key="delivery")
        delete_article(tx, brand=library.floor.brand, key="tea")
    library.suggest()
    assert "Not in the knowledge" in words(library.floor.ann.get("/worker/pool"))


# Earnings


@pytest.fixture
def stripe_server(tmp_path: Path) -> Iterator[StripeServer]:
    server = StripeServer(tmp_path / "fake-stripe")
    server.start()
    yield server
    server.close()


@pytest.fixture
def paying(floor: Floor, stripe_server: StripeServer) -> StripeGateway:
    """The site's gateway, to a fake Stripe of this test."""
    gateway = StripeGateway(
        StripeConnection(
            "sk_test_tests", money_mode=MoneyMode.TEST, environment="tests", api_base=stripe_server.url
        )
    )
    floor.site.app.state.services = replace(floor.site.app.state.services, gateway=gateway)
    return gateway


def earn(floor: Floor, ticket: TicketId) -> None:
    number = floor.ann.claim(ticket)
    floor.ann.post(f"/worker/t/{ticket}/reply", claim_number=number, text=ANSWER)
    floor.resolve(ticket)


def test_what_is_earned_is_shown_by_state_with_its_sum_and_its_day(floor: Floor) -> None:
    empty = words(floor.ann.get("/worker/earnings"))
    assert "No earnings yet" in empty
    earn(floor, floor.ticket)
    tree = page(floor.ann.get("/worker/earnings"))
    stats = {one(stat, "dt").text(): one(stat, "dd").text() for stat in tree.css(".stat")}
    assert stats["Pending"].startswith("$16.00")
    assert stats["Payable"].startswith("$0.00")
    assert stats["Today"].startswith("$16.00")
    line = one(tree, ".row-detail").text()
    assert "Pay for General" in line
    assert "terms 1" in line
    assert "$16.00 earned in seven days" in one(tree, "figcaption").text()
    floor.later(timedelta(hours=73))
    with floor.site.background.transaction() as tx:
        mature(tx, now=app_now(tx))
    tree = page(floor.ann.get("/worker/earnings"))
    stats = {one(stat, "dt").text(): one(stat, "dd").text() for stat in tree.css(".stat")}
    assert stats["Pending"].startswith("$0.00")
    assert stats["Payable"].startswith("$16.00")
    assert stats["Today"].startswith("$0.00")
    assert "No earnings yet" in words(floor.bob.get("/worker/earnings"))


def test_pay_that_was_taken_back_adds_up_to_nothing(floor: Floor) -> None:
    earn(floor, floor.ticket)
    floor.customer_says("It broke again.")
    tree = page(floor.ann.get("/worker/earnings"))
    line = one(tree, ".row-detail")
    assert "taken back" in line.text()
    assert one(line, "tfoot td").text() == "$0.00"
    assert "the ticket was reopened" in line.text()


def test_payouts_are_set_up_at_stripe_and_read_again_on_return_with_no_transaction_open(
    floor: Floor, paying: StripeGateway, stripe_server: StripeServer
) -> None:
    assert "Say where your money goes" in words(floor.ann.get("/worker/earnings"))
    begun = floor.ann.post("/worker/earnings/payout-setup")
    assert begun.status_code == 303
    assert begun.headers["location"].startswith(stripe_server.url)
    with floor.site.background.transaction() as tx:
        account = tx.get_one(StripeAccount, floor.ann.id).account
    assert "Finish your payout set-up" in words(floor.ann.get("/worker/earnings?returned=1"))
    stripe_server.turn(f"accounts/{account}/onboard")
    pool = floor.site.app.state.services.database.engine.pool
    watched = WatchedGateway(paying, lambda: pool.checkedout())
    floor.site.app.state.services = replace(floor.site.app.state.services, gateway=watched)
    assert "Transfers reach your account at Stripe." in words(floor.ann.get("/worker/earnings?returned=1"))
    assert watched.open_while_calling == [0]
    stripe_server.kill()
    assert floor.ann.get("/worker/earnings?returned=1").status_code == 200


class WatchedGateway:
    """A gateway that notes how many connections to the database are in use while it is asked."""

    def __init__(self, inner: StripeGateway, in_use: Callable[[], int]) -> None:
        self._inner = inner
        self._in_use = in_use
        self.open_while_calling: list[int] = []

    def account_status(self, account_id: str) -> object:
        self.open_while_calling.append(self._in_use())
        return self._inner.account_status(account_id)


def test_set_up_needs_the_token_and_a_country_that_payouts_reach(floor: Floor, paying: StripeGateway) -> None:
    bare = floor.ann.browser.client.post("/worker/earnings/payout-setup", data={"csrf": "wrong"})
    assert bare.status_code == 403
    with floor.site.background.transaction() as tx:
        tx.get_one(Worker, floor.ann.id).country = "AQ"
    refused = floor.ann.post("/worker/earnings/payout-setup")
    assert "Payouts do not reach your country yet." in words(refused, 409)
    assert page(floor.ann.get("/worker/earnings")).css_first('form[action$="payout-setup"]') is None
    del paying


def test_the_statement_agrees_with_the_transfers_of_its_month(
    floor: Floor, paying: StripeGateway, stripe_server: StripeServer
) -> None:
    floor.ann.post("/worker/earnings/payout-setup")
    with floor.site.background.transaction() as tx:
        account = tx.get_one(StripeAccount, floor.ann.id).account
    stripe_server.turn(f"accounts/{account}/onboard")
    floor.ann.get("/worker/earnings?returned=1")
    earn(floor, floor.ticket)
    floor.later(timedelta(hours=73))
    stripe_server.turn("balance/fund", amount_minor=100_000, currency="usd")
    with floor.site.background.transaction() as tx:
        mature(tx, now=app_now(tx))
        people = [a_person(tx) for _ in range(2)]
        batch = draft_batch(tx, currency="usd", author=people[0], now=app_now(tx))
        submit(tx, batch.id, person=people[0])
    with floor.site.background.transaction() as tx:
        approve_batch(tx, batch=batch.id, person=people[1], now=app_now(tx))
        release_batch(tx, batch=batch.id, person=people[0], environment="tests", now=app_now(tx))
    assert send_due(floor.site.background, paying) == 1
    earned = floor.ann.get("/worker/earnings")
    href = attribute(one(page(earned), 'a[href*="/statements/"]'), "href")
    assert href is not None
    shown = words(floor.ann.get(href))
    assert re.search(r"Transfer tr_\w+ ?−\$16\.00", shown)
    assert "These transfers add up to $16.00" in shown
    assert "Ann Able" in shown
    for bad, status in (("2026-13", 422), ("1999-01", 404), ("x", 422), ("9999-12", 422)):
        assert floor.ann.get(f"/worker/earnings/statements/{bad}").status_code == status, bad
    assert floor.ann.get(f"{href.partition('?')[0]}?currency=eur").status_code == 404
    assert floor.bob.get(href).status_code == 404


def test_a_brand_of_another_name_is_never_mixed_in(floor: Floor) -> None:
    """Noise: another brand's ticket and another worker's pay change nothing of Ann's pages."""
    with floor.site.background.transaction() as tx:
        other = a_brand(tx, name="Noise & Sons", price=usd(900))
        noisy = an_open_ticket(tx, other, subject="Noise")
        assert tx.get_one(Brand, other).name == "Noise & Sons"
    number = floor.bob.claim(noisy)
    floor.bob.post(f"/worker/t/{noisy}/reply", claim_number=number, text=ANSWER)
    earn(floor, floor.ticket)
    shown = words(floor.ann.get("/worker/earnings")) + words(floor.ann.get("/worker/mine"))
    assert "Noise" not in shown


def test_an_open_slot_has_a_field_that_fills_it_into_the_reply_without_a_script(library: Library) -> None:
    floor = library.floor
    number = floor.ann.claim(floor.ticket)
    library.put(
        "delivery", "A kettle that you ordered last week arrives on {arrival_date} with {return code}."
    )
    library.suggest()
    path = f"/worker/t/{floor.ticket}"
    desk = page(floor.ann.get(path))
    fields = [one.attributes["type"] for one in desk.css("#guidance input[name=slot_value]")]
    names = [one.attributes["value"] for one in desk.css("#guidance input[name=slot_name]")]
    assert (names, fields) == (["arrival_date", "return code"], ["date", "text"])

    asked: dict[str, object] = {"claim_number": number, "slot_name": names}
    filled = floor.ann.post(
        f"{path}/draft",
        text="",
        insert="draft",
        slot_value=["2026-12-01", ""],
        fields=asked,
        accept="text/html",
    )
    desk_filled = floor.ann.get(filled.headers["location"])
    assert "arrives on 2026-12-01 with {return code}" in typed_in(desk_filled)

    again = floor.ann.post(
        f"{path}/draft",
        text="It comes with {return code}.",
        fill="slots",
        slot_value=["", "R 7"],
        draft_revision=value_of(desk_filled, "draft_revision"),
        fields=asked,
        accept="text/html",
    )
    assert typed_in(floor.ann.get(again.headers["location"])) == "It comes with R 7."
