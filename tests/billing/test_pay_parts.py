"""Each worker's part of a price, of its surge and of its fee: named, and exact to the cent."""

from uuid import UUID

from billing.pay_parts import Part, split_pay
from marketplace.kernel.ids import WorkerId
from tests.builders import usd

FIRST, LAST = (WorkerId(UUID(int=number)) for number in (1, 2))


def test_the_parts_are_named_and_carry_their_surge_and_fee() -> None:
    credits = [{"worker": str(FIRST), "weight": 3_000}, {"worker": LAST, "weight": 7_000}]
    assert split_pay(credits, pay=usd(2_001), base_pay=usd(1_600), fee=usd(400)) == [
        Part(worker=FIRST, amount_minor=600, surge_minor=120, fee_minor=120),
        Part(worker=LAST, amount_minor=1_401, surge_minor=281, fee_minor=280),
    ]


def test_a_cent_that_the_remainders_move_is_base_and_no_surge() -> None:
    """Of 2 the third of three gets nothing; of the base alone, 1, the first gets it."""
    credits = [{"worker": FIRST, "weight": 1}, {"worker": LAST, "weight": 2}]
    parts = split_pay(credits, pay=usd(2), base_pay=usd(2), fee=usd(0))
    assert [(part.amount_minor, part.surge_minor) for part in parts] == [(1, 0), (1, 0)]
    less = split_pay(credits, pay=usd(1), base_pay=usd(2), fee=usd(0))
    assert [(part.amount_minor, part.surge_minor) for part in less] == [(0, 0), (1, 0)], "never negative"
