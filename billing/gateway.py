"""The port through which money leaves and arrives: what a payment provider must do for us, in our words.

Every call ends in one of three ways, and callers treat them differently because money depends on it:
accepted (a value), definitively rejected (CallRejected: nothing happened) or unknown (CallUnknown: it may
have happened). Only CredentialsRefused stands beside them: nothing was tried, and nothing else should be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from marketplace.kernel.errors import AppError, Conflict, Unavailable

REQUIRED_METADATA = ("env", "batch_id", "payout_id")
ACCOUNT_IS_GONE = frozenset({"account_invalid", "resource_missing"})
REVERSAL_FIELDS = frozenset({"transfer", "amount", "metadata"})
TRANSFER_FIELDS = frozenset({"amount", "currency", "destination", "transfer_group", "metadata"})


class CallRejected(Conflict):
    """The payment provider refused, and nothing happened."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self._code = code

    @property
    def code(self) -> str:
        """The provider's own code, e.g. `balance_insufficient`."""
        return self._code


class CallUnknown(Unavailable):
    """The payment provider did not say whether it acted. Retry with the same key, or look."""


class RateLimited(CallUnknown):
    """The payment provider wants fewer requests and did not look at this one. Wait, then the same key."""


class KeyReused(CallUnknown):
    """This key was first used with other parameters, whose result stands. A person must look."""


class CredentialsRefused(AppError):
    """The payment provider does not accept our key. Payments stop until it is replaced."""


class ServiceAgreement(StrEnum):
    """What a worker agrees to: RECIPIENT where the platform may only send money across borders."""

    FULL = "full"
    RECIPIENT = "recipient"


class TopUpState(StrEnum):
    OPEN = "open"  # the payer has not finished
    PROCESSING = "processing"  # the bank takes days; nothing may be credited yet
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"


