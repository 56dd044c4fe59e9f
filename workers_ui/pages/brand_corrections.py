"""Corrections to customers who were told something wrong: opened, looked at, edited, sent, taken back, skipped."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from guidance import corrections
from guidance.correction_queries import (
    NOTICES_A_PAGE,
    changed_texts,
    correction,
    drafted_notices,
)
from guidance.correction_queries import corrections as corrections_of
from knowledge_base.reports import wrong_text
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid
from marketplace.kernel.ids import (
    ArticleId,
    CorrectionId,
    CorrectionNoticeId,
    PassageReportId,
    PersonId,
    RevisionId,
)
from marketplace.tickets.replies import REPLY_LIMIT
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_corrections_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, pager, refused
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.presenters.wrong_answers import CorrectionPage, CorrectionsPage

router = APIRouter()

MAX_PAGES = 1_000
SENT_AT_ONCE = 500
Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_TICKETS))]
Answers = Annotated[Membership, Depends(at_brand(Permission.ANSWER_AS_BRAND))]
Line = Annotated[str, Form(max_length=100)]
Words = Annotated[str, Form(max_length=40_000)]


@router.get("/b/{slug}/knowledge/corrections")
def list_corrections(request: Request, tx: HasTx, membership: Views) -> HTMLResponse:
    """How each stands, and what changed under sent replies since."""
    knowledge = area_path(membership, "knowledge")
    view = CorrectionsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        path=f"{knowledge}/corrections",
        tabs=knowledge_tabs(tx, membership, current="corrections"),
        rows=tuple(
            present.row(line, f"{knowledge}/corrections")
            for line in corrections_of(tx, brand=membership.brand)
        ),
        changed=tuple(
            present.changed(one, knowledge)
            for one in changed_texts(tx, brand=membership.brand, now=app_now(tx))
        ),
        can_send=allowed(membership.role, Permission.ANSWER_AS_BRAND),
    )
    return answer(request, view)


@router.post("/b/{slug}/knowledge/wrong/{report}/corrections", dependencies=[CheckedForm])
def correct_reported(tx: HasTx, membership: Answers, principal: IsSignedIn, report: str) -> Response:
    """Draft a correction to everybody who was told a reported text; again, it finds who came since."""
    wrong = wrong_text(tx, brand=membership.brand, report=PassageReportId(as_uuid(report)))
    try:
        made = corrections.correct_text(
            tx, brand=membership.brand, wrong=wrong, by=principal.person, now=app_now(tx)
        )
    except corrections.StillOffered as refusal:
        return see(area_path(membership, "knowledge/wrong"), said=refusal.detail)
    return see(f"{area_path(membership, 'knowledge/corrections')}/{made.id}")


@router.post("/b/{slug}/knowledge/corrections", dependencies=[CheckedForm])
def correct_changed(
    tx: HasTx, membership: Answers, principal: IsSignedIn, article: Line = "", revision: Line = ""
) -> Response:
    """The same for what a revision of an article said."""
    try:
        made = corrections.correct_revision(
            tx,
            brand=membership.brand,
            article=ArticleId(as_uuid(article)),
            revision=RevisionId(as_uuid(revision)),
            by=principal.person,
            now=app_now(tx),
        )
    except corrections.StillOffered as refusal:
        return see(area_path(membership, "knowledge/corrections"), said=refusal.detail)
    return see(f"{area_path(membership, 'knowledge/corrections')}/{made.id}")


@router.get("/b/{slug}/knowledge/corrections/{correction_id}")
def show_correction(
    request: Request,
    tx: HasTx,
    membership: Views,
    correction_id: str,
    page: Annotated[int, Query(ge=1, le=MAX_PAGES)] = 1,
) -> HTMLResponse:
    return answer(request, _page(request, tx, membership, _correction(correction_id), page=page))


@router.post("/b/{slug}/knowledge/corrections/{correction_id}/sending", dependencies=[CheckedForm])
def send_selected(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    correction_id: str,
    notice: Annotated[list[str], Form(max_length=SENT_AT_ONCE)] = [],  # noqa: B006 - FastAPI copies it
    everybody: Annotated[str, Form(alias="all", max_length=10)] = "",
) -> Response:
    """Send those that are chosen, or all that are drafted; what cannot be sent stays drafted and says why."""
    wanted = _correction(correction_id)
    drafted = drafted_notices(tx, brand=membership.brand, correction_id=wanted)
    chosen = {CorrectionNoticeId(as_uuid(one)) for one in notice}
    going = drafted if everybody else [one for one in drafted if one in chosen]
    if not going:
        form = FormState(problem="Choose at least one customer who is still to be told.")
        return answer(request, _page(request, tx, membership, wanted, form=form), status=422)
    unfit = _send(tx, membership, principal.person, going[:SENT_AT_ONCE])
    if unfit:
        form = FormState(problem=present.not_all(len(unfit), of=len(going[:SENT_AT_ONCE])))
        return answer(request, _page(request, tx, membership, wanted, form=form, forms=unfit), status=422)
    return see(_path(membership, wanted), said=present.sending(len(going[:SENT_AT_ONCE])))


@router.post("/b/{slug}/knowledge/corrections/{correction_id}/notices/{notice}", dependencies=[CheckedForm])
def save_notice(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    correction_id: str,
    notice: str,
    body: Words = "",
    then: Line = "save",
) -> Response:
    """Keep the words, and send them if that was asked."""
    wanted, one, typed = _correction(correction_id), _notice(notice), typed_lines(body)
    try:
        with tx.begin_nested():
            corrections.edit_notice(tx, brand=membership.brand, notice=one, body=typed)
            if then == "send":
                corrections.send_notice(
                    tx, brand=membership.brand, notice=one, by=principal.person, now=app_now(tx)
                )
    except (Invalid, Conflict) as error:
        return _again(request, tx, membership, wanted, one, {"body": typed}, error, field="body")
    return see(
        f"{_path(membership, wanted)}#notice-{one}", said=present.sending(1) if then == "send" else "Saved."
    )


@router.post(
    "/b/{slug}/knowledge/corrections/{correction_id}/notices/{notice}/undo", dependencies=[CheckedForm]
)
def undo(request: Request, tx: HasTx, membership: Answers, correction_id: str, notice: str) -> Response:
    wanted, one = _correction(correction_id), _notice(notice)
    try:
        corrections.undo_notice(tx, brand=membership.brand, notice=one, now=app_now(tx))
    except Conflict as error:
        return _again(request, tx, membership, wanted, one, {}, error)
    return see(f"{_path(membership, wanted)}#notice-{one}", said="Taken back: it is a draft again.")


@router.post(
    "/b/{slug}/knowledge/corrections/{correction_id}/notices/{notice}/skip", dependencies=[CheckedForm]
)
def skip(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    correction_id: str,
    notice: str,
    reason: Words = "",
) -> Response:
    wanted, one, typed = _correction(correction_id), _notice(notice), typed_lines(reason)
    try:
        corrections.skip_notice(tx, brand=membership.brand, notice=one, by=principal.person, reason=typed)
    except (Invalid, Conflict) as error:
        return _again(request, tx, membership, wanted, one, {"reason": typed}, error, field="reason")
    return see(f"{_path(membership, wanted)}#notice-{one}", said="Skipped. This customer is not written to.")


def _send(
    tx: Tx, membership: Membership, by: PersonId, notices: list[CorrectionNoticeId]
) -> dict[CorrectionNoticeId, FormState]:
    """Why some could not be sent; the others are on their way."""
    unfit: dict[CorrectionNoticeId, FormState] = {}
    for one in notices:
        try:
            with tx.begin_nested():
                corrections.send_notice(tx, brand=membership.brand, notice=one, by=by, now=app_now(tx))
        except (Invalid, Conflict) as error:
            unfit[one] = FormState(errors={"body": error.detail})
    return unfit


def _again(
    request: Request,
    tx: Tx,
    membership: Membership,
    wanted: CorrectionId,
    notice: CorrectionNoticeId,
    typed: dict[str, str],
    error: AppError,
    *,
    field: str = "",
) -> HTMLResponse:
    form = refused(typed, error, field=field if isinstance(error, Invalid) else "")
    view = _page(request, tx, membership, wanted, forms={notice: form})
    return answer(request, view, status=status_of(error))


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    wanted: CorrectionId,
    *,
    page: int = 1,
    form: FormState = EMPTY_FORM,
    forms: Mapping[CorrectionNoticeId, FormState] | None = None,
) -> CorrectionPage:
    found = correction(tx, brand=membership.brand, correction_id=wanted, page=page)
    knowledge, path = area_path(membership, "knowledge"), _path(membership, wanted)
    now = app_now(tx)
    return CorrectionPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        path=path,
        back=f"{knowledge}/corrections",
        title=found.line.title,
        article_href=f"{knowledge}/{found.line.article}",
        row=present.row(found.line, f"{knowledge}/corrections"),
        cards=tuple(
            present.notice_card(
                one,
                path=path,
                tickets=area_path(membership, "tickets"),
                now=now,
                form=(forms or {}).get(one.id, EMPTY_FORM),
            )
            for one in found.notices
        ),
        label=corrections.own_label(membership.name),
        undo_seconds=int(corrections.UNDO.total_seconds()),
        can_send=allowed(membership.role, Permission.ANSWER_AS_BRAND),
        most_characters=REPLY_LIMIT,
        form=form,
        pager=pager(
            f"{path}?page=",
            page=page,
            has_more=found.has_more,
            first=(page - 1) * NOTICES_A_PAGE + 1,
            shown=len(found.notices),
            total=found.line.customers,
        ),
    )


def _path(membership: Membership, wanted: CorrectionId) -> str:
    return f"{area_path(membership, 'knowledge/corrections')}/{wanted}"


def _correction(text: str) -> CorrectionId:
    return CorrectionId(as_uuid(text))


def _notice(text: str) -> CorrectionNoticeId:
    return CorrectionNoticeId(as_uuid(text))
