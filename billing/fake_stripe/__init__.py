"""A stateful stand-in for Stripe: its own process, test money only, forgets nothing it acknowledged.

It exists because no ready server keeps both balances and idempotency; the real SDK talks to it over HTTP.
"""

ENDPOINTS_VARIABLE = "FAKE_STRIPE_ENDPOINTS"
"""Names where events go: JSON, a list of {"url", "secret", "connect"}."""
