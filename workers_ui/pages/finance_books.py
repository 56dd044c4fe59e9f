"""Finance's books: the proof, its breaks, and how people put them right."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from billing.book_queries import books_now
from billing.breaks import break_of, resolve_break, take_break
from billing.connected_balances import negative_accounts
from billing.manual_postings import approve_posting, propose_posting
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError
from workers_ui.deps import CheckedForm, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import finance_frame, page
from workers_ui.pages import finance_books_views as views
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.answers import see
from workers_ui.presenters.finance_books import BooksPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

Viewer = Annotated[Principal, Depends(on_platform(Permission.VIEW_EARNINGS))]
Keeper = Annotated[Principal, Depends(on_platform(Permission.SUBMIT_BATCHES))]
Approver = Annotated[Principal, Depends(on_platform(Permission.APPROVE_PAYOUTS))]
Account = Annotated[str, Form(max_length=40)]

log = structlog.get_logger()
router = APIRouter(prefix="/finance")


@router.get("/books")
def books(request: Request, tx: HasTx, staff: Viewer) -> HTMLResponse:
    return page(request, _books(request, tx, staff))


@router.post("/books/breaks/{break_id}/owner", dependencies=[CheckedForm])
def take(tx: HasTx, staff: Keeper, break_id: str) -> Response:
    take_break(tx, break_id=as_uuid(break_id), person=staff.person)
    return see(views.BOOKS, said="It is yours to look after.")


@router.post("/books/breaks/{break_id}/resolution", dependencies=[CheckedForm], response_model=None)
def resolve(
    request: Request,
    tx: HasTx,
    staff: Keeper,
    break_id: str,
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    wanted = as_uuid(break_id)
    try:
        with tx.begin_nested():
            resolve_break(tx, break_id=wanted, person=staff.person, note=note, now=app_now(tx))
    except AppError as refusal:
        return _refused(request, tx, staff, wanted, {"note": note}, refusal)
    return see(views.BOOKS, said="Closed. The books are proven anew within a minute.")


@router.post("/books/breaks/{break_id}/postings", dependencies=[CheckedForm], response_model=None)
def propose(
    request: Request,
    tx: HasTx,
    staff: Keeper,
    break_id: str,
    debit: Account = "",
    credit: Account = "",
    amount: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    wanted = as_uuid(break_id)
    try:
        with tx.begin_nested():
            propose_posting(
                tx,
                break_id=wanted,
                debit_code=debit,
                credit_code=credit,
                amount=typed_amount(amount, currency=break_of(tx, wanted).currency),
                reason=reason,
                person=staff.person,
                now=app_now(tx),
            )
    except AppError as refusal:
        typed = {"debit": debit, "credit": credit, "amount": amount, "reason": reason}
        return _refused(request, tx, staff, wanted, typed, refusal)
    return see(views.BOOKS, said="Proposed. A second person has to post it.")


@router.post("/books/postings/{posting}/approval", dependencies=[CheckedForm])
def approve(tx: HasTx, staff: Approver, posting: str) -> Response:
    approve_posting(tx, posting=as_uuid(posting), person=staff.person, now=app_now(tx))
    return see(views.BOOKS, said="Posted.")


def _refused(
    request: Request, tx: Tx, staff: Principal, wanted: UUID, typed: dict[str, str], refusal: AppError
) -> HTMLResponse:
    """The page again with what was typed; the refusal itself where its break is not there any more."""
    form = FormState(values=typed, problem=refusal.detail)
    view = _books(request, tx, staff, about=wanted, form=form)
    if not any(one.form.problem for one in view.breaks):
        raise refusal
    return page(request, view, status=status_of(refusal))


def _books(
    request: Request,
    tx: Tx,
    staff: Principal,
    *,
    about: UUID | None = None,
    form: FormState = EMPTY_FORM,
) -> BooksPage:
    found = books_now(tx)
    return BooksPage(
        frame=finance_frame(request, tx),
        verdict=views.verdict(found),
        ran_at=found.ran_at,
        proven=views.proven(found.statements),
        breaks=tuple(
            views.break_card(one, staff.person, form if one.id == about else EMPTY_FORM)
            for one in found.breaks
        ),
        negative=tuple(views.negative_row(one) for one in negative_accounts(tx)),
        days=tuple(views.day_row(one) for one in found.days),
        accounts=views.accounts(),
    )
