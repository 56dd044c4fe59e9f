"""Reply rules by page and API, and the check of a reply: at the desk with and without script, and by a program."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from guidance.findings import FindingKind
from guidance.lint_policies import policy_of, set_policy
from guidance.lint_policy import Level
from guidance.models import Receipt
from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database
from tests.builders import a_brand, as_brand
from tests.workers_ui.api_site import Api, System, api_site, problem
from tests.workers_ui.brand_site import a_house, tree
from tests.workers_ui.conftest import Site, sentence
from tests.workers_ui.worker_site import Floor, attribute, one, page, said, typed_in, words

PROMISED = "We will refund you in full."


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    return api.system()


def test_versions_never_change_and_nobody_sees_anothers(db: Database, background: Database) -> None:
    with background.transaction() as tx:
        one_brand, other = a_brand(tx), a_brand(tx)
    with db.transaction(as_brand(one_brand)) as tx:
        set_policy(
            tx,
            brand=one_brand,
            levels={FindingKind.PROMISE: Level.BLOCK},
            author=None,
            now=app_now(tx),
        )
    with db.transaction(as_brand(other)) as tx:
        assert tx.execute(text("SELECT count(*) FROM lint_policy")).scalar() == 0
        assert policy_of(tx, brand=other).version == 0
    with pytest.raises(DBAPIError), db.transaction(as_brand(one_brand)) as tx:
        tx.execute(text("UPDATE lint_policy SET levels = '{}'"))


# The desk


def test_the_script_gets_the_list_alone_with_places_as_the_browser_counts(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/check"
    answer = floor.ann.post(path, claim_number=number, text=f"🙂 {PROMISED}", script=True)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    shown = one(tree(answer), "#findings [data-show]")
    assert (attribute(shown, "data-start"), attribute(shown, "data-end")) == ("0", str(3 + len(PROMISED)))
    assert attribute(one(tree(answer), "#findings"), "data-count") == "1 thing to look at"
    seen = attribute(one(tree(answer), "[name=seen]"), "value")
    sent = floor.ann.post(
        f"/worker/t/{floor.ticket}/reply", claim_number=number, text=f"🙂 {PROMISED}", seen=seen
    )
    assert said(sent) == "Sent to the customer."
    with floor.site.background.transaction(PLATFORM) as tx:
        kept = tx.query(Receipt).filter_by(ticket_id=floor.ticket).one().findings
        assert [found["kind"] for found in kept] == ["promise"]


def test_without_script_a_button_checks_and_fixes_and_keeps_the_text(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/check"
    typed = "Look at evil.com now, or write to sam@example.com.\r\nBye"
    shown = floor.ann.post(path, claim_number=number, text=typed)
    assert typed_in(shown) == typed.replace("\r\n", "\n")
    assert "1 thing to fix" in words(shown)
    place = attribute(one(page(shown), "[name=fix]"), "value")
    mended = floor.ann.post(path, claim_number=number, text=typed, fix=place)
    assert typed_in(mended).startswith("Look at  now")
    assert "evil.com" not in words(mended)
    elsewhere = floor.ann.post(path, claim_number=number, text=f"So: {typed}", fix=place)
    assert typed_in(elsewhere).startswith("So: Look at evil.com")
    clean = floor.ann.post(path, claim_number=number, text="Thank you.")
    assert "Nothing to fix or look at." in words(clean)


def test_what_the_customer_wrote_is_told_when_it_is_repeated(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    shown = floor.ann.post(
        f"/worker/t/{floor.ticket}/check", claim_number=number, text="I wrote to sam@example.com for you."
    )
    assert "The customer wrote this themselves." in words(shown)


def test_a_brand_that_blocks_promises_lets_none_out(floor: Floor) -> None:
    with floor.site.background.transaction(as_brand(floor.brand)) as tx:
        levels = {FindingKind.PROMISE: Level.BLOCK}
        set_policy(tx, brand=floor.brand, levels=levels, author=None, now=app_now(tx))
    number = floor.ann.claim(floor.ticket)
    refused = floor.ann.post(f"/worker/t/{floor.ticket}/reply", claim_number=number, text=PROMISED)
    assert "Not sent yet: one thing to fix first." in words(refused, 422)
    assert page(refused, 422).css("#composer [name=seen]") == []


def test_who_does_not_hold_the_ticket_is_told_nothing_of_it(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/check"
    assert floor.bob.post(path, claim_number=number, text="sam@example.com").status_code == 404
    stale = floor.ann.post(path, claim_number=number + 1, text=PROMISED)
    assert "Not yours any more" in words(stale, 409)
    assert floor.ann.post(path, claim_number=number, text="x" * 40_001).status_code == 422


def test_checking_too_often_is_refused(floor: Floor) -> None:
    number = floor.ann.claim(floor.ticket)
    path = f"/worker/t/{floor.ticket}/check"
    statuses = [
        floor.ann.post(path, claim_number=number, text="Hi", script=True).status_code for _ in range(121)
    ]
    assert (set(statuses[:-1]), statuses[-1]) == ({200}, 429)


# The brand's page


def test_a_manager_chooses_and_brings_an_earlier_version_back(site: Site) -> None:
    house = a_house(site)
    owner = house.member(MemberRole.OWNER)
    fresh = tree(owner.get("/control/reply-rules"))
    assert attribute(one(fresh, "#f-promise [selected]"), "value") == "warn"
    saved = owner.post("/control/reply-rules", {"promise": "block", "link": "off", "based_on": "0"})
    assert sentence(saved) == "Saved as version 1. The next check follows it."
    late = owner.post("/control/reply-rules", {"promise": "off", "based_on": "0"})
    assert late.status_code == 409
    assert attribute(one(tree(late), "#f-promise [selected]"), "value") == "off"
    assert owner.post("/control/reply-rules", {"promise": "loud", "based_on": "1"}).status_code == 422
    owner.post("/control/reply-rules", {"promise": "off", "based_on": "1"})
    again = owner.post("/control/reply-rules/restoration", {"version": "1"})
    assert sentence(again) == "It holds again, as version 3."
    assert owner.post("/control/reply-rules/restoration", {"version": "9"}).status_code == 404
    with site.background.transaction(as_brand(house.brand)) as tx:
        assert policy_of(tx, brand=house.brand).policy.level(FindingKind.LINK) is Level.OFF
    assert house.member(MemberRole.REVIEWER).get("/control/reply-rules").status_code == 403


# The API


def test_a_system_reads_and_sets_the_rules(api: Api, system: System) -> None:
    usual = system.get("/reply-rules").json()
    assert (usual["version"], usual["levels"]["promise"]) == (0, "warn")
    assert "card_number" in usual["always_block"]
    put = system.put("/reply-rules", {"levels": {"promise": "block"}, "based_on": 0})
    assert (put.json()["version"], put.json()["levels"]["promise"]) == (1, "block")
    assert problem(system.put("/reply-rules", {"levels": {}, "based_on": 0})) == (409, "policy_changed")
    for levels in ({"card_number": "off"}, {"promise": "loud"}, {"x": "off"}):
        assert problem(system.put("/reply-rules", {"levels": levels})) == (422, "unfit_policy")
    assert api.system().get("/reply-rules").json()["version"] == 0
    reader = api.system(of=system.brand, scopes=[ApiScope.KNOWLEDGE_READ])
    assert reader.put("/reply-rules", {"levels": {}}).status_code == 403


def test_a_program_checks_before_it_sends_and_cannot_send_what_blocks(api: Api, system: System) -> None:
    system.put("/reply-rules", {"levels": {"promise": "block"}})
    ticket, program, stranger = str(api.open_ticket(system.brand)), api.program(), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    asked = {"claim_number": number, "text": PROMISED}
    found = program.post(f"/tickets/{ticket}/reply-checks", asked).json()
    assert found["blocks"]
    [only] = found["findings"]
    assert (only["kind"], only["start"], only["end"]) == ("promise", 0, len(PROMISED))
    assert stranger.post(f"/tickets/{ticket}/reply-checks", asked).status_code == 409
    refused = program.post(f"/tickets/{ticket}/replies", asked)
    assert problem(refused) == (422, "reply_not_fit")
    assert "no passage shown says" in refused.json()["detail"]
    assert program.post(f"/tickets/{ticket}/replies", {**asked, "text": "Thank you."}).status_code == 201
