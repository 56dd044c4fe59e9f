"""The JSON API under /api/v1: for brands' own systems by API key, for workers by session token."""

from typing import Any

from fastapi import APIRouter

from workers_ui.api import (
    articles,
    claims,
    control,
    events,
    flows,
    funds,
    gaps,
    imports,
    judgements,
    knowledge,
    learning,
    people,
    pool,
    pool_acts,
    quality,
    recalls,
    reply_rules,
    reviews,
    service_levels,
    statements,
    ticket_imports,
    tickets,
    voice,
    wallet,
    worker_profile,
    wrong_passages,
)
from workers_ui.api.schemas import Problem

DESCRIPTION = (
    "Post tickets, read replies, manage knowledge and the wallet with a brand's API key; claim and answer "
    "with a worker's session token. Errors are application/problem+json. Amounts are whole minor units."
)
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "Refused; the detail says what to do.",
        "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
    }
}

router = APIRouter(prefix="/api/v1", responses=ERRORS)
for part in (
    claims,
    tickets,
    events,
    articles,
    imports,
    knowledge,
    learning,
    gaps,
    flows,
    wallet,
    statements,
    funds,
    control,
    people,
    pool,
    quality,
    recalls,
    pool_acts,
    worker_profile,
    ticket_imports,
    reviews,
    service_levels,
    wrong_passages,
    reply_rules,
    voice,
    judgements,
):
    router.include_router(part.router)
