"""Waiting tickets as rows and pages of the pool, and a worker's own tickets as the rows of Mine."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from guidance.coverage import Coverage
from marketplace.kernel.ids import TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.lanes import SKILLS
from marketplace.tickets.models import PoolState, ReleaseReason, TicketState
from marketplace.tickets.pool_queries import PoolCard, PoolPage
from marketplace.tickets.worker_queries import HeldTicket, SentTicket, UnsentText
from workers_ui.presenters import worker as views
from workers_ui.presenters.values import Badge, Choice, Pager, Tone

NOTHING_CHOSEN: Mapping[str, str] = {}
CHANNELS = {"email": "e-mail", "chat": "chat"}
MINUTES_AN_HOUR = 60
MINUTE_SECONDS = 60
HOUR_SECONDS = 3600
BASIS_POINTS_A_PERCENT = 100

SKIP_REASONS: Mapping[ReleaseReason, str] = {
    ReleaseReason.NOT_MY_SKILL: "Not my field",
    ReleaseReason.NO_TIME: "No time",
    ReleaseReason.KNOWLEDGE_MISSING: "Knowledge missing",
    ReleaseReason.OTHER: "Something else",
}
SKIP_CHOICES = tuple(Choice(value=reason.value, label=label) for reason, label in SKIP_REASONS.items())

CLAIMED = Badge(label="in your hands", tone=Tone.INFO)
CUSTOMER_WROTE = Badge(label="customer wrote", tone=Tone.WARN)
WAITING = Badge(label="waiting for the customer")
IN_REVIEW = Badge(label="waits for approval", tone=Tone.INFO)
RETURNED = Badge(label="returned by the brand", tone=Tone.WARN)
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
        brand_slug=card.brand_slug,
        lease_terms=f"{span(card.read_seconds)} to read, then {span(card.reply_seconds)} to answer",
        brand_record=record_of(card),
        surge=f"+{card.surge_basis_points // BASIS_POINTS_A_PERCENT} % for waiting"
        if card.surge_basis_points
        else "",
        newcomers_first=card.newcomers_first,
        skill=SKILLS.get(card.skill, ""),
        skill_key=card.skill,
        skip_reasons=SKIP_CHOICES,
    )


def span(seconds: int) -> str:
    """A stretch of time as a card says it: "20 s", "5 min", "24 h"."""
    if seconds < MINUTE_SECONDS:
        return f"{seconds} s"
    hours, rest = divmod(seconds, HOUR_SECONDS)
    return f"{hours} h" if hours > 1 and not rest else f"{seconds // MINUTE_SECONDS} min"


def record_of(card: PoolCard) -> str:
    """How a brand decides and pays: "98 % paid, in 3 days"; "new here" while too little is known."""
    if card.approval_basis_points is None:
        return "new here"
    paid = f"{card.approval_basis_points // BASIS_POINTS_A_PERCENT} % paid"
    if card.days_to_pay is None:
        return paid
    return f"{paid}, in {card.days_to_pay} day{'' if card.days_to_pay == 1 else 's'}"


def pager_of(found: PoolPage, chosen: Mapping[str, str]) -> Pager:
    return pager("/worker/pool", page=found.page, has_more=found.has_more, chosen=chosen)


def pager(href: str, *, page: int, has_more: bool, chosen: Mapping[str, str] = NOTHING_CHOSEN) -> Pager:
    """Links to the page before and after with the filters `chosen`; none where all is on one page."""
    if page == 1 and not has_more:
        return Pager()

    def to(number: int) -> str:
        return f"{href}?{urlencode({**chosen, 'page': number})}"

    return Pager(
        previous_href=to(page - 1) if page > 1 else "",
        next_href=to(page + 1) if has_more else "",
        label=f"Page {page}",
    )


def held_row(held: HeldTicket) -> views.MineTicket:
    return views.MineTicket(
        ticket=str(held.ticket),
        number=ticket_number(held.number),
        subject=held.subject,
        brand=held.brand,
        pay=held.pay,
        state=hold_badge(held.state, answered_before=held.answered_before, returned=held.returned),
        deadline=held.lease_ends_at or held.decide_by,
        resolves_at=held.resolves_at,
        has_draft=held.has_draft,
    )


def hold_badge(state: PoolState, *, answered_before: bool, returned: bool = False) -> Badge:
    """Whose turn it is on a ticket in a worker's hands."""
    match state:
        case PoolState.ANSWERED:
            return WAITING
        case PoolState.IN_REVIEW:
            return IN_REVIEW
        case PoolState.CLAIMED | PoolState.OPEN if returned:
            return RETURNED
        case PoolState.CLAIMED | PoolState.OPEN:
            return CUSTOMER_WROTE if answered_before else CLAIMED


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
