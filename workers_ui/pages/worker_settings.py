"""A worker's settings: languages, skills, whether he is there, his clock, and the brands he has hidden."""

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.commands import set_time_zone, set_worker_profile
from marketplace.accounts.errors import BadLanguages, UnknownTimeZone
from marketplace.accounts.fields import LANGUAGES_MAX
from marketplace.accounts.queries import WorkerProfile, worker_profile
from marketplace.accounts.sessions import Principal
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import WorkerId
from marketplace.tickets import mutes
from marketplace.tickets.lanes import SKILLS, UnknownSkill, known_skills
from workers_ui.deps import AsWorker, CheckedForm, HasTx
from workers_ui.errors import status_of
from workers_ui.frames import page, worker_frame
from workers_ui.pages.answers import see
from workers_ui.pages.pool_acts import SETTINGS
from workers_ui.pages.pool_filters import language_name
from workers_ui.pages.worker_forms import Short
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState
from workers_ui.presenters.worker_settings import HiddenBrand, Tick, WorkerSettingsPage

router = APIRouter()

OFFERED_LANGUAGES = (
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nb", "nl",
    "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
REGIONS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
TICKS_LIMIT = 60

FIELD_OF = {BadLanguages: "languages", UnknownSkill: "skills", UnknownTimeZone: "time_zone"}
NO_LANGUAGE = f"Tick 1 to {LANGUAGES_MAX} languages: the pool would be empty otherwise."


@router.get(SETTINGS)
def show_settings(request: Request, tx: HasTx, worker: AsWorker) -> HTMLResponse:
    return page(request, _view(request, tx, worker, worker_profile(tx, worker)))


@router.post(SETTINGS, dependencies=[CheckedForm])
def save_settings(
    request: Request,
    tx: HasTx,
    worker: AsWorker,
    languages: Annotated[list[str], Form(max_length=TICKS_LIMIT)] = [],  # noqa: B006 - FastAPI copies it
    skills: Annotated[list[str], Form(max_length=TICKS_LIMIT)] = [],  # noqa: B006 - FastAPI copies it
    available: Short = "",
    time_zone: Short = "",
) -> Response:
    principal: Principal = request.state.principal
    here = available == "yes"
    try:
        with tx.begin_nested():
            set_worker_profile(
                tx, worker=worker, languages=languages, skills=known_skills(skills), available=here
            )
            set_time_zone(tx, person=principal.person, time_zone=time_zone)
    except (BadLanguages, UnknownSkill, UnknownTimeZone) as refusal:
        sentence = NO_LANGUAGE if isinstance(refusal, BadLanguages) else refusal.detail
        form = FormState(problem="Not saved yet.", errors={FIELD_OF[type(refusal)]: sentence})
        typed = WorkerProfile(languages=tuple(languages), skills=tuple(skills), available=here)
        view = _view(request, tx, worker, typed, time_zone=time_zone, form=form)
        return page(request, view, status=status_of(refusal))
    return see(SETTINGS, said="Saved. The pool offers you what fits.")


def _view(
    request: Request,
    tx: Tx,
    worker: WorkerId,
    profile: WorkerProfile,
    *,
    time_zone: str = "",
    form: FormState = EMPTY_FORM,
) -> WorkerSettingsPage:
    principal: Principal = request.state.principal
    zone = time_zone or principal.time_zone
    known = {**dict.fromkeys(OFFERED_LANGUAGES), **dict.fromkeys(worker_profile(tx, worker).languages)}
    names = sorted((language_name(tag), tag) for tag in known)
    return WorkerSettingsPage(
        frame=worker_frame(request, tx),
        languages=tuple(Tick(value=tag, label=name, ticked=tag in profile.languages) for name, tag in names),
        skills=tuple(
            Tick(value=key, label=name, ticked=key in profile.skills) for key, name in SKILLS.items()
        ),
        available=profile.available,
        time_zone=zone,
        time_zones=tuple(Choice(value=one, label=one.replace("_", " ")) for one in _zones(zone)),
        hidden=tuple(
            HiddenBrand(slug=one.slug, name=one.name) for one in mutes.muted_brands(tx, worker=worker)
        ),
        form=form,
    )


def _zones(own: str) -> tuple[str, ...]:
    return _all_zones() if own in _all_zones() else (own, *_all_zones())


@cache
def _all_zones() -> tuple[str, ...]:
    """Zones named after places; "UTC" first, for whoever lives by it."""
    return ("UTC", *sorted(zone for zone in available_timezones() if zone.split("/")[0] in REGIONS))
