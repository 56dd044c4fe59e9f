"""Warning, suspending and reinstating people: never without notice, a reason and a way to object.

A suspension takes work away, never money. Whoever suspended somebody does not decide their appeal while another
operator is there to do it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import DBAPIError

from marketplace.accounts import standing_letters as letters
from marketplace.accounts.errors import NoSuchPerson
from marketplace.accounts.fields import words_within
from marketplace.accounts.letters import Words
from marketplace.accounts.mail import write_letter
from marketplace.accounts.models import Person, Staff, StaffRole, Worker, WorkerStatus
from marketplace.accounts.sessions import sign_out_everywhere
from marketplace.accounts.standing_models import (
    Appeal,
    AppealOutcome,
    StandingReason,
    StandingWarning,
    Suspension,
)
from marketplace.events.commands import record
from marketplace.events.facts import (
    AppealDecided,
    AppealWritten,
    OperatorActed,
    PersonSuspended,
    WorkerReinstated,
    WorkerSuspended,
    WorkerWarned,
)
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from marketplace.kernel.ids import AppealId, PersonId, SuspensionId, WarningId, WorkerId, new_id

NOTE_LIMIT = 2_000
REASON_LIMIT = 300
WARNING_COUNTS_FOR = timedelta(days=90)
APPEALS_PER_SUSPENSION = 3
SHOWN = 20
DECIDED_BY_ITSELF = "HC003"
STANDING_PATH = "/worker/standing"


class NoteNeeded(Invalid):
    """Say what happened, in 1 to 2,000 characters: the worker reads it."""


class ReasonNeeded(Invalid):
    """Give a reason, in 1 to 300 characters: it is told and kept."""


class NoWarningYet(Invalid):
    """No warning was given in the last 90 days. Warn first, or say why this cannot wait for one."""


class AlreadySuspended(Conflict):
    """This worker is suspended already."""


class SignInSuspendedAlready(Conflict):
    """This person's sign-in is suspended already."""


class NotSuspended(Conflict):
    """There is no suspension to lift."""


class NotYourself(NotAllowed):
    """Nobody suspends or reinstates themselves."""


class NoSuchWorker(NotFound):
    """There is no such worker."""


class NothingToAppeal(Conflict):
    """You are not suspended, so there is nothing to appeal."""


class AppealWaits(Conflict):
    """Your appeal waits for an answer already."""


class EnoughAppeals(Conflict):
    """This suspension was appealed as often as it can be. Write to us by e-mail instead."""


class AppealTextNeeded(Invalid):
    """Say why the suspension is wrong, in 1 to 2,000 characters."""


class AppealOver(Conflict):
    """This appeal is decided already."""


class NoSuchAppeal(NotFound):
    """There is no such appeal."""


class DecidedByAnother(NotAllowed):
    """You suspended this worker, so another operator decides the appeal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a worker stands: the newest first."""

    live: Suspension | None
    suspensions: Sequence[Suspension]
    warnings: Sequence[StandingWarning]
    appeals: Sequence[Appeal]


def warn_worker(
    tx: Tx, *, worker: WorkerId, reason: StandingReason, note: str, by: PersonId, base_url: str, now: datetime
) -> WarningId:
    """Tell a worker what must change; nothing is restricted. Raises NoSuchWorker, NoteNeeded."""
    said, found = _note(note), _worker(tx, worker)
    warning = StandingWarning(
        id=WarningId(new_id()), worker_id=worker, reason=reason, note=said, warned_by=by, warned_at=now
    )
    tx.add(warning)
    found.warned_at = now
    tx.flush()
    _tell(tx, found.person_id, letters.warned(reason=reason, note=said, link=base_url + STANDING_PATH), now)
    record(tx, WorkerWarned(worker=worker, warning=warning.id))
    _acted(tx, by, found.person_id, "warned the worker", said)
    return warning.id


def suspend_worker(
    tx: Tx,
    *,
    worker: WorkerId,
    reason: StandingReason,
    note: str,
    unwarned_because: str = "",
    by: PersonId,
    base_url: str,
    now: datetime,
) -> SuspensionId:
    """Take work from a worker at once; running claims return in the same commit (see `bootstrap`).

    Raises NoSuchWorker, NoteNeeded, AlreadySuspended, NoWarningYet.
    """
    said, found = _note(note), _worker(tx, worker)
    if found.status is WorkerStatus.RESTRICTED:
        raise AlreadySuspended
    warning = _warning_that_counts(tx, worker, now)
    if warning is None and not unwarned_because.strip():
        raise NoWarningYet
    suspension = Suspension(
        id=SuspensionId(new_id()),
        worker_id=worker,
        reason=reason,
        note=said,
        warning_id=warning,
        unwarned_because="" if warning else cleaned_reason(unwarned_because),
        suspended_by=by,
        suspended_at=now,
    )
    tx.add(suspension)
    found.status = WorkerStatus.RESTRICTED
    tx.flush()
    link = base_url + STANDING_PATH
    _tell(tx, found.person_id, letters.suspended(reason=reason, note=said, link=link), now)
    record(tx, WorkerSuspended(worker=worker, suspension=suspension.id))
    _acted(tx, by, found.person_id, "suspended the worker", said)
    return suspension.id


