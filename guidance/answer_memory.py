"""What answered a brand's resolved tickets: remembered without the customer, and found again by likeness.

Only the brand's own tickets are read. What was reopened, recalled or rests on an article that is no longer offered is
left out at each question, so nothing has to be told to forget it.
"""

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import ColumnElement, delete, exists, func, select

from guidance.answer_models import RememberedAnswer
from guidance.answer_vote import USUAL, AnswerVote, Examples, Setting
from guidance.confidence import TicketSignals
from guidance.models import Receipt, SuggestionPassage
from guidance.tuning import placed, ticket_signals
from knowledge_base.index.embedder import Embedder, Vectors
from knowledge_base.liveness import is_offered
from knowledge_base.models import Article, Passage, Revision
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, TicketId
from marketplace.tickets.models import Reply, ReplyState, Resolution

MEMORY_TICKETS = 1_000
"""Resolved tickets of a brand that vote, the newest of each article; a fit takes time by their number cubed."""

FITTED_AT_ONCE = 100
"""Tickets that are fitted in 20 ms, so inside a suggestion."""

REFIT_SHARE = 50
"""More are fitted again when one of so many has come or gone."""

MEMORY_BRANDS = 32
FEWEST_TICKETS = 6
FEWEST_ARTICLES = 2
REUSE_COSINE = 0.6
"""A question less alike than this is another one: HINT3, k nearest neighbours."""

ANSWER_CHARACTERS = 2_000
REMEMBERED_AT_ONCE = 100
"""Tickets of a look for those that a lost job left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reused:
    """A resolved ticket like this one, and how often its article answered tickets that stayed resolved."""

    ticket: TicketId
    article: ArticleId
    worked: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """Articles in the order that resolved tickets give them, the one ticket to show, and what all of them say."""

    ranked: Sequence[ArticleId]
    reused: Reused | None = None
    tickets: TicketSignals | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """A vote as it was fitted, by the tickets that had a voice in it."""

    tickets: tuple[TicketId, ...]
    articles: tuple[ArticleId, ...]
    vectors: Vectors
    vote: AnswerVote

    def without(self, gone: Collection[TicketId]) -> "_Standing":
        """A ticket that was reopened says nothing from then on, though the others were fitted beside it."""
        places = [at for at, ticket in enumerate(self.tickets) if ticket in gone]
        left = [at for at, ticket in enumerate(self.tickets) if ticket not in gone]
        return replace(
            self,
            tickets=tuple(self.tickets[at] for at in left),
            articles=tuple(self.articles[at] for at in left),
            vectors=self.vectors[left],
            vote=self.vote.without(places),
        )


class AnswerMemory:
    """The votes of the brands asked last. Safe to use from several threads.

    A few tickets are fitted where they are needed. Many are fitted by `refresh`, a job after a ticket was resolved; a
    suggestion meanwhile hears the vote as it was, less the tickets that have no voice any more.
    """

    def __init__(self, load_embedder: Callable[[], Embedder]) -> None:
        self._load = load_embedder
        self._lock = threading.Lock()
        self._brands: OrderedDict[BrandId, _Standing] = OrderedDict()

    def embedder(self) -> Embedder:
        return self._load()

    def recall(
        self,
        tx: Tx,
        *,
        brand: BrandId,
        question: str,
        ranked: Sequence[ArticleId],
        setting: Setting = USUAL,
    ) -> Recalled:
        """`ranked` as the brand's resolved tickets would have it, and the one to show beside it, if one is alike."""
        standing = self._standing(tx, brand, setting)
        if standing is None or not standing.vote.is_worth_hearing:
            return Recalled(ranked=ranked)
        vector = self.embedder().encode_query(question)
        heard = standing.vote.hear(question, vector)
        names = {str(article): article for article in ranked}
        ordered = [names[name] for name in placed(list(names), heard)]
        return Recalled(
            ranked=ordered,
            reused=_nearest(tx, brand, standing, vector, ordered[:1]),
            tickets=ticket_signals(heard),
        )

    def refresh(self, tx: Tx, *, brand: BrandId, setting: Setting = USUAL) -> None:
        """Fit the brand's vote again when its tickets changed enough to matter."""
        voices = _voices(tx, brand, self.embedder().name)
        known = self._known(brand, setting)
        if voices is None or known is None:
            self._standing(tx, brand, setting)
        elif len(set(voices) ^ set(known.tickets)) * REFIT_SHARE >= len(voices):
            self._fit(tx, brand, voices, setting)

    def forget(self, brand: BrandId) -> None:
        """Let go of what is held in memory of `brand`."""
        with self._lock:
            self._brands.pop(brand, None)

    def _standing(self, tx: Tx, brand: BrandId, setting: Setting) -> _Standing | None:
        voices = _voices(tx, brand, self.embedder().name)
        if voices is None:
            self.forget(brand)
            return None
        known = self._known(brand, setting)
        if known is None or (known.tickets != voices and len(voices) <= FITTED_AT_ONCE):
            return self._fit(tx, brand, voices, setting)
        gone = set(known.tickets) - set(voices)
        return known.without(gone) if gone else known

    def _known(self, brand: BrandId, setting: Setting) -> _Standing | None:
        with self._lock:
            known = self._brands.get(brand)
            if known is None or known.vote.setting != setting:
                return None
            self._brands.move_to_end(brand)
            return known

    def _fit(self, tx: Tx, brand: BrandId, voices: Sequence[TicketId], setting: Setting) -> _Standing:
        told = told_by(tx, self.embedder(), brand=brand, tickets=voices)
        fitted = _Standing(
            tickets=told.tickets,
            articles=told.articles,
            vectors=told.questions.vectors,
            vote=AnswerVote(told.questions, told.titles, setting),
        )
        with self._lock:
            self._brands[brand] = fitted
            self._brands.move_to_end(brand)
            while len(self._brands) > MEMORY_BRANDS:
                self._brands.popitem(last=False)
        return fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a brand's resolved tickets asked, the newest first, and the titles of the articles that answered them."""

    tickets: tuple[TicketId, ...]
    articles: tuple[ArticleId, ...]
    questions: Examples
    titles: Examples


