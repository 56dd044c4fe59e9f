"""Who acts on which event of Stripe: each part of billing adds its own types here, one line each.

What is in neither list is kept and not acted on.
"""

from collections.abc import Mapping

from billing import bank_events, funds_events, top_up_events
from billing.inbox_events import Endpoint, Handler


def _of(*parts: Mapping[str, Handler]) -> Mapping[str, Handler]:
    """All of them; each type belongs to one part, for an event is acted on once."""
    everything = {type_: handler for part in parts for type_, handler in part.items()}
    if len(everything) != sum(map(len, parts)):
        raise ValueError("Two parts act on one type of event: one of them would never hear of it.")
    return everything


HANDLERS: Mapping[Endpoint, Mapping[str, Handler]] = {
    Endpoint.PLATFORM: _of(top_up_events.HANDLERS, funds_events.HANDLERS),
    Endpoint.CONNECT: _of(bank_events.HANDLERS),
}
