"""What must always hold, and whether it does: looked at every minute, or now."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.events.commands import record
from marketplace.events.facts import OperatorActed
from marketplace.kernel.invariants import check_all, last_checks, live_breaches, past_breaches
from marketplace.kernel.models import InvariantBreach, InvariantCheck
from marketplace.tickets.counts import recount
from workers_ui.deps import CheckedForm, CheckedFormBefore, HasServices, HasTx, on_platform, operator_before
from workers_ui.frames import operator_frame, page
from workers_ui.invariants import INVARIANTS
from workers_ui.pages.answers import see
from workers_ui.presenters.operator import InvariantRow, InvariantsPage, PastBreach
from workers_ui.presenters.values import Action, Badge, Tone

router = APIRouter(prefix="/operator")

Operator = Annotated[Principal, Depends(on_platform(Permission.VIEW_OPERATIONS))]

PATH = "/operator/invariants"
HOLDS = Badge(label="holds", tone=Tone.GOOD)
BROKEN = Badge(label="broken", tone=Tone.BAD)
UNKNOWN = Badge(label="not looked at", tone=Tone.WARN)


@router.get("/invariants")
def show(request: Request, tx: HasTx, _staff: Operator) -> HTMLResponse:
    checks, breaches = last_checks(tx), live_breaches(tx)
    view = InvariantsPage(
        frame=operator_frame(request, tx),
        rows=tuple(
            _row(one.name, one.sentence, checks.get(one.name), breaches.get(one.name)) for one in INVARIANTS
        ),
        past=tuple(
            PastBreach(
                name=_sentence(one.name),
                first_seen=one.first_seen,
                resolved_at=one.resolved_at,
                offenders=one.offenders,
            )
            for one in past_breaches(tx)
            if one.resolved_at
        ),
        check=Action(href=f"{PATH}/check", label="Look now"),
        recount=Action(href=f"{PATH}/recount", label="Count tickets anew"),
    )
    return page(request, view)


@router.post("/invariants/check", dependencies=[CheckedFormBefore])
def check(having: HasServices, _staff: Annotated[Principal, Depends(operator_before)]) -> RedirectResponse:
    """Each statement in a transaction of its own, none open around them."""
    found = check_all(having.database, INVARIANTS)
    broken = sum(bool(one.offenders) for one in found)
    return see(PATH, said=f"{broken} broken." if broken else "Everything that was looked at holds.")


@router.post("/invariants/recount", dependencies=[CheckedForm])
def count_anew(tx: HasTx, staff: Operator) -> RedirectResponse:
    """Repair the kept counters from the tickets themselves."""
    recount(tx)
    record(tx, OperatorActed(target=staff.person, act="counted tickets anew", person=staff.person, reason=""))
    return see(PATH, said="Counted anew.")


def _sentence(name: str) -> str:
    return next((one.sentence for one in INVARIANTS if one.name == name), name)


def _row(
    name: str, sentence: str, check: InvariantCheck | None, breach: InvariantBreach | None
) -> InvariantRow:
    if breach is not None:
        return InvariantRow(
            name=name,
            sentence=sentence,
            state=BROKEN,
            checked_at=check.checked_at if check else None,
            since=breach.first_seen,
            offenders=breach.offenders,
            sample=tuple(str(one) for one in breach.sample),
        )
    looked = check is not None and not check.failed
    return InvariantRow(
        name=name,
        sentence=sentence,
        state=HOLDS if looked else UNKNOWN,
        checked_at=check.checked_at if check else None,
        said=f"The look itself did not work: {check.failed}." if check and check.failed else "",
    )
