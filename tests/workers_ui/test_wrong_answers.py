"""Reporting a passage as wrong, by pages and programs: the worker is heard, the brand decides, the desk says why."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import select

from guidance.corrections import UNDO, deliver_corrections
from knowledge_base.models import Article, Passage
from knowledge_base.publishing import put_article
from knowledge_base.report_letters import write_due
from knowledge_base.report_models import (
    Contradiction,
    ContradictionState,
    PassageQuarantine,
    ValueKind,
)
from knowledge_base.reports import sha256_of
from marketplace.accounts.models import Mail, MemberRole, Person
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import ContradictionId, TicketId, new_id
from marketplace.tickets.replies import ApiFeed, deliver_queued
from tests.builders import Clock, a_member, a_worker, an_open_ticket
from tests.knowledge_base.conftest import document
from tests.workers_ui import brand_site
from tests.workers_ui.api_site import Api, api_site, problem
from tests.workers_ui.brand_site import Browser, House, a_house, a_suggestion, an_answer, an_article
from tests.workers_ui.conftest import Site, sentence
from tests.workers_ui.worker_site import Hands, hands, page, said, words

WRONG = "Returns are accepted within 14 days."


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A brand with an article of one passage, shown to workers who hold its tickets."""

    site: Site
    house: House
    passage: Passage

    def shown(self, *, name: str = "Ann Able") -> tuple[Hands, TicketId]:
        """A worker who holds a ticket on which guidance shows the passage."""
        with self.site.background.transaction() as tx:
            worker, ticket = a_worker(tx, name=name), an_open_ticket(tx, self.house.brand)
            a_suggestion(tx, self.house.brand, ticket, self.passage, draft=self.passage.text)
        holder = hands(self.site, worker)
        holder.claim(ticket)
        return holder, ticket

    def report(self, worker: Hands, ticket: TicketId, **form: object) -> None:
        fields = {"passage": self.passage.id, "reason": "out_of_date"} | form
        assert said(worker.post(f"/worker/t/{ticket}/wrong", fields=fields)).startswith("Heard.")

    def reported(self, *, times: int = 1) -> None:
        for _ in range(times):
            self.report(*self.shown())

    def path(self, owner: Browser, act: str) -> str:
        """Where the page's first form of this act leads."""
        for form in brand_site.tree(owner.get("/knowledge/wrong")).css("form"):
            href = form.attributes.get("action") or ""
            if href.endswith(f"/{act}"):
                return href.removeprefix(self.house.path())
        raise AssertionError(f"no form to {act}")

    def quarantines(self) -> int:
        with self.site.background.transaction() as tx:
            return len(tx.scalars(select(PassageQuarantine)).all())


@pytest.fixture
def shop(site: Site) -> Shop:
    house = a_house(site)
    with site.background.transaction() as tx:
        passage = an_article(tx, house.brand, text=WRONG)
    return Shop(site=site, house=house, passage=passage)


def test_a_report_is_one_press_on_the_desk_and_the_worker_sees_that_it_was_heard(shop: Shop) -> None:
    ann, ticket = shop.shown()
    desk = page(ann.get(f"/worker/t/{ticket}"))
    form = desk.css_first("#passage-1 .report form")
    assert form is not None
    pressed = {button.attributes["value"] for button in form.css("button[name=reason]")}
    assert pressed == {"out_of_date", "contradicts_facts", "wrong_product", "other"}
    shop.report(ann, ticket, words="The page says 30 days.")
    assert "You reported this; the brand looks at it." in words(ann.get(f"/worker/t/{ticket}"))
    mine = words(ann.get("/worker/mine"))
    assert "What you reported as wrong 1" in mine
    assert "The brand was told and has not decided yet." in mine
    assert "Returns are accepted within 14 days." in mine


def test_with_script_the_guidance_alone_is_put_in_place(shop: Shop) -> None:
    ann, ticket = shop.shown()
    answer = ann.post(f"/worker/t/{ticket}/wrong", script=True, passage=shop.passage.id, reason="out_of_date")
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'id="guidance"' in answer.text
    assert "You reported this" in answer.text


