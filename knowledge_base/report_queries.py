"""Reading what was reported wrong: for the brand by passage, for a worker by his own reports."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, text

from knowledge_base.liveness import is_live, sha256_of_text
from knowledge_base.models import Article, Passage
from knowledge_base.report_models import (
    PassageQuarantine,
    PassageReport,
    QuarantineCause,
    ReportReason,
    ReportState,
)
from knowledge_base.reports import WrongText
from marketplace.accounts.models import Brand, Person, Worker
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, PassageReportId, TicketId, WorkerId
from marketplace.tickets.models import Ticket

TEXTS_SHOWN = 30
REPORTS_SHOWN = 500
OWN_REPORTS_SHOWN = 50


class Whether(StrEnum):
    """What a brand's list of wrong passages is narrowed to."""

    TO_DECIDE = "open"
    QUARANTINED = "quarantined"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One worker's report. `worker_name` is for the brand only as far as receipts show it."""

    id: PassageReportId
    worker_name: str
    ticket: TicketId
    ticket_number: int
    reason: ReportReason
    note: str
    reported_at: datetime
    state: ReportState
    decision_note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    cause: QuarantineCause
    quarantined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedText:
    """A text of an article with its reports, newest first. `holds`: it stands in the article as it is now."""

    wrong: WrongText
    passage: PassageId
    title: str
    quoted: str
    holds: bool
    quarantine: Quarantine | None
    reports: tuple[ReportLine, ...]

    @property
    def open_reports(self) -> int:
        return sum(line.state is ReportState.OPEN for line in self.reports)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReport:
    """What a worker reported and what became of it. `quarantined`: it is offered to nobody now."""

    brand: str
    title: str
    quoted: str
    reason: ReportReason
    reported_at: datetime
    state: ReportState
    decision_note: str
    quarantined: bool


def reported_texts(tx: Tx, *, brand: BrandId, whether: Whether = Whether.ALL) -> list[ReportedText]:
    """The newest TEXTS_SHOWN texts with reports, those reported last first."""
    rows = tx.execute(_TEXTS, {"brand": brand, "whether": whether.value, "limit": TEXTS_SHOWN}).all()
    wanted = [WrongText(article=ArticleId(row.article_id), sha256=row.text_sha256) for row in rows]
    reports = _reports(tx, brand, wanted)
    holding = texts_that_hold(tx, brand=brand, articles={wrong.article for wrong in wanted})
    return [
        ReportedText(
            wrong=wrong,
            passage=PassageId(row.passage_id),
            title=row.title,
            quoted=row.quoted,
            holds=wrong in holding,
            quarantine=Quarantine(cause=QuarantineCause(row.cause), quarantined_at=row.quarantined_at)
            if row.cause
            else None,
            reports=tuple(reports.get(wrong, ())),
        )
        for row, wrong in zip(rows, wanted, strict=True)
    ]


def count_texts(tx: Tx, *, brand: BrandId) -> Mapping[Whether, int]:
    """How many texts each list has."""
    row = tx.execute(_COUNTS, {"brand": brand}).one()
    return {
        Whether.TO_DECIDE: row.undecided,
        Whether.QUARANTINED: row.quarantined,
        Whether.ALL: row.texts,
    }


def count_undecided(tx: Tx, *, brand: BrandId) -> int:
    """How many texts wait for the brand's word."""
    return count_texts(tx, brand=brand)[Whether.TO_DECIDE]


def quarantined_texts(tx: Tx, *, brand: BrandId) -> int:
    """How many texts that hold now are kept from suggestions."""
    held = (
        select(func.count(func.distinct(PassageQuarantine.id)))
        .select_from(PassageQuarantine)
        .join(
            Passage,
            (Passage.brand_id == PassageQuarantine.brand_id)
            & (Passage.article_id == PassageQuarantine.article_id)
            & (sha256_of_text() == PassageQuarantine.text_sha256),
        )
        .join(Article, is_live())
        .where(PassageQuarantine.brand_id == brand, PassageQuarantine.lifted_at.is_(None))
    )
    return tx.scalar(held) or 0


def quarantined_of_article(tx: Tx, *, brand: BrandId, article: ArticleId) -> frozenset[str]:
    """SHA-256 of the article's texts that are kept from suggestions."""
    held = select(PassageQuarantine.text_sha256).where(
        PassageQuarantine.brand_id == brand,
        PassageQuarantine.article_id == article,
        PassageQuarantine.lifted_at.is_(None),
    )
    return frozenset(tx.scalars(held))


