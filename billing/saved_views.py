"""Filters of the queue that a person of finance keeps under a name."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from billing.queue_models import SavedView
from marketplace.accounts.fields import words_within
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import PersonId

NAME_CHARACTERS = 40
QUERY_CHARACTERS = 1_000
MOST_VIEWS = 20


class ViewNameNeeded(Invalid):
    """Give the view a name of 1 to 40 characters."""


class NothingToSave(Invalid):
    """Filter the list first: there is nothing to keep yet."""


class TooManyViews(Conflict):
    """You keep 20 views already. Take one away first."""


def save_view(tx: Tx, *, person: PersonId, name: str, query: str, now: datetime) -> None:
    """Keep `query` under `name`, in place of a view of that name.

    Raises ViewNameNeeded, NothingToSave, TooManyViews.
    """
    said = words_within(name, NAME_CHARACTERS, ViewNameNeeded)
    if not query or len(query) > QUERY_CHARACTERS:
        raise NothingToSave
    row = insert(SavedView).values(person_id=person, name=said, query=query, saved_at=now)
    tx.execute(
        row.on_conflict_do_update(
            index_elements=["person_id", "name"], set_={"query": query, "saved_at": now}
        )
    )
    kept = tx.scalar(select(func.count()).select_from(SavedView).where(SavedView.person_id == person))
    if (kept or 0) > MOST_VIEWS:
        raise TooManyViews


def forget_view(tx: Tx, *, person: PersonId, name: str) -> None:
    tx.execute(delete(SavedView).where(SavedView.person_id == person, SavedView.name == name))


def views_of(tx: Tx, *, person: PersonId) -> Sequence[SavedView]:
    return tx.scalars(select(SavedView).where(SavedView.person_id == person).order_by(SavedView.name)).all()
