"""More time on a ticket, once per claim; what is being typed stays where it is."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.tickets import pool
from workers_ui.deps import AsWorker, CheckedForm, HasTx
from workers_ui.pages.answers import see
from workers_ui.pages.desk_page import NOTHING_TYPED, again, desk_part, too_late
from workers_ui.pages.worker_forms import ClaimNumber, ThisTicket, by_script
from workers_ui.templating import time_of_day

router = APIRouter()


@router.post("/worker/t/{ticket}/extension", dependencies=[CheckedForm])
def extend(
    request: Request, tx: HasTx, worker: AsWorker, ticket: ThisTicket, claim_number: ClaimNumber
) -> Response:
    principal: Principal = request.state.principal
    try:
        hold = pool.extend_lease(tx, ticket=ticket, worker=worker, number=claim_number, now=app_now(tx))
    except pool.StaleClaim:
        return too_late(request, tx, ticket, worker, NOTHING_TYPED)
    except (pool.AlreadyExtended, pool.NothingToExtend) as refusal:
        return again(request, tx, ticket, worker, NOTHING_TYPED, problem=refusal.detail, status=409)
    assert hold.lease_ends_at is not None  # only a running clock can be extended
    until = time_of_day(hold.lease_ends_at, locale=principal.locale, time_zone=principal.time_zone)
    said = f"Extended: you have until {until}."
    if by_script(request):
        return desk_part(request, tx, ticket=ticket, worker=worker, part="lease", toast=said)
    return see(f"/worker/t/{ticket}", said=said)
