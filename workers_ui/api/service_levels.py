"""A brand's service levels, for its own systems: read whole, written whole."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.queries import brand as brand_card
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId
from marketplace.tickets.calendars import (
    CLOSED_DAYS_LIMIT,
    MINUTES_A_DAY,
    PERIODS_A_DAY,
    WEEK_DAYS,
    BusinessCalendar,
    Period,
)
from marketplace.tickets.ladder_plan import Ladder, ladder_of, set_ladder
from marketplace.tickets.lease_plan import LeasePlan, lease_plan_of, set_lease_plan
from marketplace.tickets.models import Channel
from marketplace.tickets.service_levels import (
    Promise,
    calendar_of,
    promises_of,
    set_calendar,
    set_promise,
)
from workers_ui.api.schemas import In
from workers_ui.deps import HasTx, by_key

router = APIRouter(tags=["control"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.SHARING_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.SHARING_WRITE))]
HIGHEST = 2**31 - 1  # what the columns hold; the commands are stricter, and say why

Whole = Annotated[int, Field(ge=0, le=HIGHEST)]
Percent = Annotated[int, Field(ge=1, le=1_000)] | None
Place = Annotated[str, Field(max_length=20)] | None


class NoCurrencyYet(Conflict):
    """Raising prices needs a wallet: top up first, which fixes the brand's currency."""


class PeriodBody(In):
    """Open from one minute of the day to another; 1440 is midnight, Monday is 0."""

    weekday: Annotated[int, Field(ge=0, lt=WEEK_DAYS)]
    opens: Annotated[int, Field(ge=0, lt=MINUTES_A_DAY)]
    closes: Annotated[int, Field(gt=0, le=MINUTES_A_DAY)]


class CalendarBody(In):
    time_zone: Annotated[str, Field(max_length=60)]
    periods: Annotated[list[PeriodBody], Field(max_length=PERIODS_A_DAY * WEEK_DAYS)]
    country: Place = None
    subdivision: Place = None
    closed_days: Annotated[list[date], Field(max_length=CLOSED_DAYS_LIMIT)] = Field(default_factory=list)


class PromiseBody(In):
    first_minutes: Whole
    next_minutes: Whole
    resolution_minutes: Whole


class LeaseBody(In):
    read_seconds: Whole
    reply_seconds: Whole
    follow_up_seconds: Whole


class LadderBody(In):
    """Percents of the first reply's time; null: the step is off. Raises are in basis points of the price."""

    notify_percent: Percent
    raise_percent: Percent
    raise_every_percent: Whole
    raise_step_basis_points: Whole
    raise_cap_basis_points: Whole
    daily_budget_minor: Whole
    widen_percent: Percent
    give_back_percent: Percent


class ServiceLevelsBody(In):
    calendar: CalendarBody
    clocks: dict[Channel, PromiseBody]
    leases: dict[Channel, LeaseBody]
    ladder: LadderBody


@router.get("/service-levels", response_model=ServiceLevelsBody)
def read_service_levels(tx: HasTx, brand: Reads) -> ServiceLevelsBody:
    """Opening hours, the three clocks and the lease clocks by channel, and the backlog ladder."""
    return _levels(tx, brand)


@router.put("/service-levels", response_model=ServiceLevelsBody)
def put_service_levels(body: ServiceLevelsBody, tx: HasTx, brand: Writes) -> ServiceLevelsBody:
    """Set them all, or none. A channel left out keeps its times; clocks that run keep what they promised."""
    now = app_now(tx)
    if body.ladder.raise_percent is not None and brand_card(tx, brand).currency is None:
        raise NoCurrencyYet
    for channel, promise in body.clocks.items():
        set_promise(tx, brand=brand, channel=channel, promise=Promise(**promise.model_dump()), now=now)
    set_calendar(tx, brand=brand, calendar=_calendar(body.calendar), now=now)
    for channel, lease in body.leases.items():
        set_lease_plan(tx, brand=brand, channel=channel, plan=LeasePlan(**lease.model_dump()))
    set_ladder(tx, brand=brand, ladder=Ladder(**body.ladder.model_dump()), now=now)
    return _levels(tx, brand)


def _calendar(body: CalendarBody) -> BusinessCalendar:
    return BusinessCalendar(
        time_zone=body.time_zone,
        periods=tuple(Period(**period.model_dump()) for period in body.periods),
        country=body.country or None,
        subdivision=body.subdivision or None,
        closed_days=frozenset(body.closed_days),
    )


def _levels(tx: Tx, brand: BrandId) -> ServiceLevelsBody:
    calendar = calendar_of(tx, brand)
    return ServiceLevelsBody(
        calendar=CalendarBody(
            time_zone=calendar.time_zone,
            periods=[PeriodBody(**asdict(period)) for period in sorted(calendar.periods)],
            country=calendar.country,
            subdivision=calendar.subdivision,
            closed_days=sorted(calendar.closed_days),
        ),
        clocks={
            channel: PromiseBody(**asdict(promise)) for channel, promise in promises_of(tx, brand).items()
        },
        leases={channel: LeaseBody(**asdict(lease_plan_of(tx, brand, channel))) for channel in Channel},
        ladder=LadderBody(**asdict(ladder_of(tx, brand))),
    )
