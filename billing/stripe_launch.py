"""What of the platform's own set-up is read at Stripe: LaunchPort over our connection."""

from collections.abc import Sequence

import stripe

from billing.launch import LaunchPort, WebhookEndpoint
from billing.stripe_connection import StripeConnection, call

ENDPOINTS_READ = 100


class StripeLaunch(LaunchPort):
    """Stripe, or fake Stripe."""

    def __init__(self, connection: StripeConnection) -> None:
        self._client = connection.client

    def webhook_endpoints(self) -> Sequence[WebhookEndpoint]:
        return call(
            lambda: self._client.v1.webhook_endpoints.list({"limit": ENDPOINTS_READ}),
            lambda found: [_endpoint(one) for one in found.data],
        )


def _endpoint(found: stripe.WebhookEndpoint) -> WebhookEndpoint:
    return WebhookEndpoint(
        url=found.url,
        is_enabled=found.status == "enabled",
        is_connect=found.application is not None,
        events=frozenset(found.enabled_events),
    )
