"""A brand's flows as stored: immutable versions, the newest of each key holds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from guidance.flow import Flow
from guidance.flow_checks import voice_problems
from guidance.flow_models import FlowVersion, FlowWalk
from guidance.flow_source import UnfitFlow, is_flow_key, read_flow
from guidance.models import Receipt
from guidance.voices import voice_of
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import BrandId, PersonId

MAX_FLOWS = 50
VERSIONS_LISTED = 100


class FlowChanged(Conflict):
    """Another version of this flow was published meanwhile. Look at it, then publish yours again."""


class FlowKeyDiffers(Invalid):
    """The key names another flow. Keep it, or begin a new flow with your text."""


class TooManyFlows(Conflict):
    """A brand has at most 50 flows. Publish this as a version of another one."""


class NoSuchFlow(NotFound):
    """There is no such flow, or no such version of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFlow:
    """One version of a flow, without its source. `newest` is the version that holds."""

    key: str
    version: int
    name: str
    withdrawn: bool
    author: PersonId | None
    published_at: datetime


def checked_flow(tx: Tx, *, brand: BrandId, source: str) -> Flow:
    """The flow that `source` describes, if the brand may publish it. Raises UnfitFlow."""
    flow = read_flow(source)
    if problems := list(voice_problems(flow, voice_of(tx, brand=brand).voice)):
        raise UnfitFlow(problems)
    return flow


def publish_flow(
    tx: Tx,
    *,
    brand: BrandId,
    source: str,
    author: PersonId | None,
    now: datetime,
    based_on: int | None = None,
    key: str | None = None,
) -> FlowVersion:
    """Offer `source` from now on, as the next version of its key; the same text again changes nothing.

    `based_on` is the version that was edited, 0 for a new flow; None publishes over whatever holds. `key` is the flow
    it must be. Raises UnfitFlow, FlowChanged, FlowKeyDiffers, TooManyFlows.
    """
    flow = checked_flow(tx, brand=brand, source=source)
    if key is not None and flow.key != key:
        raise FlowKeyDiffers
    newest = find_flow(tx, brand=brand, key=flow.key)
    if newest is None and _count_keys(tx, brand) >= MAX_FLOWS:
        raise TooManyFlows
    if based_on is not None and based_on != (newest.version if newest else 0):
        raise FlowChanged
    if newest is not None and newest.source == source and not newest.withdrawn:
        return newest
    return _add(tx, newest, brand=brand, key=flow.key, name=flow.name, source=source, author=author, now=now)


def withdraw_flow(tx: Tx, *, brand: BrandId, key: str, author: PersonId | None, now: datetime) -> FlowVersion:
    """Offer the flow to nobody any more; its versions stay. Raises NoSuchFlow."""
    newest = flow_version(tx, brand=brand, key=key)
    if newest.withdrawn:
        return newest
    return _add(
        tx,
        newest,
        brand=brand,
        key=key,
        name=newest.name,
        source=newest.source,
        author=author,
        now=now,
        withdrawn=True,
    )


def restore_flow(
    tx: Tx, *, brand: BrandId, key: str, version: int, author: PersonId | None, now: datetime
) -> FlowVersion:
    """Publish an earlier version's text again. Raises NoSuchFlow, and UnfitFlow where rules have changed since."""
    source = flow_version(tx, brand=brand, key=key, version=version).source
    return publish_flow(tx, brand=brand, source=source, author=author, now=now)


def offered_flows(tx: Tx, *, brand: BrandId) -> list[PublishedFlow]:
    """What a worker may walk, by name."""
    return [flow for flow in all_flows(tx, brand=brand) if not flow.withdrawn]


def all_flows(tx: Tx, *, brand: BrandId) -> list[PublishedFlow]:
    """The newest version of each flow, withdrawn ones too, by name."""
    newest = (
        select(*_LISTED)
        .where(FlowVersion.brand_id == brand)
        .ext(distinct_on(FlowVersion.key))
        .order_by(FlowVersion.key, FlowVersion.version.desc())
    )
    return sorted(map(_published, tx.execute(newest)), key=lambda flow: (flow.name.casefold(), flow.key))


def flow_versions(tx: Tx, *, brand: BrandId, key: str) -> list[PublishedFlow]:
    """The last hundred versions of a flow, newest first."""
    found = (
        select(*_LISTED)
        .where(FlowVersion.brand_id == brand, FlowVersion.key == key)
        .order_by(FlowVersion.version.desc())
        .limit(VERSIONS_LISTED)
    )
    return list(map(_published, tx.execute(found)))


def find_flow(tx: Tx, *, brand: BrandId, key: str, version: int | None = None) -> FlowVersion | None:
    """The newest version, or the one named."""
    if not is_flow_key(key):
        return None
    found = select(FlowVersion).where(FlowVersion.brand_id == brand, FlowVersion.key == key)
    if version is not None:
        found = found.where(FlowVersion.version == version)
    return tx.scalars(found.order_by(FlowVersion.version.desc()).limit(1)).one_or_none()


def flow_version(tx: Tx, *, brand: BrandId, key: str, version: int | None = None) -> FlowVersion:
    """As `find_flow`. Raises NoSuchFlow."""
    found = find_flow(tx, brand=brand, key=key, version=version)
    if found is None:
        raise NoSuchFlow
    return found


_LISTED = (
    FlowVersion.key,
    FlowVersion.version,
    FlowVersion.name,
    FlowVersion.withdrawn,
    FlowVersion.author_id,
    FlowVersion.published_at,
)


def _published(row: Sequence[object]) -> PublishedFlow:
    key, version, name, withdrawn, author, published_at = row
    return PublishedFlow(
        key=key,  # type: ignore[arg-type]  # the columns of _LISTED, in its order
        version=version,  # type: ignore[arg-type]
        name=name,  # type: ignore[arg-type]
        withdrawn=withdrawn,  # type: ignore[arg-type]
        author=author,  # type: ignore[arg-type]
        published_at=published_at,  # type: ignore[arg-type]
    )


def _add(
    tx: Tx,
    newest: FlowVersion | None,
    *,
    brand: BrandId,
    key: str,
    name: str,
    source: str,
    author: PersonId | None,
    now: datetime,
    withdrawn: bool = False,
) -> FlowVersion:
    """The next version; two that come at once are not both made. Raises FlowChanged."""
    version = (newest.version if newest else 0) + 1
    added = insert(FlowVersion).values(
        brand_id=brand,
        key=key,
        version=version,
        name=name,
        source=source,
        withdrawn=withdrawn,
        author_id=author,
        published_at=now,
    )
    if tx.execute(added.on_conflict_do_nothing().returning(FlowVersion.version)).first() is None:
        raise FlowChanged
    return flow_version(tx, brand=brand, key=key, version=version)


def _count_keys(tx: Tx, brand: BrandId) -> int:
    return tx.scalars(
        select(func.count(FlowVersion.key.distinct())).where(FlowVersion.brand_id == brand)
    ).one()


def uses_of_flows(tx: Tx, *, brand: BrandId, keys: Collection[str]) -> dict[tuple[str, int], int]:
    """How many replies went out with a draft of each (key, version)."""
    counted = (
        select(FlowWalk.flow_key, FlowWalk.flow_version, func.count())
        .join(Receipt, (Receipt.brand_id == FlowWalk.brand_id) & (Receipt.flow_walk_id == FlowWalk.id))
        .where(FlowWalk.brand_id == brand, FlowWalk.flow_key.in_(keys))
        .group_by(FlowWalk.flow_key, FlowWalk.flow_version)
    )
    return {(key, version): count for key, version, count in tx.execute(counted)}
