"""The JSON API under /api/v1: for brands' own systems by API key, for workers by session token."""

from fastapi import APIRouter

from workers_ui.api import events, knowledge, people, pool, tickets, wallet

DESCRIPTION = (
    "Post tickets, read replies, manage knowledge and the wallet with a brand's API key; claim and answer with a "
    "worker's session token. Errors are application/problem+json. Amounts are whole minor units."
)

router = APIRouter(prefix="/api/v1")
for part in (tickets, events, knowledge, wallet, people, pool):
    router.include_router(part.router)
