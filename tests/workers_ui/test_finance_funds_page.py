"""Finance gives credit, sets lines, and two of them give a debt up."""

from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import text

from billing.accounts import STRIPE_AVAILABLE, owed_by_brand, promo
from billing.funds_models import ReversalKind, ReversalState, TopUpReversal
from billing.ledger import balance, credit, debit
from billing.ledger import post as post_txn
from billing.models import TopUp, TopUpState
from marketplace.accounts.models import MemberRole, Staff, StaffRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import ReversalId, TopUpId, new_id
from tests.builders import a_person, usd
from tests.workers_ui.brand_site import House, a_house, tree, words
from tests.workers_ui.conftest import Site, Visitor


@pytest.fixture
def house(site: Site) -> House:
    a_house(site, name="Noise & Sons")
    return a_house(site, funds=usd(0))


def finance(site: Site, name: str, role: StaffRole = StaffRole.FINANCE) -> Visitor:
    with site.background.transaction() as tx:
        person = a_person(tx, name=name)
        tx.add(Staff(person_id=person, role=role, added_at=app_now(tx)))
    return site.signed_in(person)


def post(visitor: Visitor, path: str, **form: str) -> Response:
    return visitor.client.post(f"/finance/funds{path}", data={"csrf": visitor.csrf, **form})


def a_lost_dispute(site: Site, house: House) -> str:
    """As the reversals leave it: 50.00 owed. Its address in the page's forms."""
    with site.background.transaction() as tx:
        now = app_now(tx)
        top_up, reversal = TopUpId(new_id()), ReversalId(new_id())
        tx.add(
            TopUp(
                brand_id=house.brand,
                id=top_up,
                amount_minor=5_000,
                currency="usd",
                state=TopUpState.PAID,
                payment_intent="pi_1",
                created_at=now,
                due_at=now,
                available_at=now,
            )
        )
        tx.flush()
        tx.add(
            TopUpReversal(
                brand_id=house.brand,
                id=reversal,
                top_up_id=top_up,
                kind=ReversalKind.DISPUTE,
                object_id="dp_1",
                state=ReversalState.OWED,
                currency="usd",
                amount_minor=5_000,
                fee_minor=0,
                owed_minor=5_000,
                reason="fraudulent",
                opened_at=now,
            )
        )
        post_txn(
            tx,
            kind="dispute",
            key="dp:dp_1:withdrawn",
            currency="usd",
            legs=[debit(owed_by_brand(house.brand), 5_000), credit(STRIPE_AVAILABLE, 5_000)],
            now=now,
        )
    return f"/reversals/{house.brand}/{reversal}/write-off"


def test_promo_credit_is_given_once_however_often_the_form_is_sent(site: Site, house: House) -> None:
    fay = finance(site, "Fay Fields")
    form = {"brand": house.slug, "amount": "25.00", "reason": "Welcome.", "idempotency_key": uuid4().hex}
    for _ in range(2):
        assert post(fay, "/promos", **form).status_code == 303
    with site.background.transaction() as tx:
        assert balance(tx, promo(house.brand), currency="usd") == usd(2_500)
    assert "$25.00" in words(fay.client.get("/finance/funds"))
    refused = post(fay, "/promos", **form | {"amount": "x", "idempotency_key": uuid4().hex})
    assert (refused.status_code, "Write an amount such as 12.50" in words(refused)) == (422, True)
    assert 'value="Welcome."' in refused.text


def test_a_credit_line_is_set_and_shown(site: Site, house: House) -> None:
    fay = finance(site, "Fay Fields")
    form = {
        "brand": house.slug,
        "limit": "1000.00",
        "invoice_at": "500.00",
        "days": "14",
        "email": "bills@example.com",
    }
    assert post(fay, "/credit-lines", **form).status_code == 303
    assert "$1,000.00" in words(fay.client.get("/finance/funds"))
    for changed in ({"days": "x"}, {"days": "0"}, {"email": "nobody"}, {"brand": "no-such"}):
        assert post(fay, "/credit-lines", **form | changed).status_code == 422


def test_a_debt_is_given_up_by_two_people(site: Site, house: House) -> None:
    fay, finn = finance(site, "Fay Fields"), finance(site, "Finn Ferris")
    address = a_lost_dispute(site, house)
    assert "Dispute: fraudulent" in words(fay.client.get("/finance/funds"))
    assert post(fay, address, reason=" ").status_code == 422
    assert post(fay, address, reason="They closed.").status_code == 303
    page = fay.client.get("/finance/funds")
    assert "Fay Fields asks to write it off: They closed." in words(page)
    assert "Somebody else has to approve" in words(page)
    with site.background.transaction() as tx:
        asked = tx.execute(text("SELECT id FROM write_off")).scalar_one()
    own = post(fay, f"/write-offs/{asked}/approval")
    assert (own.status_code, "Somebody else has to decide" in words(own)) == (403, True)
    assert post(finn, f"/write-offs/{asked}/approval").status_code == 303
    with site.background.transaction() as tx:
        assert balance(tx, owed_by_brand(house.brand), currency="usd") == usd(0)
    assert post(finn, f"/write-offs/{asked}/refusal").status_code == 409
    assert tree(finn.client.get("/finance/funds")).css("#taken-title") == []


def test_a_write_off_refused_can_be_asked_for_again(site: Site, house: House) -> None:
    fay, finn = finance(site, "Fay Fields"), finance(site, "Finn Ferris")
    address = a_lost_dispute(site, house)
    post(fay, address, reason="They closed.")
    with site.background.transaction() as tx:
        asked = tx.execute(text("SELECT id FROM write_off")).scalar_one()
    assert post(finn, f"/write-offs/{asked}/refusal").status_code == 303
    assert post(finn, address, reason="They closed, really.").status_code == 303


def test_only_finance_sees_brands_funds(site: Site, house: House) -> None:
    operator = finance(site, "Olga Oakes", StaffRole.OPERATOR)
    assert operator.client.get("/finance/funds").status_code == 403
    assert house.member(MemberRole.OWNER).visitor.client.get("/finance/funds").status_code == 404
    assert post(operator, "/promos", brand=house.slug, amount="1", reason="x").status_code == 403
