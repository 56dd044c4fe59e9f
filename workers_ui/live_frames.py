"""Facts as frames of the live stream: which event each becomes, and who hears it.

Workers hear the pool and what is theirs, members their brands, finance the payouts. Frames name things by id
alone, and the page asks for what it may see; only a pool row travels as HTML, rendered once for everybody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from babel import Locale

from guidance.renewal import desks_of, desks_showing
from knowledge_base.import_models import ImportState
from marketplace.accounts.standing_models import AppealOutcome
from marketplace.events.facts import (
    AppealDecided,
    ArticleEdited,
    ArticleNoted,
    BacklogNoticed,
    BatchReleased,
    BulkWithdrawalAdvanced,
    CorrectionSent,
    CustomerWrote,
    EscalationConfirmed,
    EscalationRejected,
    ImportAdvanced,
    IndexAdvanced,
    IndexDamaged,
    IndexPublished,
    IndexRolledBack,
    KnowledgeChanged,
    KnowledgeErased,
    KnowledgeErasureAsked,
    LeaseExpired,
    LeaseExtended,
    NoteWritten,
    PassageQuarantined,
    PassageReported,
    PayoutFailed,
    PayoutSent,
    PriceNotRaised,
    PriceRaised,
    QuarantineLifted,
    ReplyApproved,
    ReplyAwaitsApproval,
    ReplyCorrected,
    ReplyQueued,
    ReplyReturned,
    ReplySent,
    ReportDecided,
    SlaBreached,
    StageMoved,
    SuggestionPrepared,
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
    TicketUnpublished,
    TicketWithdrawn,
    WalletFunded,
    WorkerReinstated,
    WorkerSuspended,
    WorkerWarned,
    kind_of,
)
from marketplace.events.queries import Told
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, TicketId
from marketplace.kernel.money import Money
from marketplace.tickets.gates import MoveCause
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.worker_queries import LastClaimant, last_claimants
from workers_ui.live import Renderer
from workers_ui.live_fanout import Frame
from workers_ui.live_pool import SWITCHES, PoolTold, changed, kinds, read_pool
from workers_ui.live_topics import FINANCE, POOL, for_brand, for_worker
from workers_ui.pages.brand_import_views import STAGES
from workers_ui.pages.worker_earnings_views import written
from workers_ui.templating import DEFAULT_LOCALE, Templates

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
    kind_of(CorrectionSent): ("ticket.message",),
    kind_of(CustomerWrote): ("mine", "ticket.message"),
    kind_of(SuggestionPrepared): ("ticket.guidance",),
    kind_of(TicketEscalated): ("mine", "ticket.lease"),
    kind_of(TicketResolved): ("mine", "ticket.lease"),
    kind_of(TicketReopened): ("mine",),
    kind_of(TicketTakenBack): ("mine", "ticket.lease"),
    kind_of(TicketWithdrawn): ("mine", "ticket.lease"),
    kind_of(NoteWritten): ("ticket.note",),
}

# What it means for the brand's people.
CHANGES_THE_THREAD = kinds(ReplyQueued, ReplySent, CorrectionSent, CustomerWrote, TicketRated)
CHANGES_THE_STATE = kinds(
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
    TicketUnpublished,
    TicketWithdrawn,
    TicketGivenBack,
    SlaBreached,
    BacklogNoticed,
    PriceRaised,
)
CHANGES_QUARANTINE = kinds(PassageQuarantined, QuarantineLifted)
ERASES = frozenset({kind_of(KnowledgeErasureAsked), kind_of(KnowledgeErased)})
CHANGES_THE_BOARD = (
    CHANGES_THE_STATE | SWITCHES | CHANGES_QUARANTINE | kinds(BulkWithdrawalAdvanced, PriceNotRaised)
)
CHANGES_REVIEWS = kinds(ReplyAwaitsApproval, ReplyApproved, ReplyReturned)
CHANGES_STANDING = kinds(WorkerWarned, WorkerSuspended, WorkerReinstated, AppealDecided)
CHANGES_KNOWLEDGE = CHANGES_QUARANTINE | kinds(
    KnowledgeChanged,
    ArticleNoted,
    IndexPublished,
    IndexAdvanced,
    IndexDamaged,
    IndexRolledBack,
    PassageReported,
    ReportDecided,
)
CHANGES_PAYOUTS = kinds(PayoutSent, PayoutFailed, BatchReleased)


def renderer(templates: Templates) -> Renderer:
    """Frames for facts that were just committed, by the state in which everything is now."""

    def render(tx: Tx, facts: Sequence[Told]) -> Iterable[tuple[Told, Frame]]:
        pool, claimants = read_pool(tx, facts, templates), _claimants(tx, facts)
        frames = [(told, frame) for told in facts for frame in _frames(told, pool, claimants)]
        frames += [(facts[-1], frame) for frame in _outdated_desks(tx, facts)]
        return frames + [(facts[-1], frame) for frame in (*pool.counters(tx), *_boards(facts))]

    return render


def _claimants(tx: Tx, facts: Sequence[Told]) -> Mapping[TicketId, LastClaimant]:
    """Who holds the tickets of facts that do not name their worker."""
    claimed = [
        (told.brand, TicketId(told.subject))
        for told in facts
        if told.kind in FOR_THE_CLAIMANT and told.worker is None and told.brand and told.subject
    ]
    return last_claimants(tx, claimed) if claimed else {}


def _frames(told: Told, pool: PoolTold, claimants: Mapping[TicketId, LastClaimant]) -> Iterator[Frame]:
    yield from pool.frames(told)
    yield from _to_the_claimant(told, claimants)
    yield from _to_the_brand(told)
    yield from _about_payouts(told)
    yield from _about_switches(told)
    yield from _about_standing(told)
    yield from _about_wrong_passages(told)


def _outdated_desks(tx: Tx, facts: Sequence[Told]) -> Iterator[Frame]:
    """Desks whose guidance quotes what changed or was erased ask for it again: said once for all facts of one look."""
    articles = {
        (told.brand, ArticleId(told.subject))
        for told in facts
        if told.kind == kind_of(KnowledgeChanged) and told.brand and told.subject
    }
    erased = {told.brand for told in facts if told.kind in ERASES and told.brand}
    showing = desks_showing(tx, articles) if articles else {}
    desks = {desk for of_one in showing.values() for desk in of_one}
    for worker, ticket in sorted(desks.union(desks_of(tx, erased) if erased else ())):
        yield changed(for_worker(worker), "ticket.guidance", str(ticket))


def _boards(facts: Sequence[Told]) -> Iterator[Frame]:
    """Counters of a brand moved: said once for all facts of one look."""
    for brand in sorted({told.brand for told in facts if told.kind in CHANGES_THE_BOARD and told.brand}):
        yield changed(for_brand(brand), "board")


def _to_the_claimant(told: Told, claimants: Mapping[TicketId, LastClaimant]) -> Iterator[Frame]:
    if told.kind not in FOR_THE_CLAIMANT or told.subject is None:
        return
    last = claimants.get(TicketId(told.subject))
    worker = told.worker or (last.worker if last else None)
    if worker is None:
        return
    for event in FOR_THE_CLAIMANT[told.kind]:
        yield changed(for_worker(worker), event, str(told.subject))


def _to_the_brand(told: Told) -> Iterator[Frame]:
    if told.brand is None:
        return
    topic, subject = for_brand(told.brand), str(told.subject)
    if told.kind in CHANGES_REVIEWS:
        yield changed(topic, "review", subject)
    if told.kind in CHANGES_THE_THREAD:
        yield changed(topic, "ticket.message", subject)
    if told.kind in CHANGES_THE_THREAD | CHANGES_THE_STATE:
        yield changed(topic, "ticket.state", subject)
    elif told.kind == kind_of(NoteWritten):
        yield changed(topic, "ticket.note", subject)
    elif told.kind == kind_of(ImportAdvanced):
        yield _import_progress(topic, told)
    elif told.kind == kind_of(TicketImportAdvanced):
        yield changed(topic, "ticket.import", subject)
    elif told.kind == kind_of(ArticleEdited):
        yield changed(topic, "kb.editing", subject)
    elif told.kind in CHANGES_KNOWLEDGE | ERASES:
        yield changed(topic, "kb.changed")
    elif told.kind == kind_of(WalletFunded):
        yield _notice(topic, "Your top-up has arrived. Tickets that waited for it open now.", tone="good")
    elif told.kind == kind_of(StageMoved):
        yield from _about_the_stage(topic, told)


def _about_the_stage(topic: str, told: Told) -> Iterator[Frame]:
    """The page of the stages asks anew; what moved by itself is told wherever the brand's people are."""
    yield changed(topic, "stage")
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
    yield changed(FINANCE, "payout")
    if told.worker is None:
        return
    yield changed(for_worker(told.worker), "payout")
    if told.kind == kind_of(PayoutSent):
        amount = Money(amount_minor=told.body["amount_minor"], currency=told.body["currency"])
        text = f"{written(amount, Locale.parse(DEFAULT_LOCALE))} was sent to your account at Stripe."
        yield _notice(for_worker(told.worker), text, tone="good")
    else:
        text = "A payout to you did not go through. What you earned is safe; look at your payout set-up."
        yield _notice(for_worker(told.worker), text, tone="warn")


