"""A worker reads where he stands, and objects; a suspended one too."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts import suspensions
from marketplace.accounts.standing_letters import REASONS
from marketplace.accounts.standing_models import Appeal, AppealOutcome, StandingWarning, Suspension
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import WorkerId
from marketplace.tickets.worker_stops import WorkerStop, stops_of
from workers_ui.deps import CheckedForm, EvenSuspended, HasTx
from workers_ui.errors import status_of
from workers_ui.frames import page, worker_frame
from workers_ui.pages.answers import see
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.standing import AppealStory, StandingPage, Verdict
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Tone

router = APIRouter()

ACTIVE = Badge(label="in good standing", tone=Tone.GOOD)
WARNED = Badge(label="warned", tone=Tone.WARN)
STOPPED = Badge(label="stopped", tone=Tone.BAD)
SUSPENDED = Badge(label="suspended", tone=Tone.BAD)
WAITS = Badge(label="waits for an answer", tone=Tone.INFO)
OUTCOMES: Mapping[AppealOutcome, Badge] = {
    AppealOutcome.UPHELD: Badge(label="not granted", tone=Tone.WARN),
    AppealOutcome.LIFTED: Badge(label="granted", tone=Tone.GOOD),
}


@router.get("/worker/standing")
def show(request: Request, tx: HasTx, worker: EvenSuspended) -> HTMLResponse:
    answer = page(request, _standing_page(request, tx, worker))
    suspensions.read_warnings(tx, worker=worker, now=app_now(tx))
    return answer


@router.post("/worker/standing/appeal", dependencies=[CheckedForm])
def appeal(
    request: Request,
    tx: HasTx,
    worker: EvenSuspended,
    text: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    said = typed_lines(text)
    try:
        suspensions.write_appeal(tx, worker=worker, text=said, now=app_now(tx))
    except (Invalid, Conflict) as error:
        form = FormState(values={"text": said}, problem=error.detail)
        return page(request, _standing_page(request, tx, worker, form=form), status=status_of(error))
    return see(suspensions.STANDING_PATH, said="Your appeal is sent. You are told here and by e-mail.")


def _standing_page(
    request: Request, tx: Tx, worker: WorkerId, *, form: FormState = EMPTY_FORM
) -> StandingPage:
    found, stops = suspensions.standing_of(tx, worker), stops_of(tx, worker)
    live = found.live
    own = [one for one in found.appeals if live is not None and one.suspension_id == live.id]
    barred = _barred(own)
    return StandingPage(
        frame=worker_frame(request, tx),
        state=SUSPENDED if live else STOPPED if stops else WARNED if found.warnings else ACTIVE,
        suspension=_suspension(live) if live else None,
        can_appeal=live is not None and not barred,
        cannot_because=barred,
        appeals=tuple(_appeal(one) for one in reversed(own)),
        stops=tuple(_stop(one) for one in stops),
        warnings=tuple(_warning(one) for one in found.warnings),
        earlier=tuple(
            _suspension(one, found.appeals) for one in found.suspensions if one.lifted_at is not None
        ),
        form=form,
    )


def _barred(own: Sequence[Appeal]) -> str:
    if any(one.decided_at is None for one in own):
        return "Your appeal waits for an answer."
    if len(own) >= suspensions.APPEALS_PER_SUSPENSION:
        return suspensions.EnoughAppeals().detail
    return ""


def _suspension(one: Suspension, appeals: Sequence[Appeal] = ()) -> Verdict:
    """With the answers to its `appeals`: who was told to wait for one finds it here."""
    ended = (f"It ended on {one.lifted_at:%-d %B %Y}.",) if one.lifted_at else ()
    unwarned = (f"No warning came first: {one.unwarned_because}",) if one.unwarned_because else ()
    return Verdict(
        title="Suspension",
        reason=REASONS[one.reason],
        text=one.note,
        since=one.suspended_at,
        notes=(*unwarned, *_answers(one, appeals), *ended),
    )


def _answers(one: Suspension, appeals: Sequence[Appeal]) -> tuple[str, ...]:
    return tuple(
        f"Your appeal was {OUTCOMES[each.outcome].label}: {each.answer}"
        for each in appeals
        if each.suspension_id == one.id and each.outcome
    )


def _stop(one: WorkerStop) -> Verdict:
    return Verdict(
        title=f"Stopped at {one.brand}" if one.brand else "Stopped everywhere",
        reason=one.reason,
        text="The platform decided this." if one.by_platform else "The brand decided this.",
        since=one.thrown_at,
    )


def _warning(one: StandingWarning) -> Verdict:
    return Verdict(title="Warning", reason=REASONS[one.reason], text=one.note, since=one.warned_at)


def _appeal(one: Appeal) -> AppealStory:
    return AppealStory(
        text=one.text,
        written_at=one.written_at,
        state=WAITS if one.outcome is None else OUTCOMES[one.outcome],
        answer=one.answer,
        decided_at=one.decided_at,
    )
