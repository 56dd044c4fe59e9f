"""Finance's pages as finance people use them: from the queue to a batch that two of them signed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from billing.earnings import mature
from billing.models import (
    BatchState,
    CallState,
    Earning,
    EarningState,
    Payout,
    PayoutBatch,
    PayoutState,
    StripeAccount,
    StripeCall,
)
from billing.sending import send_due
from billing.stripe_connection import StripeConnection
from billing.stripe_gateway import StripeGateway
from guidance.commands import write_receipt
from guidance.models import Suggestion, SuggestionPassage, SuggestionState
from knowledge_base.models import Article, Passage, Revision
from knowledge_base.publishing import put_article
from knowledge_base.reading.documents import Document, Section
from marketplace.accounts.models import Brand, Member, MemberRole, Person, Staff, StaffRole, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import (
    BatchId,
    BrandId,
    EarningId,
    PersonId,
    SuggestionId,
    TicketId,
    WorkerId,
    new_id,
)
from marketplace.kernel.settings import MoneyMode, Settings
from marketplace.tickets.endings import confirm_escalation, escalate_ticket, resolve_ticket
from marketplace.tickets.models import EscalationReason, Message, ResolvedBy
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import ApiFeed, deliver_queued, send_reply
from tests.billing.conftest import a_worker as an_account
from tests.billing.stripe_server import StripeServer
from tests.builders import Clock, a_brand, a_member, a_person, a_worker, an_open_ticket, usd
from tests.workers_ui.conftest import Site, Visitor
from workers_ui.parts import environment

ANSWER = "It is on its way."
QUOTE = "Parcels arrive within a week."


def a_finance_person(tx: Tx, *, name: str) -> PersonId:
    person = a_person(tx, name=name)
    tx.add(Staff(person_id=person, role=StaffRole.FINANCE, added_at=app_now(tx)))
    tx.flush()
    return person


def an_operator(tx: Tx) -> PersonId:
    person = a_person(tx, name="Olga Operator")
    tx.add(Staff(person_id=person, role=StaffRole.OPERATOR, added_at=app_now(tx)))
    tx.flush()
    return person


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """One brand's resolved ticket, worth 16.00 to its worker and payable; two finance people; noise."""

    site: Site
    brand: BrandId
    worker: WorkerId
    ticket: TicketId
    earning: EarningId
    fay: Visitor
    finn: Visitor

    def draft(self, *, confirmed: bool = True) -> str:
        """The path of a fresh batch that Fay drafted, and whose first payouts she looked at."""
        answer = self.fay.client.post("/finance/batches", data={"csrf": self.fay.csrf, "currency": "usd"})
        assert answer.status_code == 303, answer.text
        path: str = answer.headers["location"].partition("?")[0]
        if confirmed:
            assert self.act(self.fay, path, "confirmation").status_code == 303
        return path

    def batch(self, path: str) -> PayoutBatch:
        with self.site.background.transaction() as tx:
            return tx.get_one(PayoutBatch, BatchId(UUID(path.rsplit("/", 1)[-1])))

    def act(self, by: Visitor, path: str, step: str, *, content_hash: str | None = None) -> Response:
        seen = self.batch(path).content_hash if content_hash is None else content_hash
        return by.client.post(f"{path}/{step}", data={"csrf": by.csrf, "content_hash": seen})


@pytest.fixture
def stripe_server(tmp_path: Path) -> Iterator[StripeServer]:
    server = StripeServer(tmp_path / "fake-stripe")
    server.start()
    yield server
    server.close()


