"""What a worker says of himself, which decides what he is offered, and the brands he does not want to see."""

from fastapi import APIRouter

from marketplace.accounts import queries
from marketplace.accounts.commands import set_worker_profile
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.tickets import mutes
from marketplace.tickets.lanes import known_skills
from workers_ui.api.schemas import ProfileIn, ProfileOut
from workers_ui.deps import BrandSlug, ByWorkerToken, HasTx

router = APIRouter(prefix="/worker", tags=["worker"])


@router.get("/profile", response_model=ProfileOut)
def read_profile(tx: HasTx, worker: ByWorkerToken) -> object:
    """Your languages and skills, whether you are available, and the brands you have hidden."""
    return _profile(tx, worker)


@router.put("/profile", response_model=ProfileOut)
def set_profile(body: ProfileIn, tx: HasTx, worker: ByWorkerToken) -> object:
    """Say what you speak and know: the pool offers you tickets of these languages and skills."""
    set_worker_profile(
        tx,
        worker=worker,
        languages=body.languages,
        skills=known_skills(body.skills),
        available=body.available,
    )
    return _profile(tx, worker)


@router.put("/mutes/{brand}", status_code=204)
def hide_brand(brand: BrandSlug, tx: HasTx, worker: ByWorkerToken) -> None:
    """Stop being offered this brand's tickets; what you hold stays yours."""
    mutes.mute_brand(tx, worker=worker, slug=brand, now=app_now(tx))


@router.delete("/mutes/{brand}", status_code=204)
def show_brand(brand: BrandSlug, tx: HasTx, worker: ByWorkerToken) -> None:
    """Be offered this brand's tickets again."""
    mutes.unmute_brand(tx, worker=worker, slug=brand)


def _profile(tx: Tx, worker: WorkerId) -> dict[str, object]:
    own = queries.worker_profile(tx, worker)
    return {
        "languages": own.languages,
        "skills": own.skills,
        "available": own.available,
        "hidden_brands": [one.slug for one in mutes.muted_brands(tx, worker=worker)],
    }
