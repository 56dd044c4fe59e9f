"""Choose for one brand how its questions are searched, ordered and trusted, on its resolved tickets; and judge that
on tickets that were held out of it.

Pure: a brand's index is asked through `Look`. What ships is decided by `learned`: a worse choice never does.
"""

import hashlib
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from guidance.answer_vote import NOTHING_HEARD, USUAL, AnswerVote, Examples, Heard, Setting, in_their_places
from guidance.calibration import Kind, Lesson, calibrated, lesson_weights, new_share
from guidance.confidence import (
    Calibration,
    TicketSignals,
    knowledge_logit,
    probability,
    signals_of,
)
from guidance.ranking_metrics import auroc, calibration_error
from knowledge_base.index.evidence import Evidence, Ranking, evidence_of

DENSE_WEIGHTS = (0.4, 0.5, 0.6, 0.7, 0.8)
WEIGHED_ON = 300
"""Tickets, the newest, on which the dense share is chosen: each is searched once for every share."""

FEWEST_TICKETS = 40
HELD_OUT_OF = 4
"""One ticket in so many is held out, always the same ones."""

LOOKED_AT = 20
"""Articles of a search that change places."""

SHOWN = 3
LAST_RANK = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What is chosen for a brand; without a `calibration` its confidence is read as everybody's."""

    dense_weight: float
    vote: Setting = USUAL
    calibration: Calibration | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def tuning_from(stored: dict[str, Any]) -> Tuning:
    calibration = stored["calibration"]
    return Tuning(
        dense_weight=stored["dense_weight"],
        vote=Setting(**stored["vote"]),
        calibration=Calibration(**calibration) if calibration else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a search found: `articles` best first, and the passages near the question, of which some can be hidden."""

    articles: Sequence[str]
    ranking: Ranking
    words: int

    def without(self, article: str) -> "Looked":
        return Looked(
            articles=[one for one in self.articles if one != article],
            ranking=self.ranking.without(article),
            words=self.words,
        )

    @property
    def evidence(self) -> Evidence:
        return evidence_of(self.ranking, words=self.words)


Look = Callable[[str, float], Looked]
"""Searches a question at a dense weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How good a tuning is on held-out tickets, 0 to 1 each.

    `known`: other tickets of the article vote; `new`: none do. `off` is the mean square by which confidence misses what
    came true (Brier), with each article hidden in turn as what is outside; `ece` the calibration error of the same.
    """

    tickets: int
    hit_known: float
    hit_new: float
    reciprocal_rank: float
    off: float
    ece: float
    tells_outside: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """What a look taught: the `tuning` to use from now on, and the figures of the one `before` and of it on the same
    held-out tickets. They are of one tuning when nothing was better."""

    tuning: Tuning
    before: Figures
    after: Figures


def learned(questions: Examples, titles: Examples, look: Look, *, current: Tuning) -> Lessons | None:
    """What is chosen on three of four tickets, where the fourth say that it is better than `current`.

    The order of articles and the reading of confidence are judged each by itself. None below FEWEST_TICKETS, or when
    either part has no article known twice.
    """
    held = [at for at, text in enumerate(questions.texts) if is_held_out(text)]
    taught = [at for at, text in enumerate(questions.texts) if not is_held_out(text)]
    if len(questions.texts) < FEWEST_TICKETS or not held or not taught:
        return None
    lessons, seen = _some(questions, taught), _Remembered(look)

    def judged(tuning: Tuning) -> Figures | None:
        return figures(tuning, questions, titles, seen, held)

    before = after = judged(current)
    if before is None or after is None:
        return None
    tuning = current
    ordered = with_order(current, lessons, titles, seen)
    told = judged(ordered)
    if told is not None and _orders_better(told, than=after):
        tuning, after = ordered, told
    trusted = with_trust(tuning, lessons, titles, seen)
    told = judged(trusted)
    if told is not None and told.off < after.off:
        tuning, after = trusted, told
    return Lessons(tuning=tuning, before=before, after=after)


def is_held_out(text: str) -> bool:
    """By its words: a ticket is never taught one night and judged by the next."""
    return hashlib.sha256(text.encode()).digest()[0] % HELD_OUT_OF == 0


def _orders_better(figures: Figures, *, than: Figures) -> bool:
    """Finds more, and no less of articles that nothing was resolved with."""
    return figures.reciprocal_rank > than.reciprocal_rank and figures.hit_new >= than.hit_new


def figures(
    tuning: Tuning, questions: Examples, titles: Examples, look: Look, held: Sequence[int]
) -> Figures | None:
    """Of the questions in the places `held`, each judged without itself. None when none has another of its article."""
    asked = _asked(AnswerVote(questions, titles, tuning.vote), questions, held, look, tuning.dense_weight)
    ranks_known = [one.rank(Kind.KNOWN) for one in asked if one.alone is not None]
    ranks_new = [one.rank(Kind.NEW) for one in asked]
    if not ranks_known:
        return None
    lessons = [lesson for one in asked for lesson in one.lessons()]
    stated = [_stated(tuning.calibration, lesson) for lesson in lessons]
    weights = lesson_weights([lesson.kind for lesson in lessons], new_share=new_share(questions.articles))
    inside = [said for said, lesson in zip(stated, lessons, strict=True) if lesson.kind is not Kind.OUTSIDE]
    outside = [said for said, lesson in zip(stated, lessons, strict=True) if lesson.kind is Kind.OUTSIDE]
    missed = [(said - lesson.right) ** 2 for said, lesson in zip(stated, lessons, strict=True)]
    return Figures(
        tickets=len(held),
        hit_known=statistics.fmean(rank == 1 for rank in ranks_known),
        hit_new=statistics.fmean(rank == 1 for rank in ranks_new),
        reciprocal_rank=statistics.fmean(map(_reciprocal, [*ranks_known, *ranks_new])),
        off=float(np.average(missed, weights=weights)),
        ece=calibration_error(
            [(said, lesson.right) for said, lesson in zip(stated, lessons, strict=True)], list(weights)
        )
        or 0.0,
        tells_outside=auroc(inside, outside) or 0.0,
    )


def with_order(tuning: Tuning, questions: Examples, titles: Examples, look: Look) -> Tuning:
    """With the dense share and the vote that order the articles of these questions best."""
    weight = _best_weight(questions, look, tuning.dense_weight)
    return replace(tuning, dense_weight=weight, vote=AnswerVote(questions, titles).setting)


def with_trust(tuning: Tuning, questions: Examples, titles: Examples, look: Look) -> Tuning:
    """With the reading of confidence that these questions teach, ordered as `tuning` orders."""
    vote = AnswerVote(questions, titles, tuning.vote)
    asked = _asked(vote, questions, range(len(questions.texts)), look, tuning.dense_weight)
    lessons = [lesson for one in asked for lesson in one.lessons()]
    return replace(tuning, calibration=calibrated(lessons, articles=questions.articles))


def _asked(
    vote: AnswerVote, questions: Examples, places: Iterable[int], look: Look, weight: float
) -> "list[_Asked]":
    left_out = vote.left_out() if vote.is_worth_hearing else None
    return [
        _Asked(
            article=questions.articles[at],
            looked=look(questions.texts[at], weight),
            alone=left_out.alone[at] if left_out else NOTHING_HEARD,
            hidden=left_out.hidden[at] if left_out else NOTHING_HEARD,
        )
        for at in places
    ]


def _best_weight(questions: Examples, look: Look, current: float) -> float:
    """The dense share that finds the articles best; the current one unless another is better by a standard error."""
    rows = list(zip(questions.texts, questions.articles, strict=True))[:WEIGHED_ON]

    def found(weight: float) -> list[float]:
        return [_reciprocal(_rank(look(text, weight).articles, article)) for text, article in rows]

    usual, best, lead = found(current), current, 0.0
    for weight in DENSE_WEIGHTS:
        gains = [after - before for after, before in zip(found(weight), usual, strict=True)]
        error = statistics.pstdev(gains) / len(gains) ** 0.5
        if statistics.fmean(gains) > max(lead, error):
            best, lead = weight, statistics.fmean(gains)
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A ticket's question, asked again as if it and perhaps its article had not been there."""

    article: str
    looked: Looked
    alone: Heard | None
    hidden: Heard

    def rank(self, kind: Kind) -> int | None:
        heard = self.alone if kind is Kind.KNOWN and self.alone is not None else self.hidden
        return _rank(placed(self.looked.articles, heard), self.article)

    def lessons(self) -> list[Lesson]:
        kinds = [Kind.NEW] if self.alone is None else [Kind.KNOWN, Kind.NEW]
        inside = [
            self._lesson(kind, self.looked, shown=(self.rank(kind) or LAST_RANK + 1) <= SHOWN)
            for kind in kinds
        ]
        return [*inside, self._lesson(Kind.OUTSIDE, self.looked.without(self.article), shown=False)]

    def _lesson(self, kind: Kind, looked: Looked, *, shown: bool) -> Lesson:
        heard = self.alone if kind is Kind.KNOWN and self.alone is not None else self.hidden
        return Lesson(
            kind=kind,
            knowledge=knowledge_logit(signals_of(looked.evidence)),
            tickets=ticket_signals(heard),
            right=shown,
        )


def ticket_signals(heard: Heard) -> TicketSignals:
    return TicketSignals(highest=heard.highest, nearest=heard.nearest)


def placed(articles: Sequence[str], heard: Heard) -> list[str]:
    """The articles found, in the order that resolved tickets give to those which have some."""
    first, rest = articles[:LOOKED_AT], articles[LOOKED_AT:]
    return [*in_their_places(first, heard.scores, heard.scores.keys()), *rest]


def _stated(calibration: Calibration | None, lesson: Lesson) -> float:
    return probability(
        lesson.knowledge if calibration is None else calibration.logit(lesson.knowledge, lesson.tickets)
    )


def _rank(articles: Sequence[str], article: str) -> int | None:
    return articles.index(article) + 1 if article in articles[:LAST_RANK] else None


def _reciprocal(rank: int | None) -> float:
    return 1 / rank if rank else 0.0


class _Remembered:
    """A look that is not repeated: candidate and current often search alike."""

    def __init__(self, look: Look) -> None:
        self._look, self._known = look, dict[tuple[str, float], Looked]()

    def __call__(self, text: str, weight: float) -> Looked:
        if (text, weight) not in self._known:
            self._known[text, weight] = self._look(text, weight)
        return self._known[text, weight]


def _some(examples: Examples, places: Sequence[int]) -> Examples:
    return Examples(
        texts=[examples.texts[at] for at in places],
        vectors=examples.vectors[list(places)],
        articles=[examples.articles[at] for at in places],
    )
