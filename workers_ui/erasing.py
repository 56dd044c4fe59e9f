"""`humancloud brand erase-knowledge`: ask for an erasure and do it."""

from guidance.erasure import forget_knowledge
from knowledge_base import erasure
from marketplace.accounts.errors import NoSuchBrand
from marketplace.accounts.queries import brand_by_slug
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.settings import Settings
from workers_ui import parts


def erase_knowledge(database: Database, settings: Settings, slug: str, confirmation: str) -> int:
    """How many rows went. An erasure that was asked for already is gone on with.

    Raises NoSuchBrand, erasure.ConfirmationDiffers or erasure.IndexIsBusy.
    """
    with database.transaction() as tx:
        card = brand_by_slug(tx, slug)
    if card is None:
        raise NoSuchBrand
    with database.transaction(Scope(brand=card.id)) as tx:
        if (card.id,) not in erasure.unfinished_erasures(tx):
            erasure.ask_erasure(tx, brand=card.id, confirmation=confirmation, by=None, now=app_now(tx))
    erasure.erase(database, card.id, folder=parts.snapshots(settings), forget=(forget_knowledge,))
    with database.transaction(Scope(brand=card.id)) as tx:
        done = erasure.newest_erasure(tx, brand=card.id)
    return done.rows if done else 0
