"""The pool and the desk, for programs that work on a worker's behalf. An action is a resource."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from guidance.commands import write_receipt
from guidance.coverage import Coverage, coverage_of
from guidance.findings import Finding, FindingKind, Severity
from guidance.flow_models import FlowWalk
from guidance.flow_walks import UnknownWalk, find_walk
from guidance.outdated_text import OutdatedText
from guidance.queries import suggestion_for_desk
from guidance.reply_check import ReplyNotFit, check_reply
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.ids import FlowWalkId, SuggestionId, TicketId, WorkerId
from marketplace.tickets import endings, pool, pool_queries, queries, replies, worker_queries
from workers_ui.api.desk_parts import handover_out, review_out
from workers_ui.api.schemas import (
    CategoryIn,
    DeskOut,
    EscalationIn,
    EscalationOut,
    HoldOut,
    PoolTicketOut,
    PoolWanted,
    ReleaseIn,
    ReplyIn,
    ReplyOut,
)
from workers_ui.api.tickets import escalation_out
from workers_ui.deps import ByWorkerToken, HasTx, RequestKey
from workers_ui.idempotency import once

router = APIRouter(tags=["pool"])

BLOCKS_TOLD = 3


@router.get("/pool", response_model=list[PoolTicketOut])
def read_pool(tx: HasTx, worker: ByWorkerToken, wanted: Annotated[PoolWanted, Query()]) -> object:
    """The open tickets that you may claim, best first, at most 50 a page. The filters narrow it."""
    lanes = pool_queries.lanes_of_worker(tx, worker=worker)
    found = pool_queries.pool_for(tx, worker=worker, lanes=lanes, filters=wanted.filters(), page=wanted.page)
    coverage = coverage_of(tx, [card.ticket for card in found.cards])
    return [_card(card, coverage.get(card.ticket)) for card in found.cards]


@router.get("/claims", response_model=list[HoldOut])
def read_claims(tx: HasTx, worker: ByWorkerToken) -> object:
    """Your live claims that wait for you, the most urgent first."""
    return [hold_out(hold) for hold in pool.live_holds(tx, worker=worker, now=app_now(tx))]


@router.post("/tickets/{ticket}/claim/category", response_model=HoldOut)
def confirm_category(ticket: UUID, body: CategoryIn, tx: HasTx, worker: ByWorkerToken) -> object:
    """Say what the ticket is about: the lease moves on to the time for a first reply."""
    return hold_out(
        pool.confirm_category(
            tx,
            ticket=TicketId(ticket),
            worker=worker,
            number=body.claim_number,
            category=body.category,
            now=app_now(tx),
        )
    )


@router.post("/tickets/{ticket}/release", status_code=204)
def release(ticket: UUID, body: ReleaseIn, tx: HasTx, worker: ByWorkerToken) -> None:
    """Give the ticket back with a reason."""
    pool.release_ticket(
        tx,
        ticket=TicketId(ticket),
        worker=worker,
        number=body.claim_number,
        reason=body.reason,
        now=app_now(tx),
    )


@router.get("/tickets/{ticket}/desk", response_model=DeskOut)
def read_desk(ticket: UUID, tx: HasTx, worker: ByWorkerToken) -> object:
    """The claimed ticket: its masked thread, what was promised in it before, how your last reply fared with the
    brand's reviewers, and the suggestion with its cited passages."""
    desk = queries.desk(tx, ticket=TicketId(ticket), worker=worker, now=app_now(tx))
    return {
        "ticket": desk.ticket,
        "claim_number": desk.claim_number,
        "lease_ends_at": desk.lease_ends_at,
        "subject": desk.subject,
        "category": desk.category,
        "thread": [
            {"author": line.author, "text": line.text, "written_at": line.written_at} for line in desk.thread
        ],
        "handover": handover_out(desk),
        "review": review_out(tx, desk, worker),
        "suggestion": _suggestion(tx, worker, desk),
    }


@router.post("/tickets/{ticket}/replies", status_code=201, response_model=ReplyOut)
def send_reply(
    ticket: UUID, body: ReplyIn, tx: HasTx, worker: ByWorkerToken, key: RequestKey = None
) -> object:
    """Answer the customer; `inserted` names what of the suggestion was used ("draft", "1" to "5"), `suggestion`
    which one it was: without it, the newest; `flow` the walk whose draft went in. 409 when the text quotes what the
    brand's knowledge does not say any more, 422 when it breaks what the brand's reply rules block."""

    def act() -> dict[str, Any]:
        shown = SuggestionId(body.suggestion) if body.suggestion else None
        found = _fit_to_send(tx, worker, TicketId(ticket), body.text, shown)
        reply = replies.send_reply(
            tx,
            ticket=TicketId(ticket),
            worker=worker,
            number=body.claim_number,
            body=body.text,
            now=app_now(tx),
        )
        write_receipt(
            tx,
            reply=reply,
            inserted=body.inserted,
            now=app_now(tx),
            shown=shown,
            found=found,
            walked=_walk(tx, worker, TicketId(ticket), body.flow) if body.flow else None,
        )
        return {"id": str(reply.id), "state": reply.state.value, "label": reply.label}

    asked = ["reply", str(ticket), body.model_dump()]
    return once(tx, principal=f"worker:{worker}", key=key, asked=asked, now=app_now(tx), act=act)


