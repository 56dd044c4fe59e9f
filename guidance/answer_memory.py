"""What answered a brand's resolved tickets: remembered without the customer, and found again by likeness.

Only the brand's own tickets are read. What was reopened, recalled or rests on an article that is no longer offered is
left out at each question, so nothing has to be told to forget it.
"""

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import ColumnElement, delete, exists, func, select

from guidance.answer_models import RememberedAnswer
from guidance.answer_vote import AnswerVote, Examples, Setting, in_their_places
from guidance.models import Receipt, SuggestionPassage
from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.liveness import is_offered
from knowledge_base.models import Article, Passage, Revision
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, TicketId
from marketplace.tickets.models import Reply, ReplyState, Resolution

MEMORY_TICKETS = 1_000
"""Newest resolved tickets of a brand that vote; fitting takes time by their number to the third."""

MEMORY_BRANDS = 32
FEWEST_TICKETS = 6
FEWEST_ARTICLES = 2
LOOKED_AT = 20
"""Articles of a search that change places."""

REUSE_COSINE = 0.6
"""A question less alike than this is another one: HINT3, k nearest neighbours."""

ANSWER_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """A resolved ticket like this one, and how often its article answered tickets that stayed resolved."""

    ticket: TicketId
    article: ArticleId
    worked: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    tickets: tuple[TicketId, ...]
    articles: tuple[ArticleId, ...]
    vectors: Vectors
    vote: AnswerVote


class AnswerMemory:
    """The votes of the brands asked last, fitted when their tickets changed. Safe to use from several threads."""

    def __init__(self, load_embedder: Callable[[], Embedder]) -> None:
        self._load = load_embedder
        self._lock = threading.Lock()
        self._brands: OrderedDict[BrandId, _Standing] = OrderedDict()

    def embedder(self) -> Embedder:
        return self._load()

    def recall(
        self, tx: Tx, *, brand: BrandId, question: str, ranked: Sequence[ArticleId]
    ) -> tuple[Sequence[ArticleId], Reused | None]:
        """`ranked` as the brand's resolved tickets would have it, and the one to show beside it, if one is alike."""
        standing = self._standing(tx, brand)
        if standing is None or not standing.vote.is_worth_hearing:
            return ranked, None
        vector = self.embedder().encode_query(question)
        names = {str(article): article for article in ranked}
        voted = {str(article) for article in standing.articles}
        order = in_their_places(list(names), standing.vote.scores(question, vector), voted)
        ordered = [names[name] for name in order]
        return ordered, _nearest(tx, brand, standing, vector, ordered[:1])

    def _standing(self, tx: Tx, brand: BrandId) -> _Standing | None:
        rows = tx.execute(
            select(RememberedAnswer.ticket_id, RememberedAnswer.article_id)
            .where(
                RememberedAnswer.brand_id == brand,
                RememberedAnswer.model == self.embedder().name,
                _worked(),
                _is_offered(),
            )
            .order_by(RememberedAnswer.ticket_id.desc())
            .limit(MEMORY_TICKETS)
        ).all()
        if len(rows) < FEWEST_TICKETS or len({row.article_id for row in rows}) < FEWEST_ARTICLES:
            self.forget(brand)
            return None
        tickets = tuple(row.ticket_id for row in rows)
        with self._lock:
            known = self._brands.get(brand)
            if known is not None and known.tickets == tickets:
                self._brands.move_to_end(brand)
                return known
        fitted = self._fit(tx, brand, tickets, None if known is None else _kept_setting(known, tickets))
        with self._lock:
            self._brands[brand] = fitted
            self._brands.move_to_end(brand)
            while len(self._brands) > MEMORY_BRANDS:
                self._brands.popitem(last=False)
        return fitted

    def forget(self, brand: BrandId) -> None:
        """Let go of what is held in memory of `brand`."""
        with self._lock:
            self._brands.pop(brand, None)

    def _fit(self, tx: Tx, brand: BrandId, tickets: Sequence[TicketId], setting: Setting | None) -> _Standing:
        rows = tx.execute(
            select(RememberedAnswer)
            .where(RememberedAnswer.brand_id == brand, RememberedAnswer.ticket_id.in_(tickets))
            .order_by(RememberedAnswer.ticket_id.desc())
        ).scalars()
        answers = list(rows)
        vectors = np.array([np.frombuffer(one.vector, dtype="<f4") for one in answers], dtype=np.float32)
        titles = _titles(tx, brand, {one.article_id for one in answers})
        vote = AnswerVote(
            Examples(
                texts=[one.question for one in answers],
                vectors=vectors,
                articles=[str(one.article_id) for one in answers],
            ),
            Examples(
                texts=list(titles.values()),
                vectors=self.embedder().encode(list(titles.values())),
                articles=[str(article) for article in titles],
            ),
            setting,
        )
        return _Standing(
            tickets=tuple(one.ticket_id for one in answers),
            articles=tuple(one.article_id for one in answers),
            vectors=vectors,
            vote=vote,
        )


def _kept_setting(known: _Standing, tickets: Sequence[TicketId]) -> Setting | None:
    """The setting chosen before, until the tickets are half as many more or less."""
    return known.vote.setting if 2 / 3 <= len(tickets) / len(known.tickets) <= 3 / 2 else None


