"""From a brand's rejection to a worker's appeal and the person who decides it, each on their own page."""

from datetime import timedelta
from uuid import UUID

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from sqlalchemy import select

from billing import rejections
from billing.accounts import payable, pending, wallet
from billing.holds import hold_earning
from billing.judgement_models import HoldCause, RejectionFreeze
from billing.models import Earning, EarningKind, EarningState
from marketplace.accounts.models import MemberRole, StaffRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import EarningId, RejectionFreezeId, ReplyId, TicketId, WorkerId, new_id
from marketplace.tickets.models import Reply
from tests.billing.judging import a_staff_person
from tests.billing.paying import pass_review, standing
from tests.builders import Clock, a_resolved_ticket, a_worker, usd
from tests.workers_ui.brand_site import Browser, House, a_house
from tests.workers_ui.conftest import Site, Visitor
from tests.workers_ui.worker_site import Hands, hands

NOTE = "It names the shop in Leeds. Write to sam@example.com."


@pytest.fixture
def house(site: Site) -> House:
    a_house(site, name="Noise & Sons")
    return a_house(site)


@pytest.fixture
def reviewer(house: House) -> Browser:
    return house.member(MemberRole.REVIEWER)


@pytest.fixture
def hers(house: House) -> "Paid":
    return paid(house)


class Paid:
    """One worker's pay of 2.00 on a resolved ticket."""

    def __init__(
        self, house: House, ticket: TicketId, worker: WorkerId, earning: EarningId, reply: ReplyId
    ) -> None:
        self.house, self.ticket, self.worker, self.earning, self.reply = house, ticket, worker, earning, reply

    @property
    def page(self) -> str:
        return f"/tickets/{self.ticket}"

    def act(self, word: str) -> str:
        return f"{self.page}/earnings/{self.earning}/{word}"

    def state(self) -> EarningState:
        with self.house.site.background.transaction() as tx:
            return tx.get_one(Earning, (self.house.brand, self.earning)).state

    def rejection(self) -> dict[str, str]:
        return {"pay_reason": "wrong_answer", "pay_reply": str(self.reply), "pay_note": NOTE}


def paid(house: House) -> Paid:
    with house.site.background.transaction() as tx:
        worker = a_worker(tx, name="Ana Lucia Reyes")
        ticket = a_resolved_ticket(tx, house.brand, worker)
        earning = tx.scalars(select(Earning.id).where(Earning.ticket_id == ticket)).one()
        reply = tx.scalars(select(Reply.id).where(Reply.ticket_id == ticket)).one()
    return Paid(house, ticket, worker, earning, reply)


def later(site: Site, seconds: float = 61) -> None:
    Clock(database=site.background).forward(timedelta(seconds=seconds))
    rejections.settle_rejections(site.background)


def words(answer: Response) -> str:
    return " ".join(HTMLParser(answer.text).text(separator=" ").split())


def a_colleague(site: Site) -> Visitor:
    with site.background.transaction() as tx:
        person = a_staff_person(tx)
    return site.signed_in(person)


def post(visitor: Visitor, path: str, **fields: str) -> Response:
    return visitor.client.post(path, data={"csrf": visitor.csrf, **fields})


def test_a_reviewer_rejects_undoes_and_rejects_again(house: House, reviewer: Browser, hers: Paid) -> None:
    assert "Reject this pay" in words(reviewer.get(hers.page))
    refused = reviewer.post(hers.act("rejection"), hers.rejection() | {"pay_note": " "})
    assert (refused.status_code, NOTE in refused.text) == (422, False)
    assert "the worker reads it" in words(refused)
    refused = reviewer.post(hers.act("rejection"), hers.rejection() | {"pay_reason": "too_dear"})
    assert refused.status_code == 422
    assert NOTE in refused.text, "nothing that was typed is lost"
    sent = reviewer.post(hers.act("rejection"), hers.rejection())
    assert (sent.status_code, sent.headers["location"]) == (303, house.path(f"{hers.page}#pay"))
    assert hers.state() is EarningState.DISPUTED
    page = HTMLParser(reviewer.get(hers.page).text)
    (undo,) = [
        form.attributes["action"] or ""
        for form in page.css("form")
        if "undo" in (form.attributes["action"] or "")
    ]
    assert reviewer.post(undo.removeprefix(house.path())).status_code == 303
    assert hers.state() is EarningState.IN_WINDOW
    assert reviewer.post(hers.act("rejection"), hers.rejection()).status_code == 303
    later(house.site)
    assert hers.state() is EarningState.REJECTED
    assert reviewer.post(undo.removeprefix(house.path())).status_code == 409
    shown = words(reviewer.get(hers.page))
    assert "The answer is wrong" in shown
    assert "Reject this pay" not in shown


