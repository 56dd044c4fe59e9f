"""Who a brand is at Stripe: made once, when it first saves a payment method or is invoiced."""

import hashlib

from billing.funds_models import BrandCustomer
from billing.funds_port import FundsPort
from marketplace.accounts.models import Brand
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import BrandId


def customer_of(
    database: Database, port: FundsPort, *, brand: BrandId, email: str | None, scope: Scope
) -> str:
    """The brand's customer at Stripe, made when there is none; with nothing open. Raises what the port raises.

    Two that are made at once are one: the key is the brand's own.
    """
    with database.transaction(scope) as tx:
        known = tx.get(BrandCustomer, brand)
        name = tx.get_one(Brand, brand).name
    if known is not None:
        return known.customer
    customer = port.create_customer(
        brand_ref=str(brand), name=name, email=email, key=f"customer:{brand}:{_digest(name, email or '')}"
    )
    with database.transaction(scope) as tx:
        tx.merge(BrandCustomer(brand_id=brand, customer=customer, created_at=app_now(tx)))
    return customer


def address(database: Database, port: FundsPort, *, brand: BrandId, customer: str, email: str) -> None:
    """Let invoices go to `email`."""
    with database.transaction() as tx:
        name = tx.get_one(Brand, brand).name
    key = f"address:{customer}:{_digest(name, email)}"
    port.address_customer(customer=customer, name=name, email=email, key=key)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