@pytest.fixture
def office(site: Site) -> Office:
    clock = Clock(database=site.background)
    with site.background.transaction() as tx:
        brand = a_brand(tx, price=usd(2_000))
        other = a_brand(tx, name="Noise & Sons", price=usd(2_000))
        worker = a_worker(tx, name="Wanda Worker", payable=True)
        without_account = a_worker(tx, name="Nora Noaccount")
        fay, finn = a_finance_person(tx, name="Fay Fields"), a_finance_person(tx, name="Finn Ferris")
    ticket = a_resolved_ticket(site, brand, worker)
    a_resolved_ticket(site, other, without_account)
    clock.forward(timedelta(hours=73))
    with site.background.transaction() as tx:
        assert mature(tx, now=app_now(tx)) == 2
        earning = tx.scalars(select(Earning.id).where(Earning.worker_id == worker)).one()
    a_resolved_ticket(site, other, worker)
    return Office(
        site=site,
        brand=brand,
        worker=worker,
        ticket=ticket,
        earning=earning,
        fay=site.signed_in(fay),
        finn=site.signed_in(finn),
    )


def a_resolved_ticket(site: Site, brand: BrandId, worker: WorkerId) -> TicketId:
    """Posted, claimed, answered from a passage, delivered and confirmed; its earning is in its window."""
    with site.background.transaction() as tx:
        ticket = an_open_ticket(tx, brand, subject="Call me at +1 212 555 0123 please")
        a_suggestion(tx, brand, ticket)
        hold = claim_ticket(tx, ticket=ticket, worker=worker)
    with site.background.transaction() as tx:
        reply = send_reply(tx, ticket=ticket, worker=worker, number=hold.number, body=ANSWER, now=app_now(tx))
        write_receipt(tx, reply=reply, inserted=["1"], now=app_now(tx))
    with site.background.transaction() as tx:
        deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))
    with site.background.transaction() as tx:
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    return ticket


def a_suggestion(tx: Tx, brand: BrandId, ticket: TicketId) -> None:
    section = Section(path=("How long",), text=QUOTE)
    document = Document(key="delivery", title="Delivery times", sections=(section,))
    put_article(tx, brand=brand, document=document, author=None, now=app_now(tx))
    passage = tx.scalars(select(Passage).where(Passage.brand_id == brand)).first()
    revision = tx.scalars(select(Revision).where(Revision.brand_id == brand)).first()
    article = tx.scalars(select(Article).where(Article.brand_id == brand)).one()
    assert passage is not None
    assert revision is not None
    message = tx.scalars(select(Message.id).where(Message.ticket_id == ticket)).one()
    suggestion = Suggestion(
        brand_id=brand,
        id=SuggestionId(new_id()),
        ticket_id=ticket,
        message_id=message,
        state=SuggestionState.READY,
        confidence=0.9,
        reason="",
        next_step="",
        draft=QUOTE,
        sentences=[],
        voice_version=1,
        prepared_at=app_now(tx),
    )
    tx.add(suggestion)
    tx.flush()
    tx.add(
        SuggestionPassage(
            brand_id=brand,
            suggestion_id=suggestion.id,
            rank=1,
            passage_id=passage.id,
            article_id=article.id,
            revision_id=revision.id,
            revision_number=1,
            title="Delivery times",
            section_path=["How long"],
            quoted=QUOTE,
            score=0.9,
            verified_at=app_now(tx),
        )
    )
    tx.flush()


def read(by: Visitor, path: str, *, status: int = 200) -> HTMLParser:
    """The page at `path`, which has one heading."""
    answer = by.client.get(path)
    assert answer.status_code == status, answer.text
    tree = HTMLParser(answer.text)
    assert len(tree.css("h1")) == 1
    return tree


def words(tree: HTMLParser, selector: str = "main") -> str:
    found = tree.css_first(selector)
    assert found is not None, selector
    return spaced(found)


def spaced(node: Node) -> str:
    return " ".join(node.text(separator=" ").split())


# The queue


def test_the_queue_shows_every_earning_with_sums_by_state_and_currency(office: Office) -> None:
    tree = read(office.fay, "/finance/earnings")

    assert len(tree.css("#earnings tbody tr")) == 3
    sums = [spaced(one) for one in tree.css(".stat")]
    assert sums == ["pending $16.00 1 earning", "payable $32.00 2 earnings"]


