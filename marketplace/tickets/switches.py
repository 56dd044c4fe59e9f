"""Kill switches: who threw which, why, and what happens to tickets in flight.

A switch is a row, read by every request in its own transaction: nothing is cached, so it acts on the next request
of every process. What the database itself obeys (claims, the pool) stands in migrations/sql; what else asks for a
switch asks `switch_queries`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.fields import words_within
from marketplace.accounts.models import Worker
from marketplace.events.commands import record
from marketplace.events.facts import SwitchLifted, SwitchThrown
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId, SwitchId, WorkerId, new_id
from marketplace.tickets.models import Category, Channel, ClaimEnd
from marketplace.tickets.pool import return_claims
from marketplace.tickets.switch_models import KillSwitch, SwitchKind
from marketplace.tickets.switch_queries import Stop

REASON_LIMIT = 300

RULES: Mapping[SwitchKind, str] = {
    SwitchKind.BRAND: "Nothing new enters the pool, and waiting tickets leave every worker's list at once. Who holds "
    "a ticket may answer it until the lease ends; then it waits, and opens again when this is lifted.",
    SwitchKind.CATEGORY: "Nothing new of this category enters the pool, and its waiting tickets leave every worker's "
    "list at once. Who holds one may answer it until the lease ends; then it waits until this is lifted.",
    SwitchKind.CHANNEL: "Nothing new from this channel enters the pool, and its waiting tickets leave every worker's "
    "list at once. Who holds one may answer it until the lease ends; then it waits until this is lifted.",
    SwitchKind.WORKER: "What the worker holds goes back to the pool at once, unpaid; no claim, reply or draft is "
    "taken from this worker. Replies already sent stay and are paid. The worker is told the reason.",
    SwitchKind.ARTICLE: "Its passages leave all suggestions at once, and open suggestions that cite it are marked as "
    "out of date. Replies already sent stay as they are.",
    SwitchKind.GUIDANCE: "No suggestion is shown or prepared, and the desk says so. Tickets stay claimable, and what "
    "a worker has typed is kept.",
}
"""What each kind does to tickets in flight: shown beside its button, before it is pressed."""


class SwitchReasonNeeded(Invalid):
    """Say why, in 1 to 300 characters: whoever is stopped reads it."""


class NothingToStop(NotFound):
    """There is nothing by that name to stop here."""


class NoSuchSwitch(NotFound):
    """There is no such switch here."""


class LiftedAlready(Conflict):
    """This is lifted already."""


class ThePlatformsSwitch(Conflict):
    """The platform stopped this; only the platform lifts it. Its reason stands beside it."""


def throw_at_brand(
    tx: Tx, *, brand: BrandId, kind: SwitchKind, key: str | None, reason: str, by: PersonId, now: datetime
) -> KillSwitch:
    """A member stops something at the own brand. Thrown again, the standing switch is the answer."""
    stop = Stop(kind=kind, brand=brand, key=key)
    return _throw(tx, stop, reason=reason, by=by, by_platform=False, now=now)


def throw_on_platform(tx: Tx, *, stop: Stop, reason: str, by: PersonId, now: datetime) -> KillSwitch:
    """An operator stops something, at one brand or everywhere; a brand cannot lift it."""
    return _throw(tx, stop, reason=reason, by=by, by_platform=True, now=now)


def lift_at_brand(tx: Tx, *, brand: BrandId, switch: SwitchId, by: PersonId, now: datetime) -> KillSwitch:
    """A member lifts a switch of the own brand. Raises ThePlatformsSwitch, NoSuchSwitch, LiftedAlready."""
    found = tx.get(KillSwitch, switch)
    if found is None or found.brand_id not in (brand, None):
        raise NoSuchSwitch
    if found.by_platform:
        raise ThePlatformsSwitch
    row = _locked(tx, switch)
    assert row is not None, "a switch is lifted, never deleted"
    return _lift(tx, row, by=by, now=now)


def lift_on_platform(tx: Tx, *, switch: SwitchId, by: PersonId, now: datetime) -> KillSwitch:
    """An operator lifts any switch."""
    row = _locked(tx, switch)
    if row is None:
        raise NoSuchSwitch
    return _lift(tx, row, by=by, now=now)


def _throw(tx: Tx, stop: Stop, *, reason: str, by: PersonId, by_platform: bool, now: datetime) -> KillSwitch:
    said = words_within(reason, REASON_LIMIT, SwitchReasonNeeded)
    stop = _known(tx, stop)
    switch = KillSwitch(
        id=SwitchId(new_id()),
        kind=stop.kind,
        brand_id=stop.brand,
        key=stop.key,
        reason=said,
        by_platform=by_platform,
        thrown_by=by,
        thrown_at=now,
    )
    try:
        with tx.begin_nested():
            tx.add(switch)
    except IntegrityError:
        return _standing(tx, stop, by_platform)
    if stop.kind is SwitchKind.WORKER:
        return_claims(tx, worker=_worker(stop), brand=stop.brand, end=ClaimEnd.SUSPENDED, now=now)
    record(
        tx,
        SwitchThrown(
            brand=stop.brand,
            worker=_worker(stop) if stop.kind is SwitchKind.WORKER else None,
            switch=switch.id,
            stops=stop.kind.value,
            key=stop.key,
            reason=said,
            by_platform=by_platform,
        ),
    )
    return switch


def _known(tx: Tx, stop: Stop) -> Stop:
    """`stop` with its key as it is stored. Only a channel, a worker and guidance can be stopped everywhere."""
    match stop.kind:
        case SwitchKind.BRAND:
            known = stop.brand is not None and stop.key is None
        case SwitchKind.CATEGORY:
            known = stop.brand is not None and tx.get(Category, (stop.brand, stop.key)) is not None
        case SwitchKind.CHANNEL:
            known = stop.key in set(Channel)
        case SwitchKind.WORKER:
            stop = replace(stop, key=_id(stop.key))
            known = tx.get(Worker, _worker(stop)) is not None
        case SwitchKind.ARTICLE:
            stop = replace(stop, key=_id(stop.key))
            known = stop.brand is not None
        case SwitchKind.GUIDANCE:
            known = stop.key is None
    if not known:
        raise NothingToStop
    return stop


def _standing(tx: Tx, stop: Stop, by_platform: bool) -> KillSwitch:
    return tx.scalars(
        select(KillSwitch).where(
            KillSwitch.kind == stop.kind,
            KillSwitch.brand_id.is_not_distinct_from(stop.brand),
            KillSwitch.key.is_not_distinct_from(stop.key),
            KillSwitch.by_platform == by_platform,
            KillSwitch.lifted_at.is_(None),
        )
    ).one()


def _locked(tx: Tx, switch: SwitchId) -> KillSwitch | None:
    return tx.get(KillSwitch, switch, with_for_update=True, populate_existing=True)


def _lift(tx: Tx, row: KillSwitch, *, by: PersonId, now: datetime) -> KillSwitch:
    if row.lifted_at is not None:
        raise LiftedAlready
    row.lifted_at, row.lifted_by = now, by
    is_worker = row.kind is SwitchKind.WORKER and row.key is not None
    record(
        tx,
        SwitchLifted(
            brand=row.brand_id,
            worker=WorkerId(UUID(row.key)) if is_worker and row.key else None,
            switch=row.id,
            stops=row.kind.value,
            key=row.key,
        ),
    )
    return row


def _worker(stop: Stop) -> WorkerId:
    assert stop.key is not None
    return WorkerId(UUID(stop.key))


def _id(key: str | None) -> str:
    try:
        return str(UUID(key or ""))
    except ValueError:
        raise NothingToStop from None
