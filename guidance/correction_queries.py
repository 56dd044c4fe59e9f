"""Reading corrections: how each stands, who is to be told what, and which texts changed under sent replies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Text, bindparam, func, select, text

from guidance.correction_models import Correction, CorrectionNotice, CorrectionReply, NoticeState
from guidance.corrections import NoCorrection
from knowledge_base.reports import WrongText
from marketplace.accounts.models import Brand
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    CorrectionId,
    CorrectionNoticeId,
    RevisionId,
    TicketId,
    WorkerId,
)
from marketplace.tickets.models import Customer, Ticket

CORRECTIONS_SHOWN = 50
NOTICES_A_PAGE = 25
CHANGES_SHOWN = 20
LOOKS_BACK = timedelta(days=90)
OWN_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionLine:
    """A correction and how many customers are in which state."""

    id: CorrectionId
    article: ArticleId
    title: str
    opened_at: datetime
    counts: Mapping[NoticeState, int]

    @property
    def customers(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliedLine:
    """A reply that rested on the wrong text."""

    ticket: TicketId
    number: int
    replied_at: datetime
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """One customer: what was said, what is to be said. `grounded`: it quotes a text that holds."""

    id: CorrectionNoticeId
    customer: str
    state: NoticeState
    body: str
    grounded: bool
    leaves_at: datetime | None
    sent_at: datetime | None
    skip_reason: str
    label: str
    replies: tuple[RepliedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionDetail:
    line: CorrectionLine
    notices: tuple[NoticeLine, ...]
    page: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedText:
    """A revision some of whose texts hold no more, though sent replies rest on them. `replies` counts those."""

    article: ArticleId
    revision: RevisionId
    revision_number: int
    title: str
    replies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedReply:
    """A worker's reply that its brand put right."""

    ticket: TicketId
    number: int
    brand: str
    sentences: tuple[str, ...]
    corrected_at: datetime


def corrections(tx: Tx, *, brand: BrandId) -> list[CorrectionLine]:
    """The newest CORRECTIONS_SHOWN."""
    rows = tx.scalars(
        select(Correction)
        .where(Correction.brand_id == brand)
        .order_by(Correction.id.desc())
        .limit(CORRECTIONS_SHOWN)
    ).all()
    counts = _counts(tx, brand, [row.id for row in rows])
    return [_line(row, counts) for row in rows]


def count_unsent(tx: Tx, *, brand: BrandId) -> int:
    """How many customers wait to be told."""
    drafted = select(func.count()).where(
        CorrectionNotice.brand_id == brand, CorrectionNotice.state == NoticeState.DRAFTED
    )
    return tx.scalar(drafted) or 0


def correction(tx: Tx, *, brand: BrandId, correction_id: CorrectionId, page: int = 1) -> CorrectionDetail:
    """Those still to be decided first. Raises NoCorrection."""
    row = tx.get(Correction, (brand, correction_id))
    if row is None:
        raise NoCorrection
    found = tx.execute(
        select(CorrectionNotice, Customer.name, Customer.email)
        .join(
            Customer,
            (Customer.brand_id == CorrectionNotice.brand_id) & (Customer.id == CorrectionNotice.customer_id),
        )
        .where(CorrectionNotice.brand_id == brand, CorrectionNotice.correction_id == correction_id)
        .order_by(CorrectionNotice.state.in_([NoticeState.SENT, NoticeState.SKIPPED]), CorrectionNotice.id)
        .offset((page - 1) * NOTICES_A_PAGE)
        .limit(NOTICES_A_PAGE + 1)
    ).all()
    replies = _replies(tx, brand, [notice.id for notice, _, _ in found])
    return CorrectionDetail(
        line=_line(row, _counts(tx, brand, [row.id])),
        notices=tuple(
            _notice(notice, name or email or "a customer", replies.get(notice.id, ()))
            for notice, name, email in found[:NOTICES_A_PAGE]
        ),
        page=page,
        has_more=len(found) > NOTICES_A_PAGE,
    )


