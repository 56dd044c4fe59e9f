"""The learning loop: look at a brand's resolved tickets, use what proved better, and go back when a person says so.

A look reads in transactions of its own, one a question, because it takes a minute and everybody else's facts wait for
the oldest transaction there is.
"""

from datetime import datetime

from guidance.answer_memory import Remembered, remembered
from guidance.learning_models import GuidanceCaution, GuidanceTuning, TuningCause
from guidance.learning_queries import caution_of, newest_tuning
from guidance.tuning import LOOKED_AT, Lessons, Looked, Tuning, learned, tuning_from
from guidance.versions import add_version
from knowledge_base.index.embedder import Embedder
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import Retriever
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId

LEAST_WRONG_COST, MOST_WRONG_COST = 0.1, 20.0


class NothingLearned(NotFound):
    """There is no such version of what was learned."""


class NotHeld(Conflict):
    """This brand's suggestions may learn already."""


class ChangedMeanwhile(Conflict):
    """Somebody else changed this meanwhile. Look at what holds now, then say it again."""


class UnfitCaution(Invalid):
    """Say how many missed suggestions a wrong one costs, from 0.1 to 20."""


def learn(
    database: Database, retriever: Retriever, embedder: Embedder, *, brand: BrandId, weight: float
) -> GuidanceTuning | None:
    """Look once at the brand's tickets and keep what came of it; None when they are too few to judge by.

    `weight` is the dense share while nothing was learned. Raises IndexUnavailable.
    """
    with database.transaction() as tx:
        told, row = remembered(tx, embedder, brand=brand), newest_tuning(tx, brand=brand)
    if told is None or (row is not None and row.cause is TuningCause.RETURNED):
        return None

    def look(text: str, weight: float) -> Looked:
        with database.transaction() as tx:
            found = retriever.search(tx, brand=brand, query=Query.of([text]), weight=weight, top=LOOKED_AT)
        return Looked(
            articles=[str(passage.article_id) for passage in found.passages],
            ranking=found.ranking,
            words=found.words,
        )

    current = Tuning(dense_weight=weight) if row is None else tuning_from(row.tuning)
    lessons = learned(told.questions, told.titles, look, current=current)
    return _keep(database, brand, row, told, current, lessons)


def _keep(
    database: Database,
    brand: BrandId,
    row: GuidanceTuning | None,
    told: Remembered,
    current: Tuning,
    lessons: Lessons | None,
) -> GuidanceTuning | None:
    """Unless somebody has said something else meanwhile: a person's word is never overtaken by a look begun before."""
    better = lessons is not None and lessons.tuning != current
    with database.transaction() as tx:
        return add_version(
            tx,
            GuidanceTuning,
            brand=brand,
            version=row.version + 1 if row else 1,
            cause=TuningCause.LEARNED if better else TuningCause.KEPT,
            tuning=(lessons.tuning if lessons else current).as_json(),
            figures={"before": lessons.before.as_json(), "after": lessons.after.as_json()} if lessons else {},
            tickets=len(told.tickets),
            made_at=app_now(tx),
        )


def return_to(tx: Tx, *, brand: BrandId, version: int, author: PersonId, now: datetime) -> GuidanceTuning:
    """Use an older version again and stay with it until `release`. Raises NothingLearned, ChangedMeanwhile."""
    old, newest = tx.get(GuidanceTuning, (brand, version)), newest_tuning(tx, brand=brand)
    if old is None or newest is None:
        raise NothingLearned
    return _said(tx, old, newest, TuningCause.RETURNED, author, now, returned_to=version)


def release(tx: Tx, *, brand: BrandId, author: PersonId, now: datetime) -> GuidanceTuning:
    """Let the brand's suggestions learn again, from what they use now. Raises NotHeld, ChangedMeanwhile."""
    newest = newest_tuning(tx, brand=brand)
    if newest is None or newest.cause is not TuningCause.RETURNED:
        raise NotHeld
    return _said(tx, newest, newest, TuningCause.RELEASED, author, now)


def set_caution(
    tx: Tx, *, brand: BrandId, wrong_cost: float, author: PersonId, now: datetime
) -> GuidanceCaution:
    """How many missed suggestions one wrong one costs. Raises UnfitCaution, ChangedMeanwhile."""
    if not LEAST_WRONG_COST <= wrong_cost <= MOST_WRONG_COST:
        raise UnfitCaution
    current = caution_of(tx, brand=brand)
    if current is not None and current.wrong_cost == wrong_cost:
        return current
    caution = add_version(
        tx,
        GuidanceCaution,
        brand=brand,
        version=current.version + 1 if current else 1,
        wrong_cost=wrong_cost,
        author_id=author,
        written_at=now,
    )
    if caution is None:
        raise ChangedMeanwhile
    return caution


def _said(
    tx: Tx,
    used: GuidanceTuning,
    newest: GuidanceTuning,
    cause: TuningCause,
    author: PersonId,
    now: datetime,
    returned_to: int | None = None,
) -> GuidanceTuning:
    added = add_version(
        tx,
        GuidanceTuning,
        brand=used.brand_id,
        version=newest.version + 1,
        cause=cause,
        tuning=used.tuning,
        figures=used.figures,
        tickets=newest.tickets,
        returned_to=returned_to,
        author_id=author,
        made_at=now,
    )
    if added is None:
        raise ChangedMeanwhile
    return added
