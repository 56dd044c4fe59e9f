"""The gap list as it is kept: unanswered questions join gaps, gaps are looked at again, people decide on them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import ARRAY, Uuid, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from guidance.anonymous import Customer, anonymous, numbers_of
from guidance.clusters import Clusters
from guidance.conversation import asked_in
from guidance.engine import answer
from guidance.gap_evidence import Unanswered, unanswered
from guidance.gap_models import Gap, GapCost, GapQuestion, GapState
from guidance.gap_names import key_words_of, name_of, stems_of
from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import IndexUnavailable, Retriever
from knowledge_base.models import Publication
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import ArticleId, BrandId, GapId, PersonId, TicketId, new_id
from marketplace.tickets.lost_work import LostWork, unpaid_time
from marketplace.tickets.models import Customer as CustomerRow
from marketplace.tickets.models import Ticket

GAPS_PER_BRAND = 2_000
"""Three megabytes of vectors. Where there are more meanings, the rarest and oldest open gap makes room."""

QUESTION_CHARACTERS = 600
REASON_CHARACTERS = 500
RENEWED_A_LOOK = 50
RENEWED_FROM = 20
"""Newest questions from which a gap's direction is made anew after a change of the model."""

GAPS_A_LOOK = 10
ASKED_AGAIN = 5
ANSWERED_SHARE = 0.6
"""Of a gap's newest five questions, so many must find a newer passage above the threshold to close it."""

RENAMED_A_NIGHT = 50
RENAMED_AFTER = timedelta(hours=20)
GROWN_TIMES = 2
NAMED_FROM = 200
COMPARED_WITH = 2_000


class GapNotFound(NotFound):
    """There is no such gap in this brand's list."""


class ReasonMissing(Invalid):
    """Say in a few words, 500 characters at most, why this gap needs no article."""


class NotOpen(Conflict):
    """This gap is no longer open. Reload and look at what became of it."""


class NotDismissed(Conflict):
    """This gap is not dismissed. Reload and look at what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look needs: the encoder, and who says what was posted for tickets (billing, which guidance never sees)."""

    embedder: Callable[[], Embedder]
    posted_losses: Callable[..., Sequence[LostWork]]


def look_at_tickets(
    tx: Tx, sight: Sight, *, brand: BrandId, tickets: Sequence[TicketId], now: datetime
) -> None:
    """Bring the questions of these tickets, their gaps and costs to what the tables say now."""
    evidence = unanswered(tx, brand=brand, tickets=tickets)
    known = _known(tx, brand, list(evidence))
    touched = {question.gap_id for question in known.values()}
    answered = [question for ticket, question in known.items() if evidence[ticket] is None]
    for question in answered:
        tx.delete(question)
    for ticket, question in known.items():
        if found := evidence[ticket]:
            _bring_up(question, found)
    fresh = [found for ticket, found in evidence.items() if found and ticket not in known]
    if fresh:
        touched |= _place(tx, sight.embedder(), brand, fresh, now)
    tx.flush()
    _write_costs(tx, sight, brand, [ticket for ticket, found in evidence.items() if found])
    _recount(tx, brand, touched)


def look_at_all_again(tx: Tx, *, brand: BrandId) -> None:
    """An index was published: what is open may be answered now."""
    tx.execute(
        update(Gap)
        .where(Gap.brand_id == brand, Gap.state.in_([GapState.OPEN, GapState.BEING_WRITTEN]))
        .values(look_due=True)
    )


def close_answered(tx: Tx, retriever: Retriever, *, weight: float, threshold: float, now: datetime) -> int:
    """Ask the newest questions of up to 10 due gaps again, the costliest first; how many were looked at."""
    due = tx.scalars(
        select(Gap)
        .where(Gap.look_due)
        .order_by(Gap.cost_minor.desc(), Gap.id)
        .limit(GAPS_A_LOOK)
        .with_for_update(skip_locked=True)
    ).all()
    for gap in due:
        gap.look_due = False
        if gap.state in (GapState.OPEN, GapState.BEING_WRITTEN):
            _close_if_answered(tx, retriever, gap, weight, threshold, now)
    return len(due)