def texts_that_hold(tx: Tx, *, brand: BrandId, articles: Collection[ArticleId]) -> frozenset[WrongText]:
    """Every text of `articles` as they are now."""
    rows = tx.execute(
        select(Passage.article_id, sha256_of_text())
        .join(Article, is_live())
        .where(Passage.brand_id == brand, Passage.article_id.in_(articles))
    )
    return frozenset(WrongText(article=article, sha256=sha256) for article, sha256 in rows)


def reports_by_passage(
    tx: Tx, *, worker: WorkerId, passages: Collection[PassageId]
) -> Mapping[PassageId, ReportState]:
    """Which of these passages `worker` has reported, and how each stands; in the worker's own scope."""
    rows = tx.execute(
        select(PassageReport.passage_id, PassageReport.state).where(
            PassageReport.worker_id == worker, PassageReport.passage_id.in_(passages)
        )
    )
    return {passage: state for passage, state in rows}


def own_reports(tx: Tx, *, worker: WorkerId) -> list[OwnReport]:
    """The worker's newest reports, in the worker's own scope."""
    held = select(PassageQuarantine.id).where(
        PassageQuarantine.brand_id == PassageReport.brand_id,
        PassageQuarantine.article_id == PassageReport.article_id,
        PassageQuarantine.text_sha256 == PassageReport.text_sha256,
        PassageQuarantine.lifted_at.is_(None),
    )
    rows = tx.execute(
        select(
            Brand.name.label("brand"),
            PassageReport.title,
            PassageReport.quoted,
            PassageReport.reason,
            PassageReport.reported_at,
            PassageReport.state,
            PassageReport.decision_note,
            held.exists().label("quarantined"),
        )
        .join(Brand, Brand.id == PassageReport.brand_id)
        .where(PassageReport.worker_id == worker)
        .order_by(PassageReport.id.desc())
        .limit(OWN_REPORTS_SHOWN)
    )
    return [OwnReport(**row._asdict()) for row in rows]


def _reports(tx: Tx, brand: BrandId, wanted: Collection[WrongText]) -> Mapping[WrongText, list[ReportLine]]:
    rows = tx.execute(
        select(PassageReport, Person.name, Ticket.number)
        .join(Worker, Worker.id == PassageReport.worker_id)
        .join(Person, Person.id == Worker.person_id)
        .join(Ticket, (Ticket.brand_id == PassageReport.brand_id) & (Ticket.id == PassageReport.ticket_id))
        .where(
            PassageReport.brand_id == brand,
            PassageReport.article_id.in_({wrong.article for wrong in wanted}),
            PassageReport.text_sha256.in_({wrong.sha256 for wrong in wanted}),
        )
        .order_by(PassageReport.id.desc())
        .limit(REPORTS_SHOWN)
    )
    found: dict[WrongText, list[ReportLine]] = {}
    for report, name, number in rows:
        wrong = WrongText(article=report.article_id, sha256=report.text_sha256)
        found.setdefault(wrong, []).append(_line(report, name, number))
    return found


def _line(report: PassageReport, name: str, number: int) -> ReportLine:
    return ReportLine(
        id=report.id,
        worker_name=name,
        ticket=report.ticket_id,
        ticket_number=number,
        reason=report.reason,
        note=report.note,
        reported_at=report.reported_at,
        state=report.state,
        decision_note=report.decision_note,
    )


_TEXTS = text(
    "SELECT r.article_id, r.text_sha256, r.passage_id, r.title, r.quoted, q.cause, q.quarantined_at "
    "FROM (SELECT DISTINCT ON (article_id, text_sha256) article_id, text_sha256, passage_id, title, quoted, id, "
    "bool_or(state = 'open') OVER (PARTITION BY article_id, text_sha256) AS undecided "
    "FROM passage_report WHERE brand_id = :brand ORDER BY article_id, text_sha256, id DESC) AS r "
    "LEFT JOIN passage_quarantine q ON q.brand_id = :brand AND q.article_id = r.article_id "
    "AND q.text_sha256 = r.text_sha256 AND q.lifted_at IS NULL "
    "WHERE :whether = 'all' OR :whether = 'open' AND r.undecided OR :whether = 'quarantined' AND q.id IS NOT NULL "
    "ORDER BY r.id DESC LIMIT :limit"
)
_COUNTS = text(
    "SELECT count(*) AS texts, count(*) FILTER (WHERE r.undecided) AS undecided, "
    "count(*) FILTER (WHERE EXISTS (SELECT FROM passage_quarantine q WHERE q.brand_id = :brand "
    "AND q.article_id = r.article_id AND q.text_sha256 = r.text_sha256 AND q.lifted_at IS NULL)) AS quarantined "
    "FROM (SELECT article_id, text_sha256, bool_or(state = 'open') AS undecided FROM passage_report "
    "WHERE brand_id = :brand GROUP BY article_id, text_sha256) AS r"
)
