"""The pool as one worker sees it: what a card says before a claim, his filters, what he skips and hides."""

import gzip
from collections.abc import Mapping

import pytest
from httpx2 import Response
from sqlalchemy import Engine, event, text

from benchmarks.crowd import fill_pool
from marketplace.kernel.ids import TicketId
from marketplace.tickets.models import Channel
from marketplace.tickets.pool_queries import CARDS_A_PAGE
from tests.builders import a_brand, an_open_ticket, usd
from tests.workers_ui.brand_site import a_suggestion, an_article
from tests.workers_ui.worker_site import (
    Floor,
    attribute,
    one,
    page,
    said,
    words,
)

PAGE_BUDGET_BYTES = 20_000
STATEMENTS = 10


def change(floor: Floor, statement: str, **values: object) -> None:
    with floor.site.background.transaction() as tx:
        tx.execute(text(statement), values)


def card_of(answer: Response, ticket: TicketId) -> str:
    """What the row of `ticket` says, unfolded."""
    return " ".join(one(page(answer), f"#ticket-{ticket}").text().split())


def subjects(answer: Response) -> list[str]:
    return [row.text().strip() for row in page(answer).css(".pool-subject")]


def other_brand(floor: Floor, **changes: object) -> tuple[str, TicketId]:
    """A second brand's address and its ticket."""
    with floor.site.background.transaction() as tx:
        brand = a_brand(tx, name="Tern Home", price=usd(250))
        ticket = an_open_ticket(tx, brand, **({"subject": "Where is my sofa?"} | changes))
    return f"brand-{brand.hex[-10:]}", ticket


def test_a_card_says_pay_time_terms_and_record_before_any_claim(floor: Floor) -> None:
    shown = card_of(floor.ann.get("/worker/pool"), floor.ticket)
    for told in (
        "$16.00",
        "~5 min, $192.00 an hour",
        "Fern & Kettle",
        "General",
        "e-mail",
        "EN",
        "5 min to read, then 60 min to answer",
        "new here",
        "Coverage not known",
    ):
        assert told in shown, told
    assert "sam@example.com" not in shown


def test_a_card_says_how_the_brand_decides_and_how_soon_it_pays(floor: Floor) -> None:
    change(
        floor,
        "INSERT INTO brand_stat (brand_id, approval_basis_points, days_to_pay, decided, measured_at) "
        "VALUES (:brand, 9840, 3, 120, now())",
        brand=floor.brand,
    )
    assert "98 % paid, in 3 days" in card_of(floor.ann.get("/worker/pool"), floor.ticket)


@pytest.mark.parametrize(
    ("draft", "covered"), [("Use vinegar.", "Knowledge covers this"), ("", "Knowledge covers some")]
)
def test_a_card_says_what_the_newest_suggestion_made_of_the_ticket(
    floor: Floor, draft: str, covered: str
) -> None:
    with floor.site.background.transaction() as tx:
        passage = an_article(tx, floor.brand, text="Kettles are descaled with vinegar.")
        a_suggestion(tx, floor.brand, floor.ticket, passage, draft="Older words.")
        a_suggestion(tx, floor.brand, floor.ticket, passage, draft=draft)
    assert covered in card_of(floor.ann.get("/worker/pool"), floor.ticket)


def test_a_card_says_in_words_what_waiting_adds_and_who_may_claim_first(floor: Floor) -> None:
    assert "for waiting" not in card_of(floor.ann.get("/worker/pool"), floor.ticket)
    change(
        floor,
        "UPDATE pool_ticket SET surge_basis_points = 2000, newcomers_first = true WHERE ticket_id = :t",
        t=floor.ticket,
    )
    shown = card_of(floor.ann.get("/worker/pool"), floor.ticket)
    assert "+20 % for waiting" in shown
    assert "newcomers first" in shown


def test_the_claim_meter_counts_each_channel(floor: Floor) -> None:
    (chat,) = floor.more_tickets(1, channel=Channel.CHAT)
    floor.ann.claim(floor.ticket)
    floor.ann.claim(chat)
    assert "1 of 3 e-mail" in words(floor.ann.get("/worker/pool"))
    assert "1 of 1 chat" in words(floor.ann.get("/worker/pool"))
    assert "0 of 1 chat" in words(floor.bob.get("/worker/pool"))


