"""The /v1 API: check, fault, replay or execute, and answer once it is on disk."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from . import (
    accounts,
    balances,
    checkout,
    customers,
    disputes,
    events,
    faults,
    idempotency,
    invoices,
    payments,
    payouts,
    platform,
    transfers,
)
from .call import Call, Handler, expanded
from .errors import SchemaViolation, StripeRefusal, broken, key_in_use, rate_limited
from .faults import Fault, FaultKind
from .idempotency import Stored
from .params import decode, parse
from .schema import RequestSchema
from .store import Cause, JsonObject, Store

KEY_PREFIX = "sk_test_"
REVOKED_KEY = "sk_test_revoked"
BODY_LIMIT_BYTES = 1_000_000
REMEMBERED_REQUESTS = 1_000

HANDLERS: dict[str, Handler] = {
    "post /v1/accounts": accounts.create_account,
    "get /v1/accounts": accounts.list_accounts,
    "get /v1/accounts/{account}": accounts.retrieve_account,
    "post /v1/account_links": accounts.create_account_link,
    "get /v1/balance_settings": platform.retrieve_balance_settings,
    "get /v1/webhook_endpoints": platform.list_webhook_endpoints,
    "get /v1/balance": balances.retrieve_balance,
    "get /v1/balance_transactions": balances.list_balance_transactions,
    "get /v1/balance_transactions/{id}": balances.retrieve_balance_transaction,
    "post /v1/checkout/sessions": checkout.create_session,
    "get /v1/checkout/sessions": checkout.list_sessions,
    "get /v1/checkout/sessions/{session}": checkout.retrieve_session,
    "post /v1/checkout/sessions/{session}/expire": checkout.expire_session,
    "get /v1/credit_notes": invoices.list_credit_notes,
    "post /v1/customers": customers.create_customer,
    "get /v1/customers/{customer}": customers.retrieve_customer,
    "post /v1/customers/{customer}": customers.update_customer,
    "get /v1/disputes": disputes.list_disputes,
    "get /v1/disputes/{dispute}": disputes.retrieve_dispute,
    "get /v1/events": events.list_events,
    "get /v1/events/{id}": events.retrieve_event,
    "post /v1/invoiceitems": invoices.create_item,
    "get /v1/invoiceitems": invoices.list_items,
    "get /v1/invoice_payments": invoices.list_payments,
    "post /v1/invoices": invoices.create_invoice,
    "get /v1/invoices": invoices.list_invoices,
    "get /v1/invoices/{invoice}": invoices.retrieve_invoice,
    "post /v1/invoices/{invoice}/send": invoices.send_invoice,
    "post /v1/payment_intents": payments.create_payment_intent,
    "get /v1/payment_intents": payments.list_payment_intents,
    "get /v1/payment_intents/{intent}": payments.retrieve_payment_intent,
    "post /v1/payment_intents/{intent}/confirm": payments.confirm_payment_intent,
    "get /v1/charges": payments.list_charges,
    "get /v1/charges/{charge}": payments.retrieve_charge,
    "post /v1/refunds": payments.create_refund,
    "get /v1/refunds": payments.list_refunds,
    "get /v1/refunds/{refund}": payments.retrieve_refund,
    "post /v1/payouts": payouts.create_payout,
    "get /v1/payouts": payouts.list_payouts,
    "get /v1/payouts/{payout}": payouts.retrieve_payout,
    "post /v1/transfers": transfers.create_transfer,
    "get /v1/transfers": transfers.list_transfers,
    "get /v1/transfers/{transfer}": transfers.retrieve_transfer,
    "post /v1/transfers/{id}/reversals": transfers.create_reversal,
    "get /v1/transfers/{id}/reversals": transfers.list_reversals,
    "get /v1/transfers/{transfer}/reversals/{id}": transfers.retrieve_reversal,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came, before it is believed."""

    method: str
    path: str
    pairs: tuple[tuple[str, str], ...]
    operation: str
    path_parts: dict[str, str]
    account: str | None
    key: str
    request_id: str
    base_url: str


