"""One ticket as its brand sees it: the thread in clear, a receipt for every reply, and what may be done."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from billing.judgement_queries import pays_of_ticket
from billing.rejections import frozen_since
from billing.tips import tips_of_ticket
from guidance.article_credits import article_of_ticket
from guidance.gap_queries import gap_of_ticket
from guidance.queries import receipts_of_ticket, suggestion_for_desk
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import ArticleId, GapId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets import (
    brand_queries,
    endings,
    escalation_queries,
    queries,
    recalls,
    replies,
    review_queries,
)
from marketplace.tickets.clocks import clocks_of
from marketplace.tickets.holding_queries import holdings_of_ticket
from marketplace.tickets.ladder import steps_of
from marketplace.tickets.linked import find_follower
from marketplace.tickets.models import Author, ResolvedBy, Terms, Ticket, TicketState
from marketplace.tickets.notes import notes_of_ticket, write_brand_note
from marketplace.tickets.ratings import ratings_of_ticket
from marketplace.tickets.terms import terms_in_force, terms_of
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages import brand_ticket_views as present
from workers_ui.pages import judgement_views, recall_views, receipt_views
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import (
    TYPED_LIMIT,
    area_path,
    frame_for,
    once_per_form,
    refused,
)
from workers_ui.pages.brand_tickets import LANGUAGES
from workers_ui.pages.ticket_clock_views import clock_lines, ladder_lines
from workers_ui.pages.ticket_states import STATES
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.brand import BrandTicketPage, InternalNote, LinkedTicket, ShownGuidance
from workers_ui.presenters.judgements import PayPanel
from workers_ui.presenters.values import EMPTY_FORM, Action, FormState

router = APIRouter()

COST_NOTHING = {TicketState.HELD_BACK, TicketState.WITHDRAWN, TicketState.EXPIRED}

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_TICKETS))]
Posts = Annotated[Membership, Depends(at_brand(Permission.POST_TICKETS))]
Answers = Annotated[Membership, Depends(at_brand(Permission.ANSWER_AS_BRAND))]
Note = Annotated[str, Form(max_length=TYPED_LIMIT)]


@router.get("/b/{slug}/tickets/{ticket}")
def read_ticket(request: Request, tx: HasTx, membership: Views, ticket: str) -> HTMLResponse:
    return answer(request, ticket_page(request, tx, membership, _ticket_id(ticket)))


@router.post("/b/{slug}/tickets/{ticket}/messages", dependencies=[CheckedForm])
def add_message(
    request: Request,
    tx: HasTx,
    membership: Posts,
    principal: IsSignedIn,
    ticket: str,
    text: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
    idempotency_key: Annotated[str, Form(max_length=KEY_LIMIT)] = "",
) -> Response:
    """What the customer wrote, pasted in: it goes to the worker, or reopens the ticket in its window."""
    ticket_id, written = _ticket_id(ticket), typed_lines(text).strip()

    def act() -> dict[str, str]:
        message = replies.customer_writes(
            tx, brand=membership.brand, ticket=ticket_id, text=written, external_id=None, now=app_now(tx)
        )
        return {"message": str(message.id), "ticket": str(message.ticket_id)}

    asked = ["message", str(ticket_id), written]
    try:
        done = once_per_form(tx, principal, key=idempotency_key, asked=asked, act=act)
    except (Invalid, Conflict) as error:
        field = "text" if isinstance(error, Invalid) else ""
        form = refused({"text": text}, error, field=field)
        view = ticket_page(request, tx, membership, ticket_id, form=form)
        return answer(request, view, status=status_of(error))
    went_to = _ticket_id(done["ticket"])
    linked = "This ticket is settled, so the message opened one that goes on from it: here it is."
    return see(_path(membership, went_to), said="The message is added." if went_to == ticket_id else linked)


@router.post("/b/{slug}/tickets/{ticket}/confirmation", dependencies=[CheckedForm])
def confirm_for_customer(tx: HasTx, membership: Answers, ticket: str) -> Response:
    """The customer said that it is solved."""
    return _resolved(tx, membership, _ticket_id(ticket), ResolvedBy.CUSTOMER)


@router.post("/b/{slug}/tickets/{ticket}/resolution", dependencies=[CheckedForm])
def resolve(tx: HasTx, membership: Answers, ticket: str) -> Response:
    """The brand accepts the answer itself."""
    return _resolved(tx, membership, _ticket_id(ticket), ResolvedBy.BRAND)


@router.post("/b/{slug}/tickets/{ticket}/escalation-confirmation", dependencies=[CheckedForm])
def confirm_escalation(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    ticket: str,
    note: Note = "",
    needless_reason: Note = "",
) -> Response:
    """The ticket was the brand's to answer: the worker earns the fee, unless what he wrote was needless."""
    found = _ticket_id(ticket)
    typed = {"note": typed_lines(note), "needless_reason": typed_lines(needless_reason)}
    try:
        decided = endings.confirm_escalation(
            tx, brand=membership.brand, ticket=found, by=principal.name, now=app_now(tx), **typed
        )
    except Invalid as error:
        view = ticket_page(request, tx, membership, found, form=refused(typed, error))
        return answer(request, view, status=status_of(error))
    said = "Confirmed. The ticket is yours to answer."
    if decided.needless_reason is not None:
        said = "Confirmed without a fee; the worker reads why. The ticket is yours to answer."
    return see(_path(membership, found), said=said)