def test_a_report_without_words_where_they_are_needed_comes_back_with_them(shop: Shop) -> None:
    ann, ticket = shop.shown()
    for fields, status, told in (
        ({"reason": "other", "words": ""}, 422, "Say in a few words what is wrong"),
        ({"reason": "boredom", "words": "Long read."}, 422, "Choose one of the reasons."),
        ({"reason": "out_of_date", "words": "x" * 1_001}, 422, "may have 1,000 characters"),
    ):
        refused = ann.post(f"/worker/t/{ticket}/wrong", fields={"passage": shop.passage.id, **fields})
        assert told in words(refused, status)
        typed = page(refused, status).css_first("#passage-1 [name=words]")
        assert typed is not None
        assert typed.text().strip() == fields["words"]
    for passage in (uuid4(), "none"):
        assert ann.post(f"/worker/t/{ticket}/wrong", passage=passage, reason="other").status_code == 404


def test_a_ticket_that_is_over_still_lets_its_worker_report_what_he_was_shown(shop: Shop) -> None:
    ann, ticket = shop.shown()
    ann.post(f"/worker/t/{ticket}/release", claim_number=1, reason="no_time")
    past = page(ann.get(f"/worker/t/{ticket}"))
    assert past.css_first("#shown-1 .report form") is not None
    shop.report(ann, ticket)
    assert "You reported this; the brand looks at it." in words(ann.get(f"/worker/t/{ticket}"))


def test_the_desk_says_why_a_suggestion_is_gone_and_the_brand_is_told_everywhere(shop: Shop) -> None:
    bob, open_ticket = shop.shown(name="Bob Busy")
    shop.reported(times=3)
    assert "A passage in it was reported as wrong" in words(bob.get(f"/worker/t/{open_ticket}"))
    assert WRONG not in words(bob.get(f"/worker/t/{open_ticket}"))
    owner = shop.house.member()
    for where in ("/board", "/tickets"):
        assert "1 passage is quarantined" in brand_site.words(owner.get(where))
    article = brand_site.words(owner.get(f"/knowledge/{shop.passage.article_id}"))
    assert "quarantined No suggestion shows it." in article
    listed = brand_site.words(owner.get("/knowledge/wrong?show=quarantined"))
    assert "quarantined by reports" in listed
    assert "Ann A." in listed
    assert "Ann Able" not in listed


def test_the_people_who_keep_the_knowledge_get_one_letter(shop: Shop) -> None:
    shop.house.member(MemberRole.MANAGER)
    shop.house.member(MemberRole.AGENT)
    shop.reported(times=4)
    for _ in range(2):
        with shop.site.background.transaction() as tx:
            write_due(tx, base_url="https://hc.example", now=app_now(tx))
    with shop.site.background.transaction() as tx:
        (letter,) = tx.scalars(select(Mail)).all()
    assert letter.subject == "1 passage of Fern & Kettle reported as wrong"
    assert "- Returns" in letter.body
    assert f"https://hc.example{shop.house.path('/knowledge/wrong')}" in letter.body


def test_an_article_with_an_owner_is_written_of_to_its_owner_alone(shop: Shop) -> None:
    shop.house.member(MemberRole.MANAGER)
    with shop.site.background.transaction() as tx:
        owner = a_member(tx, shop.house.brand, role=MemberRole.OWNER)
        tx.get_one(Article, (shop.house.brand, shop.passage.article_id)).owner_id = owner
        address = tx.get_one(Person, owner).email
    shop.reported(times=3)
    with shop.site.background.transaction() as tx:
        write_due(tx, base_url="https://hc.example", now=app_now(tx))
    with shop.site.background.transaction() as tx:
        assert tx.scalars(select(Mail.recipient)).all() == [address]


def test_the_brand_confirms_and_the_reporter_reads_it(shop: Shop) -> None:
    ann, ticket = shop.shown()
    shop.report(ann, ticket)
    owner = shop.house.member()
    assert owner.post(shop.path(owner, "confirmation")).status_code == 303
    assert shop.quarantines() == 1
    assert "confirmed wrong" in brand_site.words(owner.get("/knowledge/wrong"))
    assert "Fern & Kettle agrees. It is shown to nobody" in words(ann.get("/worker/mine"))


def test_the_brand_dismisses_with_a_reason_that_the_reporter_reads(shop: Shop) -> None:
    ann, ticket = shop.shown()
    shop.report(ann, ticket)
    owner = shop.house.member()
    path = shop.path(owner, "dismissal")
    refused = owner.post(path, {"reason": "  "})
    assert refused.status_code == 422
    assert "Give a reason" in brand_site.words(refused)
    assert owner.post(path, {"reason": "14 days hold."}).status_code == 303
    assert "Fern & Kettle says: “14 days hold.”" in words(ann.get("/worker/mine"))
    assert shop.quarantines() == 0


