"""Reading the gap list: by cost, each with its examples, its trend and the lines that its cost is the sum of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Row, Uuid, bindparam, func, select, text

from guidance.gap_models import Gap, GapCost, GapQuestion, GapState
from guidance.gaps import GapNotFound
from knowledge_base.models import Article
from marketplace.accounts.models import Brand, Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, GapId, PersonId, ReplyId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.lost_work import Loss

PAGE_SIZE = 25
MAX_PAGES = 400
EXAMPLES_SHOWN = 8
COST_LINES_SHOWN = 200
RESOLVED_SHOWN = 8
CSV_ROWS = 10_000
TREND_DAYS = 30
ON_THE_LIST = (GapState.OPEN, GapState.BEING_WRITTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class GapCosts:
    """What a gap costs, in three parts that make the whole."""

    unpaid: Money
    fees: Money
    reopened: Money
    whole: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class GapLine:
    """A gap in the list. `recent` counts its tickets of the last 30 days, `before` those of the 30 before."""

    id: GapId
    name: str
    key_words: tuple[str, ...]
    state: GapState
    tickets: int
    recent: int
    before: int
    escalations: int
    reopens: int
    costs: GapCosts
    first_at: datetime
    last_at: datetime
    article: ArticleId | None
    article_title: str | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPage:
    lines: tuple[GapLine, ...]
    page: int
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question of the gap, and the nearest passage of its time; `confidence` is None where none was looked for."""

    ticket: TicketId
    number: int
    question: str
    causes: tuple[str, ...]
    asked_at: datetime
    confidence: float | None
    reason: str
    nearest_title: str | None
    nearest_quote: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One line of a gap's cost. Unpaid time has its seconds and rate."""

    kind: Loss
    ticket: TicketId
    number: int
    amount: Money
    seconds: int | None
    pay: Money | None
    per_minutes: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedTicket:
    """A ticket of the gap that ended well: an article can be begun from its last reply."""

    ticket: TicketId
    number: int
    subject: str
    reply: ReplyId
    worker: str
    resolved_at: datetime
    article: ArticleId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapDetail:
    line: GapLine
    examples: tuple[Example, ...]
    costs: tuple[CostLine, ...]
    more_costs: int
    resolved: tuple[ResolvedTicket, ...]
    dismissed_by: str | None
    dismissed_at: datetime | None
    dismissed_because: str


def gaps(
    tx: Tx, *, brand: BrandId, states: Sequence[GapState] = ON_THE_LIST, page: int = 1, now: datetime
) -> GapPage:
    """One page of the gaps in these states, the costliest first, then the most asked."""
    page = min(max(page, 1), MAX_PAGES)
    rows = _rows(tx, brand, states, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE + 1)
    lines = _lines(tx, brand, rows[:PAGE_SIZE], now)
    return GapPage(lines=lines, page=page, has_more=len(rows) > PAGE_SIZE)


def all_gaps(tx: Tx, *, brand: BrandId, now: datetime) -> tuple[GapLine, ...]:
    """Every gap, for a file: 10,000 at most."""
    return _lines(tx, brand, _rows(tx, brand, tuple(GapState), offset=0, limit=CSV_ROWS), now)


def count_gaps(tx: Tx, *, brand: BrandId) -> dict[GapState, int]:
    """How many gaps the brand has in each state; states without any are left out."""
    rows = tx.execute(select(Gap.state, func.count()).where(Gap.brand_id == brand).group_by(Gap.state))
    return {state: counted for state, counted in rows}


def gap_detail(tx: Tx, *, brand: BrandId, gap: GapId, now: datetime) -> GapDetail:
    """Raises GapNotFound."""
    row = tx.get(Gap, (brand, gap))
    if row is None:
        raise GapNotFound
    lines = tx.execute(_COSTS, {"brand": brand, "gap": gap, "limit": COST_LINES_SHOWN + 1}).all()
    return GapDetail(
        line=_lines(tx, brand, [row], now)[0],
        examples=_examples(tx, brand, gap),
        costs=tuple(_cost_line(line) for line in lines[:COST_LINES_SHOWN]),
        more_costs=_more_costs(tx, brand, gap) if len(lines) > COST_LINES_SHOWN else 0,
        resolved=_resolved(tx, brand, gap),
        dismissed_by=_name(tx, row.dismissed_by),
        dismissed_at=row.dismissed_at,
        dismissed_because=row.dismissed_because,
    )


