"""The chart of accounts, by name. Fee and worker accounts are keyed by brand: no shared hot rows."""

from billing.ledger import Account
from marketplace.kernel.ids import BrandId, WorkerId

STRIPE_PENDING = Account(code="stripe_pending")
STRIPE_AVAILABLE = Account(code="stripe_available")
STRIPE_FEES = Account(code="stripe_fees")


def wallet(brand: BrandId) -> Account:
    """A brand's prepaid money that nothing is reserved against."""
    return Account(code="brand_wallet", brand=brand)


def reserved(brand: BrandId) -> Account:
    """A brand's money behind its open tickets."""
    return Account(code="brand_reserved", brand=brand)


def platform_fee(brand: BrandId) -> Account:
    return Account(code="platform_fee", brand=brand)


def pending(brand: BrandId, worker: WorkerId) -> Account:
    """Earned, and still inside its review window."""
    return Account(code="worker_pending", brand=brand, worker=worker)


def payable(brand: BrandId, worker: WorkerId) -> Account:
    """Earned for good: the next batch may pay it."""
    return Account(code="worker_payable", brand=brand, worker=worker)


def in_flight(worker: WorkerId) -> Account:
    """Handed to Stripe, and not yet answered for."""
    return Account(code="worker_in_flight", worker=worker)
