"""Which kill switches are thrown: asked by every request in its own transaction, and cached by nobody."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.accounts.models import Person
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, SwitchId, TicketId, WorkerId
from marketplace.tickets.models import Ticket
from marketplace.tickets.switch_models import KillSwitch, SwitchKind

HISTORY_SHOWN = 50
LIVE_LIMIT = 200
CLAIMS_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What is to be stopped: at one brand, or everywhere when `brand` is None.

    `key` names a category, a channel, a worker's id or an article's id; a brand and guidance need none.
    """

    kind: SwitchKind
    brand: BrandId | None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLine:
    """A switch with the names of those who moved it."""

    id: SwitchId
    stop: Stop
    reason: str
    by_platform: bool
    thrown_by: str
    thrown_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None


def find_live(tx: Tx, *, kind: SwitchKind, brand: BrandId, key: str | None = None) -> KillSwitch | None:
    """The switch that stops this at `brand`, be it the brand's own or the whole platform's."""
    return tx.scalars(
        select(KillSwitch)
        .where(
            KillSwitch.kind == kind,
            KillSwitch.key.is_not_distinct_from(key),
            (KillSwitch.brand_id == brand) | KillSwitch.brand_id.is_(None),
            KillSwitch.lifted_at.is_(None),
        )
        .order_by(KillSwitch.by_platform.desc(), KillSwitch.thrown_at)
        .limit(1)
    ).one_or_none()


def is_worker_stopped(
    worker: WorkerId, brand: BrandId | InstrumentedAttribute[BrandId]
) -> ColumnElement[bool]:
    """Whether `worker` may not work at `brand`, as a condition inside another question."""
    return (
        select(KillSwitch.id)
        .where(
            KillSwitch.kind == SwitchKind.WORKER,
            KillSwitch.key == str(worker),
            (KillSwitch.brand_id == brand) | KillSwitch.brand_id.is_(None),
            KillSwitch.lifted_at.is_(None),
        )
        .exists()
    )


def keeps_ticket_out(tx: Tx, *, brand: BrandId, ticket: TicketId) -> bool:
    """Whether a live switch keeps this ticket away from workers, by its brand, category or channel."""
    stopped = select(func.is_stopped(Ticket.brand_id, Ticket.category, Ticket.channel))
    return bool(tx.scalar(stopped.where(Ticket.brand_id == brand, Ticket.id == ticket)))


def live_at_brand(tx: Tx, *, brand: BrandId) -> list[SwitchLine]:
    """All that is stopped at `brand` now, whoever stopped it, newest first."""
    at_brand = (KillSwitch.brand_id == brand) | KillSwitch.brand_id.is_(None)
    return _lines(tx, at_brand, KillSwitch.lifted_at.is_(None), limit=LIVE_LIMIT)


def workers_seen(tx: Tx, *, brand: BrandId) -> list[tuple[WorkerId, str]]:
    """Workers who can be named at `brand`: who claimed there last, and who is or was stopped."""
    rows = tx.execute(_WORKERS_SEEN, {"brand": brand, "claims": CLAIMS_LOOKED_AT})
    return [(WorkerId(row.id), row.name) for row in rows]


def live_on_platform(tx: Tx) -> list[SwitchLine]:
    """All that is stopped anywhere now, newest first."""
    return _lines(tx, KillSwitch.lifted_at.is_(None), limit=LIVE_LIMIT)


def switch_history(tx: Tx, *, brand: BrandId | None = None) -> list[SwitchLine]:
    """The newest switches of `brand`, or of everybody, lifted ones too."""
    which = (
        (KillSwitch.brand_id == brand) | KillSwitch.brand_id.is_(None)
        if brand
        else KillSwitch.id.is_not(None)
    )
    return _lines(tx, which, limit=HISTORY_SHOWN)


def _lines(tx: Tx, *which: ColumnElement[bool], limit: int) -> list[SwitchLine]:
    thrower, lifter = Person.__table__.alias("thrower"), Person.__table__.alias("lifter")
    rows = tx.execute(
        select(KillSwitch, thrower.c.name, lifter.c.name)
        .join(thrower, thrower.c.id == KillSwitch.thrown_by)
        .outerjoin(lifter, lifter.c.id == KillSwitch.lifted_by)
        .where(*which)
        .order_by(KillSwitch.thrown_at.desc(), KillSwitch.id.desc())
        .limit(limit)
    )
    return [_line(switch, thrown_by, lifted_by) for switch, thrown_by, lifted_by in rows]


def _line(switch: KillSwitch, thrown_by: str, lifted_by: str | None) -> SwitchLine:
    return SwitchLine(
        id=switch.id,
        stop=Stop(kind=switch.kind, brand=switch.brand_id, key=switch.key),
        reason=switch.reason,
        by_platform=switch.by_platform,
        thrown_by=thrown_by,
        thrown_at=switch.thrown_at,
        lifted_by=lifted_by,
        lifted_at=switch.lifted_at,
    )


_WORKERS_SEEN = text(
    "SELECT w.id, p.name FROM worker w JOIN person p ON p.id = w.person_id WHERE w.id IN ("
    "SELECT c.worker_id FROM (SELECT worker_id FROM claim WHERE brand_id = :brand ORDER BY id DESC LIMIT :claims) "
    "AS c UNION SELECT CAST(k.key AS uuid) FROM kill_switch k WHERE k.brand_id = :brand AND k.kind = 'worker') "
    "ORDER BY p.name, w.id"
)
