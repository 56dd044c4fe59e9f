"""Facts as frames of the live stream: which event each becomes, and who hears it.

Workers hear the pool and what is theirs, members their brands, finance the payouts. Frames name things by id
alone, and the page asks for what it may see; only a pool row travels as HTML, rendered once for everybody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from babel import Locale

from guidance.coverage import Coverage, coverage_of
from knowledge_base.models import ImportState
from marketplace.events.facts import (
    BacklogNoticed,
    BatchReleased,
    BulkWithdrawalAdvanced,
    CustomerWrote,
    EscalationConfirmed,
    EscalationRejected,
    Fact,
    ImportAdvanced,
    IndexPublished,
    KnowledgeChanged,
    LeaseExpired,
    LeaseExtended,
    PayoutFailed,
    PayoutSent,
    PriceRaised,
    ReplyApproved,
    ReplyAwaitsApproval,
    ReplyQueued,
    ReplyReturned,
    ReplySent,
    SlaBreached,
    StageMoved,
    SuggestionPrepared,
    SwitchLifted,
    SwitchThrown,
    TicketAdmitted,
    TicketAwaitsFunds,
    TicketClaimed,
    TicketEscalated,
    TicketGivenBack,
    TicketHeldBack,
    TicketImportAdvanced,
    TicketOpened,
    TicketPosted,
    TicketRated,
    TicketReleased,
    TicketReopened,
    TicketResolved,
    TicketTakenBack,
    TicketWidened,
    TicketWithdrawn,
    WalletFunded,
    kind_of,
)
from marketplace.events.queries import Told
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.gates import MoveCause
from marketplace.tickets.lane_queries import lanes_of_tickets
from marketplace.tickets.models import SwitchKind
from marketplace.tickets.pool_queries import PoolCard, open_cards
from marketplace.tickets.worker_queries import LastClaimant, last_claimants
from workers_ui.live import Renderer
from workers_ui.live_fanout import Frame
from workers_ui.live_topics import (
    FINANCE,
    POOL,
    for_brand,
    for_lane,
    for_newcomers,
    for_worker,
    waiting_frame,
)
from workers_ui.pages.brand_knowledge_views import STAGES
from workers_ui.pages.pool_views import row_of
from workers_ui.pages.worker_earnings_views import written
from workers_ui.templating import DEFAULT_LOCALE, Templates


def _kinds(*facts: type[Fact]) -> frozenset[str]:
    return frozenset(kind_of(fact) for fact in facts)


# What a fact means for the pool: a ticket may wait there now, or it has left.
ENTERS = _kinds(TicketOpened, TicketReleased, LeaseExpired, TicketReopened, TicketWidened)
MAY_CHANGE = _kinds(CustomerWrote, SuggestionPrepared, PriceRaised)
LEAVES: Mapping[str, str] = {
    kind_of(TicketClaimed): "claimed",
    kind_of(TicketResolved): "resolved",
    kind_of(TicketEscalated): "escalated",
    kind_of(TicketGivenBack): "withdrawn",
    kind_of(TicketTakenBack): "withdrawn",
    kind_of(TicketWithdrawn): "withdrawn",
}
TAKEN = "claimed"

# What it means for the worker who holds the ticket, or held it last.
FOR_THE_CLAIMANT: Mapping[str, tuple[str, ...]] = {
    kind_of(TicketClaimed): ("mine",),
    kind_of(LeaseExtended): ("mine", "ticket.lease"),
    kind_of(TicketReleased): ("mine", "ticket.lease"),
    kind_of(LeaseExpired): ("mine", "ticket.lease"),
    kind_of(ReplyQueued): ("mine", "ticket.message"),
    kind_of(ReplySent): ("ticket.message",),
    kind_of(ReplyAwaitsApproval): ("mine", "ticket.lease"),
    kind_of(ReplyApproved): ("mine", "ticket.lease"),
    kind_of(ReplyReturned): ("mine", "ticket.lease"),
    kind_of(CustomerWrote): ("mine", "ticket.message"),
    kind_of(SuggestionPrepared): ("ticket.guidance",),
    kind_of(TicketEscalated): ("mine", "ticket.lease"),
    kind_of(TicketResolved): ("mine", "ticket.lease"),
    kind_of(TicketReopened): ("mine",),
    kind_of(TicketTakenBack): ("mine", "ticket.lease"),
    kind_of(TicketWithdrawn): ("mine", "ticket.lease"),
}

# What it means for the brand's people.
CHANGES_THE_THREAD = _kinds(ReplyQueued, ReplySent, CustomerWrote, TicketRated)
CHANGES_THE_STATE = _kinds(
    TicketPosted,
    TicketAdmitted,
    TicketHeldBack,
    TicketAwaitsFunds,
    TicketOpened,
    TicketClaimed,
    LeaseExpired,
    TicketReleased,
    TicketEscalated,
    EscalationConfirmed,
    EscalationRejected,
    TicketResolved,
    TicketReopened,
    TicketTakenBack,
    TicketWithdrawn,
    TicketGivenBack,
    SlaBreached,
    BacklogNoticed,
    PriceRaised,
)
SWITCHES = _kinds(SwitchThrown, SwitchLifted)
CHANGES_THE_BOARD = SWITCHES | _kinds(BulkWithdrawalAdvanced)
CHANGES_REVIEWS = _kinds(ReplyAwaitsApproval, ReplyApproved, ReplyReturned)
CHANGES_KNOWLEDGE = _kinds(KnowledgeChanged, IndexPublished)
CHANGES_PAYOUTS = _kinds(PayoutSent, PayoutFailed, BatchReleased)


def renderer(templates: Templates) -> Renderer:
    """Frames for facts that were just committed, by the state in which everything is now."""

    def render(tx: Tx, facts: Sequence[Told]) -> Iterable[tuple[Told, Frame]]:
        state = _read(tx, facts)
        frames = [(told, frame) for told in facts for frame in _frames(told, state, templates)]
        return frames + [(facts[-1], frame) for frame in _counters(tx, facts, state)]

    return render


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What rendering needs of the database, read once for all facts of one look."""

    now: datetime
    cards: Mapping[TicketId, PoolCard]
    coverage: Mapping[TicketId, Coverage]
    lanes: Mapping[TicketId, str]
    claimants: Mapping[TicketId, LastClaimant]