def test_who_may_not_judge_or_tip_is_offered_nothing(house: House, hers: Paid) -> None:
    agent = house.member(MemberRole.AGENT)
    shown = words(agent.get(hers.page))
    for offer in ("Reject this pay", "Dispute this pay", "Give a tip"):
        assert offer not in shown
    for word, fields in (
        ("rejection", hers.rejection()),
        ("dispute", {"dispute_note": "No"}),
        ("tip", {"tip": "1"}),
    ):
        assert agent.post(hers.act(word), fields).status_code == 403
    stranger = a_house(house.site, name="Other").member()
    assert (
        stranger.visitor.client.post(
            house.path(hers.act("rejection")), data={"csrf": stranger.visitor.csrf} | hers.rejection()
        ).status_code
        == 404
    )
    assert hers.state() is EarningState.IN_WINDOW


def test_an_earning_is_judged_on_its_own_ticket_alone(house: House, reviewer: Browser, hers: Paid) -> None:
    other = paid(house)
    address = f"{other.page}/earnings/{hers.earning}/rejection"
    assert reviewer.post(address, hers.rejection()).status_code == 404
    assert hers.state() is EarningState.IN_WINDOW


def test_the_brands_own_answer_offers_no_rejection_and_says_why(
    house: House, reviewer: Browser, hers: Paid
) -> None:
    with house.site.background.transaction() as tx:
        tx.get_one(Reply, (house.brand, hers.reply)).as_shown = True
    shown = words(reviewer.get(hers.page))
    assert "this pay stays" in shown
    assert "Reject this pay" not in shown
    refused = reviewer.post(hers.act("rejection"), hers.rejection())
    assert (refused.status_code, hers.state()) == (409, EarningState.IN_WINDOW)
    assert "Correct the article instead" in words(refused)


def test_a_dispute_after_the_window_waits_for_the_platforms_people(house: House, hers: Paid) -> None:
    pass_review(house.site.background)
    reviewer = house.member(MemberRole.REVIEWER)
    shown = words(reviewer.get(hers.page))
    assert "The review window is over" in shown
    assert "Reject this pay" not in shown
    assert reviewer.post(hers.act("dispute"), {"dispute_note": NOTE}).status_code == 303
    assert reviewer.post(hers.act("rejection"), hers.rejection()).status_code == 409
    fay = a_colleague(house.site)
    listed = words(fay.client.get("/finance/disputes"))
    assert "It names the shop in Leeds" in listed
    assert "sam@example.com" not in listed
    act = f"/finance/disputes/{house.brand}/{hers.earning}"
    assert post(fay, f"{act}/rejection", **hers.rejection()).status_code == 303
    later(house.site)
    assert hers.state() is EarningState.REJECTED


def test_a_disputed_pay_is_let_go_by_its_brand(house: House, reviewer: Browser, hers: Paid) -> None:
    assert reviewer.post(hers.act("dispute"), {"dispute_note": ""}).status_code == 422
    assert reviewer.post(hers.act("dispute"), {"dispute_note": NOTE}).status_code == 303
    assert "Let it be paid" in words(reviewer.get(hers.page))
    assert reviewer.post(hers.act("release")).status_code == 303
    assert hers.state() is EarningState.IN_WINDOW
    assert reviewer.post(hers.act("release")).status_code == 409


def test_a_worker_reads_why_appeals_once_and_reads_the_answer(
    house: House, reviewer: Browser, hers: Paid
) -> None:
    worker: Hands = hands(house.site, hers.worker)
    reviewer.post(hers.act("rejection"), hers.rejection())
    later(house.site)
    page = worker.get("/worker/earnings")
    shown = words(page)
    for said in (
        "Rejected by the brand",
        "The answer is wrong",
        "It names the shop in Leeds",
        "It left today.",
    ):
        assert said in shown
    assert "sam@example.com" not in page.text
    (address,) = [
        form.attributes["action"] or ""
        for form in HTMLParser(page.text).css("form")
        if "/appeal" in (form.attributes["action"] or "")
    ]
    assert worker.post(address, said="").status_code == 422
    assert worker.post(address, said="They asked about Leeds.").status_code == 303
    again = worker.post(address, said="Once more.")
    assert (again.status_code, "appealed once" in words(again)) == (409, True)
    with house.site.background.transaction() as tx:
        another = a_worker(tx)
    stranger = hands(house.site, another)
    assert stranger.post(address, said="Mine.").status_code == 404
    fay = a_colleague(house.site)
    listed = fay.client.get("/finance/disputes")
    assert "They asked about Leeds." in words(listed)
    (reverse,) = [
        form.attributes["action"] or ""
        for form in HTMLParser(listed.text).css("form")
        if "/reversed" in (form.attributes["action"] or "")
    ]
    assert post(fay, reverse, answer="").status_code == 422
    assert post(fay, reverse, answer="Leeds it was.").status_code == 303
    assert post(fay, reverse, answer="Again.").status_code == 409
    shown = words(worker.get("/worker/earnings"))
    assert "Your appeal was granted" in shown
    assert "Leeds it was." in shown
    assert "Restored by your appeal" in shown
    with house.site.background.transaction() as tx:
        assert standing(tx, payable(house.brand, hers.worker)) == usd(200)
    assert "The appeal restored the pay" in words(reviewer.get(hers.page))