def rename_grown(tx: Tx, *, now: datetime) -> int:
    """Name those gaps anew that have twice the questions they were named by, each once a night; how many."""
    grown = tx.scalars(
        select(Gap)
        .where(
            Gap.state.in_([GapState.OPEN, GapState.BEING_WRITTEN]),
            Gap.questions >= GROWN_TIMES * Gap.named_questions,
            Gap.named_at < now - RENAMED_AFTER,
        )
        .order_by(Gap.named_at, Gap.id)
        .limit(RENAMED_A_NIGHT)
        .with_for_update(skip_locked=True)
    ).all()
    for gap in grown:
        _name(tx, gap, now)
    return len(grown)


def dismiss_gap(tx: Tx, *, brand: BrandId, gap: GapId, because: str, by: PersonId, now: datetime) -> None:
    """Take a gap off the list, with a reason; questions go on joining it. Raises ReasonMissing, NotOpen."""
    reason = because.strip()
    if not reason or len(reason) > REASON_CHARACTERS or "\x00" in reason:
        raise ReasonMissing
    row = locked_gap(tx, brand=brand, gap=gap)
    if row.state not in (GapState.OPEN, GapState.BEING_WRITTEN):
        raise NotOpen
    row.state, row.look_due = GapState.DISMISSED, False
    row.dismissed_at, row.dismissed_by, row.dismissed_because = now, by, reason
    tx.flush()


def bring_back_gap(tx: Tx, *, brand: BrandId, gap: GapId) -> None:
    """Put a dismissed gap on the list again. Raises NotDismissed, GapNotFound."""
    row = locked_gap(tx, brand=brand, gap=gap)
    if row.state is not GapState.DISMISSED:
        raise NotDismissed
    row.state, row.look_due = GapState.OPEN, True
    row.dismissed_at, row.dismissed_by, row.dismissed_because = None, None, ""
    tx.flush()


def being_written(tx: Tx, *, brand: BrandId, gap: GapId, article: ArticleId) -> None:
    """Somebody writes `article` for this gap."""
    row = locked_gap(tx, brand=brand, gap=gap)
    if row.state is GapState.OPEN:
        row.state, row.article_id = GapState.BEING_WRITTEN, article
        tx.flush()


def locked_gap(tx: Tx, *, brand: BrandId, gap: GapId) -> Gap:
    """Raises GapNotFound."""
    row = tx.get(Gap, (brand, gap), with_for_update=True, populate_existing=True)
    if row is None:
        raise GapNotFound
    return row


# --- questions ----------------------------------------------------------------------------------------------


def _known(tx: Tx, brand: BrandId, tickets: Sequence[TicketId]) -> dict[TicketId, GapQuestion]:
    rows = tx.scalars(
        select(GapQuestion)
        .where(GapQuestion.brand_id == brand, GapQuestion.ticket_id.in_(tickets))
        .order_by(GapQuestion.ticket_id)
    )
    return {row.ticket_id: row for row in rows}


def _bring_up(question: GapQuestion, found: Unanswered) -> None:
    causes = [cause.value for cause in found.causes]
    if (question.causes, question.escalations, question.reopens) == (
        causes,
        found.escalations,
        found.reopens,
    ):
        return
    question.causes, question.escalations, question.reopens = causes, found.escalations, found.reopens
    question.suggestion_id = question.suggestion_id or found.suggestion


def _place(
    tx: Tx, embedder: Embedder, brand: BrandId, fresh: Sequence[Unanswered], now: datetime
) -> set[GapId]:
    """Put each new question into a gap, in the order they were asked; the gaps they came into."""
    shelf = _Shelf.of(tx, brand, embedder)
    for found in sorted(fresh, key=lambda one: (one.asked_at, one.ticket)):
        question = question_of(tx, brand=brand, found=found)
        shelf.put(found, question, now)
    return shelf.touched