def _about_switches(told: Told) -> Iterator[Frame]:
    """What is stopped or runs again: desks' guidance, the worker it is about, the pool of every brand.

    What one brand stops is told row by row, by `live_pool`.
    """
    if told.kind not in SWITCHES:
        return
    match SwitchKind(told.body["stops"]):
        case SwitchKind.BRAND | SwitchKind.CATEGORY | SwitchKind.CHANNEL:
            if told.brand is None:
                yield changed(POOL, "pool")
        case SwitchKind.ARTICLE | SwitchKind.GUIDANCE:
            yield changed(POOL, "ticket.guidance")
            if told.brand:
                yield changed(for_brand(told.brand), "kb.changed")
        case SwitchKind.WORKER if told.worker is not None:
            topic = for_worker(told.worker)
            yield from (changed(topic, event) for event in ("pool", "mine", "ticket.lease"))
            if told.kind == kind_of(SwitchThrown):
                text = f"Your work was stopped{' at a brand' if told.brand else ''}: {told.body['reason']}"
                yield _notice(topic, text, tone="warn")
        case SwitchKind.WORKER:
            pass


def _about_wrong_passages(told: Told) -> Iterator[Frame]:
    """Desks ask again what they may show; the brand and the reporters hear what happened."""
    if told.kind in CHANGES_QUARANTINE:
        yield changed(POOL, "ticket.guidance")
    if told.kind == kind_of(PassageQuarantined) and told.brand and told.body["cause"] == "reports":
        text = "A passage of yours was reported as wrong and is out of suggestions. Look under Knowledge."
        yield _notice(for_brand(told.brand), text, tone="warn")
    if told.worker is None:
        return
    if told.kind == kind_of(ReportDecided):
        yield changed(for_worker(told.worker), "mine")
        yield _notice(
            for_worker(told.worker), "A passage you reported was looked at. Read it under Mine.", tone="info"
        )
    elif told.kind == kind_of(ReplyCorrected):
        text = "A brand put an answer of yours right: its knowledge was wrong. Not your fault; see Mine."
        yield changed(for_worker(told.worker), "mine")
        yield _notice(for_worker(told.worker), text, tone="info")


def _about_standing(told: Told) -> Iterator[Frame]:
    """What a worker may do now, and the line on top of his pages; the reason stands on a page of its own."""
    if told.kind not in CHANGES_STANDING or told.worker is None:
        return
    topic = for_worker(told.worker)
    yield from (changed(topic, event) for event in ("standing", "pool", "mine"))
    if told.kind == kind_of(WorkerWarned):
        text = "You have a warning; nothing is restricted. Read it under Settings, Your standing."
        yield _notice(topic, text, tone="warn")
    elif told.kind == kind_of(WorkerSuspended):
        yield _notice(topic, "Your work here is suspended. What you have earned stays yours.", tone="warn")
    elif told.kind == kind_of(WorkerReinstated):
        yield _notice(topic, "Your suspension is lifted. You may claim again.", tone="good")
    elif told.body["outcome"] == AppealOutcome.UPHELD:  # a granted one is told by the end of the suspension
        yield _notice(topic, "Your appeal is answered. Read it under Settings, Your standing.", tone="info")


def _notice(topic: str, text: str, *, tone: str) -> Frame:
    return Frame(topics=frozenset({topic}), event="notice", data={"text": text, "tone": tone})
