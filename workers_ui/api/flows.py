"""Flows: a brand checks, publishes and withdraws them; a worker's program walks one beside a ticket it holds."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from guidance import flows
from guidance.flow import MAX_ANSWERS, walk
from guidance.flow_models import FlowVersion
from guidance.flow_walks import walk_flow
from guidance.queries import why_stopped
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, rescope
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets import pool
from workers_ui.api.schemas import HIGHEST_CLAIM_NUMBER, ClaimNumber, In
from workers_ui.deps import ByWorkerToken, HasTx, by_key
from workers_ui.flow_cli import told

router = APIRouter(tags=["flows"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]
Answers = Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=MAX_ANSWERS)]
HeldAs = Annotated[int, Query(ge=1, le=HIGHEST_CLAIM_NUMBER)]
Version = Annotated[int, Field(ge=0, le=2**31 - 1)]


class FlowOut(BaseModel):
    key: str
    version: int
    name: str
    withdrawn: bool
    published_at: datetime


class FlowSourceOut(FlowOut):
    source: str


class FlowIn(In):
    """`based_on`: the version that was edited, 0 for a new flow; without it, whatever holds is replaced."""

    source: Annotated[str, Field(max_length=200_000)]
    based_on: Version | None = None


class FlowTrialIn(In):
    source: Annotated[str, Field(max_length=200_000)]
    answers: Answers = Field(default_factory=list)
    today: date | None = None


class RestorationIn(In):
    version: Version


class AnsweredOut(BaseModel):
    step: str
    question: str
    answer: str


class QuestionOut(BaseModel):
    step: str
    question: str
    type: str
    choices: list[str]


class WalkOut(BaseModel):
    """`asks` the next question, or `outcome`, never both."""

    path: list[str]
    answered: list[AnsweredOut]
    said: list[str]
    asks: QuestionOut | None
    outcome: str | None
    draft: str
    note: str


class TicketFlowOut(BaseModel):
    key: str
    version: int
    name: str


class TicketWalkIn(In):
    claim_number: ClaimNumber
    flow: Annotated[str, Field(max_length=40)]
    version: Version | None = None
    answers: Answers = Field(default_factory=list)


class TicketWalkOut(WalkOut):
    """`draft` is the whole reply, in the voice; at an outcome, `walk` is what a reply names as its `flow`."""

    version: int
    walk: UUID | None


@router.get("/flows", response_model=list[FlowOut])
def list_flows(tx: HasTx, brand: Reads) -> object:
    """The newest version of each of your flows, withdrawn ones too."""
    return [_out(one) for one in flows.all_flows(tx, brand=brand)]


@router.post("/flows", status_code=201, response_model=FlowSourceOut)
def publish(body: FlowIn, tx: HasTx, brand: Writes) -> object:
    """Publish a flow as the next version of its key; the same text again is the same version. 422 tells all that is
    wrong with it, 409 that another version was published since `based_on`."""
    now = app_now(tx)
    return _source_out(
        flows.publish_flow(tx, brand=brand, source=body.source, author=None, now=now, based_on=body.based_on)
    )


@router.post("/flow-trials", response_model=WalkOut)
def try_flow(body: FlowTrialIn, tx: HasTx, brand: Reads) -> object:
    """Check a flow and walk it with these answers; nothing is kept."""
    flow = flows.checked_flow(tx, brand=brand, source=body.source)
    return told(walk(flow, body.answers, today=body.today or app_now(tx).date()))


@router.get("/flows/{key}", response_model=FlowSourceOut)
def read_flow(key: str, tx: HasTx, brand: Reads) -> object:
    """The newest version with its text."""
    return _source_out(flows.flow_version(tx, brand=brand, key=key))


@router.get("/flows/{key}/versions", response_model=list[FlowOut])
def list_versions(key: str, tx: HasTx, brand: Reads) -> object:
    """The last hundred versions, newest first."""
    flows.flow_version(tx, brand=brand, key=key)
    return [_out(one) for one in flows.flow_versions(tx, brand=brand, key=key)]


@router.post("/flows/{key}/restoration", status_code=201, response_model=FlowSourceOut)
def restore(key: str, body: RestorationIn, tx: HasTx, brand: Writes) -> object:
    """An earlier version's text becomes the newest version."""
    now = app_now(tx)
    return _source_out(
        flows.restore_flow(tx, brand=brand, key=key, version=body.version, author=None, now=now)
    )


@router.delete("/flows/{key}", response_model=FlowSourceOut)
def withdraw(key: str, tx: HasTx, brand: Writes) -> object:
    """Offer it to no worker any more; its versions stay."""
    return _source_out(flows.withdraw_flow(tx, brand=brand, key=key, author=None, now=app_now(tx)))


@router.get("/tickets/{ticket}/flows", response_model=list[TicketFlowOut])
def flows_of_ticket(ticket: UUID, claim_number: HeldAs, tx: HasTx, worker: ByWorkerToken) -> object:
    """The flows you may walk beside a ticket you hold."""
    held = pool.held(tx, ticket=TicketId(ticket), worker=worker, number=claim_number, now=app_now(tx))
    rescope(tx, Scope(worker=worker, brand=held.brand_id))
    if why_stopped(tx, brand=held.brand_id) is not None:
        return []
    return [_out(one) for one in flows.offered_flows(tx, brand=held.brand_id)]


@router.post("/tickets/{ticket}/flow-walks", response_model=TicketWalkOut)
def walk_beside_ticket(ticket: UUID, body: TicketWalkIn, tx: HasTx, worker: ByWorkerToken) -> object:
    """Follow your answers, in the order asked, through a flow of the ticket's brand. The same answers again are the
    same walk."""
    now = app_now(tx)
    held = pool.held(tx, ticket=TicketId(ticket), worker=worker, number=body.claim_number, now=now)
    rescope(tx, Scope(worker=worker, brand=held.brand_id))
    found = walk_flow(
        tx,
        brand=held.brand_id,
        ticket=TicketId(ticket),
        worker=worker,
        key=body.flow,
        version=body.version,
        answers=body.answers,
        now=now,
    )
    kept = found.kept
    return told(found.walk) | {
        "version": found.flow.version,
        "walk": kept.id if kept else None,
        "draft": kept.draft if kept else "",
    }


def _out(one: flows.PublishedFlow) -> dict[str, object]:
    return {
        "key": one.key,
        "version": one.version,
        "name": one.name,
        "withdrawn": one.withdrawn,
        "published_at": one.published_at,
    }


def _source_out(one: FlowVersion) -> dict[str, object]:
    return {
        "key": one.key,
        "version": one.version,
        "name": one.name,
        "withdrawn": one.withdrawn,
        "published_at": one.published_at,
        "source": one.source,
    }
