"""People, their standing and their appeals as an operator sees them."""

from collections.abc import Mapping, Sequence

from marketplace.accounts.models import WorkerStatus
from marketplace.accounts.people_queries import FoundPerson, PersonDetail, WaitingAppeal
from marketplace.accounts.standing_letters import REASONS
from marketplace.accounts.standing_models import AppealOutcome
from marketplace.accounts.suspensions import NoSuchWorker, Standing
from marketplace.kernel.ids import PersonId, WorkerId
from workers_ui.presenters.operator import AppealForm, AppealRow, PersonFact, PersonRow, StandingEntry
from workers_ui.presenters.values import Badge, Choice, Notice, Tone

ACTIVE = Badge(label="active", tone=Tone.GOOD)
WORK_SUSPENDED = Badge(label="work suspended", tone=Tone.BAD)
SIGN_IN_SUSPENDED = Badge(label="sign-in suspended", tone=Tone.BAD)
TEXT_CHARACTERS = 200
REASON_CHOICES = tuple(Choice(value=reason.value, label=label) for reason, label in REASONS.items())
SOMEBODY = "somebody"
APPEAL_TITLES: Mapping[AppealOutcome, str] = {
    AppealOutcome.UPHELD: "Appeal not granted",
    AppealOutcome.LIFTED: "Appeal granted",
}


def person_row(one: FoundPerson) -> PersonRow:
    return PersonRow(
        href=f"/operator/people/{one.id}",
        name=one.name,
        email=one.email,
        roles=", ".join(one.roles) or "nothing yet",
        state=state_of(one),
    )


def state_of(one: FoundPerson) -> Badge:
    if one.suspended_at is not None:
        return SIGN_IN_SUSPENDED
    return WORK_SUSPENDED if one.worker_status is WorkerStatus.RESTRICTED else ACTIVE


def appeal_row(one: WaitingAppeal) -> AppealRow:
    text = " ".join(one.text.split())
    short = text if len(text) <= TEXT_CHARACTERS else text[: TEXT_CHARACTERS - 1] + "…"
    return AppealRow(
        href=f"/operator/people/{one.person}", name=one.name, text=short, written_at=one.written_at
    )


def worker_of(detail: PersonDetail) -> WorkerId:
    """Raises NoSuchWorker."""
    if detail.found.worker is None:
        raise NoSuchWorker
    return detail.found.worker


def facts(detail: PersonDetail) -> tuple[PersonFact, ...]:
    told = {
        "Role": ", ".join(detail.found.roles) or "nothing yet",
        "Since": f"{detail.created_at:%-d %B %Y}",
        "Time zone": detail.time_zone,
        "Open sessions": f"{detail.sessions:,}",
    }
    if detail.found.worker is not None:
        told |= {
            "Country": detail.country,
            "Languages": ", ".join(detail.languages),
            "Skills": ", ".join(detail.skills) or "none named",
            "Resolved": f"{detail.resolved:,}",
            "Holds now": f"{detail.running_claims:,}",
            "Last seen": f"{detail.seen_at:%-d %B %Y %H:%M} UTC" if detail.seen_at else "never",
        }
    return tuple(PersonFact(label=label, value=value) for label, value in told.items())


def callouts(detail: PersonDetail) -> tuple[Notice, ...]:
    if detail.found.suspended_at is None:
        return ()
    return (Notice(text=f"Cannot sign in: {detail.suspended_for}", tone=Tone.BAD),)


def deciders(standing: Standing) -> Sequence[PersonId]:
    return [
        *(one.warned_by for one in standing.warnings),
        *(one.suspended_by for one in standing.suspensions),
        *(one.lifted_by for one in standing.suspensions if one.lifted_by),
        *(one.decided_by for one in standing.appeals if one.decided_by),
    ]


def story(standing: Standing, names: Mapping[PersonId, str]) -> tuple[StandingEntry, ...]:
    """Everything that was decided and said, the newest first."""
    entries = [
        *(
            StandingEntry(
                title=f"Warned: {REASONS[one.reason]}",
                at=one.warned_at,
                by=names.get(one.warned_by, SOMEBODY) + ("" if one.read_at else ", not read yet"),
                text=one.note,
            )
            for one in standing.warnings
        ),
        *(
            StandingEntry(
                title=f"Suspended: {REASONS[one.reason]}",
                at=one.suspended_at,
                by=names.get(one.suspended_by, SOMEBODY)
                + (f". Without a warning: {one.unwarned_because}" if one.unwarned_because else ""),
                text=one.note,
                open=one.lifted_at is None,
            )
            for one in standing.suspensions
        ),
        *(
            StandingEntry(
                title="Suspension lifted",
                at=one.lifted_at,
                by=names.get(one.lifted_by, SOMEBODY) if one.lifted_by else "",
            )
            for one in standing.suspensions
            if one.lifted_at
        ),
        *(
            StandingEntry(title="Appealed", at=one.written_at, text=one.text, open=one.decided_at is None)
            for one in standing.appeals
        ),
        *(
            StandingEntry(
                title=APPEAL_TITLES[one.outcome],
                at=one.decided_at,
                by=names.get(one.decided_by, SOMEBODY),
                text=one.answer,
            )
            for one in standing.appeals
            if one.decided_at and one.decided_by and one.outcome
        ),
    ]
    return tuple(sorted(entries, key=lambda entry: entry.at, reverse=True))


def appeal_form(standing: Standing, person: PersonId, *, barred: bool) -> AppealForm | None:
    waiting = next((one for one in standing.appeals if one.decided_at is None), None)
    if waiting is None:
        return None
    why = "You suspended this worker, so another operator decides this." if barred else ""
    return AppealForm(
        href=f"/operator/people/{person}/appeals/{waiting.id}/decision",
        text=waiting.text,
        written_at=waiting.written_at,
        barred=why,
    )
