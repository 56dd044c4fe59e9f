"""The one composition root: who hears of which fact, and how the parts are put together."""

from collections.abc import Mapping, Sequence

from billing import earnings
from marketplace.events.commands import Bus, Subscriber
from marketplace.events.facts import (
    EscalationConfirmed,
    EscalationRejected,
    Fact,
    TicketAdmitted,
    TicketReopened,
    TicketResolved,
)

IN_THE_SAME_TRANSACTION: Mapping[type[Fact], Sequence[Subscriber]] = {
    TicketAdmitted: [earnings.reserve_or_wait],
    TicketResolved: [earnings.accrue],
    TicketReopened: [earnings.take_back],
    EscalationConfirmed: [earnings.pay_escalation],
    EscalationRejected: [earnings.free_reservation],
}


def same_transaction_bus() -> Bus:
    return Bus(IN_THE_SAME_TRANSACTION)
