"""A brand's own lease clocks: how long a worker has for each step, by channel, within what is fair to him."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Invalid
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import Channel, LeaseClock

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class LeaseOutOfRange(Invalid):
    """A worker needs a fair time for this step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePlan:
    """Seconds to read and tag, to reply first, and to follow up."""

    read_seconds: int
    reply_seconds: int
    follow_up_seconds: int


LEAST: Mapping[Channel, LeasePlan] = {
    Channel.EMAIL: LeasePlan(read_seconds=MINUTE, reply_seconds=10 * MINUTE, follow_up_seconds=30 * MINUTE),
    Channel.CHAT: LeasePlan(read_seconds=10, reply_seconds=MINUTE, follow_up_seconds=MINUTE),
}
MOST: Mapping[Channel, LeasePlan] = {
    Channel.EMAIL: LeasePlan(read_seconds=HOUR, reply_seconds=DAY, follow_up_seconds=7 * DAY),
    Channel.CHAT: LeasePlan(read_seconds=10 * MINUTE, reply_seconds=HOUR, follow_up_seconds=HOUR),
}


def clock_of(tx: Tx, brand: BrandId, channel: Channel) -> LeaseClock:
    """The brand's lease clock for `channel`, else the default one."""
    return tx.scalars(
        select(LeaseClock)
        .where(LeaseClock.channel == channel, (LeaseClock.brand_id == brand) | LeaseClock.brand_id.is_(None))
        .order_by(LeaseClock.brand_id.nulls_last())
        .limit(1)
    ).one()


def lease_plan_of(tx: Tx, brand: BrandId, channel: Channel) -> LeasePlan:
    """What holds at `brand`."""
    clock = clock_of(tx, brand, channel)
    return LeasePlan(
        read_seconds=clock.read_seconds,
        reply_seconds=clock.reply_seconds,
        follow_up_seconds=clock.follow_up_seconds,
    )


def set_lease_plan(tx: Tx, *, brand: BrandId, channel: Channel, plan: LeasePlan) -> None:
    """Holds from the next step of every claim on; a clock that runs is not touched. Raises LeaseOutOfRange."""
    check_lease_plan(channel, plan)
    default = tx.scalars(
        select(LeaseClock).where(LeaseClock.brand_id.is_(None), LeaseClock.channel == channel)
    ).one()
    made = insert(LeaseClock).values(
        brand_id=brand, channel=channel, extension_seconds=default.extension_seconds, **asdict(plan)
    )
    kept = made.on_conflict_do_update(constraint="uq_lease_clock_owner", set_=asdict(plan))
    tx.scalars(kept.returning(LeaseClock), execution_options={"populate_existing": True}).one()


def check_lease_plan(channel: Channel, plan: LeasePlan) -> None:
    """Raises LeaseOutOfRange."""
    given, least, most = asdict(plan), asdict(LEAST[channel]), asdict(MOST[channel])
    if not all(least[step] <= seconds <= most[step] for step, seconds in given.items()):
        raise LeaseOutOfRange
