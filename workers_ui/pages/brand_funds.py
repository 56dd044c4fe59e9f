"""What a brand does with its money beside topping up: let the wallet fill itself, and take free money back.

Handlers that speak to Stripe hold no transaction meanwhile: they open short ones of their own.
"""

from typing import Annotated, Any
from uuid import UUID, uuid4

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from billing import auto_top_ups, wallet_refunds
from billing.gateway import CallUnknown, CredentialsRefused
from marketplace.accounts.permissions import Permission
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership, Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.errors import AppError, Conflict, Invalid, Unavailable
from marketplace.kernel.ids import TopUpId
from workers_ui.deps import CheckedFormBefore, HasServices, IsSignedInBefore
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, once_per_form, refused
from workers_ui.pages.brand_wallet import ProviderSilent, as_brand, member, wallet_page
from workers_ui.parts import PaymentsOff
from workers_ui.presenters.values import EMPTY_FORM, FormState
from workers_ui.services import Services

router = APIRouter(prefix="/b/{slug}/wallet")

Typed = Annotated[str, Form(max_length=100)]
FormKey = Annotated[str, Form(max_length=KEY_LIMIT)]

log = structlog.get_logger()


class NoCurrencyYet(Conflict):
    """Top up once by hand first: it fixes your currency."""


@router.post("/auto-top-up", dependencies=[CheckedFormBefore])
def set_auto_top_up(
    slug: str,
    request: Request,
    having: HasServices,
    principal: IsSignedInBefore,
    threshold: Typed = "",
    amount: Typed = "",
    monthly_limit: Typed = "",
    idempotency_key: FormKey = "",
) -> Response:
    """With a saved method it holds at once; else the page opens on which the first payment saves one."""
    membership = member(principal, slug, Permission.MANAGE_WALLET)
    typed = {"threshold": threshold, "amount": amount, "monthly_limit": monthly_limit}
    try:
        saving = _wished(having, membership, principal, typed, idempotency_key or uuid4().hex)
        if saving is None:
            return see(area_path(membership, "wallet"), said="Automatic top-up is on.")
        return RedirectResponse(_saving_page(having, membership, principal, saving), status_code=303)
    except (Invalid, Conflict, Unavailable) as error:
        return _again(request, having, membership, error, auto_form=refused(typed, error))


@router.post("/auto-top-up/off", dependencies=[CheckedFormBefore])
def turn_auto_top_up_off(
    slug: str,
    having: HasServices,
    principal: IsSignedInBefore,
    forget: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    membership = member(principal, slug, Permission.MANAGE_WALLET)
    with as_brand(having.database, membership) as tx:
        auto_top_ups.turn_off(tx, brand=membership.brand, forget_method=forget == "yes", now=app_now(tx))
    forgot = " The saved method is removed." if forget == "yes" else ""
    return see(area_path(membership, "wallet"), said=f"Automatic top-up is off.{forgot}")


@router.post("/refunds", dependencies=[CheckedFormBefore])
def ask_refund(
    slug: str,
    request: Request,
    having: HasServices,
    principal: IsSignedInBefore,
    amount: Typed = "",
    idempotency_key: FormKey = "",
) -> Response:
    """Free money goes back to the payments it came from, newest first."""
    membership = member(principal, slug, Permission.MANAGE_WALLET)
    typed = {"amount": amount}
    try:
        if having.funds is None:
            raise PaymentsOff
        with as_brand(having.database, membership) as tx:
            currency = brand_card(tx, membership.brand).currency
            if currency is None:
                raise NoCurrencyYet
            wanted = typed_amount(amount, currency=currency)
            environment = having.funds.environment

            def act() -> dict[str, Any]:
                asked = wallet_refunds.ask_refund(
                    tx,
                    brand=membership.brand,
                    amount_minor=wanted.amount_minor,
                    person=principal.person,
                    environment=environment,
                    now=app_now(tx),
                )
                return {"refunds": [str(one) for one in asked]}

            asked_for = ["refund", membership.slug, wanted.amount_minor]
            once_per_form(tx, principal, key=idempotency_key or uuid4().hex, asked=asked_for, act=act)
    except (Invalid, Conflict, Unavailable) as error:
        return _again(request, having, membership, error, refund_form=refused(typed, error, field="amount"))
    return see(
        area_path(membership, "wallet"),
        said="Asked for. It goes back to where it came from; banks take up to ten days.",
    )


def _wished(
    having: Services, membership: Membership, principal: Principal, typed: dict[str, str], key: str
) -> TopUpId | None:
    """What the form asks for, written down once however often it is sent."""
    if having.funds is None:
        raise PaymentsOff
    with as_brand(having.database, membership) as tx:
        currency = brand_card(tx, membership.brand).currency
        if currency is None:
            raise NoCurrencyYet
        amounts = {name: typed_amount(text, currency=currency) for name, text in typed.items()}

        def act() -> dict[str, Any]:
            saving = auto_top_ups.set_up(
                tx,
                brand=membership.brand,
                threshold_minor=amounts["threshold"].amount_minor,
                amount=amounts["amount"],
                monthly_limit_minor=amounts["monthly_limit"].amount_minor,
                person=principal.person,
                now=app_now(tx),
            )
            return {"top_up": str(saving) if saving else ""}

        asked = ["auto_top_up", membership.slug, *(one.amount_minor for one in amounts.values())]
        stored = once_per_form(tx, principal, key=key, asked=asked, act=act)
    return TopUpId(UUID(stored["top_up"])) if stored["top_up"] else None


def _saving_page(having: Services, membership: Membership, principal: Principal, top_up: TopUpId) -> str:
    """The address of the page that saves the method. Raises PaymentsOff, ProviderSilent, CallRejected."""
    if having.funds is None:
        raise PaymentsOff
    back = f"{having.settings.base_url}{area_path(membership, 'wallet')}?top_up={top_up}"
    try:
        return auto_top_ups.open_saving_checkout(
            having.database,
            having.funds,
            brand=membership.brand,
            top_up=top_up,
            email=principal.email,
            return_url=back,
        )
    except CallUnknown as error:
        raise ProviderSilent from error
    except CredentialsRefused as error:
        log.error("auto_top_up.credentials_refused", top_up=str(top_up))
        raise PaymentsOff("The payment provider does not accept our key.") from error


def _again(
    request: Request,
    having: Services,
    membership: Membership,
    error: AppError,
    *,
    auto_form: FormState = EMPTY_FORM,
    refund_form: FormState = EMPTY_FORM,
) -> Response:
    with as_brand(having.database, membership) as tx:
        view = wallet_page(request, tx, membership, auto_form=auto_form, refund_form=refund_form)
    return answer(request, view, status=status_of(error))
