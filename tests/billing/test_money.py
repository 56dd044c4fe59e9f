"""Money: whole minor units, exact parts, one currency at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payout_rules import minimum_payout_minor
from marketplace.kernel.money import BASIS_POINTS, CurrencyMismatch, Money, exponent, step
from tests.builders import usd

amounts = st.integers(min_value=0, max_value=10**15)
basis_points = st.integers(min_value=0, max_value=BASIS_POINTS)
weights = st.lists(st.integers(min_value=0, max_value=BASIS_POINTS), min_size=1, max_size=9).filter(sum)


currencies = st.sampled_from(["usd", "jpy", "kwd", "huf", "ugx"])


@given(steps=amounts, currency=currencies, fee_points=basis_points, tax_points=basis_points, workers=weights)
def test_case_42_a_price_splits_into_fee_tax_and_pay_that_sum_to_it(
    steps: int, currency: str, fee_points: int, tax_points: int, workers: list[int]
) -> None:
    unit = step(currency)
    total = Money(amount_minor=steps * unit, currency=currency)
    fee = total.share(fee_points)
    tax = (total - fee).share(tax_points)
    parts = (total - fee - tax).split(workers)
    together = [part.amount_minor for part in (fee, tax, *parts)]
    assert sum(together) == total.amount_minor
    assert min(together) >= 0
    assert abs(fee.amount_minor * BASIS_POINTS - total.amount_minor * fee_points) * 2 <= unit * BASIS_POINTS
    assert all(part.can_be_paid for part in (fee, tax, *parts))


@given(amount=amounts, shares=weights)
def test_parts_sum_to_the_whole_and_are_within_a_unit_of_exact(amount: int, shares: list[int]) -> None:
    parts = [part.amount_minor for part in usd(amount).split(shares)]
    assert sum(parts) == amount
    assert min(parts) >= 0
    total = sum(shares)
    assert all(abs(part * total - amount * share) < total for part, share in zip(parts, shares, strict=True))


@given(amount=amounts, shares=weights)
def test_a_weight_of_nothing_gets_nothing(amount: int, shares: list[int]) -> None:
    parts = usd(amount).split([*shares, 0])
    assert parts[-1] == usd(0)


@given(amount=amounts, points=basis_points)
def test_a_share_is_within_half_a_unit_and_leaves_the_rest(amount: int, points: int) -> None:
    share = usd(amount).share(points)
    assert abs(share.amount_minor * BASIS_POINTS - amount * points) * 2 <= BASIS_POINTS
    assert usd(0).amount_minor <= share.amount_minor <= amount
    assert share + (usd(amount) - share) == usd(amount)


@given(amount=amounts, fee=basis_points, escalation=basis_points)
def test_an_escalation_never_costs_more_than_the_ticket(amount: int, fee: int, escalation: int) -> None:
    """Fee and platform's part come out of the reservation, whatever a brand's terms are."""
    total = usd(amount)
    pay = total - total.share(fee)
    paid = pay.share(escalation)
    assert (paid + paid.share(fee)).amount_minor <= amount


def test_seventy_thirty_goes_by_largest_remainder() -> None:
    assert usd(201).split([7_000, 3_000]) == (usd(141), usd(60))
    assert usd(1).split([3_000, 7_000]) == (usd(0), usd(1))
    assert usd(10).split([1, 1, 1]) == (usd(4), usd(3), usd(3)), "a tie goes to the first"
    assert usd(11).split([2, 1]) == (usd(7), usd(4)), "the remainder counts, not the weight"


def test_half_a_unit_is_rounded_up() -> None:
    assert usd(25).share(1_000) == usd(3)
    assert usd(24).share(1_000) == usd(2)


@pytest.mark.parametrize("shares", [[], [0, 0], [1, -1]])
def test_senseless_weights_are_refused(shares: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^Only a non-negative amount splits, by .* not all zero\.$"):
        usd(10).split(shares)


def test_a_debt_does_not_split() -> None:
    with pytest.raises(ValueError, match="non-negative"):
        usd(-1).split([1])


def test_currencies_never_mix() -> None:
    yen = Money(amount_minor=5, currency="jpy")
    for combine in (lambda: usd(5) + yen, lambda: usd(5) - yen, lambda: usd(5) < yen):
        with pytest.raises(CurrencyMismatch, match=r"^usd and jpy cannot be combined\.$"):
            combine()
    assert usd(5) != yen


def test_the_same_amount_is_not_less() -> None:
    assert usd(4) < usd(5)
    assert not usd(5) < usd(5)


@pytest.mark.parametrize("amount", [1.0, True, "1"])
def test_only_whole_units_are_money(amount: object) -> None:
    with pytest.raises(TypeError, match=r"^Money holds whole minor units\.$"):
        Money(amount_minor=amount, currency="usd")  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize("currency", ["USD", "us", "dollar", "u5d", ""])
def test_a_currency_is_three_lower_case_letters(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO"):
        Money(amount_minor=1, currency=currency)


@pytest.mark.parametrize(
    ("currency", "places", "minimum"),
    [
        ("jpy", 0, 1_500),
        ("usd", 2, 1_000),
        ("eur", 2, 1_000),
        ("kwd", 3, 4_000),
        ("huf", 2, 60_000),
        ("ugx", 2, 1_000),
    ],
)
def test_each_currency_has_its_decimal_places(currency: str, places: int, minimum: int) -> None:
    assert exponent(currency) == places
    assert minimum_payout_minor(currency) == minimum


def test_what_is_less_than_a_step_goes_with_the_greatest_weight() -> None:
    forint = Money(amount_minor=10_045, currency="huf")
    assert [part.amount_minor for part in forint.split([1, 2, 0])] == [3_300, 6_745, 0]
    assert sum(part.amount_minor for part in forint.split([1, 2, 0])) == 10_045
    assert forint.share(5_000) == Money(amount_minor=5_000, currency="huf"), "half a forint does not count"
    assert Money(amount_minor=10_100, currency="huf").share(5_000).amount_minor == 5_100, (
        "half a step goes up"
    )
    assert not forint.can_be_paid


@pytest.mark.parametrize(
    ("currency", "units"), [("usd", 1), ("jpy", 1), ("kwd", 10), ("tnd", 10), ("huf", 100), ("isk", 100)]
)
def test_each_currency_is_paid_in_its_steps(currency: str, units: int) -> None:
    assert step(currency) == units
    assert Money(amount_minor=3 * units, currency=currency).can_be_paid
    assert Money(amount_minor=3 * units + 1, currency=currency).can_be_paid is (units == 1)
    assert Money(amount_minor=3 * units, currency=currency).share(5_000).amount_minor == 2 * units
