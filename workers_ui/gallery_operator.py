"""Sample views of the operator's pages and of a worker's standing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from workers_ui.presenters import operator as views
from workers_ui.presenters.frame import Frame, Person, operator_nav, worker_nav
from workers_ui.presenters.standing import AppealStory, StandingPage, Verdict
from workers_ui.presenters.values import Action, Badge, Choice, Notice, Tone
from workers_ui.templating import PageView

NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
PERSON = "018f3a"
HOLDS = Badge(label="holds", tone=Tone.GOOD)
SUSPENDED = Badge(label="work suspended", tone=Tone.BAD)
NOTE = "Three refunds were promised that the brand cannot give."
APPEAL = "I quoted the policy as it was on Monday. It changed on Tuesday, and nobody told us."

MakeFrame = Callable[..., Frame]


def _frame(frame: MakeFrame, path: str) -> Frame:
    person = Person(name="Olga Oakes", email="olga@humancloud.example")
    return frame(path, person=person, area="Operations", nav=operator_nav())


def _ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def health(frame: MakeFrame) -> PageView:
    ok, look = Badge(label="ok", tone=Tone.GOOD), Badge(label="needs a look", tone=Tone.BAD)
    return views.HealthPage(
        frame=_frame(frame, "/operator/health"),
        parts=(
            views.HealthPart(name="Database", state=ok),
            views.HealthPart(name="Background", state=ok),
            views.HealthPart(name="Invariants", state=ok, href="/operator/invariants"),
            views.HealthPart(name="Dead letters", state=look, said="3", href="/operator/jobs"),
        ),
        numbers=(
            views.HealthNumber(label="Tickets waiting", value=1284, hint="in the pool"),
            views.HealthNumber(label="Appeals", value=1, hint="wait for an answer"),
            views.HealthNumber(label="Brands", value=2, hint="wait for approval"),
            views.HealthNumber(label="Workers suspended", value=1),
            views.HealthNumber(label="Sign-ins suspended", value=0),
        ),
        acts=(views.Done(at=_ago(hours=2), by="Olga Oakes", act="suspended the worker", reason=NOTE),),
        callouts=(
            Notice(
                text="You are the only operator. Appeals against your own suspensions are yours to decide until "
                "there is another: humancloud staff add.",
                tone=Tone.WARN,
            ),
        ),
    )


def people(frame: MakeFrame) -> PageView:
    return views.PeoplePage(
        frame=_frame(frame, "/operator/people"),
        search="",
        title="Suspended now",
        rows=(
            views.PersonRow(
                href=f"/operator/people/{PERSON}",
                name="Ana Reyes",
                email="ana@workers.example",
                roles="worker",
                state=SUSPENDED,
            ),
        ),
        appeals=(
            views.AppealRow(
                href=f"/operator/people/{PERSON}", name="Ana Reyes", text=APPEAL, written_at=_ago(hours=1)
            ),
        ),
    )


def people_none(frame: MakeFrame) -> PageView:
    return views.PeoplePage(
        frame=_frame(frame, "/operator/people"), search="", title="Suspended now", rows=()
    )


def person(frame: MakeFrame) -> views.PersonPage:
    return views.PersonPage(
        frame=_frame(frame, f"/operator/people/{PERSON}"),
        person=PERSON,
        name="Ana Reyes",
        email="ana@workers.example",
        state=Badge(label="active", tone=Tone.GOOD),
        facts=(
            views.PersonFact(label="Role", value="worker"),
            views.PersonFact(label="Since", value="2 June 2026"),
            views.PersonFact(label="Resolved", value="214"),
            views.PersonFact(label="Holds now", value="2"),
        ),
        story=(),
        reasons=(
            Choice(value="conduct", label="Conduct towards a customer or a brand"),
            Choice(value="wrong_answers", label="Answers that were wrong or made up"),
        ),
        is_worker=True,
        is_suspended=False,
        sign_in_suspended=False,
        is_self=False,
        warned=False,
    )


def person_suspended(frame: MakeFrame) -> PageView:
    return replace(
        person(frame),
        state=SUSPENDED,
        is_suspended=True,
        story=(
            views.StandingEntry(title="Appealed", at=_ago(hours=1), text=APPEAL, open=True),
            views.StandingEntry(
                title="Suspended: Answers that were wrong or made up",
                at=_ago(hours=3),
                by="Oscar Oak. Without a warning: customers were promised money today.",
                text=NOTE,
                open=True,
            ),
        ),
        appeal=views.AppealForm(
            href=f"/operator/people/{PERSON}/appeals/1/decision", text=APPEAL, written_at=_ago(hours=1)
        ),
    )


def brands(frame: MakeFrame) -> PageView:
    return views.BrandsPage(
        frame=_frame(frame, "/operator/brands"),
        rows=(
            views.BrandRow(
                name="New Leaf",
                slug="new-leaf",
                state=Badge(label="waits for approval", tone=Tone.WARN),
                tickets=12,
                members=1,
                created_at=_ago(hours=5),
                approve=Action(href="/operator/brands/1/approval", label="Approve"),
                refuse_href="/operator/brands/1/refusal",
            ),
            views.BrandRow(
                name="Northwind Coffee",
                slug="northwind-coffee",
                state=Badge(label="approved", tone=Tone.GOOD),
                tickets=20413,
                members=7,
                created_at=_ago(days=90),
            ),
        ),
    )


def switches(frame: MakeFrame) -> PageView:
    return views.SwitchesPage(
        frame=_frame(frame, "/operator/switches"),
        live=(
            views.PlatformSwitch(
                what="A channel: chat",
                where="everywhere",
                reason="Messages arrive twice since the update.",
                thrown_by="Olga Oakes",
                thrown_at=_ago(minutes=8),
                lift=Action(href="/operator/switches/1/lift", label="Let it run again"),
            ),
        ),
        history=(
            views.PlatformSwitch(
                what="All tickets",
                where="Northwind Coffee",
                reason="Asked for by its owner.",
                thrown_by="Olga Oakes",
                thrown_at=_ago(days=3),
                lifted_by="Olga Oakes",
                lifted_at=_ago(days=2),
            ),
        ),
        kinds=(Choice(value="brand", label="All tickets"), Choice(value="channel", label="A channel")),
        brands=(Choice(value="northwind-coffee", label="Northwind Coffee"),),
        keys=(Choice(value="chat", label="Channel: Chat"),),
        rules=(views.SwitchRule(title="A channel", rule="Nothing new from this channel enters the pool."),),
    )


def jobs(frame: MakeFrame) -> PageView:
    return views.JobsPage(
        frame=_frame(frame, "/operator/jobs"),
        tasks=(
            views.TaskRow(
                task="suggest", jobs=2, replay=Action(href="/operator/jobs/replay", label="Replay all")
            ),
        ),
        rows=(
            views.JobRow(
                job="4711",
                task="suggest",
                args="brand 018f3a2c-77aa-7abc-8def-000000000001, ticket 018f3a2c-77aa-7abc-8def-000000000002",
                state=Badge(label="failed", tone=Tone.BAD),
                attempts=8,
                since=_ago(minutes=12),
                error="IndexUnavailable: The index is being built. (retrieval.py, line 88, search)",
                replay=Action(href="/operator/jobs/4711/replay", label="Replay"),
                discard_href="/operator/jobs/4711/discard",
            ),
        ),
        leases=(
            views.StuckRow(
                label="Northwind Coffee #381",
                detail="the worker's time is over",
                since=_ago(minutes=3),
                action=Action(href="/operator/jobs/leases/1/return", label="Return to the pool"),
            ),
        ),
        events=(
            views.StuckRow(
                label="payment_intent.succeeded · pi_3PtQ2eLkdIwHu7ix",
                detail="quarantined: the endpoint at Stripe is set to another API version than this program speaks",
                since=_ago(minutes=9),
                action=Action(href="/operator/jobs/events/platform/evt_1/replay", label="Try again"),
            ),
        ),
    )


def jobs_none(frame: MakeFrame) -> PageView:
    return views.JobsPage(frame=_frame(frame, "/operator/jobs"), tasks=(), rows=())


def invariants(frame: MakeFrame) -> PageView:
    return views.InvariantsPage(
        frame=_frame(frame, "/operator/invariants"),
        rows=(
            views.InvariantRow(
                name="one_live_claim",
                sentence="No ticket has two live claims.",
                state=HOLDS,
                checked_at=_ago(seconds=20),
            ),
            views.InvariantRow(
                name="kept_pool_counters_are_true",
                sentence="The kept counters of the pool equal the pool.",
                state=Badge(label="broken", tone=Tone.BAD),
                checked_at=_ago(seconds=20),
                since=_ago(minutes=4),
                offenders=1,
                sample=("email/en/general: kept 4, there 1",),
            ),
        ),
        past=(
            views.PastBreach(
                name="No live claim is past its deadline for longer than 60 seconds.",
                first_seen=_ago(days=2),
                resolved_at=_ago(days=2, minutes=-3),
                offenders=2,
            ),
        ),
        check=Action(href="/operator/invariants/check", label="Look now"),
        recount=Action(href="/operator/invariants/recount", label="Count tickets anew"),
    )


def _worker_frame(frame: MakeFrame) -> Frame:
    person = Person(name="Ana Reyes", email="ana@workers.example")
    nav = worker_nav(waiting=24, mine=0)
    return frame("/worker/standing", person=person, nav=nav, live_url="/live")


def standing(frame: MakeFrame) -> PageView:
    return StandingPage(frame=_worker_frame(frame), state=Badge(label="in good standing", tone=Tone.GOOD))


def standing_suspended(frame: MakeFrame) -> PageView:
    return StandingPage(
        frame=_worker_frame(frame),
        state=Badge(label="suspended", tone=Tone.BAD),
        suspension=Verdict(
            title="Suspension",
            reason="Answers that were wrong or made up",
            text=NOTE,
            since=_ago(hours=3),
            notes=("No warning came first: customers were promised money today.",),
        ),
        can_appeal=True,
        appeals=(
            AppealStory(
                text=APPEAL,
                written_at=_ago(hours=2),
                state=Badge(label="not granted", tone=Tone.WARN),
                answer="The change was announced on Monday.",
                decided_at=_ago(hours=1),
            ),
        ),
        stops=(
            Verdict(
                title="Stopped at Fern & Kettle",
                reason="Rude twice.",
                text="The brand decided this.",
                since=_ago(days=1),
            ),
        ),
        warnings=(
            Verdict(
                title="Warning",
                reason="Handling of personal data",
                text="Do not ask for card numbers.",
                since=_ago(days=9),
            ),
        ),
    )


BUILDERS: Mapping[str, Callable[[MakeFrame], PageView]] = {
    "operator-health": health,
    "operator-people": people,
    "operator-people-none": people_none,
    "operator-person": person,
    "operator-person-suspended": person_suspended,
    "operator-brands": brands,
    "operator-switches": switches,
    "operator-jobs": jobs,
    "operator-jobs-none": jobs_none,
    "operator-invariants": invariants,
    "standing": standing,
    "standing-suspended": standing_suspended,
}