def drafted_notices(tx: Tx, *, brand: BrandId, correction_id: CorrectionId) -> list[CorrectionNoticeId]:
    """Every customer of a correction who was not decided on."""
    return list(
        tx.scalars(
            select(CorrectionNotice.id)
            .where(
                CorrectionNotice.brand_id == brand,
                CorrectionNotice.correction_id == correction_id,
                CorrectionNotice.state == NoticeState.DRAFTED,
            )
            .order_by(CorrectionNotice.id)
        )
    )


def replies_resting_on(tx: Tx, *, brand: BrandId, texts: Sequence[WrongText]) -> Mapping[WrongText, int]:
    """How many sent replies rest on each text; those with none are left out."""
    rows = tx.execute(
        _RESTING,
        {
            "brand": brand,
            "articles": [one.article for one in texts],
            "texts": [one.sha256 for one in texts],
        },
    )
    return {WrongText(article=ArticleId(row.article_id), sha256=row.sha256): row.replies for row in rows}


def changed_texts(tx: Tx, *, brand: BrandId, now: datetime) -> list[ChangedText]:
    """Revisions that sent replies of the last LOOKS_BACK rest on and whose words hold no more; not corrected yet."""
    rows = tx.execute(_CHANGED, {"brand": brand, "since": now - LOOKS_BACK, "limit": CHANGES_SHOWN})
    return [
        ChangedText(
            article=ArticleId(row.article_id),
            revision=RevisionId(row.revision_id),
            revision_number=row.revision_number,
            title=row.title,
            replies=row.replies,
        )
        for row in rows
    ]


def corrected_replies(tx: Tx, *, worker: WorkerId) -> list[CorrectedReply]:
    """A worker's own replies that brands put right, newest first; in the worker's own scope."""
    rows = tx.execute(
        select(
            CorrectionReply.ticket_id.label("ticket"),
            Ticket.number,
            Brand.name.label("brand"),
            CorrectionReply.sentences,
            CorrectionReply.told_at.label("corrected_at"),
        )
        .join(
            Ticket,
            (Ticket.brand_id == CorrectionReply.brand_id) & (Ticket.id == CorrectionReply.ticket_id),
        )
        .join(Brand, Brand.id == CorrectionReply.brand_id)
        .where(CorrectionReply.worker_id == worker, CorrectionReply.told_at.is_not(None))
        .order_by(CorrectionReply.told_at.desc(), CorrectionReply.reply_id)
        .limit(OWN_SHOWN)
    )
    return [CorrectedReply(**{**row._asdict(), "sentences": tuple(row.sentences)}) for row in rows]


def _line(row: Correction, counts: Mapping[CorrectionId, Mapping[NoticeState, int]]) -> CorrectionLine:
    return CorrectionLine(
        id=row.id,
        article=row.article_id,
        title=row.title,
        opened_at=row.opened_at,
        counts=counts.get(row.id, {}),
    )


def _counts(
    tx: Tx, brand: BrandId, wanted: Sequence[CorrectionId]
) -> Mapping[CorrectionId, Mapping[NoticeState, int]]:
    rows = tx.execute(
        select(CorrectionNotice.correction_id, CorrectionNotice.state, func.count())
        .where(CorrectionNotice.brand_id == brand, CorrectionNotice.correction_id.in_(wanted))
        .group_by(CorrectionNotice.correction_id, CorrectionNotice.state)
    )
    counted: dict[CorrectionId, dict[NoticeState, int]] = {}
    for correction_id, state, count in rows:
        counted.setdefault(correction_id, {})[state] = count
    return counted


def _replies(
    tx: Tx, brand: BrandId, notices: Sequence[CorrectionNoticeId]
) -> Mapping[CorrectionNoticeId, tuple[RepliedLine, ...]]:
    rows = tx.execute(
        select(CorrectionReply, Ticket.number)
        .join(
            Ticket,
            (Ticket.brand_id == CorrectionReply.brand_id) & (Ticket.id == CorrectionReply.ticket_id),
        )
        .where(CorrectionReply.brand_id == brand, CorrectionReply.notice_id.in_(notices))
        .order_by(CorrectionReply.replied_at.desc(), CorrectionReply.reply_id)
    )
    found: dict[CorrectionNoticeId, tuple[RepliedLine, ...]] = {}
    for reply, number in rows:
        line = RepliedLine(
            ticket=reply.ticket_id,
            number=number,
            replied_at=reply.replied_at,
            sentences=tuple(reply.sentences),
        )
        found[reply.notice_id] = (*found.get(reply.notice_id, ()), line)
    return found