def test_the_queue_hides_what_customers_must_not_have_told(office: Office) -> None:
    assert "555 0123" not in words(read(office.fay, "/finance/earnings"))


def test_the_queue_narrows_by_state_worker_and_brand_and_leads_back(office: Office) -> None:
    by_worker = read(office.fay, f"/finance/earnings?state=payable&worker={office.worker}")
    with office.site.background.transaction() as tx:
        slug = tx.get_one(Brand, office.brand).slug
    by_brand = read(office.fay, f"/finance/earnings?brand={slug}")

    assert [words(by_worker, "#earnings tbody th a")] == [words(by_brand, "#earnings tbody th a")]
    assert len(by_worker.css("#earnings tbody tr")) == len(by_brand.css("#earnings tbody tr")) == 1
    back = by_worker.css_first(".callout a")
    assert back is not None
    assert back.attributes["href"] == "/finance/earnings?state=payable"


def test_who_has_no_account_is_flagged_in_the_queue(office: Office) -> None:
    rows = [spaced(row) for row in read(office.fay, "/finance/earnings").css("tbody tr")]

    assert [("no payout account" in row) for row in rows if "Nora" in row] == [True]
    assert not any("no payout account" in row for row in rows if "Wanda" in row)


def test_the_queue_has_pages(office: Office) -> None:
    with office.site.background.transaction() as tx:
        for _ in range(60):
            _copied_earning(tx, office)
    first = read(office.fay, "/finance/earnings")
    following = first.css_first("a[rel=next]")
    assert following is not None
    second = read(office.fay, f"{following.attributes['href']}")

    assert len(first.css("#earnings tbody tr")) == 50
    assert len(second.css("#earnings tbody tr")) == 13
    assert second.css_first("a[rel=next]") is None


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=nonsense", 422),
        ("worker=not-an-id", 404),
        (f"worker={UUID(int=1)}", 404),
        ("brand=no-such-brand", 404),
        ("brand=%00", 404),
        ("page=0", 422),
        ("page=99999999999999999999", 422),
        ("page=10000", 200),
    ],
)
def test_a_filter_that_means_nothing_is_refused_in_words(office: Office, query: str, status: int) -> None:
    read(office.fay, f"/finance/earnings?{query}", status=status)


# One earning's story


def test_one_screen_tells_an_earning_from_ticket_to_payable(office: Office) -> None:
    tree = read(office.fay, f"/finance/earnings/{office.earning}")

    titles = [one.text() for one in tree.css(".story h3")]
    assert titles == [
        "Posted",
        "Price reserved",
        "Claimed",
        "Replied",
        "Resolved",
        "Earned",
        "Review window closed",
        "Batch",
    ]
    told = words(tree)
    assert ANSWER in told
    assert QUOTE in told
    assert "revision 1 · inserted" in told
    assert "The customer confirmed" in told
    assert "$16.00 to Wanda Worker" in told
    assert "555 0123" not in told


def test_one_screen_holds_every_posting_and_each_balances(office: Office) -> None:
    tree = read(office.fay, f"/finance/earnings/{office.earning}")

    assert [one.text() for one in tree.css(".posting h3")] == ["reserve", "accrue", "mature"]
    for posting in tree.css(".posting"):
        cells = [[cell.text().strip() for cell in row.css("td")] for row in posting.css("tbody tr")]
        debits, credits = ([cents(row[side]) for row in cells] for side in (0, 1))
        assert sum(debits) == sum(credits) > 0


def cents(text_of_cell: str) -> int:
    return int(text_of_cell.replace("$", "").replace(".", "") or 0)


