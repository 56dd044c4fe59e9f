"""The production engine on a set of questions with known answers: splitter, index, search, confidence and draft,
without a database. It learns nothing from the questions it is judged on."""

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from guidance.answer_memory import FEWEST_ARTICLES, FEWEST_TICKETS, MEMORY_TICKETS
from guidance.answer_vote import AnswerVote, Examples, Heard, spread
from guidance.confidence import Trust
from guidance.draft import CitedPassage
from guidance.engine import respond
from guidance.question_sets import Question, QuestionSet, ResolvedTicket
from guidance.ranking_metrics import Judged, auroc, calibration_error, ranking_figures
from guidance.tuning import SHOWN, Looked, Tuning, learned, placed, ticket_signals
from guidance.voice import Voice
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.embedder import Embedder
from knowledge_base.index.evidence import Near, evidence_of, ranking_of
from knowledge_base.index.hybrid import DENSE_WEIGHT, Hit, Query, best_of_articles
from knowledge_base.index.own_language import own_language_first
from knowledge_base.index.shelf import EncodedQuery, find_in
from knowledge_base.index.snapshot import TOP, Snapshot, open_of
from knowledge_base.passages import PassageText, split
from knowledge_base.reading.documents import Document
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, new_id

RANKED = 10
VOICE = Voice(greeting="Hello {customer_name},", sign_off="Kind regards")
Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is, and of how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the engine said to one question: rankings of document ids, best first, and whether it would answer."""

    question: Question
    bm25: Sequence[str]
    dense: Sequence[str]
    engine: Sequence[str]
    confidence: float
    answers: bool
    cpu_ms: float

    def is_right_within(self, shown: int) -> bool:
        """Whether a document that answers is among the first `shown`."""
        return any(self.question.grades.get(document, 0) > 0 for document in self.engine[:shown])


@dataclass(frozen=True, slots=True)
class _Piece:
    document: Document
    passage: PassageText


class IndexedSet:
    """A set's documents, split and indexed as a brand's articles are; an article is known by its id as text."""

    def __init__(
        self,
        documents: Sequence[Document],
        embedder: Embedder,
        folder: Path,
        told: Progress,
        *,
        tickets: Sequence[ResolvedTicket] = (),
        weight: float = DENSE_WEIGHT,
    ) -> None:
        """`folder` takes the index; encoding the passages is most of the work. `tickets` vote and teach as a brand's
        do; `weight` is the dense share of the score unless they teach another."""
        self._embedder = embedder
        self._documents = {ArticleId(new_id()): document for document in documents}
        self._pieces: dict[PassageId, _Piece] = {}
        owners: list[ArticleId] = []
        for article, document in self._documents.items():
            for passage in split(document):
                self._pieces[PassageId(new_id())] = _Piece(document, passage)
                owners.append(article)
        self._snapshot = self._build(owners, folder / "snapshot", told)
        self.tuning = Tuning(dense_weight=weight)
        self._vote = self._taught(tickets, told)

    def _taught(self, tickets: Sequence[ResolvedTicket], told: Progress) -> AnswerVote | None:
        """The vote of the tickets, after they have taught how to search, order and trust; None when none is heard."""
        ids = {document.key: article for article, document in self._documents.items()}
        newest = spread([(ticket.document, ticket) for ticket in reversed(tickets)], MEMORY_TICKETS)
        owners = [str(ids[ticket.document]) for ticket in newest]
        if len(newest) < FEWEST_TICKETS or len(set(owners)) < FEWEST_ARTICLES:
            return None
        titles = {article: self._documents[ArticleId(UUID(article))].title for article in owners}
        questions = self._examples([ticket.text for ticket in newest], owners)
        named = self._examples(list(titles.values()), list(titles))
        told("Learning from resolved tickets", 0, len(newest))
        lessons = learned(questions, named, self._look, current=self.tuning)
        if lessons is not None:
            self.tuning = lessons.tuning
        vote = AnswerVote(questions, named, self.tuning.vote)
        return vote if vote.is_worth_hearing else None

    def _examples(self, texts: Sequence[str], articles: Sequence[str]) -> Examples:
        return Examples(texts=texts, vectors=self._embedder.encode(texts), articles=articles)

    def _look(self, text: str, weight: float) -> Looked:
        query = Query.of([text])
        hits, ranking = find_in(
            self._snapshot, EncodedQuery.of(query, self._embedder), weight=weight, top=2 * TOP
        )
        return Looked(
            articles=[str(hit.article_id) for hit in best_of_articles(hits)],
            ranking=ranking,
            words=len(query.last_turn.split()),
        )

    def ask(self, question: Question, *, threshold: float) -> Told:
        """`cpu_ms` is that of one suggestion, on this thread."""
        query, before = Query.of(question.turns), time.thread_time()
        encoded = EncodedQuery.of(query, self._embedder)
        hits, ranking = find_in(self._snapshot, encoded, weight=self.tuning.dense_weight, top=2 * TOP)
        languages = {hit.passage_id: self._pieces[hit.passage_id].passage.language for hit in hits}
        best = best_of_articles(own_language_first(hits, languages, query.language))
        heard = None
        if self._vote is not None:
            heard = self._vote.hear(query.last_turn, encoded.encode_query(query.last_turn))
            best = _in_places(best, heard)
        assessment, _ = respond(
            query,
            [self._cited(rank, hit) for rank, hit in enumerate(best[:SHOWN], start=1)],
            evidence_of(ranking, words=len(query.last_turn.split())),
            voice=VOICE,
            trust=Trust(
                threshold=threshold,
                tickets=ticket_signals(heard) if heard else None,
                calibration=self.tuning.calibration,
            ),
        )
        spent = time.thread_time() - before
        plain = ranking_of(self._snapshot, encoded, query.conversation)
        return Told(
            question=question,
            bm25=self._ranked(plain.lexical),
            dense=self._ranked(plain.dense),
            engine=self._ranked(best),
            confidence=assessment.confidence,
            answers=assessment.answer,
            cpu_ms=spent * 1000,
        )

    def _build(self, owners: Sequence[ArticleId], folder: Path, told: Progress) -> Snapshot:
        texts = [piece.passage.embedding_text for piece in self._pieces.values()]
        work, done = LocalWork(self._embedder), 0
        vectors = np.empty((len(texts), work.dimensions), dtype=np.float32)
        for positions, encoded in work.encode(texts):
            vectors[list(positions)] = encoded
            done += len(positions)
            told("Indexing passages", done, len(texts))
        brand, number = BrandId(new_id()), 1
        work.write_snapshot(
            folder,
            brand=brand,
            number=number,
            ids=list(self._pieces),
            article_ids=owners,
            texts=texts,
            vectors=vectors,
        )
        return open_of(brand, number, folder)

    def _ranked(self, found: Iterable[Near | Hit]) -> list[str]:
        """Each document once, where its best passage stands."""
        ids = dict.fromkeys(self._documents[one.article_id].key for one in found)
        return list(ids)[:RANKED]

    def _cited(self, rank: int, hit: Hit) -> CitedPassage:
        piece = self._pieces[hit.passage_id]
        return CitedPassage(
            rank=rank,
            passage_id=str(hit.passage_id),
            article_id=piece.document.key,
            article_title=piece.document.title,
            section_path=piece.passage.path,
            text=piece.passage.text,
            score=hit.score,
            language=piece.passage.language,
        )


def _in_places(best: Sequence[Hit], heard: Heard) -> list[Hit]:
    """The hits as resolved tickets would have their articles; scores stay with their places."""
    by_article = {str(hit.article_id): hit for hit in best}
    order = placed(list(by_article), heard)
    return [replace(by_article[name], score=place.score) for name, place in zip(order, best, strict=True)]


def evaluate(
    asked: QuestionSet, embedder: Embedder, folder: Path, *, weight: float, threshold: float, told: Progress
) -> dict[str, Any]:
    """The figures of `humancloud evaluate --json`; `folder` takes the index."""
    index = IndexedSet(asked.documents, embedder, folder, told, tickets=asked.tickets, weight=weight)
    questions = (*asked.questions, *asked.unanswerable)
    answers = []
    for question in questions:
        answers.append(index.ask(question, threshold=threshold))
        told("Asking questions", len(answers), len(questions))
    inside, outside = answers[: len(asked.questions)], answers[len(asked.questions) :]
    spent = sorted(answer.cpu_ms for answer in answers)
    return {
        "bm25": _figures(inside, lambda answer: answer.bm25),
        "dense": _figures(inside, lambda answer: answer.dense),
        "engine": _figures(inside, lambda answer: answer.engine),
        "abstention": abstention(inside, outside),
        "cpu_ms": {"p50": statistics.median(spent), "p95": spent[int(0.95 * (len(spent) - 1))]},
        "n": len(inside),
    }


def _figures(answers: Sequence[Told], ranked: Callable[[Told], Sequence[str]]) -> dict[str, float]:
    return ranking_figures(
        [Judged(ranked=ranked(answer), grades=answer.question.grades) for answer in answers]
    )


def abstention(inside: Sequence[Told], outside: Sequence[Told]) -> dict[str, float | None]:
    """Shares from 0 to 1, None where nothing can be said.

    `precision` is of the answered ones that have an answer: the first document is right; `precision@3`: one of those
    shown is. `auroc` tells questions with an answer from those without by their confidence; `ece` is how far the
    confidence is from the share of all questions for which one of those shown was right.
    """
    answered = [answer for answer in inside if answer.answers]
    return {
        "answered": _share(inside, lambda answer: answer.answers),
        "precision": _share(answered, lambda answer: answer.is_right_within(1)),
        f"precision@{SHOWN}": _share(answered, lambda answer: answer.is_right_within(SHOWN)),
        "out_of_scope_answered": _share(outside, lambda answer: answer.answers),
        "auroc": auroc([answer.confidence for answer in inside], [answer.confidence for answer in outside]),
        "ece": calibration_error(
            [(answer.confidence, answer.is_right_within(SHOWN)) for answer in (*inside, *outside)]
        ),
    }


def _share(answers: Sequence[Told], holds: Callable[[Told], bool]) -> float | None:
    return statistics.fmean(map(holds, answers)) if answers else None
