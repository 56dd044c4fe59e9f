"""Customers who were told something wrong are told what holds: each once, by the brand, after it has looked.

Whose replies rested on a text is read from their receipts: a sentence of the sent reply stands in it, or it was
inserted; that it was shown does not count. The customer is written to by the brand itself, also on a resolved
ticket: that reopens nothing, and nobody is paid or charged for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from guidance.correction_models import Correction, CorrectionNotice, CorrectionReply, NoticeState
from guidance.correction_words import Told, compose_correction, replacement
from guidance.draft import CitedPassage
from guidance.lint import blocks_sending, lint
from guidance.voice import Voice
from guidance.voices import voice_of
from knowledge_base.liveness import is_offered, sha256_of_text
from knowledge_base.models import Article, Passage, Revision
from knowledge_base.report_queries import quarantined_of_article, texts_that_hold
from knowledge_base.reports import WrongText, sha256_of
from marketplace.accounts.fields import words_within
from marketplace.accounts.models import Brand
from marketplace.events.commands import record
from marketplace.events.facts import CorrectionSent, ReplyCorrected
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import (
    ArticleId,
    BrandId,
    CorrectionId,
    CorrectionNoticeId,
    CustomerId,
    MessageId,
    PassageId,
    PersonId,
    ReplyId,
    RevisionId,
    TicketId,
    new_id,
)
from marketplace.tickets.linked import find_follower
from marketplace.tickets.models import Author, Message, Ticket
from marketplace.tickets.replies import REPLY_LIMIT, Delivery, Outgoing, label_proof

UNDO = timedelta(seconds=30)
"""How long a correction waits before it leaves, and may be taken back."""

REPLIES_A_CORRECTION = 5_000
DELIVERED_A_STEP = 100
REASON_LIMIT = 1_000
CHAIN_LIMIT = 100


class StillOffered(Conflict):
    """This text still holds and is offered. Confirm that it is wrong, or change the article, and correct it then."""


class NoCorrection(NotFound):
    """There is no such correction."""


class NotDrafted(Conflict):
    """This correction is on its way, was sent or was skipped. Reload to see how it stands."""


class TooLateToUndo(Conflict):
    """This correction has left already."""


class BadCorrection(Invalid):
    """A correction has 1 to 5,000 characters."""


class UnfitCorrection(Invalid):
    """This correction cannot be sent as it is."""


class SkipNeedsReason(Invalid):
    """Say in 1 to 1,000 characters why this customer need not be told."""


class NoSuchRevision(NotFound):
    """There is no such revision of this article."""


def own_label(brand_name: str) -> str:
    """A customer is told who answers; here it is the brand."""
    return f"Sent by {brand_name} itself, to correct an earlier answer."


def correct_text(
    tx: Tx, *, brand: BrandId, wrong: WrongText, by: PersonId | None, now: datetime
) -> Correction:
    """Draft a correction for everybody whose reply rested on a text; again, it finds who came since.

    Raises StillOffered.
    """
    if wrong not in _not_offered(tx, brand, wrong.article, [wrong.sha256]):
        raise StillOffered
    return _correct(
        tx, brand, wrong.article, source=f"text:{wrong.sha256}", texts=[wrong.sha256], by=by, now=now
    )


def correct_revision(
    tx: Tx, *, brand: BrandId, article: ArticleId, revision: RevisionId, by: PersonId | None, now: datetime
) -> Correction:
    """The same for every text of a revision that its article does not say any more.

    Raises NoSuchRevision, StillOffered.
    """
    texts = tx.scalars(
        select(sha256_of_text()).where(
            Passage.brand_id == brand, Passage.article_id == article, Passage.revision_id == revision
        )
    ).all()
    if not texts:
        raise NoSuchRevision
    gone = sorted(one.sha256 for one in _not_offered(tx, brand, article, texts))
    if not gone:
        raise StillOffered
    return _correct(tx, brand, article, source=f"revision:{revision}", texts=gone, by=by, now=now)


def edit_notice(tx: Tx, *, brand: BrandId, notice: CorrectionNoticeId, body: str) -> CorrectionNotice:
    """Raises NoCorrection, NotDrafted, BadCorrection."""
    if not body.strip() or len(body) > REPLY_LIMIT or "\x00" in body:
        raise BadCorrection
    row = _locked(tx, brand, notice)
    if row.state is not NoticeState.DRAFTED:
        raise NotDrafted
    row.body = body
    tx.flush()
    return row


def send_notice(
    tx: Tx, *, brand: BrandId, notice: CorrectionNoticeId, by: PersonId | None, now: datetime
) -> CorrectionNotice:
    """Let a drafted correction leave after UNDO. Raises NoCorrection, NotDrafted, UnfitCorrection."""
    row = _locked(tx, brand, notice)
    if row.state is not NoticeState.DRAFTED:
        raise NotDrafted
    if unfit := why_unfit(tx, row):
        raise UnfitCorrection(unfit)
    row.state, row.leaves_at, row.decided_by = NoticeState.QUEUED, now + UNDO, by
    tx.flush()
    return row


def undo_notice(tx: Tx, *, brand: BrandId, notice: CorrectionNoticeId, now: datetime) -> None:
    """Take a correction back that has not left; a skipped one is drafted again. Raises NoCorrection, TooLateToUndo."""
    row = _locked(tx, brand, notice)
    if row.state is NoticeState.SENT or (row.leaves_at is not None and row.leaves_at <= now):
        raise TooLateToUndo
    row.state, row.leaves_at, row.skip_reason = NoticeState.DRAFTED, None, ""
    tx.flush()


def skip_notice(
    tx: Tx, *, brand: BrandId, notice: CorrectionNoticeId, by: PersonId | None, reason: str
) -> None:
    """This customer is not written to. Raises NoCorrection, NotDrafted, SkipNeedsReason."""
    said = words_within(reason, REASON_LIMIT, SkipNeedsReason)
    row = _locked(tx, brand, notice)
    if row.state is not NoticeState.DRAFTED:
        raise NotDrafted
    row.state, row.skip_reason, row.decided_by = NoticeState.SKIPPED, said, by
    tx.flush()


def why_unfit(tx: Tx, notice: CorrectionNotice) -> str:
    """What keeps a correction from being sent, in words; empty when nothing does.

    What was wrong may be quoted, so its figures count as known beside those that hold.
    """
    known = [*_replied_from(tx, notice), *([notice.passage_id] if notice.passage_id else [])]
    passages = tx.scalars(
        select(Passage.text).where(Passage.brand_id == notice.brand_id, Passage.id.in_(known))
    )
    cited = [_cited(rank, words) for rank, words in enumerate(passages, start=1)]
    found = lint(notice.body, voice_of(tx, brand=notice.brand_id).voice, cited)
    return " ".join(one.message for one in found if blocks_sending([one]))


def deliver_corrections(tx: Tx, *, delivery: Delivery, now: datetime) -> int:
    """Deliver what may not be taken back any more; how many left. Each leaves once: its row is locked and moves."""
    due = tx.scalars(
        select(CorrectionNotice)
        .where(CorrectionNotice.state == NoticeState.QUEUED, CorrectionNotice.leaves_at <= now)
        .order_by(CorrectionNotice.leaves_at)
        .limit(DELIVERED_A_STEP)
        .with_for_update(skip_locked=True)
    ).all()
    for notice in due:
        _deliver(tx, notice, delivery, now)
    return len(due)


# --- drafting -----------------------------------------------------------------------------------------------


def _not_offered(tx: Tx, brand: BrandId, article: ArticleId, texts: Iterable[str]) -> frozenset[WrongText]:
    """Those of an article's texts that it does not say any more, or that are in quarantine."""
    wanted = {WrongText(article=article, sha256=sha256) for sha256 in texts}
    out = quarantined_of_article(tx, brand=brand, article=article)
    holding = texts_that_hold(tx, brand=brand, articles=[article])
    return frozenset(one for one in wanted if one not in holding or one.sha256 in out)


