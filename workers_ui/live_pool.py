"""What facts mean for open pages of the pool: rows that come, change and go, and how many wait in each lane."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from guidance.coverage import Coverage, coverage_of
from marketplace.events.facts import (
    CustomerWrote,
    Fact,
    LeaseExpired,
    PriceRaised,
    SuggestionPrepared,
    SwitchLifted,
    SwitchThrown,
    TicketClaimed,
    TicketEscalated,
    TicketGivenBack,
    TicketOpened,
    TicketReleased,
    TicketReopened,
    TicketResolved,
    TicketTakenBack,
    TicketUnpublished,
    TicketWidened,
    TicketWithdrawn,
    kind_of,
)
from marketplace.events.queries import Cursor, Told
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.lane_queries import lanes_beside, lanes_of_tickets
from marketplace.tickets.pool_queries import PoolCard, open_cards
from marketplace.tickets.stopped_queries import open_under_switch, stopped_among
from marketplace.tickets.switch_models import SwitchKind
from workers_ui.live_fanout import Frame
from workers_ui.live_topics import for_lane, for_newcomers, waiting_frame
from workers_ui.pages.pool_views import row_of
from workers_ui.templating import DEFAULT_LOCALE, Templates


def kinds(*facts: type[Fact]) -> frozenset[str]:
    return frozenset(kind_of(fact) for fact in facts)


def changed(topic: str, event: str, subject: str = "") -> Frame:
    """Something changed: the parts that show it ask for themselves again."""
    return Frame(topics=frozenset({topic}), event=event, data={"id": subject} if subject else {})


# A ticket may wait in the pool now, a waiting one may look different, or it has left.
ENTERS = kinds(TicketOpened, TicketReleased, LeaseExpired, TicketReopened, TicketWidened)
MAY_CHANGE = kinds(CustomerWrote, SuggestionPrepared, PriceRaised)
LEAVES: Mapping[str, str] = {
    kind_of(TicketClaimed): "claimed",
    kind_of(TicketResolved): "resolved",
    kind_of(TicketEscalated): "escalated",
    kind_of(TicketTakenBack): "withdrawn",
    kind_of(TicketWithdrawn): "withdrawn",
    kind_of(TicketGivenBack): "withdrawn",
    kind_of(TicketUnpublished): "withdrawn",
}
CHANGES_LANE = kinds(TicketWidened)
SWITCHES = kinds(SwitchThrown, SwitchLifted)
STOPS_TICKETS = frozenset({SwitchKind.BRAND, SwitchKind.CATEGORY, SwitchKind.CHANNEL})
TAKEN, STOPPED = "claimed", "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTold:
    """What the facts of one look say to the pool, by the state in which everything is now."""

    now: datetime
    templates: Templates
    cards: Mapping[TicketId, PoolCard]
    coverage: Mapping[TicketId, Coverage]
    lanes: Mapping[TicketId, str]
    stopped: AbstractSet[TicketId]
    switched: Mapping[Cursor, Sequence[TicketId]]
    counted: AbstractSet[str]

    def frames(self, told: Told) -> Iterator[Frame]:
        """What one fact says."""
        if told.subject is None:
            return
        if told.kind in SWITCHES:
            yield from self._switched(told)
        elif told.kind in LEAVES:
            yield from self._gone(TicketId(told.subject), LEAVES[told.kind])
        elif told.kind in ENTERS | MAY_CHANGE:
            yield from self._shown(TicketId(told.subject), otherwise_gone=told.kind in ENTERS)

    def counters(self, tx: Tx) -> Iterator[Frame]:
        """How many wait now in the lanes in which something moved."""
        for lane in sorted(self.counted):
            yield waiting_frame(tx, lane)

    def _shown(self, ticket: TicketId, *, otherwise_gone: bool) -> Iterator[Frame]:
        """The row of a ticket that waits; perhaps somebody was faster than this look."""
        card = self.cards.get(ticket)
        if card is not None and ticket not in self.stopped:
            row = row_of(card, self.coverage.get(ticket), self.now)
            topic = for_newcomers(card.lane) if card.newcomers_first else for_lane(card.lane)
            html = self.templates.part(row, locale=DEFAULT_LOCALE)
            data = {"id": str(ticket), "rev": row.revision, "html": html}
            yield Frame(topics=frozenset({topic}), event="pool.upsert", data=data)
        elif otherwise_gone:
            yield from self._gone(ticket, STOPPED if ticket in self.stopped else TAKEN)

    def _gone(self, ticket: TicketId, reason: str) -> Iterator[Frame]:
        lane = self.lanes.get(ticket)
        if lane is not None:
            data: dict[str, object] = {"id": str(ticket), "reason": reason}
            yield Frame(topics=frozenset({for_lane(lane)}), event="pool.remove", data=data)

    def _switched(self, told: Told) -> Iterator[Frame]:
        """What a brand's switch stops, or lets run again, row by row."""
        for ticket in self.switched.get(told.cursor, ()):
            yield from self._shown(ticket, otherwise_gone=True)


def read_pool(tx: Tx, facts: Sequence[Told], templates: Templates) -> PoolTold:
    """What telling `facts` needs of the database, read once for all of them."""
    switched = {
        told.cursor: _under_switch(tx, told, told.brand)
        for told in facts
        if told.brand and _stops_tickets(told)
    }
    affected = [ticket for tickets in switched.values() for ticket in tickets]
    shown = [ticket for _, ticket in (*_tickets(facts, ENTERS | MAY_CHANGE), *affected)]
    moved = [*_tickets(facts, ENTERS | LEAVES.keys()), *affected]
    cards = open_cards(tx, shown) if shown else {}
    lanes = lanes_of_tickets(tx, moved) if moved else {}
    left = {lanes[ticket] for _, ticket in _tickets(facts, CHANGES_LANE) if ticket in lanes}
    return PoolTold(
        now=app_now(tx),
        templates=templates,
        cards=cards,
        coverage=coverage_of(tx, list(cards)) if cards else {},
        lanes=lanes,
        stopped=stopped_among(tx, list(cards)) if cards else frozenset(),
        switched={at: [ticket for _, ticket in tickets] for at, tickets in switched.items()},
        counted={*lanes.values(), *(lane for one in left for lane in lanes_beside(tx, one))},
    )


def _stops_tickets(told: Told) -> bool:
    return told.kind in SWITCHES and SwitchKind(told.body["stops"]) in STOPS_TICKETS


def _under_switch(tx: Tx, told: Told, brand: BrandId) -> list[tuple[BrandId, TicketId]]:
    return open_under_switch(tx, brand=brand, stops=SwitchKind(told.body["stops"]), key=told.body["key"])


def _tickets(facts: Sequence[Told], wanted: AbstractSet[str]) -> list[tuple[BrandId, TicketId]]:
    found = (
        (told.brand, TicketId(told.subject))
        for told in facts
        if told.kind in wanted and told.brand and told.subject
    )
    return list(dict.fromkeys(found))