def test_a_lift_needs_a_reason_and_comes_too_late_once_lifted(shop: Shop) -> None:
    shop.reported(times=3)
    owner = shop.house.member()
    path = shop.path(owner, "lifting")
    assert owner.post(path, {"reason": ""}).status_code == 422
    assert owner.post(path, {"reason": "It holds."}).status_code == 303
    late = owner.post(path, {"reason": "It holds."})
    assert late.status_code == 409
    assert "not in quarantine any more" in brand_site.words(late)


def test_the_number_of_reports_is_the_brands_own(shop: Shop) -> None:
    owner = shop.house.member()
    for unfit in ("0", "21", "x", "²", ""):
        assert owner.post("/knowledge/wrong/policy", {"reports": unfit}).status_code == 422
    assert owner.post("/knowledge/wrong/policy", {"reports": "1"}).status_code == 303
    shop.reported()
    assert shop.quarantines() == 1


def test_an_agent_reads_and_decides_nothing_and_strangers_find_nothing(shop: Shop) -> None:
    shop.reported()
    owner, agent = shop.house.member(), shop.house.member(MemberRole.AGENT)
    stranger = a_house(shop.site, name="Somebody Else").member()
    assert not brand_site.tree(agent.get("/knowledge/wrong")).css("main form")
    for act in ("confirmation", "dismissal"):
        path = shop.path(owner, act)
        assert agent.post(path, {"reason": "No"}).status_code == 403
        assert stranger.post(path, {"reason": "No"}).status_code == 404
        assert owner.post_without_token(path, {"reason": "No"}).status_code == 403
    assert agent.post("/knowledge/wrong/policy", {"reports": "1"}).status_code == 403
    assert WRONG not in stranger.get("/knowledge/wrong").text
    assert owner.post(f"/knowledge/wrong/{uuid4()}/confirmation").status_code == 404
    assert owner.get("/knowledge/wrong?show=nonsense").status_code == 422


# Corrections


def corrected(shop: Shop, db: Database) -> tuple[Browser, str]:
    """Two customers were told the wrong thing, and one something else; the correction's address."""
    for email, body in (
        ("sam@example.com", WRONG),
        ("kim@example.com", WRONG),
        ("lou@example.com", "Ask us."),
    ):
        with shop.site.background.transaction() as tx:
            ticket = an_open_ticket(
                tx, shop.house.brand, customer_email=email, customer_name=email[:3].title()
            )
            a_suggestion(tx, shop.house.brand, ticket, shop.passage, draft="")
        an_answer(db, shop.site, ticket, body=body)
    shop.reported()
    owner = shop.house.member()
    assert "Tell the customers" not in brand_site.words(owner.get("/knowledge/wrong"))
    owner.post(shop.path(owner, "confirmation"))
    assert "2 sent replies rest on it." in brand_site.words(owner.get("/knowledge/wrong"))
    opened = owner.post(shop.path(owner, "corrections"))
    return owner, opened.headers["location"].removeprefix(shop.house.path())


def test_the_brand_looks_edits_sends_takes_back_and_skips_one_by_one(shop: Shop, db: Database) -> None:
    owner, path = corrected(shop, db)
    listed = brand_site.words(owner.get(path))
    assert ("Sam" in listed, "Kim" in listed, "Lou" in listed) == (True, True, False)
    assert f"“{WRONG}”" in listed
    first, second = [
        (form.attributes["action"] or "").removeprefix(shop.house.path())
        for form in brand_site.tree(owner.get(path)).css("form")
        if (form.attributes.get("action") or "").rsplit("/", 2)[-2] == "notices"
    ]
    refused = owner.post(first, {"body": "Your order {order_id}.", "then": "send"})
    assert refused.status_code == 422
    assert "Fill in" in brand_site.words(refused)
    assert "Your order {order_id}." in brand_site.words(refused)
    sent = owner.post(first, {"body": "It is 30 days, sorry.", "then": "send"})
    assert "take it back" in sentence(sent)
    assert owner.post(first, {"body": "Again", "then": "send"}).status_code == 409
    assert owner.post(f"{first}/undo").status_code == 303
    assert owner.post(first, {"body": "It is 30 days, sorry.", "then": "send"}).status_code == 303
    assert owner.post(f"{second}/skip", {"reason": ""}).status_code == 422
    assert owner.post(f"{second}/skip", {"reason": "Told by phone."}).status_code == 303
    Clock(database=shop.site.background).forward(UNDO * 2)
    with shop.site.background.transaction() as tx:
        assert deliver_corrections(tx, delivery=ApiFeed(), now=app_now(tx)) == 1
    assert owner.post(f"{first}/undo").status_code == 409
    told = brand_site.words(owner.get(path))
    assert "Customers 2 Drafted 0 Leaving 0 Sent 1 Skipped 1" in told
    assert "Sent by Fern & Kettle itself" in told
    assert "Skipped: Told by phone." in told


