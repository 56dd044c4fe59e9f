"""Passages that are wrong: workers report them, the brand decides. An action is a resource."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from guidance.wrong_passages import report_shown_passage
from knowledge_base import reports
from knowledge_base.report_models import ReportReason, ReportState
from knowledge_base.report_queries import ReportedText, Whether, own_reports, reported_texts
from knowledge_base.reports import WrongText
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, PassageId, PassageReportId, TicketId
from workers_ui.api.schemas import In
from workers_ui.deps import ByWorkerToken, HasTx, by_key
from workers_ui.pages.receipt_views import alias

router = APIRouter(tags=["knowledge"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.KNOWLEDGE_WRITE))]
TEXT_LIMIT = 20_000
"""More than any reason may have: what is too long is refused with a sentence of its own."""


class PassageReportIn(In):
    passage: UUID
    reason: ReportReason
    note: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""


class PassageReportOut(BaseModel):
    id: UUID
    state: ReportState


class OwnReportOut(BaseModel):
    brand: str
    title: str
    text: str
    reason: ReportReason
    reported_at: datetime
    state: ReportState
    answer: str
    taken_out: bool


class DecisionIn(In):
    reason: Annotated[str, Field(max_length=TEXT_LIMIT)]


class ReportLineOut(BaseModel):
    id: UUID
    worker: str
    ticket: UUID
    reason: ReportReason
    note: str
    reported_at: datetime
    state: ReportState


class ReportedPassageOut(BaseModel):
    """`holds`: the article still says so. `quarantined_at`: since when no suggestion shows it, if so."""

    article: UUID
    title: str
    text: str
    holds: bool
    quarantined_at: datetime | None
    reports: list[ReportLineOut]


@router.post("/tickets/{ticket}/wrong-passages", status_code=201, response_model=PassageReportOut)
def report_wrong(ticket: UUID, body: PassageReportIn, tx: HasTx, worker: ByWorkerToken) -> PassageReportOut:
    """Say that a passage you were shown on a ticket of yours is wrong. Once per passage; it never counts against
    you."""
    made = report_shown_passage(
        tx,
        ticket=TicketId(ticket),
        passage=PassageId(body.passage),
        worker=worker,
        reason=body.reason,
        note=body.note,
        now=app_now(tx),
    )
    return PassageReportOut(id=made.id, state=made.state)


@router.get("/wrong-passages", response_model=list[OwnReportOut])
def read_own_reports(tx: HasTx, worker: ByWorkerToken) -> object:
    """What you reported as wrong, and what became of it."""
    return [
        {
            "brand": one.brand,
            "title": one.title,
            "text": one.quoted,
            "reason": one.reason,
            "reported_at": one.reported_at,
            "state": one.state,
            "answer": one.decision_note,
            "taken_out": one.quarantined,
        }
        for one in own_reports(tx, worker=worker)
    ]


@router.get("/passage-reports", response_model=list[ReportedPassageOut])
def read_reports(tx: HasTx, brand: Reads, show: Annotated[Whether, Query()] = Whether.ALL) -> object:
    """Passages that workers reported as wrong, those reported last first."""
    return [_out(one) for one in reported_texts(tx, brand=brand, whether=show)]


@router.post("/passage-reports/{report}/confirmation", status_code=204)
def confirm(report: UUID, tx: HasTx, brand: Writes) -> None:
    """It is wrong: from this answer on no suggestion shows it."""
    reports.confirm_wrong(tx, brand=brand, wrong=_wrong(tx, brand, report), by=None, now=app_now(tx))


@router.post("/passage-reports/{report}/dismissal", status_code=204)
def dismiss(report: UUID, body: DecisionIn, tx: HasTx, brand: Writes) -> None:
    """It holds; those who reported it read the reason."""
    wrong = _wrong(tx, brand, report)
    reports.dismiss_reports(tx, brand=brand, wrong=wrong, by=None, reason=body.reason, now=app_now(tx))


@router.post("/passage-reports/{report}/lifting", status_code=204)
def lift(report: UUID, body: DecisionIn, tx: HasTx, brand: Writes) -> None:
    """Offer the passage again; the reason is kept."""
    wrong = _wrong(tx, brand, report)
    reports.lift_quarantine(tx, brand=brand, wrong=wrong, by=None, reason=body.reason, now=app_now(tx))


def _wrong(tx: Tx, brand: BrandId, report: UUID) -> WrongText:
    return reports.wrong_text(tx, brand=brand, report=PassageReportId(report))


def _out(one: ReportedText) -> dict[str, object]:
    return {
        "article": one.wrong.article,
        "title": one.title,
        "text": one.quoted,
        "holds": one.holds,
        "quarantined_at": one.quarantine.quarantined_at if one.quarantine else None,
        "reports": [
            {
                "id": line.id,
                "worker": alias(line.worker_name),
                "ticket": line.ticket,
                "reason": line.reason,
                "note": line.note,
                "reported_at": line.reported_at,
                "state": line.state,
            }
            for line in one.reports
        ],
    }
