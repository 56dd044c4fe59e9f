"""What Stripe must have approved, and what must be set there, before anybody can be paid: each is tried, in test mode.

Most platforms learn of these by their first failed payout. Accounts that are made to try leave nothing behind that
could be paid; a live key makes none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Protocol

from billing.gateway import (
    CallRejected,
    CallUnknown,
    CredentialsRefused,
    PaymentGateway,
    ServiceAgreement,
)
from billing.inbox_events import Endpoint
from billing.inbox_handlers import HANDLERS
from marketplace.accounts.payable_countries import Payability, payability

EVERY_EVENT = "*"
MANUAL = "manual"
WEBHOOK_PATH = "/stripe/webhooks/"
TRIED_COUNTRIES = ("US", "GB", "DE", "IN", "PH", "KE", "MX")
AGREEMENTS = {
    Payability.FULL: ServiceAgreement.FULL,
    Payability.RECIPIENT: ServiceAgreement.RECIPIENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """An address that Stripe tells of events; `connect`: of those of workers' accounts."""

    url: str
    is_enabled: bool
    is_connect: bool
    events: frozenset[str]


class LaunchPort(Protocol):
    """What of the platform's own set-up is read. Raises what every port to Stripe raises."""

    def webhook_endpoints(self) -> Sequence[WebhookEndpoint]:
        """Every address that events are sent to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must be so, and in plain words how it is, or what to do."""

    what: str
    ok: bool
    said: str


def check_launch(
    gateway: PaymentGateway,
    port: LaunchPort,
    *,
    is_live: bool,
    base_url: str,
    today: date,
    countries: Sequence[str] = TRIED_COUNTRIES,
) -> list[Check]:
    """Every check in turn; one that Stripe does not answer is told as not looked at."""
    checks = [
        _told("The platform's payout schedule", partial(_schedule, gateway)),
        *(_told(_heard(endpoint), partial(_endpoint, port, endpoint, base_url)) for endpoint in Endpoint),
    ]
    if is_live:
        said = "not tried with a live key: run this with a test key of the same platform first"
        return [*checks, Check(what="Accounts that only receive transfers", ok=True, said=said)]
    return [*checks, *_accounts(gateway, countries, today)]


def _told(what: str, look: Callable[[], tuple[bool, str]]) -> Check:
    try:
        ok, said = look()
    except CredentialsRefused as refusal:
        return Check(what=what, ok=False, said=f"Stripe does not accept the key: {refusal}")
    except (CallUnknown, CallRejected) as error:
        return Check(what=what, ok=False, said=f"could not be looked at: {error}")
    return Check(what=what, ok=ok, said=said)


def _schedule(gateway: PaymentGateway) -> tuple[bool, str]:
    interval = gateway.payout_interval()
    if interval == MANUAL:
        return True, "manual: the balance stays for payouts"
    return False, (
        f"{interval}: Stripe pays the platform's balance out by itself, and batches then find too little. Set it to "
        "manual (Stripe, Settings, Payouts)"
    )


def _heard(endpoint: Endpoint) -> str:
    whose = "the platform's own" if endpoint is Endpoint.PLATFORM else "workers' accounts'"
    return f"Events of {whose}"


def _endpoint(port: LaunchPort, endpoint: Endpoint, base_url: str) -> tuple[bool, str]:
    path = f"{WEBHOOK_PATH}{endpoint.value}"
    is_connect = endpoint is Endpoint.CONNECT
    ours = [
        one for one in port.webhook_endpoints() if one.url.endswith(path) and one.is_connect == is_connect
    ]
    live = [one for one in ours if one.is_enabled]
    if not live:
        kind = "of connected accounts" if is_connect else "of your account"
        return False, f"no endpoint: add {base_url}{path} for events {kind} (Stripe, Developers, Webhooks)"
    wanted = frozenset(HANDLERS[endpoint])
    missing = min((_missing(wanted, one.events) for one in live), key=len)
    if missing:
        return False, f"{live[0].url} does not get {', '.join(sorted(missing))}: add them to the endpoint"
    return True, f"told to {live[0].url}"


def _missing(wanted: frozenset[str], events: frozenset[str]) -> frozenset[str]:
    return frozenset() if EVERY_EVENT in events else wanted - events


def _accounts(gateway: PaymentGateway, countries: Sequence[str], today: date) -> Iterator[Check]:
    for country in countries:
        reach = payability(country)
        agreement: ServiceAgreement | None = AGREEMENTS.get(reach)
        what = f"Accounts that only receive transfers, {country} ({reach.value})"
        if agreement is None:
            yield Check(what=what, ok=True, said="not payable by our own table: nobody is promised anything")
            continue
        yield _told(what, partial(_account, gateway, country, agreement, today))


def _account(
    gateway: PaymentGateway, country: str, agreement: ServiceAgreement, today: date
) -> tuple[bool, str]:
    try:
        gateway.create_recipient_account(
            worker_ref="doctor",
            country=country,
            email="doctor@example.com",
            key=f"doctor:account:{country}:{agreement.value}:{today.isoformat()}",
            service_agreement=agreement,
        )
    except CallRejected as refusal:
        return False, _what_to_do(refusal)
    return True, "can be made"


REMEDIES: Mapping[str, str] = {
    "approval": "ask Stripe's support to approve accounts that have `transfers` without `card_payments`",
    "service_agreement": "this country is reached under another service agreement than our table says",
    "country": "Stripe does not let this platform pay there: take the country out of the table of payable countries",
}
"""By a word of Stripe's refusal: what to do about it."""


def _what_to_do(refusal: CallRejected) -> str:
    words = str(refusal)
    known = next((remedy for word, remedy in REMEDIES.items() if word in words.lower()), "")
    return f"{words} → {known}" if known else words
