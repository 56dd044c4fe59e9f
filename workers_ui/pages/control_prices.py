"""The brand's price table: a category's total by language and hour, and new categories."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import PriceId
from marketplace.kernel.money import Money
from marketplace.tickets.categories import open_category
from marketplace.tickets.models import Terms
from marketplace.tickets.price_queries import PricedCell, priced_cells
from marketplace.tickets.prices import remove_price
from marketplace.tickets.terms import set_price
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.brand_wallet_views import fee_percent
from workers_ui.pages.control_forms import (
    Amount,
    NoCurrencyYet,
    Prices,
    Short,
    category_choices,
    typed_hours,
    typed_money,
)
from workers_ui.presenters import sharing as views
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.values import EMPTY_FORM, Action, FormState

router = APIRouter()

SECTION = "prices"


@router.get("/b/{slug}/control/prices")
def read_prices(request: Request, tx: HasTx, membership: Prices) -> HTMLResponse:
    return answer(request, _page(request, tx, membership))


@router.post("/b/{slug}/control/prices", dependencies=[CheckedForm])
def change_price(
    request: Request,
    tx: HasTx,
    membership: Prices,
    principal: IsSignedIn,
    category: Short = "",
    language: Short = "",
    from_hour: Short = "",
    to_hour: Short = "",
    total: Amount = "",
) -> Response:
    """A new version of what a cell costs; posted tickets keep the version they have."""
    try:
        set_price(
            tx,
            brand=membership.brand,
            category=category.replace("\0", ""),
            total=typed_money(total, brand_card(tx, membership.brand).currency),
            author=principal.person,
            now=app_now(tx),
            language=language,
            hours=typed_hours(from_hour, to_hour),
        )
    except (Invalid, Conflict) as error:
        typed = {
            "category": category,
            "language": language,
            "from_hour": from_hour,
            "to_hour": to_hour,
            "total": total,
        }
        view = _page(request, tx, membership, price_form=refused(typed, error))
        return answer(request, view, status=status_of(error))
    return see(_path(membership), said="The new price holds for tickets that open from now on.")


@router.post("/b/{slug}/control/prices/{price}/removal", dependencies=[CheckedForm])
def remove(request: Request, tx: HasTx, membership: Prices, price: str) -> Response:
    """The cell goes; tickets that opened under it keep its terms."""
    try:
        remove_price(tx, brand=membership.brand, price=PriceId(as_uuid(price)))
    except Conflict as error:
        view = _page(request, tx, membership, price_form=refused({}, error))
        return answer(request, view, status=status_of(error))
    return see(_path(membership), said="The price is gone. Tickets that opened under it keep it.")


@router.post("/b/{slug}/control/prices/categories", dependencies=[CheckedForm])
def add_category(
    request: Request,
    tx: HasTx,
    membership: Prices,
    principal: IsSignedIn,
    name: Annotated[str, Form(max_length=1_000)] = "",
    total: Amount = "",
) -> Response:
    """A new category, with a price of its own if one is given."""
    try:
        with tx.begin_nested():
            plan = open_category(tx, brand=membership.brand, name=name)
            if total.strip():
                set_price(
                    tx,
                    brand=membership.brand,
                    category=plan.key,
                    total=typed_money(total, brand_card(tx, membership.brand).currency),
                    author=principal.person,
                    now=app_now(tx),
                )
    except (Invalid, Conflict) as error:
        form = refused({"name": name, "total": total}, error)
        view = _page(request, tx, membership, category_form=form)
        return answer(request, view, status=status_of(error))
    return see(_path(membership), said=f"The category “{plan.name}” is added.")


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    price_form: FormState = EMPTY_FORM,
    category_form: FormState = EMPTY_FORM,
) -> views.PricesPage:
    brand, card = membership.brand, brand_card(tx, membership.brand)
    cells, categories = priced_cells(tx, brand=brand), category_choices(tx, brand)
    priced = {cell.category for cell in cells}
    return views.PricesPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        zone=card.time_zone,
        sections=control_sections(membership.slug, SECTION),
        cells=tuple(_row(cell, _path(membership)) for cell in cells),
        categories=categories,
        unpriced=tuple(one.label for one in categories if one.value not in priced),
        fee_percent=fee_percent(),
        currency=card.currency or "",
        hint="" if card.currency else NoCurrencyYet().detail,
        price_form=price_form,
        category_form=category_form,
    )


def _row(cell: PricedCell, path: str) -> views.CellRow:
    terms = cell.terms
    return views.CellRow(
        id=str(cell.id),
        category=cell.category,
        category_label=f"{cell.category_name} (default)" if cell.is_default else cell.category_name,
        language=cell.language,
        language_label=cell.language or views.ANY_LANGUAGE,
        from_hour=str(cell.hours[0]) if cell.hours else "",
        to_hour=str(cell.hours[1]) if cell.hours else "",
        hours_label=views.hours_label(cell.hours),
        total=_money(terms, terms.total_minor),
        pay=_money(terms, terms.pay_minor),
        fee=_money(terms, terms.fee_minor),
        escalation_fee=_money(terms, terms.escalation_fee_minor),
        version=terms.version,
        since=terms.created_at,
        removal=None if cell.is_base else Action(href=f"{path}/{cell.id}/removal", label="Remove"),
    )


def _money(terms: Terms, amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency=terms.currency)


def _path(membership: Membership) -> str:
    return f"{area_path(membership, 'control')}/{SECTION}"
