"""Walking a flow beside a ticket, whose brand it is; what a walk came to is kept for the receipt."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select

from guidance.draft import CitedPassage
from guidance.flow import Outcome, Walk, flow_reply, walk
from guidance.flow_models import FlowVersion, FlowWalk
from guidance.flow_source import read_flow
from guidance.flows import NoSuchFlow, find_flow, flow_version
from guidance.queries import why_stopped
from guidance.voices import voice_of
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid, TooMany
from marketplace.kernel.ids import BrandId, FlowWalkId, TicketId, WorkerId, new_id
from marketplace.tickets.models import Customer, Ticket

MAX_WALKS = 50
"""Of one ticket by one worker that came to an outcome."""


class TooManyWalks(TooMany):
    """You came to an outcome 50 times on this ticket. Write the reply, or escalate."""


class UnknownWalk(Invalid):
    """That walk is not one of yours beside this ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkAtDesk:
    """How far a walk is; `kept` once it came to an outcome, with the reply it proposes."""

    flow: FlowVersion
    walk: Walk
    kept: FlowWalk | None


def walk_flow(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: TicketId,
    worker: WorkerId,
    key: str,
    version: int | None,
    answers: Sequence[str],
    now: datetime,
) -> WalkAtDesk:
    """Follow `answers` through the brand's flow; a walk goes on in the `version` it began in.

    `brand` is the ticket's own. Raises NoSuchFlow also for a withdrawn one, BadAnswer, TooManyWalks.
    """
    newest = flow_version(tx, brand=brand, key=key)
    if newest.withdrawn or why_stopped(tx, brand=brand) is not None:
        raise NoSuchFlow
    flow = newest if version is None else flow_version(tx, brand=brand, key=key, version=version)
    walked = walk(read_flow(flow.source), answers, today=now.date())
    if walked.outcome is None:
        return WalkAtDesk(flow=flow, walk=walked, kept=None)
    kept = _keep(tx, flow, walked, walked.outcome, ticket=ticket, worker=worker, now=now)
    return WalkAtDesk(flow=flow, walk=walked, kept=kept)


def find_walk(
    tx: Tx, *, brand: BrandId, ticket: TicketId, worker: WorkerId, walk_id: FlowWalkId
) -> FlowWalk | None:
    """The walk, if it is this worker's beside this ticket."""
    found = tx.get(FlowWalk, (brand, walk_id))
    return found if found is not None and (found.ticket_id, found.worker_id) == (ticket, worker) else None


def told_by_flows(tx: Tx, *, brand: BrandId, ticket: TicketId, worker: WorkerId) -> list[CitedPassage]:
    """What the brand itself wrote in the outcomes this worker came to, as sources that a reply may rest on.

    Without the answers: what was typed into a slot is no source.
    """
    walks = tx.scalars(
        select(FlowWalk)
        .where(FlowWalk.brand_id == brand, FlowWalk.ticket_id == ticket, FlowWalk.worker_id == worker)
        .order_by(FlowWalk.id)
        .limit(MAX_WALKS)
    ).all()
    return [_source(tx, one) for one in walks]


def _source(tx: Tx, walked: FlowWalk) -> CitedPassage:
    flow = find_flow(tx, brand=walked.brand_id, key=walked.flow_key, version=walked.flow_version)
    assert flow is not None  # a walk refers to its version
    step = read_flow(flow.source).steps[walked.path[-1]]
    return CitedPassage(
        rank=0,
        passage_id="",
        article_id="",
        article_title=flow.name,
        section_path=(),
        text=step.draft if isinstance(step, Outcome) else "",
        score=1.0,
    )


def _keep(
    tx: Tx,
    flow: FlowVersion,
    walked: Walk,
    outcome: Outcome,
    *,
    ticket: TicketId,
    worker: WorkerId,
    now: datetime,
) -> FlowWalk:
    """The same answers again are the same walk."""
    answered = [asdict(one) for one in walked.answered]
    own = (FlowWalk.brand_id == flow.brand_id, FlowWalk.ticket_id == ticket, FlowWalk.worker_id == worker)
    same = (
        FlowWalk.flow_key == flow.key,
        FlowWalk.flow_version == flow.version,
        FlowWalk.answered == answered,
    )
    known = tx.scalars(select(FlowWalk).where(*own, *same).limit(1)).one_or_none()
    if known is not None:
        return known
    if tx.scalars(select(func.count()).select_from(FlowWalk).where(*own)).one() >= MAX_WALKS:
        raise TooManyWalks
    kept = FlowWalk(
        brand_id=flow.brand_id,
        id=FlowWalkId(new_id()),
        ticket_id=ticket,
        worker_id=worker,
        flow_key=flow.key,
        flow_version=flow.version,
        path=list(walked.path),
        answered=answered,
        ending=outcome.ending,
        draft=flow_reply(walked, voice_of(tx, brand=flow.brand_id).voice, _customer_name(tx, flow, ticket)),
        walked_at=now,
    )
    tx.add(kept)
    tx.flush()
    return kept


def _customer_name(tx: Tx, flow: FlowVersion, ticket: TicketId) -> str | None:
    row = tx.get_one(Ticket, (flow.brand_id, ticket))
    customer = tx.get(Customer, (flow.brand_id, row.customer_id))
    return customer.name if customer else None