def test_a_held_pay_is_rejected_and_whoever_rejected_it_decides_no_appeal(house: House, hers: Paid) -> None:
    fay, finn = a_colleague(house.site), a_colleague(house.site)
    act = f"/finance/disputes/{house.brand}/{hers.earning}"
    with house.site.background.transaction() as tx:
        hold_earning(
            tx,
            brand=house.brand,
            earning=hers.earning,
            cause=HoldCause.QA,
            reason="Two alike.",
            person=a_staff_person(tx),
            now=app_now(tx),
        )
    worker = hands(house.site, hers.worker)
    assert "Two alike." in words(worker.get("/worker/earnings"))
    assert post(fay, f"{act}/rejection", **hers.rejection()).status_code == 303
    later(house.site)
    page = HTMLParser(worker.get("/worker/earnings").text)
    (address,) = [
        form.attributes["action"] or ""
        for form in page.css("form")
        if "/appeal" in (form.attributes["action"] or "")
    ]
    worker.post(address, said="They are not alike.")
    assert "somebody else decides" in words(fay.client.get("/finance/disputes"))
    listed = HTMLParser(finn.client.get("/finance/disputes").text)
    (reverse,) = [
        form.attributes["action"] or ""
        for form in listed.css("form")
        if "/reversed" in (form.attributes["action"] or "")
    ]
    refused = post(fay, reverse, answer="No.")
    assert (refused.status_code, "somebody else decides" in words(refused)) == (403, True)
    upheld = reverse.replace("/reversed", "/upheld")
    assert post(finn, upheld, answer="They are.").status_code == 303
    assert post(finn, reverse.replace("/reversed", "/perhaps"), answer="?").status_code == 404
    assert "Your appeal was not granted" in words(worker.get("/worker/earnings"))


def test_a_frozen_brand_reads_why_and_a_person_lifts_it_with_a_reason(
    house: House, reviewer: Browser, hers: Paid
) -> None:
    with house.site.background.transaction() as tx:
        tx.add(
            RejectionFreeze(
                brand_id=house.brand,
                id=RejectionFreezeId(new_id()),
                frozen_at=app_now(tx),
                rejected=9,
                decided=31,
            )
        )
    shown = words(reviewer.get(hers.page))
    assert "You rejected too much" in shown
    assert "Reject this pay" not in shown
    assert reviewer.post(hers.act("rejection"), hers.rejection()).status_code == 409
    fay = a_colleague(house.site)
    assert "It rejected 9 of 31 decided earnings" in words(fay.client.get("/finance/disputes"))
    lift = f"/finance/disputes/freezes/{house.brand}/lifting"
    assert post(fay, lift, lift_reason="").status_code == 422
    assert post(fay, lift, lift_reason="A new agent.").status_code == 303
    assert post(fay, lift, lift_reason="A new agent.").status_code == 409
    assert "Reject this pay" in words(reviewer.get(hers.page))


@pytest.mark.parametrize(
    "path", ["", "/appeals/{any}/upheld", "/freezes/{any}/lifting", "/{any}/{any}/release"]
)
def test_only_finance_decides(house: House, reviewer: Browser, path: str) -> None:
    with house.site.background.transaction() as tx:
        person = a_staff_person(tx, role=StaffRole.OPERATOR)
    operator = house.site.signed_in(person)
    address = f"/finance/disputes{path.format(any=UUID(int=7))}"
    for visitor, status in ((reviewer.visitor, 404), (operator, 403)):
        answer = post(visitor, address) if path else visitor.client.get(address)
        assert answer.status_code == status


def test_an_owner_tips_and_takes_it_back(house: House, hers: Paid) -> None:
    owner = house.member()
    refused = owner.post(hers.act("tip"), {"tip": "much", "idempotency_key": "k"})
    assert refused.status_code == 422
    for _ in range(2):  # sent twice, given once
        assert owner.post(hers.act("tip"), {"tip": "3.00", "idempotency_key": "k"}).status_code == 303
    with house.site.background.transaction() as tx:
        assert standing(tx, pending(house.brand, hers.worker)) == usd(500)
    worker = hands(house.site, hers.worker)
    assert "all of it is yours" in words(worker.get("/worker/earnings"))
    page = HTMLParser(owner.get(hers.page).text)
    (refund,) = [
        form.attributes["action"] or ""
        for form in page.css("form")
        if "/refund" in (form.attributes["action"] or "")
    ]
    assert owner.post(refund.removeprefix(house.path())).status_code == 303
    assert owner.post(refund.removeprefix(house.path())).status_code == 409
    with house.site.background.transaction() as tx:
        assert standing(tx, wallet(house.brand)) == usd(9_750)
        tips = tx.scalars(select(Earning.state).where(Earning.kind == EarningKind.TIP)).all()
        assert tips == [EarningState.REVERSED]