def remembered(tx: Tx, embedder: Embedder, *, brand: BrandId) -> Remembered | None:
    """Of the tickets that vote; None while they are too few to be heard."""
    voices = _voices(tx, brand, embedder.name)
    return None if voices is None else told_by(tx, embedder, brand=brand, tickets=voices)


def told_by(tx: Tx, embedder: Embedder, *, brand: BrandId, tickets: Sequence[TicketId]) -> Remembered:
    answers = tx.scalars(
        select(RememberedAnswer)
        .where(RememberedAnswer.brand_id == brand, RememberedAnswer.ticket_id.in_(tickets))
        .order_by(RememberedAnswer.ticket_id.desc())
    ).all()
    titles = _titles(tx, brand, {one.article_id for one in answers})
    return Remembered(
        tickets=tuple(one.ticket_id for one in answers),
        articles=tuple(one.article_id for one in answers),
        questions=Examples(
            texts=[one.question for one in answers],
            vectors=np.array([np.frombuffer(one.vector, dtype="<f4") for one in answers], dtype=np.float32),
            articles=[str(one.article_id) for one in answers],
        ),
        titles=Examples(
            texts=list(titles.values()),
            vectors=embedder.encode(list(titles.values())),
            articles=[str(article) for article in titles],
        ),
    )


def _voices(tx: Tx, brand: BrandId, model: str) -> tuple[TicketId, ...] | None:
    """The tickets that vote, the newest first: of each article alike, so that none is drowned by a common one."""
    turn = func.row_number().over(
        partition_by=RememberedAnswer.article_id, order_by=RememberedAnswer.ticket_id.desc()
    )
    rows = tx.execute(
        select(RememberedAnswer.ticket_id, RememberedAnswer.article_id, turn.label("turn"))
        .where(
            RememberedAnswer.brand_id == brand,
            RememberedAnswer.model == model,
            _worked(),
            _is_offered(),
        )
        .order_by("turn", RememberedAnswer.ticket_id.desc())
        .limit(MEMORY_TICKETS)
    ).all()
    if len(rows) < FEWEST_TICKETS or len({row.article_id for row in rows}) < FEWEST_ARTICLES:
        return None
    return tuple(sorted((row.ticket_id for row in rows), reverse=True))


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


def tickets_to_remember(
    tx: Tx, *, before: datetime, limit: int = REMEMBERED_AT_ONCE
) -> list[tuple[BrandId, TicketId]]:
    """Tickets that stand resolved since before `before` by a reply resting on passages, and are not remembered."""
    rows = tx.execute(
        select(Resolution.brand_id, Resolution.ticket_id)
        .where(
            Resolution.reopened_at.is_(None),
            Resolution.resolved_at < before,
            exists().where(
                Receipt.brand_id == Resolution.brand_id,
                Receipt.ticket_id == Resolution.ticket_id,
                Receipt.support.path_exists(_RESTS_ON_A_PASSAGE),
                Reply.brand_id == Receipt.brand_id,
                Reply.id == Receipt.reply_id,
                Reply.state.in_(_LEFT),
                SuggestionPassage.brand_id == Receipt.brand_id,
                SuggestionPassage.suggestion_id == Receipt.suggestion_id,
            ),
            ~exists().where(
                RememberedAnswer.brand_id == Resolution.brand_id,
                RememberedAnswer.ticket_id == Resolution.ticket_id,
            ),
        )
        .order_by(Resolution.ticket_id.desc())
        .limit(limit)
    )
    return [(row.brand_id, row.ticket_id) for row in rows]


_RESTS_ON_A_PASSAGE = "$[*] ? (@.passage_rank > 0)"


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
