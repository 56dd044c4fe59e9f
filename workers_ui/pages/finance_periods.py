"""Closing the books of a month: by a person of finance, once, for good."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from billing.periods import close_period, closings, months_to_close
from billing.statement_files import YEAR_COLUMNS, year_rows
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_file import csv_file
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError
from workers_ui.deps import CheckedForm, HasTx, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import finance_frame, page
from workers_ui.pages.answers import see
from workers_ui.pages.files import csv_answer
from workers_ui.presenters.finance_periods import ClosedMonth, PeriodsPage
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_LEDGER))]
Closer = Annotated[Principal, Depends(on_platform(Permission.CLOSE_PERIODS))]
PERIODS = "/finance/periods"
YEARS_OFFERED = 3
NOT_SURE = "Tick that you know it: a closed month does not open again."

log = structlog.get_logger()
router = APIRouter(prefix="/finance")


@router.get("/periods")
def periods(request: Request, tx: HasTx, _staff: Viewer) -> HTMLResponse:
    return page(request, _periods(request, tx))


@router.post("/periods", dependencies=[CheckedForm], response_model=None)
def close(
    request: Request,
    tx: HasTx,
    staff: Closer,
    month: Annotated[str, Form(max_length=7)] = "",
    sure: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    typed = {"month": month, "sure": sure}
    if sure != "yes":
        form = FormState(values=typed, errors={"sure": NOT_SURE})
        return page(request, _periods(request, tx, form=form), status=422)
    try:
        closed = close_period(tx, month=month, person=staff.person)
    except AppError as refusal:
        form = FormState(values=typed, problem=refusal.detail)
        return page(request, _periods(request, tx, form=form), status=status_of(refusal))
    log.info("period.closed", month=f"{closed.month:%Y-%m}", person=str(staff.person))
    return see(PERIODS, said=f"{closed.month:%B %Y} is closed.")


@router.get("/year-end/{year}.csv")
def year_file(tx: HasTx, _staff: Viewer, year: str) -> StreamingResponse:
    """What each worker was paid in a UTC year: the base of its tax form."""
    return csv_answer(f"paid-{year}.csv", csv_file(YEAR_COLUMNS, year_rows(tx, year=year)))


def _periods(request: Request, tx: Tx, *, form: FormState = EMPTY_FORM) -> PeriodsPage:
    return PeriodsPage(
        frame=finance_frame(request, tx),
        closed=tuple(
            ClosedMonth(month=one.month, closed_at=one.closed_at, closed_by=one.closed_by)
            for one in closings(tx)
        ),
        months=tuple(
            Choice(value=f"{one:%Y-%m}", label=f"{one:%B %Y}") for one in months_to_close(tx, now=app_now(tx))
        ),
        years=tuple(range(app_now(tx).year, app_now(tx).year - YEARS_OFFERED, -1)),
        form=form,
    )