def test_an_escalations_fee_tells_its_reason_and_decision(office: Office) -> None:
    site = office.site
    with site.background.transaction() as tx:
        ticket = an_open_ticket(tx, office.brand)
        hold = claim_ticket(tx, ticket=ticket, worker=office.worker)
        escalate_ticket(
            tx,
            ticket=ticket,
            worker=office.worker,
            number=hold.number,
            reason=EscalationReason.NEEDS_BRAND_ACTION,
            note="Needs a refund",
            now=app_now(tx),
        )
        confirm_escalation(tx, brand=office.brand, ticket=ticket, by="Mo Manager", now=app_now(tx))
    with site.background.transaction() as tx:
        earning = tx.scalars(select(Earning.id).where(Earning.ticket_id == ticket)).one()

    told = words(read(office.fay, f"/finance/earnings/{earning}"))
    assert "Needs a refund" in told
    assert "Escalation confirmed" in told
    assert "Mo Manager" in told
    assert "Payable once the window closes" in told


@pytest.mark.parametrize("earning", ["nonsense", str(UUID(int=1)), "%00"])
def test_an_unknown_earning_is_not_found(office: Office, earning: str) -> None:
    read(office.fay, f"/finance/earnings/{earning}", status=404)


# Batches


def test_what_a_batch_would_hold_and_what_waits_are_told_apart(office: Office) -> None:
    told = words(read(office.fay, "/finance/batches"))

    assert "$16.00 1 earning payable" in told
    assert "1 earning of 1 worker in USD wait" in told


def test_a_batch_goes_from_draft_by_two_people_to_a_stored_request(office: Office) -> None:
    path = office.draft()
    drafted = read(office.fay, path)
    assert "$16.00" in words(drafted, "h1")
    [worker] = [spaced(one) for one in drafted.css("tbody th")]
    assert worker == "Wanda Worker This worker's first payout: confirmed."

    assert office.act(office.fay, path, "submission").status_code == 303
    assert office.act(office.finn, path, "approval").status_code == 303
    assert office.act(office.fay, path, "release").status_code == 303

    released = read(office.finn, path)
    assert [one.text() for one in released.css(".small-story h3")] == [
        "Drafted",
        "Submitted",
        "Approved",
        "Released",
    ]
    assert "Fay Fields" in words(released, ".small-story")
    assert "Finn Ferris" in words(released, ".small-story")
    [left] = [one.attributes["action"] for one in released.css("main form[method=post]")]
    assert str(left).endswith("/cancel")
    with office.site.background.transaction() as tx:
        call = tx.scalars(select(StripeCall)).one()
        payout = tx.get_one(Payout, call.payout_id)
        assert office.batch(path).state is BatchState.RELEASING
        assert (call.state, payout.state) == (CallState.READY, PayoutState.SENDING)
        assert call.params["amount"] == payout.amount_minor == 1_600
        assert call.params["destination"] == payout.destination
        assert tx.get_one(Earning, (office.brand, office.earning)).state is EarningState.SENDING


def test_the_story_of_a_sent_earning_ends_with_its_people_and_its_transfer(
    office: Office, stripe_server: StripeServer, settings: Settings
) -> None:
    gateway = StripeGateway(
        StripeConnection(
            "sk_test_tests",
            money_mode=MoneyMode.TEST,
            environment=environment(settings),
            api_base=stripe_server.url,
        )
    )
    stripe_server.turn("balance/fund", amount_minor=100_000, currency="usd")
    account = an_account(stripe_server, gateway, ref=str(office.worker))
    with office.site.background.transaction() as tx:
        tx.get_one(StripeAccount, office.worker).account = account
    path = office.draft()
    office.act(office.fay, path, "submission")
    office.act(office.finn, path, "approval")
    office.act(office.finn, path, "release")
    assert send_due(office.site.background, gateway) == 1
    [transfer] = stripe_server.look("objects/transfer")

    tree = read(office.fay, f"/finance/earnings/{office.earning}")
    number = office.batch(path).number
    assert [one.text() for one in tree.css(".story h3")][-2:] == [f"Batch {number}", "Transfer"]
    told = words(tree)
    assert transfer["id"] in told
    assert "Fay Fields" in told
    assert "Finn Ferris" in told
    assert [one.text() for one in tree.css(".posting h3")][-2:] == ["send", "sent"]
    batch = words(read(office.fay, path))
    assert "Paid by Stripe $16.00" in batch
    assert transfer["id"] in batch
    assert (transfer["amount"], transfer["destination"]) == (1_600, account)


