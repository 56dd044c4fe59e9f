"""The share dial decides by the ticket's own name: the same everywhere, and a higher dial only adds tickets."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.tickets.dial import DialRule, is_shared, percent_by
from marketplace.tickets.hours import covers

names = st.text(min_size=1, max_size=40)
percents = st.integers(min_value=0, max_value=100)
hours = st.integers(min_value=0, max_value=23)


@given(salt=names, name=names, percent=percents)
def test_the_same_ticket_is_judged_the_same_again(salt: str, name: str, percent: int) -> None:
    assert is_shared(salt, name, percent) == is_shared(salt, name, percent)


@given(salt=names, name=names, low=percents, high=percents)
def test_a_higher_dial_only_adds_tickets(salt: str, name: str, low: int, high: int) -> None:
    low, high = sorted((low, high))
    assert not is_shared(salt, name, low) or is_shared(salt, name, high)


@given(salt=names, name=names)
def test_zero_shares_nothing_and_a_hundred_everything(salt: str, name: str) -> None:
    assert not is_shared(salt, name, 0)
    assert is_shared(salt, name, 100)


def test_the_dial_shares_about_as_many_as_it_says() -> None:
    for percent in (1, 10, 25, 50, 90):
        shared = sum(is_shared("salt", f"ticket-{number}", percent) for number in range(20_000))
        assert abs(shared / 200 - percent) < 1


def test_two_brands_share_different_tickets() -> None:
    one, other = (
        {number for number in range(2_000) if is_shared(salt, f"ticket-{number}", 50)} for salt in ("a", "b")
    )
    assert 350 < len(one & other) < 650


@given(begins=hours, ends=hours, hour=hours)
def test_a_window_and_its_complement_share_out_the_day(begins: int, ends: int, hour: int) -> None:
    if begins != ends:
        assert covers((begins, ends), hour) != covers((ends, begins), hour)


def test_the_most_exact_rule_wins() -> None:
    rules = [
        DialRule(category=None, hours=None, percent=10),
        DialRule(category=None, hours=(22, 6), percent=20),
        DialRule(category="returns", hours=None, percent=30),
        DialRule(category="returns", hours=(8, 18), percent=40),
    ]
    assert percent_by(rules, category="orders", hour=12) == 10
    assert percent_by(rules, category="orders", hour=23) == 20
    assert percent_by(rules, category="orders", hour=5) == 20
    assert percent_by(rules, category="returns", hour=23) == 30
    assert percent_by(rules, category="returns", hour=8) == 40
    assert percent_by(rules, category="returns", hour=18) == 30


def test_without_a_rule_everything_is_shared() -> None:
    assert percent_by([], category="returns", hour=0) == 100
