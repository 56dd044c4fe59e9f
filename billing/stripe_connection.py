"""Our connection to Stripe, which every port shares: one client, one way to call it and to read its refusals.

Traps kept out here (stripe-python 16.1): a StripeClient retries nothing unless told; the SDK invents a new
idempotency key per call; its timeout is 80 s; it sends telemetry; StripeObject is no dict and has no `.get`.
"""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import stripe

from billing.gateway import CallRejected, CallUnknown, CredentialsRefused, KeyReused, RateLimited
from marketplace.kernel.db import transaction_is_open
from marketplace.kernel.errors import Invalid
from marketplace.kernel.settings import MoneyMode

TIMEOUT_SECONDS = 15.0
MAX_NETWORK_RETRIES = 2
KEY_PREFIXES = {MoneyMode.TEST: ("sk_test_", "rk_test_"), MoneyMode.LIVE: ("sk_live_", "rk_live_")}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
UNAUTHORIZED, CONFLICT, RATE_LIMITED, SERVER_ERROR, CLIENT_ERROR = 401, 409, 429, 500, 400

Answer = TypeVar("Answer")
Value = TypeVar("Value")


class KeyDoesNotFit(Invalid):
    """The Stripe key does not belong to this installation's money mode."""


class CalledInTransaction(RuntimeError):
    """Stripe was called while a transaction was open: rows would stay locked for as long as it takes to answer."""


class StripeConnection:
    """Stripe, or fake Stripe when `api_base` names one; live money goes to Stripe's own address only."""

    def __init__(
        self,
        api_key: str,
        *,
        money_mode: MoneyMode,
        environment: str,
        api_base: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        max_network_retries: int = MAX_NETWORK_RETRIES,
    ) -> None:
        if not api_key.startswith(KEY_PREFIXES[money_mode]):
            raise KeyDoesNotFit
        if money_mode is MoneyMode.LIVE and api_base is not None:
            raise KeyDoesNotFit("Live money has one address: Stripe's own.")
        stripe.enable_telemetry = False
        self.environment = environment
        self.is_live = money_mode is MoneyMode.LIVE
        self.api_version = stripe.api_version
        self.client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else None,
            http_client=_http_client(api_base, timeout_seconds),
            max_network_retries=max_network_retries,
        )


def call(send: Callable[[], Answer], read: Callable[[Answer], Value]) -> Value:
    """Send, translate Stripe's errors into ours, read; an answer we cannot read may well be a success."""
    if transaction_is_open():
        raise CalledInTransaction
    try:
        return read(send())
    except stripe.StripeError as error:
        raise _translated(error) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CallUnknown(f"Stripe's answer was not understood: {error}") from error


def _translated(error: stripe.StripeError) -> CallRejected | CallUnknown | CredentialsRefused:
    """Stripe's status decides: what is not clearly refused may have happened."""
    status, words = error.http_status, error.user_message or "Stripe gave no reason."
    if status == UNAUTHORIZED:
        return CredentialsRefused(words)
    if status == RATE_LIMITED or isinstance(error, stripe.RateLimitError):
        return RateLimited(words)
    if status in {None, CONFLICT}:
        return CallUnknown(words)
    if isinstance(error, stripe.IdempotencyError):
        return KeyReused(words)
    if CLIENT_ERROR <= status < SERVER_ERROR:
        return CallRejected(_code(error), words)
    return CallUnknown(words)


def _code(error: stripe.StripeError) -> str:
    """Stripe's code; some of the SDK's error classes leave `code` empty and keep it in the error object."""
    return error.code or getattr(error.error, "code", None) or type(error).__name__


def _http_client(api_base: str | None, timeout_seconds: float) -> stripe.HTTPClient:
    local = api_base is not None and urlsplit(api_base).hostname in LOOPBACK
    # An empty proxy per scheme keeps a proxy named in the environment away from our own machine.
    return stripe.RequestsClient(timeout=timeout_seconds, proxy={"http": "", "https": ""} if local else None)
