"""How well it goes, for a brand's own systems: its stage with its gates, and what customers thought."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.gates import (
    WHOLE_PERCENT,
    Gate,
    Measure,
    Policy,
    is_breached,
    is_passed,
    may_advance_from,
)
from marketplace.tickets.quality_inputs import TicketRecords
from marketplace.tickets.ratings import rate_ticket
from marketplace.tickets.stage_queries import view_of
from workers_ui.api.schemas import GateOut, RatingIn, RatingOut, StageOut
from workers_ui.deps import HasTx, RequestKey, by_key
from workers_ui.idempotency import once

router = APIRouter(tags=["quality"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.TICKETS_WRITE))]


@router.get("/stage", response_model=StageOut)
def read_stage(tx: HasTx, brand: Reads) -> StageOut:
    """The share of tickets that may enter the pool, and the figures that move it."""
    now = app_now(tx)
    seen = view_of(tx, TicketRecords(), brand=brand, now=now)
    policy, standing = seen.policy, seen.standing
    if standing is None:
        return StageOut(
            enabled=False,
            percent=WHOLE_PERCENT,
            percents=list(policy.percents),
            stage=None,
            since=None,
            counted_since=None,
            may_advance_from=None,
            gates=[],
        )
    return StageOut(
        enabled=True,
        percent=policy.percents[standing.stage],
        percents=list(policy.percents),
        stage=standing.stage,
        since=standing.since,
        counted_since=seen.counted_since,
        may_advance_from=may_advance_from(policy, standing),
        gates=[_gate(policy, gate, seen.figures[gate]) for gate in Gate],
    )


@router.post("/tickets/{ticket}/rating", status_code=201, response_model=RatingOut)
def rate(
    ticket: UUID, body: RatingIn, tx: HasTx, brand: Writes, response: Response, key: RequestKey = None
) -> object:
    """What the customer thought of the answer, once for each resolution. The same again is the same (200)."""

    def act() -> dict[str, Any]:
        rating, made = rate_ticket(
            tx,
            brand=brand,
            ticket=TicketId(ticket),
            stars=body.stars,
            reason=body.reason,
            comment=body.comment,
            now=app_now(tx),
        )
        out = RatingOut(
            id=rating.id,
            stars=rating.stars,
            reason=rating.reason,
            comment=rating.comment,
            rated_at=rating.rated_at,
        )
        return {"status": 201 if made else 200, "rating": out.model_dump(mode="json")}

    asked = ["rating", str(ticket), body.model_dump(mode="json")]
    answer = once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)
    response.status_code = answer["status"]
    return answer["rating"]


def _gate(policy: Policy, gate: Gate, measure: Measure) -> GateOut:
    return GateOut(
        gate=gate,
        good=measure.good,
        total=measure.total,
        early_good=measure.early_good,
        early_total=measure.early_total,
        needed=policy.minimum,
        share=measure.share_basis_points,
        threshold=policy.threshold(gate),
        breach_below=policy.breach_below(gate),
        passed=is_passed(policy, gate, measure),
        breached=is_breached(policy, gate, measure),
    )
