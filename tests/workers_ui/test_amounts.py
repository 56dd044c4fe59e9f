"""Amounts as people type them: exact, or refused with an example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.money import Money, exponent
from workers_ui.pages.amounts import UnreadableAmount, typed_amount
from workers_ui.templating import decimal_input

CURRENCIES = st.sampled_from(["usd", "eur", "jpy", "kwd"])


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "usd", 1250),
        ("12,5", "eur", 1250),
        (" 12 ", "usd", 1200),
        ("0.07", "usd", 7),
        ("0012.30", "usd", 1230),
        ("999999999.99", "usd", 99_999_999_999),
        ("1250", "jpy", 1250),
        ("1.250", "kwd", 1250),
        ("1.2", "kwd", 1200),
        ("1.15", "usd", 115),  # 1.15 * 100 is 114.99999999999999 in floats
    ],
)
def test_an_amount_is_read_to_the_minor_unit(text: str, currency: str, minor: int) -> None:
    assert typed_amount(text, currency=currency) == Money(amount_minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("", "usd", "such as 12.50"),
        ("ten", "usd", "such as 12.50"),
        ("$5", "usd", "such as 12.50"),
        ("-5", "usd", "such as 12.50"),
        ("1e3", "usd", "such as 12.50"),
        ("NaN", "usd", "such as 12.50"),
        ("1,234.50", "usd", "such as 12.50"),
        ("1 234", "usd", "such as 12.50"),
        (".5", "usd", "such as 12.50"),
        ("5.", "usd", "such as 12.50"),
        ("٣", "usd", "such as 12.50"),
        ("9" * 10, "usd", "such as 12.50"),
        ("12.505", "usd", "USD has 2 decimals"),
        ("1,234", "usd", "no mark for thousands"),
        ("1,234", "kwd", "no mark for thousands"),
        ("12.5", "jpy", "JPY has no decimals"),
    ],
)
def test_an_amount_that_could_mean_something_else_is_refused(text: str, currency: str, sentence: str) -> None:
    with pytest.raises(UnreadableAmount) as refusal:
        typed_amount(text, currency=currency)
    assert sentence in refusal.value.detail


@given(amount=st.integers(min_value=0, max_value=99_999_999_999), currency=CURRENCIES)
def test_what_a_form_shows_reads_back_as_the_same_amount(amount: int, currency: str) -> None:
    if amount // 10 ** exponent(currency) > 999_999_999:
        amount %= 1_000_000_000
    money = Money(amount_minor=amount, currency=currency)
    assert typed_amount(decimal_input(money), currency=currency) == money


@given(text=st.text(max_size=30), currency=CURRENCIES)
def test_any_text_is_an_amount_or_refused(text: str, currency: str) -> None:
    try:
        amount = typed_amount(text, currency=currency)
    except UnreadableAmount:
        return
    assert amount.amount_minor >= 0