def test_all_chosen_are_sent_and_what_cannot_be_sent_stays(shop: Shop, db: Database) -> None:
    owner, path = corrected(shop, db)
    assert owner.post(f"{path}/sending").status_code == 422
    boxes = brand_site.tree(owner.get(path)).css("input[name=notice]")
    chosen = [box.attributes["value"] for box in boxes]
    assert len(chosen) == 2
    form = brand_site.tree(owner.get(path)).css("form[action$='/notices/" + str(chosen[0]) + "']")[0]
    edit = (form.attributes["action"] or "").removeprefix(shop.house.path())
    assert owner.post(edit, {"body": "Order {order_id}", "then": "save"}).status_code == 303
    partly = owner.post(f"{path}/sending", {"all": "yes"})
    assert partly.status_code == 422
    assert "1 of 2 cannot be sent yet" in brand_site.words(partly)
    assert owner.post(edit, {"body": "It is 30 days.", "then": "save"}).status_code == 303
    assert owner.post(f"{path}/sending", {"notice": chosen}).status_code == 303
    assert "Customers 2 Drafted 0 Leaving 2" in brand_site.words(owner.get(path))


def test_a_worker_reads_that_a_corrected_answer_was_not_his_fault(shop: Shop, db: Database) -> None:
    ann, ticket = shop.shown()
    ann.post(f"/worker/t/{ticket}/reply", claim_number=1, text=WRONG, idempotency_key="one")
    with shop.site.background.transaction() as tx:
        deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))
    shop.report(ann, ticket)
    owner = shop.house.member()
    owner.post(shop.path(owner, "confirmation"))
    path = owner.post(shop.path(owner, "corrections")).headers["location"].removeprefix(shop.house.path())
    owner.post(f"{path}/sending", {"all": "yes"})
    assert "Not your fault" not in words(ann.get("/worker/mine"))
    Clock(database=shop.site.background).forward(UNDO * 2)
    with shop.site.background.transaction() as tx:
        deliver_corrections(tx, delivery=ApiFeed(), now=app_now(tx))
    mine = words(ann.get("/worker/mine"))
    assert "Put right by the brand 1" in mine
    assert "Not your fault" in mine


def test_corrections_of_an_article_that_changed_are_offered_where_corrections_are(
    shop: Shop, db: Database
) -> None:
    ticket = shop.house.ticket()
    with shop.site.background.transaction() as tx:
        a_suggestion(tx, shop.house.brand, ticket, shop.passage, draft="")
    an_answer(db, shop.site, ticket, body=WRONG)
    owner = shop.house.member()
    assert "Changed since customers were told" not in brand_site.words(owner.get("/knowledge/corrections"))
    with shop.site.background.transaction() as tx:
        doc = document(key="returns.md", text="Returns are accepted within 30 days.")
        put_article(tx, brand=shop.house.brand, document=doc, author=None, now=app_now(tx))
    assert "1 sent reply rests on words" in brand_site.words(owner.get("/knowledge/corrections"))
    asked = {"article": str(shop.passage.article_id), "revision": str(shop.passage.revision_id)}
    opened = owner.post("/knowledge/corrections", asked).headers["location"]
    assert "within 30 days" in owner.get(opened.removeprefix(shop.house.path())).text
    assert owner.post("/knowledge/corrections", {"article": "x", "revision": "y"}).status_code == 404


def test_nobody_else_writes_to_the_brands_customers(shop: Shop, db: Database) -> None:
    owner, path = corrected(shop, db)
    reviewer = shop.house.member(MemberRole.REVIEWER)
    stranger = a_house(shop.site, name="Somebody Else").member()
    assert "Sam" in brand_site.words(reviewer.get(path))
    assert not brand_site.tree(reviewer.get(path)).css("main form")
    assert reviewer.post(f"{path}/sending", {"all": "yes"}).status_code == 403
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}/sending", {"all": "yes"}).status_code == 404
    assert owner.post_without_token(f"{path}/sending", {"all": "yes"}).status_code == 403
    assert owner.get("/knowledge/corrections/none").status_code == 404


# Contradictions


