"""The brand's wallet and its top-ups at Stripe.

Handlers that speak to Stripe hold no transaction meanwhile: they open short ones of their own.
"""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID, uuid4

import structlog
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from billing import brand_queries, top_ups
from billing.accounts import reserved, wallet
from billing.funds_queries import funds_of, spend_by_category
from billing.gateway import CallUnknown, CredentialsRefused
from billing.ledger import balance
from marketplace.accounts.permissions import Permission, allowed, require_at_brand
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership, Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import Conflict, Invalid, Unavailable
from marketplace.kernel.ids import TopUpId
from marketplace.tickets import queries
from marketplace.tickets.counts import count_by_state
from marketplace.tickets.models import TicketState
from marketplace.tickets.price_queries import own_terms
from workers_ui.deps import (
    CheckedFormBefore,
    HasServices,
    IsSignedInBefore,
    as_uuid,
)
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages import brand_wallet_views as present
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.brand_funds_views import funds_part
from workers_ui.pages.brand_scope import area_path, frame_for, once_per_form, pager, refused
from workers_ui.parts import PaymentsOff
from workers_ui.presenters.brand import WalletPage
from workers_ui.presenters.values import EMPTY_FORM, FormState, Notice
from workers_ui.services import Services

router = APIRouter()

Amount = Annotated[str, Form(max_length=100)]

log = structlog.get_logger()


class ProviderSilent(Unavailable):
    """The payment provider did not answer. Nothing is charged; send the form again."""


@router.get("/b/{slug}/wallet")
def read_wallet(
    slug: str,
    request: Request,
    having: HasServices,
    principal: IsSignedInBefore,
    top_up: Annotated[str, Query(max_length=60)] = "",
    page: Annotated[int, Query(ge=1, le=brand_queries.DEEPEST_PAGE)] = 1,
) -> HTMLResponse:
    """The wallet; with `top_up` (the way back from the payment page) that payment is looked up first."""
    membership = member(principal, slug, Permission.VIEW_WALLET)
    notice = _settled(having, membership, TopUpId(as_uuid(top_up))) if top_up else None
    with as_brand(having.database, membership) as tx:
        view = wallet_page(request, tx, membership, page=page)
    if notice is not None:
        view = replace(view, frame=replace(view.frame, notices=(*view.frame.notices, notice)))
    return answer(request, view)


@router.post("/b/{slug}/wallet/top-ups", dependencies=[CheckedFormBefore])
def start_top_up(
    slug: str,
    request: Request,
    having: HasServices,
    principal: IsSignedInBefore,
    amount: Amount = "",
    currency: Annotated[str, Form(max_length=10)] = "",
    idempotency_key: Annotated[str, Form(max_length=KEY_LIMIT)] = "",
) -> Response:
    """Write the wish down, open its payment page, and go there."""
    membership = member(principal, slug, Permission.MANAGE_WALLET)
    typed, key = {"amount": amount, "currency": currency}, idempotency_key or uuid4().hex
    try:
        wanted = _asked(having.database, membership, principal, typed, key)
        return RedirectResponse(_checkout(having, membership, wanted), status_code=303)
    except (Invalid, Conflict, Unavailable) as error:
        # Only where the provider was silent is the same wish sent again; else the next try is a new one.
        again = key if isinstance(error, ProviderSilent) else uuid4().hex
        status = status_of(error)
        form = refused(typed, error, field="amount" if isinstance(error, Invalid) else "")
    with as_brand(having.database, membership) as tx:
        view = wallet_page(request, tx, membership, top_up_form=form, key=again)
    return answer(request, view, status=status)


def member(principal: Principal, slug: str, permission: Permission) -> Membership:
    """As `at_brand` does, where no transaction may stay open."""
    membership = principal.membership(slug)
    require_at_brand(membership.role if membership else None, permission)
    assert membership is not None
    return membership


def as_brand(database: Database, membership: Membership) -> AbstractContextManager[Tx]:
    return database.transaction(Scope(brand=membership.brand))


