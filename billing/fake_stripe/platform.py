"""The platform's own settings: how often its balance is paid out by itself, and who is told of events."""

from .call import Call
from .store import JsonObject


def retrieve_balance_settings(call: Call) -> JsonObject:
    interval = call.store.setting("payout_interval")
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": True,
            "payouts": {
                "automatic_transfer_rules_by_currency": {},
                "minimum_balance_by_currency": {},
                "schedule": {"interval": interval, "monthly_payout_days": None, "weekly_payout_days": None},
                "status": "enabled",
            },
            "settlement_timing": {"delay_days": 2, "delay_days_override": None, "start_of_day": None},
        },
    }


def list_webhook_endpoints(call: Call) -> JsonObject:
    """Those that were given an address; an endpoint of workers' accounts names the application."""
    rows = call.store.db.execute("SELECT id, url, connect FROM endpoint ORDER BY id")
    found = [
        {
            "id": row["id"],
            "object": "webhook_endpoint",
            "api_version": None,
            "application": "ca_fake" if row["connect"] else None,
            "created": call.store.now(),
            "description": None,
            "enabled_events": ["*"],
            "livemode": False,
            "metadata": {},
            "status": "enabled",
            "url": row["url"],
        }
        for row in rows
    ]
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/webhook_endpoints"}
