"""Connected accounts: created without abilities, able to receive money once onboarding is done."""

from .call import Call, found, listed, metadata, require
from .errors import StripeRefusal, no_such_account
from .events import emit
from .store import PLATFORM, JsonObject, Store

LINK_SECONDS = 300
DUE_BEFORE_ONBOARDING = [
    "external_account",
    "individual.dob.day",
    "individual.first_name",
    "individual.last_name",
    "tos_acceptance.date",
]


def create_account(call: Call) -> JsonObject:
    params = call.params
    requested = [
        name for name, wish in params.get("capabilities", {}).items() if wish and wish.get("requested")
    ]
    _check_approval(call, requested)
    store = call.store
    country = params.get("country", "US")
    account: JsonObject = {
        "id": store.new_id("acct"),
        "object": "account",
        "business_profile": {"mcc": None, "name": None, "url": None, **params.get("business_profile", {})},
        "business_type": params.get("business_type"),
        "capabilities": dict.fromkeys(requested, "inactive"),
        "charges_enabled": False,
        "controller": _controller(params.get("controller", {})),
        "country": country,
        "created": store.now(),
        "default_currency": params.get("default_currency", "usd"),
        "details_submitted": False,
        "email": params.get("email"),
        "external_accounts": _no_bank(),
        "future_requirements": _requirements([], None),
        "metadata": metadata(params),
        "payouts_enabled": False,
        "requirements": _requirements(DUE_BEFORE_ONBOARDING, "requirements.past_due"),
        "settings": {
            "payouts": {"debit_negative_balances": True, "schedule": {"interval": "daily", "delay_days": 2}}
        },
        "tos_acceptance": {"date": None, "service_agreement": _agreement(params)},
        "type": params.get("type", "none"),
    }
    return store.insert(account)


def _check_approval(call: Call, requested: list[str]) -> None:
    if requested == ["transfers"] and not call.store.setting("transfers_only_approved"):
        if call.params.get("tos_acceptance", {}).get("service_agreement") == "recipient":
            return
        raise StripeRefusal(
            "Your platform needs approval for accounts to have requested the `transfers` capability without "
            "the `card_payments` capability.",
            param="capabilities",
        )


def _agreement(params: JsonObject) -> str:
    return str(params.get("tos_acceptance", {}).get("service_agreement", "full"))


def _controller(wish: JsonObject) -> JsonObject:
    return {
        "type": "application",
        "is_controller": True,
        "fees": {"payer": wish.get("fees", {}).get("payer", "account")},
        "losses": {"payments": wish.get("losses", {}).get("payments", "stripe")},
        "requirement_collection": wish.get("requirement_collection", "stripe"),
        "stripe_dashboard": {"type": wish.get("stripe_dashboard", {}).get("type", "full")},
    }


def _requirements(due: list[str], disabled_reason: str | None) -> JsonObject:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due if disabled_reason else [],
        "pending_verification": [],
    }


def _no_bank() -> JsonObject:
    return {"object": "list", "data": [], "has_more": False, "url": "/v1/accounts/external_accounts"}


def account(store: Store, account_id: str) -> JsonObject:
    body = store.find("account", account_id)
    if body is None or body.get("deauthorized"):
        raise no_such_account(account_id)
    return body


def retrieve_account(call: Call) -> JsonObject:
    return account(call.store, call.path["account"])


def list_accounts(call: Call) -> JsonObject:
    return listed(call, "account", "/v1/accounts")


def create_account_link(call: Call) -> JsonObject:
    require(call, "refresh_url", "return_url")
    if call.params["type"] != "account_onboarding":
        raise StripeRefusal("You cannot create `account_update` links for this account.", param="type")
    target = found(call, "account", call.params["account"], param="account")
    store = call.store
    token, expires_at = store.new_id("link"), store.now() + LINK_SECONDS
    store.db.execute(
        "INSERT INTO onboarding (token, account, refresh_url, return_url, expires_at, state)"
        " VALUES (?, ?, ?, ?, ?, 'new')",
        (token, target["id"], call.params["refresh_url"], call.params["return_url"], expires_at),
    )
    return {
        "object": "account_link",
        "created": store.now(),
        "expires_at": expires_at,
        "url": f"{call.base_url}/connect/onboarding/{token}",
    }


def complete_onboarding(store: Store, account_id: str) -> JsonObject:
    """What filling in every form does: the requested capabilities become active and payouts are on."""
    body = account(store, account_id)
    body["capabilities"] = dict.fromkeys(body["capabilities"], "active")
    body["requirements"] = _requirements([], None)
    body["external_accounts"]["data"] = [_bank(store, body)]
    body.update(
        details_submitted=True, payouts_enabled=True, charges_enabled="card_payments" in body["capabilities"]
    )
    return _changed(store, body)


def _bank(store: Store, body: JsonObject) -> JsonObject:
    return {
        "id": store.new_id("ba"),
        "object": "bank_account",
        "account": body["id"],
        "bank_name": "STRIPE TEST BANK",
        "country": body["country"],
        "currency": body["default_currency"],
        "default_for_currency": True,
        "last4": "6789",
        "status": "new",
    }


def set_abilities(
    store: Store, account_id: str, *, transfers: str, disabled_reason: str | None, payouts_enabled: bool
) -> JsonObject:
    """What Stripe's own review does, in either direction."""
    body = account(store, account_id)
    body["capabilities"]["transfers"] = transfers
    body["requirements"] = _requirements(
        [] if transfers == "active" else ["individual.id_number"], disabled_reason
    )
    body["payouts_enabled"] = payouts_enabled
    return _changed(store, body)


def change_bank(store: Store, account_id: str) -> JsonObject:
    """The account's owner gives another bank account; payouts go there from now on."""
    body = account(store, account_id)
    bank = _bank(store, body)
    body["external_accounts"]["data"] = [bank]
    store.save(body)
    emit(store, "account.external_account.created", bank, account=account_id)
    return body


def deauthorize(store: Store, account_id: str) -> JsonObject:
    """The account's owner takes the platform's access away: it may not look at the account any more."""
    body = account(store, account_id)
    store.save({**body, "deauthorized": True})
    application: JsonObject = {"id": "ca_fake", "object": "application", "name": "Human Cloud"}
    emit(store, "account.application.deauthorized", application, account=account_id)
    return body


def _changed(store: Store, body: JsonObject) -> JsonObject:
    store.save(body)
    emit(store, "account.updated", body, account=body["id"])
    for name, status in body["capabilities"].items():
        capability = {
            "id": name,
            "object": "capability",
            "account": body["id"],
            "requested": True,
            "status": status,
        }
        emit(store, "capability.updated", capability, account=body["id"])
    return body


def acting_account(store: Store, header: str | None) -> str:
    """The account a request speaks for, refused when it is not connected."""
    return account(store, header)["id"] if header else PLATFORM
