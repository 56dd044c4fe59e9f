"""Live passages that state different values for the same policy, found after each change and kept.

Only texts that were not compared before are compared, with all that hold: their vectors are those of the index. A
flag stands until the brand says that both are right, or one of its texts changes. A look takes so many texts, so that
a transaction ends in time whatever was imported; its caller looks until nothing is left.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import structlog
from sqlalchemy import delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from knowledge_base.comparing import (
    Compared,
    Difference,
    Weights,
    compared,
    differences,
    names_differ,
    ordinary_words,
    word_weights,
)
from knowledge_base.index.embedder import Vectors
from knowledge_base.liveness import is_live, sha256_of_text
from knowledge_base.models import Article, Embedding, Passage, Revision
from knowledge_base.report_models import Contradiction, ContradictionLook, ContradictionState, ValueKind
from knowledge_base.reports import sha256_of
from marketplace.accounts.fields import words_within
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import ArticleId, BrandId, ContradictionId, PassageId, PersonId, new_id

NEAR = 0.5
"""Cosine of two passages from which their values are compared."""

PASSAGES_COMPARED = 20_000
"""Of a larger knowledge base only the first so many, by article, are compared."""

LOOKED_AT_ONCE = 1_000
NEIGHBOURS = 200
"""Of one text, the nearest are compared with it."""

ROWS_AT_ONCE = 256
FOUND_AT_MOST = 500
SHOWN = 50
REASON_LIMIT = 1_000

log = structlog.get_logger()


class NoContradiction(NotFound):
    """There is no such contradiction."""


class NotOpen(Conflict):
    """This was decided already, or one of the two texts has changed. Reload to see how it stands."""


class BothRightNeedsReason(Invalid):
    """Say in 1 to 1,000 characters why both are right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two passages. `marks` are where its text states the value."""

    article: ArticleId
    title: str
    section_path: tuple[str, ...]
    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictionLine:
    id: ContradictionId
    kind: ValueKind
    state: ContradictionState
    found_at: datetime
    reason: str
    first: Side
    second: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How many flags are new, and whether more texts wait to be looked at."""

    found: int
    has_more: bool


def look_for_contradictions(tx: Tx, *, brand: BrandId, now: datetime) -> Look:
    """Compare LOOKED_AT_ONCE texts of what changed since the last look. Safe to run again at any time."""
    live = _live(tx, brand)
    _forget_gone(tx, brand, now)
    vectors = _vectors(tx, brand, [one.sha256 for one in live if one.words.values])
    waiting = [at for at in _not_looked_at(tx, brand, live) if _is_ready(live[at], vectors)]
    changed = waiting[:LOOKED_AT_ONCE]
    found = sum(_keep(tx, brand, one, now) for one in _compare(live, changed, vectors))
    _remember(tx, brand, [live[at] for at in changed])
    if changed:
        log.info("contradictions.looked", brand=str(brand), texts=len(changed), found=found)
    return Look(found=found, has_more=len(waiting) > len(changed))


def dismiss_contradiction(
    tx: Tx,
    *,
    brand: BrandId,
    contradiction: ContradictionId,
    by: PersonId | None,
    reason: str,
    now: datetime,
) -> None:
    """Both are right. Raises NoContradiction, NotOpen, BothRightNeedsReason."""
    said = words_within(reason, REASON_LIMIT, BothRightNeedsReason)
    if tx.get(Contradiction, (brand, contradiction)) is None:
        raise NoContradiction
    dismissed = tx.execute(
        update(Contradiction)
        .where(
            Contradiction.brand_id == brand,
            Contradiction.id == contradiction,
            Contradiction.state == ContradictionState.OPEN,
        )
        .values(state=ContradictionState.DISMISSED, decided_at=now, decided_by=by, reason=said)
        .returning(Contradiction.id)
        .execution_options(synchronize_session=False)
    ).first()
    if dismissed is None:
        raise NotOpen


def contradictions(
    tx: Tx, *, brand: BrandId, state: ContradictionState = ContradictionState.OPEN
) -> list[ContradictionLine]:
    """The nearest first, up to SHOWN. Open and dismissed ones only while both texts hold."""
    first, second = aliased(Passage), aliased(Passage)
    title, other_title = aliased(Revision), aliased(Revision)
    wanted = (
        select(Contradiction, first, title.title, second, other_title.title)
        .join(
            first, (first.brand_id == Contradiction.brand_id) & (first.id == Contradiction.first_passage_id)
        )
        .join(title, (title.brand_id == first.brand_id) & (title.id == first.revision_id))
        .join(
            second,
            (second.brand_id == Contradiction.brand_id) & (second.id == Contradiction.second_passage_id),
        )
        .join(other_title, (other_title.brand_id == second.brand_id) & (other_title.id == second.revision_id))
        .where(Contradiction.brand_id == brand, Contradiction.state == state)
        .order_by(Contradiction.cosine.desc(), Contradiction.id)
        .limit(SHOWN)
    )
    rows = tx.execute(wanted).all()
    holding = _holding(tx, brand, {article for row in rows for article in _articles(row[0])})
    return [_shown(*row) for row in rows if state is ContradictionState.RESOLVED or _keys(row[0]) <= holding]