def _nearest(
    tx: Tx, brand: BrandId, standing: _Standing, vector: Vectors, shown: Sequence[ArticleId]
) -> Reused | None:
    """The most alike ticket of the first article shown."""
    own = [at for at, article in enumerate(standing.articles) if article in shown]
    if not own:
        return None
    cosines = standing.vectors[own] @ vector
    best = int(cosines.argmax())
    if cosines[best] < REUSE_COSINE:
        return None
    article = standing.articles[own[best]]
    worked, times = how_often(tx, brand=brand, article=article)
    return Reused(ticket=standing.tickets[own[best]], article=article, worked=worked, times=times)


def how_often(tx: Tx, *, brand: BrandId, article: ArticleId) -> tuple[int, int]:
    """Tickets that `article` answered and that stand resolved now, and all that were resolved with it."""
    worked, times = tx.execute(
        select(func.count().filter(_worked()), func.count()).where(
            RememberedAnswer.brand_id == brand, RememberedAnswer.article_id == article
        )
    ).one()
    return worked, times


def find_remembered(tx: Tx, *, brand: BrandId, ticket: TicketId) -> RememberedAnswer | None:
    """What answered `ticket`, while it stands resolved and its article is offered."""
    return tx.scalars(
        select(RememberedAnswer).where(
            RememberedAnswer.brand_id == brand,
            RememberedAnswer.ticket_id == ticket,
            _worked(),
            _is_offered(),
        )
    ).one_or_none()


def remember(
    tx: Tx,
    embedder: Embedder,
    *,
    brand: BrandId,
    ticket: TicketId,
    question: str,
    answer_of: Callable[[Reply], str],
    now: datetime,
) -> bool:
    """Remember what answered a ticket that was resolved; False when no reply rests on an article.

    `question` and what `answer_of` returns must be without their customer. Resolved once more, the later reply counts.
    """
    found = _answering(tx, brand, ticket)
    tx.execute(
        delete(RememberedAnswer).where(
            RememberedAnswer.brand_id == brand, RememberedAnswer.ticket_id == ticket
        )
    )
    if found is None or not question.strip():
        return False
    article, reply = found
    sha256 = hashlib.sha256(question.encode()).hexdigest()
    tx.add(
        RememberedAnswer(
            brand_id=brand,
            ticket_id=ticket,
            article_id=article,
            reply_id=reply.id,
            question=question,
            answer=answer_of(reply)[:ANSWER_CHARACTERS],
            model=embedder.name,
            sha256=sha256,
            vector=_vector(tx, embedder, brand, question, sha256),
            remembered_at=now,
        )
    )
    tx.flush()
    return True


def _vector(tx: Tx, embedder: Embedder, brand: BrandId, question: str, sha256: str) -> bytes:
    known = tx.scalars(
        select(RememberedAnswer.vector)
        .where(
            RememberedAnswer.brand_id == brand,
            RememberedAnswer.sha256 == sha256,
            RememberedAnswer.model == embedder.name,
        )
        .limit(1)
    ).one_or_none()
    return known or embedder.encode_query(question).astype("<f4").tobytes()


def _answering(tx: Tx, brand: BrandId, ticket: TicketId) -> tuple[ArticleId, Reply] | None:
    """The article that most sentences of the last reply with any support rest on."""
    rows = tx.execute(
        select(Receipt, Reply)
        .join(Reply, (Reply.brand_id == Receipt.brand_id) & (Reply.id == Receipt.reply_id))
        .where(Receipt.brand_id == brand, Receipt.ticket_id == ticket, Reply.state.in_(_LEFT))
        .order_by(Receipt.id.desc())
    )
    for receipt, reply in rows:
        ranks = Counter(one["passage_rank"] for one in receipt.support if one["passage_rank"] is not None)
        if not ranks:
            continue
        articles: Counter[ArticleId] = Counter()
        for rank, article in tx.execute(
            select(SuggestionPassage.rank, SuggestionPassage.article_id).where(
                SuggestionPassage.brand_id == brand,
                SuggestionPassage.suggestion_id == receipt.suggestion_id,
                SuggestionPassage.rank.in_(ranks),
            )
        ):
            articles[article] += ranks[rank]
        if articles:
            return articles.most_common(1)[0][0], reply
    return None


_LEFT = (ReplyState.QUEUED, ReplyState.SENT)


def _worked() -> ColumnElement[bool]:
    """The ticket stands resolved, and the reply was not recalled."""
    resolved = exists().where(
        Resolution.brand_id == RememberedAnswer.brand_id,
        Resolution.ticket_id == RememberedAnswer.ticket_id,
        Resolution.reopened_at.is_(None),
    )
    left = exists().where(
        Reply.brand_id == RememberedAnswer.brand_id,
        Reply.id == RememberedAnswer.reply_id,
        Reply.state.in_(_LEFT),
    )
    return resolved & left


def _is_offered() -> ColumnElement[bool]:
    offered = (
        select(Passage.article_id)
        .select_from(Passage)
        .join(Article, is_offered())
        .where(Passage.brand_id == RememberedAnswer.brand_id)
        .correlate(RememberedAnswer)
    )
    return RememberedAnswer.article_id.in_(offered)


def _titles(tx: Tx, brand: BrandId, articles: set[ArticleId]) -> dict[ArticleId, str]:
    rows = tx.execute(
        select(Passage.article_id, Revision.title)
        .select_from(Passage)
        .join(Article, is_offered())
        .join(Revision, (Revision.brand_id == Passage.brand_id) & (Revision.id == Passage.revision_id))
        .where(Passage.brand_id == brand, Passage.article_id.in_(articles))
        .distinct()
        .order_by(Passage.article_id)
    )
    return {article: title for article, title in rows}
