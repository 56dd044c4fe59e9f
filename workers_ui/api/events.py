"""The feed of facts: how replies, resolutions and escalations reach a brand's own systems."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from marketplace.accounts.api_keys import ApiScope
from marketplace.events.queries import PAGE_LIMIT, START, Cursor, facts_after
from marketplace.kernel.ids import BrandId
from workers_ui.api.schemas import EventOut, EventsOut
from workers_ui.deps import HasTx, by_key

router = APIRouter(tags=["events"])

Kind = Annotated[str, Field(pattern=r"^[a-z_]{1,60}$")]
Reads = Annotated[BrandId, Depends(by_key(ApiScope.EVENTS_READ))]


@router.get("/events", response_model=EventsOut)
def read_events(
    tx: HasTx,
    _brand: Reads,
    after: Annotated[str, Query(max_length=40)] = "",
    kind: Annotated[list[Kind], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it per request
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
) -> EventsOut:
    """Facts after a cursor, oldest first. Pass `next` as `after`: nothing is skipped or repeated."""
    start = Cursor.parse(after) if after else START
    told = facts_after(tx, start, limit=limit, kinds=kind)
    return EventsOut(
        events=[
            EventOut(cursor=str(one.cursor), at=one.at, kind=one.kind, subject=one.subject, body=one.body)
            for one in told
        ],
        next=str(told[-1].cursor if told else start),
    )
