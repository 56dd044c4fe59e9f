"""Which of a brand's money pays, and where what is left returns: pure sums, in minor units."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What a brand has: promo credit, its wallet, and what its credit line still allows."""

    promo_minor: int
    wallet_minor: int
    credit_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What one reservation takes. `drawn_minor` comes from the credit line into the wallet, and `wallet_minor` out of
    it."""

    promo_minor: int
    wallet_minor: int
    drawn_minor: int


def sources_of(amount_minor: int, funds: Funds) -> Sources | None:
    """Promo credit first, then the wallet, then the credit line; None when all of it is not enough."""
    promo = min(amount_minor, funds.promo_minor)
    rest = amount_minor - promo
    drawn = max(0, rest - funds.wallet_minor)
    if drawn > funds.credit_minor:
        return None
    return Sources(promo_minor=promo, wallet_minor=rest, drawn_minor=drawn)


def unspent_promo(promo_minor: int, *, spent_minor: int) -> int:
    """What returns of the promo credit behind a ticket of which `spent_minor` stays spent: it is spent first."""
    return max(0, promo_minor - spent_minor)


def against_debt(amount_minor: int, *, owed_minor: int) -> tuple[int, int]:
    """Money that arrives, as what settles a debt and what is left over."""
    settles = min(amount_minor, owed_minor)
    return settles, amount_minor - settles
