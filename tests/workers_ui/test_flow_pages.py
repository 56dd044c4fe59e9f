"""Flows at the desk, on the brand's pages and by API: walked, inserted, on the receipt; written, tried, published."""

import pytest
from httpx2 import Response

from guidance.commands import FLOW
from guidance.flows import publish_flow, withdraw_flow
from guidance.models import Receipt
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import Escalation
from tests.builders import a_brand, as_brand
from tests.guidance.test_flow import RETURNS
from tests.workers_ui.brand_site import Browser, House, a_house, tree
from tests.workers_ui.conftest import Site, sentence
from tests.workers_ui.worker_site import Floor, attribute, one, page, typed_in, value_of, words

SECOND = RETURNS.replace("name: Returns", "name: Returns again")


def publish(site: Site, brand: BrandId, source: str = RETURNS) -> None:
    with site.background.transaction(as_brand(brand)) as tx:
        publish_flow(tx, brand=brand, source=source, author=None, now=app_now(tx))


@pytest.fixture
def desk(floor: Floor) -> Floor:
    publish(floor.site, floor.brand)
    return floor


def form(number: int, *answers: str, **more: object) -> dict[str, object]:
    return {"claim_number": number, "flow": "returns", "flow_version": 1, "answers": list(answers), **more}


def walked(desk: Floor, number: int, *answers: str, script: bool = False, **more: object) -> Response:
    fields = {"csrf": desk.ann.browser.csrf, **form(number, *answers, **more)}
    headers = {"hx-request": "true"} if script else {}
    return desk.ann.browser.client.post(f"/worker/t/{desk.ticket}/flow", data=fields, headers=headers)


def test_the_desk_offers_the_ticket_brands_flows_and_no_others(desk: Floor) -> None:
    with desk.site.background.transaction() as tx:
        other = a_brand(tx)
    publish(desk.site, other, RETURNS.replace("key: returns", "key: strange").replace("Returns", "Strange"))
    number = desk.ann.claim(desk.ticket)
    shown = page(desk.ann.get(f"/worker/t/{desk.ticket}"))
    assert [attribute(button, "value") for button in shown.css("[data-flow]")] == ["returns"]
    refused = walked(desk, number, flow="strange")
    assert "There is no such flow" in words(refused)


def test_a_walk_without_script_ends_in_a_reply_whose_receipt_names_it(desk: Floor) -> None:
    number = desk.ann.claim(desk.ticket)
    asked = page(walked(desk, number))
    assert [button.text() for button in asked.css(".flow-choices button")] == ["Broken", "Not wanted"]
    field = page(walked(desk, number, answer="Broken"))
    assert attribute(one(field, "#flow-answer"), "type") == "text"
    assert [attribute(kept, "value") for kept in field.css("[name=answers]")] == ["Broken"]
    done = page(walked(desk, number, "Broken", answer="#AB-17"))
    mark = attribute(one(done, "[data-mark]"), "data-mark")
    assert "Please send a photo of order AB-17." in one(done, "[data-insert-text]").text()

    kept = desk.ann.post(
        f"/worker/t/{desk.ticket}/draft", accept="text/html", claim_number=number, text="", insert=mark
    )
    again = desk.ann.get(kept.headers["location"])
    assert "photo of order AB-17" in typed_in(again)
    assert value_of(again, "inserted") == mark
    sent = desk.ann.post(
        f"/worker/t/{desk.ticket}/reply",
        claim_number=number,
        text=typed_in(again),
        inserted=mark,
        idempotency_key="k1",
    )
    assert sent.status_code == 303
    with desk.site.background.transaction(PLATFORM) as tx:
        receipt = tx.query(Receipt).filter_by(ticket_id=desk.ticket).one()
        assert receipt.inserted == [FLOW]
        assert receipt.edit_distance == 0
        assert f"flow:{receipt.flow_walk_id}" == mark


def test_with_script_only_the_panel_is_answered_and_takes_the_hand_back(desk: Floor) -> None:
    number = desk.ann.claim(desk.ticket)
    answer = walked(desk, number, "Broken", script=True)
    assert answer.headers["hx-retarget"] == "#flows"
    assert answer.text.strip().startswith("<section")
    assert "autofocus" in answer.text


def test_a_refused_answer_stays_to_be_mended_and_one_answer_can_be_taken_back(desk: Floor) -> None:
    number = desk.ann.claim(desk.ticket)
    refused = page(walked(desk, number, "Broken", answer="<b>none</b>"))
    assert attribute(one(refused, "#flow-answer"), "value") == "<b>none</b>"
    assert "at least" in one(refused, "#flow-error").text()
    back = page(walked(desk, number, "Broken", back="1", answer="A1"))
    assert one(back, ".flow-choices legend").text() == "Why?"
    closed = page(walked(desk, number, "Broken", flow=""))
    assert closed.css("[data-flow]")


def test_an_escalating_outcome_hands_over_with_its_note(desk: Floor) -> None:
    number = desk.ann.claim(desk.ticket)
    done = page(walked(desk, number, "Not wanted", answer="2020-01-02"))
    note = attribute(one(done, "#flows [name=note]"), "value")
    assert note == "Late: 2020-01-02"
    queue = attribute(one(done, "#flow-queue option"), "value")
    reason = attribute(one(done, "#flows [name=reason]"), "value")
    desk.ann.post(
        f"/worker/t/{desk.ticket}/escalate", claim_number=number, queue=queue, reason=reason, note=note
    )
    with desk.site.background.transaction(PLATFORM) as tx:
        assert tx.query(Escalation).filter_by(ticket_id=desk.ticket).one().note == note


