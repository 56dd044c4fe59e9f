"""The desk's clock and notes: one extension, what a lost lease leaves, and words that stay inside."""

from datetime import timedelta

from selectolax.lexbor import LexborHTMLParser as HTMLParser
from sqlalchemy import text

from marketplace.kernel.clock import app_now
from marketplace.tickets.models import PoolTicket
from tests.workers_ui.worker_site import (
    ANSWER,
    Floor,
    attribute,
    hands,
    one,
    page,
    said,
    typed_in,
    words,
)


def left(floor: Floor) -> timedelta:
    with floor.site.background.transaction() as tx:
        ends = tx.get_one(PoolTicket, floor.ticket).lease_ends_at
        assert ends is not None
        return ends - app_now(tx)


def test_time_is_extended_once_and_the_desk_says_until_when(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    before = left(floor)
    offered = one(page(floor.ann.get(f"/worker/t/{floor.ticket}")), "[data-extend]").text()
    assert "Extend to" in offered
    extended = floor.ann.post(f"/worker/t/{floor.ticket}/extension", claim_number=number)
    assert said(extended).startswith("Extended: you have until ")
    assert left(floor) - before > timedelta(minutes=10)
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert page(desk).css_first("[data-extend]") is None
    assert "extension used" in words(desk)
    again = floor.ann.post(f"/worker/t/{floor.ticket}/extension", claim_number=number)
    assert "extended once" in words(again, 409)


def test_by_script_only_the_clock_is_replaced_so_that_the_text_stays_where_it_is(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    answer = floor.ann.post(f"/worker/t/{floor.ticket}/extension", script=True, claim_number=number)
    assert (answer.status_code, answer.headers["hx-retarget"]) == (200, "#lease")
    assert "you have until" in answer.headers["hx-trigger"]
    part = HTMLParser(answer.text)
    assert part.css_first("#lease hc-lease") is not None
    assert part.css_first("#composer, h1") is None


def test_a_clock_that_stands_has_nothing_to_extend(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert page(desk).css_first("[data-extend]") is None
    refused = floor.ann.post(f"/worker/t/{floor.ticket}/extension", claim_number=number)
    assert refused.status_code == 409


def test_a_lost_lease_offers_the_ticket_again_while_nobody_has_it(floor: Floor) -> None:
    floor.ann.claim(floor.ticket)
    floor.lease_runs_out()
    form = f'form[action="/worker/pool/{floor.ticket}/claim"]'
    assert page(floor.ann.get(f"/worker/t/{floor.ticket}")).css_first(form) is not None
    floor.bob.claim(floor.ticket)
    assert page(floor.ann.get(f"/worker/t/{floor.ticket}")).css_first(form) is None


def test_the_desk_carries_what_it_turns_into_when_time_is_over(floor: Floor) -> None:
    floor.ann.claim(floor.ticket)
    hidden = one(page(floor.ann.get(f"/worker/t/{floor.ticket}")), "[data-unsent]")
    assert "hidden" in hidden.attributes
    assert "your unsent text" in hidden.text()
    assert attribute(one(hidden, "form"), "action") == f"/worker/pool/{floor.ticket}/claim"


def test_releasing_can_go_on_to_the_next_ticket(floor: Floor) -> None:
    (other,) = floor.more_tickets(1)
    number = floor.ann.claim(floor.ticket)
    gone_on = floor.ann.post(
        f"/worker/t/{floor.ticket}/release", claim_number=number, reason="no_time", then="next"
    )
    assert (gone_on.status_code, gone_on.headers["location"]) == (307, "/worker/pool")
    assert floor.ann.post("/worker/pool").headers["location"] == f"/worker/t/{other}"


def test_signing_out_gives_the_tickets_back_in_their_place_and_keeps_the_words(floor: Floor) -> None:
    (other,) = floor.more_tickets(1)
    with floor.site.background.transaction() as tx:
        waiting_since = tx.get_one(PoolTicket, floor.ticket).waiting_since
    number = floor.ann.claim(floor.ticket)
    floor.ann.claim(other)
    floor.ann.post(f"/worker/t/{floor.ticket}/draft", claim_number=number, text=ANSWER)
    floor.later(timedelta(minutes=2))
    left_ = floor.ann.post("/sign-out")
    assert "2 tickets went back to the pool; what you wrote is kept." in said(left_)
    with floor.site.background.transaction() as tx:
        row = tx.get_one(PoolTicket, floor.ticket)
        assert (row.worker_id, row.waiting_since) == (None, waiting_since)
    back = hands(floor.site, floor.ann.id)
    assert ANSWER in words(back.get("/worker/mine"))
    assert "You signed out, so this ticket went back to the pool." in words(
        back.get(f"/worker/t/{floor.ticket}")
    )
    back.claim(floor.ticket)
    assert typed_in(back.get(f"/worker/t/{floor.ticket}")) == ANSWER


def test_coming_back_to_a_ticket_goes_on_under_the_same_lease(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    with floor.site.background.transaction() as tx:
        ends = tx.get_one(PoolTicket, floor.ticket).lease_ends_at
    floor.later(timedelta(minutes=1))
    assert floor.ann.claim(floor.ticket) == number
    with floor.site.background.transaction() as tx:
        assert tx.get_one(PoolTicket, floor.ticket).lease_ends_at == ends


# Notes


def test_a_note_is_read_by_whoever_holds_the_ticket_next_without_a_name(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    note = "The hopper is cracked. Write to sam@example.com."
    added = floor.ann.post(f"/worker/t/{floor.ticket}/notes", claim_number=number, internal_note=note)
    assert said(added) == "Note added."
    own = one(page(floor.ann.get(f"/worker/t/{floor.ticket}")), ".notes").text()
    assert "You," in own
    assert "The hopper is cracked." in own
    floor.lease_runs_out()
    floor.bob.claim(floor.ticket)
    read = one(page(floor.bob.get(f"/worker/t/{floor.ticket}")), ".notes").text()
    assert "Another expert," in read
    assert "The hopper is cracked." in read
    for hidden in ("Ann", "sam@example.com"):
        assert hidden not in read


def test_a_note_is_in_no_message_to_the_customer(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    floor.ann.post(f"/worker/t/{floor.ticket}/notes", claim_number=number, internal_note="Do not tell him.")
    floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=ANSWER)
    with floor.site.background.transaction() as tx:
        bodies = tx.execute(text("SELECT body FROM message UNION SELECT body FROM reply")).scalars().all()
    assert not [body for body in bodies if "Do not tell him." in body]


def test_by_script_only_the_notes_are_replaced(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/notes"
    answer = floor.ann.post(path, script=True, claim_number=number, internal_note="Asked for a photo.")
    assert (answer.status_code, answer.headers["hx-retarget"]) == (200, "#notes")
    assert "Asked for a photo." in HTMLParser(answer.text).css("#notes .notes")[0].text()


def test_a_note_that_cannot_be_kept_comes_back_with_the_reason(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    long = "x" * 2_001
    for bad in ("", "  ", long, "a\x00b"):
        refused = floor.ann.post(f"/worker/t/{floor.ticket}/notes", claim_number=number, internal_note=bad)
        assert "A note has 1 to 2,000 characters." in words(refused, 422), bad[:5]
    assert typed_in(refused, "#note-text").startswith("a")


def test_a_note_that_comes_too_late_is_shown_to_be_copied(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    floor.ann.post(f"/worker/t/{floor.ticket}/draft", claim_number=number, text="Hello Sam")
    floor.lease_runs_out()
    late = floor.ann.post(
        f"/worker/t/{floor.ticket}/notes", claim_number=number, internal_note="Asked for a photo."
    )
    assert typed_in(late, "#kept-note") == "Asked for a photo."
    assert typed_in(late, "#kept-text") == "Hello Sam"


def test_a_reply_in_review_stops_the_clock_and_says_whose_turn_it_is(floor: Floor) -> None:
    floor.ann.claim(floor.ticket)
    with floor.site.background.transaction() as tx:
        in_review = "UPDATE pool_ticket SET state = 'in_review', lease_ends_at = NULL WHERE ticket_id = :t"
        tx.execute(text(in_review), {"t": floor.ticket})
    desk = floor.ann.get(f"/worker/t/{floor.ticket}")
    assert "Your reply waits for Fern & Kettle to approve it." in words(desk)
    assert "waits for approval" in one(page(desk), "#lease").text()
    assert "Waiting for the brand’s approval" in words(floor.ann.get("/worker/mine"))
    assert "0 of 3 e-mail" in words(floor.ann.get("/worker/pool"))
