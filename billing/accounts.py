"""The chart of accounts, by name. Fee and worker accounts are keyed by brand: no shared hot rows."""

from billing.ledger import Account
from marketplace.kernel.ids import BrandId, WorkerId

# Where money is.
STRIPE_PENDING = Account(code="stripe_pending")
STRIPE_AVAILABLE = Account(code="stripe_available")
STRIPE_RESERVE = Account(code="stripe_reserve")
BANK = Account(code="bank")
SUSPENSE = Account(code="suspense_stripe")

# What it costs the platform.
STRIPE_FEES = Account(code="stripe_fees")
DISPUTE_LOSS = Account(code="dispute_loss")
BAD_DEBT_BRAND = Account(code="bad_debt_brand")
BAD_DEBT_WORKER = Account(code="bad_debt_worker")
FEE_DISCOUNT = Account(code="fee_discount")
INCENTIVES = Account(code="incentive_expense")

UNCLAIMED = Account(code="unclaimed_property")


def wallet(brand: BrandId) -> Account:
    """A brand's prepaid money that nothing is reserved against."""
    return Account(code="brand_wallet", brand=brand)


def promo(brand: BrandId) -> Account:
    """Credit given to a brand: spent before its wallet, never refunded."""
    return Account(code="brand_promo", brand=brand)


def reserved(brand: BrandId) -> Account:
    """A brand's money behind its open tickets."""
    return Account(code="brand_reserved", brand=brand)


def owed_by_brand(brand: BrandId) -> Account:
    """What a brand owes: its credit line in use, and money that was taken back after it was spent."""
    return Account(code="brand_receivable", brand=brand)


def platform_fee(brand: BrandId) -> Account:
    return Account(code="platform_fee", brand=brand)


def pending(brand: BrandId, worker: WorkerId) -> Account:
    """Earned, and still inside its review window."""
    return Account(code="worker_pending", brand=brand, worker=worker)


def held(brand: BrandId, worker: WorkerId) -> Account:
    """Earned, and kept where it is while somebody looks at it."""
    return Account(code="worker_held", brand=brand, worker=worker)


def payable(brand: BrandId, worker: WorkerId) -> Account:
    """Earned for good: the next batch may pay it."""
    return Account(code="worker_payable", brand=brand, worker=worker)


def in_flight(worker: WorkerId) -> Account:
    """Handed to Stripe, and not yet answered for."""
    return Account(code="worker_in_flight", worker=worker)


def owed_by_worker(worker: WorkerId) -> Account:
    """Paid out and taken back since: the next payouts net it."""
    return Account(code="worker_receivable", worker=worker)


def store_credit(worker: WorkerId) -> Account:
    """Bonuses a worker chose to take as credit. Pay is never credit."""
    return Account(code="worker_credit", worker=worker)
