"""Jobs that did not end; overdue leases, replies, letters and events that did not leave: another try, or a decision."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from billing import inbox
from billing.inbox_events import Endpoint
from billing.inbox_models import Quarantine
from marketplace.accounts.mail import stuck_letters, try_letter_again
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Principal
from marketplace.accounts.suspensions import cleaned_reason
from marketplace.events.commands import record
from marketplace.events.facts import OperatorActed
from marketplace.kernel import dead_letters
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import TicketId
from marketplace.tickets import stuck
from marketplace.tickets.pool import expire_lease
from workers_ui.deps import CheckedForm, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import operator_frame, page
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import pager
from workers_ui.presenters.operator import JobRow, JobsPage, StuckRow, TaskRow
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, FormState, Tone

router = APIRouter(prefix="/operator")

Operator = Annotated[Principal, Depends(on_platform(Permission.VIEW_OPERATIONS))]
Reason = Annotated[str, Form(max_length=2_000)]

JOBS = "/operator/jobs"
DEEPEST_PAGE = 200
FAILED = Badge(label="failed", tone=Tone.BAD)
STUCK = Badge(label="no sign of life", tone=Tone.WARN)
QUARANTINED: Mapping[Quarantine, str] = {
    Quarantine.OTHER_MODE: "test money where this is live, or the other way round",
    Quarantine.OTHER_VERSION: "the endpoint at Stripe is set to another API version than this program speaks",
    Quarantine.WRONG_ENDPOINT: "of a worker's account at our own account's address, or the other way round",
    Quarantine.UNKNOWN_ACCOUNT: "of an account that no worker here has",
    Quarantine.OTHER_ENVIRONMENT: "of an object that another installation made",
}


@router.get("/jobs")
def jobs(
    request: Request,
    tx: HasTx,
    _staff: Operator,
    number: Annotated[int, Query(alias="page", ge=1, le=DEEPEST_PAGE)] = 1,
) -> HTMLResponse:
    return page(request, _jobs(request, tx, number=number))


@router.post("/jobs/replay", dependencies=[CheckedForm], response_model=None)
def replay_task(tx: HasTx, staff: Operator, task: Annotated[str, Form(max_length=128)] = "") -> Response:
    """Every dead letter of one task, REPLAYED_AT_ONCE at most."""
    replayed = dead_letters.replay_task(tx, task.replace("\x00", ""))
    if not replayed:
        raise dead_letters.JobIsGone
    _acted(tx, staff, f"replayed {replayed} jobs of {task}")
    return see(JOBS, said=f"{replayed:,} jobs have all their attempts again.")


@router.post("/jobs/{job}/replay", dependencies=[CheckedForm], response_model=None)
def replay(tx: HasTx, staff: Operator, job: str) -> Response:
    task = dead_letters.replay(tx, _job(job))
    _acted(tx, staff, f"replayed job {job} of {task}")
    return see(JOBS, said="The job has all its attempts again.")


@router.post("/jobs/{job}/discard", dependencies=[CheckedForm])
def discard(request: Request, tx: HasTx, staff: Operator, job: str, reason: Reason = "") -> Response:
    try:
        said = cleaned_reason(reason)
        task = dead_letters.discard(tx, _job(job))
    except (Invalid, Conflict) as error:
        view = _jobs(request, tx, form=FormState(problem=error.detail))
        return page(request, view, status=status_of(error))
    _acted(tx, staff, f"discarded job {job} of {task}", said)
    return see(JOBS, said="The job is gone; the reason is kept.")


@router.post("/jobs/leases/{ticket}/return", dependencies=[CheckedForm], response_model=None)
def return_lease(tx: HasTx, staff: Operator, ticket: str) -> Response:
    """What the sweep would have done: the ticket goes back to the pool in its old place."""
    wanted = TicketId(as_uuid(ticket))
    if not expire_lease(tx, ticket=wanted, now=app_now(tx)):
        raise Conflict("This lease is over already.")
    record(tx, OperatorActed(target=wanted, act="returned an overdue lease", person=staff.person, reason=""))
    return see(JOBS, said="The ticket is back in the pool.")


@router.post("/jobs/letters/{letter}/replay", dependencies=[CheckedForm], response_model=None)
def replay_letter(tx: HasTx, staff: Operator, letter: str) -> Response:
    wanted = as_uuid(letter)
    if not try_letter_again(tx, wanted):
        raise Conflict("This letter has left already.")
    record(tx, OperatorActed(target=wanted, act="sent a letter again", person=staff.person, reason=""))
    return see(JOBS, said="The letter is tried again now.")


@router.post("/jobs/events/{endpoint}/{event}/replay", dependencies=[CheckedForm], response_model=None)
def replay_event(
    tx: HasTx, staff: Operator, endpoint: Endpoint, event: Annotated[str, Path(max_length=255)]
) -> Response:
    inbox.try_again(tx, endpoint=endpoint, event=event, now=app_now(tx))
    _acted(tx, staff, f"tried event {event} of Stripe again")
    return see(JOBS, said="The event is looked at again now.")


def _job(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise NotFound
    return int(text)


def _acted(tx: Tx, staff: Principal, act: str, reason: str = "") -> None:
    record(tx, OperatorActed(target=staff.person, act=act, person=staff.person, reason=reason))


def _jobs(request: Request, tx: Tx, *, number: int = 1, form: FormState = EMPTY_FORM) -> JobsPage:
    found, tasks = dead_letters.dead_letters(tx, page=number), dead_letters.dead_tasks(tx)
    first, total = (number - 1) * dead_letters.PAGE_ROWS + 1, sum(one.jobs for one in tasks)
    now = app_now(tx)
    return JobsPage(
        frame=operator_frame(request, tx),
        tasks=tuple(
            TaskRow(task=one.task, jobs=one.jobs, replay=Action(href=f"{JOBS}/replay", label="Replay all"))
            for one in tasks
        ),
        rows=tuple(_row(one) for one in found),
        leases=tuple(
            StuckRow(
                label=f"{one.brand_name} #{one.number}",
                detail="the worker's time is over",
                since=one.since,
                action=Action(href=f"{JOBS}/leases/{one.ticket}/return", label="Return to the pool"),
            )
            for one in stuck.overdue_leases(tx, now=now)
        ),
        replies=tuple(
            StuckRow(label=f"{one.brand_name} #{one.number}", detail=one.state, since=one.since)
            for one in stuck.undelivered_replies(tx, now=now)
        ),
        letters=tuple(
            StuckRow(
                label=one.subject,
                detail=f"{one.attempts} attempts",
                since=one.created_at,
                action=Action(href=f"{JOBS}/letters/{one.id}/replay", label="Try again"),
            )
            for one in stuck_letters(tx, now=now)
        ),
        events=tuple(_event(one) for one in inbox.left_events(tx)),
        form=form,
        pager=pager(
            f"{JOBS}?page=",
            page=number,
            has_more=first + len(found) <= total,
            first=first,
            shown=len(found),
            total=total,
        ),
    )


def _event(one: inbox.LeftEvent) -> StuckRow:
    why = QUARANTINED[one.quarantined_for] if one.quarantined_for else f"{one.attempts} attempts: {one.error}"
    return StuckRow(
        label=f"{one.type} · {one.about}",
        detail=f"{one.state.value}: {why}",
        since=one.received_at,
        action=Action(
            href=f"{JOBS}/events/{one.endpoint.value}/{quote(one.event, safe='')}/replay", label="Try again"
        ),
    )


def _row(one: dead_letters.DeadLetter) -> JobRow:
    failed = one.state is dead_letters.JobState.FAILED
    return JobRow(
        job=str(one.id),
        task=one.task,
        args=", ".join(f"{name} {value}" for name, value in one.args),
        state=FAILED if failed else STUCK,
        attempts=one.attempts,
        since=one.since,
        error=one.error,
        replay=Action(href=f"{JOBS}/{one.id}/replay", label="Replay"),
        discard_href=f"{JOBS}/{one.id}/discard" if failed else "",
    )