def _settled(having: Services, membership: Membership, top_up: TopUpId) -> Notice:
    """Ask Stripe about a payment, with nothing open; the background asks again if it does not say."""
    if having.gateway is not None:
        try:
            top_ups.settle(having.database, having.gateway, brand=membership.brand, top_up=top_up)
        except CredentialsRefused:
            log.error("top_up.credentials_refused", top_up=str(top_up))
    with as_brand(having.database, membership) as tx:
        return present.returned(brand_queries.top_up(tx, brand=membership.brand, top_up_id=top_up))


def _asked(
    database: Database, membership: Membership, principal: Principal, typed: dict[str, str], key: str
) -> TopUpId:
    """The top-up that this form asks for, written down once however often it is sent."""
    with as_brand(database, membership) as tx:
        currency = brand_card(tx, membership.brand).currency or _chosen_currency(typed["currency"])
        amount = typed_amount(typed["amount"], currency=currency)

        def act() -> dict[str, Any]:
            wish = top_ups.ask_top_up(
                tx, brand=membership.brand, amount=amount, person=principal.person, now=app_now(tx)
            )
            return {"top_up": str(wish.id)}

        asked = ["top_up", membership.slug, amount.amount_minor, amount.currency]
        stored = once_per_form(tx, principal, key=key, asked=asked, act=act)
    return TopUpId(UUID(stored["top_up"]))


def _chosen_currency(text: str) -> str:
    if text not in {choice.value for choice in present.CURRENCIES}:
        raise Invalid("Choose a currency from the list.")
    return text


def _checkout(having: Services, membership: Membership, top_up: TopUpId) -> str:
    """The address of the payment page. Raises PaymentsOff, ProviderSilent, CallRejected."""
    if having.gateway is None:
        raise PaymentsOff
    back = f"{having.settings.base_url}{area_path(membership, 'wallet')}?top_up={top_up}"
    try:
        return top_ups.open_checkout(
            having.database, having.gateway, brand=membership.brand, top_up=top_up, return_url=back
        )
    except CallUnknown as error:
        raise ProviderSilent from error
    except CredentialsRefused as error:
        log.error("top_up.credentials_refused", top_up=str(top_up))
        raise PaymentsOff(
            "The payment provider does not accept our key. Its operator has to replace it."
        ) from error


def wallet_page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    page: int = 1,
    key: str = "",
    top_up_form: FormState = EMPTY_FORM,
    auto_form: FormState = EMPTY_FORM,
    refund_form: FormState = EMPTY_FORM,
) -> WalletPage:
    """The page as it is now, with what a refused form held."""
    brand, card = membership.brand, brand_card(tx, membership.brand)
    currency = card.currency or present.CURRENCIES[0].value
    moved = brand_queries.wallet_movements(tx, brand=brand, currency=currency, page=page)
    now = app_now(tx)
    since = brand_queries.month_start(now, card.time_zone)
    base = area_path(membership, "wallet")
    return WalletPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        balance=balance(tx, wallet(brand), currency=currency),
        reserved=balance(tx, reserved(brand), currency=currency),
        spent_this_month=brand_queries.spent_since(tx, brand=brand, currency=currency, since=since),
        movements=tuple(present.movement(one) for one in moved.movements),
        prices=present.price_rows(queries.categories(tx, brand), own_terms(tx, brand=brand)),
        idempotency_key=key or uuid4().hex,
        fee_percent=present.fee_percent(),
        can_top_up=allowed(membership.role, Permission.MANAGE_WALLET),
        prices_href=_prices_href(membership),
        currencies=() if card.currency else present.CURRENCIES,
        awaiting_funds=count_by_state(tx, brand=brand).get(TicketState.AWAITING_FUNDS, 0),
        top_up_form=top_up_form,
        funds=funds_part(
            funds_of(tx, brand=brand, currency=currency, now=now),
            spend_by_category(tx, brand=brand, currency=currency, since=since),
            currency=card.currency,
            auto_form=auto_form,
            refund_form=refund_form,
        ),
        pager=pager(
            f"{base}?page=",
            page=page,
            has_more=moved.has_more,
            first=(page - 1) * brand_queries.PAGE_ROWS + 1,
            shown=len(moved.movements),
        ),
    )


def _prices_href(membership: Membership) -> str:
    """Where this member changes prices; empty for whom they are only shown."""
    may_price = allowed(membership.role, Permission.MANAGE_PRICES)
    return f"{area_path(membership, 'control')}/prices" if may_price else ""