def cost_lines(tx: Tx, *, brand: BrandId, gap: GapId) -> tuple[CostLine, ...]:
    """Every line of what a gap costs, for a file: 10,000 at most. Raises GapNotFound."""
    if tx.get(Gap, (brand, gap)) is None:
        raise GapNotFound
    rows = tx.execute(_COSTS, {"brand": brand, "gap": gap, "limit": CSV_ROWS})
    return tuple(_cost_line(row) for row in rows)


def gap_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId) -> GapId | None:
    """The gap that this ticket's question is in, if it is in one."""
    return tx.scalars(
        select(GapQuestion.gap_id).where(GapQuestion.brand_id == brand, GapQuestion.ticket_id == ticket)
    ).one_or_none()


def _rows(tx: Tx, brand: BrandId, states: Sequence[GapState], *, offset: int, limit: int) -> Sequence[Gap]:
    return tx.scalars(
        select(Gap)
        .where(Gap.brand_id == brand, Gap.state.in_(states))
        .order_by(Gap.cost_minor.desc(), Gap.questions.desc(), Gap.id)
        .offset(offset)
        .limit(limit)
    ).all()


def _lines(tx: Tx, brand: BrandId, rows: Sequence[Gap], now: datetime) -> tuple[GapLine, ...]:
    currency = tx.scalar(select(Brand.currency).where(Brand.id == brand)) or "usd"
    trends = _trends(tx, brand, [row.id for row in rows], now)
    titles = _titles(tx, brand, [row.article_id for row in rows if row.article_id])
    return tuple(_line(row, currency, trends.get(row.id, (0, 0)), titles) for row in rows)


def _line(row: Gap, currency: str, trend: tuple[int, int], titles: dict[ArticleId, str]) -> GapLine:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=currency)

    return GapLine(
        id=row.id,
        name=row.name,
        key_words=tuple(row.key_words),
        state=row.state,
        tickets=row.questions,
        recent=trend[0],
        before=trend[1],
        escalations=row.escalations,
        reopens=row.reopens,
        costs=GapCosts(
            unpaid=money(row.unpaid_minor),
            fees=money(row.fees_minor),
            reopened=money(row.reopened_minor),
            whole=money(row.cost_minor),
        ),
        first_at=row.first_at,
        last_at=row.last_at,
        article=row.article_id,
        article_title=titles.get(row.article_id) if row.article_id else None,
        closed_at=row.closed_at,
    )


def _trends(tx: Tx, brand: BrandId, wanted: Sequence[GapId], now: datetime) -> dict[GapId, tuple[int, int]]:
    since = now - timedelta(days=TREND_DAYS)
    rows = tx.execute(
        _TREND,
        {"brand": brand, "gaps": list(wanted), "since": since, "before": since - timedelta(days=TREND_DAYS)},
    )
    return {GapId(row.gap_id): (row.recent, row.before) for row in rows}


def _titles(tx: Tx, brand: BrandId, wanted: Sequence[ArticleId]) -> dict[ArticleId, str]:
    rows = tx.execute(
        select(Article.id, Article.title).where(Article.brand_id == brand, Article.id.in_(wanted))
    )
    return {article: title for article, title in rows}


def _examples(tx: Tx, brand: BrandId, gap: GapId) -> tuple[Example, ...]:
    rows = tx.execute(_EXAMPLES, {"brand": brand, "gap": gap, "limit": EXAMPLES_SHOWN})
    return tuple(Example(**{**row._asdict(), "causes": tuple(row.causes)}) for row in rows)


def _cost_line(row: Row[tuple[object, ...]]) -> CostLine:
    return CostLine(
        kind=Loss(row.kind),
        ticket=TicketId(row.ticket_id),
        number=row.number,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        seconds=row.seconds,
        pay=None if row.pay_minor is None else Money(amount_minor=row.pay_minor, currency=row.currency),
        per_minutes=row.per_minutes,
        at=row.lost_at,
    )


