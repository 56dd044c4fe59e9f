"""What a person may follow of the live stream: workers their lanes and what is theirs, members their brands, finance
the payouts. A ticket kept for newcomers is told in a topic of its own that nobody else follows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from starlette.requests import Request

from marketplace.accounts.models import StaffRole, WorkerStatus
from marketplace.accounts.session_standing import find_standing
from marketplace.accounts.sessions import Principal, principal_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, WorkerId
from marketplace.tickets.counts import pool_counts
from workers_ui.deps import services, session_token
from workers_ui.live import Follower
from workers_ui.live_address import live_key
from workers_ui.live_fanout import Frame

POOL = "pool"  # what concerns everybody who may claim
FINANCE = "finance"


def for_lane(lane: str) -> str:
    return f"pool:{lane}"


def for_newcomers(lane: str) -> str:
    return f"pool:{lane}:new"


def for_worker(worker: WorkerId) -> str:
    return f"worker:{worker}"


def for_brand(brand: BrandId) -> str:
    return f"brand:{brand}"


def follower_of(request: Request) -> Follower | None:
    """The person behind the request and what they may follow; None when nobody is signed in."""
    token = session_token(request)
    if token is None:
        return None
    with services(request).database.transaction() as tx:
        principal = principal_of(tx, token, app_now(tx))
        if principal is None or request.query_params.get("of", live_key(principal)) != live_key(principal):
            return None
        standing = find_standing(tx, principal.session_hash, now=app_now(tx))
        if standing is None:
            return None
        lanes = _lanes(tx, principal.worker) if principal.worker else ()
        return Follower(
            topics=_topics(principal) | {topic for lane in lanes for topic in lane.topics},
            standing=standing,
            greeting=_all_lanes(tx, [lane.name for lane in lanes]).encoded() if lanes else b"",
        )


def waiting_frame(tx: Tx, lane: str) -> Frame:
    """How many tickets wait in `lane` now."""
    counted = pool_counts(tx, [lane])
    return Frame(topics=frozenset({for_lane(lane)}), event="pool.waiting", data={lane: counted.get(lane, 0)})


def _all_lanes(tx: Tx, lanes: Sequence[str]) -> Frame:
    """How many tickets wait in each lane of a worker; the page adds them up."""
    counted = pool_counts(tx, lanes)
    waiting: dict[str, object] = {lane: counted.get(lane, 0) for lane in lanes}
    return Frame(topics=frozenset(), event="pool.lanes", data=waiting)


def _topics(principal: Principal) -> frozenset[str]:
    own = {for_brand(membership.brand) for membership in principal.brands}
    if principal.worker is not None:
        own.add(for_worker(principal.worker))
    if StaffRole.FINANCE in principal.staff:
        own.add(FINANCE)
    return frozenset(own)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    name: str
    topics: tuple[str, ...]


def _lanes(tx: Tx, worker: WorkerId) -> list[_Lane]:
    """Where this worker's tickets come from; nothing for one who may not claim."""
    row = tx.execute(_WORKER, {"worker": worker}).one()
    if row.status != WorkerStatus.ACTIVE:
        return []
    return [
        _Lane(
            name=lane,
            topics=(POOL, for_lane(lane), *([for_newcomers(lane)] if row.newcomer else [])),
        )
        for lane in row.lanes
    ]


_WORKER = text(
    "SELECT w.status, w.email_lanes || w.chat_lanes AS lanes, is_newcomer(w) AS newcomer "
    "FROM worker w WHERE w.id = :worker"
)