@router.post("/b/{slug}/tickets/{ticket}/escalation-rejection", dependencies=[CheckedForm])
def reject_escalation(
    request: Request, tx: HasTx, membership: Answers, principal: IsSignedIn, ticket: str, note: Note = ""
) -> Response:
    """The ticket could have been answered: nothing is paid, and its price is free again."""
    found, typed = _ticket_id(ticket), {"note": typed_lines(note)}
    try:
        endings.reject_escalation(
            tx, brand=membership.brand, ticket=found, by=principal.name, now=app_now(tx), **typed
        )
    except Invalid as error:
        view = ticket_page(request, tx, membership, found, form=refused(typed, error))
        return answer(request, view, status=status_of(error))
    said = "Rejected. Nothing is paid; the reserved price is back in your wallet."
    return see(_path(membership, found), said=said)


@router.post("/b/{slug}/tickets/{ticket}/notes", dependencies=[CheckedForm])
def add_note(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    ticket: str,
    internal_note: Note = "",
) -> Response:
    """A note for whoever works on the ticket next; never for the customer."""
    found, typed = _ticket_id(ticket), typed_lines(internal_note)
    try:
        write_brand_note(
            tx,
            brand=membership.brand,
            ticket=found,
            person=principal.person,
            body=typed,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        form = refused({"internal_note": typed}, error, field="internal_note")
        view = ticket_page(request, tx, membership, found, form=form)
        return answer(request, view, status=status_of(error))
    return see(_path(membership, found), said="Noted. Workers on this ticket read it; the customer does not.")


def _resolved(tx: Tx, membership: Membership, ticket: TicketId, by: ResolvedBy) -> Response:
    endings.resolve_ticket(tx, brand=membership.brand, ticket=ticket, by=by, now=app_now(tx))
    return see(_path(membership, ticket), said="Resolved. The worker is paid after the review window.")


def ticket_page(
    request: Request, tx: Tx, membership: Membership, ticket_id: TicketId, *, form: FormState = EMPTY_FORM
) -> BrandTicketPage:
    ticket = queries.brand_ticket(tx, brand=membership.brand, ticket=ticket_id)
    story = _story(tx, membership, ticket)
    terms = _terms(tx, ticket)
    path = _path(membership, ticket_id)
    may_answer = allowed(membership.role, Permission.ANSWER_AS_BRAND)
    may_post = allowed(membership.role, Permission.POST_TICKETS)
    frame = frame_for(request, tx, membership)
    confirmation, resolution = present.ending_actions(ticket, path=path, may=may_answer)
    return BrandTicketPage(
        frame=frame,
        slug=membership.slug,
        ticket=str(ticket_id),
        number=present.number_label(ticket.number),
        subject=ticket.subject,
        state=STATES[ticket.state],
        thread=present.thread(story),
        facts=present.facts(
            story,
            category=brand_queries.category_name(tx, brand=membership.brand, key=ticket.category),
            language=LANGUAGES.get(ticket.language, ticket.language),
            terms_version=terms.version if terms and ticket.terms_id else None,
        ),
        price=_money(terms, terms.total_minor) if terms and ticket.state not in COST_NOTHING else None,
        customer_message=present.message_action(story, path=path, may=may_post),
        confirmation=confirmation,
        resolution=resolution,
        idempotency_key=uuid4().hex,
        recalls=recall_views.forms(
            ticket,
            pays=recalls.would_pay(tx, brand=membership.brand, ticket=ticket_id),
            terms=terms,
            path=path,
            not_yours="" if may_answer else present.NOT_YOURS,
            locale=frame.locale,
        ),
        escalation=present.escalation_panel(
            story,
            path=path,
            may=may_answer,
            fee=_money(terms, terms.escalation_fee_minor) if terms else None,
            replies_before=_replies_before(tx, story),
        ),
        linked=_linked(tx, membership, ticket),
        shown=_shown(tx, story),
        review_href=_review_href(tx, membership, ticket),
        clocks=clock_lines(clocks_of(tx, brand=membership.brand, ticket=ticket_id)),
        ladder=ladder_lines(steps_of(tx, brand=membership.brand, ticket=ticket_id)),
        notes=_notes(tx, membership, ticket),
        note_action=Action(href=f"{path}/notes", label="Add the note") if may_answer else None,
        article_action=_article_action(membership, ticket, path),
        article_href=_knowledge_href(
            membership, article_of_ticket(tx, brand=membership.brand, ticket=ticket_id)
        ),
        gap_href=_knowledge_href(
            membership, gap_of_ticket(tx, brand=membership.brand, ticket=ticket_id), "/gaps"
        ),
        pay=_pay(tx, membership, ticket, path),
        form=form,
    )


def _pay(tx: Tx, membership: Membership, ticket: Ticket, path: str) -> PayPanel | None:
    return judgement_views.panel(
        pays_of_ticket(tx, brand=membership.brand, ticket=ticket.id),
        tips_of_ticket(tx, brand=membership.brand, ticket=ticket.id),
        path=path,
        may_judge=allowed(membership.role, Permission.REVIEW_REPLIES),
        may_tip=allowed(membership.role, Permission.MANAGE_PRICES),
        frozen=frozen_since(tx, brand=membership.brand) is not None,
        now=app_now(tx),
    )


def _article_action(membership: Membership, ticket: Ticket, path: str) -> Action | None:
    """A resolved ticket's answer may become an article, by who may write articles."""
    may = ticket.state is TicketState.RESOLVED and allowed(membership.role, Permission.MANAGE_KNOWLEDGE)
    return Action(href=f"{path}/article", label="Begin an article from this answer") if may else None


def _knowledge_href(membership: Membership, found: ArticleId | GapId | None, part: str = "") -> str:
    """A place in the brand's knowledge; empty when there is none or this member may not look."""
    if found is None or not allowed(membership.role, Permission.VIEW_KNOWLEDGE):
        return ""
    return f"{area_path(membership, 'knowledge')}{part}/{found}"


def _notes(tx: Tx, membership: Membership, ticket: Ticket) -> tuple[InternalNote, ...]:
    found = notes_of_ticket(tx, brand=membership.brand, ticket=ticket.id, masked=False)
    return tuple(
        InternalNote(
            author=receipt_views.alias(one.name) if one.author is Author.WORKER else one.name,
            text=one.text,
            written_at=one.written_at,
        )
        for one in found
    )


def _replies_before(tx: Tx, story: present.Story) -> int:
    """What the worker behind the newest escalation had sent before it."""
    if not story.escalations:
        return 0
    return escalation_queries.replies_before(tx, escalation=story.escalations[-1][0])


def _linked(tx: Tx, membership: Membership, ticket: Ticket) -> tuple[LinkedTicket, ...]:
    """The tickets before and after this one in the same conversation."""
    after = find_follower(tx, brand=membership.brand, ticket=ticket.id)
    pairs = (("Goes on from", ticket.follows_id), ("Goes on in", after))
    return tuple(
        present.linked(
            label,
            queries.brand_ticket(tx, brand=membership.brand, ticket=other),
            tickets_path=area_path(membership, "tickets"),
        )
        for label, other in pairs
        if other is not None
    )


def _shown(tx: Tx, story: present.Story) -> ShownGuidance | None:
    """For an escalated ticket: what its worker had to go on."""
    if story.ticket.state is not TicketState.ESCALATED:
        return None
    found = suggestion_for_desk(tx, brand=story.ticket.brand_id, ticket=story.ticket.id)
    return present.shown_guidance(found, articles_path=story.articles_path)


def _review_href(tx: Tx, membership: Membership, ticket: Ticket) -> str:
    if not allowed(membership.role, Permission.REVIEW_REPLIES):
        return ""
    waiting = review_queries.waiting_review_of(tx, brand=membership.brand, ticket=ticket.id)
    return f"{area_path(membership, 'reviews')}#review-{waiting.id}" if waiting else ""


def _story(tx: Tx, membership: Membership, ticket: Ticket) -> present.Story:
    brand = membership.brand
    may_open_articles = allowed(membership.role, Permission.VIEW_KNOWLEDGE)
    return present.Story(
        ticket=ticket,
        brand=membership.name,
        customer=brand_queries.customer_of(tx, ticket),
        messages=queries.thread(tx, brand=brand, ticket=ticket.id),
        replies=tuple(brand_queries.replies_of_ticket(tx, brand=brand, ticket=ticket.id)),
        receipts={one.reply: one for one in receipts_of_ticket(tx, brand=brand, ticket=ticket.id)},
        holdings=tuple(holdings_of_ticket(tx, brand=brand, ticket=ticket.id)),
        escalations=tuple(brand_queries.escalations_of_ticket(tx, brand=brand, ticket=ticket.id)),
        resolutions=tuple(brand_queries.resolutions_of_ticket(tx, brand=brand, ticket=ticket.id)),
        recalls=tuple(recalls.recalls_of_ticket(tx, brand=brand, ticket=ticket.id)),
        articles_path=area_path(membership, "knowledge") if may_open_articles else "",
        ratings=tuple(ratings_of_ticket(tx, brand=brand, ticket=ticket.id)),
        queue_names=escalation_queries.queue_names(tx, brand=brand),
    )


def _terms(tx: Tx, ticket: Ticket) -> Terms | None:
    """What the ticket costs: the terms it opened under, else those it would open under now."""
    if ticket.terms_id is not None:
        return terms_of(tx, brand=ticket.brand_id, terms=ticket.terms_id)
    return terms_in_force(
        tx,
        brand=ticket.brand_id,
        category=ticket.category,
        language=ticket.language,
        now=app_now(tx),
    )


def _money(terms: Terms, amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency=terms.currency)


def _ticket_id(text: str) -> TicketId:
    return TicketId(as_uuid(text))


def _path(membership: Membership, ticket: TicketId) -> str:
    return f"{area_path(membership, 'tickets')}/{ticket}"
