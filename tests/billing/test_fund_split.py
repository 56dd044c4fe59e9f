"""Which of a brand's money pays, and where it returns: sums that hold for any amounts."""

from hypothesis import given
from hypothesis import strategies as st

from billing.fund_split import Funds, against_debt, sources_of, unspent_promo

AMOUNT = st.integers(min_value=0, max_value=10**12)


@given(AMOUNT, AMOUNT, AMOUNT, AMOUNT)
def test_a_reservation_takes_promo_then_wallet_then_credit_and_never_more_than_there_is(
    amount: int, promo: int, wallet: int, credit: int
) -> None:
    found = sources_of(amount, Funds(promo_minor=promo, wallet_minor=wallet, credit_minor=credit))
    if found is None:
        assert amount > promo + wallet + credit
        return
    assert found.promo_minor == min(amount, promo)
    assert found.promo_minor + found.wallet_minor == amount
    assert found.drawn_minor == max(0, amount - promo - wallet) <= credit


@given(AMOUNT, AMOUNT)
def test_promo_credit_is_spent_before_anything_else(promo: int, spent: int) -> None:
    back = unspent_promo(promo, spent_minor=spent)
    assert back + min(promo, spent) == promo


@given(AMOUNT, AMOUNT)
def test_money_settles_a_debt_and_no_more_than_it(amount: int, owed: int) -> None:
    settles, left = against_debt(amount, owed_minor=owed)
    assert settles + left == amount
    assert settles == min(amount, owed)
