"""What Stripe tells us, as those who act on it get it: a hint that something happened, and to what.

A handler is called with no transaction open. It reads at Stripe how things are now, for events come twice, late and
in any order, and gives back what is to be done about it; that is done in the transaction which notes the event as
handled, so that an event is either both or neither. What it posts is keyed by Stripe's object, never by the event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias

from billing.stripe_connection import StripeConnection
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Invalid, Unavailable


class Endpoint(StrEnum):
    """Which of the two addresses an event came to: our own account's, or that of the workers' accounts."""

    PLATFORM = "platform"
    CONNECT = "connect"


class NotAnEvent(Invalid):
    """This is not an event of Stripe."""


class ComesTooEarly(Unavailable):
    """Stripe tells of something that we have not stored yet. It is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    """An event that was verified and is this installation's.

    `account` is the worker's account at Stripe, None when the event is the platform's own. `snapshot` is the object
    as it was when the event was made: good for the ids in it, never for what to do.
    """

    id: str
    type: str
    account: str | None
    created_at: datetime
    livemode: bool
    api_version: str | None
    snapshot: Mapping[str, Any]

    @property
    def object_id(self) -> str:
        return str(self.snapshot.get("id", ""))

    @property
    def metadata(self) -> Mapping[str, str]:
        """What we wrote on the object when we made it; empty where it carries nothing."""
        return self.snapshot.get("metadata") or {}


Act: TypeAlias = Callable[[Tx], None]
Handler: TypeAlias = Callable[[Database, StripeConnection, StripeEvent], Act]


def nothing_to_do(_tx: Tx) -> None:
    """The act of an event that needs none."""


def event_of(payload: object) -> StripeEvent:
    """The event in decoded JSON. Raises NotAnEvent: thin events, and what is not from Stripe at all."""
    if not isinstance(payload, dict) or payload.get("object") != "event":
        raise NotAnEvent
    try:
        return StripeEvent(
            id=_text(payload["id"]),
            type=_text(payload["type"]),
            account=_text(payload["account"]) if payload.get("account") else None,
            created_at=datetime.fromtimestamp(int(payload["created"]), UTC),
            livemode=payload["livemode"] is True,
            api_version=payload.get("api_version"),
            snapshot=dict(payload["data"]["object"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise NotAnEvent from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a text")
    return value
