"""A worker's money: every earning, the way to be paid, and statements that agree with Stripe to the cent."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from billing import bank_payouts, worker_queries
from billing.gateway import CallUnknown, CredentialsRefused, ServiceAgreement
from billing.judgement_queries import said_of
from billing.months import month_of
from billing.next_payout import next_payouts
from billing.onboarding import CannotBePaidThere, ask_final_payout, onboarding_link, refresh_account
from billing.statement_files import STATEMENT_COLUMNS, statement_rows
from billing.statements import months_moved, statement
from marketplace.accounts.payable_countries import Payability, payability
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_file import csv_file
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import WorkerId
from workers_ui.deps import (
    AsWorker,
    CheckedForm,
    CheckedFormBefore,
    EvenSuspended,
    HasServices,
    HasTx,
    IsSignedInBefore,
    signed_in_before,
)
from workers_ui.frames import page, worker_frame
from workers_ui.pages import judgement_views
from workers_ui.pages import worker_earnings_views as views
from workers_ui.pages.answers import see
from workers_ui.pages.bank_notices import bank_notices
from workers_ui.pages.files import OneCurrency, csv_answer
from workers_ui.pages.mine import day_began
from workers_ui.pages.pool_views import pager
from workers_ui.parts import PaymentsOff
from workers_ui.presenters.charts import BarChart
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.presenters.worker import EarningsPage
from workers_ui.services import Services

router = APIRouter()
log = structlog.get_logger()

AGREEMENTS = {Payability.FULL: ServiceAgreement.FULL, Payability.RECIPIENT: ServiceAgreement.RECIPIENT}
RETURNED = "/worker/earnings?returned=1"


def _read_account_on_return(
    request: Request, having: HasServices, returned: Annotated[str, Query(max_length=10)] = ""
) -> None:
    """Back from Stripe's pages: read what the account can do now. It runs before the request's transaction
    opens, because Stripe is asked; when it does not answer, the background process asks again later."""
    if not returned or having.gateway is None:
        return
    principal = signed_in_before(request, having)
    if principal.worker is None:
        raise NotFound
    try:
        refresh_account(having.database, having.gateway, worker=principal.worker)
    except (CallUnknown, CredentialsRefused) as unread:
        log.warning("payout_account.unread", worker=str(principal.worker), reason=unread.code)


@router.get("/worker/earnings", dependencies=[Depends(_read_account_on_return)])
def show_earnings(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    having: HasServices,
    number: Annotated[int, Query(alias="page", ge=1, le=worker_queries.DEEPEST_PAGE)] = 1,
) -> HTMLResponse:
    return page(request, earnings_page(request, tx, worker, having, number=number))


def earnings_page(
    request: Request,
    tx: Tx,
    worker: WorkerId,
    having: Services,
    *,
    number: int = 1,
    form: FormState = EMPTY_FORM,
) -> EarningsPage:
    principal: Principal = request.state.principal
    now = app_now(tx)
    found = worker_queries.earning_lines(tx, worker=worker, page=number)
    said = said_of(tx, [line.earning for line in found.lines])
    sums = worker_queries.sums_by_currency(tx, worker=worker, since=day_began(now, principal.time_zone))
    coming = {one.payable.currency: one for one in next_payouts(tx, worker=worker)}
    return EarningsPage(
        frame=worker_frame(request, tx),
        totals=tuple(views.totals(one, coming.get(one.currency)) for one in sums),
        setup=views.setup(
            worker_queries.payout_ability(tx, worker=worker),
            payability(principal.country or ""),
            payments_on=having.gateway is not None,
        ),
        bank=bank_notices(
            bank_payouts.newest_payout(tx, worker=worker),
            is_paused=bank_payouts.is_paused(tx, worker=worker),
            locale=principal.locale,
            time_zone=principal.time_zone,
        ),
        chart=_chart(tx, worker, principal, sums, now),
        lines=tuple(
            replace(views.line(one), evidence=judgement_views.evidence(said.get(one.earning), now=now))
            for one in found.lines
        ),
        statements=tuple(views.statement_link(one) for one in months_moved(tx, worker=worker)),
        pager=pager("/worker/earnings", page=found.page, has_more=found.has_more),
        form=form,
    )


@router.post("/worker/earnings/payout-setup", dependencies=[CheckedFormBefore])
def set_up_payouts(having: HasServices, principal: IsSignedInBefore) -> RedirectResponse:
    """To Stripe's own pages, which ask who the worker is and for the bank account."""
    if principal.worker is None:
        raise NotFound
    agreement = AGREEMENTS.get(payability(principal.country or ""))
    if agreement is None:
        raise CannotBePaidThere
    if having.gateway is None:
        raise PaymentsOff
    try:
        url = onboarding_link(
            having.database,
            having.gateway,
            worker=principal.worker,
            country=principal.country or "",
            email=principal.email,
            agreement=agreement,
            return_url=f"{having.settings.base_url}{RETURNED}",
        )
    except CredentialsRefused as refusal:
        log.error("payouts.credentials_refused")
        raise PaymentsOff from refusal
    return RedirectResponse(url, status_code=303)


@router.get("/worker/earnings/statements/{month}.csv")
def statement_file(tx: HasTx, worker: AsWorker, month: str, currency: OneCurrency) -> StreamingResponse:
    """The statement's rows as programs read them; for a closed month the same bytes whenever it is asked for."""
    rows = statement_rows(tx, month=month, currency=currency, worker=worker)
    return csv_answer(f"statement-{month}-{currency}.csv", csv_file(STATEMENT_COLUMNS, rows))


@router.post("/worker/earnings/final-payout", dependencies=[CheckedForm])
def ask_for_the_rest(tx: HasTx, worker: EvenSuspended) -> RedirectResponse:
    """Somebody leaves, or was made to: the next batch pays all that is payable, however little."""
    ask_final_payout(tx, worker=worker, now=app_now(tx))
    return see("/worker/earnings", said="The next batch pays you all of it, however little it is.")


@router.get("/worker/earnings/statements/{month}")
def show_statement(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    month: str,
    currency: Annotated[str, Query(max_length=10)] = "",
) -> HTMLResponse:
    """The statement of a UTC month. Without a currency: the first one in which anything happened."""
    principal: Principal = request.state.principal
    first = month_of(month)
    months = months_moved(tx, worker=worker)
    moved = [one.closing.currency for one in months if one.month == first]
    chosen = currency or next(iter(moved), "")
    if chosen not in moved:
        raise NotFound("You have no statement for this month.")
    found = statement(tx, worker=worker, month=month, currency=chosen)
    transfers = worker_queries.transfers_of(tx, found)
    frame = worker_frame(request, tx)
    return page(request, views.statement_page(frame, found, transfers, name=principal.name, month=first))


def _chart(
    tx: Tx,
    worker: WorkerId,
    principal: Principal,
    sums: tuple[worker_queries.CurrencySums, ...],
    now: datetime,
) -> BarChart | None:
    """The days of the currency that brings most today, else of the first one."""
    if not sums:
        return None
    currency = max(sums, key=lambda one: one.since.amount_minor).currency
    zone = principal.time_zone
    days = worker_queries.earned_by_day(
        tx,
        worker=worker,
        currency=currency,
        zone=zone,
        since=day_began(now, zone, days_ago=views.CHART_DAYS - 1),
    )
    return views.chart(days, currency=currency, today=views.today_in(now, zone), locale=principal.locale)
