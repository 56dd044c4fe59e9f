"""Articles of an import that say what another article says already, word for word or nearly.

Compared are the texts an import drafts with those that hold and with each other. What a text's comparison needs is
computed once for each revision and kept; a draft is looked at against all of them in one pass, and what comes near is
then compared run by run. No transaction is open during the pass, which takes minutes for 50,000 drafts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from knowledge_base.import_models import (
    ImportArticle,
    ImportArticleState,
    ImportDuplicate,
    TextSignature,
)
from knowledge_base.in_force import held_revision
from knowledge_base.models import Article, Revision
from knowledge_base.near_text import (
    guessed_shares,
    share_in_common,
    signature,
    stacked,
    text_sha256,
)
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, RevisionId

NEAR_SHARE = 0.6
"""From here on two articles are pointed out: of all five-word runs of both, this share stands in both."""
GUESS_MARGIN = 0.15
"""A guess this far below is looked at too; four times its error."""
MAX_COMPARED = 50_000
MAX_LOOKED_AT = 5
MAX_NAMED = 3
TEXTS_PER_TRANSACTION = 200
DRAFTS_PER_TRANSACTION = 100
EXACT_PERCENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A revision as it is compared."""

    article: ArticleId
    revision: RevisionId
    sha256: str
    minhash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    article: ArticleId
    other: Text
    share_percent: int


def find_duplicates(database: Database, brand: BrandId, import_id: ImportId) -> None:
    """Note for each article an import drafted which others say the same. Safe to run again."""
    scope = Scope(brand=brand)
    while True:
        with database.transaction(scope) as tx:
            if _sign_some(tx, brand, import_id) == 0:
                break
    with database.transaction(scope) as tx:
        drafts = _drafts(tx, brand, import_id)
        compared = _Compared([*_held(tx, brand, import_id), *drafts])
    for start in range(0, len(drafts), DRAFTS_PER_TRANSACTION):
        nearest = [(one, compared.nearest(one)) for one in drafts[start : start + DRAFTS_PER_TRANSACTION]]
        with database.transaction(scope) as tx:
            _note(tx, brand, import_id, nearest)


def _note(
    tx: Tx, brand: BrandId, import_id: ImportId, nearest: Sequence[tuple[Text, Sequence[Text]]]
) -> None:
    """Keep for some drafts which of the texts nearest to them are near enough, in place of what was kept before."""
    before = delete(ImportDuplicate).where(
        ImportDuplicate.brand_id == brand,
        ImportDuplicate.import_id == import_id,
        ImportDuplicate.article_id.in_([draft.article for draft, _ in nearest]),
    )
    tx.execute(before)
    rows = [
        _row(brand, import_id, one) for draft, others in nearest for one in _near(tx, brand, draft, others)
    ]
    if rows:
        # Another job on the same import finds the same.
        tx.execute(upsert(ImportDuplicate).on_conflict_do_nothing(), rows)


def text_of(sections: Sequence[dict[str, str]]) -> str:
    """A revision's text as it is compared: without title and headings, which are where copies differ."""
    return "\n".join(section["text"] for section in sections)


def _sign_some(tx: Tx, brand: BrandId, import_id: ImportId) -> int:
    """Compute what is missing to compare some revisions; how many."""
    signed = select(TextSignature.revision_id).where(
        TextSignature.brand_id == brand, TextSignature.revision_id == Revision.id
    )
    rows = tx.execute(
        select(Revision.id, Revision.sections)
        .join(Article, (Article.brand_id == Revision.brand_id) & (Article.id == Revision.article_id))
        .where(
            Revision.brand_id == brand,
            (Revision.id == held_revision()) | Revision.id.in_(_drafted(brand, import_id)),
            ~signed.exists(),
        )
        .limit(TEXTS_PER_TRANSACTION)
    ).all()
    if rows:
        values = [
            {
                "brand_id": brand,
                "revision_id": row.id,
                "text_sha256": text_sha256(text_of(row.sections)),
                "minhash": signature(text_of(row.sections)),
            }
            for row in rows
        ]
        tx.execute(upsert(TextSignature).on_conflict_do_nothing(), values)
    return len(rows)