def reinstate_worker(
    tx: Tx, *, worker: WorkerId, reason: str, by: PersonId, base_url: str, now: datetime
) -> None:
    """Let a worker work again; an appeal that still waits is granted by it. Raises NotSuspended, ReasonNeeded."""
    said, found = cleaned_reason(reason), _worker(tx, worker)
    suspension = _lift(tx, found, by=by, now=now)
    waiting = _open_appeal(tx, suspension.id)
    if waiting is not None:
        _decide(tx, waiting, outcome=AppealOutcome.LIFTED, answer=said, by=by, now=now)
    _tell(tx, found.person_id, letters.reinstated(link=f"{base_url}/worker/pool"), now)
    _acted(tx, by, found.person_id, "reinstated the worker", said)


def write_appeal(tx: Tx, *, worker: WorkerId, text: str, now: datetime) -> AppealId:
    """The worker's word. Raises AppealTextNeeded, NothingToAppeal, AppealWaits, EnoughAppeals."""
    said = words_within(text, NOTE_LIMIT, AppealTextNeeded)
    suspension = tx.scalars(_live(worker).with_for_update(read=True)).one_or_none()
    if suspension is None:
        raise NothingToAppeal
    if _open_appeal(tx, suspension.id) is not None:
        raise AppealWaits
    written = select(func.count()).where(Appeal.suspension_id == suspension.id)
    if (tx.scalar(written) or 0) >= APPEALS_PER_SUSPENSION:
        raise EnoughAppeals
    appeal = Appeal(
        id=AppealId(new_id()), suspension_id=suspension.id, worker_id=worker, text=said, written_at=now
    )
    tx.add(appeal)
    tx.flush()
    record(tx, AppealWritten(worker=worker, appeal=appeal.id))
    return appeal.id


def decide_appeal(
    tx: Tx,
    *,
    appeal: AppealId,
    outcome: AppealOutcome,
    answer: str,
    by: PersonId,
    base_url: str,
    now: datetime,
) -> None:
    """Answer a worker; `lifted` ends the suspension. Raises NoSuchAppeal, AppealOver, NoteNeeded, DecidedByAnother."""
    said = _note(answer)
    found = tx.get(Appeal, appeal, with_for_update=True)
    if found is None:
        raise NoSuchAppeal
    if found.decided_at is not None:
        raise AppealOver
    _decide(tx, found, outcome=outcome, answer=said, by=by, now=now)
    worker = _worker(tx, found.worker_id)
    if outcome is AppealOutcome.LIFTED:
        _lift(tx, worker, by=by, now=now)
    link = base_url + STANDING_PATH
    _tell(tx, worker.person_id, letters.appeal_decided(outcome=outcome, answer=said, link=link), now)
    _acted(tx, by, worker.person_id, f"decided the appeal: {outcome.value}", said)


def read_warnings(tx: Tx, *, worker: WorkerId, now: datetime) -> None:
    """The worker has seen what there is to read."""
    unread = (StandingWarning.worker_id == worker) & StandingWarning.read_at.is_(None)
    tx.execute(update(StandingWarning).where(unread).values(read_at=now))
    tx.execute(
        update(Worker).where(Worker.id == worker, Worker.warned_at.is_not(None)).values(warned_at=None)
    )


def suspend_person(tx: Tx, *, person: PersonId, reason: str, by: PersonId, now: datetime) -> None:
    """End every session of somebody and let nobody sign in as them.

    Raises NoSuchPerson, NotYourself, ReasonNeeded, SignInSuspendedAlready.
    """
    said, found = cleaned_reason(reason), _person(tx, person)
    if person == by:
        raise NotYourself
    if found.suspended_at is not None:
        raise SignInSuspendedAlready
    found.suspended_at, found.suspended_for = now, said
    sign_out_everywhere(tx, person)
    worker = tx.scalar(select(Worker.id).where(Worker.person_id == person))
    _tell(tx, person, letters.sign_in_suspended(reason=said), now)
    record(tx, PersonSuspended(worker=worker, person=person))
    _acted(tx, by, person, "suspended the sign-in", said)


def reinstate_person(
    tx: Tx, *, person: PersonId, reason: str, by: PersonId, base_url: str, now: datetime
) -> None:
    """Let somebody sign in again. Raises NoSuchPerson, ReasonNeeded, NotSuspended."""
    said, found = cleaned_reason(reason), _person(tx, person)
    if found.suspended_at is None:
        raise NotSuspended
    found.suspended_at, found.suspended_for = None, ""
    tx.flush()
    _tell(tx, person, letters.sign_in_reinstated(link=f"{base_url}/sign-in"), now)
    _acted(tx, by, person, "reinstated the sign-in", said)


