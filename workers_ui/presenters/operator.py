"""The operator's pages: health, people, brands, jobs that did not end, statements that must hold."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import (
    EMPTY_FORM,
    ONE_PAGE,
    Action,
    Badge,
    Choice,
    FormState,
    Notice,
    Pager,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPart:
    """A part with what it says of itself; `href` leads to where something can be done."""

    name: str
    state: Badge
    said: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthNumber:
    label: str
    value: int
    hint: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an operator did, by the audit trail."""

    at: datetime
    by: str
    act: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPage:
    template: ClassVar[str] = "operator/health.html"
    frame: Frame
    parts: tuple[HealthPart, ...]
    numbers: tuple[HealthNumber, ...]
    acts: tuple[Done, ...] = ()
    callouts: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    href: str
    name: str
    email: str
    roles: str
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealRow:
    href: str
    name: str
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    template: ClassVar[str] = "operator/people.html"
    frame: Frame
    search: str
    title: str
    rows: tuple[PersonRow, ...]
    appeals: tuple[AppealRow, ...] = ()
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFact:
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingEntry:
    """A warning, a suspension or an appeal in the story of somebody's standing."""

    title: str
    at: datetime
    by: str = ""
    text: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealForm:
    """POST answer, outcome: upheld | lifted. `barred` says why this operator may not decide it."""

    href: str
    text: str
    written_at: datetime
    barred: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """POST warning: reason, note. POST suspension: reason, note, unwarned_because. POST reinstatement: reason.
    POST sign-in-suspension, sign-in-reinstatement: reason."""

    template: ClassVar[str] = "operator/person.html"
    frame: Frame
    person: str
    name: str
    email: str
    state: Badge
    facts: tuple[PersonFact, ...]
    story: tuple[StandingEntry, ...]
    reasons: tuple[Choice, ...]
    is_worker: bool
    is_suspended: bool
    sign_in_suspended: bool
    is_self: bool
    warned: bool
    form: FormState = EMPTY_FORM
    open_form: str = ""
    appeal: AppealForm | None = None
    callouts: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandRow:
    name: str
    slug: str
    state: Badge
    tickets: int
    members: int
    created_at: datetime
    reason: str = ""
    approve: Action | None = None
    refuse_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandsPage:
    """POST refusal: reason."""

    template: ClassVar[str] = "operator/brands.html"
    frame: Frame
    rows: tuple[BrandRow, ...]
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    job: str
    task: str
    args: str
    state: Badge
    attempts: int
    since: datetime | None
    error: str
    replay: Action
    discard_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    task: str
    jobs: int
    replay: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRow:
    """A lease, a reply, a letter or an event of Stripe that should be over by now."""

    label: str
    detail: str
    since: datetime
    action: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsPage:
    template: ClassVar[str] = "operator/jobs.html"
    frame: Frame
    tasks: tuple[TaskRow, ...]
    rows: tuple[JobRow, ...]
    leases: tuple[StuckRow, ...] = ()
    replies: tuple[StuckRow, ...] = ()
    letters: tuple[StuckRow, ...] = ()
    events: tuple[StuckRow, ...] = ()
    form: FormState = EMPTY_FORM
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantRow:
    name: str
    sentence: str
    state: Badge
    checked_at: datetime | None
    since: datetime | None = None
    offenders: int = 0
    sample: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBreach:
    name: str
    first_seen: datetime
    resolved_at: datetime
    offenders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantsPage:
    template: ClassVar[str] = "operator/invariants.html"
    frame: Frame
    rows: tuple[InvariantRow, ...]
    past: tuple[PastBreach, ...] = ()
    check: Action
    recount: Action
    callouts: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSwitch:
    """Something that is, or was, stopped; `where` is a brand's name or everywhere."""

    what: str
    where: str
    reason: str
    thrown_by: str
    thrown_at: datetime
    lifted_by: str = ""
    lifted_at: datetime | None = None
    lift: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRule:
    title: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchesPage:
    """POST switches: kind, brand (its address, empty for everywhere), key, reason. `brands` and `keys` are offered as
    one types; others can be typed."""

    template: ClassVar[str] = "operator/switches.html"
    frame: Frame
    live: tuple[PlatformSwitch, ...]
    history: tuple[PlatformSwitch, ...]
    kinds: tuple[Choice, ...]
    brands: tuple[Choice, ...]
    keys: tuple[Choice, ...]
    rules: tuple[SwitchRule, ...]
    form: FormState = EMPTY_FORM
