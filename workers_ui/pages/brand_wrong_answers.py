"""What workers reported as wrong: the brand confirms it, says that it holds, or offers it again."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from guidance.correction_queries import replies_resting_on
from knowledge_base import reports
from knowledge_base.report_queries import Whether, count_texts, reported_texts
from knowledge_base.reports import WrongText
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid
from marketplace.kernel.ids import PassageReportId
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_wrong_answers_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_knowledge_tabs import knowledge_tabs
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.values import EMPTY_FORM, FilterTab, FormState
from workers_ui.presenters.wrong_answers import WrongPassagesPage

router = APIRouter()

Views = Annotated[Membership, Depends(at_brand(Permission.VIEW_KNOWLEDGE))]
Manages = Annotated[Membership, Depends(at_brand(Permission.MANAGE_KNOWLEDGE))]
Reason = Annotated[str, Form(max_length=20_000)]
FILTERS: Mapping[Whether, str] = {
    Whether.TO_DECIDE: "To decide",
    Whether.QUARANTINED: "Quarantined",
    Whether.ALL: "All",
}


class NoNumber(Invalid):
    """Give a number from 1 to 20."""


@router.get("/b/{slug}/knowledge/wrong")
def list_wrong(
    request: Request,
    tx: HasTx,
    membership: Views,
    show: Annotated[Whether, Query()] = Whether.ALL,
) -> HTMLResponse:
    return answer(request, _page(request, tx, membership, show=show))


@router.post("/b/{slug}/knowledge/wrong/policy", dependencies=[CheckedForm])
def set_policy(
    request: Request,
    tx: HasTx,
    membership: Manages,
    needed: Annotated[str, Form(alias="reports", max_length=20)] = "",
) -> Response:
    try:
        if not needed.strip().isascii() or not needed.strip().isdecimal():
            raise NoNumber
        reports.set_report_policy(tx, brand=membership.brand, reports=int(needed))
    except Invalid as error:
        form = refused({"reports": needed}, error, field="reports")
        return answer(request, _page(request, tx, membership, form=form), status=status_of(error))
    return see(area_path(membership, "knowledge/wrong"), said="Saved. It holds for reports from now on.")


@router.post("/b/{slug}/knowledge/wrong/{report}/confirmation", dependencies=[CheckedForm])
def confirm(request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, report: str) -> Response:
    wrong = _wrong_text(tx, membership, report)
    reports.confirm_wrong(tx, brand=membership.brand, wrong=wrong, by=principal.person, now=app_now(tx))
    return see(
        area_path(membership, "knowledge/wrong"),
        said="Confirmed. No suggestion shows it any more; those who reported it are told.",
    )


@router.post("/b/{slug}/knowledge/wrong/{report}/dismissal", dependencies=[CheckedForm])
def dismiss(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, report: str, reason: Reason = ""
) -> Response:
    wrong, said = _wrong_text(tx, membership, report), typed_lines(reason)

    def act() -> None:
        reports.dismiss_reports(
            tx, brand=membership.brand, wrong=wrong, by=principal.person, reason=said, now=app_now(tx)
        )

    return _decided(request, tx, membership, act, wrong, said, "Dismissed. Those who reported it read why.")


@router.post("/b/{slug}/knowledge/wrong/{report}/lifting", dependencies=[CheckedForm])
def lift(
    request: Request, tx: HasTx, membership: Manages, principal: IsSignedIn, report: str, reason: Reason = ""
) -> Response:
    wrong, said = _wrong_text(tx, membership, report), typed_lines(reason)

    def act() -> None:
        reports.lift_quarantine(
            tx, brand=membership.brand, wrong=wrong, by=principal.person, reason=said, now=app_now(tx)
        )

    return _decided(request, tx, membership, act, wrong, said, "Lifted. Suggestions may show it again.")


def _decided(
    request: Request,
    tx: Tx,
    membership: Membership,
    act: Callable[[], None],
    wrong: WrongText,
    reason: str,
    told: str,
) -> Response:
    try:
        act()
    except (Invalid, Conflict) as error:
        return _again(request, tx, membership, wrong, reason, error)
    return see(area_path(membership, "knowledge/wrong"), said=told)


def _again(
    request: Request, tx: Tx, membership: Membership, wrong: WrongText, reason: str, error: AppError
) -> HTMLResponse:
    """The page as it is now, with the reason that was typed at its passage."""
    typed = refused({"reason": reason}, error, field="reason" if isinstance(error, Invalid) else "")
    view = _page(request, tx, membership, forms={wrong: typed})
    return answer(request, view, status=status_of(error))


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    show: Whether = Whether.ALL,
    form: FormState = EMPTY_FORM,
    forms: Mapping[WrongText, FormState] | None = None,
) -> WrongPassagesPage:
    brand = membership.brand
    found = reported_texts(tx, brand=brand, whether=show)
    resting = replies_resting_on(tx, brand=brand, texts=[one.wrong for one in found])
    return WrongPassagesPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        path=area_path(membership, "knowledge/wrong"),
        tabs=knowledge_tabs(tx, membership, current="wrong"),
        filters=_filters(tx, membership, show),
        cards=tuple(
            present.card(
                one,
                knowledge=area_path(membership, "knowledge"),
                tickets=area_path(membership, "tickets"),
                replies=resting.get(one.wrong, 0),
                may_correct=allowed(membership.role, Permission.ANSWER_AS_BRAND),
                form=(forms or {}).get(one.wrong, EMPTY_FORM),
            )
            for one in found
        ),
        reports_needed=reports.reports_to_quarantine(tx, brand=brand),
        most_reports=reports.MOST_REPORTS,
        can_edit=allowed(membership.role, Permission.MANAGE_KNOWLEDGE),
        form=form,
    )


def _filters(tx: Tx, membership: Membership, show: Whether) -> tuple[FilterTab, ...]:
    base, counted = area_path(membership, "knowledge/wrong"), count_texts(tx, brand=membership.brand)
    return tuple(
        FilterTab(label=label, href=f"{base}?show={one.value}", count=counted[one], current=one is show)
        for one, label in FILTERS.items()
    )


def _wrong_text(tx: Tx, membership: Membership, report: str) -> WrongText:
    return reports.wrong_text(tx, brand=membership.brand, report=PassageReportId(as_uuid(report)))