@router.post("/tickets/{ticket}/escalation", status_code=201, response_model=EscalationOut)
def escalate(
    ticket: UUID, body: EscalationIn, tx: HasTx, worker: ByWorkerToken, key: RequestKey = None
) -> object:
    """Hand the ticket to the brand's own people, with the reason; to the brand's preselected queue if none is
    named."""

    def act() -> dict[str, Any]:
        escalation = endings.escalate_ticket(
            tx,
            ticket=TicketId(ticket),
            worker=worker,
            number=body.claim_number,
            reason=body.reason,
            note=body.note,
            queue=body.queue,
            now=app_now(tx),
        )
        return escalation_out(escalation)

    asked = ["escalation", str(ticket), body.model_dump()]
    return once(tx, principal=f"worker:{worker}", key=key, asked=asked, now=app_now(tx), act=act)


def _card(card: pool_queries.PoolCard, coverage: Coverage | None) -> dict[str, object]:
    return {
        "id": card.ticket,
        "number": card.number,
        "brand": card.brand,
        "subject": card.subject,
        "channel": card.channel,
        "language": card.language,
        "category": card.category,
        "pay_minor": card.pay.amount_minor,
        "currency": card.pay.currency,
        "expected_minutes": card.expected_minutes,
        "due_at": card.due_at,
        "brand_slug": card.brand_slug,
        "skill": card.skill,
        "pay_minor_an_hour": card.pay.amount_minor * 60 // max(card.expected_minutes, 1),
        "surge_basis_points": card.surge_basis_points,
        "newcomers_first": card.newcomers_first,
        "knowledge": "unknown" if coverage is None else coverage.value,
        "read_seconds": card.read_seconds,
        "reply_seconds": card.reply_seconds,
        "approval_basis_points": card.approval_basis_points,
        "days_to_pay": card.days_to_pay,
        "terms_version": card.terms_version,
    }


def hold_out(hold: pool.Hold) -> dict[str, Any]:
    """A HoldOut."""
    return {"ticket": hold.ticket, "claim_number": hold.number, "lease_ends_at": hold.lease_ends_at}


def _fit_to_send(
    tx: Tx, worker: WorkerId, ticket: TicketId, text: str, shown: SuggestionId | None
) -> tuple[Finding, ...]:
    """What warns; whether the worker holds the ticket is for the sending to say. Raises OutdatedText, ReplyNotFit,
    UnknownSuggestion."""
    brand = worker_queries.find_brand_of_hold(tx, ticket=ticket, worker=worker)
    if brand is None:
        return ()
    rescope(tx, Scope(worker=worker, brand=brand))
    found = check_reply(tx, brand=brand, ticket=ticket, worker=worker, text=text, shown=shown)
    rescope(tx, Scope(worker=worker))
    if any(one.kind is FindingKind.OUTDATED for one in found):
        raise OutdatedText
    if blocking := [one.message for one in found if one.severity is Severity.BLOCK]:
        raise ReplyNotFit(" ".join(blocking[:BLOCKS_TOLD]))
    return found


def _walk(tx: Tx, worker: WorkerId, ticket: TicketId, walk: UUID) -> FlowWalk:
    """Raises UnknownWalk."""
    brand = worker_queries.find_brand_of_hold(tx, ticket=ticket, worker=worker)
    assert brand is not None  # the reply was just sent under a live claim
    rescope(tx, Scope(worker=worker, brand=brand))
    found = find_walk(tx, brand=brand, ticket=ticket, worker=worker, walk_id=FlowWalkId(walk))
    rescope(tx, Scope(worker=worker))
    if found is None:
        raise UnknownWalk
    return found


def _suggestion(tx: Tx, worker: WorkerId, desk: queries.Desk) -> dict[str, Any] | None:
    # The brand comes from the claimed ticket's row; with it the transaction may see whether passages hold.
    rescope(tx, Scope(worker=worker, brand=desk.brand))
    found = suggestion_for_desk(tx, brand=desk.brand, ticket=desk.ticket)
    if found is None:
        return None
    return {
        "id": str(found.id),
        "state": found.state.value,
        "confidence": found.confidence,
        "reason": found.reason,
        "next_step": found.next_step,
        # What is out of date is told as such and not shown: its text may be what was just taken back.
        "draft": "" if found.stale else found.draft,
        "stale": found.stale,
        "warning": found.other_language,
        # What worded the draft; empty where its sentences are quoted.
        "generator": found.generator,
        # Of a ticket that asks several things: which passages answer each; none means not answered.
        "questions": [
            {"question": one.question, "passages": list(one.ranks)}
            for one in (() if found.stale else found.questions)
        ],
        "passages": [
            {
                "id": str(passage.passage_id),
                "rank": passage.rank,
                "title": passage.title,
                "section_path": passage.section_path,
                "page": passage.page,
                "text": passage.quoted,
                "revision": passage.revision_number,
            }
            for passage in (() if found.stale else found.passages)
        ],
    }