def test_another_workers_walk_is_not_taken_into_a_reply(desk: Floor) -> None:
    number = desk.ann.claim(desk.ticket)
    done = page(walked(desk, number, "Broken", answer="A1"))
    mark = attribute(one(done, "[data-mark]"), "data-mark")
    [theirs] = desk.more_tickets(1)
    held = desk.bob.claim(theirs)
    for stolen in (mark, "flow:no-id", "flow:"):
        desk.bob.post(
            f"/worker/t/{theirs}/draft",
            accept="text/html",
            claim_number=held,
            text="Mine.",
            insert=stolen,
        )
    assert typed_in(desk.bob.get(f"/worker/t/{theirs}")).strip() == "Mine."


def test_a_stale_claim_walks_nothing_and_a_withdrawn_flow_is_over(desk: Floor) -> None:
    number = desk.ann.claim(desk.ticket)
    with desk.site.background.transaction(as_brand(desk.brand)) as tx:
        withdraw_flow(tx, brand=desk.brand, key="returns", author=None, now=app_now(tx))
    assert "There is no such flow" in walked(desk, number, "Broken").text
    assert walked(desk, number + 1).status_code == 409


def test_a_figure_the_brand_wrote_has_support_and_one_that_was_answered_has_none(
    site: Site, floor: Floor
) -> None:
    source = RETURNS.replace("Please send a photo of order {order}.", "The label costs $6; you said {order}.")
    free = source.replace(
        "ask: Which order?\n    type: order_id\n    next: photo", "ask: Words?\n    next: photo"
    )
    publish(site, floor.brand, free)
    number = floor.ann.claim(floor.ticket)
    walked(floor, number, "Broken", answer="a refund of $500")
    shown = floor.ann.post(
        f"/worker/t/{floor.ticket}/reply",
        claim_number=number,
        text="The label costs $6; you said a refund of $500. {x}",
        idempotency_key="k",
    )
    found = one(page(shown, 422), "#findings").text()
    assert "$500" in found
    assert "$6" not in found


# The brand's pages


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def owner(house: House) -> Browser:
    return house.member(MemberRole.OWNER)


def test_a_manager_tries_publishes_edits_restores_and_withdraws(house: House, owner: Browser) -> None:
    fresh = tree(owner.get("/knowledge/new-flow"))
    example = one(fresh, "#flow-source").text().lstrip("\n")
    tried = owner.post("/knowledge/flow-trial", {"source": example, "begin": "1"})
    assert one(tree(tried), "#trial legend").text() == "Why does the customer send it back?"
    assert owner.get("/knowledge/flows/returns").status_code == 404  # trying keeps nothing

    done = owner.post("/knowledge/flows", {"source": RETURNS, "based_on": "0"})
    assert sentence(done) == "Version 1 of “Returns” is what workers walk from now on."
    edited = owner.post("/knowledge/flows", {"source": SECOND, "based_on": "1", "key": "returns"})
    assert edited.status_code == 303
    late = owner.post("/knowledge/flows", {"source": RETURNS, "based_on": "1", "key": "returns"})
    assert late.status_code == 409
    assert one(tree(late), "#flow-source").text().strip() == RETURNS.strip()
    owner.post("/knowledge/flows/returns/restoration", {"version": "1"})
    shown = owner.get("/knowledge/flows/returns")
    assert "Version 3" in shown.text
    assert one(tree(shown), "h1").text() == "Returns"
    owner.post("/knowledge/flows/returns/withdrawal")
    assert "withdrawn" in owner.get("/knowledge/flows").text


def test_a_trial_goes_on_by_its_own_form(owner: Browser) -> None:
    one_answer = owner.post("/knowledge/flow-trial", {"source": RETURNS, "answer": "Broken"})
    assert attribute(one(tree(one_answer), "#trial [name=answers]"), "form") == "flow-form"
    done = owner.post("/knowledge/flow-trial", {"source": RETURNS, "answers": ["Broken"], "answer": "A1"})
    assert "photo of order A1" in one(tree(done), "#trial [data-insert-text]").text()
    assert tree(done).css("[data-insert-button]") == []
    wrong = owner.post("/knowledge/flow-trial", {"source": RETURNS, "answers": ["Broken"], "answer": "none"})
    assert wrong.status_code == 422
    changed = owner.post("/knowledge/flow-trial", {"source": RETURNS, "answers": ["Gone"], "answer": "A1"})
    assert "Choose one of" in changed.text


def test_all_that_is_wrong_is_listed_and_the_text_stays(owner: Browser) -> None:
    broken = RETURNS.replace("next: photo", "next: <b>foto</b>")
    for rest in ("/knowledge/flow-trial", "/knowledge/flows"):
        refused = owner.post(rest, {"source": broken})
        assert refused.status_code == 422
        assert "<b>foto</b>" in one(tree(refused), ".problems").text()
        assert one(tree(refused), "#flow-source").text().strip() == broken.strip()


def test_who_may_only_look_sees_no_editor_and_strangers_see_nothing(
    site: Site, house: House, owner: Browser
) -> None:
    owner.post("/knowledge/flows", {"source": RETURNS})
    reviewer, stranger = house.member(MemberRole.REVIEWER), a_house(site).member(MemberRole.OWNER)
    assert tree(reviewer.get("/knowledge/flows/returns")).css("#flow-source") == []
    assert reviewer.post("/knowledge/flows", {"source": SECOND}).status_code == 403
    assert stranger.get("/knowledge/flows/returns").status_code == 404
    assert stranger.visitor.client.get(house.path("/knowledge/flows")).status_code == 404
    assert owner.post_without_token("/knowledge/flows", {"source": SECOND}).status_code == 403
