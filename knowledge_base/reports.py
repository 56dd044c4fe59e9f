"""Workers say that a passage is wrong; enough of them, or the brand, take it out of every suggestion.

Reports of one text queue up behind one lock, so that each counts all before it; that at most one quarantine holds
is the unique index's to say. A report never counts against its worker.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from knowledge_base.models import Article, Passage
from knowledge_base.report_models import (
    PassageQuarantine,
    PassageReport,
    QuarantineCause,
    ReportPolicy,
    ReportReason,
    ReportState,
)
from marketplace.accounts.fields import words_within
from marketplace.events.commands import record
from marketplace.events.facts import PassageQuarantined, PassageReported, QuarantineLifted, ReportDecided
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound, TooMany
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    PassageId,
    PassageReportId,
    PersonId,
    QuarantineId,
    TicketId,
    WorkerId,
    new_id,
)

REPORTS_TO_QUARANTINE = 3
FEWEST_REPORTS, MOST_REPORTS = 1, 20
REPORTS_PER_DAY = 20
DAY = timedelta(hours=24)
NOTE_LIMIT = 1_000
REASON_LIMIT = 1_000
QUOTE_LIMIT = 4_000


class BadReportNote(Invalid):
    """What you add to a report may have 1,000 characters."""


class ReportNeedsWords(Invalid):
    """Say in a few words what is wrong, or choose one of the other reasons."""


class TooManyReports(TooMany):
    """You have reported 20 passages in 24 hours: that is the limit. Tell the brand the rest in a note on a ticket."""


class NothingReported(NotFound):
    """Nobody has reported such a passage."""


class DecisionNeedsReason(Invalid):
    """Give a reason of 1 to 1,000 characters: those who reported the passage read it."""


class InQuarantine(Conflict):
    """This passage is in quarantine: lift it, and the reports are closed with the same reason."""


class NotInQuarantine(Conflict):
    """This passage is not in quarantine any more."""


class BadReportPolicy(Invalid):
    """A passage is taken out after 1 to 20 reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongText:
    """A text of an article, whatever revision it stands in."""

    article: ArticleId
    sha256: str