@pytest.mark.parametrize(("copies", "waiting"), [(1, 3), (4_998, 5_000)])
def test_a_pool_of_any_size_is_one_light_page_with_its_true_count(
    floor: Floor, copies: int, waiting: int
) -> None:
    fill_pool(floor.site.background, floor.brand, tickets=copies)
    change(floor, "UPDATE pool_ticket SET newcomers_first = false")
    answer = floor.ann.get("/worker/pool")
    assert len(page(answer).css(".pool-row")) == min(waiting, CARDS_A_PAGE)
    assert one(page(answer), "h1 .count").text() == f"{waiting:,}"
    assert len(gzip.compress(answer.content)) < PAGE_BUDGET_BYTES


def test_the_page_is_read_in_ten_statements(floor: Floor) -> None:
    floor.more_tickets(3)
    asked: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert len(subjects(floor.ann.get("/worker/pool"))) == 4
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(asked) <= STATEMENTS, asked


# Filters


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"channel": "chat"}, ["Where is my sofa?"]),
        ({"channel": "email"}, ["Where is my kettle? Write to ███@███."]),
        ({"pay": "500"}, ["Where is my kettle? Write to ███@███."]),
        ({"minutes": "3"}, ["Where is my sofa?"]),
        (
            {"skill": "general", "language": "en"},
            ["Where is my kettle? Write to ███@███.", "Where is my sofa?"],
        ),
    ],
)
def test_a_filter_narrows_the_pool(floor: Floor, query: Mapping[str, str], shown: list[str]) -> None:
    _, ticket = other_brand(floor, channel=Channel.CHAT)
    change(floor, "UPDATE pool_ticket SET expected_minutes = 2 WHERE ticket_id = :t", t=ticket)
    found = subjects(floor.ann.browser.client.get("/worker/pool", params=dict(query)))
    assert sorted(one.split("?")[0] for one in found) == sorted(one.split("?")[0] for one in shown)


def test_filters_stand_in_the_address_are_kept_for_the_person_and_cleared(floor: Floor) -> None:
    slug, _ = other_brand(floor)
    set_ = floor.ann.get(f"/worker/pool?set=1&brand={slug}&language=&channel=&skill=&pay=&minutes=30")
    assert set_.headers["location"] == f"/worker/pool?brand={slug}&minutes=30"
    assert subjects(floor.ann.get(set_.headers["location"])) == ["Where is my sofa?"]
    kept = floor.ann.get("/worker/pool")
    assert subjects(kept) == ["Where is my sofa?"]
    assert "Tern Home · at most 30 min" in words(kept).replace("Tern Homeat", "Tern Home · at")
    assert len(subjects(floor.bob.get("/worker/pool"))) == 2
    cleared = floor.ann.get("/worker/pool?set=1")
    assert cleared.headers["location"] == "/worker/pool"
    assert len(subjects(floor.ann.get("/worker/pool"))) == 2


def test_what_somebody_else_filtered_by_in_this_browser_is_not_mine(floor: Floor) -> None:
    floor.ann.get("/worker/pool?set=1&channel=chat")
    kept = next(iter(one for one in floor.ann.browser.client.cookies.jar if one.name == "hc_pool"))
    floor.bob.browser.client.cookies.set("hc_pool", kept.value or "", path="/worker/pool")
    assert len(subjects(floor.bob.get("/worker/pool"))) == 1


def test_a_filter_that_does_not_exist_is_refused_and_a_broken_memory_is_forgotten(floor: Floor) -> None:
    for bad in ("channel=fax", "brand=A%20B", "pay=-1", "pay=x", "minutes=99999", "skill=magic", "brand=%00"):
        assert floor.ann.get(f"/worker/pool?{bad}").status_code == 422, bad
    floor.ann.browser.client.cookies.set("hc_pool", f"{floor.ann.id}:channel=fax", path="/worker/pool")
    assert len(subjects(floor.ann.get("/worker/pool"))) == 1


def test_no_match_says_so_and_leads_to_all_again(floor: Floor) -> None:
    answer = floor.ann.get("/worker/pool?channel=chat")
    assert "Nothing here matches your filters" in words(answer)
    assert page(answer).css_first('a[href="/worker/pool?set=1"]') is not None


def test_claiming_the_next_takes_the_best_and_with_filters_the_first_that_matches(floor: Floor) -> None:
    (chat,) = floor.more_tickets(1, channel=Channel.CHAT)
    plain = one(page(floor.ann.get("/worker/pool")), "#claim-form")
    assert attribute(plain, "action") == "/worker/pool"
    filtered = one(page(floor.ann.get("/worker/pool?channel=chat")), "#claim-form")
    assert attribute(filtered, "action") == f"/worker/pool/{chat}/claim"


