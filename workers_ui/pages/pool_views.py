"""Waiting tickets as rows and pages of the pool, and a worker's own tickets as the rows of Mine."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from guidance.coverage import Coverage
from marketplace.kernel.ids import TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.models import PoolState, TicketState
from marketplace.tickets.pool_queries import PoolCard, PoolPage
from marketplace.tickets.worker_queries import HeldTicket, SentTicket, UnsentText
from workers_ui.presenters import worker as views
from workers_ui.presenters.values import Badge, Pager, Tone

CHANNELS = {"email": "e-mail", "chat": "chat"}
MINUTES_AN_HOUR = 60

CLAIMED = Badge(label="in your hands", tone=Tone.INFO)
CUSTOMER_WROTE = Badge(label="customer wrote", tone=Tone.WARN)
WAITING = Badge(label="waiting for the customer")
STATES: Mapping[TicketState, Badge] = {
    TicketState.OPEN: Badge(label="back in the pool"),
    TicketState.CLAIMED: CUSTOMER_WROTE,
    TicketState.ANSWERED: WAITING,
    TicketState.RESOLVED: Badge(label="resolved", tone=Tone.GOOD),
    TicketState.ESCALATED: Badge(label="escalated", tone=Tone.INFO),
    TicketState.WITHDRAWN: Badge(label="taken back by the brand"),
    TicketState.EXPIRED: Badge(label="expired"),
}


def rows_of(
    cards: Iterable[PoolCard], coverage: Mapping[TicketId, Coverage], now: datetime
) -> tuple[views.PoolRow, ...]:
    return tuple(row_of(card, coverage.get(card.ticket), now) for card in cards)


def row_of(card: PoolCard, coverage: Coverage | None, now: datetime) -> views.PoolRow:
    """`card` as a row. Its revision is the time it was read: a late event never undoes a newer page."""
    return views.PoolRow(
        ticket=str(card.ticket),
        revision=int(now.timestamp() * 1_000),
        subject=card.subject,
        brand=card.brand,
        category=card.category,
        channel=channel_name(card.channel),
        language=card.language.upper(),
        estimated_minutes=card.expected_minutes,
        pay=card.pay,
        pay_per_hour=_per_hour(card.pay, card.expected_minutes),
        due_at=card.due_at,
        rendered_at=now,
        coverage=views.Coverage.UNKNOWN if coverage is None else views.Coverage(coverage.value),
        terms_version=card.terms_version,
    )


def pager_of(found: PoolPage) -> Pager:
    return pager("/worker/pool", page=found.page, has_more=found.has_more)


def pager(href: str, *, page: int, has_more: bool) -> Pager:
    """Links to the page before and after; none where all is on one page."""
    if page == 1 and not has_more:
        return Pager()
    return Pager(
        previous_href=f"{href}?page={page - 1}" if page > 1 else "",
        next_href=f"{href}?page={page + 1}" if has_more else "",
        label=f"Page {page}",
    )


def held_row(held: HeldTicket) -> views.MineTicket:
    state = WAITING if held.state is PoolState.ANSWERED else CLAIMED
    return views.MineTicket(
        ticket=str(held.ticket),
        number=ticket_number(held.number),
        subject=held.subject,
        brand=held.brand,
        pay=held.pay,
        state=CUSTOMER_WROTE if state is CLAIMED and held.answered_before else state,
        deadline=held.lease_ends_at,
        has_draft=held.has_draft,
    )


def sent_row(sent: SentTicket) -> views.MineTicket:
    return views.MineTicket(
        ticket=str(sent.ticket),
        number=ticket_number(sent.number),
        subject=sent.subject,
        brand=sent.brand,
        pay=sent.pay,
        state=STATES.get(sent.state, Badge(label=sent.state.value)),
        updated_at=sent.sent_at,
    )


def lost_draft(unsent: UnsentText) -> views.LostDraft:
    return views.LostDraft(
        ticket=str(unsent.ticket),
        subject=unsent.subject,
        brand=unsent.brand,
        text=unsent.text,
        saved_at=unsent.saved_at,
        claimable=unsent.claimable,
    )


def channel_name(channel: str) -> str:
    return CHANNELS.get(channel, channel)


def ticket_number(number: int) -> str:
    return f"#{number}"


def _per_hour(pay: Money, minutes: int) -> Money:
    return Money(amount_minor=pay.amount_minor * MINUTES_AN_HOUR // max(minutes, 1), currency=pay.currency)
