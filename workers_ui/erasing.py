"""`humancloud brand erase-knowledge` and `humancloud erase-worker`: ask for an erasure and do it."""

from sqlalchemy import select

from billing.inbox import forget_worker
from guidance.erasure import forget_knowledge
from knowledge_base import erasure
from marketplace.accounts.errors import NoSuchBrand, NoSuchPerson
from marketplace.accounts.models import Staff
from marketplace.accounts.permissions import Permission, require_on_platform
from marketplace.accounts.queries import brand_by_slug, find_person_by_email
from marketplace.accounts.worker_erasure import Erased, erase_worker
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


def erase_worker_of(database: Database, *, email: str, by: str, reason: str) -> Erased:
    """Erase who signs in with `email`, on behalf of the operator `by`. Raises NoSuchPerson, NotAllowed, StillMember,
    NotAWorker."""
    with database.transaction() as tx:
        person, operator = find_person_by_email(tx, email), find_person_by_email(tx, by)
        if person is None or operator is None:
            raise NoSuchPerson
        roles = tx.scalars(select(Staff.role).where(Staff.person_id == operator.id)).all()
        require_on_platform(roles, Permission.MANAGE_PEOPLE)
        erased = erase_worker(tx, person=person.id, by=operator.id, reason=reason, now=app_now(tx))
        forget_worker(tx, worker=erased.worker)
        return erased
