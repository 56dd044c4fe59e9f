"""What a person may follow of the live stream: workers the pool and what is theirs, members their brands, finance the
payouts."""

from sqlalchemy import text
from starlette.requests import Request

from marketplace.accounts.models import StaffRole, WorkerStatus
from marketplace.accounts.session_standing import find_standing
from marketplace.accounts.sessions import Principal, principal_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, WorkerId
from workers_ui.deps import services, session_token
from workers_ui.live import Follower

POOL = "pool"
FINANCE = "finance"


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
        standing = find_standing(tx, principal.session_hash, now=app_now(tx)) if principal else None
        if principal is None or standing is None:
            return None
        return Follower(topics=topics_of(tx, principal), standing=standing)


def topics_of(tx: Tx, principal: Principal) -> frozenset[str]:
    own = {for_brand(membership.brand) for membership in principal.brands}
    if principal.worker is not None:
        own |= {for_worker(principal.worker), *_pool_topics(tx, principal.worker)}
    if StaffRole.FINANCE in principal.staff:
        own.add(FINANCE)
    return frozenset(own)


def _pool_topics(tx: Tx, worker: WorkerId) -> list[str]:
    """Where this worker's tickets come from; nothing for one who may not claim."""
    row = tx.execute(_WORKER, {"worker": worker}).one()
    return [POOL] if row.status == WorkerStatus.ACTIVE else []


_WORKER = text("SELECT status FROM worker WHERE id = :worker")