def count_contradictions(tx: Tx, *, brand: BrandId) -> int:
    """How many are open."""
    still = select(func.count()).where(
        Contradiction.brand_id == brand, Contradiction.state == ContradictionState.OPEN
    )
    return tx.scalar(still) or 0


# --- what holds ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A live passage; `sha256` is of the text as it is embedded, by which its vector is known."""

    passage: PassageId
    article: ArticleId
    sha256: str
    words: Compared


def _live(tx: Tx, brand: BrandId) -> list[_Text]:
    rows = tx.execute(
        select(
            Passage.id,
            Passage.article_id,
            Passage.sha256,
            Passage.text,
            Passage.section_path,
            Revision.title,
        )
        .select_from(Passage)
        .join(Article, is_live())
        .join(Revision, (Revision.brand_id == Passage.brand_id) & (Revision.id == Passage.revision_id))
        .where(Passage.brand_id == brand)
        .order_by(Passage.article_id, Passage.ordinal)
        .limit(PASSAGES_COMPARED)
    )
    return [
        _Text(
            passage=row.id,
            article=row.article_id,
            sha256=row.sha256,
            words=compared(row.text, [row.title, *row.section_path]),
        )
        for row in rows
    ]


def _not_looked_at(tx: Tx, brand: BrandId, live: Sequence[_Text]) -> list[int]:
    looked = {
        (article, sha256)
        for article, sha256 in tx.execute(
            select(ContradictionLook.article_id, ContradictionLook.sha256).where(
                ContradictionLook.brand_id == brand
            )
        )
    }
    return [at for at, text in enumerate(live) if (text.article, text.sha256) not in looked]


def _forget_gone(tx: Tx, brand: BrandId, now: datetime) -> None:
    """Looks at texts that hold no more, and flags one of whose texts changed: those have resolved themselves."""
    embedded = (
        select(Passage.article_id, Passage.sha256).join(Article, is_live()).where(Passage.brand_id == brand)
    )
    tx.execute(
        delete(ContradictionLook).where(
            ContradictionLook.brand_id == brand,
            tuple_(ContradictionLook.article_id, ContradictionLook.sha256).not_in(embedded),
        )
    )
    texts = (
        select(Passage.article_id, sha256_of_text())
        .select_from(Passage)
        .join(Article, is_live())
        .where(Passage.brand_id == brand)
    )
    tx.execute(
        update(Contradiction)
        .where(
            Contradiction.brand_id == brand,
            Contradiction.state != ContradictionState.RESOLVED,
            or_(
                tuple_(Contradiction.first_article_id, Contradiction.first_sha256).not_in(texts),
                tuple_(Contradiction.second_article_id, Contradiction.second_sha256).not_in(texts),
            ),
        )
        .values(state=ContradictionState.RESOLVED, decided_at=now, decided_by=None, reason="")
        .execution_options(synchronize_session=False)
    )


def _is_ready(text: _Text, vectors: Mapping[str, Vectors]) -> bool:
    """A text that states a value waits for its vector: the index that has it is followed by a look."""
    return not text.words.values or text.sha256 in vectors


def _remember(tx: Tx, brand: BrandId, texts: Sequence[_Text]) -> None:
    rows = [{"brand_id": brand, "article_id": one.article, "sha256": one.sha256} for one in texts]
    if rows:
        tx.execute(insert(ContradictionLook).on_conflict_do_nothing(), rows)


# --- comparing ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flag:
    first: _Text
    second: _Text
    difference: Difference
    cosine: float


def _compare(live: Sequence[_Text], changed: Sequence[int], vectors: Mapping[str, Vectors]) -> list[_Flag]:
    """The nearest FOUND_AT_MOST."""
    stating = [at for at, one in enumerate(live) if one.words.values and one.sha256 in vectors]
    fresh = sorted(set(changed) & set(stating))
    if not fresh:
        return []
    matrix = np.stack([vectors[live[at].sha256] for at in stating])
    weights = word_weights([live[at].words for at in stating])
    ordinary = ordinary_words(one.words for one in live)
    pairs = _near_pairs(matrix, stating, fresh)
    flags = [
        flag
        for (at, other), cosine in pairs.items()
        for flag in _flags(live[at], live[other], cosine, weights, ordinary)
    ]
    return sorted(flags, key=lambda flag: -flag.cosine)[:FOUND_AT_MOST]


