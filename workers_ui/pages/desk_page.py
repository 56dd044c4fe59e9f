"""Putting a desk together for its page: from the claim's own rows, with what was typed and refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastapi import Request
from fastapi.responses import HTMLResponse

from guidance.findings import Finding
from guidance.models import SuggestionPassage
from guidance.queries import SuggestionView, suggestion_for_desk, why_stopped
from guidance.reply_check import check_reply
from guidance.voices import voice_of
from guidance.wrong_passages import shown_passages
from knowledge_base.report_models import ReportState
from knowledge_base.report_queries import reports_by_passage
from marketplace.accounts.queries import brand as brand_card
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import PassageId, SuggestionId, TicketId, WorkerId
from marketplace.kernel.money import Money
from marketplace.tickets import pool, queries, worker_queries
from marketplace.tickets.escalation_queues import queues_of
from marketplace.tickets.lease_queries import can_claim_again, extension_of
from marketplace.tickets.linked import find_follower
from marketplace.tickets.models import ClaimEnd, PoolState
from marketplace.tickets.notes import notes_of_ticket
from marketplace.tickets.probation import find_rule_for
from marketplace.tickets.replies import REPLY_LIMIT, affiliation_label
from marketplace.tickets.unsent import keep_unsent
from workers_ui.frames import page, worker_frame
from workers_ui.pages import desk_views
from workers_ui.pages.desk_findings import checked
from workers_ui.pages.desk_flows import NOTHING_ASKED, Asked, find_inserted_walk, flow_mark, flow_panel
from workers_ui.pages.desk_handover import decision_sentence, panel_of, review_notice
from workers_ui.pages.desk_receipts import own_receipts
from workers_ui.pages.pool_views import channel_name, hold_badge, ticket_number
from workers_ui.pages.report_views import reasons
from workers_ui.pages.stop_sentences import recall_pay_sentence, stop_sentence
from workers_ui.pages.worker_forms import fresh_key
from workers_ui.presenters.values import Badge, Choice, FormState, Tone
from workers_ui.presenters.worker import Composer, DeskPage, Lease
from workers_ui.templating import Templates, retarget

LOST = Badge(label="not yours any more", tone=Tone.BAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a form sent: shown again when it was refused. `text` None: the saved draft stands.

    `found` is what was found in the text, where it was checked already; `asked`: somebody asked for
    that. `confirms`: the next Send of the same text is meant.
    """

    text: str | None = None
    inserted: str = ""
    found: Sequence[Finding] | None = None
    asked: bool = False
    confirms: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def because(self, problem: str) -> "Typed":
        return replace(self, problem=problem)


NOTHING_TYPED = Typed()


def desk_page(
    request: Request,
    tx: Tx,
    *,
    ticket: TicketId,
    worker: WorkerId,
    typed: Typed = NOTHING_TYPED,
    asked: Asked = NOTHING_ASKED,
    status: int = 200,
) -> HTMLResponse:
    """The desk of a ticket that `worker` holds. Raises StaleClaim."""
    view = desk_view(request, tx, ticket=ticket, worker=worker, typed=typed, asked=asked)
    return page(request, view, status=status)


def desk_part(
    request: Request,
    tx: Tx,
    *,
    ticket: TicketId,
    worker: WorkerId,
    part: str,
    toast: str,
    asked: Asked = NOTHING_ASKED,
) -> HTMLResponse:
    """One part of the desk in place of its old self: the rest, and what is being typed, stays as it is."""
    templates: Templates = request.app.state.services.templates
    view = replace(desk_view(request, tx, ticket=ticket, worker=worker, asked=asked), part=part)
    return HTMLResponse(templates.block(view, part), headers=retarget(part, toast=toast))


