"""The board in words: figures that lead to what they count, and what needs the brand, the most pressing first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from marketplace.tickets.board import COUNTED_UP_TO, Board, BoardTicket, CategoryCounts
from marketplace.tickets.models import TicketState
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import Stop, SwitchLine
from workers_ui.pages.switch_views import CHANNELS
from workers_ui.presenters.board import CategoryLine, Figure, Need
from workers_ui.presenters.values import Notice, Tone

AT_RISK_RULE = (
    "At risk: not answered yet, and less than an hour is left, or less than a quarter of the ticket's time where "
    "that is shorter."
)
STOPPED: dict[SwitchKind, str] = {
    SwitchKind.BRAND: "All your tickets are stopped",
    SwitchKind.CATEGORY: "A category is stopped",
    SwitchKind.CHANNEL: "A channel is stopped",
    SwitchKind.WORKER: "A worker is stopped",
    SwitchKind.ARTICLE: "An article is stopped",
    SwitchKind.GUIDANCE: "Guidance is switched off",
}
CALLOUTS_SHOWN = 3


def figures(board: Board, *, base: str, now: datetime) -> tuple[Figure, ...]:
    """The pool at a glance."""
    waiting = board.by_state.get(TicketState.OPEN, 0)
    oldest = board.oldest_waiting_since
    return (
        Figure(
            label="Waiting",
            value=waiting,
            href=_list(base, state=TicketState.OPEN),
            hint=f"oldest {span(now - oldest)}" if oldest else "",
        ),
        Figure(
            label="Claimed",
            value=board.by_state.get(TicketState.CLAIMED, 0),
            href=_list(base, state=TicketState.CLAIMED),
            hint="a worker is on it",
        ),
        _limited("At risk", board.at_risk, hint="due soon, not answered", tone=Tone.WARN),
        _limited("Past due", board.past_due, hint="not answered in time", tone=Tone.BAD),
        Figure(
            label="Answered",
            value=board.by_state.get(TicketState.ANSWERED, 0),
            href=_list(base, state=TicketState.ANSWERED),
            hint="wait for the customer",
        ),
    )


def with_you(board: Board, *, base: str, decide: str, reviews: str) -> tuple[Figure, ...]:
    """What is in the brand's own hands."""
    return (
        _limited(
            "Escalated to you",
            board.escalated,
            hint="to decide",
            href=decide,
            tone=Tone.WARN,
        ),
        _limited("Replies to review", board.in_review, href=reviews, tone=Tone.WARN),
        Figure(
            label="Kept by you",
            value=board.by_state.get(TicketState.HELD_BACK, 0),
            href=_list(base, state=TicketState.HELD_BACK),
            hint="no worker sees them",
        ),
        Figure(
            label="Awaiting funds",
            value=board.by_state.get(TicketState.AWAITING_FUNDS, 0),
            href=_list(base, state=TicketState.AWAITING_FUNDS),
            tone=Tone.WARN if board.by_state.get(TicketState.AWAITING_FUNDS) else Tone.NEUTRAL,
        ),
    )


def needs(board: Board, *, base: str, reviews: str, wallet: str) -> tuple[Need, ...]:
    """What waits for somebody at the brand: decisions first, then money, then tickets about to be late."""
    return (
        *(_escalation(one, base) for one in board.escalations),
        *_reviews(board.in_review, reviews),
        *_funds(board.by_state.get(TicketState.AWAITING_FUNDS, 0), wallet),
        *(_late(one, base) for one in board.most_pressing),
    )


def categories(board: Board, *, base: str) -> tuple[CategoryLine, ...]:
    """Each category, the one that waits most first."""
    waiting = max(1, board.by_state.get(TicketState.OPEN, 0))
    lines = [_category(one, waiting, base) for one in board.categories]
    return tuple(sorted(lines, key=lambda line: (-line.waiting, line.name)))


def stopped(board: Board, live: Sequence[SwitchLine], *, switches: str) -> tuple[Notice, ...]:
    """What is stopped right now, so that nobody wonders why nothing moves."""
    categories = {one.key: one.name for one in board.categories}
    return tuple(
        Notice(
            text=f"{_stopped(one.stop, categories)} by {_thrower(one)}: {one.reason}",
            tone=Tone.BAD if one.stop.kind is SwitchKind.BRAND else Tone.WARN,
            href=switches,
            link_label="See what is stopped" if switches else "",
        )
        for one in live[:CALLOUTS_SHOWN]
    )


def _thrower(one: SwitchLine) -> str:
    return "the platform" if one.by_platform else one.thrown_by


def _stopped(stop: Stop, categories: Mapping[str, str]) -> str:
    name = {SwitchKind.CATEGORY: categories, SwitchKind.CHANNEL: CHANNELS}.get(stop.kind, {}).get(
        stop.key or ""
    )
    return f"{name} is stopped" if name else STOPPED[stop.kind]


def span(waited: timedelta) -> str:
    """How long in words: minutes, hours, days."""
    minutes = int(waited.total_seconds() // 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _limited(label: str, value: int, *, hint: str = "", href: str = "", tone: Tone) -> Figure:
    return Figure(
        label=label,
        value=value,
        href=href,
        hint=hint,
        tone=tone if value else Tone.NEUTRAL,
        at_least=value >= COUNTED_UP_TO,
    )


def _escalation(one: BoardTicket, base: str) -> Need:
    return Need(
        title=one.subject,
        detail=f"#{one.number} · {one.category} · escalated: confirm or reject",
        href=f"{base}/{one.ticket}",
        icon="flag",
        due_at=one.due_at,
        tone=Tone.WARN,
    )


def _reviews(waiting: int, href: str) -> Iterator[Need]:
    if waiting:
        what = "1 reply waits" if waiting == 1 else f"{waiting:,} replies wait"
        yield Need(
            title=f"{what} for your approval",
            detail="None is sent before you decide, or your time to decide is over",
            href=href,
            icon="shield-check",
        )


def _funds(waiting: int, wallet: str) -> Iterator[Need]:
    if waiting:
        what = "1 ticket waits" if waiting == 1 else f"{waiting:,} tickets wait"
        yield Need(
            title=f"{what} for funds",
            detail="No worker sees them until the wallet is topped up",
            href=wallet,
            icon="wallet",
            tone=Tone.WARN,
        )


def _late(one: BoardTicket, base: str) -> Need:
    return Need(
        title=one.subject,
        detail=f"#{one.number} · {one.category} · not answered yet",
        href=f"{base}/{one.ticket}",
        icon="clock",
        due_at=one.due_at,
        tone=Tone.BAD,
    )


def _category(one: CategoryCounts, waiting: int, base: str) -> CategoryLine:
    own = (TicketState.HELD_BACK, TicketState.AWAITING_FUNDS, TicketState.ESCALATED)
    return CategoryLine(
        name=one.name,
        href=f"{base}?{urlencode({'category': one.key})}",
        waiting=one.by_state.get(TicketState.OPEN, 0),
        claimed=one.by_state.get(TicketState.CLAIMED, 0),
        answered=one.by_state.get(TicketState.ANSWERED, 0),
        with_you=_sum(one, own),
        share=one.by_state.get(TicketState.OPEN, 0) / waiting,
    )


def _sum(one: CategoryCounts, states: Iterable[TicketState]) -> int:
    return sum(one.by_state.get(state, 0) for state in states)


def _list(base: str, *, state: TicketState) -> str:
    return f"{base}?{urlencode({'state': state.value})}"
