"""A brand's statements by UTC month: to read, to print, to load as a file."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from billing.months import month_of
from billing.statement_files import STATEMENT_COLUMNS, statement_rows
from billing.statements import Movement, Statement, months_moved, statement
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.csv_file import csv_file
from marketplace.kernel.errors import NotFound
from marketplace.kernel.money import Money
from workers_ui.deps import HasTx, at_brand
from workers_ui.frames import page
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.pages.files import OneCurrency, csv_answer
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.statements import (
    BrandStatementLink,
    BrandStatementMovement,
    BrandStatementPage,
    BrandStatementsPage,
)

Reader = Annotated[Membership, Depends(at_brand(Permission.VIEW_WALLET))]

MOVED: Mapping[str, str] = {
    "top_up": "Top-up",
    "accrue": "Resolved",
    "reopen": "Back: reopened",
    "escalate": "Escalation confirmed",
    "recall": "Taken back",
    "promo": "Promotional credit",
    "refund": "Refunded to you",
    "refund_failed": "Back: the refund did not arrive",
    "invoice_paid": "Invoice paid",
    "credit_note": "Credit note",
    "top_up_failed": "Top-up taken back by the bank",
    "dispute": "Top-up disputed",
    "dispute_won": "Back: the dispute was won",
    "write_off": "Debt written off",
    "qa_reject": "Back: rejected",
    "clawback": "Back: rejected after it was paid",
    "restore": "Rejection undone",
    "tip": "Tip",
    "tip_refund": "Back: a tip",
    "reverse": "Put right",
}

router = APIRouter()


@router.get("/b/{slug}/wallet/statements")
def list_statements(request: Request, tx: HasTx, membership: Reader) -> HTMLResponse:
    view = BrandStatementsPage(
        frame=frame_for(request, tx, membership),
        brand=membership.name,
        wallet_href=area_path(membership, "wallet"),
        months=tuple(
            BrandStatementLink(
                href=f"{_base(membership)}/{one.month:%Y-%m}?currency={one.closing.currency}",
                month=one.month,
                closing=one.closing,
            )
            for one in months_moved(tx, brand=membership.brand)
        ),
    )
    return page(request, view)


@router.get("/b/{slug}/wallet/statements/{month}.csv")
def statement_file(tx: HasTx, membership: Reader, month: str, currency: OneCurrency) -> StreamingResponse:
    """The statement's rows as programs read them; for a closed month the same bytes whenever it is asked for."""
    rows = statement_rows(tx, month=month, currency=currency, brand=membership.brand)
    return csv_answer(f"{membership.slug}-{month}-{currency}.csv", csv_file(STATEMENT_COLUMNS, rows))


@router.get("/b/{slug}/wallet/statements/{month}")
def show_statement(
    request: Request,
    tx: HasTx,
    membership: Reader,
    month: str,
    currency: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """Without a currency: the first one in which anything moved."""
    first = month_of(month)
    moved = [one.closing.currency for one in months_moved(tx, brand=membership.brand) if one.month == first]
    chosen = currency or next(iter(moved), "")
    if chosen not in moved:
        raise NotFound("There is no statement for this month.")
    found = statement(tx, month=month, currency=chosen, brand=membership.brand)
    return page(request, _statement_page(frame_for(request, tx, membership), found, membership))


def _statement_page(frame: Frame, found: Statement, membership: Membership) -> BrandStatementPage:
    amounts = [line.amount.amount_minor for line in found.movements]
    return BrandStatementPage(
        frame=frame,
        brand=membership.name,
        month=month_of(found.month),
        opening=found.opening,
        came_in=Money(amount_minor=sum(one for one in amounts if one > 0), currency=found.currency),
        went_out=Money(amount_minor=sum(one for one in amounts if one < 0), currency=found.currency),
        closing=found.closing,
        movements=tuple(_movement(line) for line in found.movements),
        issued_at=frame.now,
        is_final=found.is_final,
        file_href=f"{_base(membership)}/{found.month}.csv?currency={found.currency}",
        back_href=_base(membership),
    )


def _movement(line: Movement) -> BrandStatementMovement:
    about = f" #{line.ticket_number}" if line.ticket_number is not None else ""
    return BrandStatementMovement(
        happened_at=line.at,
        text=f"{MOVED.get(line.kind, line.kind.replace('_', ' ').capitalize())}{about}",
        reference=line.ticket_reference or "",
        amount=line.amount,
    )


def _base(membership: Membership) -> str:
    return f"{area_path(membership, 'wallet')}/statements"