def test_a_workers_first_payout_is_confirmed_before_its_batch_is_submitted(office: Office) -> None:
    path = office.draft(confirmed=False)
    tree = read(office.fay, path)
    assert "This worker's first payout: look before it is submitted." in words(tree)
    assert "1 payout to confirm before the batch is submitted" in words(tree)
    assert tree.css(f'form[action="{path}/submission"]') == []
    refused = office.act(office.fay, path, "submission")
    assert refused.status_code == 409
    assert "Confirm them before" in refused.text

    assert office.act(office.finn, path, "confirmation").status_code == 303
    assert "first payout: confirmed." in words(read(office.fay, path))
    assert office.act(office.fay, path, "submission").status_code == 303
    refused = office.act(office.finn, path, "approval")
    assert refused.status_code == 403
    assert "somebody else approves it" in refused.text


def test_payouts_are_stopped_with_a_reason_by_finance_and_run_again(office: Office) -> None:
    def post(path: str, **fields: str) -> Response:
        return office.fay.client.post(path, data={"csrf": office.fay.csrf, **fields})

    assert post("/finance/payouts/stop", reason=" ").status_code == 422
    assert post("/finance/payouts/stop", reason="A wrong file.").status_code == 303
    told = words(read(office.finn, "/finance/batches"))
    assert "All payouts are stopped A wrong file. Fay Fields" in told
    assert "All payouts are stopped: A wrong file." in words(read(office.finn, office.draft()))
    assert post("/finance/payouts/resume").status_code == 303
    assert post("/finance/payouts/resume").status_code == 409
    assert "A wrong file." not in words(read(office.finn, "/finance/batches"))


def test_a_worker_is_held_by_address_and_reason_and_let_go_again(office: Office) -> None:
    def post(path: str, **fields: str) -> Response:
        return office.fay.client.post(path, data={"csrf": office.fay.csrf, **fields})

    with office.site.background.transaction() as tx:
        worker = tx.get_one(Worker, office.worker)
        email = tx.get_one(Person, worker.person_id).email
    assert post("/finance/held-workers", email="nobody@example.com", reason="Why").status_code == 422
    assert post("/finance/held-workers", email=email, reason="").status_code == 422
    assert post("/finance/held-workers", email=email.upper(), reason="Two tickets.").status_code == 303
    tree = read(office.finn, "/finance/held-workers")
    assert "Wanda Worker held by finance Two tickets. Fay Fields" in words(tree)
    assert "$16.00 waits" in words(tree)
    assert post("/finance/batches", currency="usd").status_code == 409
    [lift] = [
        one.attributes["action"] for one in tree.css("form") if "/lift" in str(one.attributes["action"])
    ]
    assert post(str(lift)).status_code == 303
    assert post(str(lift)).status_code == 404
    assert "Nobody is held" in words(read(office.finn, "/finance/held-workers"))


def test_a_released_payout_is_cancelled_while_stripe_was_not_asked(office: Office) -> None:
    path = office.draft()
    office.act(office.fay, path, "submission")
    office.act(office.finn, path, "approval")
    office.act(office.finn, path, "release")
    [cancel] = [
        str(one.attributes["action"])
        for one in read(office.fay, path).css("form")
        if "/cancel" in str(one.attributes["action"])
    ]
    assert office.fay.client.post(cancel, data={"csrf": office.fay.csrf}).status_code == 303
    assert office.fay.client.post(cancel, data={"csrf": office.fay.csrf}).status_code == 409
    told = words(read(office.fay, path))
    assert "cancelled" in told
    assert office.batch(path).state is BatchState.DONE_WITH_FAILURES
    with office.site.background.transaction() as tx:
        assert tx.get_one(Earning, (office.brand, office.earning)).state is EarningState.PAYABLE


