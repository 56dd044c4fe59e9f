"""A brand's wallet and prices."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from billing import top_ups
from billing.accounts import reserved, wallet
from billing.ledger import balance
from billing.models import TopUp
from billing.top_ups import TopUpNotFound, ask_top_up
from marketplace.accounts.api_keys import ApiScope
from marketplace.accounts.queries import brand as brand_card
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import BrandId, TopUpId
from marketplace.kernel.money import Money
from marketplace.tickets import price_queries
from marketplace.tickets.hours import Window, window_of
from marketplace.tickets.models import Terms
from marketplace.tickets.prices import NoSuchPrice, remove_price
from marketplace.tickets.terms import set_price
from workers_ui.api.schemas import Hour, LanguageTag, PriceIn, PriceOut, TopUpIn, TopUpOut, WalletOut
from workers_ui.deps import HasServices, HasTx, RequestKey, by_key, by_key_before
from workers_ui.idempotency import once
from workers_ui.parts import PaymentsOff

router = APIRouter(tags=["wallet"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.WALLET_WRITE))]
CategoryKey = Annotated[str, Path(max_length=100, pattern=r"^[^\x00]+$")]


class NoCurrencyYet(Conflict):
    """Top up first: the first top-up fixes the brand's currency, and prices are in it."""


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
def start_top_up(body: TopUpIn, tx: HasTx, brand: Writes, key: RequestKey = None) -> dict[str, object]:
    """Ask for a top-up, then POST to its /checkout for the page to pay at. The first fixes the currency."""

    def act() -> dict[str, Any]:
        amount = Money(amount_minor=body.amount_minor, currency=body.currency)
        return _top_up(ask_top_up(tx, brand=brand, amount=amount, person=None, now=app_now(tx)))

    asked = ["top_up", body.model_dump()]
    return once(tx, principal=f"brand:{brand}", key=key, asked=asked, now=app_now(tx), act=act)


@router.post("/top-ups/{top_up}/checkout", response_model=TopUpOut)
def open_checkout(
    top_up: UUID,
    having: HasServices,
    brand: Annotated[BrandId, Depends(by_key_before(ApiScope.WALLET_WRITE))],
) -> dict[str, object]:
    """The page where the brand pays; again, it is the same page."""
    if having.gateway is None:
        raise PaymentsOff
    top_ups.open_checkout(
        having.database,
        having.gateway,
        brand=brand,
        top_up=TopUpId(top_up),
        return_url=having.settings.base_url,
    )
    with having.database.transaction(Scope(brand=brand)) as tx:
        return _top_up(tx.get_one(TopUp, (brand, top_up)))


@router.get("/top-ups/{top_up}", response_model=TopUpOut)
def read_top_up(top_up: UUID, tx: HasTx, brand: Reads) -> dict[str, object]:
    row = tx.get(TopUp, (brand, top_up))
    if row is None:
        raise TopUpNotFound
    return _top_up(row)


@router.get("/prices", response_model=list[PriceOut])
def read_prices(tx: HasTx, brand: Reads) -> list[dict[str, object]]:
    """The price table: what tickets that open now cost, cell by cell."""
    return [
        _price(cell.terms, cell.language, cell.hours) for cell in price_queries.priced_cells(tx, brand=brand)
    ]


@router.put("/prices/{category}", response_model=PriceOut)
def put_price(category: CategoryKey, body: PriceIn, tx: HasTx, brand: Writes) -> dict[str, object]:
    """A new version of what a category costs, in a language and at hours if given. Posted tickets keep theirs."""
    currency = brand_card(tx, brand).currency
    if currency is None:
        raise NoCurrencyYet
    hours = window_of(body.from_hour, body.to_hour)
    terms = set_price(
        tx,
        brand=brand,
        category=category,
        total=Money(amount_minor=body.total_minor, currency=currency),
        author=None,
        now=app_now(tx),
        language=body.language,
        hours=hours,
    )
    return _price(terms, body.language.strip().lower(), hours)


@router.delete("/prices/{category}", status_code=204)
def delete_price(
    category: CategoryKey,
    tx: HasTx,
    brand: Writes,
    language: LanguageTag = "",
    from_hour: Hour | None = None,
    to_hour: Hour | None = None,
) -> None:
    """Take one cell out of the table; tickets that opened under it keep its terms."""
    hours = window_of(from_hour, to_hour)
    for cell in price_queries.priced_cells(tx, brand=brand):
        if (cell.category, cell.language, cell.hours) == (category, language.lower(), hours):
            remove_price(tx, brand=brand, price=cell.id)
            return
    raise NoSuchPrice


def _price(terms: Terms, language: str, hours: Window | None) -> dict[str, object]:
    from_hour, to_hour = hours or (None, None)
    return {
        "category": terms.category,
        "language": language,
        "from_hour": from_hour,
        "to_hour": to_hour,
        "version": terms.version,
        "total_minor": terms.total_minor,
        "pay_minor": terms.pay_minor,
        "fee_minor": terms.fee_minor,
        "currency": terms.currency,
    }


def _top_up(row: TopUp) -> dict[str, Any]:
    return {"id": str(row.id), "state": row.state.value, "checkout_url": row.checkout_url}