def _correct(
    tx: Tx,
    brand: BrandId,
    article: ArticleId,
    *,
    source: str,
    texts: Sequence[str],
    by: PersonId | None,
    now: datetime,
) -> Correction:
    row = _opened(tx, brand, article, source=source, texts=texts, by=by, now=now)
    found = _replies(tx, brand, article, texts=row.texts)
    if found:
        _draft_notices(tx, row, found)
    return row


def _opened(
    tx: Tx,
    brand: BrandId,
    article: ArticleId,
    *,
    source: str,
    texts: Sequence[str],
    by: PersonId | None,
    now: datetime,
) -> Correction:
    """The correction of `source`, made when it is new, its row locked: two who open it draft one after the other."""
    title = tx.scalars(select(Article.title).where(Article.brand_id == brand, Article.id == article)).one()
    tx.execute(
        insert(Correction)
        .values(
            brand_id=brand,
            id=CorrectionId(new_id()),
            article_id=article,
            source=source,
            title=title,
            texts=list(texts),
            opened_at=now,
            opened_by=by,
        )
        .on_conflict_do_nothing()
    )
    wanted = select(Correction).where(
        Correction.brand_id == brand, Correction.article_id == article, Correction.source == source
    )
    return tx.scalars(wanted.with_for_update()).one()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rested:
    """A sent reply that rested on a wrong text, and the sentences of it that did."""

    reply: ReplyId
    ticket: TicketId
    customer: CustomerId
    customer_name: str | None
    row: Row[Any]
    passage: PassageId
    wrong: str
    sentences: tuple[str, ...]


