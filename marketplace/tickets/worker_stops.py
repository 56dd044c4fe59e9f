"""Kill switches as the worker they stop reads them: nobody is stopped without being told by whom, where and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.accounts.models import Brand
from marketplace.accounts.suspensions import refusal_of
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.tickets.models import PoolTicket
from marketplace.tickets.pool import StoppedHere, WorkerRestricted
from marketplace.tickets.switch_models import KillSwitch, SwitchKind


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStop:
    """A live switch against a worker: at one brand, or everywhere when `brand_id` is None."""

    brand_id: BrandId | None
    brand: str | None
    reason: str
    by_platform: bool
    thrown_at: datetime

    @property
    def sentence(self) -> str:
        if not self.by_platform:
            return f"{self.brand} has stopped your work on its tickets: {_ended(self.reason)}"
        where = f" on tickets of {self.brand}" if self.brand else ""
        return f"The platform has stopped your work{where}: {_ended(self.reason)}"


def stops_of(tx: Tx, worker: WorkerId) -> Sequence[WorkerStop]:
    """What stops `worker` now: everywhere first, then the platform's, then the oldest."""
    rows = tx.execute(
        select(KillSwitch, Brand.name)
        .outerjoin(Brand, Brand.id == KillSwitch.brand_id)
        .where(
            KillSwitch.kind == SwitchKind.WORKER,
            KillSwitch.key == str(worker),
            KillSwitch.lifted_at.is_(None),
        )
        .order_by(KillSwitch.brand_id.is_not(None), KillSwitch.by_platform.desc(), KillSwitch.thrown_at)
    )
    return [
        WorkerStop(
            brand_id=switch.brand_id,
            brand=brand,
            reason=switch.reason,
            by_platform=switch.by_platform,
            thrown_at=switch.thrown_at,
        )
        for switch, brand in rows
    ]


def find_stop(tx: Tx, *, worker: WorkerId, brand: BrandId | None) -> WorkerStop | None:
    """What stops `worker` at `brand`, or everywhere."""
    return next((one for one in stops_of(tx, worker) if one.brand_id in (brand, None)), None)


def with_reason(tx: Tx, refusal: AppError, *, worker: WorkerId, ticket: TicketId | None) -> AppError:
    """`refusal` of a claim; one that is about this very worker says by whom, where and why."""
    if not isinstance(refusal, WorkerRestricted | StoppedHere):
        return refusal
    brand = tx.scalar(select(PoolTicket.brand_id).where(PoolTicket.ticket_id == ticket))
    stop = find_stop(tx, worker=worker, brand=brand)
    told = type(refusal)(refusal_of(tx, worker) or (stop.sentence if stop else None))
    told.more = refusal.more
    return told


def _ended(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."
