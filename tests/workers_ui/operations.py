"""Every operation of the API with what tests need to know of it: who may call, with what, about what."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marketplace.accounts.api_keys import ApiScope


class Caller(StrEnum):
    ANYBODY = "anybody"
    BRAND = "brand"
    WORKER = "worker"
    SIGNED_IN = "signed_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`foreign` is what a stranger to the named thing is told, the same as of a thing that does not exist."""

    caller: Caller
    scope: ApiScope | None = None
    body: dict[str, Any] | None = None
    files: bool = False
    query: dict[str, Any] = field(default_factory=dict)
    foreign: int | None = None


def _brand(scope: ApiScope, **rest: Any) -> Operation:
    return Operation(caller=Caller.BRAND, scope=scope, **rest)


def _worker(**rest: Any) -> Operation:
    return Operation(caller=Caller.WORKER, **rest)


TICKET_BODY = {
    "external_id": "x-1",
    "subject": "Where is it?",
    "text": "I ordered a kettle.",
    "channel": "email",
    "language": "en",
    "category": "general",
    "customer": {"name": "Sam Doe", "email": "sam@example.com"},
    "priority": 0,
    "context": "",
}
REPLY_BODY = {"claim_number": 1, "text": "On its way.", "inserted": ["draft"]}

FLOW = """
key: owned
name: Owned
steps:
  only:
    outcome: answer
    draft: Thank you.
"""

SERVICE_LEVELS_BODY = {
    "calendar": {"time_zone": "UTC", "periods": [{"weekday": 0, "opens": 0, "closes": 1440}]},
    "clocks": {"email": {"first_minutes": 60, "next_minutes": 60, "resolution_minutes": 600}},
    "leases": {"chat": {"read_seconds": 30, "reply_seconds": 300, "follow_up_seconds": 240}},
    "ladder": {
        "notify_percent": 50,
        "raise_percent": None,
        "raise_every_percent": 10,
        "raise_step_basis_points": 2000,
        "raise_cap_basis_points": 6000,
        "daily_budget_minor": 0,
        "widen_percent": 80,
        "give_back_percent": None,
    },
}