def standing_of(tx: Tx, worker: WorkerId) -> Standing:
    suspensions = tx.scalars(
        select(Suspension)
        .where(Suspension.worker_id == worker)
        .order_by(Suspension.suspended_at.desc())
        .limit(SHOWN)
    ).all()
    warnings = tx.scalars(
        select(StandingWarning)
        .where(StandingWarning.worker_id == worker)
        .order_by(StandingWarning.warned_at.desc())
        .limit(SHOWN)
    ).all()
    appeals = tx.scalars(
        select(Appeal).where(Appeal.worker_id == worker).order_by(Appeal.written_at.desc()).limit(SHOWN)
    ).all()
    live = next((one for one in suspensions if one.lifted_at is None), None)
    return Standing(live=live, suspensions=suspensions, warnings=warnings, appeals=appeals)


def was_warned(standing: Standing, now: datetime) -> bool:
    """Whether a suspension now would come after a warning that still counts."""
    return any(one.warned_at > now - WARNING_COUNTS_FOR for one in standing.warnings)


def live_suspension(tx: Tx, worker: WorkerId) -> Suspension | None:
    return tx.scalars(_live(worker)).one_or_none()


def refusal_of(tx: Tx, worker: WorkerId) -> str | None:
    """What a suspended worker is told when he tries to work: the reason, and where to object; None for others."""
    suspension = live_suspension(tx, worker)
    if suspension is None:
        return None
    reason = letters.REASONS[suspension.reason]
    return f"Your work here is suspended: {reason}. You can read more and appeal at {STANDING_PATH}."


def another_operator_exists(tx: Tx, than: PersonId) -> bool:
    """Whether somebody else could decide what `than` may not."""
    other = (
        select(Staff.person_id)
        .join(Person, Person.id == Staff.person_id)
        .where(Staff.role == StaffRole.OPERATOR, Staff.person_id != than, Person.suspended_at.is_(None))
    )
    return tx.scalar(other.limit(1)) is not None


def cleaned_reason(text: str) -> str:
    """Raises ReasonNeeded."""
    return words_within(text, REASON_LIMIT, ReasonNeeded)


def _decide(
    tx: Tx, appeal: Appeal, *, outcome: AppealOutcome, answer: str, by: PersonId, now: datetime
) -> None:
    try:
        with tx.begin_nested():
            appeal.decided_at, appeal.decided_by = now, by
            appeal.outcome, appeal.answer = outcome, answer
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error) and error.orig.sqlstate == DECIDED_BY_ITSELF:
            raise DecidedByAnother from error
        raise
    record(tx, AppealDecided(worker=appeal.worker_id, appeal=appeal.id, outcome=outcome.value))


def _lift(tx: Tx, worker: Worker, *, by: PersonId, now: datetime) -> Suspension:
    suspension = tx.scalars(_live(worker.id).with_for_update()).one_or_none()
    if suspension is None:
        raise NotSuspended
    suspension.lifted_at, suspension.lifted_by = now, by
    worker.status = WorkerStatus.ACTIVE
    tx.flush()
    record(tx, WorkerReinstated(worker=worker.id, suspension=suspension.id))
    return suspension


def _live(worker: WorkerId) -> Select[Suspension]:
    return select(Suspension).where(Suspension.worker_id == worker, Suspension.lifted_at.is_(None))


def _open_appeal(tx: Tx, suspension: SuspensionId) -> Appeal | None:
    waiting = (Appeal.suspension_id == suspension) & Appeal.decided_at.is_(None)
    return tx.scalars(select(Appeal).where(waiting)).one_or_none()


def _warning_that_counts(tx: Tx, worker: WorkerId, now: datetime) -> WarningId | None:
    recent = (StandingWarning.worker_id == worker) & (StandingWarning.warned_at > now - WARNING_COUNTS_FOR)
    newest = select(StandingWarning.id).where(recent).order_by(StandingWarning.warned_at.desc())
    return tx.scalar(newest.limit(1))


def _worker(tx: Tx, worker: WorkerId) -> Worker:
    """The worker, held: standing changes one step at a time."""
    found = tx.get(Worker, worker, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise NoSuchWorker
    return found


def _person(tx: Tx, person: PersonId) -> Person:
    found = tx.get(Person, person, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise NoSuchPerson
    return found


def _tell(tx: Tx, person: PersonId, words: Words, now: datetime) -> None:
    recipient = tx.scalar(select(Person.email).where(Person.id == person))
    assert recipient is not None
    write_letter(tx, recipient=recipient, subject=words.subject, body=words.body, now=now)


def _acted(tx: Tx, by: PersonId, on: PersonId, act: str, reason: str) -> None:
    record(tx, OperatorActed(target=on, act=act, person=by, reason=reason))


def _note(text: str) -> str:
    return words_within(text, NOTE_LIMIT, NoteNeeded)
