"""How the platform is: its parts, what waits for an operator, and what operators did."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from billing.inbox import count_left
from marketplace.accounts.mail import stuck_letters
from marketplace.accounts.people_queries import PeopleCounts, names_of, people_counts
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.events.queries import newest_acts
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.dead_letters import dead_tasks
from marketplace.kernel.ids import PersonId
from marketplace.kernel.invariants import live_breaches
from marketplace.tickets import stuck
from marketplace.tickets.counts import waiting_everywhere
from workers_ui import health
from workers_ui.deps import HasTx, on_platform
from workers_ui.frames import operator_frame, page
from workers_ui.presenters.operator import Done, HealthNumber, HealthPage, HealthPart
from workers_ui.presenters.values import Badge, Notice, Tone

router = APIRouter(prefix="/operator")

Operator = Annotated[Principal, Depends(on_platform(Permission.VIEW_OPERATIONS))]

OK = Badge(label="ok", tone=Tone.GOOD)
LOOK = Badge(label="needs a look", tone=Tone.BAD)
ACTS_SHOWN = 20
ONE_OPERATOR = Notice(
    text="You are the only operator. Appeals against your own suspensions are yours to decide until there is "
    "another: humancloud staff add.",
    tone=Tone.WARN,
)


@router.get("/health")
def show(request: Request, tx: HasTx, _staff: Operator) -> HTMLResponse:
    counts = people_counts(tx)
    view = HealthPage(
        frame=operator_frame(request, tx),
        parts=(*_parts(tx), _invariants(tx), *_stuck(tx)),
        numbers=_numbers(tx, counts),
        acts=_acts(tx),
        callouts=(ONE_OPERATOR,) if counts.operators == 1 else (),
    )
    return page(request, view)


def _parts(tx: Tx) -> tuple[HealthPart, ...]:
    return tuple(_part(what.capitalize(), said) for what, said in health.check_in(tx).items())


def _invariants(tx: Tx) -> HealthPart:
    broken = len(live_breaches(tx))
    return _part("Invariants", f"{broken} broken" if broken else "ok", "/operator/invariants")


def _stuck(tx: Tx) -> tuple[HealthPart, ...]:
    now = app_now(tx)
    found = {
        "Dead letters": sum(one.jobs for one in dead_tasks(tx)),
        "Leases past their deadline": len(stuck.overdue_leases(tx, now=now)),
        "Replies that did not leave": len(stuck.undelivered_replies(tx, now=now)),
        "Letters that did not leave": len(stuck_letters(tx, now=now)),
        "Events of Stripe that nobody acts on": count_left(tx),
    }
    return tuple(
        _part(name, f"{count:,}" if count else "ok", "/operator/jobs") for name, count in found.items()
    )


def _part(name: str, said: str, href: str = "") -> HealthPart:
    return HealthPart(
        name=name, state=OK if said == "ok" else LOOK, said="" if said == "ok" else said, href=href
    )


def _numbers(tx: Tx, counts: PeopleCounts) -> tuple[HealthNumber, ...]:
    return (
        HealthNumber(label="Tickets waiting", value=waiting_everywhere(tx), hint="in the pool"),
        HealthNumber(label="Appeals", value=counts.appeals, hint="wait for an answer"),
        HealthNumber(label="Brands", value=counts.brands_waiting, hint="wait for approval"),
        HealthNumber(label="Workers suspended", value=counts.suspended_workers),
        HealthNumber(label="Sign-ins suspended", value=counts.suspended_sign_ins),
    )


def _acts(tx: Tx) -> tuple[Done, ...]:
    told = newest_acts(tx, limit=ACTS_SHOWN)
    by = [PersonId(UUID(one.body["person"])) for one in told]
    names = names_of(tx, by)
    return tuple(
        Done(
            at=one.at,
            by=names.get(person, "somebody"),
            act=one.body["act"],
            reason=one.body.get("reason", ""),
        )
        for one, person in zip(told, by, strict=True)
    )