def desk_view(
    request: Request,
    tx: Tx,
    *,
    ticket: TicketId,
    worker: WorkerId,
    typed: Typed = NOTHING_TYPED,
    asked: Asked = NOTHING_ASKED,
) -> DeskPage:
    """Raises StaleClaim."""
    desk = queries.desk(tx, ticket=ticket, worker=worker, now=app_now(tx))
    brand = brand_card(tx, desk.brand)
    own = worker_queries.own_replies(tx, ticket=ticket, worker=worker)
    found = find_guidance(tx, ticket=ticket, worker=worker)
    extension = extension_of(tx, ticket=ticket, worker=worker)
    return DeskPage(
        frame=worker_frame(request, tx),
        ticket=str(ticket),
        number=ticket_number(desk.number),
        subject=desk.subject,
        brand=brand.name,
        channel=channel_name(desk.channel),
        language=desk.language.upper(),
        pay=Money(amount_minor=desk.pay_minor, currency=desk.currency),
        state=hold_badge(desk.state, answered_before=bool(own)),
        lease=Lease(
            claim_number=desk.claim_number,
            deadline=desk.lease_ends_at,
            extends_to=extension.to,
            extended=extension.used,
        ),
        thread=desk_views.messages(desk.thread, own, brand=brand.name),
        guidance=desk_views.guidance(
            found,
            stopped=why_stopped(tx, brand=desk.brand),
            reported=_reported(tx, worker, found.passages if found else ()),
        ),
        flows=flow_panel(tx, ticket=ticket, worker=worker, asked=asked),
        report_reasons=reasons(),
        voice=desk_views.voice(voice_of(tx, brand=desk.brand).voice),
        composer=replace(
            _composer(tx, ticket, worker, typed, found, label=affiliation_label(brand.name)),
            on_probation=find_rule_for(tx, brand=desk.brand, worker=worker) is not None,
        ),
        category=desk.category,
        category_confirmed=desk.tagged or bool(own),
        categories=tuple(Choice(value=key, label=name) for key, name in desk.categories),
        release_reasons=desk_views.choices(desk_views.RELEASE_REASONS),
        escalation_reasons=desk_views.choices(desk_views.ESCALATION_REASONS),
        escalation_fee=worker_queries.escalation_fee(tx, ticket=ticket),
        escalation_queues=desk_views.queue_choices(queues_of(tx, brand=desk.brand)),
        handover=panel_of(tx, desk, worker=worker, own=own, brand=brand.name),
        resolves_at=desk.silence_ends_at if desk.state is PoolState.ANSWERED else None,
        review=review_notice(tx, ticket=ticket, worker=worker, brand=brand.name),
        notes=desk_views.notes(
            notes_of_ticket(tx, brand=desk.brand, ticket=ticket, masked=True), worker=worker, brand=brand.name
        ),
        receipts=own_receipts(tx, brand=desk.brand, ticket=ticket, worker=worker),
        answered=desk.state is PoolState.ANSWERED,
        in_review=desk.state is PoolState.IN_REVIEW,
        marked_done=desk.done,
        form=FormState(values=typed.values, errors=typed.errors, problem=typed.problem),
    )


def lost_page(
    request: Request,
    tx: Tx,
    *,
    ticket: TicketId,
    worker: WorkerId,
    typed: Typed = NOTHING_TYPED,
    status: int = 200,
) -> HTMLResponse:
    """A ticket that `worker` held before: the thread up to his claim's end, and his unsent text.

    Raises NotFound for a ticket that he never held.
    """
    past = worker_queries.find_past_desk(tx, ticket=ticket, worker=worker)
    if past is None:
        raise NotFound
    own = worker_queries.own_replies(tx, ticket=ticket, worker=worker)
    shown = shown_passages(tx, ticket=ticket, worker=worker)
    view = DeskPage(
        frame=worker_frame(request, tx),
        ticket=str(ticket),
        number=ticket_number(past.number),
        subject=past.subject,
        brand=past.brand,
        channel=channel_name(past.channel),
        language=past.language.upper(),
        pay=past.pay,
        state=LOST,
        lease=Lease(
            claim_number=past.claim_number,
            deadline=None,
            held=False,
            ended_reason=_ended(tx, past, worker),
            claimable=can_claim_again(tx, ticket=ticket, worker=worker, now=app_now(tx)),
        ),
        thread=desk_views.messages(past.thread, own, brand=past.brand),
        guidance=desk_views.NO_GUIDANCE,
        shown=desk_views.shown_cards(shown, _reported(tx, worker, shown)),
        receipts=own_receipts(tx, brand=past.brand_id, ticket=ticket, worker=worker),
        report_reasons=reasons(),
        voice=desk_views.voice(voice_of(tx, brand=past.brand_id).voice),
        composer=Composer(idempotency_key="", draft=typed.text or past.draft),
        goes_on_href=_goes_on(tx, past, worker),
        category=past.category,
        category_confirmed=True,
        categories=(),
        release_reasons=(),
        escalation_reasons=(),
        form=FormState(values=typed.values, errors=typed.errors, problem=typed.problem),
    )
    return page(request, view, status=status)


def again(
    request: Request,
    tx: Tx,
    ticket: TicketId,
    worker: WorkerId,
    typed: Typed,
    *,
    problem: str,
    status: int = 422,
) -> HTMLResponse:
    """The desk once more, with what was typed and why it was refused."""
    try:
        refused = typed.because(problem)
        return desk_page(request, tx, ticket=ticket, worker=worker, typed=refused, status=status)
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, typed)