def _more_costs(tx: Tx, brand: BrandId, gap: GapId) -> int:
    counted = (
        select(func.count())
        .select_from(GapCost)
        .join(
            GapQuestion,
            (GapQuestion.brand_id == GapCost.brand_id) & (GapQuestion.ticket_id == GapCost.ticket_id),
        )
        .where(GapQuestion.brand_id == brand, GapQuestion.gap_id == gap)
    )
    return (tx.scalar(counted) or 0) - COST_LINES_SHOWN


def _resolved(tx: Tx, brand: BrandId, gap: GapId) -> tuple[ResolvedTicket, ...]:
    rows = tx.execute(_RESOLVED, {"brand": brand, "gap": gap, "limit": RESOLVED_SHOWN})
    return tuple(ResolvedTicket(**row._asdict()) for row in rows)


def _name(tx: Tx, person: PersonId | None) -> str | None:
    return None if person is None else tx.scalar(select(Person.name).where(Person.id == person))


_TREND = text("""
    SELECT gap_id, count(*) FILTER (WHERE asked_at > :since) AS recent,
        count(*) FILTER (WHERE asked_at <= :since) AS before
    FROM gap_question WHERE brand_id = :brand AND gap_id = ANY(:gaps) AND asked_at > :before GROUP BY gap_id
""").bindparams(bindparam("gaps", type_=ARRAY(Uuid)))
_EXAMPLES = text("""
    SELECT q.ticket_id AS ticket, t.number, q.question, q.causes, q.asked_at, s.confidence,
        coalesce(s.reason, '') AS reason, p.title AS nearest_title, p.quoted AS nearest_quote
    FROM gap_question q
    JOIN ticket t ON t.brand_id = q.brand_id AND t.id = q.ticket_id
    LEFT JOIN suggestion s ON s.brand_id = q.brand_id AND s.id = q.suggestion_id
    LEFT JOIN suggestion_passage p ON p.brand_id = s.brand_id AND p.suggestion_id = s.id AND p.rank = 1
    WHERE q.brand_id = :brand AND q.gap_id = :gap
    ORDER BY q.asked_at DESC, q.ticket_id LIMIT :limit
""")
_COSTS = text("""
    SELECT c.kind, c.ticket_id, t.number, c.amount_minor, c.currency, c.seconds, c.pay_minor, c.per_minutes, c.lost_at
    FROM gap_question q
    JOIN gap_cost c ON c.brand_id = q.brand_id AND c.ticket_id = q.ticket_id
    JOIN ticket t ON t.brand_id = q.brand_id AND t.id = q.ticket_id
    WHERE q.brand_id = :brand AND q.gap_id = :gap
    ORDER BY c.lost_at DESC, c.reference LIMIT :limit
""")
_RESOLVED = text("""
    SELECT q.ticket_id AS ticket, t.number, t.subject, r.id AS reply, n.name AS worker, e.resolved_at,
        (SELECT min(k.article_id::text)::uuid FROM article_credit k
         WHERE k.brand_id = q.brand_id AND k.ticket_id = q.ticket_id) AS article
    FROM gap_question q
    JOIN ticket t ON t.brand_id = q.brand_id AND t.id = q.ticket_id
    JOIN resolution e ON e.brand_id = q.brand_id AND e.ticket_id = q.ticket_id AND e.reopened_at IS NULL
    JOIN LATERAL (
        SELECT p.id, p.worker_id FROM reply p
        WHERE p.brand_id = q.brand_id AND p.ticket_id = q.ticket_id AND p.state IN ('queued', 'sent')
        ORDER BY p.id DESC LIMIT 1) AS r ON true
    JOIN worker w ON w.id = r.worker_id
    JOIN person n ON n.id = w.person_id
    WHERE q.brand_id = :brand AND q.gap_id = :gap
    ORDER BY e.resolved_at DESC, q.ticket_id LIMIT :limit
""")
