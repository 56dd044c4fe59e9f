"""Who acts on which event of Stripe: each part of billing adds its own types here, one line each.

What is in neither list is kept and not acted on.
"""

from collections.abc import Mapping

from billing import bank_events, funds_events, top_up_events
from billing.inbox_events import Endpoint, Handler

HANDLERS: Mapping[Endpoint, Mapping[str, Handler]] = {
    Endpoint.PLATFORM: {
        **top_up_events.HANDLERS,
        **funds_events.HANDLERS,
    },
    Endpoint.CONNECT: {
        **bank_events.HANDLERS,
    },
}
