"""What a reply that waits for its brand's approval rests on, and what of it has ended since it was written.

It rests on the passages its receipt says it does. One of them has ended when it may not be offered any more and its
article does not say the same words elsewhere. Whatever ended it, the rows as they are now tell.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ARRAY, Row, Uuid, bindparam, select, text

from guidance.commands import QUOTE_LIMIT
from guidance.receipts import most_alike
from guidance.usage_queries import RESTS_ON
from knowledge_base.due_dates import is_kept_back
from knowledge_base.in_force import article_state
from knowledge_base.liveness import in_quarantine, is_offered
from knowledge_base.models import Article, ArticleState, Passage
from knowledge_base.stops import is_not_stopped
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, ReplyId
from marketplace.tickets.reviews import Change, Changes

TEXTS_LOOKED_AT = 400
"""Passages that the articles of one page of waiting replies say now."""


class Ending(StrEnum):
    EDITED = "edited"
    RETIRED = "retired"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"
    UNVERIFIED = "unverified"
    ERASED = "erased"


WORDS: Mapping[Ending, str] = {
    Ending.EDITED: "The article says something else now.",
    Ending.RETIRED: "The article is retired.",
    Ending.QUARANTINED: "The passage was reported as wrong and is in quarantine.",
    Ending.STOPPED: "The article is stopped.",
    Ending.UNVERIFIED: "The article is due for its check, and you offer verified articles only.",
    Ending.ERASED: "The article was erased.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedPassage:
    """A passage that a reply rests on: what it said, and what its article says there now, if anything."""

    article: ArticleId
    title: str
    ending: Ending
    said: str
    says_now: str


class ReceiptGrounds:
    """The `Grounds` of the tickets house, by receipts."""

    def hold_and_compare(self, tx: Tx, *, brand: BrandId, reply: ReplyId) -> Changes | None:
        """Whoever changes what holds locks the same row first, so none can come between this look and the commit."""
        tx.execute(_HOLD, {"brand": brand})
        ended = ended_passages(tx, brand=brand, replies=[reply]).get(reply)
        return None if ended is None else changes_of(ended)


def ended_passages(
    tx: Tx, *, brand: BrandId, replies: Sequence[ReplyId]
) -> Mapping[ReplyId, Sequence[EndedPassage]]:
    """Of those of `replies` that rest on something that has ended, what has. The transaction is the brand's."""
    rested = tx.execute(_RESTED, {"brand": brand, "replies": list(replies)}).all()
    offered = _offered(tx, brand, {row.passage_id for row in rested})
    suspects = [row for row in rested if row.passage_id not in offered]
    said_now = _texts(tx, brand, {ArticleId(row.article_id) for row in suspects})
    gone = [row for row in suspects if row.quoted not in said_now[row.article_id]]
    endings = _Endings(tx, brand, gone)
    found: dict[ReplyId, list[EndedPassage]] = defaultdict(list)
    for row in gone:
        found[ReplyId(row.reply_id)].append(
            EndedPassage(
                article=ArticleId(row.article_id),
                title=row.title,
                ending=endings.of(row),
                said=row.quoted,
                says_now=most_alike(row.quoted, said_now[row.article_id]) or "",
            )
        )
    return found


def changes_of(ended: Sequence[EndedPassage]) -> Changes:
    """For whoever approves all the same; the mark is another when one of the texts changes once more."""
    told = "\x00".join(f"{one.ending}\x00{one.said}\x00{one.says_now}" for one in ended)
    return Changes(
        mark=hashlib.sha256(told.encode()).hexdigest()[:32],
        changes=tuple(Change(title=one.title, what=WORDS[one.ending]) for one in ended),
    )


class _Endings:
    """Why passages that are not offered are not: asked once for all of them."""

    def __init__(self, tx: Tx, brand: BrandId, gone: Sequence[Row[tuple[object, ...]]]) -> None:
        held = select(Passage.id).where(
            Passage.brand_id == brand, Passage.id.in_({row.passage_id for row in gone}), in_quarantine()
        )
        self._quarantined = set(tx.scalars(held)) if gone else set()
        asked = select(Article.id, article_state(), is_not_stopped(), is_kept_back()).where(
            Article.brand_id == brand, Article.id.in_({row.article_id for row in gone})
        )
        self._articles = {row[0]: row[1:] for row in tx.execute(asked)} if gone else {}

    def of(self, row: Row[tuple[object, ...]]) -> Ending:
        if row.article_id not in self._articles:
            return Ending.ERASED
        state, is_going, kept_back = self._articles[row.article_id]
        if state != ArticleState.PUBLISHED:
            return Ending.RETIRED
        if row.passage_id in self._quarantined:
            return Ending.QUARANTINED
        if not is_going:
            return Ending.STOPPED
        return Ending.UNVERIFIED if kept_back else Ending.EDITED


def _offered(tx: Tx, brand: BrandId, passages: Collection[PassageId]) -> set[PassageId]:
    wanted = (
        select(Passage.id)
        .join(Article, is_offered())
        .where(Passage.brand_id == brand, Passage.id.in_(passages))
    )
    return set(tx.scalars(wanted))


def _texts(tx: Tx, brand: BrandId, articles: Collection[ArticleId]) -> Mapping[ArticleId, Sequence[str]]:
    """What these articles say now, as far as it may be offered, and as a suggestion would quote it."""
    rows = tx.execute(
        select(Passage.article_id, Passage.text)
        .join(Article, is_offered())
        .where(Passage.brand_id == brand, Passage.article_id.in_(articles))
        .order_by(Passage.article_id, Passage.ordinal)
        .limit(TEXTS_LOOKED_AT)
    )
    found: dict[ArticleId, list[str]] = defaultdict(list)
    for article, words in rows:
        found[article].append(words[:QUOTE_LIMIT])
    return found


_HOLD = text("SELECT brand_id FROM knowledge_version WHERE brand_id = :brand FOR SHARE")
_FROM_RECEIPTS = (
    "FROM receipt r JOIN suggestion_passage p ON p.brand_id = r.brand_id AND p.suggestion_id = r.suggestion_id "
    f"WHERE r.brand_id = :brand AND r.reply_id = ANY(:replies) AND {RESTS_ON} ORDER BY r.reply_id, p.rank"
)
_RESTED = text(
    f"SELECT r.reply_id, p.passage_id, p.article_id, p.title, p.quoted {_FROM_RECEIPTS}"
).bindparams(bindparam("replies", type_=ARRAY(Uuid)))
