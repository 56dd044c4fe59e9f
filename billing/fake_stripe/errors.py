"""The ways Stripe says no, with its own words for type, code and message."""

from typing import Any


class StripeRefusal(Exception):
    """A request Stripe answers with an error body."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type_: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type_ = type_
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        error = {"message": self.message, "type": self.type_, "code": self.code, "param": self.param}
        return {"error": {key: value for key, value in error.items() if value is not None}}


class SchemaViolation(StripeRefusal):
    """The request does not have the form Stripe documents: always our defect, and recorded as one."""


def missing(kind: str, object_id: str, *, param: str, status: int = 400) -> StripeRefusal:
    return StripeRefusal(
        f"No such {kind.replace('.', ' ')}: '{object_id}'",
        status=status,
        code="resource_missing",
        param=param,
    )


def no_such_account(account: str) -> StripeRefusal:
    # Stripe does not tell a stranger whether an account exists: 403, not 404.
    return StripeRefusal(
        f"The provided key does not have access to account '{account}' (or that account does not exist). "
        "Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def insufficient_balance(message: str) -> StripeRefusal:
    return StripeRefusal(message, code="balance_insufficient")


def key_in_use(key: str) -> StripeRefusal:
    return StripeRefusal(
        "There is currently another in-progress request using this Idempotent Key "
        f"({key}). Please try again later.",
        status=409,
        type_="idempotency_error",
        code="idempotency_key_in_use",
    )


def key_reused(key: str) -> StripeRefusal:
    return StripeRefusal(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        type_="idempotency_error",
    )


def rate_limited() -> StripeRefusal:
    return StripeRefusal("Request rate limit exceeded.", status=429, code="rate_limit")


def broken() -> StripeRefusal:
    return StripeRefusal("An unknown error occurred.", status=500, type_="api_error")