@dataclass(slots=True, kw_only=True)
class Api:
    """Answers SDK requests; `in_flight` holds the keys being worked on, so a second one gets its 409."""

    store: Store
    schema: RequestSchema
    public_url: str | None
    on_commit: Callable[[], None]
    in_flight: set[tuple[str, str]] = field(default_factory=set)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED_REQUESTS))

    async def answer(self, request: Request) -> Response:
        request_id = self.store.new_id("req")
        try:
            response = await self._checked(request, request_id)
        except StripeRefusal as refusal:
            response = JSONResponse(refusal.body(), status_code=refusal.status)
            if isinstance(refusal, SchemaViolation):
                self._record(request, refusal)
        response.headers["Request-Id"] = response.headers.get("Request-Id", request_id)
        response.headers["Stripe-Version"] = self.store.api_version
        self._remember(request, response)
        return response

    async def _checked(self, request: Request, request_id: str) -> Response:
        _check_api_key(request.headers.get("authorization", ""))
        self._check_version(request)
        asked = await self._asked(request, request_id)
        typed = parse(self.schema, self.schema.operations[asked.operation], decode(asked.pairs))
        fault = self._take_fault(asked)
        if asked.method == "GET":
            return await self._execute(asked, typed, fault)
        with_key = (asked.account or "", asked.key)
        if with_key in self.in_flight:
            raise key_in_use(asked.key)
        self.in_flight.add(with_key)
        try:
            return await self._execute(asked, typed, fault)
        finally:
            self.in_flight.discard(with_key)

    def _check_version(self, request: Request) -> None:
        version = request.headers.get("stripe-version")
        if version != self.schema.api_version:
            raise SchemaViolation(
                f"Stripe-Version {version!r} is not the SDK's pinned {self.schema.api_version}.",
                param="Stripe-Version",
            )

    async def _asked(self, request: Request, request_id: str) -> Asked:
        operation, parts = _operation(request.method, request.url.path)
        key = request.headers.get("idempotency-key")
        if request.method == "POST" and (complaint := idempotency.complaint(key)):
            raise SchemaViolation(complaint, param="Idempotency-Key")
        return Asked(
            method=request.method,
            path=request.url.path,
            pairs=await _pairs(request),
            operation=operation,
            path_parts=parts,
            account=request.headers.get("stripe-account"),
            key=key or "",
            request_id=request_id,
            base_url=self.public_url or str(request.base_url).rstrip("/"),
        )

    def _take_fault(self, asked: Asked) -> Fault | None:
        with self.store.transaction():
            return faults.take(self.store, asked.method, asked.path)

    async def _execute(self, asked: Asked, typed: dict[str, Any], fault: Fault | None) -> Response:
        kind = fault.kind if fault else None
        match kind:
            case FaultKind.BEFORE:
                return LostReply()
            case FaultKind.CONFLICT:
                raise key_in_use(asked.key)
            case FaultKind.RATE_LIMIT:
                raise rate_limited()
            case FaultKind.DELAY if fault:
                await asyncio.sleep(fault.seconds)
        response = self._committed(asked, typed, kind)
        self.on_commit()
        return LostReply() if kind is FaultKind.AFTER_LOST_REPLY else response

    def _committed(self, asked: Asked, typed: dict[str, Any], kind: FaultKind | None) -> Response:
        with self.store.transaction(Cause(request_id=asked.request_id, idempotency_key=asked.key or None)):
            account = accounts.acting_account(self.store, asked.account)
            call = Call(
                store=self.store,
                account=account,
                params=typed,
                path=asked.path_parts,
                base_url=asked.base_url,
            )
            if asked.method == "GET":
                return JSONResponse(_run(asked, call))
            return self._once(asked, call, kind)

    def _once(self, asked: Asked, call: Call, kind: FaultKind | None) -> Response:
        print_ = idempotency.fingerprint(asked.method, asked.path, asked.pairs)
        stored = idempotency.find(self.store, account=call.account, key=asked.key, print_=print_)
        headers = {"Idempotency-Key": asked.key}
        if stored:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": stored.request_id}
        else:
            stored = self._first(asked, call, kind)
            idempotency.keep(
                self.store, stored, account=call.account, key=asked.key, print_=print_, path=asked.path
            )
        return JSONResponse(stored.body, status_code=stored.status, headers=headers)

    def _first(self, asked: Asked, call: Call, kind: FaultKind | None) -> Stored:
        """Execute, turning a refusal into the answer to keep; a form error is kept nowhere."""
        status = 200
        try:
            with self.store.savepoint():
                if kind is FaultKind.BROKEN:
                    raise broken()
                body = _run(asked, call)
                if kind is FaultKind.BROKEN_AFTER:
                    status, body = broken().status, broken().body()
        except SchemaViolation:
            raise
        except StripeRefusal as refusal:
            status, body = refusal.status, refusal.body()
        return Stored(status=status, body=body, request_id=asked.request_id)

    def _record(self, request: Request, violation: SchemaViolation) -> None:
        with self.store.transaction():
            self.store.db.execute(
                "INSERT INTO violation (method, path, param, message) VALUES (?, ?, ?, ?)",
                (request.method, request.url.path, violation.param, violation.message),
            )

    def _remember(self, request: Request, response: Response) -> None:
        self.requests.append(
            {
                "method": request.method,
                "path": request.url.path,
                "idempotency_key": request.headers.get("idempotency-key"),
                "stripe_version": request.headers.get("stripe-version"),
                "status": None if isinstance(response, LostReply) else response.status_code,
                "replayed": response.headers.get("idempotent-replayed") == "true",
            }
        )


class LostReply(Response):
    """A reply that breaks off: the head promises a body that never comes, and the server hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = [(b"content-type", b"application/json"), (b"content-length", b"64")]
        await send({"type": "http.response.start", "status": 200, "headers": head})


def _check_api_key(authorization: str) -> None:
    key = authorization.removeprefix("Bearer ").strip()
    if not key.startswith(KEY_PREFIX) or key == REVOKED_KEY:
        raise StripeRefusal(
            f"Invalid API Key provided: {key[:8]}***. Only {KEY_PREFIX} keys work here.", status=401
        )


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + "$")


_ROUTES = [(operation, *operation.split(" ", 1)) for operation in HANDLERS]
_PATTERNS = [(operation, verb, _pattern(template)) for operation, verb, template in _ROUTES]


def _operation(method: str, path: str) -> tuple[str, dict[str, str]]:
    for operation, verb, pattern in _PATTERNS:
        if verb == method.lower() and (match := pattern.match(path)):
            return operation, match.groupdict()
    violation = SchemaViolation(
        f"Unrecognized request URL ({method}: {path}). Fake Stripe does not serve it."
    )
    violation.status = 404
    raise violation


async def _pairs(request: Request) -> tuple[tuple[str, str], ...]:
    query = parse_qsl(request.url.query, keep_blank_values=True)
    body = await request.body()
    if len(body) > BODY_LIMIT_BYTES:
        raise StripeRefusal("Request body is too large.", status=413)
    try:
        return (*query, *parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise SchemaViolation("The request body is not UTF-8.") from None


def _run(asked: Asked, call: Call) -> JsonObject:
    body = HANDLERS[asked.operation](call)
    # Handlers hand out what they stored; expansion must not reach the store.
    return expanded(call.store, dict(body), call.params.get("expand", []))
