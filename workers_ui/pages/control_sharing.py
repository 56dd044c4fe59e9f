"""The share dial and the spend caps of a brand."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from billing import spend
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import ShareRuleId
from marketplace.kernel.money import Money
from marketplace.tickets import sharing
from marketplace.tickets.control_models import ShareRule
from marketplace.tickets.dial import EVERYTHING
from marketplace.tickets.hours import Window
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.control_forms import (
    Amount,
    Controls,
    Short,
    category_choices,
    typed_hours,
    typed_money,
    typed_percent,
)
from workers_ui.presenters import sharing as views
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.values import EMPTY_FORM, Action, Choice, FormState
from workers_ui.templating import decimal_input

router = APIRouter()

SECTION = "sharing"
EVERY_CATEGORY = "All categories"
STEPS = (10, 25, 50, 75)
NEXT_TICKET = "It holds from the next ticket on."


@router.get("/b/{slug}/control/sharing")
def read_sharing(request: Request, tx: HasTx, membership: Controls) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/control/sharing/rules", dependencies=[CheckedForm])
def set_rule(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    percent: Short = "",
    category: Short = "",
    from_hour: Short = "",
    to_hour: Short = "",
) -> Response:
    """Turn the dial: for all tickets, or for a category, or for some hours."""
    try:
        rule = sharing.set_share_rule(
            tx,
            brand=membership.brand,
            percent=typed_percent(percent),
            category=category.replace("\0", "") or None,
            hours=typed_hours(from_hour, to_hour),
            author=principal.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        typed = {"percent": percent, "category": category, "from_hour": from_hour, "to_hour": to_hour}
        view = _page(request, tx, membership, dial_form=refused(typed, error))
        return answer(request, view, status=status_of(error))
    return see(_path(membership), said=f"The dial stands at {rule.percent} %. {NEXT_TICKET}")


@router.post("/b/{slug}/control/sharing/rules/{rule}/removal", dependencies=[CheckedForm])
def remove_rule(tx: HasTx, membership: Controls, rule: str) -> Response:
    sharing.remove_share_rule(tx, brand=membership.brand, rule=ShareRuleId(as_uuid(rule)))
    return see(_path(membership), said="The rule is gone. The wider one holds from the next ticket on.")


@router.post("/b/{slug}/control/sharing/caps", dependencies=[CheckedForm])
def set_caps(
    request: Request, tx: HasTx, membership: Controls, per_day: Amount = "", per_month: Amount = ""
) -> Response:
    """Cap what a day and a month may commit; an empty field is no cap."""
    currency = brand_card(tx, membership.brand).currency
    try:
        day, month = (
            typed_money(text, currency).amount_minor if text.strip() else None
            for text in (per_day, per_month)
        )
        spend.set_caps(tx, brand=membership.brand, per_day_minor=day, per_month_minor=month, now=app_now(tx))
    except (Invalid, Conflict) as error:
        form = refused({"per_day": per_day, "per_month": per_month}, error)
        return answer(request, _page(request, tx, membership, caps_form=form), status=status_of(error))
    return see(_path(membership), said="The caps hold from the next ticket on.")


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    dial_form: FormState = EMPTY_FORM,
    caps_form: FormState = EMPTY_FORM,
) -> views.SharingPage:
    brand, card = membership.brand, brand_card(tx, membership.brand)
    categories = category_choices(tx, brand)
    seen = sharing.preview(tx, brand=brand, steps=STEPS)
    caps = _caps(tx, membership, card.currency) if card.currency else ()
    return views.SharingPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        zone=card.time_zone,
        sections=control_sections(membership.slug, SECTION),
        rules=_rows(sharing.share_rules(tx, brand=brand), categories, _path(membership)),
        categories=categories,
        looked_at=seen.of,
        shared_now=seen.shared,
        ceiling=seen.ceiling,
        steps=tuple(
            views.DialStep(percent=percent, shared=shared) for percent, shared in seen.by_percent.items()
        ),
        caps=caps,
        currency=card.currency or "",
        dial_form=dial_form,
        caps_form=caps_form if caps_form.values else _standing(caps),
    )


def _rows(rules: Sequence[ShareRule], categories: tuple[Choice, ...], path: str) -> tuple[views.DialRow, ...]:
    """The rules, widest first; where no rule is for everything, the row that says so stands in its place."""
    names = {one.value: one.label for one in categories}
    rows = tuple(_row(rule, names, path) for rule in rules)
    if rows and not rows[0].category and not rows[0].from_hour:
        return rows
    return (_dial_row(category=None, hours=None, percent=EVERYTHING, names=names), *rows)


def _row(rule: ShareRule, names: dict[str, str], path: str) -> views.DialRow:
    whole = _dial_row(category=rule.category, hours=rule.hours, percent=rule.percent, names=names)
    removal = Action(href=f"{path}/rules/{rule.id}/removal", label="Remove")
    return replace(whole, set_at=rule.set_at, removal=removal)


def _dial_row(
    *, category: str | None, hours: Window | None, percent: int, names: dict[str, str]
) -> views.DialRow:
    return views.DialRow(
        category=category or "",
        category_label=names.get(category, category) if category else EVERY_CATEGORY,
        hours_label=views.hours_label(hours),
        from_hour=str(hours[0]) if hours else "",
        to_hour=str(hours[1]) if hours else "",
        percent=percent,
    )


def _caps(tx: Tx, membership: Membership, currency: str) -> tuple[views.Cap, ...]:
    told = spend.spending(tx, brand=membership.brand, now=app_now(tx))

    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=currency)

    return tuple(
        views.Cap(label=label, used=money(used), cap=None if cap is None else money(cap))
        for label, used, cap in (
            ("Today", told.day_minor, told.per_day_minor),
            ("This month", told.month_minor, told.per_month_minor),
        )
    )


def _standing(caps: tuple[views.Cap, ...]) -> FormState:
    """The form as the caps stand."""
    if not caps:
        return EMPTY_FORM
    day, month = (decimal_input(one.cap) if one.cap else "" for one in caps)
    return FormState(values={"per_day": day, "per_month": month})


def _path(membership: Membership) -> str:
    return f"{area_path(membership, 'control')}/{SECTION}"