def _vectors(tx: Tx, brand: BrandId, wanted: Sequence[str]) -> Mapping[str, Vectors]:
    """Of the model that most texts are encoded by: between two models vectors mean nothing."""
    model = tx.scalars(
        select(Embedding.model)
        .where(Embedding.brand_id == brand)
        .group_by(Embedding.model)
        .order_by(func.count().desc(), Embedding.model)
        .limit(1)
    ).first()
    rows = tx.execute(
        select(Embedding.sha256, Embedding.vector).where(
            Embedding.brand_id == brand, Embedding.model == model, Embedding.sha256.in_(wanted)
        )
    )
    return {row.sha256: np.frombuffer(row.vector, dtype="<f4") for row in rows}


def _near_pairs(
    matrix: Vectors, stating: Sequence[int], fresh: Sequence[int]
) -> Mapping[tuple[int, int], float]:
    """The cosine of each fresh text with each of its NEIGHBOURS that is near, each pair once."""
    place = {at: row for row, at in enumerate(stating)}
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, len(fresh), ROWS_AT_ONCE):
        some = fresh[start : start + ROWS_AT_ONCE]
        cosines = matrix[[place[at] for at in some]] @ matrix.T
        for at, row in zip(some, cosines, strict=True):
            for column in _nearest(row):
                other = stating[column]
                if other != at:
                    pairs[min(at, other), max(at, other)] = float(row[column])
    return pairs


def _nearest(cosines: Vectors) -> list[int]:
    """Places of the near ones, the nearest first; the text itself is among them."""
    near = np.flatnonzero(cosines >= NEAR)
    ordered: list[int] = near[np.argsort(-cosines[near], kind="stable")].tolist()
    return ordered[: NEIGHBOURS + 1]


def _flags(
    one: _Text, other: _Text, cosine: float, weights: Weights, ordinary: frozenset[str]
) -> Iterator[_Flag]:
    first, second = sorted((one, other), key=lambda text: (text.article, text.sha256))
    found = differences(first.words, second.words, weights)
    if found and not names_differ(first.words, second.words, ordinary):
        for difference in found:
            yield _Flag(first=first, second=second, difference=difference, cosine=cosine)


def _keep(tx: Tx, brand: BrandId, flag: _Flag, now: datetime) -> bool:
    """Whether it is new, or was resolved and is back; what the brand dismissed stays dismissed."""
    made = insert(Contradiction).values(
        brand_id=brand,
        id=ContradictionId(new_id()),
        first_article_id=flag.first.article,
        first_sha256=sha256_of(flag.first.words.text),
        first_passage_id=flag.first.passage,
        first_marks=[list(mark) for mark in flag.difference.first_marks],
        second_article_id=flag.second.article,
        second_sha256=sha256_of(flag.second.words.text),
        second_passage_id=flag.second.passage,
        second_marks=[list(mark) for mark in flag.difference.second_marks],
        kind=flag.difference.kind,
        subject=flag.difference.subject,
        cosine=flag.cosine,
        state=ContradictionState.OPEN,
        found_at=now,
    )
    kept = tx.execute(
        made.on_conflict_do_update(
            constraint="uq_contradiction_pair",
            set_={"state": ContradictionState.OPEN, "found_at": now, "decided_at": None, "reason": ""},
            where=Contradiction.state == ContradictionState.RESOLVED,
        ).returning(Contradiction.id)
    ).first()
    return kept is not None


# --- showing ------------------------------------------------------------------------------------------------


def _articles(row: Contradiction) -> set[ArticleId]:
    return {row.first_article_id, row.second_article_id}


def _keys(row: Contradiction) -> set[tuple[ArticleId, str]]:
    return {(row.first_article_id, row.first_sha256), (row.second_article_id, row.second_sha256)}


def _holding(tx: Tx, brand: BrandId, articles: set[ArticleId]) -> set[tuple[ArticleId, str]]:
    rows = tx.execute(
        select(Passage.article_id, sha256_of_text())
        .select_from(Passage)
        .join(Article, is_live())
        .where(Passage.brand_id == brand, Passage.article_id.in_(articles))
    )
    return {(article, sha256) for article, sha256 in rows}


def _shown(row: Contradiction, first: Passage, title: str, second: Passage, other: str) -> ContradictionLine:
    return ContradictionLine(
        id=row.id,
        kind=row.kind,
        state=row.state,
        found_at=row.found_at,
        reason=row.reason,
        first=_side(first, title, row.first_marks),
        second=_side(second, other, row.second_marks),
    )


def _side(passage: Passage, title: str, marks: Sequence[Sequence[int]]) -> Side:
    return Side(
        article=passage.article_id,
        title=title,
        section_path=tuple(passage.section_path),
        text=passage.text,
        marks=tuple((mark[0], mark[1]) for mark in marks),
    )
