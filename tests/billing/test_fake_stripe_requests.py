"""Fake Stripe refuses what Stripe would refuse, by the types of the installed SDK."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing.fake_stripe import schema
from billing.fake_stripe.errors import SchemaViolation
from billing.fake_stripe.params import decode, parse
from tests.billing.conftest import sdk_to
from tests.billing.stripe_server import StripeServer

TRANSFER: dict[str, Any] = {"amount": 100, "currency": "usd", "destination": "acct_1"}


@pytest.fixture
def wrong(stripe_process: StripeServer) -> Iterator[StripeServer]:
    """Fake Stripe for tests that send malformed requests on purpose."""
    stripe_process.turn("reset")
    yield stripe_process
    stripe_process.turn("reset")


@pytest.fixture(scope="module")
def request_schema() -> schema.RequestSchema:
    return schema.derive(schema.sdk_root())


def test_the_schema_knows_the_sdk_it_was_read_from(request_schema: schema.RequestSchema) -> None:
    assert request_schema.sdk_version == stripe.VERSION
    assert request_schema.api_version == stripe.api_version
    shape = request_schema.shapes[request_schema.operations["post /v1/transfers"]]
    assert set(shape.required) == {"currency", "destination"}
    assert shape.fields["source_type"].values == ("bank_account", "card", "fpx")
    assert "idempotency_key" not in shape.fields


def test_a_cached_schema_is_the_derived_one_and_a_torn_cache_is_derived_again(
    request_schema: schema.RequestSchema, tmp_path: Path
) -> None:
    assert schema.load(tmp_path) == request_schema
    [cache] = tmp_path.iterdir()
    assert schema.load(tmp_path) == request_schema
    cache.write_text(cache.read_text()[:1000])
    assert schema.load(tmp_path) == request_schema


@pytest.mark.parametrize(
    ("operation", "body", "param"),
    [
        ("post /v1/transfers", "amount=12.5&currency=usd&destination=acct_1", "amount"),
        ("post /v1/transfers", "amount=1&currency=usd", "destination"),
        ("post /v1/transfers", "amount=1&currency=usd&destination=acct_1&transfergroup=b", "transfergroup"),
        ("post /v1/transfers", "amount=1&currency=usd&destination=acct_1&source_type=cash", "source_type"),
        ("post /v1/transfers", "amount=1&currency=usd&destination=", "destination"),
        ("post /v1/transfers", "amount=1&currency=usd&destination=a&metadata=x", "metadata"),
        ("post /v1/invoices", "customer=cus_1&days_until_due=soon", "days_until_due"),
        ("post /v1/invoices", "customer=cus_1&collection_method=by_pigeon", "collection_method"),
        ("post /v1/invoiceitems", "customer=cus_1&invoice=in_1&ammount=5", "ammount"),
        ("post /v1/refunds", "payment_intent=pi_1&amount=1.5", "amount"),
        ("post /v1/payment_intents", "amount=1&currency=usd&off_sesion=true", "off_sesion"),
        ("post /v1/customers", "email=", "email"),
        ("post /v1/accounts", "capabilities[transferz][requested]=true", "capabilities[transferz]"),
        ("post /v1/accounts", "capabilities[transfers][requested]=yes", "capabilities[transfers][requested]"),
        ("post /v1/accounts", "controller[losses][payments]=nobody", "controller[losses][payments]"),
        ("get /v1/transfers", "created[since]=1", "created[since]"),
        ("get /v1/transfers", "expand[1]=data", "expand"),
        ("get /v1/balance", "currency=usd", "currency"),
        ("post /v1/account_links", "account=acct_1&type=onboarding", "type"),
    ],
)
def test_a_malformed_request_is_refused_by_name(
    request_schema: schema.RequestSchema, operation: str, body: str, param: str
) -> None:
    pairs = [(part.split("=", 1)[0], part.split("=", 1)[1]) for part in body.split("&")]
    with pytest.raises(SchemaViolation) as refusal:
        parse(request_schema, request_schema.operations[operation], decode(pairs))
    assert refusal.value.param == param


def test_a_wellformed_request_becomes_typed_values(request_schema: schema.RequestSchema) -> None:
    pairs = [
        ("amount", "100"),
        ("currency", "usd"),
        ("destination", "acct_1"),
        ("metadata[payout_id]", "p1"),
        ("expand[0]", "destination"),
    ]
    assert parse(request_schema, request_schema.operations["post /v1/transfers"], decode(pairs)) == {
        **TRANSFER,
        "metadata": {"payout_id": "p1"},
        "expand": ["destination"],
    }


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"destination": None}, "destination"),
        ({"transfergroup": "b1"}, "transfergroup"),
        ({"amount": 12.5}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": 0}, "amount"),
        ({"currency": "dollars"}, "currency"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
    ],
)
def test_what_the_sdk_sends_without_complaint_is_a_recorded_violation(
    wrong: StripeServer, change: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        sdk_to(wrong).v1.transfers.create({**TRANSFER, **change}, {"idempotency_key": "xfer:1"})  # type: ignore[typeddict-item]
    assert refusal.value.param == param
    [violation] = wrong.look("violations")
    assert (violation["method"], violation["path"], violation["param"]) == ("POST", "/v1/transfers", param)


def test_a_form_error_is_not_stored_under_its_key(wrong: StripeServer) -> None:
    sdk = sdk_to(wrong)
    for amount in (0, -1):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            sdk.v1.transfers.create({**TRANSFER, "amount": amount}, {"idempotency_key": "xfer:1"})  # type: ignore[typeddict-item]
        assert refusal.value.param == "amount"


def test_the_random_key_of_the_sdk_is_a_violation(wrong: StripeServer) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="protects nothing"):
        sdk_to(wrong).v1.transfers.create({"amount": 100, "currency": "usd", "destination": "acct_1"})
    assert [v["param"] for v in wrong.look("violations")] == ["Idempotency-Key"]


def test_a_post_without_a_key_is_a_violation(wrong: StripeServer) -> None:
    headers = {"Authorization": "Bearer sk_test_1", "Stripe-Version": stripe.api_version}
    assert wrong.post("/v1/transfers", data=TRANSFER, headers=headers).status_code == 400
    assert [v["param"] for v in wrong.look("violations")] == ["Idempotency-Key"]


@pytest.mark.parametrize("version", [None, "2020-01-01"])
def test_another_api_version_is_a_violation(wrong: StripeServer, version: str | None) -> None:
    headers = {"Authorization": "Bearer sk_test_1"} | ({"Stripe-Version": version} if version else {})
    assert wrong.get("/v1/balance", headers=headers).status_code == 400
    assert [v["param"] for v in wrong.look("violations")] == ["Stripe-Version"]


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "pk_test_1", "nothing"])
def test_only_test_keys_are_let_in(fake_stripe: StripeServer, key: str) -> None:
    answer = fake_stripe.get("/v1/balance", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert "Invalid API Key" in answer.json()["error"]["message"]


def test_an_operation_it_does_not_serve_is_a_violation_not_a_silence(wrong: StripeServer) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        sdk_to(wrong).v1.products.create({"name": "x"}, {"idempotency_key": "product:1"})
    assert [v["path"] for v in wrong.look("violations")] == ["/v1/products"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Content-Type": "text/plain"},
    ],
)
def test_the_switches_refuse_web_pages(fake_stripe: StripeServer, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/json", **headers}
    assert (
        fake_stripe.post("/_fake/balance/fund", content='{"amount_minor": 5}', headers=sent).status_code
        == 403
    )
    assert fake_stripe.look("health")["platform_balance"] == []


@pytest.mark.parametrize(
    ("switch", "body"),
    [
        ("faults", '{"kind": "earthquake"}'),
        ("faults", "{}"),
        ("faults", '{"kind": "500", "times": 100000}'),
        ("clock", '{"advance_seconds": -1}'),
        ("clock", "[1]"),
        ("clock", "not json"),
        ("settings", '{"funds": 5}'),
        ("settings", '{"colour": "red"}'),
        ("accounts/acct_none/onboard", "{}"),
        ("payouts/po_none", '{"status": "paid"}'),
        ("checkout/cs_none", '{"action": "pay"}'),
        ("teapot", "{}"),
    ],
)
def test_a_switch_turned_wrongly_says_so(fake_stripe: StripeServer, switch: str, body: str) -> None:
    answer = fake_stripe.post(f"/_fake/{switch}", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]