def test_case_27_who_submitted_a_batch_cannot_approve_it_nor_can_the_database_be_made_to(
    office: Office,
) -> None:
    """Also as an operator of the platform, also without the page."""
    path = office.draft()
    office.act(office.fay, path, "submission")

    tree = read(office.fay, path)
    assert tree.css(f'form[action="{path}/approval"]') == []
    assert "You submitted it. A second person has to approve it." in words(tree)
    batch = office.batch(path)
    for roles in ((StaffRole.FINANCE,), (StaffRole.FINANCE, StaffRole.OPERATOR)):
        with office.site.background.transaction() as tx:
            for role in roles:
                tx.merge(Staff(person_id=batch.submitted_by, role=role, added_at=app_now(tx)))
        refused = office.act(office.fay, path, "approval")
        assert refused.status_code == 403
        assert "someone other than the person who submitted it" in refused.text
    with pytest.raises(IntegrityError, match="four_eyes"), office.site.background.transaction() as tx:
        tx.execute(
            update(PayoutBatch)
            .where(PayoutBatch.id == batch.id)
            .values(
                state=BatchState.APPROVED,
                approved_by=batch.submitted_by,
                approved_at=app_now(tx),
                approved_hash=batch.content_hash,
            )
        )
    assert office.batch(path).state is BatchState.SUBMITTED
    assert len(read(office.finn, path).css(f'form[action="{path}/approval"]')) == 1


@pytest.mark.parametrize("step", ["submission", "approval", "release", "void"])
def test_a_signature_on_other_content_than_was_seen_is_refused(office: Office, step: str) -> None:
    path = office.draft()
    if step in ("approval", "release"):
        office.act(office.fay, path, "submission")
    if step == "release":
        office.act(office.finn, path, "approval")
    before = office.batch(path).state

    refused = office.act(office.finn, path, step, content_hash="0" * 64)
    assert refused.status_code == 409
    assert "changed after it was signed" in refused.text
    assert office.act(office.finn, path, step, content_hash="").status_code == 409
    assert office.batch(path).state is before


def test_a_batch_whose_lines_changed_after_submission_is_refused(office: Office) -> None:
    path = office.draft()
    office.act(office.fay, path, "submission")
    with office.site.background.transaction() as tx:
        tx.execute(text("UPDATE payout SET amount_minor = amount_minor + 1"))

    refused = office.act(office.finn, path, "approval")
    assert refused.status_code == 409
    assert "changed after it was signed" in refused.text
    assert office.batch(path).state is BatchState.SUBMITTED
    assert office.act(office.finn, path, "void").status_code == 303


def test_a_step_taken_twice_is_refused_and_changes_nothing(office: Office) -> None:
    path = office.draft()
    office.act(office.fay, path, "submission")
    office.act(office.finn, path, "approval")
    office.act(office.finn, path, "release")

    for step in ("submission", "approval", "release", "void"):
        assert office.act(office.finn, path, step).status_code == 409
    with office.site.background.transaction() as tx:
        assert len(tx.scalars(select(StripeCall)).all()) == 1


def test_a_batch_that_is_given_up_frees_its_earnings_for_the_next(office: Office) -> None:
    first = office.draft()
    assert office.act(office.fay, first, "void").status_code == 303
    assert "given up" in words(read(office.fay, first))

    second = office.draft()
    assert second != first
    told = words(read(office.fay, f"/finance/earnings/{office.earning}"))
    assert f"Batch {office.batch(first).number}" in told
    assert f"Batch {office.batch(second).number}" in told


def test_drafting_with_nothing_to_pay_says_so_and_leaves_no_batch(office: Office) -> None:
    office.draft()
    again = office.fay.client.post("/finance/batches", data={"csrf": office.fay.csrf, "currency": "usd"})

    assert again.status_code == 409
    assert "No worker has a payable sum" in again.text
    with office.site.background.transaction() as tx:
        assert len(tx.scalars(select(PayoutBatch)).all()) == 1


