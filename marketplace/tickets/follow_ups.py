"""How long a customer may be silent and a worker be away: the brand's rule by channel, else the default."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.models import Worker, WorkerStatus
from marketplace.events.commands import record
from marketplace.events.facts import ReplyRulesSet
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId, PersonId, WorkerId
from marketplace.tickets.models import Channel
from marketplace.tickets.reply_models import FollowUpPolicy
from marketplace.tickets.switch_queries import is_worker_stopped

SILENCE_MINUTES = range(5, 43_200 + 1)
GRACE_MINUTES = range(1, 1_440 + 1)


class BadFollowUp(Invalid):
    """Silence is from 5 minutes to 30 days, and the time a worker may be away from 1 minute to 24 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """`silence` after an answer resolves the ticket; a worker seen within `grace` gets the customer's next message."""

    silence: timedelta
    grace: timedelta


DEFAULTS: Mapping[Channel, FollowUp] = {
    Channel.EMAIL: FollowUp(silence=timedelta(hours=48), grace=timedelta(minutes=10)),
    Channel.CHAT: FollowUp(silence=timedelta(minutes=15), grace=timedelta(minutes=2)),
}


def follow_up_of(tx: Tx, *, brand: BrandId, channel: Channel) -> FollowUp:
    """What holds at `brand` for `channel`."""
    own = tx.get(FollowUpPolicy, (brand, channel))
    return DEFAULTS[channel] if own is None else _of(own)


def follow_ups_of(tx: Tx, *, brand: BrandId) -> Mapping[Channel, FollowUp]:
    """What holds at `brand`, for every channel."""
    own = tx.scalars(select(FollowUpPolicy).where(FollowUpPolicy.brand_id == brand))
    return {**DEFAULTS, **{one.channel: _of(one) for one in own}}


def set_follow_up(
    tx: Tx, *, brand: BrandId, channel: Channel, silence_minutes: int, grace_minutes: int, by: PersonId
) -> None:
    """The brand's own rule. Silence counts so for answers sent from now on; what a worker was told stays."""
    if silence_minutes not in SILENCE_MINUTES or grace_minutes not in GRACE_MINUTES:
        raise BadFollowUp
    wanted = {"silence_minutes": silence_minutes, "grace_minutes": grace_minutes}
    put = insert(FollowUpPolicy).values(brand_id=brand, channel=channel, **wanted)
    tx.execute(
        put.on_conflict_do_update(
            index_elements=[FollowUpPolicy.brand_id, FollowUpPolicy.channel], set_=wanted
        ).execution_options(populate_existing=True)
    )
    told = f"{channel.value}: silence {silence_minutes} min, away {grace_minutes} min"
    record(tx, ReplyRulesSet(brand=brand, rules="follow_up", by=by, set_to=told))


def is_around(tx: Tx, worker: WorkerId, *, brand: BrandId, grace: timedelta, now: datetime) -> bool:
    """Whether `worker` was here within `grace`, takes work, and may at `brand`."""
    seen = tx.scalar(
        select(Worker.seen_at).where(
            Worker.id == worker,
            Worker.available,
            Worker.status == WorkerStatus.ACTIVE,
            ~is_worker_stopped(worker, brand),
        )
    )
    return seen is not None and seen > now - grace


def _of(row: FollowUpPolicy) -> FollowUp:
    return FollowUp(
        silence=timedelta(minutes=row.silence_minutes), grace=timedelta(minutes=row.grace_minutes)
    )
