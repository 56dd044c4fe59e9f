"""A brand's wallet and prices."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from billing import top_ups
from billing.accounts import reserved, wallet
from billing.ledger import balance
from billing.models import TopUp
from billing.top_ups import TopUpNotFound, ask_top_up
from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.queries import brand as brand_card
from marketplace.kernel.clock import app_now
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, TopUpId
from marketplace.kernel.money import Money
from marketplace.tickets.terms import set_price
from workers_ui.api.schemas import PriceIn, PriceOut, TopUpIn, TopUpOut, WalletOut
from workers_ui.deps import HasServices, HasTx, by_key, by_key_before
from workers_ui.parts import PaymentsOff

router = APIRouter(tags=["wallet"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_WRITE))]


@router.get("/wallet", response_model=WalletOut)
def read_wallet(tx: HasTx, brand: Reads) -> WalletOut:
    """What is available, and what is reserved behind open tickets, in minor units."""
    currency = brand_card(tx, brand).currency
    if currency is None:
        return WalletOut(currency=None, available_minor=0, reserved_minor=0)
    return WalletOut(
        currency=currency,
        available_minor=balance(tx, wallet(brand), currency=currency).amount_minor,
        reserved_minor=balance(tx, reserved(brand), currency=currency).amount_minor,
    )


@router.post("/top-ups", status_code=201, response_model=TopUpOut)
def start_top_up(body: TopUpIn, tx: HasTx, brand: Writes) -> dict[str, object]:
    """Ask for a top-up; open its checkout by POST /top-ups/{id}/checkout."""
    row = ask_top_up(
        tx,
        brand=brand,
        amount=Money(amount_minor=body.amount_minor, currency=body.currency),
        person=None,
        now=app_now(tx),
    )
    return {"id": row.id, "state": row.state, "checkout_url": None}


@router.post("/top-ups/{top_up}/checkout", response_model=TopUpOut)
def open_checkout(
    top_up: UUID,
    having: HasServices,
    brand: Annotated[BrandId, Depends(by_key_before(ApiScope.WALLET_WRITE))],
) -> dict[str, object]:
    """The page where the brand pays."""
    if having.gateway is None:
        raise PaymentsOff
    url = top_ups.open_checkout(
        having.database,
        having.gateway,
        brand=brand,
        top_up=TopUpId(top_up),
        return_url=having.settings.base_url,
    )
    return {"id": top_up, "state": "open", "checkout_url": url}


@router.get("/top-ups/{top_up}", response_model=TopUpOut)
def read_top_up(top_up: UUID, tx: HasTx, brand: Reads) -> dict[str, object]:
    row = tx.get(TopUp, (brand, top_up))
    if row is None:
        raise TopUpNotFound
    return {"id": row.id, "state": row.state, "checkout_url": row.checkout_url}


@router.put("/prices/{category}", response_model=PriceOut)
def put_price(category: str, body: PriceIn, tx: HasTx, brand: Writes) -> dict[str, object]:
    """A new version of what a category costs. Posted tickets keep the version they have."""
    currency = brand_card(tx, brand).currency
    if currency is None:
        raise Conflict("Top up first: the first top-up fixes the brand's currency.")
    terms = set_price(
        tx,
        brand=brand,
        category=category,
        total=Money(amount_minor=body.total_minor, currency=currency),
        author=None,
        now=app_now(tx),
    )
    return {
        "category": terms.category,
        "version": terms.version,
        "total_minor": terms.total_minor,
        "pay_minor": terms.pay_minor,
        "fee_minor": terms.fee_minor,
        "currency": terms.currency,
    }
