"""Reply rules: what checking a reply blocks, warns of or leaves at a brand; and a check for a worker's program."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from guidance.findings import Finding, FindingKind
from guidance.lint import MAX_REPLY_CHARS, blocks_sending
from guidance.lint_policies import NumberedPolicy, policy_of, read_levels, set_policy
from guidance.lint_policy import ALWAYS_BLOCK, USUAL
from guidance.reply_check import check_reply
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, rescope
from marketplace.kernel.ids import BrandId, SuggestionId, TicketId
from marketplace.tickets import pool
from workers_ui.api.schemas import ClaimNumber, In
from workers_ui.deps import ByWorkerToken, HasServices, HasTx, by_key

router = APIRouter(tags=["replies"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]
CHECKS_PER_MINUTE = 120
Word = Annotated[str, Field(max_length=40)]


class ReplyRulesOut(BaseModel):
    """`levels` by kind of finding: block, warn or off. What `always_block` names cannot be set."""

    version: int
    levels: dict[str, str]
    always_block: list[str]


class ReplyRulesIn(In):
    """A kind that is not named is as usual. `based_on`: the version that was edited; without it, whatever holds is
    replaced."""

    levels: Annotated[dict[Word, Word], Field(max_length=len(FindingKind))]
    based_on: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class ReplyCheckIn(In):
    claim_number: ClaimNumber
    text: Annotated[str, Field(max_length=MAX_REPLY_CHARS)]
    suggestion: UUID | None = None


class FindingOut(BaseModel):
    """`start` and `end` count characters (Unicode code points); `fix` would replace them."""

    kind: str
    severity: str
    start: int
    end: int
    message: str
    fix: str | None


class ReplyCheckOut(BaseModel):
    blocks: bool
    findings: list[FindingOut]
    checked_at: datetime


@router.get("/reply-rules", response_model=ReplyRulesOut)
def read_rules(tx: HasTx, brand: Reads) -> object:
    """What holds; version 0 is the usual."""
    return _rules_out(policy_of(tx, brand=brand))


@router.put("/reply-rules", response_model=ReplyRulesOut)
def put_rules(body: ReplyRulesIn, tx: HasTx, brand: Writes) -> object:
    """The whole choice anew, as the next version; the next check follows it. 409: another was saved since
    `based_on`."""
    levels = read_levels(body.levels)
    return _rules_out(
        set_policy(tx, brand=brand, levels=levels, author=None, now=app_now(tx), based_on=body.based_on)
    )


@router.post("/tickets/{ticket}/reply-checks", response_model=ReplyCheckOut)
def check(ticket: UUID, body: ReplyCheckIn, tx: HasTx, worker: ByWorkerToken, having: HasServices) -> object:
    """What is found in a text for a ticket you hold; nothing is kept. What blocks is refused when it is sent."""
    having.limiter.hit("reply-check", str(worker), CHECKS_PER_MINUTE)
    now = app_now(tx)
    held = pool.held(tx, ticket=TicketId(ticket), worker=worker, number=body.claim_number, now=now)
    rescope(tx, Scope(worker=worker, brand=held.brand_id))
    found = check_reply(
        tx,
        brand=held.brand_id,
        ticket=TicketId(ticket),
        worker=worker,
        text=body.text,
        shown=SuggestionId(body.suggestion) if body.suggestion else None,
    )
    return {"blocks": blocks_sending(found), "findings": [_out(one) for one in found], "checked_at": now}


def _rules_out(held: NumberedPolicy) -> dict[str, object]:
    return {
        "version": held.version,
        "levels": {kind.value: held.policy.level(kind).value for kind in USUAL},
        "always_block": sorted(kind.value for kind in ALWAYS_BLOCK),
    }


def _out(one: Finding) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "severity": one.severity.value,
        "start": one.start,
        "end": one.end,
        "message": one.message,
        "fix": one.fix,
    }