def contradicting(shop: Shop) -> str:
    """A second article that says something else, and the address of the flag."""
    flag = ContradictionId(new_id())
    with shop.site.background.transaction() as tx:
        second = an_article(tx, shop.house.brand, key="b.md", title="Sending back", text="Returns: 30 days.")
        tx.add(
            Contradiction(
                brand_id=shop.house.brand,
                id=flag,
                first_article_id=shop.passage.article_id,
                first_sha256=sha256_of(WRONG),
                first_passage_id=shop.passage.id,
                first_marks=[[WRONG.index("14"), WRONG.index("14") + 7]],
                second_article_id=second.article_id,
                second_sha256=sha256_of(second.text),
                second_passage_id=second.id,
                second_marks=[[9, 16]],
                kind=ValueKind.DURATION,
                subject="return",
                cosine=0.9,
                state=ContradictionState.OPEN,
                found_at=app_now(tx),
            )
        )
    return f"/knowledge/contradictions/{flag}/dismissal"


def test_contradicting_passages_stand_side_by_side_with_their_values_marked(shop: Shop) -> None:
    path, owner = contradicting(shop), shop.house.member()
    page = brand_site.tree(owner.get("/knowledge/contradictions"))
    assert [mark.text() for mark in page.css("mark")] == ["14 days", "30 days"]
    assert [quote.text() for quote in page.css(".pair blockquote")] == [WRONG, "Returns: 30 days."]
    assert len(page.css(".pair footer a")) == 2
    refused = owner.post(path, {"reason": " "})
    assert refused.status_code == 422
    assert "why both are right" in brand_site.words(refused)
    assert owner.post(path, {"reason": "Gifts have longer."}).status_code == 303
    assert owner.post(path, {"reason": "Again"}).status_code == 409
    assert not brand_site.tree(owner.get("/knowledge/contradictions")).css("mark")
    dismissed = brand_site.words(owner.get("/knowledge/contradictions?show=dismissed"))
    assert "Both are right: “Gifts have longer.”" in dismissed


def test_only_those_who_keep_the_knowledge_decide_on_contradictions(shop: Shop) -> None:
    path, agent = contradicting(shop), shop.house.member(MemberRole.AGENT)
    stranger = a_house(shop.site, name="Somebody Else").member()
    assert brand_site.tree(agent.get("/knowledge/contradictions")).css("mark")
    assert not brand_site.tree(agent.get("/knowledge/contradictions")).css("main form")
    assert agent.post(path, {"reason": "Mine"}).status_code == 403
    assert stranger.post(path, {"reason": "Mine"}).status_code == 404
    assert not brand_site.tree(stranger.get("/knowledge/contradictions")).css("mark")
    assert agent.post_without_token(path, {"reason": "Mine"}).status_code == 403


# By programs


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as made:
        yield made


def test_a_program_reports_what_the_desk_shows_and_the_brands_system_decides(api: Api) -> None:
    system, program, other = api.system(), api.program(), api.program()
    ticket = api.open_ticket(system.brand)
    with api.background.transaction() as tx:
        passage = an_article(tx, system.brand, text=WRONG)
        a_suggestion(tx, system.brand, ticket, passage, draft=WRONG)
    program.post(f"/tickets/{ticket}/claim")
    shown = program.get(f"/tickets/{ticket}/desk").json()["suggestion"]["passages"][0]["id"]
    body = {"passage": shown, "reason": "out_of_date", "note": "It is 30 days."}
    made = program.post(f"/tickets/{ticket}/wrong-passages", body)
    assert made.status_code == 201
    assert program.post(f"/tickets/{ticket}/wrong-passages", body).json() == made.json()
    assert problem(other.post(f"/tickets/{ticket}/wrong-passages", body)) == (404, "not_shown_to_you")
    (listed,) = system.get("/passage-reports", show="open").json()
    assert (listed["text"], listed["reports"][0]["note"]) == (WRONG, "It is 30 days.")
    report = listed["reports"][0]["id"]
    assert system.post(f"/passage-reports/{report}/confirmation").status_code == 204
    assert system.get("/passage-reports", show="quarantined").json()[0]["quarantined_at"]
    assert problem(system.post(f"/passage-reports/{report}/dismissal", {"reason": "No."}))[0] == 409
    assert (
        system.post(f"/passage-reports/{report}/lifting", {"reason": "We looked again."}).status_code == 204
    )
    (own,) = program.get("/wrong-passages").json()
    assert (own["state"], own["taken_out"]) == ("confirmed", False)
    assert other.get("/wrong-passages").json() == []
    assert problem(api.system().post(f"/passage-reports/{report}/confirmation"))[0] == 404
