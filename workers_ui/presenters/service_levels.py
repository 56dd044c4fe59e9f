"""What a brand promises its customers, and what happens when a ticket waits: the page's view model."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Badge, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLine:
    """One of a ticket's clocks: `says` in words, with its moment where it has one."""

    label: str
    badge: Badge
    says: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderLine:
    """What was done for a ticket that waited."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeField:
    """A stretch of time to type: `name` in the form, what it is now, and between what it may lie."""

    name: str
    label: str
    value: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTimes:
    """One channel's row of times."""

    channel: str
    label: str
    fields: tuple[TimeField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayField:
    """A weekday's opening hours."""

    name: str
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderFields:
    """The ladder as typed: percents, empty where a rung is off. `budget` is empty until the brand has a currency."""

    notify: str
    raise_at: str
    raise_every: str
    raise_step: str
    raise_cap: str
    budget: str
    widen: str
    give_back: str
    currency: str
    spent_today: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLevelsPage:
    """POST calendar: time_zone, monday … sunday, country, subdivision, closed_days. POST clocks and leases: a
    time for each field. POST ladder: the names of `LadderFields`."""

    template: ClassVar[str] = "brand/service_levels.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    previews: tuple[str, ...]
    days: tuple[DayField, ...]
    time_zone: str
    time_zones: tuple[Choice, ...]
    country: str
    countries: tuple[Choice, ...]
    subdivision: str
    closed_days: str
    clocks: tuple[ChannelTimes, ...]
    leases: tuple[ChannelTimes, ...]
    ladder: LadderFields
    calendar_form: FormState = EMPTY_FORM
    clocks_form: FormState = EMPTY_FORM
    leases_form: FormState = EMPTY_FORM
    ladder_form: FormState = EMPTY_FORM
