"""The one composition root: who hears of which fact, and how the parts are put together."""

from collections.abc import Mapping, Sequence

from billing import backlog, earnings, funds_letters, recalls
from guidance import screening
from marketplace.events.commands import Bus, Subscriber
from marketplace.events.facts import (
    AutoTopUpStopped,
    BrandFrozen,
    CustomerWrote,
    EscalationConfirmed,
    EscalationRejected,
    Fact,
    PersonSuspended,
    ReplyQueued,
    TicketAdmitted,
    TicketEscalated,
    TicketGivenBack,
    TicketHeldBack,
    TicketOpened,
    TicketReopened,
    TicketResolved,
    TicketTakenBack,
    TicketUnpublished,
    TicketWithdrawn,
    WorkerSuspended,
)
from marketplace.tickets import clocks, handlers

IN_THE_SAME_TRANSACTION: Mapping[type[Fact], Sequence[Subscriber]] = {
    TicketAdmitted: [earnings.reserve_or_wait],
    TicketOpened: [clocks.opened],
    TicketResolved: [earnings.accrue, clocks.resolved],
    TicketReopened: [earnings.take_back],
    EscalationConfirmed: [earnings.pay_escalation],
    EscalationRejected: [earnings.free_reservation],
    ReplyQueued: [clocks.answer_given],
    CustomerWrote: [clocks.customer_wrote, screening.screen_further_message],
    TicketEscalated: [clocks.left],
    TicketHeldBack: [clocks.left],
    TicketGivenBack: [clocks.left, backlog.free_given_back],
    TicketUnpublished: [backlog.free_unpublished],
    TicketTakenBack: [clocks.left, recalls.settle_recall],
    TicketWithdrawn: [clocks.left, recalls.settle_recall],
    WorkerSuspended: [handlers.give_claims_back],
    PersonSuspended: [handlers.give_claims_back],
    AutoTopUpStopped: [funds_letters.tell_of_stopped_top_up],
    BrandFrozen: [funds_letters.tell_of_freeze],
}


def same_transaction_bus() -> Bus:
    return Bus(IN_THE_SAME_TRANSACTION)