def question_of(tx: Tx, *, brand: BrandId, found: Unanswered) -> str:
    """What the engine was asked, as others may read it: without its customer's data."""
    asked = asked_in(tx, brand=brand, ticket=found.ticket, message=found.message).last_turn
    ticket = tx.get_one(Ticket, (brand, found.ticket))
    row = tx.get(CustomerRow, (brand, ticket.customer_id))
    customer = Customer(name=(row.name or "") if row else "", numbers=numbers_of(asked, ticket.external_id))
    return anonymous(asked, customer)[:QUESTION_CHARACTERS].strip() or "(no words)"


class _Shelf:
    """A brand's gaps with their directions, for one batch of questions."""

    def __init__(
        self, tx: Tx, brand: BrandId, embedder: Embedder, gaps: list[GapId], sums: Sequence[Vectors]
    ):
        self._tx, self._brand, self._embedder = tx, brand, embedder
        self._gaps = gaps
        self._clusters = Clusters.of(sums)
        self.touched: set[GapId] = set()

    @classmethod
    def of(cls, tx: Tx, brand: BrandId, embedder: Embedder) -> "_Shelf":
        _renew(tx, brand, embedder)
        _make_room(tx, brand)
        rows = tx.execute(
            select(Gap.id, Gap.vector_sum)
            .where(Gap.brand_id == brand, Gap.model == embedder.name)
            .order_by(Gap.first_at, Gap.id)
        ).all()
        sums = [np.frombuffer(row.vector_sum, dtype=np.float32) for row in rows]
        return cls(tx, brand, embedder, [row.id for row in rows], sums)

    def put(self, found: Unanswered, question: str, now: datetime) -> None:
        joined = self._clusters.add(self._embedder.encode_query(question))
        vector_sum = self._clusters.sums[joined.cluster].tobytes()
        if joined.is_new:
            self._gaps.append(self._begin(question, vector_sum, found, now))
        gap = locked_gap(self._tx, brand=self._brand, gap=self._gaps[joined.cluster])
        gap.vector_sum = vector_sum
        if gap.closed_at is not None and found.asked_at > gap.closed_at:
            gap.state, gap.closed_at = GapState.OPEN, None  # it was asked again, and not answered
        self._tx.add(
            GapQuestion(
                brand_id=self._brand,
                ticket_id=found.ticket,
                gap_id=gap.id,
                suggestion_id=found.suggestion,
                question=question,
                likeness=joined.likeness,
                causes=[cause.value for cause in found.causes],
                escalations=found.escalations,
                reopens=found.reopens,
                asked_at=found.asked_at,
            )
        )
        self._tx.flush()
        self.touched.add(gap.id)

    def _begin(self, question: str, vector_sum: bytes, found: Unanswered, now: datetime) -> GapId:
        name = name_of(question)
        gap = Gap(
            brand_id=self._brand,
            id=GapId(new_id()),
            name=name,
            key_words=key_words_of([name], {}, of=1),
            named_at=now,
            named_questions=1,
            state=GapState.OPEN,
            model=self._embedder.name,
            vector_sum=vector_sum,
            questions=1,
            first_at=found.asked_at,
            last_at=found.asked_at,
        )
        self._tx.add(gap)
        self._tx.flush()
        return gap.id


def _renew(tx: Tx, brand: BrandId, embedder: Embedder) -> None:
    """Make the directions of some gaps anew that were made with another model."""
    old = tx.scalars(
        select(Gap)
        .where(Gap.brand_id == brand, Gap.model != embedder.name)
        .order_by(Gap.last_at.desc(), Gap.id)
        .limit(RENEWED_A_LOOK)
        .with_for_update()
    ).all()
    for gap in old:
        vectors = embedder.encode(_newest_questions(tx, gap, RENEWED_FROM) or [gap.name])
        gap.vector_sum, gap.model = np.asarray(vectors.sum(axis=0), dtype=np.float32).tobytes(), embedder.name
    tx.flush()