def _notice(row: CorrectionNotice, customer: str, replies: tuple[RepliedLine, ...]) -> NoticeLine:
    return NoticeLine(
        id=row.id,
        customer=customer,
        state=row.state,
        body=row.body,
        grounded=row.passage_id is not None,
        leaves_at=row.leaves_at,
        sent_at=row.sent_at,
        skip_reason=row.skip_reason,
        label=row.label,
        replies=replies,
    )


_RESTING = text(
    "SELECT w.article_id, w.sha256, count(DISTINCT r.reply_id) AS replies "
    "FROM unnest(CAST(:articles AS uuid[]), CAST(:texts AS text[])) AS w(article_id, sha256) "
    "JOIN passage s ON s.brand_id = :brand AND s.article_id = w.article_id "
    "AND encode(sha256(convert_to(s.text, 'UTF8')), 'hex') = w.sha256 "
    "JOIN suggestion_passage p ON p.brand_id = s.brand_id AND p.passage_id = s.id "
    "JOIN receipt r ON r.brand_id = p.brand_id AND r.suggestion_id = p.suggestion_id "
    "JOIN reply y ON y.brand_id = r.brand_id AND y.id = r.reply_id AND y.state = 'sent' "
    "WHERE (jsonb_exists(r.inserted, p.rank::text) "
    "OR r.support @> jsonb_build_array(jsonb_build_object('passage_rank', p.rank))) "
    "GROUP BY w.article_id, w.sha256"
).bindparams(bindparam("texts", type_=ARRAY(Text)))
_CHANGED = text(
    "WITH cited AS (SELECT p.article_id, p.revision_id, p.passage_id, r.reply_id, y.sent_at "
    "FROM reply y JOIN receipt r ON r.brand_id = y.brand_id AND r.reply_id = y.id "
    "JOIN suggestion_passage p ON p.brand_id = r.brand_id AND p.suggestion_id = r.suggestion_id "
    "WHERE y.brand_id = :brand AND y.state = 'sent' AND y.sent_at > :since "
    "AND (jsonb_exists(r.inserted, p.rank::text) "
    "OR r.support @> jsonb_build_array(jsonb_build_object('passage_rank', p.rank)))), "
    "holds AS (SELECT a.id AS article_id, (SELECT b.revision_id FROM publication b WHERE b.brand_id = :brand "
    "AND b.article_id = a.id AND b.starts_at <= app_now() ORDER BY b.starts_at DESC LIMIT 1) AS revision_id "
    "FROM article a WHERE a.brand_id = :brand AND a.id IN (SELECT article_id FROM cited)) "
    "SELECT c.article_id, c.revision_id, v.number AS revision_number, v.title, "
    "count(DISTINCT c.reply_id) AS replies FROM cited c "
    "JOIN holds h ON h.article_id = c.article_id AND h.revision_id IS DISTINCT FROM c.revision_id "
    "JOIN revision v ON v.brand_id = :brand AND v.id = c.revision_id "
    "JOIN passage s ON s.brand_id = :brand AND s.id = c.passage_id "
    "WHERE NOT EXISTS (SELECT FROM passage n WHERE n.brand_id = :brand AND n.revision_id = h.revision_id "
    "AND n.text = s.text) "
    "AND NOT EXISTS (SELECT FROM correction o WHERE o.brand_id = :brand AND o.article_id = c.article_id "
    "AND o.source = 'revision:' || c.revision_id) "
    "GROUP BY c.article_id, c.revision_id, v.number, v.title ORDER BY max(c.sent_at) DESC LIMIT :limit"
)
