"""What the nearest passages of a question say about the search itself: the ground of a confidence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from knowledge_base.index.hybrid import QueryEncoder
from knowledge_base.index.snapshot import TOP, Snapshot
from knowledge_base.index.vector_index import Found
from marketplace.kernel.ids import ArticleId, PassageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Raw figures of one question; all 0 or false when nothing was found.

    `top_cosine` is that of the nearest passage, `margin` its lead over the nearest passage of any other
    article (itself when there is none), `lexical_top` the highest BM25 score, `agreement` whether both
    come from one article.
    """

    top_cosine: float
    margin: float
    lexical_top: float
    agreement: bool
    query_words: int


class Near(NamedTuple):
    passage_id: PassageId
    article_id: ArticleId
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Passages near a question: by cosine and by BM25, each best first."""

    dense: Sequence[Near] = ()
    lexical: Sequence[Near] = ()

    def front(self, depth: int) -> "Ranking":
        return Ranking(dense=self.dense[:depth], lexical=self.lexical[:depth])

    def only(self, live: Collection[PassageId]) -> "Ranking":
        return Ranking(
            dense=[near for near in self.dense if near.passage_id in live],
            lexical=[near for near in self.lexical if near.passage_id in live],
        )

    def without(self, article: str) -> "Ranking":
        """As it would be if that article, by its id as text, did not exist."""
        return Ranking(
            dense=[near for near in self.dense if str(near.article_id) != article],
            lexical=[near for near in self.lexical if str(near.article_id) != article],
        )

    def passage_ids(self) -> set[PassageId]:
        return {near.passage_id for near in (*self.dense, *self.lexical)}

    def tells_as_much_as(self, whole: "Ranking") -> bool:
        """Whether the best of both and the runner-up's article are here, as far as `whole` has them."""
        return self._articles() >= min(2, whole._articles()) and bool(self.lexical) == bool(whole.lexical)

    def _articles(self) -> int:
        return len({near.article_id for near in self.dense})


def ranking_of(snapshot: Snapshot, embedder: QueryEncoder, question: str) -> Ranking:
    """The passages nearest to `question`, live or not."""
    if not question.strip():
        return Ranking()
    dense = snapshot.dense_scores(embedder.encode_query(question), top=TOP)
    lexical = snapshot.lexical_scores(question, top=TOP)
    return Ranking(dense=_near(snapshot, dense), lexical=_near(snapshot, lexical))


def _near(snapshot: Snapshot, found: Found) -> list[Near]:
    return [
        Near(snapshot.passage_id(position), snapshot.article_id(position), score)
        for position, score in zip(*found, strict=True)
    ]


def evidence_of(ranking: Ranking, *, words: int) -> Evidence:
    """The figures of a ranking that holds live passages only."""
    nearest = ranking.dense[0] if ranking.dense else None
    lexical = ranking.lexical[0] if ranking.lexical else None
    if nearest is None:
        return Evidence(top_cosine=0.0, margin=0.0, lexical_top=0.0, agreement=False, query_words=words)
    other = next((near.score for near in ranking.dense if near.article_id != nearest.article_id), 0.0)
    return Evidence(
        top_cosine=nearest.score,
        margin=nearest.score - other,
        lexical_top=lexical.score if lexical else 0.0,
        agreement=lexical is not None and lexical.article_id == nearest.article_id,
        query_words=words,
    )