class TopUpCheckout(NamedTuple):
    """A page at `url` where a brand pays."""

    session_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """What a worker's account can do, as of this call. `payouts_enabled` is about the way to the bank, and `bank`
    names the bank account, or none.
    """

    account_id: str
    transfers_active: bool
    payouts_enabled: bool
    disabled_reason: str | None
    requirements_due: tuple[str, ...]
    bank: str | None = None

    @property
    def can_receive(self) -> bool:
        return self.transfers_active and self.disabled_reason is None

    @property
    def is_closed(self) -> bool:
        """Whether it will not come back by itself: rejected by the provider, or not ours to look at any more."""
        reason = self.disabled_reason or ""
        return reason in ACCOUNT_IS_GONE or reason.startswith("rejected.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopUpStatus:
    """A top-up as of this call.

    `gross_minor` is what the payer pays, in `currency`. Once PAID, `fee_minor` and `balance_transaction_id`
    follow (None while the provider has not booked it), in `settled_currency`: when that differs, credit
    nothing. `available` says whether the money can already be sent on.
    """

    session_id: str
    reference: str
    state: TopUpState
    currency: str
    gross_minor: int
    payment_intent_id: str | None
    fee_minor: int | None
    settled_currency: str | None
    balance_transaction_id: str | None
    available: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Money the provider moved to a worker's account; `metadata` names the payout it belongs to."""

    id: str
    amount_minor: int
    amount_reversed_minor: int
    currency: str
    destination: str
    transfer_group: str | None
    metadata: Mapping[str, str]
    balance_transaction_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Money of a transfer that came back; `metadata` names our own row for it."""

    id: str
    amount_minor: int
    currency: str
    metadata: Mapping[str, str]


class PaymentGateway(Protocol):
    """A payment provider.

    Every method may raise CallRejected, CallUnknown or CredentialsRefused, and nothing else, and gives up
    after a bounded time; too many requests at a time are RateLimited. Methods with a `key` change something:
    the same key with the same arguments returns the first result again for at least 20 hours, a refusal
    included; so a new try after a refusal needs a new key. The same key with other arguments raises KeyReused.
    Keys are ours, stored before the call, and never a bare UUID, which is what the SDK invents per call.
    """

    @property
    def environment(self) -> str:
        """The installation's name, which every object carries as metadata `env`."""
        ...

    def create_recipient_account(
        self,
        *,
        worker_ref: str,
        country: str,
        email: str,
        key: str,
        service_agreement: ServiceAgreement = ServiceAgreement.FULL,
    ) -> str:
        """The id of a new account that can receive transfers once onboarding is done; ISO 3166 `country`."""
        ...

    def create_onboarding_link(self, *, account_id: str, refresh_url: str, return_url: str, key: str) -> str:
        """A page that works once and for minutes; coming back from it means nothing: read account_status."""
        ...

    def account_status(self, account_id: str) -> AccountStatus:
        """Read fresh, never cached: abilities are lost without notice."""
        ...

    def create_top_up_checkout(
        self, *, reference: str, amount_minor: int, currency: str, success_url: str, cancel_url: str, key: str
    ) -> TopUpCheckout:
        """A page where a brand pays `amount_minor`; `reference` comes back in its status."""
        ...

    def top_up_status(self, session_id: str) -> TopUpStatus:
        """How far the payment of a checkout is."""
        ...

    def available_balance(self, currency: str) -> int:
        """Minor units of `currency` the platform can send now; 0 when it holds none."""
        ...

    def payout_interval(self) -> str:
        """How often the provider pays our own balance out by itself; `manual`: never, which is what payouts need."""
        ...

    def execute_reversal(self, params: Mapping[str, object], *, key: str) -> Reversal:
        """Take money of a transfer back, with `params` exactly as `reversal_params` made them.

        Rejected with `balance_insufficient` where the account does not hold so much any more.
        """
        ...

    def find_reversals(self, transfer_id: str) -> list[Reversal]:
        """Every reversal of one transfer, newest first."""
        ...

    def execute_transfer(self, params: Mapping[str, object], *, key: str) -> Transfer:
        """Send money, with `params` exactly as `transfer_params` made them and the database stored them.

        Rejected with `balance_insufficient`, `insufficient_capabilities_for_transfer`, `resource_missing` …
        """
        ...

    def find_transfers(self, *, transfer_group: str, destination: str) -> list[Transfer]:
        """Every transfer of a batch to one account, newest first: how recovery looks for an unknown result.

        One accepted moments ago may be missing: look twice, minutes apart, before believing an empty list.
        """
        ...

    def retrieve_transfer(self, transfer_id: str) -> Transfer:
        """One transfer as it is now; rejected with `resource_missing` when there is none."""
        ...


def transfer_params(
    *, amount_minor: int, currency: str, destination: str, batch_id: str, payout_id: str, environment: str
) -> dict[str, object]:
    """The JSON row of one transfer, to be stored before the call and sent unchanged on every try."""
    params: dict[str, object] = {
        "amount": amount_minor,
        "currency": currency,
        "destination": destination,
        "transfer_group": batch_id,
        "metadata": {"env": environment, "batch_id": batch_id, "payout_id": payout_id},
    }
    check_transfer_params(params, environment)
    return params


def reversal_params(
    *, transfer: str, amount_minor: int, payout_id: str, reversal_id: str, environment: str
) -> dict[str, object]:
    """The JSON row of one reversal, to be stored before the call and sent unchanged on every try."""
    return {
        "transfer": transfer,
        "amount": amount_minor,
        "metadata": {"env": environment, "payout_id": payout_id, "reversal_id": reversal_id},
    }


def check_reversal_params(params: Mapping[str, object], environment: str) -> None:
    """Refuse, before anything is sent, a row the SDK would pass on without complaint."""
    amount, metadata = params.get("amount"), params.get("metadata")
    fits = params.keys() == REVERSAL_FIELDS and type(amount) is int and amount >= 1
    if not fits or not isinstance(metadata, Mapping) or metadata.get("env") != environment:
        raise CallRejected("stored_params_invalid", "The stored reversal cannot be sent.")


def check_transfer_params(params: Mapping[str, object], environment: str) -> None:
    """Refuse, before anything is sent, a row the SDK would pass on without complaint."""
    if complaint := _complaint(params, environment):
        raise CallRejected("stored_params_invalid", f"The stored transfer cannot be sent: {complaint}")


def _complaint(params: Mapping[str, object], environment: str) -> str | None:
    if params.keys() != TRANSFER_FIELDS:
        return f"its fields are {', '.join(sorted(params))}."
    amount, metadata = params["amount"], params["metadata"]
    if type(amount) is not int or amount < 1:
        return f"amount {amount!r} is not a positive whole number."
    for name in ("currency", "destination", "transfer_group"):
        if not isinstance(params[name], str) or not params[name]:
            return f"{name} is not a text."
    if not isinstance(metadata, Mapping) or not all(metadata.get(name) for name in REQUIRED_METADATA):
        return f"metadata does not carry {', '.join(REQUIRED_METADATA)}."
    if metadata["env"] != environment:
        return f"it belongs to {metadata['env']!r}, this is {environment!r}."
    return None
