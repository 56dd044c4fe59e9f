"""How a brand's own systems turn its share dial and cap its spending."""

from typing import Annotated

from fastapi import APIRouter, Depends

from billing import spend
from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId
from marketplace.tickets import sharing
from marketplace.tickets.dial import DialRule
from marketplace.tickets.hours import window_of
from workers_ui.api.schemas import SharingIn, SharingOut, SpendCapIn, SpendCapOut
from workers_ui.deps import HasTx, by_key

router = APIRouter(tags=["control"])

Reads = Annotated[BrandId, Depends(by_key(ApiScope.SHARING_READ))]
Writes = Annotated[BrandId, Depends(by_key(ApiScope.SHARING_WRITE))]


@router.get("/sharing", response_model=SharingOut)
def read_sharing(tx: HasTx, brand: Reads) -> dict[str, object]:
    """The share dial, widest rule first; without a rule, everything is shared."""
    return _sharing(tx, brand)


@router.put("/sharing", response_model=SharingOut)
def put_sharing(body: SharingIn, tx: HasTx, brand: Writes) -> dict[str, object]:
    """The whole dial anew; it takes the very next ticket. No rules at all: everything is shared."""
    rules = [
        DialRule(
            category=rule.category,
            hours=window_of(rule.from_hour, rule.to_hour),
            percent=rule.percent,
        )
        for rule in body.rules
    ]
    sharing.replace_share_rules(tx, brand=brand, rules=rules, author=None, now=app_now(tx))
    return _sharing(tx, brand)


@router.get("/spend-cap", response_model=SpendCapOut)
def read_spend_cap(tx: HasTx, brand: Reads) -> dict[str, object]:
    """The caps, and what the brand's running day and month have committed, in minor units."""
    return _spending(tx, brand)


@router.put("/spend-cap", response_model=SpendCapOut)
def put_spend_cap(body: SpendCapIn, tx: HasTx, brand: Writes) -> dict[str, object]:
    """Cap what is committed from now on; tickets over a cap wait, unseen, until there is room."""
    spend.set_caps(
        tx,
        brand=brand,
        per_day_minor=body.per_day_minor,
        per_month_minor=body.per_month_minor,
        now=app_now(tx),
    )
    return _spending(tx, brand)


def _sharing(tx: Tx, brand: BrandId) -> dict[str, object]:
    seen = sharing.preview(tx, brand=brand)
    rules = [
        {
            "percent": rule.percent,
            "category": rule.category,
            "from_hour": rule.from_hour,
            "to_hour": rule.to_hour,
        }
        for rule in sharing.share_rules(tx, brand=brand)
    ]
    return {"rules": rules, "last_tickets": seen.of, "last_tickets_shared": seen.shared}


def _spending(tx: Tx, brand: BrandId) -> dict[str, object]:
    told = spend.spending(tx, brand=brand, now=app_now(tx))
    return {
        "per_day_minor": told.per_day_minor,
        "per_month_minor": told.per_month_minor,
        "committed_today_minor": told.day_minor,
        "committed_this_month_minor": told.month_minor,
    }