def _make_room(tx: Tx, brand: BrandId) -> None:
    """Let the rarest, oldest open gaps go that nobody works on, so that a batch of new ones fits."""
    tx.execute(_MAKE_ROOM_QUESTIONS, {"brand": brand, "kept": GAPS_PER_BRAND})
    tx.execute(_DROP_EMPTY, {"brand": brand})


def _newest_questions(tx: Tx, gap: Gap, limit: int) -> list[str]:
    rows = tx.scalars(
        select(GapQuestion.question)
        .where(GapQuestion.brand_id == gap.brand_id, GapQuestion.gap_id == gap.id)
        .order_by(GapQuestion.asked_at.desc(), GapQuestion.ticket_id)
        .limit(limit)
    )
    return list(rows)


# --- costs --------------------------------------------------------------------------------------------------


def _write_costs(tx: Tx, sight: Sight, brand: BrandId, tickets: Sequence[TicketId]) -> None:
    """Write down what these tickets have lost; a line once written keeps the rate it was written with."""
    if not tickets:
        return
    lines = [
        *unpaid_time(tx, brand=brand, tickets=tickets),
        *sight.posted_losses(tx, brand=brand, tickets=tickets),
    ]
    if lines:
        tx.execute(upsert(GapCost).on_conflict_do_nothing(), [_cost_row(brand, line) for line in lines])


def _cost_row(brand: BrandId, line: LostWork) -> dict[str, object]:
    return {
        "brand_id": brand,
        "kind": line.kind,
        "reference": line.reference,
        "ticket_id": line.ticket,
        "amount_minor": line.amount_minor,
        "currency": line.currency,
        "seconds": line.seconds,
        "pay_minor": line.pay_minor,
        "per_minutes": line.per_minutes,
        "lost_at": line.at,
    }


def _recount(tx: Tx, brand: BrandId, gaps: set[GapId]) -> None:
    """Bring the kept counts and costs of `gaps` to their rows; one that nobody asks any more goes."""
    if not gaps:
        return
    tx.flush()
    tx.execute(_RECOUNT, {"brand": brand, "gaps": sorted(gaps)})
    tx.execute(_DROP_EMPTY, {"brand": brand})
    tx.expire_all()


_RECOUNT = text("""
    WITH asked AS (
        SELECT gap_id, count(*) AS questions, sum(escalations) AS escalations, sum(reopens) AS reopens,
            min(asked_at) AS first_at, max(asked_at) AS last_at
        FROM gap_question WHERE brand_id = :brand AND gap_id = ANY(:gaps) GROUP BY gap_id
    ), lost AS (
        SELECT q.gap_id,
            coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'unpaid_time'), 0) AS unpaid,
            coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'escalation_fee'), 0) AS fees,
            coalesce(sum(c.amount_minor) FILTER (WHERE c.kind = 'reopened'), 0) AS reopened
        FROM gap_question q JOIN gap_cost c ON c.brand_id = q.brand_id AND c.ticket_id = q.ticket_id
        WHERE q.brand_id = :brand AND q.gap_id = ANY(:gaps) GROUP BY q.gap_id
    )
    UPDATE gap g SET questions = coalesce(a.questions, 0), escalations = coalesce(a.escalations, 0),
        reopens = coalesce(a.reopens, 0), first_at = coalesce(a.first_at, g.first_at),
        last_at = coalesce(a.last_at, g.last_at), unpaid_minor = coalesce(l.unpaid, 0),
        fees_minor = coalesce(l.fees, 0), reopened_minor = coalesce(l.reopened, 0),
        cost_minor = coalesce(l.unpaid, 0) + coalesce(l.fees, 0) + coalesce(l.reopened, 0)
    FROM unnest(:gaps) AS wanted(id) LEFT JOIN asked a ON a.gap_id = wanted.id
    LEFT JOIN lost l ON l.gap_id = wanted.id
    WHERE g.brand_id = :brand AND g.id = wanted.id
""").bindparams(bindparam("gaps", type_=ARRAY(Uuid)))
_DROP_EMPTY = text("DELETE FROM gap WHERE brand_id = :brand AND questions = 0 AND state = 'open'")
_MAKE_ROOM_QUESTIONS = text("""
    WITH gone AS (
        SELECT id FROM gap WHERE brand_id = :brand AND state = 'open' AND article_id IS NULL
        ORDER BY questions, cost_minor, last_at, id
        LIMIT greatest(0, (SELECT count(*) FROM gap WHERE brand_id = :brand) - :kept)
    ), emptied AS (
        DELETE FROM gap_question WHERE brand_id = :brand AND gap_id IN (SELECT id FROM gone)
    )
    UPDATE gap SET questions = 0, escalations = 0, reopens = 0, unpaid_minor = 0, fees_minor = 0, reopened_minor = 0,
        cost_minor = 0 WHERE brand_id = :brand AND id IN (SELECT id FROM gone)
""")