def too_late(request: Request, tx: Tx, ticket: TicketId, worker: WorkerId, typed: Typed) -> HTMLResponse:
    """The claim is over: what was typed is kept and shown as unsent."""
    if typed.text:
        keep_unsent(tx, ticket=ticket, worker=worker, body=typed.text, now=app_now(tx))
    late = typed.because(pool.StaleClaim().detail)
    return lost_page(request, tx, ticket=ticket, worker=worker, typed=late, status=409)


def find_guidance(
    tx: Tx, *, ticket: TicketId, worker: WorkerId, shown: SuggestionId | None = None
) -> SuggestionView | None:
    """The newest suggestion, or the one that was `shown`, for a ticket that `worker` holds.

    The brand comes from the ticket's own row: with it the transaction may see whether the passages still
    hold; afterwards it is the worker's alone again.
    """
    brand = worker_queries.find_brand_of_hold(tx, ticket=ticket, worker=worker)
    if brand is None:
        return None
    rescope(tx, Scope(worker=worker, brand=brand))
    found = suggestion_for_desk(tx, brand=brand, ticket=ticket, shown=shown)
    rescope(tx, Scope(worker=worker))
    return found


def checked_text(
    tx: Tx, *, ticket: TicketId, worker: WorkerId, text: str, shown: SuggestionId | None = None
) -> tuple[Finding, ...]:
    """What the brand's rules say of a reply; nothing when `worker` does not hold the ticket.

    Raises UnknownSuggestion.
    """
    brand = worker_queries.find_brand_of_hold(tx, ticket=ticket, worker=worker)
    if brand is None:
        return ()
    rescope(tx, Scope(worker=worker, brand=brand))
    found = check_reply(tx, brand=brand, ticket=ticket, worker=worker, text=text, shown=shown)
    rescope(tx, Scope(worker=worker))
    return found


def _reported(
    tx: Tx, worker: WorkerId, passages: Sequence[SuggestionPassage]
) -> Mapping[PassageId, ReportState]:
    return reports_by_passage(tx, worker=worker, passages=[one.passage_id for one in passages])


def _ended(tx: Tx, past: worker_queries.PastDesk, worker: WorkerId) -> str:
    """Why the claim is over; of an escalation what came of it, of a recall what it pays, of a stop its reason."""
    reason = desk_views.ended_reason(past.ended)
    match past.ended:
        case ClaimEnd.ESCALATED:
            more = decision_sentence(tx, ticket=past.ticket, worker=worker, brand=past.brand)
        case ClaimEnd.TAKEN_BACK:
            more = recall_pay_sentence(tx, ticket=past.ticket, worker=worker)
        case ClaimEnd.SUSPENDED:
            return stop_sentence(tx, brand=past.brand_id, worker=worker, otherwise=reason)
        case _:
            more = ""
    return f"{reason} {more}".strip()


def _goes_on(tx: Tx, past: worker_queries.PastDesk, worker: WorkerId) -> str:
    """Where the conversation went on, for a worker who had that ticket too; nobody else is told of it."""
    rescope(tx, Scope(worker=worker, brand=past.brand_id))
    linked = find_follower(tx, brand=past.brand_id, ticket=past.ticket)
    rescope(tx, Scope(worker=worker))
    held = linked is not None and worker_queries.ever_held(tx, ticket=linked, worker=worker)
    return f"/worker/t/{linked}" if held else ""


def _composer(
    tx: Tx, ticket: TicketId, worker: WorkerId, typed: Typed, found: SuggestionView | None, *, label: str
) -> Composer:
    saved = worker_queries.find_draft(tx, ticket=ticket, worker=worker)
    text = typed.text if typed.text is not None else saved.body if saved else ""
    noted = typed.found
    if noted is None:
        noted = checked_text(tx, ticket=ticket, worker=worker, text=text) if text.strip() else ()
    return Composer(
        idempotency_key=fresh_key(),
        draft=text,
        draft_revision=desk_views.revision(
            saved.saved_at if saved else None,
            worker_queries.find_last_reply_at(tx, ticket=ticket, worker=worker),
        ),
        draft_saved_at=saved.saved_at if saved and typed.text is None and saved.body else None,
        affiliation_label=label,
        max_length=REPLY_LIMIT,
        checked=checked(noted, text, ticket=str(ticket), asked=typed.asked),
        confirms=typed.confirms,
        inserted=(
            *desk_views.inserted_marks(typed.inserted, found),
            *flow_mark(find_inserted_walk(tx, ticket=ticket, worker=worker, inserted=typed.inserted)),
        ),
    )
