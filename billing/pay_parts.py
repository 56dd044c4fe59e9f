"""How one price becomes the parts of those who worked for it. Pure: the terms of the claim go in, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.kernel.ids import WorkerId
from marketplace.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one worker gets in minor units, `surge_minor` of it for a surge; and the platform's fee for it."""

    worker: WorkerId
    amount_minor: int
    surge_minor: int = 0
    fee_minor: int = 0


def split_pay(credits: Sequence[Mapping[str, Any]], *, pay: Money, base_pay: Money, fee: Money) -> list[Part]:
    """`pay` and `fee` by the weights in `credits`, each by largest remainder, so that no cent is lost or made.

    What `pay` has over `base_pay` is the surge. A part's surge is never negative: a cent that the remainders put
    elsewhere is base.
    """
    weights = [one["weight"] for one in credits]
    return [
        Part(
            worker=WorkerId(UUID(str(one["worker"]))),
            amount_minor=whole.amount_minor,
            surge_minor=max(0, whole.amount_minor - base.amount_minor),
            fee_minor=fees.amount_minor,
        )
        for one, whole, base, fees in zip(
            credits, pay.split(weights), base_pay.split(weights), fee.split(weights), strict=True
        )
    ]
