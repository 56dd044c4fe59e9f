"""A conversation through all hands, as browsers see it: reviewed, handed over, settled, and taken up again."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import select, update

from marketplace.accounts.models import MemberRole, SignedIn, Worker
from marketplace.kernel.ids import TicketId, WorkerId
from marketplace.tickets.models import Ticket
from marketplace.tickets.posting import admit
from marketplace.tickets.reply_models import ReplyReview
from tests.builders import Clock, a_worker, begin_probation
from tests.workers_ui.brand_site import Browser, House, a_house, tree, value_of, words
from tests.workers_ui.conftest import Site, Visitor, sentence

PROMISE = "We will send a new kettle by Friday, free of charge."
WRONG = "The kettle is lost."


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """A worker with a browser."""

    id: WorkerId
    visitor: Visitor

    def get(self, path: str) -> Response:
        return self.visitor.client.get(path)

    def post(self, path: str, **fields: object) -> Response:
        form = {"csrf": self.visitor.csrf} | {name: str(value) for name, value in fields.items()}
        return self.visitor.client.post(path, data=form)

    def claim(self, ticket: TicketId) -> int:
        assert self.post(f"/worker/pool/{ticket}/claim").status_code == 303
        return int(value_of(self.get(f"/worker/t/{ticket}"), "claim_number"))

    def reply(self, ticket: TicketId, number: int, text: str) -> Response:
        """Send it; what comes back with warnings is looked at, and sent anyway."""
        fields = {"claim_number": number, "text": text, "then": "stay"}
        answer = self.post(f"/worker/t/{ticket}/reply", **fields)
        if answer.status_code == 422 and (seen := tree(answer).css_first("#composer [name=seen]")):
            return self.post(f"/worker/t/{ticket}/reply", **fields, seen=seen.attributes["value"])
        return answer


def hands(site: Site, name: str) -> Hands:
    with site.background.transaction() as tx:
        worker = a_worker(tx, name=name)
        person = tx.get_one(Worker, worker).person_id
    return Hands(id=worker, visitor=site.signed_in(person))


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member()


@pytest.fixture
def ann(site: Site) -> Hands:
    return hands(site, "Ann Able")


@pytest.fixture
def bob(site: Site) -> Hands:
    return hands(site, "Bob Busy")


def later(site: Site, by: timedelta) -> None:
    """Time passes, and everybody is still signed in."""
    Clock(database=site.background).forward(by)
    with site.background.transaction() as tx:
        tx.execute(update(SignedIn).values(expires_at=SignedIn.expires_at + by))


def probation(house: House, *, replies: int = 1) -> None:
    with house.site.background.transaction() as tx:
        begin_probation(tx, house.brand, replies=replies)


def newest_review(house: House, ticket: TicketId) -> str:
    with house.site.background.transaction() as tx:
        newest = select(ReplyReview.id).where(ReplyReview.ticket_id == ticket).order_by(ReplyReview.id.desc())
        return str(tx.scalars(newest.limit(1)).one())


def test_a_first_reply_is_returned_with_a_reason_bettered_and_approved(
    house: House, owner: Browser, ann: Hands
) -> None:
    probation(house)
    ticket = house.ticket(subject="Where is my kettle? Write to sam@example.com")
    number = ann.claim(ticket)

    sent = ann.reply(ticket, number, WRONG)
    assert "The brand looks at it first" in sentence(sent)
    desk = ann.get(f"/worker/t/{ticket}")
    assert "Fern & Kettle reads your reply before it is sent." in words(desk)
    assert "You may claim something else meanwhile" in words(desk)
    assert WRONG in words(desk, ".desk-composer")
    assert not tree(desk).css("#composer, #release, #escalate")
    assert "Waiting for the brand’s approval 1" in words(ann.get("/worker/mine"))

    returned = owner.post(
        f"/reviews/{newest_review(house, ticket)}/return", {"reason": "wrong", "note": "It left on Monday."}
    )
    assert returned.status_code == 303
    assert "returned by the brand" in words(ann.get("/worker/mine"))
    desk = ann.get(f"/worker/t/{ticket}")
    assert "Fern & Kettle returned your reply: something in it is wrong." in words(desk)
    assert "It left on Monday." in words(desk)
    assert value_of(desk, "text") == WRONG

    ann.reply(ticket, number, PROMISE)
    approved = owner.post(f"/reviews/{newest_review(house, ticket)}/approval")
    assert approved.status_code == 303
    desk = ann.get(f"/worker/t/{ticket}")
    assert PROMISE in words(desk, "#thread")
    assert WRONG not in words(desk, "#thread")
    assert "returned your reply" not in words(desk)

    second = house.ticket()
    assert "Sent to the customer." in sentence(ann.reply(second, ann.claim(second), PROMISE))


def test_a_second_reply_while_the_first_waits_is_refused_with_its_text(house: House, ann: Hands) -> None:
    probation(house)
    ticket = house.ticket()
    number = ann.claim(ticket)
    ann.reply(ticket, number, WRONG)
    again = ann.reply(ticket, number, PROMISE)
    assert (again.status_code, "waits for the brand's approval" in words(again)) == (409, True)
    released = ann.post(f"/worker/t/{ticket}/release", claim_number=number, reason="no_time")
    assert (released.status_code, "waits for the brand's approval" in words(released)) == (409, True)


def test_who_takes_over_reads_what_was_promised(
    house: House, owner: Browser, ann: Hands, bob: Hands, site: Site
) -> None:
    ticket = house.ticket()
    ann.reply(ticket, ann.claim(ticket), f"Hello Sam,\n\n{PROMISE}\n\nKind regards")
    later(site, timedelta(minutes=30))
    owner.post(f"/tickets/{ticket}/messages", {"text": "It is Friday. Where is it?"})
    bob.claim(ticket)
    desk = bob.get(f"/worker/t/{ticket}")
    panel = words(desk, ".handover")
    assert "Answered once before" in panel
    assert f"Promised: keep it, or say why not {PROMISE} Another expert" in panel
    assert "Open now Where is it? Customer" in panel
    assert "Before" not in words(ann.get(f"/worker/t/{ticket}"), "h1")


def test_an_answered_desk_says_when_silence_resolves_it(house: House, ann: Hands) -> None:
    ticket = house.ticket()
    ann.reply(ticket, ann.claim(ticket), PROMISE)
    assert "Without a word of the customer it is resolved" in words(ann.get(f"/worker/t/{ticket}"))


def test_a_first_claim_shows_no_hand_over(house: House, ann: Hands) -> None:
    ticket = house.ticket()
    ann.claim(ticket)
    assert not tree(ann.get(f"/worker/t/{ticket}")).css(".handover")


def test_after_the_window_the_conversation_goes_on_in_a_new_ticket_that_knows_the_old_one(
    house: House, owner: Browser, ann: Hands, bob: Hands, site: Site
) -> None:
    ticket = house.ticket(subject="Where is my kettle? Write to sam@example.com")
    ann.reply(ticket, ann.claim(ticket), PROMISE)
    owner.post(f"/tickets/{ticket}/confirmation")
    later(site, timedelta(hours=73))
    went = owner.post(f"/tickets/{ticket}/messages", {"text": "It never came. What now?"})
    linked = TicketId(UUID(went.headers["location"].rsplit("/", 1)[1]))
    with site.background.transaction() as tx:
        assert tx.get_one(Ticket, (house.brand, linked)).follows_id == ticket
        admit(tx, brand=house.brand, ticket=linked)

    bob.claim(linked)
    desk = bob.get(f"/worker/t/{linked}")
    panel = words(desk, ".handover")
    assert "Goes on from #1, “Where is my kettle? Write to" in panel
    assert "sam@example.com" not in desk.text
    assert f"Promised in the ticket before: keep it, or say why not {PROMISE}" in panel
    assert "Open now What now? Customer" in panel
    assert bob.get(f"/worker/t/{ticket}").status_code == 404
    past = ann.get(f"/worker/t/{ticket}")
    assert str(linked) not in past.text


def test_the_desk_of_a_settled_ticket_leads_to_the_linked_one_that_the_same_worker_holds(
    house: House, owner: Browser, ann: Hands, site: Site
) -> None:
    ticket = house.ticket()
    ann.reply(ticket, ann.claim(ticket), PROMISE)
    owner.post(f"/tickets/{ticket}/confirmation")
    later(site, timedelta(hours=73))
    went = owner.post(f"/tickets/{ticket}/messages", {"text": "It never came. What now?"})
    linked = TicketId(UUID(went.headers["location"].rsplit("/", 1)[1]))
    with site.background.transaction() as tx:
        admit(tx, brand=house.brand, ticket=linked)
    ann.claim(linked)
    past = tree(ann.get(f"/worker/t/{ticket}"))
    assert past.css_matches(f'main .callout a[href="/worker/t/{linked}"]')


def test_a_worker_chooses_the_queue_and_reads_how_the_brand_decided(
    house: House, owner: Browser, ann: Hands
) -> None:
    owner.post("/control/replies/queues", {"name": "Billing", "decide_minutes": "90"})
    ticket = house.ticket()
    number = ann.claim(ticket)
    ann.reply(ticket, number, "One moment, I am looking.")
    desk = ann.get(f"/worker/t/{ticket}")
    assert "Support (decides within 1 day) Billing (decides within 1 hour 30 minutes)" in words(
        desk, "#escalate-queue"
    )
    assert value_of(desk, "queue") in ("", "support")
    wrong = ann.post(
        f"/worker/t/{ticket}/escalate", claim_number=number, reason="other", queue="nowhere", note="Refund"
    )
    assert (wrong.status_code, "Choose one of the brand's queues." in words(wrong)) == (422, True)
    done = ann.post(
        f"/worker/t/{ticket}/escalate", claim_number=number, reason="other", queue="billing", note="Refund"
    )
    assert "decides within 1 hour 30 minutes" in sentence(done)
    owner.post(
        f"/tickets/{ticket}/escalation-confirmation",
        {"note": "Thank you.", "needless_reason": "The message told the customer nothing."},
    )
    past = words(ann.get(f"/worker/t/{ticket}"))
    assert "Fern & Kettle confirmed your escalation, without the fee" in past
    assert "The message told the customer nothing." in past
    assert "Thank you." in past


def test_a_reviewer_needs_no_script_and_no_mouse(house: House, ann: Hands) -> None:
    probation(house)
    ticket = house.ticket()
    ann.reply(ticket, ann.claim(ticket), PROMISE)
    page = house.member(MemberRole.REVIEWER).get("/reviews")
    forms = [form.attributes["action"] for form in tree(page).css("[data-review] form")]
    assert [str(one).rsplit("/", 1)[1] for one in forms] == ["approval", "return"]
    keys = {
        one.attributes["aria-keyshortcuts"] for one in tree(page).css("[data-review] [aria-keyshortcuts]")
    }
    assert keys == {"a", "x"}
