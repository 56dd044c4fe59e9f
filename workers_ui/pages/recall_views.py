"""Recalls in words: what taking a ticket back or withdrawing it means, and what it costs."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from babel import Locale

from marketplace.kernel.money import Money
from marketplace.tickets.models import Terms, Ticket, TicketState
from marketplace.tickets.recall_models import BulkWithdrawal, Recall, RecallKind, RecallPay
from marketplace.tickets.recalls import MAY_BE_TAKEN_BACK, MAY_BE_WITHDRAWN
from workers_ui.pages.ticket_states import STATES
from workers_ui.pages.worker_earnings_views import written
from workers_ui.presenters.brand import RecallForm, RefusedTicket
from workers_ui.presenters.values import Action

TAKE_BACK_FIELD = "take_back_reason"
WITHDRAWAL_FIELD = "withdrawal_reason"
COSTS: Mapping[RecallPay, str] = {
    RecallPay.NOTHING: "Nobody has worked on it: nothing is paid, and what is reserved goes back to your wallet.",
    RecallPay.ESCALATION_FEE: "A worker is on it: they earn {fee}, and the rest goes back to your wallet.",
    RecallPay.FULL_PRICE: "A worker has replied: the full price of {total} is paid.",
}
NOTHING_RESERVED = "Nothing is reserved for it any more."
PAID: Mapping[RecallPay, str] = {
    RecallPay.NOTHING: "Nothing is paid.",
    RecallPay.ESCALATION_FEE: "The worker who was on it is paid a fee; the rest is back in your wallet.",
    RecallPay.FULL_PRICE: "The full price is paid to those who replied.",
}
DONE: Mapping[RecallKind, str] = {
    RecallKind.TAKE_BACK: "Taken back: the ticket is yours to answer.",
    RecallKind.WITHDRAWAL: "Withdrawn: nobody answers it any more.",
}
WITHDRAWN_PAYS: Mapping[TicketState, str] = {
    TicketState.SCREENING: "nothing is reserved",
    TicketState.HELD_BACK: "nothing is reserved",
    TicketState.AWAITING_FUNDS: "nothing is reserved",
    TicketState.OPEN: "nothing is paid, unless somebody replied before",
    TicketState.CLAIMED: "the worker earns the escalation fee, or the full price after a reply",
    TicketState.ANSWERED: "the full price is paid",
    TicketState.ESCALATED: "the worker earns the escalation fee, if it is not decided yet",
}
HAPPENED: Mapping[RecallKind, str] = {
    RecallKind.TAKE_BACK: "Taken back",
    RecallKind.WITHDRAWAL: "Withdrawn",
}


def said(recall: Recall) -> str:
    return f"{DONE[recall.kind]} {PAID[recall.pays]}"


def forms(
    ticket: Ticket, *, pays: RecallPay, terms: Terms | None, path: str, not_yours: str, locale: str
) -> tuple[RecallForm, ...]:
    """The two forms of a ticket's page, as far as its state lets either be sent."""
    costs = _costs(pays, terms, Locale.parse(locale)) if ticket.terms_id is not None else ""
    if costs and ticket.state is TicketState.HELD_BACK:
        costs = NOTHING_RESERVED
    offered = []
    if ticket.state in MAY_BE_TAKEN_BACK:
        offered.append(
            RecallForm(
                action=_action(f"{path}/take-back", "Take back", not_yours),
                explanation="You answer it yourself; no worker sees it any more.",
                costs=costs,
                key=TAKE_BACK_FIELD,
            )
        )
    if ticket.state in MAY_BE_WITHDRAWN:
        offered.append(
            RecallForm(
                action=_action(f"{path}/withdrawal", "Withdraw", not_yours),
                explanation="Nobody answers it any more.",
                costs=costs,
                key=WITHDRAWAL_FIELD,
            )
        )
    return tuple(offered)


def happened(recalls: Iterable[Recall]) -> Iterable[tuple[datetime, str]]:
    """Lines for the ticket's story."""
    for recall in recalls:
        what = f"{HAPPENED[recall.kind]} by {recall.by}: {recall.reason}"
        yield recall.recalled_at, f"{what} {PAID[recall.pays]}" if recall.terms_id else what


def asked_in_words(state: TicketState | None, category: str, age: str) -> tuple[str, ...]:
    """A filter in words."""
    parts = (
        f"state: {STATES[state].label}" if state else "",
        f"category: {category}" if category else "",
        f"older than {age}" if age else "",
    )
    return tuple(part for part in parts if part)


def preview_lines(by_state: Mapping[TicketState, int]) -> tuple[tuple[str, int, str], ...]:
    """For each state how many there are, and what withdrawing one of them pays."""
    return tuple(
        (STATES[state].label, count, WITHDRAWN_PAYS[state])
        for state, count in sorted(by_state.items(), key=lambda pair: -pair[1])
    )


def refusals(bulk: BulkWithdrawal) -> tuple[RefusedTicket, ...]:
    return tuple(
        RefusedTicket(ticket=one["ticket"], number=f"#{one['number']}", why=one["why"])
        for one in bulk.refusals
    )


def _action(href: str, label: str, not_yours: str) -> Action:
    return Action(href=href, label=label, allowed=not not_yours, reason=not_yours)


def _costs(pays: RecallPay, terms: Terms | None, locale: Locale) -> str:
    if terms is None:
        return ""
    fee = Money(amount_minor=terms.escalation_fee_minor, currency=terms.currency)
    total = Money(amount_minor=terms.total_minor, currency=terms.currency)
    return COSTS[pays].format(fee=written(fee, locale), total=written(total, locale))
