"""A brand's queues for escalations: each with its own time to decide, one of them preselected."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from marketplace.accounts.fields import clean_name, normalised_email
from marketplace.events.commands import record
from marketplace.events.facts import ReplyRulesSet
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId
from marketplace.tickets.reply_models import EscalationQueue

QUEUES_LIMIT = 20
NAME_LIMIT = 60
KEY_LIMIT = 40
DECIDE_MINUTES = range(15, 20_160 + 1)


class NoSuchQueue(Invalid):
    """Choose one of the brand's queues."""


class QueueNotFound(NotFound):
    """There is no such queue here."""


class BadQueue(Invalid):
    """A queue needs a name of at most 60 characters and from 15 minutes to 14 days to decide."""


class QueueExists(Conflict):
    """There is a queue by this name, or there was one. Choose another name."""


class TooManyQueues(Conflict):
    """A brand may have 20 queues at once. Retire one first."""


class DefaultStays(Conflict):
    """The preselected queue cannot be retired. Preselect another one first."""


def queues_of(tx: Tx, *, brand: BrandId) -> Sequence[EscalationQueue]:
    """The queues in use, the preselected one first."""
    return tx.scalars(
        select(EscalationQueue)
        .where(EscalationQueue.brand_id == brand, EscalationQueue.retired_at.is_(None))
        .order_by(EscalationQueue.is_default.desc(), EscalationQueue.name, EscalationQueue.key)
    ).all()


def queue_named(tx: Tx, *, brand: BrandId, key: str | None) -> EscalationQueue:
    """The queue in use with this key; the preselected one when none is named. Raises NoSuchQueue."""
    wanted = EscalationQueue.is_default if key is None else EscalationQueue.key == key
    found = tx.scalars(
        select(EscalationQueue).where(
            EscalationQueue.brand_id == brand, EscalationQueue.retired_at.is_(None), wanted
        )
    ).one_or_none()
    if found is None:
        raise NoSuchQueue
    return found


def add_queue(
    tx: Tx, *, brand: BrandId, name: str, decide_minutes: int, notify_email: str | None, by: PersonId
) -> EscalationQueue:
    """A new queue; its key comes from its name and stays."""
    kept_name, address = _words(name, decide_minutes, notify_email)
    in_use = select(func.count()).where(
        EscalationQueue.brand_id == brand, EscalationQueue.retired_at.is_(None)
    )
    if (tx.scalar(in_use) or 0) >= QUEUES_LIMIT:
        raise TooManyQueues
    key = key_of(name)
    if tx.get(EscalationQueue, (brand, key)) is not None:
        raise QueueExists
    queue = EscalationQueue(
        brand_id=brand,
        key=key,
        name=kept_name,
        decide_minutes=decide_minutes,
        is_default=False,
        notify_email=address,
    )
    tx.add(queue)
    _told(tx, queue, by)
    return queue


def change_queue(
    tx: Tx,
    *,
    brand: BrandId,
    key: str,
    name: str,
    decide_minutes: int,
    notify_email: str | None,
    by: PersonId,
) -> EscalationQueue:
    """Other words or another time for a queue. Escalations that wait in it keep their time."""
    kept_name, address = _words(name, decide_minutes, notify_email)
    queue = _in_use(tx, brand, key)
    queue.name, queue.decide_minutes, queue.notify_email = kept_name, decide_minutes, address
    _told(tx, queue, by)
    return queue


def preselect_queue(tx: Tx, *, brand: BrandId, key: str, by: PersonId) -> None:
    """The queue that a worker finds chosen."""
    queue = _in_use(tx, brand, key)
    tx.execute(
        update(EscalationQueue)
        .where(EscalationQueue.brand_id == brand, EscalationQueue.is_default)
        .values(is_default=False)
    )
    queue.is_default = True
    _told(tx, queue, by)


def retire_queue(tx: Tx, *, brand: BrandId, key: str, by: PersonId, now: datetime) -> None:
    """Nobody may choose it any more; what waits in it is decided there."""
    queue = _in_use(tx, brand, key)
    if queue.is_default:
        raise DefaultStays
    queue.retired_at = now
    record(tx, ReplyRulesSet(brand=brand, rules="escalation_queue", by=by, set_to=f"{key}: retired"))


def key_of(name: str) -> str:
    """ "Billing & refunds" → "billing-refunds"."""
    return re.sub(r"[^a-z0-9]+", "-", name.strip().lower())[:KEY_LIMIT].strip("-") or "queue"


def _in_use(tx: Tx, brand: BrandId, key: str) -> EscalationQueue:
    found = tx.get(EscalationQueue, (brand, key), with_for_update=True)
    if found is None or found.retired_at is not None:
        raise QueueNotFound
    return found


def _words(name: str, decide_minutes: int, notify_email: str | None) -> tuple[str, str | None]:
    """Name and address as they are kept."""
    kept = clean_name(name)
    if len(kept) > NAME_LIMIT or decide_minutes not in DECIDE_MINUTES:
        raise BadQueue
    return kept, normalised_email(notify_email) if notify_email else None


def _told(tx: Tx, queue: EscalationQueue, by: PersonId) -> None:
    preselected = ", preselected" if queue.is_default else ""
    told = f"{queue.key}: {queue.decide_minutes} min to decide{preselected}"
    record(tx, ReplyRulesSet(brand=queue.brand_id, rules="escalation_queue", by=by, set_to=told))
