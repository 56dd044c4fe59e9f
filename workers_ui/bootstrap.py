"""The one composition root: who hears of which fact, and how the parts are put together."""

from collections.abc import Mapping, Sequence

from marketplace.events.commands import Bus, Subscriber
from marketplace.events.facts import Fact

IN_THE_SAME_TRANSACTION: Mapping[type[Fact], Sequence[Subscriber]] = {}


def same_transaction_bus() -> Bus:
    return Bus(IN_THE_SAME_TRANSACTION)
