"""Service levels with made-up values: an ordinary office, and a form that was refused."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from marketplace.tickets.calendars import BusinessCalendar, Period
from marketplace.tickets.ladder_plan import Ladder
from marketplace.tickets.lease_plan import LeasePlan
from marketplace.tickets.models import Channel
from marketplace.tickets.service_levels import DEFAULT_PROMISES
from workers_ui.pages import brand_service_levels_views as present
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.frame import Frame, Person, brand_nav
from workers_ui.presenters.service_levels import ClockLine, LadderLine, ServiceLevelsPage
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Tone

MakeFrame = Callable[..., Frame]
SLUG = "tamberlark"
OFFICE = BusinessCalendar(
    time_zone="Europe/Berlin",
    periods=tuple(
        Period(weekday=day, opens=opens, closes=closes)
        for day in range(5)
        for opens, closes in ((9 * 60, 12 * 60), (13 * 60, 18 * 60))
    ),
    country="DE",
    subdivision="BY",
)
LADDER = Ladder(raise_percent=60, daily_budget_minor=5_000, give_back_percent=200)
LEASES = {
    Channel.EMAIL: LeasePlan(read_seconds=300, reply_seconds=3_600, follow_up_seconds=86_400),
    Channel.CHAT: LeasePlan(read_seconds=20, reply_seconds=180, follow_up_seconds=180),
}
REFUSED = FormState(
    values={"monday": "9-17", "time_zone": "Europe/Berlin"},
    errors={
        "monday": "Write opening hours such as 9:00–17:30, several with commas between; leave a closed day empty."
    },
    problem="Something is not right yet: see below.",
)


def service_levels(frame: MakeFrame) -> ServiceLevelsPage:
    return _page(frame)


def service_levels_refused(frame: MakeFrame) -> ServiceLevelsPage:
    return _page(frame, calendar_form=REFUSED)


def _page(frame: MakeFrame, *, calendar_form: FormState = EMPTY_FORM) -> ServiceLevelsPage:
    path = f"/b/{SLUG}/control/service-levels"
    person = Person(name="Mo Manager", email="mo@tamberlark.example")
    shown = frame(path, person=person, nav=brand_nav(SLUG), area="Tamberlark")
    money = present.ladder_fields(LADDER, currency="usd", spent_minor=1_250)
    return ServiceLevelsPage(
        frame=shown,
        slug=SLUG,
        brand="Tamberlark",
        sections=control_sections(SLUG, "service-levels"),
        previews=present.previews(OFFICE, DEFAULT_PROMISES, now=shown.now),
        days=present.days(OFFICE),
        time_zone=OFFICE.time_zone,
        time_zones=present.time_zones(),
        country="DE",
        countries=present.holiday_countries(),
        subdivision="BY",
        closed_days="2026-12-24\n2026-12-31",
        clocks=present.clock_fields(DEFAULT_PROMISES),
        leases=present.lease_fields(LEASES),
        ladder=money,
        calendar_form=calendar_form,
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], ServiceLevelsPage]] = {
    "service-levels": service_levels,
    "service-levels-refused": service_levels_refused,
}

POSTED = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)
CLOCKS = (
    ClockLine(
        label="First reply",
        badge=Badge(label="in time", tone=Tone.GOOD),
        says="met",
        at=POSTED + timedelta(hours=20),
    ),
    ClockLine(
        label="Next reply",
        badge=Badge(label="late", tone=Tone.BAD),
        says="was due",
        at=POSTED + timedelta(hours=50),
    ),
    ClockLine(
        label="Resolution", badge=Badge(label="paused"), says="waits for the customer, 41 h 20 min left"
    ),
)
STEPS = (
    LadderLine(text="You were told that it waits.", at=POSTED + timedelta(hours=12)),
    LadderLine(text="Its price was raised by 20 %.", at=POSTED + timedelta(hours=14)),
)
