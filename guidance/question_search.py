"""Ask a brand's knowledge once for each question of a ticket that asks several things."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guidance.confidence import Assessment, Reason
from guidance.draft import AskedQuestion
from guidance.questions import Question
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import FoundPassage, Retrieved, Search
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId

QUESTIONS_SEARCHED = 2
"""A search costs some milliseconds; of further questions only the passages' own words are compared."""

PASSAGES_SHOWN_AT_MOST = 5
"""Three for the whole conversation, and the best of questions that those do not answer."""

FOUND_FOR_EACH = 3
NEAR = frozenset({Reason.WEAK, Reason.AMBIGUOUS})
"""Not sure by themselves; with the whole conversation's search they make two that agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardQuestions:
    """The passages to show, and for each question those of them that its own search trusts.

    `best` is the surest of these searches, None when no question was searched.
    """

    passages: tuple[FoundPassage, ...] = ()
    questions: tuple[AskedQuestion, ...] = ()
    best: Assessment | None = None


ONE_QUESTION = HeardQuestions()


def hear_each(
    tx: Tx,
    retriever: Search,
    *,
    brand: BrandId,
    questions: Sequence[Question],
    language: str | None,
    shown: Sequence[FoundPassage],
    weight: float,
    judge: Callable[[Retrieved], Assessment],
    sure: bool,
) -> HeardQuestions:
    """Search for each of several questions; one alone is the conversation's own. `language` is the customer's, `sure`:
    the search that found `shown` is trusted. Raises IndexUnavailable."""
    if len(questions) < 2:
        return HeardQuestions(passages=tuple(shown))
    passages = list(shown)
    known = {passage.passage_id for passage in shown}
    asked: list[AskedQuestion] = []
    judged: list[Assessment] = []
    for question in questions[:QUESTIONS_SEARCHED]:
        query = Query.of([question.asked], language=language)
        found = retriever.search(tx, brand=brand, query=query, weight=weight, top=FOUND_FOR_EACH)
        judged.append(judge(found))
        trusted = found.passages if judged[-1].answer else ()
        if not trusted and sure and judged[-1].reason in NEAR:
            trusted = tuple(one for one in found.passages[:1] if one.passage_id in known)
        asked.append(AskedQuestion(question=question, ranks=_ranks(trusted, passages)))
    asked += [AskedQuestion(question=question) for question in questions[QUESTIONS_SEARCHED:]]
    best = max(judged, key=lambda one: one.confidence)
    return HeardQuestions(passages=tuple(passages), questions=tuple(asked), best=best)


def _ranks(trusted: Sequence[FoundPassage], passages: list[FoundPassage]) -> tuple[int, ...]:
    """Where these stand among `passages`; the best one joins them while there is room."""
    places = {passage.passage_id: rank for rank, passage in enumerate(passages, start=1)}
    if trusted and trusted[0].passage_id not in places and len(passages) < PASSAGES_SHOWN_AT_MOST:
        passages.append(trusted[0])
        places[trusted[0].passage_id] = len(passages)
    return tuple(places[one.passage_id] for one in trusted if one.passage_id in places)