def test_the_next_page_keeps_the_filters(floor: Floor) -> None:
    floor.more_tickets(51)
    following = one(page(floor.ann.get("/worker/pool?channel=email")), "a[rel=next]")
    assert attribute(following, "href") == "/worker/pool?channel=email&page=2"
    assert len(subjects(floor.ann.get(attribute(following, "href")))) == 2


# Skipping, hiding, coming and going


def test_a_skipped_ticket_is_not_offered_again_to_the_one_who_skipped_it(floor: Floor) -> None:
    reasons = one(page(floor.ann.get("/worker/pool")), f"#ticket-{floor.ticket} .pool-skip")
    assert [attribute(button, "value") for button in reasons.css("button")] == [
        "not_my_skill",
        "no_time",
        "knowledge_missing",
        "other",
    ]
    skipped = floor.ann.post(f"/worker/pool/{floor.ticket}/skip", reason="no_time")
    assert "You are not offered this ticket again." in said(skipped)
    assert subjects(floor.ann.get("/worker/pool")) == []
    assert len(subjects(floor.bob.get("/worker/pool"))) == 1


def test_a_skip_without_a_reason_changes_nothing(floor: Floor) -> None:
    assert floor.ann.post(f"/worker/pool/{floor.ticket}/skip", reason="because").status_code == 422
    assert len(subjects(floor.ann.get("/worker/pool"))) == 1


def test_a_hidden_brand_is_gone_until_it_is_shown_again(floor: Floor) -> None:
    slug, _ = other_brand(floor)
    hidden = floor.ann.post(f"/worker/mutes/{slug}")
    assert "Hidden." in said(hidden)
    assert "Where is my sofa?" not in subjects(floor.ann.get("/worker/pool"))
    assert "Where is my sofa?" in subjects(floor.bob.get("/worker/pool"))
    settings = page(floor.ann.get("/worker/settings"))
    assert "Tern Home" in one(settings, "#hidden-title").parent.text()  # type: ignore[union-attr]
    floor.ann.post(f"/worker/mutes/{slug}/end")
    assert "Where is my sofa?" in subjects(floor.ann.get("/worker/pool"))
    assert floor.ann.post("/worker/mutes/no-such-brand").status_code == 404


def test_a_worker_goes_away_and_comes_back(floor: Floor) -> None:
    assert "You are away" not in words(floor.ann.get("/worker/pool"))
    said(floor.ann.post("/worker/availability", available="no"))
    assert "You are away" in words(floor.ann.get("/worker/pool"))
    assert "You are away" not in words(floor.bob.get("/worker/pool"))
    said(floor.ann.post("/worker/availability", available="yes"))
    assert "You are away" not in words(floor.ann.get("/worker/pool"))


def test_the_loser_sees_what_the_next_best_pays_and_can_take_it(floor: Floor) -> None:
    (other,) = floor.more_tickets(1, subject="Can I return it?")
    floor.ann.claim(floor.ticket)
    lost = floor.bob.post(f"/worker/pool/{floor.ticket}/claim", script=True)
    assert "Can I return it?, $16.00" in lost.text.replace("</a>", "")
    assert f'formaction="/worker/pool/{other}/claim"' in lost.text


def test_every_act_of_the_pool_needs_the_forms_token(floor: Floor) -> None:
    for path in (f"pool/{floor.ticket}/skip", "mutes/x", "mutes/x/end", "availability", "settings"):
        bare = floor.ann.browser.client.post(f"/worker/{path}", data={"csrf": "wrong"})
        assert bare.status_code == 403, path


def test_the_page_knows_which_rows_of_the_stream_are_not_for_this_worker(floor: Floor) -> None:
    slug, _ = other_brand(floor)
    floor.ann.post(f"/worker/mutes/{slug}")
    change(floor, "UPDATE worker SET resolved_count = 10 WHERE id = :w", w=floor.ann.id)
    ann, bob = (one(page(hands.get("/worker/pool")), "#pool") for hands in (floor.ann, floor.bob))
    assert (attribute(ann, "data-not-brands"), attribute(bob, "data-not-brands")) == (slug, "")
    assert ("data-no-newcomer" in ann.attributes, "data-no-newcomer" in bob.attributes) == (True, False)