def _replies(tx: Tx, brand: BrandId, article: ArticleId, *, texts: Sequence[str]) -> list[_Rested]:
    """Newest first."""
    rows = tx.execute(
        _REPLIES,
        {"brand": brand, "article": article, "texts": list(texts), "limit": REPLIES_A_CORRECTION},
    )
    return [
        _Rested(
            reply=ReplyId(row.reply_id),
            ticket=TicketId(row.ticket_id),
            customer=CustomerId(row.customer_id),
            customer_name=row.customer_name,
            row=row,
            passage=PassageId(row.passage_id),
            wrong=row.wrong,
            sentences=tuple(one["sentence"] for one in row.support if one["passage_rank"] in row.ranks),
        )
        for row in rows
    ]


_REPLIES = text(
    "SELECT r.reply_id, r.ticket_id, k.customer_id, c.name AS customer_name, y.worker_id, y.sent_at, r.support, "
    "array_agg(p.rank ORDER BY p.rank) AS ranks, (array_agg(p.passage_id ORDER BY p.rank))[1] AS passage_id, "
    "(array_agg(s.text ORDER BY p.rank))[1] AS wrong "
    "FROM suggestion_passage p "
    "JOIN passage s ON s.brand_id = p.brand_id AND s.id = p.passage_id "
    "JOIN receipt r ON r.brand_id = p.brand_id AND r.suggestion_id = p.suggestion_id "
    "JOIN reply y ON y.brand_id = r.brand_id AND y.id = r.reply_id AND y.state = 'sent' "
    "JOIN ticket k ON k.brand_id = r.brand_id AND k.id = r.ticket_id "
    "JOIN customer c ON c.brand_id = k.brand_id AND c.id = k.customer_id "
    "WHERE p.brand_id = :brand AND p.article_id = :article "
    "AND encode(sha256(convert_to(s.text, 'UTF8')), 'hex') = ANY(:texts) "
    "AND (jsonb_exists(r.inserted, p.rank::text) "
    "OR r.support @> jsonb_build_array(jsonb_build_object('passage_rank', p.rank))) "
    "GROUP BY r.reply_id, r.ticket_id, k.customer_id, c.name, y.worker_id, y.sent_at, r.support "
    "ORDER BY y.sent_at DESC, r.reply_id DESC LIMIT :limit"
).bindparams(bindparam("texts", type_=ARRAY(Text)))


def _draft_notices(tx: Tx, correction: Correction, found: Sequence[_Rested]) -> None:
    """One notice a customer about the newest reply; a customer who has one keeps it, with the further replies."""
    brand = correction.brand_id
    known = _notices_by_customer(tx, correction)
    fresh = _fresh_texts(tx, brand, correction.article_id, [one.wrong for one in found])
    voice = voice_of(tx, brand=brand).voice
    for one in found:
        if one.customer not in known:
            known[one.customer] = _draft(tx, correction, one, fresh, voice)
        _keep_reply(tx, correction, one, known[one.customer])


def _notices_by_customer(tx: Tx, correction: Correction) -> dict[CustomerId, CorrectionNoticeId]:
    rows = tx.execute(
        select(CorrectionNotice.customer_id, CorrectionNotice.id).where(
            CorrectionNotice.brand_id == correction.brand_id,
            CorrectionNotice.correction_id == correction.id,
        )
    )
    return {customer: notice for customer, notice in rows}


def _draft(
    tx: Tx, correction: Correction, one: _Rested, fresh: Sequence[CitedPassage], voice: Voice
) -> CorrectionNoticeId:
    holds = replacement(" ".join(one.sentences) or one.wrong, fresh)
    words = compose_correction(
        told=Told(sentences=one.sentences, told_at=one.row.sent_at),
        wrong=one.wrong,
        now_holds=holds,
        voice=voice,
        customer_name=one.customer_name,
    )[:REPLY_LIMIT]
    notice = CorrectionNotice(
        brand_id=correction.brand_id,
        id=CorrectionNoticeId(new_id()),
        correction_id=correction.id,
        customer_id=one.customer,
        ticket_id=one.ticket,
        draft=words,
        body=words,
        passage_id=PassageId(UUID(holds.passage_id)) if holds else None,
        state=NoticeState.DRAFTED,
    )
    tx.add(notice)
    tx.flush()
    return notice.id


def _keep_reply(tx: Tx, correction: Correction, one: _Rested, notice: CorrectionNoticeId) -> None:
    tx.execute(
        insert(CorrectionReply)
        .values(
            brand_id=correction.brand_id,
            correction_id=correction.id,
            reply_id=one.reply,
            notice_id=notice,
            ticket_id=one.ticket,
            worker_id=one.row.worker_id,
            passage_id=one.passage,
            sentences=list(one.sentences),
            replied_at=one.row.sent_at,
        )
        .on_conflict_do_nothing()
    )


