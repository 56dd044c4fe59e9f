"""A brand's funds beside its wallet: credit, what is owed, automatic top-up, invoices, and money back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from billing import auto_top_ups, wallet_refunds
from billing.funds_models import AutoTopUp, AutoTopUpState, BrandInvoice, WalletRefund
from billing.funds_queries import funds_of
from billing.invoices import left_of
from billing.reversals import FREEZES
from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.models import MemberRole
from marketplace.accounts.queries import addresses_of
from marketplace.accounts.queries import brand as brand_card
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope, Tx
from marketplace.kernel.errors import Conflict, NotFound
from marketplace.kernel.ids import BrandId
from marketplace.kernel.money import Money
from workers_ui.api.funds_schemas import (
    AutoTopUpIn,
    AutoTopUpOut,
    FundsOut,
    InvoiceOut,
    RefundIn,
    RefundOut,
    SavingPageOut,
)
from workers_ui.deps import HasServices, HasTx, RequestKey, by_key, by_key_before
from workers_ui.idempotency import once
from workers_ui.parts import PaymentsOff

router = APIRouter(tags=["wallet"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_WRITE))]


class NoAutoTopUp(NotFound):
    """Automatic top-up was never set up here."""


class NothingToSave(Conflict):
    """A method is saved already, or automatic top-up is off: there is no page to pay at."""


@router.get("/funds", response_model=FundsOut)
def read_funds(tx: HasTx, brand: Reads) -> FundsOut:
    """What there is besides the wallet, and what is owed."""
    currency = brand_card(tx, brand).currency
    if currency is None:
        return FundsOut(
            currency=None,
            promo_minor=0,
            owed_minor=0,
            credit_limit_minor=None,
            refundable_minor=0,
            frozen=False,
        )
    found = funds_of(tx, brand=brand, currency=currency, now=app_now(tx))
    return FundsOut(
        currency=currency,
        promo_minor=found.promo.amount_minor,
        owed_minor=found.owed.amount_minor,
        credit_limit_minor=found.line.limit_minor if found.line else None,
        refundable_minor=found.refundable.amount_minor,
        frozen=any(one.state in FREEZES for one in found.reversals),
    )


@router.get("/auto-top-up", response_model=AutoTopUpOut)
def read_auto_top_up(tx: HasTx, brand: Reads) -> AutoTopUpOut:
    return _auto(tx, brand)


@router.put("/auto-top-up", response_model=AutoTopUpOut)
def put_auto_top_up(body: AutoTopUpIn, tx: HasTx, brand: Writes) -> AutoTopUpOut:
    """What is wished from now on; it begins once a method is saved."""
    auto_top_ups.set_up(
        tx,
        brand=brand,
        threshold_minor=body.threshold_minor,
        amount=Money(amount_minor=body.amount_minor, currency=body.currency),
        monthly_limit_minor=body.monthly_limit_minor,
        person=None,
        now=app_now(tx),
    )
    return _auto(tx, brand)


@router.delete("/auto-top-up", status_code=204)
def delete_auto_top_up(tx: HasTx, brand: Writes) -> None:
    """Nothing is charged by itself any more, and the saved method is forgotten."""
    auto_top_ups.turn_off(tx, brand=brand, forget_method=True, now=app_now(tx))


@router.post("/auto-top-up/checkout", response_model=SavingPageOut)
def open_saving_page(
    having: HasServices, brand: Annotated[BrandId, Depends(by_key_before(ApiScope.WALLET_WRITE))]
) -> SavingPageOut:
    """The page where somebody pays the first top-up and so saves the method; again, it is the same page."""
    if having.funds is None:
        raise PaymentsOff
    with having.database.transaction(Scope(brand=brand)) as tx:
        row = tx.get(AutoTopUp, brand)
        owners = addresses_of(tx, brand=brand, roles=[MemberRole.OWNER])
    if row is None or row.state is not AutoTopUpState.AWAITING_METHOD or row.saving_top_up_id is None:
        raise NothingToSave
    url = auto_top_ups.open_saving_checkout(
        having.database,
        having.funds,
        brand=brand,
        top_up=row.saving_top_up_id,
        email=next(iter(owners), None),
        return_url=having.settings.base_url,
    )
    return SavingPageOut(checkout_url=url)


@router.get("/refunds", response_model=list[RefundOut])
def read_refunds(tx: HasTx, brand: Reads) -> list[dict[str, Any]]:
    """Money on its way back, newest first."""
    currency = brand_card(tx, brand).currency
    if currency is None:
        return []
    return [_refund(one) for one in funds_of(tx, brand=brand, currency=currency, now=app_now(tx)).refunds]


@router.post("/refunds", status_code=201, response_model=list[RefundOut])
def ask_refund(
    body: RefundIn, tx: HasTx, having: HasServices, brand: Writes, key: RequestKey = None
) -> list[dict[str, Any]]:
    """Free money goes back to the payments it came from: one refund each, newest first."""
    if having.funds is None:
        raise PaymentsOff
    environment = having.funds.environment

    def act() -> dict[str, Any]:
        asked = wallet_refunds.ask_refund(
            tx,
            brand=brand,
            amount_minor=body.amount_minor,
            person=None,
            environment=environment,
            now=app_now(tx),
        )
        rows = [tx.get_one(WalletRefund, (brand, one)) for one in asked]
        return {"refunds": [_refund(row) | {"asked_at": row.asked_at.isoformat()} for row in rows]}

    asked = ["refund", body.model_dump()]
    answered = once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)
    return list(answered["refunds"])


@router.get("/invoices", response_model=list[InvoiceOut])
def read_invoices(tx: HasTx, brand: Reads) -> list[dict[str, Any]]:
    """Invoices of the credit line, newest first."""
    currency = brand_card(tx, brand).currency
    if currency is None:
        return []
    return [_invoice(one) for one in funds_of(tx, brand=brand, currency=currency, now=app_now(tx)).invoices]


def _auto(tx: Tx, brand: BrandId) -> AutoTopUpOut:
    row = tx.get(AutoTopUp, brand)
    if row is None:
        raise NoAutoTopUp
    return AutoTopUpOut(
        state=row.state.value,
        currency=row.currency,
        threshold_minor=row.threshold_minor,
        amount_minor=row.amount_minor,
        monthly_limit_minor=row.monthly_limit_minor,
        charged_this_month_minor=auto_top_ups.charged_in_month(tx, brand=brand, now=app_now(tx)),
        has_saved_method=row.payment_method is not None,
        stopped_reason=row.stopped_reason,
    )


def _refund(row: WalletRefund) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "state": row.state.value,
        "failure": row.failure,
        "asked_at": row.asked_at,
    }


def _invoice(row: BrandInvoice) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "state": row.state.value,
        "amount_minor": row.amount_minor,
        "left_minor": left_of(row),
        "currency": row.currency,
        "due_at": row.due_on,
        "page_url": row.page_url,
    }
