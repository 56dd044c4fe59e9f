"""A ticket's states as its brand reads them."""

from collections.abc import Mapping

from marketplace.tickets.models import TicketState
from workers_ui.presenters.values import Badge, Tone

STATES: Mapping[TicketState, Badge] = {
    TicketState.SCREENING: Badge(label="being checked", tone=Tone.NEUTRAL),
    TicketState.HELD_BACK: Badge(label="kept by you", tone=Tone.NEUTRAL),
    TicketState.AWAITING_FUNDS: Badge(label="awaiting funds", tone=Tone.WARN),
    TicketState.OPEN: Badge(label="waiting", tone=Tone.INFO),
    TicketState.CLAIMED: Badge(label="claimed", tone=Tone.INFO),
    TicketState.ANSWERED: Badge(label="answered", tone=Tone.GOOD),
    TicketState.RESOLVED: Badge(label="resolved", tone=Tone.GOOD),
    TicketState.ESCALATED: Badge(label="escalated", tone=Tone.WARN),
    TicketState.WITHDRAWN: Badge(label="withdrawn", tone=Tone.NEUTRAL),
    TicketState.EXPIRED: Badge(label="expired", tone=Tone.BAD),
}
