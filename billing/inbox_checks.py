"""Whether a signed event is this installation's: of its mode, its version, its accounts, its name; pure."""

from billing.inbox_events import Endpoint, StripeEvent
from billing.inbox_models import EventSource, Quarantine


def why_quarantined(
    event: StripeEvent,
    *,
    endpoint: Endpoint,
    source: EventSource,
    is_live: bool,
    api_version: str,
    environment: str,
    account_is_known: bool,
) -> Quarantine | None:
    """The first thing that does not fit; None when everything does.

    What was asked for is rendered in the version our account had when it happened, so its version says nothing; what
    was told is rendered in the endpoint's, which somebody has set.
    """
    if event.livemode is not is_live:
        return Quarantine.OTHER_MODE
    if (event.account is not None) is not (endpoint is Endpoint.CONNECT):
        return Quarantine.WRONG_ENDPOINT
    if source is EventSource.WEBHOOK and event.api_version != api_version:
        return Quarantine.OTHER_VERSION
    if event.metadata.get("env", environment) != environment:
        return Quarantine.OTHER_ENVIRONMENT
    if event.account is not None and not account_is_known:
        return Quarantine.UNKNOWN_ACCOUNT
    return None