OPERATIONS = {
    "GET /healthz": Operation(caller=Caller.ANYBODY),
    "GET /readyz": Operation(caller=Caller.ANYBODY),
    "POST /api/v1/sessions": Operation(
        caller=Caller.ANYBODY, body={"email": "nobody@example.com", "password": "not the password"}
    ),
    "DELETE /api/v1/sessions/current": Operation(caller=Caller.SIGNED_IN),
    # Brands
    "POST /api/v1/tickets": _brand(ApiScope.TICKETS_WRITE, body=TICKET_BODY),
    "GET /api/v1/tickets": _brand(ApiScope.TICKETS_READ, query={"state": "open", "page": 1}),
    "GET /api/v1/tickets/{ticket}": _brand(ApiScope.TICKETS_READ, foreign=404),
    "POST /api/v1/tickets/{ticket}/messages": _brand(
        ApiScope.TICKETS_WRITE, body={"text": "And now?", "external_id": "m-1"}, foreign=404
    ),
    "POST /api/v1/tickets/{ticket}/confirmation": _brand(ApiScope.TICKETS_WRITE, foreign=404),
    "POST /api/v1/tickets/{ticket}/resolution": _brand(ApiScope.TICKETS_WRITE, foreign=404),
    "POST /api/v1/tickets/{ticket}/escalation/confirmation": _brand(
        ApiScope.TICKETS_WRITE, body={"note": "", "needless_reason": ""}, foreign=404
    ),
    "POST /api/v1/tickets/{ticket}/escalation/rejection": _brand(
        ApiScope.TICKETS_WRITE, body={"note": "Ours says so."}, foreign=404
    ),
    "GET /api/v1/reviews": _brand(ApiScope.TICKETS_READ),
    "POST /api/v1/reviews/{review}/approval": _brand(
        ApiScope.TICKETS_WRITE, body={"changes_read": ""}, foreign=404
    ),
    "POST /api/v1/reviews/{review}/outdated-return": _brand(ApiScope.TICKETS_WRITE, foreign=404),
    "POST /api/v1/reviews/{review}/return": _brand(
        ApiScope.TICKETS_WRITE, body={"reason": "wrong", "note": ""}, foreign=404
    ),
    "POST /api/v1/tickets/{ticket}/take-back": _brand(
        ApiScope.TICKETS_WRITE, body={"reason": "We answer it."}, foreign=404
    ),
    "POST /api/v1/tickets/{ticket}/withdrawal": _brand(
        ApiScope.TICKETS_WRITE, body={"reason": "Asked twice."}, foreign=404
    ),
    "POST /api/v1/withdrawals": _brand(
        ApiScope.TICKETS_WRITE,
        body={
            "reason": "Spam",
            "state": "open",
            "category": "general",
            "older_than_hours": 24,
            "preview": False,
        },
    ),
    "GET /api/v1/withdrawals/{withdrawal}": _brand(ApiScope.TICKETS_READ, foreign=404),
    "GET /api/v1/events": _brand(
        ApiScope.EVENTS_READ, query={"after": "1-1", "kind": "reply_sent", "limit": 5}
    ),
    "PUT /api/v1/articles/{key}": _brand(
        ApiScope.KNOWLEDGE_WRITE, body={"title": "Kettles", "text": "Use vinegar.", "format": "markdown"}
    ),
    "DELETE /api/v1/articles/{key}": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "GET /api/v1/articles": _brand(ApiScope.KNOWLEDGE_READ, query={"q": "kettle", "page": 1}),
    "GET /api/v1/articles/{key}": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "GET /api/v1/revisions/{key}": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "POST /api/v1/publications/{key}": _brand(
        ApiScope.KNOWLEDGE_WRITE,
        body={
            "revision": 1,
            "effective_from": "2026-12-01T00:00:00Z",
            "effective_until": "2027-01-01T00:00:00Z",
        },
        foreign=404,
    ),
    "DELETE /api/v1/publications/{key}": _brand(
        ApiScope.KNOWLEDGE_WRITE, query={"starts_at": "2026-12-01T00:00:00Z"}, foreign=404
    ),
    "POST /api/v1/verifications/{key}": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "POST /api/v1/restorations/{key}": _brand(ApiScope.KNOWLEDGE_WRITE, body={"revision": 1}, foreign=404),
    "POST /api/v1/imports": _brand(ApiScope.KNOWLEDGE_WRITE, files=True),
    "POST /api/v1/imports/web": _brand(ApiScope.KNOWLEDGE_WRITE, body={"url": "https://shop.example/help"}),
    "GET /api/v1/imports/{import_id}": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "GET /api/v1/search": _brand(
        ApiScope.KNOWLEDGE_READ, query={"q": "kettle", "as_of": "2026-01-01T00:00:00Z"}
    ),
    "POST /api/v1/imports/{import_id}/files": _brand(ApiScope.KNOWLEDGE_WRITE, files=True, foreign=404),
    "POST /api/v1/imports/{import_id}/start": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "GET /api/v1/imports/{import_id}/files": _brand(
        ApiScope.KNOWLEDGE_READ, query={"state": "failed", "page": 1}, foreign=404
    ),
    "GET /api/v1/imports/{import_id}/articles": _brand(
        ApiScope.KNOWLEDGE_READ, query={"page": 1}, foreign=404
    ),
    "POST /api/v1/imports/{import_id}/articles/{article}/leave-out": _brand(
        ApiScope.KNOWLEDGE_WRITE, foreign=404
    ),
    "POST /api/v1/imports/{import_id}/publish": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "POST /api/v1/imports/{import_id}/discard": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "POST /api/v1/imports/{import_id}/undo": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "POST /api/v1/imports/{import_id}/retry": _brand(
        ApiScope.KNOWLEDGE_WRITE, query={"file": 0}, foreign=404
    ),
    "GET /api/v1/passage-reports": _brand(ApiScope.KNOWLEDGE_READ, query={"show": "open"}),
    "POST /api/v1/passage-reports/{report}/confirmation": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "POST /api/v1/passage-reports/{report}/dismissal": _brand(
        ApiScope.KNOWLEDGE_WRITE, body={"reason": "It holds."}, foreign=404
    ),
    "POST /api/v1/passage-reports/{report}/lifting": _brand(
        ApiScope.KNOWLEDGE_WRITE, body={"reason": "It holds."}, foreign=404
    ),
    "GET /api/v1/gaps": _brand(ApiScope.KNOWLEDGE_READ, query={"state": "open", "page": 1}),
    "GET /api/v1/gaps/{gap}": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "GET /api/v1/statement": _brand(ApiScope.WALLET_READ, query={"month": "2026-11", "currency": "usd"}),
    "GET /api/v1/learning": _brand(ApiScope.KNOWLEDGE_READ),
    "GET /api/v1/flows": _brand(ApiScope.KNOWLEDGE_READ),
    "POST /api/v1/flows": _brand(ApiScope.KNOWLEDGE_WRITE, body={"source": FLOW, "based_on": None}),
    "POST /api/v1/flow-trials": _brand(
        ApiScope.KNOWLEDGE_READ, body={"source": FLOW, "answers": [], "today": "2026-11-27"}
    ),
    "GET /api/v1/flows/{key}": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "GET /api/v1/flows/{key}/versions": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "POST /api/v1/flows/{key}/restoration": _brand(
        ApiScope.KNOWLEDGE_WRITE, body={"version": 1}, foreign=404
    ),
    "DELETE /api/v1/flows/{key}": _brand(ApiScope.KNOWLEDGE_WRITE, foreign=404),
    "GET /api/v1/reply-rules": _brand(ApiScope.KNOWLEDGE_READ),
    "PUT /api/v1/reply-rules": _brand(
        ApiScope.KNOWLEDGE_WRITE, body={"levels": {"promise": "block"}, "based_on": None}
    ),
    "GET /api/v1/voice": _brand(ApiScope.KNOWLEDGE_READ),
    "GET /api/v1/voice/versions": _brand(ApiScope.KNOWLEDGE_READ),
    "PUT /api/v1/voice": _brand(
        ApiScope.KNOWLEDGE_WRITE, body={"voice": {"greeting": "Hi", "sign_off": "Bye"}, "based_on": None}
    ),
    "GET /api/v1/coverage": _brand(ApiScope.KNOWLEDGE_READ),
    "GET /api/v1/article-outcomes": _brand(ApiScope.KNOWLEDGE_READ),
    "GET /api/v1/article-outcomes/{article}": _brand(ApiScope.KNOWLEDGE_READ, foreign=404),
    "GET /api/v1/wallet": _brand(ApiScope.WALLET_READ),
    "GET /api/v1/funds": _brand(ApiScope.WALLET_READ),
    "GET /api/v1/auto-top-up": _brand(ApiScope.WALLET_READ),
    "PUT /api/v1/auto-top-up": _brand(
        ApiScope.WALLET_WRITE,
        body={
            "threshold_minor": 50_00,
            "amount_minor": 100_00,
            "monthly_limit_minor": 500_00,
            "currency": "usd",
        },
    ),
    "DELETE /api/v1/auto-top-up": _brand(ApiScope.WALLET_WRITE),
    "POST /api/v1/auto-top-up/checkout": _brand(ApiScope.WALLET_WRITE),
    "GET /api/v1/refunds": _brand(ApiScope.WALLET_READ),
    "POST /api/v1/refunds": _brand(ApiScope.WALLET_WRITE, body={"amount_minor": 1_00}),
    "GET /api/v1/invoices": _brand(ApiScope.WALLET_READ),
    "POST /api/v1/top-ups": _brand(ApiScope.WALLET_WRITE, body={"amount_minor": 50_00, "currency": "usd"}),
    "POST /api/v1/top-ups/{top_up}/checkout": _brand(ApiScope.WALLET_WRITE, foreign=404),
    "GET /api/v1/top-ups/{top_up}": _brand(ApiScope.WALLET_READ, foreign=404),
    "PUT /api/v1/prices/{category}": _brand(ApiScope.WALLET_WRITE, body={"total_minor": 300}, foreign=404),
    "POST /api/v1/ticket-imports": _brand(ApiScope.TICKETS_WRITE, files=True, query={"check": False}),
    "GET /api/v1/ticket-imports/{ticket_import}": _brand(ApiScope.TICKETS_READ, foreign=404),
    "GET /api/v1/prices": _brand(ApiScope.WALLET_READ),
    "DELETE /api/v1/prices/{category}": _brand(ApiScope.WALLET_WRITE, foreign=404),
    "GET /api/v1/sharing": _brand(ApiScope.SHARING_READ),
    "PUT /api/v1/sharing": _brand(
        ApiScope.SHARING_WRITE,
        body={"rules": [{"percent": 50, "category": "general", "from_hour": 8, "to_hour": 18}]},
    ),
    "GET /api/v1/spend-cap": _brand(ApiScope.SHARING_READ),
    "PUT /api/v1/spend-cap": _brand(
        ApiScope.SHARING_WRITE, body={"per_day_minor": 5_000, "per_month_minor": 50_000}
    ),
    "GET /api/v1/service-levels": _brand(ApiScope.SHARING_READ),
    "PUT /api/v1/service-levels": _brand(ApiScope.SHARING_WRITE, body=SERVICE_LEVELS_BODY),
    # Workers. Which tickets are in the pool, and that one is taken, every worker may know.
    "GET /api/v1/pool": _worker(
        query={
            "language": "en",
            "channel": "email",
            "skill": "general",
            "pay_minor": 1,
            "minutes": 60,
            "page": 1,
        }
    ),
    "POST /api/v1/pool/{ticket}/skip": _worker(body={"reason": "no_time"}),
    "POST /api/v1/tickets/{ticket}/claim/extension": _worker(body={"claim_number": 1}, foreign=409),
    "POST /api/v1/tickets/{ticket}/notes": _worker(
        body={"claim_number": 1, "text": "The photo shows the hopper."}, foreign=409
    ),
    "GET /api/v1/worker/profile": _worker(),
    "PUT /api/v1/worker/profile": _worker(
        body={"languages": ["en"], "skills": ["billing"], "available": True}
    ),
    "PUT /api/v1/worker/mutes/{brand}": _worker(),
    "DELETE /api/v1/worker/mutes/{brand}": _worker(),
    "GET /api/v1/claims": _worker(),
    "POST /api/v1/claims": _worker(),
    "POST /api/v1/tickets/{ticket}/claim": _worker(),
    "POST /api/v1/tickets/{ticket}/claim/category": _worker(
        body={"claim_number": 1, "category": "general"}, foreign=409
    ),
    "POST /api/v1/tickets/{ticket}/release": _worker(
        body={"claim_number": 1, "reason": "no_time"}, foreign=409
    ),
    "GET /api/v1/tickets/{ticket}/desk": _worker(foreign=409),
    "GET /api/v1/tickets/{ticket}/flows": _worker(query={"claim_number": 1}, foreign=409),
    "POST /api/v1/tickets/{ticket}/flow-walks": _worker(
        body={"claim_number": 1, "flow": "owned", "version": 1, "answers": []}, foreign=409
    ),
    "POST /api/v1/tickets/{ticket}/replies": _worker(body=REPLY_BODY, foreign=409),
    "POST /api/v1/tickets/{ticket}/reply-checks": _worker(
        body={"claim_number": 1, "text": "On its way.", "suggestion": None}, foreign=409
    ),
    "POST /api/v1/tickets/{ticket}/escalation": _worker(
        body={"claim_number": 1, "reason": "other", "note": ""}, foreign=409
    ),
    "POST /api/v1/tickets/{ticket}/wrong-passages": _worker(
        body={"passage": "01890000-0000-7000-8000-000000000000", "reason": "out_of_date", "note": ""},
        foreign=404,
    ),
    "GET /api/v1/wrong-passages": _worker(),
    "POST /api/v1/rejections/{rejection}/appeal": _worker(body={"text": "It is right."}, foreign=404),
    # Pay
    "GET /api/v1/tickets/{ticket}/pay": _brand(ApiScope.TICKETS_READ, foreign=404),
    "POST /api/v1/earnings/{earning}/rejection": _brand(
        ApiScope.TICKETS_WRITE,
        body={
            "reply": "01890000-0000-7000-8000-000000000000",
            "reason": "wrong_answer",
            "note": "It names the wrong shop.",
        },
        foreign=404,
    ),
    "DELETE /api/v1/rejections/{rejection}": _brand(ApiScope.TICKETS_WRITE, foreign=404),
    "POST /api/v1/earnings/{earning}/dispute": _brand(
        ApiScope.TICKETS_WRITE, body={"reason": "Was it read?"}, foreign=404
    ),
    "DELETE /api/v1/earnings/{earning}/dispute": _brand(ApiScope.TICKETS_WRITE, foreign=404),
    "POST /api/v1/tickets/{ticket}/tips": _brand(
        ApiScope.WALLET_WRITE,
        body={"worker": "01890000-0000-7000-8000-000000000000", "amount_minor": 100},
        foreign=404,
    ),
    "DELETE /api/v1/tips/{tip}": _brand(ApiScope.WALLET_WRITE, foreign=404),
    # Quality
    "GET /api/v1/stage": _brand(ApiScope.TICKETS_READ),
    "POST /api/v1/tickets/{ticket}/rating": _brand(
        ApiScope.TICKETS_WRITE, body={"stars": 4, "reason": "too_slow", "comment": ""}, foreign=404
    ),
}
