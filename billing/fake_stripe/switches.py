"""The /_fake switches: what tests and demos turn, and what they look at afterwards."""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import accounts, brand_switches, checkout, faults, payouts, record_switches, topups
from .api import Api
from .balances import settle_pending
from .call import AMOUNT_LIMIT
from .errors import StripeRefusal
from .guard import check_switch
from .store import PLATFORM, SETTINGS, JsonObject, Store
from .webhooks import listen

CLOCK_LIMIT_SECONDS = 10 * 365 * 24 * 60 * 60
KINDS = (
    "account",
    "balance_transaction",
    "charge",
    "checkout.session",
    "credit_note",
    "customer",
    "dispute",
    "event",
    "invoice",
    "invoice_payment",
    "invoiceitem",
    "payment_intent",
    "payment_method",
    "payout",
    "refund",
    "topup",
    "transfer",
    "transfer_reversal",
)
SESSION_ACTIONS: dict[str, Callable[[Store, JsonObject], JsonObject]] = {
    "pay": checkout.pay,
    "pay_by_bank": checkout.pay_by_bank,
    "settle": checkout.settle,
    "bounce": checkout.bounce,
    "expire": checkout.expire,
}


class Switches:
    """Every switch is one transaction; a refusal changes nothing."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._store = api.store

    async def look(self, request: Request) -> Response:
        check_switch(request)
        name = request.path_params["name"]
        looks: dict[str, Callable[[], Any]] = {
            "health": self._health,
            "violations": self._violations,
            "requests": lambda: list(self._api.requests),
            "faults": lambda: faults.waiting(self._store),
            "deliveries": lambda: self._rows("SELECT seq, endpoint, event, attempts, state FROM delivery"),
            "settings": lambda: {name: self._store.setting(name) for name in SETTINGS},
            "transfers": lambda: self._store.objects("transfer"),
        }
        if name not in looks:
            return JSONResponse({"error": f"Nothing to look at is called {name}."}, status_code=404)
        return JSONResponse(looks[name]())

    async def look_at_objects(self, request: Request) -> Response:
        check_switch(request)
        kind = request.path_params["kind"]
        if kind not in KINDS:
            return JSONResponse({"error": f"Kinds are {', '.join(KINDS)}."}, status_code=404)
        return JSONResponse(self._store.objects(kind))

    async def turn(self, request: Request) -> Response:
        """POST /_fake/{...}: JSON in, what changed out."""
        check_switch(request)
        try:
            options = _options(await request.body())
            with self._store.transaction():
                changed = self._turn(request.path_params["path"].split("/"), options)
        except (ValueError, StripeRefusal) as refusal:
            return JSONResponse({"error": str(refusal)}, status_code=400)
        self._api.on_commit()
        return JSONResponse(changed)

    def _turn(self, path: list[str], options: JsonObject) -> Any:
        store = self._store
        match path:
            case ["reset"]:
                store.forget_everything()
                self._api.requests.clear()
                return {"reset": True}
            case ["clock"]:
                return self._advance(_whole(options, "advance_seconds", least=0, most=CLOCK_LIMIT_SECONDS))
            case ["settings"]:
                return self._set(options)
            case ["faults"]:
                faults.add(store, faults.parse_fault(options))
                return faults.waiting(store)
            case ["faults", "clear"]:
                store.db.execute("DELETE FROM fault")
                return []
            case ["webhooks"]:
                return self._listen(options)
            case ["balance", action]:
                return self._turn_balance(action, options)
            case ["record", action]:
                return record_switches.turn_record(store, action, options)
            case ["accounts", account_id, "push"]:
                return record_switches.push(store, account_id, options)
            case ["accounts", account_id, action]:
                return self._turn_account(account_id, action, options)
            case ["payouts", payout_id]:
                return payouts.set_state(
                    store, payout_id, _one_of(options, "status", payouts.STATES), options.get("failure_code")
                )
            case ["checkout", session_id]:
                return self._turn_session(session_id, _one_of(options, "action", tuple(SESSION_ACTIONS)))
            case [kind, object_id, action]:
                return brand_switches.turn(store, kind, object_id, action, options)
        raise ValueError(f"No switch is called {'/'.join(path)}.")

    def _advance(self, seconds: int) -> JsonObject:
        self._store.set_setting("clock_offset_seconds", self._store.setting("clock_offset_seconds") + seconds)
        return {"now": self._store.now()}

    def _set(self, options: JsonObject) -> JsonObject:
        for name, value in options.items():
            if name not in SETTINGS or type(value) is not type(SETTINGS[name]):
                raise ValueError(f"Settings are {', '.join(SETTINGS)}, each of its default's type.")
            self._store.set_setting(name, value)
        return {name: self._store.setting(name) for name in SETTINGS}

    def _listen(self, options: JsonObject) -> JsonObject:
        url, connect = str(options.get("url", "")), options.get("connect") is True
        if not url.startswith(("http://", "https://")):
            raise ValueError("url is an http address.")
        secret = str(options.get("secret", self._store.new_id("whsec")))
        endpoint = {"url": url, "secret": secret, "connect": connect}
        return listen(self._store, endpoint, id_=self._store.new_id("we"))

    def _turn_balance(self, action: str, options: JsonObject) -> Any:
        currency = str(options.get("currency", "usd"))
        match action:
            case "fund":
                amount = _whole(options, "amount_minor", least=1, most=100 * AMOUNT_LIMIT)
                return topups.top_up(self._store, amount, currency)
            case "drain":
                leave = _whole({"leave_minor": 0, **options}, "leave_minor", least=0, most=100 * AMOUNT_LIMIT)
                return payouts.drain_platform(self._store, currency, leave)
            case "settle":
                return {"settled": settle_pending(self._store)}
        raise ValueError("balance knows fund, drain and settle.")

    def _turn_account(self, account_id: str, action: str, options: JsonObject) -> Any:
        match action:
            case "onboard":
                return accounts.complete_onboarding(self._store, account_id)
            case "payout":
                return payouts.pay_out_everything(self._store, account_id)
            case "deauthorize":
                return accounts.deauthorize(self._store, account_id)
            case "bank":
                return accounts.change_bank(self._store, account_id)
            case "capability":
                transfers = _one_of(options, "transfers", ("active", "inactive", "pending"))
                return accounts.set_abilities(
                    self._store,
                    account_id,
                    transfers=transfers,
                    disabled_reason=options.get("disabled_reason"),
                    payouts_enabled=options.get("payouts_enabled", transfers == "active") is True,
                )
        raise ValueError("accounts know onboard, payout, deauthorize, bank, capability and push.")

    def _turn_session(self, session_id: str, action: str) -> JsonObject:
        session = checkout.session(self._store, session_id)
        if session is None:
            raise ValueError(f"No session {session_id}.")
        return SESSION_ACTIONS[action](self._store, session)

    def _health(self) -> JsonObject:
        row = self._store.db.execute("SELECT count(*) AS objects FROM object").fetchone()
        return {
            "ok": True,
            "sdk_version": self._api.schema.sdk_version,
            "api_version": self._api.schema.api_version,
            "objects": row["objects"],
            "platform_balance": [dict(balance) for balance in self._store.balances(PLATFORM)],
            "livemode": False,
        }

    def _violations(self) -> list[JsonObject]:
        return self._rows("SELECT method, path, param, message FROM violation ORDER BY seq")

    def _rows(self, query: str) -> list[JsonObject]:
        return [dict(row) for row in self._store.db.execute(query)]


def _options(body: bytes) -> JsonObject:
    options = json.loads(body or b"{}")
    if not isinstance(options, dict):
        raise ValueError("Send a JSON object.")
    return options


def _whole(options: JsonObject, name: str, *, least: int, most: int) -> int:
    value = options.get(name)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} is a whole number from {least} to {most}.")
    return value


def _one_of(options: JsonObject, name: str, allowed: tuple[str, ...]) -> str:
    value = str(options.get(name, ""))
    if value not in allowed:
        raise ValueError(f"{name} is one of {', '.join(allowed)}.")
    return value
