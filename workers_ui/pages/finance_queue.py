"""Finance's queue of earnings: filtered in the address, kept under names, held many at once with seconds to undo."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from billing.bulk_holds import ask_to_hold, find_bulk_hold, undo_hold
from billing.earning_queue import AGES, DEEPEST_PAGE, ageing, earning_totals, earnings_page
from billing.finance_queries import worker_name
from billing.saved_views import QUERY_CHARACTERS, forget_view, save_view, views_of
from marketplace.accounts.permissions import Permission
from marketplace.accounts.queries import brand_by_slug
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BulkHoldId, EarningId, WorkerId
from workers_ui.deps import CheckedForm, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import finance_frame, page
from workers_ui.pages import finance_queue_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.finance_filters import Asked, read_filter
from workers_ui.pages.finance_views import EARNINGS, pager
from workers_ui.presenters.finance_queue import AgeingPage, BulkHoldPage, EarningsPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter(prefix="/finance")

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_EARNINGS))]
Holder = Annotated[Principal, Depends(on_platform(Permission.APPROVE_EARNINGS))]
PageNumber = Annotated[int, Query(alias="page", ge=1, le=DEEPEST_PAGE)]
Filtered = Annotated[str, Form(max_length=QUERY_CHARACTERS)]
SELECTED_AT_ONCE = 50


@router.get("/earnings")
def earnings(request: Request, tx: HasTx, staff: Viewer, number: PageNumber = 1) -> HTMLResponse:
    return _queue(request, tx, staff, dict(request.query_params), number=number)


@router.post("/views", dependencies=[CheckedForm], response_model=None)
def keep_view(
    request: Request,
    tx: HasTx,
    staff: Viewer,
    name: Annotated[str, Form(max_length=200)] = "",
    filtered: Filtered = "",
) -> Response:
    asked = asked_for(tx, dict(parse_qsl(filtered)))
    try:
        save_view(tx, person=staff.person, name=name, query=asked.address, now=app_now(tx))
    except (Invalid, Conflict) as refusal:
        form = FormState(values={"name": name}, errors={"name": refusal.detail})
        return _queue(request, tx, staff, asked.query, naming=form, status=status_of(refusal))
    return see(present.queue_address(asked.query), said=f"Kept as “{name.strip()}”.")


@router.post("/views/removal", dependencies=[CheckedForm])
def take_view_away(
    tx: HasTx, staff: Viewer, name: Annotated[str, Form(max_length=200)] = ""
) -> RedirectResponse:
    forget_view(tx, person=staff.person, name=name)
    return see(EARNINGS, said="Taken away.")


@router.post("/holds", dependencies=[CheckedForm], response_model=None)
def hold(
    request: Request,
    tx: HasTx,
    staff: Holder,
    earning: Annotated[list[str] | None, Form(max_length=SELECTED_AT_ONCE)] = None,
    which: Annotated[str, Form(pattern="^(selected|all)$")] = "selected",
    filtered: Filtered = "",
    why: Annotated[str, Form(max_length=40)] = "",
    note: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    asked = asked_for(tx, dict(parse_qsl(filtered)))
    chosen = [EarningId(as_uuid(one)) for one in earning or ()]
    if (
        which == "all" and asked.form.errors
    ):  # left out of the filter, what cannot be read would take in everything
        return _queue(request, tx, staff, asked.query)
    try:
        bulk = ask_to_hold(
            tx,
            chosen=asked.filter if which == "all" else chosen,
            reason=present.reason(why, note),
            person=staff.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as refusal:
        form = FormState(values={"why": why, "note": note}, problem=refusal.detail)
        return _queue(request, tx, staff, asked.query, holding=form, status=status_of(refusal))
    return see(f"/finance/holds/{bulk.id}")


@router.get("/holds/{bulk}")
def show_hold(request: Request, tx: HasTx, _staff: Viewer, bulk: str) -> HTMLResponse:
    row = find_bulk_hold(tx, BulkHoldId(as_uuid(bulk)))
    now = app_now(tx)
    view = BulkHoldPage(
        frame=finance_frame(request, tx),
        hold=str(row.id),
        earnings=len(row.earnings),
        reason=row.reason,
        held=row.held,
        refusals=present.refusals(row),
        seconds_left=max(0, round((row.begins_at - now).total_seconds())),
        is_undone=row.undone_at is not None,
        is_finished=row.finished_at is not None,
    )
    return page(request, view)


@router.post("/holds/{bulk}/undo", dependencies=[CheckedForm])
def undo(tx: HasTx, _staff: Holder, bulk: str) -> RedirectResponse:
    undo_hold(tx, bulk=BulkHoldId(as_uuid(bulk)), now=app_now(tx))
    return see(EARNINGS, said="Undone: nothing was held.")


@router.get("/ageing")
def how_old(request: Request, tx: HasTx, _staff: Viewer) -> HTMLResponse:
    now = app_now(tx)
    totals = ageing(tx, states=present.OWED, now=now)
    view = AgeingPage(
        frame=finance_frame(request, tx), ages=tuple(AGES), rows=present.ageing_rows(totals, now=now)
    )
    return page(request, view)


def _queue(
    request: Request,
    tx: Tx,
    staff: Principal,
    given: Mapping[str, str],
    *,
    number: int = 1,
    naming: FormState = EMPTY_FORM,
    holding: FormState = EMPTY_FORM,
    status: int = 200,
) -> HTMLResponse:
    asked = asked_for(tx, given)
    lines = earnings_page(tx, asked.filter, page=number)
    totals = earning_totals(tx, asked.filter)
    view = EarningsPage(
        frame=finance_frame(request, tx),
        tabs=present.earning_tabs(totals, asked),
        sums=present.state_sums(totals, asked.filter.state),
        rows=tuple(present.earning_row(line, asked.query) for line in lines),
        callouts=present.narrowings(asked),
        pager=pager(EARNINGS, asked.query, page=number, shown=len(lines)),
        filters=present.filter_form(asked),
        views=present.saved_views(views_of(tx, person=staff.person), asked),
        naming=naming,
        holding=holding,
        reasons=present.REASON_CHOICES,
        matching=present.count_matching(totals, asked.filter.state),
        filtered=asked.address,
    )
    return page(request, view, status=422 if asked.form.errors and status == 200 else status)


def asked_for(tx: Tx, given: Mapping[str, str]) -> Asked:
    """The filter an address asks for; a worker or brand that there is not is not found."""
    worker = WorkerId(as_uuid(given["worker"])) if given.get("worker") else None
    brand = brand_by_slug(tx, given["brand"][:40]) if given.get("brand") else None
    name = worker_name(tx, worker) if worker else ""
    if name is None or (given.get("brand") and brand is None):
        raise NotFound
    return read_filter(
        given,
        worker=worker,
        brand=brand.id if brand else None,
        worker_name=name,
        brand_name=brand.name if brand else "",
    )