def _read(tx: Tx, facts: Sequence[Told]) -> _State:
    entering = [ticket for _, ticket in _tickets(facts, ENTERS | MAY_CHANGE)]
    cards = open_cards(tx, entering) if entering else {}
    moved = _tickets(facts, ENTERS | LEAVES.keys())
    claimed = [
        (told.brand, TicketId(told.subject))
        for told in facts
        if told.kind in FOR_THE_CLAIMANT and told.worker is None and told.brand and told.subject
    ]
    return _State(
        now=app_now(tx),
        cards=cards,
        coverage=coverage_of(tx, list(cards)) if cards else {},
        lanes=lanes_of_tickets(tx, moved) if moved else {},
        claimants=last_claimants(tx, claimed) if claimed else {},
    )


def _tickets(facts: Sequence[Told], kinds: AbstractSet[str]) -> list[tuple[BrandId, TicketId]]:
    found = (
        (told.brand, TicketId(told.subject))
        for told in facts
        if told.kind in kinds and told.brand and told.subject
    )
    return list(dict.fromkeys(found))


def _counters(tx: Tx, facts: Sequence[Told], state: _State) -> Iterator[Frame]:
    """What the facts of one look did to counters, once for each lane and brand."""
    for lane in sorted(set(state.lanes.values())):
        yield waiting_frame(tx, lane)
    for brand in sorted({told.brand for told in facts if told.kind in CHANGES_THE_STATE and told.brand}):
        yield _changed(for_brand(brand), "board")


def _frames(told: Told, state: _State, templates: Templates) -> Iterator[Frame]:
    yield from _to_the_pool(told, state, templates)
    yield from _to_the_claimant(told, state)
    yield from _to_the_brand(told)
    yield from _about_payouts(told)
    yield from _about_switches(told)


def _to_the_pool(told: Told, state: _State, templates: Templates) -> Iterator[Frame]:
    if told.subject is None:
        return
    ticket = TicketId(told.subject)
    card = state.cards.get(ticket)
    if told.kind in LEAVES:
        yield from _removed(ticket, LEAVES[told.kind], state)
    elif told.kind in ENTERS | MAY_CHANGE and card is not None:
        row = row_of(card, state.coverage.get(ticket), state.now)
        html = templates.part(row, locale=DEFAULT_LOCALE)
        topic = for_newcomers(card.lane) if card.newcomers_first else for_lane(card.lane)
        data = {"id": str(ticket), "rev": row.revision, "html": html}
        yield Frame(topics=frozenset({topic}), event="pool.upsert", data=data)
    elif told.kind in ENTERS:
        # Somebody was faster than this look.
        yield from _removed(ticket, TAKEN, state)


def _removed(ticket: TicketId, reason: str, state: _State) -> Iterator[Frame]:
    lane = state.lanes.get(ticket)
    if lane is not None:
        data: dict[str, object] = {"id": str(ticket), "reason": reason}
        yield Frame(topics=frozenset({for_lane(lane)}), event="pool.remove", data=data)


