"""Passages that state different values for the same, side by side; the brand edits one, or says both are right."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from knowledge_base.contradictions import (
    ContradictionLine,
    Side,
    contradictions,
    dismiss_contradiction,
)
from knowledge_base.report_models import ContradictionState, ValueKind
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import ContradictionId
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.control import Section
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Tone
from workers_ui.presenters.wrong_answers import (
    ContradictingSide,
    ContradictionCard,
    ContradictionsPage,
    MarkedText,
)

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]
Reason = Annotated[str, Form(max_length=20_000)]
KINDS: Mapping[ValueKind, str] = {
    ValueKind.AMOUNT: "Different amounts",
    ValueKind.DURATION: "Different durations",
    ValueKind.SHARE: "Different percentages",
    ValueKind.DATE: "Different dates",
    ValueKind.TIME: "Different times",
    ValueKind.PHONE: "Different phone numbers",
    ValueKind.EMAIL: "Different e-mail addresses",
    ValueKind.PRACTICE: "One says yes, one says no",
}
STATES: Mapping[ContradictionState, Badge] = {
    ContradictionState.OPEN: Badge(label="open", tone=Tone.WARN),
    ContradictionState.DISMISSED: Badge(label="both are right", tone=Tone.NEUTRAL),
    ContradictionState.RESOLVED: Badge(label="resolved by an edit", tone=Tone.GOOD),
}
FILTERS: Mapping[ContradictionState, str] = {
    ContradictionState.OPEN: "Open",
    ContradictionState.DISMISSED: "Both are right",
    ContradictionState.RESOLVED: "Resolved",
}


@router.get("/b/{slug}/knowledge/contradictions")
def list_contradictions(
    request: Request,
    tx: HasTx,
    membership: Views,
    show: Annotated[ContradictionState, Query()] = ContradictionState.OPEN,
) -> HTMLResponse:
    return answer(request, _page(request, tx, membership, show=show))


@router.post("/b/{slug}/knowledge/contradictions/{contradiction}/dismissal", dependencies=[CheckedForm])
def dismiss(
    request: Request,
    tx: HasTx,
    membership: Manages,
    principal: IsSignedIn,
    contradiction: str,
    reason: Reason = "",
) -> Response:
    """Both are right: it stays so until one of the two texts changes."""
    wanted, typed = ContradictionId(as_uuid(contradiction)), typed_lines(reason)
    try:
        dismiss_contradiction(
            tx,
            brand=membership.brand,
            contradiction=wanted,
            by=principal.person,
            reason=typed,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        form = refused({"reason": typed}, error, field="reason" if isinstance(error, Invalid) else "")
        view = _page(request, tx, membership, forms={wanted: form})
        return answer(request, view, status=status_of(error))
    return see(
        area_path(membership, "knowledge/contradictions"),
        said="Both are right: noted. It comes up again when one of the texts changes.",
    )


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    show: ContradictionState = ContradictionState.OPEN,
    forms: Mapping[ContradictionId, FormState] | None = None,
) -> ContradictionsPage:
    base, knowledge = area_path(membership, "knowledge/contradictions"), area_path(membership, "knowledge")
    return ContradictionsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        tabs=knowledge_tabs(tx, membership, current="contradictions"),
        filters=tuple(
            Section(label=label, href=f"{base}?show={state.value}", current=state is show)
            for state, label in FILTERS.items()
        ),
        cards=tuple(
            card(one, knowledge=knowledge, form=(forms or {}).get(one.id, EMPTY_FORM))
            for one in contradictions(tx, brand=membership.brand, state=show)
        ),
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
    )


def card(one: ContradictionLine, *, knowledge: str, form: FormState = EMPTY_FORM) -> ContradictionCard:
    return ContradictionCard(
        contradiction=str(one.id),
        href=f"{knowledge}/contradictions/{one.id}",
        kind=KINDS[one.kind],
        state=STATES[one.state],
        first=_side(one.first, knowledge),
        second=_side(one.second, knowledge),
        is_open=one.state is ContradictionState.OPEN,
        found_at=one.found_at,
        reason=one.reason,
        form=form,
    )


def _side(side: Side, knowledge: str) -> ContradictingSide:
    return ContradictingSide(
        title=side.title,
        section_path=" › ".join(side.section_path),
        article_href=f"{knowledge}/{side.article}",
        pieces=pieces(side.text, side.marks),
    )


def pieces(text: str, marks: tuple[tuple[int, int], ...]) -> tuple[MarkedText, ...]:
    """`text` cut at the marks, in order; nothing of it is lost."""
    cut: list[MarkedText] = []
    at = 0
    for start, end in sorted(marks):
        cut += [MarkedText(text=text[at:start]), MarkedText(text=text[start:end], marked=True)]
        at = end
    return tuple(one for one in (*cut, MarkedText(text=text[at:])) if one.text)