def _fresh_texts(tx: Tx, brand: BrandId, article: ArticleId, wrong: Sequence[str]) -> list[CitedPassage]:
    """What the article says now and did not say beside a wrong text: only that can have taken its place."""
    beside = (
        select(sha256_of_text())
        .where(
            Passage.brand_id == brand,
            Passage.article_id == article,
            Passage.revision_id.in_(_revisions_with(brand, article, wrong)),
        )
        .distinct()
    )
    old = set(tx.scalars(beside))
    rows = tx.execute(
        select(Passage.id, Passage.text, Passage.section_path, Article.title)
        .select_from(Passage)
        .join(Article, is_offered())
        .where(Passage.brand_id == brand, Passage.article_id == article)
        .order_by(Passage.ordinal)
    )
    return [
        CitedPassage(
            rank=rank,
            passage_id=str(row.id),
            article_id=str(article),
            article_title=row.title,
            section_path=tuple(row.section_path),
            text=row.text,
            score=1.0,
        )
        for rank, row in enumerate(rows, start=1)
        if sha256_of(row.text) not in old
    ]


def _revisions_with(brand: BrandId, article: ArticleId, wrong: Sequence[str]) -> Any:
    return (
        select(Revision.id)
        .join(Passage, (Passage.brand_id == Revision.brand_id) & (Passage.revision_id == Revision.id))
        .where(
            Revision.brand_id == brand,
            Revision.article_id == article,
            sha256_of_text().in_({sha256_of(words) for words in wrong}),
        )
    )


# --- sending ------------------------------------------------------------------------------------------------


def _deliver(tx: Tx, notice: CorrectionNotice, delivery: Delivery, now: datetime) -> None:
    brand = notice.brand_id
    ticket = _newest_of_conversation(tx, brand, notice.ticket_id)
    label = own_label(tx.scalars(select(Brand.name).where(Brand.id == brand)).one())
    sent = f"{notice.body}\n\n{label}"
    message = Message(
        brand_id=brand,
        id=MessageId(new_id()),
        ticket_id=ticket.id,
        author=Author.BRAND,
        external_id=None,
        body=notice.body,
        written_at=now,
    )
    tx.add(message)
    tx.flush()
    delivery.deliver(
        Outgoing(
            brand=brand,
            ticket=ticket.id,
            reply=ReplyId(notice.id),  # what a channel knows it by, as it knows a reply by its id
            external_id=ticket.external_id,
            text=sent,
        )
    )
    notice.state, notice.leaves_at, notice.sent_at = NoticeState.SENT, None, now
    notice.message_id, notice.label, notice.label_proof = message.id, label, label_proof(notice.body, label)
    tx.flush()
    record(
        tx,
        CorrectionSent(
            brand=brand, ticket=ticket.id, notice=notice.id, external_id=ticket.external_id, text=sent
        ),
    )
    _tell_workers(tx, notice, now)


def _newest_of_conversation(tx: Tx, brand: BrandId, ticket: TicketId) -> Ticket:
    """A further message belongs to the ticket that goes on from this one last, as the customer's do."""
    newest = ticket
    for _ in range(CHAIN_LIMIT):
        following = find_follower(tx, brand=brand, ticket=newest)
        if following is None:
            break
        newest = following
    return tx.get_one(Ticket, (brand, newest))


def _tell_workers(tx: Tx, notice: CorrectionNotice, now: datetime) -> None:
    told = tx.execute(
        update(CorrectionReply)
        .where(
            CorrectionReply.brand_id == notice.brand_id,
            CorrectionReply.notice_id == notice.id,
            CorrectionReply.told_at.is_(None),
        )
        .values(told_at=now)
        .returning(CorrectionReply.reply_id, CorrectionReply.ticket_id, CorrectionReply.worker_id)
        .execution_options(synchronize_session=False)
    ).all()
    for reply, ticket, worker in told:
        record(tx, ReplyCorrected(brand=notice.brand_id, worker=worker, ticket=ticket, reply=reply))


def _locked(tx: Tx, brand: BrandId, notice: CorrectionNoticeId) -> CorrectionNotice:
    wanted = select(CorrectionNotice).where(CorrectionNotice.brand_id == brand, CorrectionNotice.id == notice)
    row = tx.scalars(wanted.with_for_update(), execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        raise NoCorrection
    return row


def _replied_from(tx: Tx, notice: CorrectionNotice) -> Sequence[PassageId]:
    return tx.scalars(
        select(CorrectionReply.passage_id).where(
            CorrectionReply.brand_id == notice.brand_id, CorrectionReply.notice_id == notice.id
        )
    ).all()


def _cited(rank: int, words: str) -> CitedPassage:
    return CitedPassage(
        rank=rank,
        passage_id="",
        article_id="",
        article_title="",
        section_path=(),
        text=words,
        score=1.0,
    )
