"""The books as finance people use them: what is wrong, who looks after it, and two people put it right."""

import re
from dataclasses import dataclass

import pytest

from billing.books import keep_books
from billing.connected_balances import look_at_accounts
from billing.models import StripeAccount
from billing.stripe_books import StripeBooks
from tests.billing.conftest import a_worker as an_account
from tests.billing.conftest import gateway_to, stripe_process  # noqa: F401  # the fixture of fake Stripe
from tests.billing.funding import connection_to
from tests.billing.stripe_server import StripeServer
from tests.builders import a_worker
from tests.workers_ui.conftest import Site, Visitor, sentence
from tests.workers_ui.test_finance_pages import a_finance_person, an_operator, read, words

BOOKS = "/finance/books"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Two finance people, and a fee at Stripe whose kind nobody knows."""

    site: Site
    server: StripeServer
    fay: Visitor
    finn: Visitor

    def keep(self) -> None:
        port = StripeBooks(connection_to(self.server))
        keep_books(self.site.background, port)
        look_at_accounts(self.site.background, port)

    def post(self, by: Visitor, path: str, **fields: str) -> str:
        """What the next page says; the refusal where there is one."""
        answer = by.client.post(path, data={"csrf": by.csrf, **fields})
        if answer.status_code == 303:
            return sentence(answer)
        found = re.search(r'role="alert" data-problem>.*?<p>(.*?)</p>', answer.text, re.DOTALL)
        return f"{answer.status_code} {found[1] if found else ''}".strip()

    def href(self, step: str) -> str:
        tree = read(self.fay, BOOKS)
        found = tree.css_first(f"form[action$='/{step}']")
        assert found is not None, step
        return str(found.attributes["action"])


@pytest.fixture
def office(site: Site, fake_stripe: StripeServer) -> Office:
    with site.background.transaction() as tx:
        fay, finn = a_finance_person(tx, name="Fay Fields"), a_finance_person(tx, name="Finn Ferris")
    fake_stripe.turn("balance/fund", amount_minor=5_000)
    return Office(site=site, server=fake_stripe, fay=site.signed_in(fay), finn=site.signed_in(finn))


@pytest.fixture
def fake_stripe(stripe_process: StripeServer) -> StripeServer:  # noqa: F811  # pytest's way of asking for it
    stripe_process.turn("reset")
    return stripe_process


def test_finance_reads_in_one_sentence_that_the_books_are_proven(office: Office) -> None:
    assert "The books have not been proven yet." in words(read(office.fay, BOOKS))
    office.keep()
    page = words(read(office.fay, BOOKS))
    assert "Proven: the ledger and Stripe agree to the cent." in page
    assert "ledger 50.00 USD, Stripe 50.00 USD" in page
    assert "No break is open" in page
    assert "holds 1 proof" in page


def test_a_break_is_owned_corrected_by_two_people_and_closed_with_a_note(office: Office) -> None:
    office.server.turn("record/add", type="climate_order_purchase", amount_minor=-700)
    office.keep()
    page = words(read(office.fay, BOOKS))
    assert "Not proven. No payout begins, because Stripe and the ledger differ." in page
    assert "Stripe moved money of a kind we do not know; it stands in suspense" in page
    assert "nobody looks after it yet" in page

    assert office.post(office.fay, office.href("owner")) == "It is yours to look after."
    assert "Fay Fields looks after it" in words(read(office.finn, BOOKS))
    proposal = office.href("postings")
    typed = {
        "debit": "stripe_fees",
        "credit": "suspense_stripe",
        "amount": "7.00",
        "reason": "A climate order.",
    }
    assert office.post(office.fay, proposal, **(typed | {"amount": "seven"})).startswith(
        "422 Write an amount"
    )
    assert office.post(office.fay, proposal, **(typed | {"credit": "brand_wallet"})).startswith("422 By hand")
    assert office.post(office.fay, proposal, **typed) == "Proposed. A second person has to post it."
    assert "You proposed it. A second person has to post it." in words(read(office.fay, BOOKS))
    approval = read(office.finn, BOOKS).css_first("form[action$='/approval']")
    assert approval is not None
    path = str(approval.attributes["action"])
    assert office.post(office.fay, path).startswith("409")
    assert office.post(office.finn, path) == "Posted."

    closing = office.href("resolution")
    assert office.post(office.finn, closing, note="Done.").startswith(
        "409 Somebody else looks after this break"
    )
    assert office.post(office.fay, closing, note=".").startswith("422 Say in a few words")
    assert office.post(office.fay, closing, note="A climate order, booked as a fee.").startswith("Closed.")
    office.keep()
    page = words(read(office.fay, BOOKS))
    assert "Proven: the ledger and Stripe agree to the cent." in page
    assert "1 of 2 proofs failed" in page


def test_accounts_below_zero_are_listed(office: Office) -> None:
    account = an_account(office.server, gateway_to(office.server))
    with office.site.background.transaction() as tx:
        worker = a_worker(tx, name="Wanda Worker")
        tx.add(StripeAccount(worker_id=worker, account=account, transfers_active=True))
    office.server.turn(f"accounts/{account}/push", amount_minor=-4_000)
    office.keep()
    assert "Wanda Worker: -$40.00" in words(read(office.fay, BOOKS)).replace("−", "-")


def test_the_books_are_finances_alone(office: Office) -> None:
    with office.site.background.transaction() as tx:
        operator = an_operator(tx)
    assert office.site.signed_in(operator).client.get(BOOKS).status_code == 403
    nowhere = f"{BOOKS}/breaks/018f0000-0000-7000-8000-000000000000/owner"
    assert office.post(office.fay, nowhere).startswith("404")