def _drafted(brand: BrandId, import_id: ImportId) -> Select[RevisionId]:
    return select(ImportArticle.revision_id).where(*_drafts_of(brand, import_id))


def _drafts_of(brand: BrandId, import_id: ImportId) -> tuple[ColumnElement[bool], ...]:
    open_states = (ImportArticleState.DRAFTED, ImportArticleState.LEFT_OUT)
    return (
        ImportArticle.brand_id == brand,
        ImportArticle.import_id == import_id,
        ImportArticle.state.in_(open_states),
    )


def _drafts(tx: Tx, brand: BrandId, import_id: ImportId) -> list[Text]:
    return _signed(
        tx,
        select(ImportArticle.article_id.label("article"), *_COMPARED)
        .join(TextSignature, TextSignature.revision_id == ImportArticle.revision_id)
        .where(*_drafts_of(brand, import_id), TextSignature.brand_id == brand)
        .order_by(ImportArticle.article_id),
    )


def _held(tx: Tx, brand: BrandId, import_id: ImportId) -> list[Text]:
    """What holds, but for articles that the import would change: those stand for themselves as drafts."""
    rewritten = select(ImportArticle.article_id).where(*_drafts_of(brand, import_id))
    return _signed(
        tx,
        select(Article.id.label("article"), *_COMPARED)
        .join(TextSignature, TextSignature.revision_id == held_revision())
        .where(Article.brand_id == brand, TextSignature.brand_id == brand, Article.id.not_in(rewritten))
        .order_by(Article.id),
    )


_COMPARED = (
    TextSignature.revision_id.label("revision"),
    TextSignature.text_sha256.label("sha256"),
    TextSignature.minhash,
)


def _signed(tx: Tx, wanted: Select[*tuple[Any, ...]]) -> list[Text]:
    return [Text(**row._asdict()) for row in tx.execute(wanted.limit(MAX_COMPARED))]


class _Compared:
    """All texts that a draft is held against."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts
        self._signatures = stacked([text.minhash for text in texts])

    def nearest(self, draft: Text) -> list[Text]:
        """Those worth a closer look, the likeliest first; never the draft's own article."""
        shares = guessed_shares(draft.minhash, self._signatures)
        likely = np.flatnonzero(shares >= NEAR_SHARE - GUESS_MARGIN).tolist()
        ordered = sorted(likely, key=lambda place: -shares[place])
        others = (self._texts[place] for place in ordered)
        return list(islice((text for text in others if text.article != draft.article), MAX_LOOKED_AT))


def _near(tx: Tx, brand: BrandId, draft: Text, others: Sequence[Text]) -> list[Duplicate]:
    """Those of `others` that are near enough to a draft, the nearest first."""
    if not others:
        return []
    texts = _texts(tx, brand, [draft.revision, *(other.revision for other in others)])
    found = [
        Duplicate(article=draft.article, other=other, share_percent=_percent(draft, other, texts))
        for other in others
    ]
    near = [one for one in found if one.share_percent >= 100 * NEAR_SHARE]
    return sorted(near, key=lambda one: -one.share_percent)[:MAX_NAMED]


def _percent(draft: Text, other: Text, texts: dict[RevisionId, str]) -> int:
    """A hundred is word for word and nothing less."""
    if draft.sha256 == other.sha256:
        return EXACT_PERCENT
    share = share_in_common(texts[draft.revision], texts[other.revision])
    return min(int(100 * share), EXACT_PERCENT - 1)


def _texts(tx: Tx, brand: BrandId, revisions: Sequence[RevisionId]) -> dict[RevisionId, str]:
    rows = tx.execute(
        select(Revision.id, Revision.sections).where(Revision.brand_id == brand, Revision.id.in_(revisions))
    )
    return {row.id: text_of(row.sections) for row in rows}


def _row(brand: BrandId, import_id: ImportId, found: Duplicate) -> dict[str, object]:
    return {
        "brand_id": brand,
        "import_id": import_id,
        "article_id": found.article,
        "other_id": found.other.article,
        "other_revision_id": found.other.revision,
        "share_percent": found.share_percent,
    }
