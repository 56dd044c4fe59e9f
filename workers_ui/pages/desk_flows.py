"""Flows at the desk: one question at a time beside the ticket; an outcome's draft goes in like guidance's."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from guidance.flow import BadAnswer
from guidance.flow_models import FlowWalk
from guidance.flow_walks import find_walk, walk_flow
from guidance.flows import NoSuchFlow, offered_flows
from guidance.queries import why_stopped
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.errors import TooMany
from marketplace.kernel.ids import BrandId, FlowWalkId, TicketId, WorkerId
from marketplace.tickets import worker_queries
from workers_ui.pages.flow_views import walk_view
from workers_ui.presenters.flows import NO_FLOWS, FlowPanel, FlowWalkView
from workers_ui.presenters.values import Choice

MARK = "flow:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the panel's form sent: a flow, the version it began in, the answers so far, and a new one."""

    key: str = ""
    version: int | None = None
    answers: tuple[str, ...] = ()
    answer: str | None = None


NOTHING_ASKED = Asked()


def flow_panel(tx: Tx, *, ticket: TicketId, worker: WorkerId, asked: Asked = NOTHING_ASKED) -> FlowPanel:
    """What `worker` may walk beside a ticket he holds; of a walk, how far it is. The brand is the ticket's own."""
    brand = worker_queries.find_brand_of_hold(tx, ticket=ticket, worker=worker)
    if brand is None:
        return NO_FLOWS
    rescope(tx, Scope(worker=worker, brand=brand))
    panel = _panel(tx, brand, ticket, worker, asked)
    rescope(tx, Scope(worker=worker))
    return panel


def find_inserted_walk(tx: Tx, *, ticket: TicketId, worker: WorkerId, inserted: str) -> FlowWalk | None:
    """The walk that a form's marks name last, if it is this worker's beside this ticket."""
    brand = worker_queries.find_brand_of_hold(tx, ticket=ticket, worker=worker)
    named = [mark.strip().removeprefix(MARK) for mark in inserted.split(",") if mark.strip().startswith(MARK)]
    if brand is None or not named:
        return None
    try:
        walk_id = FlowWalkId(UUID(named[-1]))
    except ValueError:
        return None
    rescope(tx, Scope(worker=worker, brand=brand))
    found = find_walk(tx, brand=brand, ticket=ticket, worker=worker, walk_id=walk_id)
    rescope(tx, Scope(worker=worker))
    return found


def flow_mark(walked: FlowWalk | None) -> tuple[str, ...]:
    """How a form names the walk among what was inserted."""
    return (f"{MARK}{walked.id}",) if walked else ()


def _panel(tx: Tx, brand: BrandId, ticket: TicketId, worker: WorkerId, asked: Asked) -> FlowPanel:
    if why_stopped(tx, brand=brand) is not None:
        return NO_FLOWS
    flows = tuple(Choice(value=one.key, label=one.name) for one in offered_flows(tx, brand=brand))
    if not asked.key:
        return FlowPanel(flows=flows)
    try:
        return FlowPanel(flows=flows, walk=_walk(tx, brand, ticket, worker, asked))
    except (NoSuchFlow, TooMany, BadAnswer) as refusal:
        return FlowPanel(flows=flows, problem=refusal.detail)


def _walk(tx: Tx, brand: BrandId, ticket: TicketId, worker: WorkerId, asked: Asked) -> FlowWalkView:
    """Raises BadAnswer only of answers that were taken before."""
    answers = asked.answers
    given = (*answers, asked.answer) if asked.answer is not None else answers
    try:
        return _follow(tx, brand, ticket, worker, asked, given)
    except BadAnswer as refusal:
        if given == answers:
            raise
        return _follow(tx, brand, ticket, worker, asked, answers, problem=refusal.detail)


def _follow(
    tx: Tx,
    brand: BrandId,
    ticket: TicketId,
    worker: WorkerId,
    asked: Asked,
    answers: Sequence[str],
    *,
    problem: str = "",
) -> FlowWalkView:
    found = walk_flow(
        tx,
        brand=brand,
        ticket=ticket,
        worker=worker,
        key=asked.key,
        version=asked.version,
        answers=answers,
        now=app_now(tx),
    )
    return walk_view(
        found.walk,
        key=found.flow.key,
        name=found.flow.name,
        version=found.flow.version,
        answers=answers,
        draft=found.kept.draft if found.kept else "",
        mark=f"{MARK}{found.kept.id}" if found.kept else "",
        typed=asked.answer or "" if problem else "",
        problem=problem,
    )
