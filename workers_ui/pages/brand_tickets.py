"""The brand's list of tickets, with the form for a new one below it."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.tickets import brand_queries, queries, review_queries
from marketplace.tickets.counts import count_by_state
from marketplace.tickets.models import Channel, TicketState
from marketplace.tickets.ticket_search import QUERY_LIMIT
from workers_ui.deps import HasTx, at_brand
from workers_ui.frames import page as answer
from workers_ui.pages import brand_ticket_views as present
from workers_ui.pages.brand_notices import brand_notices
from workers_ui.pages.brand_scope import area_path, frame_for, pager
from workers_ui.pages.ticket_finder import (
    NOTHING_ASKED,
    Asked,
    asked_hours,
    asked_state,
    finder,
    found_tickets,
)
from workers_ui.pages.ticket_states import STATES
from workers_ui.presenters.brand import BrandTicketsPage, Counter, NewTicketForm
from workers_ui.presenters.values import Choice, FilterTab, FormState, Notice, Tone

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_TICKETS))]

LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "pt-BR": "Portuguese (Brazil)",
    "sv": "Swedish",
    "tr": "Turkish",
    "ar": "Arabic",
    "hi": "Hindi",
    "ja": "Japanese",
    "zh": "Chinese",
}
ALWAYS_SHOWN = (
    TicketState.OPEN,
    TicketState.CLAIMED,
    TicketState.ANSWERED,
    TicketState.ESCALATED,
    TicketState.RESOLVED,
)


@router.get("/b/{slug}/tickets")
def list_tickets(
    request: Request,
    tx: HasTx,
    membership: Views,
    state: Annotated[str, Query(max_length=40)] = "",
    category: Annotated[str, Query(max_length=100)] = "",
    older: Annotated[str, Query(max_length=6)] = "",
    q: Annotated[str, Query(max_length=QUERY_LIMIT)] = "",
    page: Annotated[int, Query(ge=1, le=queries.DEEPEST_PAGE)] = 1,
) -> HTMLResponse:
    asked = Asked(state=asked_state(state), category=category, older=asked_hours(older), q=q.strip())
    return answer(request, tickets_page(request, tx, membership, asked=asked, page=page))


def tickets_page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    asked: Asked = NOTHING_ASKED,
    page: int = 1,
    form: FormState | None = None,
) -> BrandTicketsPage:
    counts = count_by_state(tx, brand=membership.brand)
    base = area_path(membership, "tickets")
    found = found_tickets(tx, membership.brand, asked, counts, page=page)
    may_withdraw = allowed(membership.role, Permission.ANSWER_AS_BRAND)
    return BrandTicketsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        counters=_counters(tx, membership, counts),
        tabs=_tabs(base, counts, asked),
        rows=tuple(present.ticket_row(line) for line in found.lines),
        new_ticket=_new_ticket_form(tx, membership, form),
        finder=finder(tx, membership, asked, base),
        withdraw_href=asked.withdraw_href(area_path(membership, "withdrawals/new")) if may_withdraw else "",
        can_post=allowed(membership.role, Permission.POST_TICKETS),
        callouts=(
            *brand_notices(tx, membership, LANGUAGES),
            *_to_decide(tx, membership),
            *_callouts(membership, counts),
        ),
        pager=pager(
            asked.page_href(base),
            page=page,
            has_more=found.has_more,
            first=(page - 1) * queries.PAGE_ROWS + 1,
            shown=len(found.lines),
            total=found.total,
        ),
    )


def _counters(tx: Tx, membership: Membership, counts: dict[TicketState, int]) -> tuple[Counter, ...]:
    oldest = brand_queries.oldest_waiting_since(tx, brand=membership.brand)
    minutes = int((app_now(tx) - oldest).total_seconds() // 60) if oldest else 0
    return (
        Counter(
            label="Waiting",
            value=counts.get(TicketState.OPEN, 0),
            hint=f"oldest {_span(minutes)}" if oldest else "",
        ),
        Counter(label="Claimed", value=counts.get(TicketState.CLAIMED, 0)),
        Counter(label="Answered", value=counts.get(TicketState.ANSWERED, 0), hint="wait for the customer"),
        Counter(
            label="Escalated to you",
            value=brand_queries.undecided_escalations(tx, brand=membership.brand),
            hint="to decide",
        ),
    )


def _span(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _tabs(base: str, counts: dict[TicketState, int], asked: Asked) -> tuple[FilterTab, ...]:
    """All, the states of every day, and a rare state only while it has a ticket or is looked at.

    A tab keeps the other filters; its count is of all the brand's tickets in that state.
    """
    current = asked.state
    shown = [one for one in TicketState if one in ALWAYS_SHOWN or counts.get(one) or one is current]
    return (
        FilterTab(
            label="All", href=asked.in_state(base, None), count=sum(counts.values()), current=current is None
        ),
        *(
            FilterTab(
                label=STATES[one].label.capitalize(),
                href=asked.in_state(base, one),
                count=counts.get(one, 0),
                current=one is current,
            )
            for one in shown
        ),
    )


def _to_decide(tx: Tx, membership: Membership) -> tuple[Notice, ...]:
    """What waits for this member's word, with the way there."""
    found = []
    escalated = brand_queries.undecided_escalations(tx, brand=membership.brand)
    if escalated and allowed(membership.role, Permission.ANSWER_AS_BRAND):
        text = "1 escalation waits" if escalated == 1 else f"{escalated} escalations wait"
        found.append((f"{text} for you.", "escalations"))
    if allowed(membership.role, Permission.REVIEW_REPLIES):
        replies = review_queries.count_waiting(tx, brand=membership.brand)
        text = "1 reply waits" if replies == 1 else f"{replies} replies wait"
        found += [(f"{text} for your approval.", "reviews")] if replies else []
    return tuple(
        Notice(text=text, tone=Tone.WARN, href=area_path(membership, area), link_label="Decide")
        for text, area in found
    )


def _callouts(membership: Membership, counts: dict[TicketState, int]) -> tuple[Notice, ...]:
    waiting = counts.get(TicketState.AWAITING_FUNDS, 0)
    if not waiting:
        return ()
    subject = "1 ticket waits" if waiting == 1 else f"{waiting} tickets wait"
    text = f"{subject} for funds and no worker sees them."
    if not allowed(membership.role, Permission.VIEW_WALLET):
        return (Notice(text=text, tone=Tone.WARN),)
    return (
        Notice(text=text, tone=Tone.WARN, href=area_path(membership, "wallet"), link_label="Open the wallet"),
    )


def _new_ticket_form(tx: Tx, membership: Membership, form: FormState | None) -> NewTicketForm:
    categories = queries.categories(tx, membership.brand)
    language = brand_card(tx, membership.brand).language
    default = next((one.key for one in categories if one.is_default), "")
    return NewTicketForm(
        idempotency_key=uuid4().hex,
        categories=tuple(Choice(value=one.key, label=one.name) for one in categories),
        channels=tuple(Choice(value=one.value, label=present.CHANNELS[one]) for one in Channel),
        languages=language_choices(language),
        form=form or FormState(values={"category": default, "language": language}),
        open=form is not None,
    )


def language_choices(own: str) -> tuple[Choice, ...]:
    """The brand's own language first where the list does not have it."""
    known = LANGUAGES if own in LANGUAGES else {own: own, **LANGUAGES}
    return tuple(Choice(value=tag, label=name) for tag, name in known.items())