def sha256_of(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def wrong_text(tx: Tx, *, brand: BrandId, report: PassageReportId) -> WrongText:
    """What a report of this brand is about. Raises NothingReported."""
    found = tx.get(PassageReport, (brand, report))
    if found is None:
        raise NothingReported
    return WrongText(article=found.article_id, sha256=found.text_sha256)


def report_passage(
    tx: Tx,
    *,
    brand: BrandId,
    passage: PassageId,
    ticket: TicketId,
    worker: WorkerId,
    reason: ReportReason,
    note: str,
    now: datetime,
) -> PassageReport:
    """`worker` says that `passage` is wrong; with enough workers it is in quarantine in the same commit.

    The same worker on the same text again is the same report. Whether the worker was shown it is asked by
    `guidance.wrong_passages`. Raises NotFound, BadReportNote, ReportNeedsWords, TooManyReports.
    """
    said = _checked(note, reason)
    row, title = _passage(tx, brand, passage)
    wrong = WrongText(article=row.article_id, sha256=sha256_of(row.text))
    _wait(tx, f"passage reports of {worker}")
    known = _report_of(tx, brand, wrong, worker)
    if known is not None:
        return known
    _check_limit(tx, worker, now)
    _wait(tx, _name(brand, wrong))
    report = PassageReport(
        brand_id=brand,
        id=PassageReportId(new_id()),
        article_id=wrong.article,
        passage_id=passage,
        text_sha256=wrong.sha256,
        title=title,
        quoted=row.text[:QUOTE_LIMIT],
        ticket_id=ticket,
        worker_id=worker,
        reason=reason,
        note=said,
        reported_at=now,
        state=ReportState.OPEN,
        decision_note="",
    )
    tx.add(report)
    record(tx, PassageReported(brand=brand, worker=worker, report=report.id, article=wrong.article))
    _quarantine(tx, brand, wrong, passage, cause=QuarantineCause.REPORTS, by=None, now=now)
    return report


def confirm_wrong(tx: Tx, *, brand: BrandId, wrong: WrongText, by: PersonId | None, now: datetime) -> None:
    """The brand agrees: the text is in quarantine from this commit on, whoever reported it hears so.

    Raises NothingReported.
    """
    _wait(tx, _name(brand, wrong))
    _quarantine(
        tx, brand, wrong, _reported_passage(tx, brand, wrong), cause=QuarantineCause.BRAND, by=by, now=now
    )
    _decide(tx, brand, wrong, ReportState.CONFIRMED, by=by, note="", now=now)


def dismiss_reports(
    tx: Tx, *, brand: BrandId, wrong: WrongText, by: PersonId | None, reason: str, now: datetime
) -> None:
    """The passage is right; whoever reported it reads `reason`.

    Raises NothingReported, DecisionNeedsReason, InQuarantine.
    """
    said = words_within(reason, REASON_LIMIT, DecisionNeedsReason)
    _wait(tx, _name(brand, wrong))
    _reported_passage(tx, brand, wrong)
    if _find_quarantine(tx, brand, wrong) is not None:
        raise InQuarantine
    _decide(tx, brand, wrong, ReportState.DISMISSED, by=by, note=said, now=now)


def lift_quarantine(
    tx: Tx, *, brand: BrandId, wrong: WrongText, by: PersonId | None, reason: str, now: datetime
) -> None:
    """Offer the passage again; open reports are closed with `reason`. Raises NotInQuarantine, DecisionNeedsReason."""
    said = words_within(reason, REASON_LIMIT, DecisionNeedsReason)
    _wait(tx, _name(brand, wrong))
    held = _find_quarantine(tx, brand, wrong)
    if held is None:
        raise NotInQuarantine
    held.lifted_at, held.lifted_by, held.lift_reason = now, by, said
    record(tx, QuarantineLifted(brand=brand, quarantine=held.id, article=wrong.article))
    _decide(tx, brand, wrong, ReportState.DISMISSED, by=by, note=said, now=now)


def set_report_policy(tx: Tx, *, brand: BrandId, reports: int) -> None:
    """How many workers it takes; what is in quarantine already stays there. Raises BadReportPolicy."""
    if not FEWEST_REPORTS <= reports <= MOST_REPORTS:
        raise BadReportPolicy
    wanted = {"reports_to_quarantine": reports}
    put = insert(ReportPolicy).values(brand_id=brand, **wanted)
    tx.execute(put.on_conflict_do_update(index_elements=[ReportPolicy.brand_id], set_=wanted))


def reports_to_quarantine(tx: Tx, *, brand: BrandId) -> int:
    own = select(ReportPolicy.reports_to_quarantine).where(ReportPolicy.brand_id == brand)
    return tx.scalar(own) or REPORTS_TO_QUARANTINE


def _checked(note: str, reason: ReportReason) -> str:
    said = note.strip()
    if len(said) > NOTE_LIMIT or "\x00" in said:
        raise BadReportNote
    if reason is ReportReason.OTHER and not said:
        raise ReportNeedsWords
    return said


def _passage(tx: Tx, brand: BrandId, passage: PassageId) -> tuple[Passage, str]:
    found = tx.execute(
        select(Passage, Article.title)
        .join(Article, (Article.brand_id == Passage.brand_id) & (Article.id == Passage.article_id))
        .where(Passage.brand_id == brand, Passage.id == passage)
    ).one_or_none()
    if found is None:
        raise NotFound
    return found[0], found[1]


def _report_of(tx: Tx, brand: BrandId, wrong: WrongText, worker: WorkerId) -> PassageReport | None:
    return tx.scalars(
        select(PassageReport).where(*_about(brand, wrong), PassageReport.worker_id == worker)
    ).one_or_none()


def _check_limit(tx: Tx, worker: WorkerId, now: datetime) -> None:
    recent = select(func.count()).where(
        PassageReport.worker_id == worker, PassageReport.reported_at > now - DAY
    )
    if (tx.scalar(recent) or 0) >= REPORTS_PER_DAY:
        raise TooManyReports


def _quarantine(
    tx: Tx,
    brand: BrandId,
    wrong: WrongText,
    passage: PassageId,
    *,
    cause: QuarantineCause,
    by: PersonId | None,
    now: datetime,
) -> None:
    """Take the text out if there is cause to, once: the database counts, and its unique index lets one row in."""
    tx.flush()
    tx.execute(
        _HOLD, {"brand": brand}
    )  # as whoever changes what holds does: a reply about to leave asks under it
    wanted = {
        "brand": brand,
        "id": new_id(),
        "article": wrong.article,
        "passage": passage,
        "sha256": wrong.sha256,
        "cause": cause.value,
        "by": by,
        "now": now,
        "needed": reports_to_quarantine(tx, brand=brand) if cause is QuarantineCause.REPORTS else 0,
    }
    made = tx.execute(_TAKE_OUT, wanted).scalar_one_or_none()
    if made is not None:
        quarantine = QuarantineId(made)
        record(
            tx,
            PassageQuarantined(brand=brand, quarantine=quarantine, article=wrong.article, cause=cause.value),
        )


_HOLD = text("SELECT brand_id FROM knowledge_version WHERE brand_id = :brand FOR UPDATE")
_TAKE_OUT = text(
    "INSERT INTO passage_quarantine (brand_id, id, article_id, passage_id, text_sha256, cause, quarantined_at, "
    "quarantined_by) SELECT :brand, :id, :article, :passage, :sha256, :cause, :now, CAST(:by AS uuid) "
    "WHERE :needed <= (SELECT count(*) FROM passage_report r WHERE r.brand_id = :brand "
    "AND r.article_id = :article AND r.text_sha256 = :sha256 AND r.state = 'open') "
    "ON CONFLICT (brand_id, article_id, text_sha256) WHERE lifted_at IS NULL DO NOTHING RETURNING id"
)


def _reported_passage(tx: Tx, brand: BrandId, wrong: WrongText) -> PassageId:
    """The newest passage that was reported with these words."""
    newest = select(PassageReport.passage_id).where(*_about(brand, wrong)).order_by(PassageReport.id.desc())
    found = tx.scalars(newest.limit(1)).one_or_none()
    if found is None:
        raise NothingReported
    return found


def _find_quarantine(tx: Tx, brand: BrandId, wrong: WrongText) -> PassageQuarantine | None:
    return tx.scalars(
        select(PassageQuarantine).where(
            PassageQuarantine.brand_id == brand,
            PassageQuarantine.article_id == wrong.article,
            PassageQuarantine.text_sha256 == wrong.sha256,
            PassageQuarantine.lifted_at.is_(None),
        )
    ).one_or_none()


def _decide(
    tx: Tx,
    brand: BrandId,
    wrong: WrongText,
    state: ReportState,
    *,
    by: PersonId | None,
    note: str,
    now: datetime,
) -> None:
    decided = tx.execute(
        update(PassageReport)
        .where(*_about(brand, wrong), PassageReport.state == ReportState.OPEN)
        .values(state=state, decided_at=now, decided_by=by, decision_note=note)
        .returning(PassageReport.id, PassageReport.worker_id)
        .execution_options(synchronize_session=False)
    ).all()
    for report, worker in decided:
        record(tx, ReportDecided(brand=brand, worker=worker, report=report, outcome=state.value))


def _about(brand: BrandId, wrong: WrongText) -> tuple[ColumnElement[bool], ...]:
    return (
        PassageReport.brand_id == brand,
        PassageReport.article_id == wrong.article,
        PassageReport.text_sha256 == wrong.sha256,
    )


def _name(brand: BrandId, wrong: WrongText) -> str:
    return f"wrong text {brand} {wrong.article} {wrong.sha256}"


def _wait(tx: Tx, name: str) -> None:
    """Hold `name` until this transaction ends; what others committed under it is seen from here on."""
    tx.execute(_LOCK, {"name": name})


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