@pytest.mark.parametrize("currency", ["", "us", "USD", "usdollars", "u\x00d", "12."])
def test_a_currency_that_is_none_is_refused(office: Office, currency: str) -> None:
    answer = office.fay.client.post("/finance/batches", data={"csrf": office.fay.csrf, "currency": currency})
    assert answer.status_code == 422


@pytest.mark.parametrize("batch", ["nonsense", str(UUID(int=1))])
def test_an_unknown_batch_is_not_found(office: Office, batch: str) -> None:
    read(office.fay, f"/finance/batches/{batch}", status=404)
    for step in ("submission", "approval", "release", "void"):
        answer = office.fay.client.post(
            f"/finance/batches/{batch}/{step}", data={"csrf": office.fay.csrf, "content_hash": "x"}
        )
        assert answer.status_code == 404


# Who may


def test_forms_without_their_token_are_refused(office: Office) -> None:
    path = office.draft()
    seen = office.batch(path).content_hash

    assert office.fay.client.post("/finance/batches", data={"currency": "usd"}).status_code == 403
    for step in ("submission", "approval", "release", "void"):
        answer = office.fay.client.post(f"{path}/{step}", data={"content_hash": seen})
        assert answer.status_code == 403
    assert office.batch(path).state is BatchState.DRAFT


def test_finance_is_closed_to_everybody_else(office: Office) -> None:
    site, path = office.site, office.draft()
    with site.background.transaction() as tx:
        worker = tx.get_one(Worker, office.worker).person_id
        manager = a_member(tx, office.brand)
        brand_finance = a_person(tx, name="Bo Books")
        tx.add(
            Member(
                brand_id=office.brand,
                person_id=brand_finance,
                role=MemberRole.FINANCE,
                joined_at=app_now(tx),
            )
        )
        operator = an_operator(tx)
    pages = ("/finance/earnings", f"/finance/earnings/{office.earning}", "/finance/batches", path)
    for person, status in ((worker, 404), (manager, 404), (brand_finance, 404), (operator, 403)):
        visitor = site.signed_in(person)
        assert [visitor.client.get(one).status_code for one in pages] == [status] * len(pages)
        assert [
            office.act(visitor, path, step).status_code
            for step in ("submission", "approval", "release", "void")
        ] == [status] * 4
    assert office.batch(path).state is BatchState.DRAFT


def test_a_visitor_is_led_to_sign_in_and_back(office: Office) -> None:
    answer = office.site.visitor().client.get("/finance/batches")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/finance/batches"


def _copied_earning(tx: Tx, office: Office) -> None:
    """Noise: an earning whose cause is a resolution of a ticket of its own, reopened since."""
    tx.execute(
        text(
            "WITH new_resolution AS (INSERT INTO resolution (brand_id, id, ticket_id, number, by, credits, "
            "resolved_at, window_ends_at, reopened_at) SELECT brand_id, :resolution, ticket_id, "
            "(SELECT max(number) + 1 FROM resolution r WHERE r.ticket_id = resolution.ticket_id), by, "
            "credits, resolved_at, window_ends_at, resolved_at FROM resolution "
            "WHERE ticket_id = :ticket LIMIT 1 RETURNING id) "
            "INSERT INTO earning (brand_id, id, ticket_id, worker_id, kind, resolution_id, terms_id, "
            "amount_minor, currency, state, accrued_at, window_ends_at) "
            "SELECT e.brand_id, :id, e.ticket_id, e.worker_id, e.kind, n.id, e.terms_id, 1, e.currency, "
            "'reversed', e.accrued_at, e.window_ends_at FROM earning e, new_resolution n "
            "WHERE e.id = :earning"
        ),
        {"resolution": new_id(), "id": new_id(), "ticket": office.ticket, "earning": office.earning},
    )
