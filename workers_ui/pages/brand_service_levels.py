"""The brand's service levels: opening hours, three clocks, lease clocks, and the ladder for tickets that wait."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from marketplace.accounts.permissions import Permission
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid
from marketplace.tickets.calendars import CLOSED_DAYS_LIMIT, BusinessCalendar, Period
from marketplace.tickets.ladder import surge_spent_today
from marketplace.tickets.ladder_plan import Ladder, ladder_of, set_ladder
from marketplace.tickets.lease_plan import LeaseOutOfRange, LeasePlan, lease_plan_of, set_lease_plan
from marketplace.tickets.models import Channel
from marketplace.tickets.service_levels import (
    Promise,
    calendar_of,
    promises_of,
    set_calendar,
    set_promise,
)
from workers_ui.deps import CheckedForm, HasTx, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_service_levels_views as present
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for
from workers_ui.pages.durations import typed_duration
from workers_ui.pages.opening_hours import WEEKDAYS, typed_dates, typed_periods, written_dates
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.service_levels import ServiceLevelsPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

SECTION = "service-levels"
FIELD_LIMIT = 20_000
DIGITS_MAX = 4
SECONDS_A_MINUTE = 60
BASIS_POINTS_A_PERCENT = 100

router = APIRouter()

T = TypeVar("T")

Controls = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]


class UnreadablePercent(Invalid):
    """Write a whole number of percent, such as 50; leave it empty to switch the step off."""


class NoCurrencyYet(Conflict):
    """Raising prices needs a wallet: top up first, which fixes your currency."""


class _Typed:
    """A form's fields as text, and the sentence that refuses each."""

    def __init__(self, form: FormData) -> None:
        self.values = {
            name: value.replace("\0", "")[:FIELD_LIMIT]
            for name, value in form.items()
            if isinstance(value, str)
        }
        self.errors: dict[str, str] = {}

    def text(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The field's value, or `default` with the refusal kept for the page."""
        try:
            return parse(self.text(name))
        except Invalid as error:
            self.errors[name] = error.detail
            return default

    def refused(self, error: AppError | None = None) -> FormState:
        return FormState(values=self.values, errors=self.errors, problem=error.detail if error else "")


async def _typed(request: Request) -> _Typed:
    return _Typed(await request.form())


Typed = Annotated[_Typed, Depends(_typed)]


@router.get("/b/{slug}/control/service-levels")
def read_service_levels(request: Request, tx: HasTx, membership: Controls) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/control/service-levels/calendar", dependencies=[CheckedForm])
def change_calendar(request: Request, tx: HasTx, membership: Controls, typed: Typed) -> Response:
    """Opening hours for clocks that start from now on."""

    def act() -> None:
        set_calendar(tx, brand=membership.brand, calendar=_calendar(typed), now=app_now(tx))

    refusal = _refusal(tx, typed, act)
    if refusal is None:
        return _saved(membership, "Your opening hours hold for tickets and messages from now on.")
    return _again(request, tx, membership, refusal, calendar_form=typed.refused(refusal))


@router.post("/b/{slug}/control/service-levels/clocks", dependencies=[CheckedForm])
def change_clocks(request: Request, tx: HasTx, membership: Controls, typed: Typed) -> Response:
    """What customers are promised, for clocks that start from now on."""

    def act() -> None:
        for channel in Channel:
            set_promise(
                tx, brand=membership.brand, channel=channel, promise=_promise(typed, channel), now=app_now(tx)
            )

    refusal = _refusal(tx, typed, act)
    if refusal is None:
        return _saved(membership, "The new times hold for tickets and messages from now on.")
    return _again(request, tx, membership, refusal, clocks_form=typed.refused(refusal))


@router.post("/b/{slug}/control/service-levels/leases", dependencies=[CheckedForm])
def change_leases(request: Request, tx: HasTx, membership: Controls, typed: Typed) -> Response:
    """How long a worker has for each step, from his next step on."""

    def act() -> None:
        for channel in Channel:
            plan = _lease_plan(typed, channel)
            if not typed.errors:
                set_lease_plan(tx, brand=membership.brand, channel=channel, plan=plan)

    refusal = _refusal(tx, typed, act)
    if refusal is None:
        return _saved(membership, "Workers have these times from their next step on.")
    return _again(request, tx, membership, refusal, leases_form=typed.refused(refusal))


@router.post("/b/{slug}/control/service-levels/ladder", dependencies=[CheckedForm])
def change_ladder(request: Request, tx: HasTx, membership: Controls, typed: Typed) -> Response:
    """What happens to tickets that wait, those that wait already included."""

    def act() -> None:
        currency = brand_card(tx, membership.brand).currency
        set_ladder(
            tx,
            brand=membership.brand,
            ladder=_ladder(typed, ladder_of(tx, membership.brand), currency),
            now=app_now(tx),
        )

    refusal = _refusal(tx, typed, act)
    if refusal is None:
        return _saved(membership, "The steps hold for every ticket that waits, from where it is.")
    return _again(request, tx, membership, refusal, ladder_form=typed.refused(refusal))


def _refusal(tx: Tx, typed: _Typed, act: Callable[[], None]) -> AppError | None:
    """Do it whole, or nothing: what refused it, where a field or the form as a whole did."""
    try:
        with tx.begin_nested():
            act()
            if typed.errors:
                raise Invalid("Something is not right yet: see below.")
    except (Invalid, Conflict) as error:
        return Invalid("Something is not right yet: see below.") if typed.errors else error
    return None


def _saved(membership: Membership, said: str) -> Response:
    return see(_path(membership), said=said)


def _again(
    request: Request, tx: Tx, membership: Membership, refusal: AppError, **forms: FormState
) -> Response:
    return answer(request, _page(request, tx, membership, **forms), status=status_of(refusal))


def _calendar(typed: _Typed) -> BusinessCalendar:
    periods: list[Period] = []
    for number, day in enumerate(WEEKDAYS):
        periods += typed.read(day.lower(), partial(typed_periods, number), ())
    no_days: frozenset[date] = frozenset()
    closed = typed.read("closed_days", partial(typed_dates, limit=CLOSED_DAYS_LIMIT), no_days)
    if typed.errors:
        raise Invalid
    return BusinessCalendar(
        time_zone=typed.text("time_zone"),
        periods=tuple(periods),
        country=typed.text("country").upper() or None,
        subdivision=typed.text("subdivision").upper() or None,
        closed_days=closed,
    )


def _promise(typed: _Typed, channel: Channel) -> Promise:
    minutes = {name: typed.read(f"{channel}_{name}", _whole_minutes, 1) for name in present.PROMISES}
    if typed.errors:
        raise Invalid
    return Promise(**minutes)


def _whole_minutes(text: str) -> int:
    seconds = typed_duration(text)
    if seconds % SECONDS_A_MINUTE:
        raise Invalid("These clocks count whole minutes.")
    return seconds // SECONDS_A_MINUTE


def _lease_plan(typed: _Typed, channel: Channel) -> LeasePlan:
    def within(name: str) -> Callable[[str], int]:
        least, most = present.lease_limits(channel, name)

        def parse(text: str) -> int:
            seconds = typed_duration(text)
            if not least <= seconds <= most:
                raise LeaseOutOfRange(f"From {present.lease_range(channel, name)}.")
            return seconds

        return parse

    return LeasePlan(**{name: typed.read(f"{channel}_{name}", within(name), 0) for name in present.LEASES})


def _ladder(typed: _Typed, current: Ladder, currency: str | None) -> Ladder:
    """`current` as the form changes it; how prices are raised is asked only where there is a wallet to pay it."""
    ladder = replace(
        current,
        notify_percent=typed.read("notify", _percent_or_off, None),
        widen_percent=typed.read("widen", _percent_or_off, None),
        give_back_percent=typed.read("give_back", _percent_or_off, None),
    )
    if currency is None:
        if typed.text("raise_at"):
            raise NoCurrencyYet
        return ladder
    return replace(
        ladder,
        raise_percent=typed.read("raise_at", _percent_or_off, None),
        raise_every_percent=typed.read("raise_every", _percent, current.raise_every_percent),
        raise_step_basis_points=typed.read("raise_step", _points, current.raise_step_basis_points),
        raise_cap_basis_points=typed.read("raise_cap", _points, current.raise_cap_basis_points),
        daily_budget_minor=typed.read("budget", partial(_budget, currency), 0),
    )


def _budget(currency: str, text: str) -> int:
    return typed_amount(text, currency=currency).amount_minor if text else 0


def _points(text: str) -> int:
    return BASIS_POINTS_A_PERCENT * _percent(text)


def _percent_or_off(text: str) -> int | None:
    return _percent(text) if text else None


def _percent(text: str) -> int:
    digits = text.removesuffix("%").strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) > DIGITS_MAX:
        raise UnreadablePercent
    return int(digits)


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    calendar_form: FormState = EMPTY_FORM,
    clocks_form: FormState = EMPTY_FORM,
    leases_form: FormState = EMPTY_FORM,
    ladder_form: FormState = EMPTY_FORM,
) -> ServiceLevelsPage:
    brand, now = membership.brand, app_now(tx)
    calendar, promises = calendar_of(tx, brand), promises_of(tx, brand)
    currency = brand_card(tx, brand).currency
    plans = {channel: lease_plan_of(tx, brand, channel) for channel in Channel}
    return ServiceLevelsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, SECTION),
        previews=present.previews(calendar, promises, now=now),
        days=present.days(calendar),
        time_zone=calendar.time_zone,
        time_zones=present.time_zones(),
        country=calendar.country or "",
        countries=present.holiday_countries(),
        subdivision=calendar.subdivision or "",
        closed_days=written_dates(calendar.closed_days),
        clocks=present.clock_fields(promises),
        leases=present.lease_fields(plans),
        ladder=present.ladder_fields(
            ladder_of(tx, brand), currency=currency, spent_minor=surge_spent_today(tx, brand=brand, now=now)
        ),
        calendar_form=calendar_form,
        clocks_form=clocks_form,
        leases_form=leases_form,
        ladder_form=ladder_form,
    )


def _path(membership: Membership) -> str:
    return f"{area_path(membership, 'control')}/{SECTION}"