# --- closing and naming -------------------------------------------------------------------------------------


def _close_if_answered(
    tx: Tx, retriever: Retriever, gap: Gap, weight: float, threshold: float, now: datetime
) -> None:
    asked = tx.scalars(
        select(GapQuestion)
        .where(GapQuestion.brand_id == gap.brand_id, GapQuestion.gap_id == gap.id)
        .order_by(GapQuestion.asked_at.desc(), GapQuestion.ticket_id)
        .limit(ASKED_AGAIN)
    ).all()
    answered: Counter[ArticleId] = Counter()
    for question in asked:
        article = _answering_article(tx, retriever, question, weight, threshold, now)
        if article is not None:
            answered[article] += 1
    if asked and answered.total() >= ANSWERED_SHARE * len(asked):
        gap.state, gap.closed_at = GapState.CLOSED, now
        gap.article_id = min(answered, key=lambda article: (-answered[article], article))


def _answering_article(
    tx: Tx, retriever: Retriever, question: GapQuestion, weight: float, threshold: float, now: datetime
) -> ArticleId | None:
    """The article that answers now what was asked before it said so; what it said then did not answer."""
    try:
        found = answer(
            tx,
            retriever,
            brand=question.brand_id,
            query=Query.of([question.question]),
            weight=weight,
            threshold=threshold,
        )
    except IndexUnavailable:
        return None  # the next index that is published makes the gap due again
    if found.draft is None:
        return None
    best = found.passages[0]
    held_since = tx.scalar(
        select(func.max(Publication.starts_at)).where(
            Publication.brand_id == question.brand_id,
            Publication.article_id == best.article_id,
            Publication.revision_id == best.revision_id,
            Publication.starts_at <= now,
        )
    )
    return best.article_id if held_since is not None and held_since > question.asked_at else None


def _name(tx: Tx, gap: Gap, now: datetime) -> None:
    rows = tx.execute(
        select(GapQuestion.question, GapQuestion.likeness)
        .where(GapQuestion.brand_id == gap.brand_id, GapQuestion.gap_id == gap.id)
        .order_by(GapQuestion.asked_at.desc(), GapQuestion.ticket_id)
        .limit(NAMED_FROM)
    ).all()
    everything = tx.scalars(
        select(GapQuestion.question)
        .where(GapQuestion.brand_id == gap.brand_id)
        .order_by(GapQuestion.asked_at.desc(), GapQuestion.ticket_id)
        .limit(COMPARED_WITH)
    ).all()
    # A gap's first question is as like as can be to a gap that was itself; the others say what its middle is.
    middle = max(rows, key=lambda row: (row.likeness if row.likeness < 1.0 else 0.0, row.question))
    gap.name = name_of(middle.question)
    gap.key_words = key_words_of([row.question for row in rows], stems_of(everything), of=len(everything))
    gap.named_at, gap.named_questions = now, gap.questions
