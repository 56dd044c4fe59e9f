"""Articles that were stopped by a kill switch: still published and indexed, offered to nobody."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Text, cast, collate, or_, select

from knowledge_base.in_force import has_state
from knowledge_base.models import Article, ArticleState
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId
from marketplace.tickets.switch_models import KillSwitch, SwitchKind

ARTICLES_NAMED = 200


def is_not_stopped() -> ColumnElement[bool]:
    """Whether the joined Article may be offered, as far as kill switches go; liveness is asked by `is_live`.

    The index keeps stopped articles: lifting the switch brings them back at once, without building anything.
    """
    stopped = select(KillSwitch.id).where(
        KillSwitch.kind == SwitchKind.ARTICLE,
        KillSwitch.brand_id == Article.brand_id,
        KillSwitch.key == cast(Article.id, Text),
        KillSwitch.lifted_at.is_(None),
    )
    return ~stopped.exists()


def articles_to_name(
    tx: Tx, *, brand: BrandId, also: Collection[ArticleId] = ()
) -> list[tuple[ArticleId, str]]:
    """Articles with their titles, by key: the first ARTICLES_NAMED that are published, and those of `also`."""
    own = select(Article.id).where(Article.brand_id == brand)
    first = (
        own.where(has_state(ArticleState.PUBLISHED)).order_by(collate(Article.key, "C")).limit(ARTICLES_NAMED)
    )
    rows = tx.execute(
        select(Article.id, Article.title)
        .where(Article.brand_id == brand, or_(Article.id.in_(first), Article.id.in_(also)))
        .order_by(collate(Article.key, "C"))
    )
    return [(article, title) for article, title in rows]
