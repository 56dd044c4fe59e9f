"""What a worker does in the pool besides claiming: skip a ticket, hide a brand, come and go."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from marketplace.accounts.commands import set_worker_profile
from marketplace.accounts.queries import worker_profile
from marketplace.kernel.clock import app_now
from marketplace.tickets import mutes, pool
from marketplace.tickets.models import ReleaseReason
from workers_ui.deps import AsWorker, BrandSlug, CheckedForm, HasTx
from workers_ui.pages.answers import see
from workers_ui.pages.desk_acts import NoSuchReason
from workers_ui.pages.pool_filters import POOL
from workers_ui.pages.worker_forms import Short, ThisTicket

router = APIRouter()

SETTINGS = "/worker/settings"


@router.post("/worker/pool/{ticket}/skip", dependencies=[CheckedForm])
def skip(tx: HasTx, worker: AsWorker, ticket: ThisTicket, reason: Short = "") -> RedirectResponse:
    if reason not in set(ReleaseReason):
        raise NoSuchReason
    try:
        pool.skip_ticket(tx, ticket=ticket, worker=worker, reason=ReleaseReason(reason), now=app_now(tx))
    except pool.GoneFromPool as gone:
        return see(POOL, said=gone.detail)
    return see(POOL, said="Skipped. You are not offered this ticket again.")


@router.post("/worker/mutes/{slug}", dependencies=[CheckedForm])
def hide_brand(tx: HasTx, worker: AsWorker, slug: BrandSlug) -> RedirectResponse:
    try:
        mutes.mute_brand(tx, worker=worker, slug=slug, now=app_now(tx))
    except mutes.TooManyMutes as refusal:
        return see(POOL, said=refusal.detail)
    return see(POOL, said="Hidden. Its tickets are not offered to you; Settings shows it again.")


@router.post("/worker/mutes/{slug}/end", dependencies=[CheckedForm])
def show_brand(tx: HasTx, worker: AsWorker, slug: BrandSlug) -> RedirectResponse:
    mutes.unmute_brand(tx, worker=worker, slug=slug)
    return see(SETTINGS, said="Its tickets are offered to you again.")


@router.post("/worker/availability", dependencies=[CheckedForm])
def come_or_go(tx: HasTx, worker: AsWorker, available: Short = "") -> RedirectResponse:
    profile = worker_profile(tx, worker)
    here = available == "yes"
    set_worker_profile(tx, worker=worker, languages=profile.languages, skills=profile.skills, available=here)
    return see(POOL, said="Welcome back." if here else "You are away. What you hold stays yours.")
