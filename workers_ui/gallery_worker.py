"""Samples of the worker's settings."""

from collections.abc import Callable, Mapping

from workers_ui.presenters.frame import Frame, Person, worker_nav
from workers_ui.presenters.values import Choice, FormState
from workers_ui.presenters.worker_settings import HiddenBrand, Tick, WorkerSettingsPage
from workers_ui.templating import PageView

MakeFrame = Callable[..., Frame]

LANGUAGES = (("en", "English"), ("de", "German"), ("es", "Spanish"), ("fr", "French"), ("pt", "Portuguese"))
SKILLS = (
    ("billing", "Billing", "Invoices, charges, refunds"),
    ("technical", "Technical", "Set-up and faults of devices and software"),
)
ZONES = ("Europe/Lisbon", "Europe/Berlin", "America/New_York")


def settings(frame: MakeFrame) -> PageView:
    return _settings(frame, spoken=("en", "pt"))


def settings_refused(frame: MakeFrame) -> PageView:
    form = FormState(
        problem="Not saved yet.",
        errors={"languages": "Tick at least one language."},
        values={"available": "yes"},
    )
    return _settings(frame, spoken=(), form=form)


def _settings(frame: MakeFrame, *, spoken: tuple[str, ...], form: FormState | None = None) -> PageView:
    person = Person(name="Ana Reyes", email="ana@workers.example", settings_href="/worker/settings")
    return WorkerSettingsPage(
        frame=frame("/worker/settings", person=person, nav=worker_nav(waiting=24, mine=2), live_url="/live"),
        languages=tuple(Tick(value=key, label=name, ticked=key in spoken) for key, name in LANGUAGES),
        skills=tuple(Tick(value=key, label=name, hint=hint, ticked=False) for key, name, hint in SKILLS),
        available=True,
        time_zone=ZONES[0],
        time_zones=tuple(Choice(value=zone, label=zone) for zone in ZONES),
        hidden=(HiddenBrand(slug="kestrel-air", name="Kestrel Air"),),
        form=form or FormState(),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "settings": settings,
    "settings-refused": settings_refused,
}