def _to_the_claimant(told: Told, state: _State) -> Iterator[Frame]:
    if told.kind not in FOR_THE_CLAIMANT or told.subject is None:
        return
    last = state.claimants.get(TicketId(told.subject))
    worker = told.worker or (last.worker if last else None)
    if worker is None:
        return
    for event in FOR_THE_CLAIMANT[told.kind]:
        yield _changed(for_worker(worker), event, str(told.subject))


def _to_the_brand(told: Told) -> Iterator[Frame]:
    if told.brand is None:
        return
    topic, subject = for_brand(told.brand), str(told.subject)
    if told.kind in CHANGES_REVIEWS:
        yield _changed(topic, "review", subject)
    if told.kind in CHANGES_THE_THREAD:
        yield _changed(topic, "ticket.message", subject)
    if told.kind in CHANGES_THE_THREAD | CHANGES_THE_STATE:
        yield _changed(topic, "ticket.state", subject)
    elif told.kind in CHANGES_THE_BOARD:
        yield _changed(topic, "board")
    elif told.kind == kind_of(ImportAdvanced):
        yield _import_progress(topic, told)
    elif told.kind == kind_of(TicketImportAdvanced):
        yield _changed(topic, "ticket.import", subject)
    elif told.kind in CHANGES_KNOWLEDGE:
        yield _changed(topic, "kb.changed")
    elif told.kind == kind_of(WalletFunded):
        yield _notice(topic, "Your top-up has arrived. Tickets that waited for it open now.", tone="good")
    elif told.kind == kind_of(StageMoved):
        yield from _about_the_stage(topic, told)


def _about_the_stage(topic: str, told: Told) -> Iterator[Frame]:
    """The page of the stages asks anew; what moved by itself is told wherever the brand's people are."""
    yield _changed(topic, "stage")
    before, after = told.body["from_percent"], told.body["to_percent"]
    match MoveCause(told.body["cause"]):
        case MoveCause.ROLLED_BACK:
            text = f"A gate was breached: your share fell back from {before} % to {after} %."
            yield _notice(topic, text, tone="warn")
        case MoveCause.ADVANCED:
            yield _notice(
                topic, f"Every gate held: your share grew from {before} % to {after} %.", tone="good"
            )
        case _:
            pass  # a person of the brand did it and was told by the page


def _import_progress(topic: str, told: Told) -> Frame:
    data: dict[str, object] = {
        "id": str(told.subject),
        "done": told.body["files_read"],
        "total": told.body["files"],
        "stage": STAGES[ImportState(told.body["state"])],
        "state": told.body["state"],
    }
    return Frame(topics=frozenset({topic}), event="kb.progress", data=data)


def _about_payouts(told: Told) -> Iterator[Frame]:
    if told.kind not in CHANGES_PAYOUTS:
        return
    yield _changed(FINANCE, "payout")
    if told.worker is None:
        return
    yield _changed(for_worker(told.worker), "payout")
    if told.kind == kind_of(PayoutSent):
        amount = Money(amount_minor=told.body["amount_minor"], currency=told.body["currency"])
        text = f"{written(amount, Locale.parse(DEFAULT_LOCALE))} was sent to your account at Stripe."
        yield _notice(for_worker(told.worker), text, tone="good")
    else:
        text = "A payout to you did not go through. What you earned is safe; look at your payout set-up."
        yield _notice(for_worker(told.worker), text, tone="warn")


def _about_switches(told: Told) -> Iterator[Frame]:
    """What is stopped or runs again: lists of the pool, desks' guidance, and the worker it is about."""
    if told.kind not in SWITCHES:
        return
    match SwitchKind(told.body["stops"]):
        case SwitchKind.BRAND | SwitchKind.CATEGORY | SwitchKind.CHANNEL:
            yield _changed(POOL, "pool")
        case SwitchKind.ARTICLE | SwitchKind.GUIDANCE:
            yield _changed(POOL, "ticket.guidance")
        case SwitchKind.WORKER if told.worker is not None:
            topic = for_worker(told.worker)
            yield from (_changed(topic, event) for event in ("pool", "mine", "ticket.lease"))
            if told.kind == kind_of(SwitchThrown):
                text = f"Your work was stopped{' at a brand' if told.brand else ''}: {told.body['reason']}"
                yield _notice(topic, text, tone="warn")
        case SwitchKind.WORKER:
            pass


def _changed(topic: str, event: str, subject: str = "") -> Frame:
    """Something changed: the parts that show it ask for themselves again."""
    return Frame(topics=frozenset({topic}), event=event, data={"id": subject} if subject else {})


def _notice(topic: str, text: str, *, tone: str) -> Frame:
    return Frame(topics=frozenset({topic}), event="notice", data={"text": text, "tone": tone})
