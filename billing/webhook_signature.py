"""Whether a delivery is Stripe's: signed with the secret of the address it came to, and signed just now.

The SDK checks the signature and that it is not old. It lets signatures from the future through, and takes a tolerance
of 0 for no limit (stripe-python 16.1): so the age is looked at here as well, in both directions.
"""

import json
from datetime import datetime

import stripe

from billing.inbox_events import NotAnEvent, StripeEvent, event_of
from marketplace.kernel.errors import Invalid

TOLERANCE_SECONDS = 300


class NotSigned(Invalid):
    """This is not signed by Stripe for this address, or not just now."""


def verified(body: bytes, *, header: str | None, secret: str, now: datetime) -> StripeEvent:
    """The event in `body`. Raises NotSigned, and NotAnEvent when what is signed is something else."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise NotSigned from error
    if abs(now.timestamp() - _signed_at(header or "")) > TOLERANCE_SECONDS:
        raise NotSigned
    try:
        return event_of(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise NotAnEvent from error


def _signed_at(header: str) -> int:
    """The first `t`, which is the one that was verified: seconds since 1970."""
    return next(int(part[2:]) for part in header.split(",") if part.startswith("t="))
