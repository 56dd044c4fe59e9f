"""Every kind of fact. The class name in snake case is the event's `kind`."""

from dataclasses import dataclass, fields
from uuid import UUID

from marketplace.kernel.ids import (
    AppealId,
    ArticleId,
    BatchId,
    BrandId,
    BulkWithdrawalId,
    CorrectionNoticeId,
    EarningHoldId,
    EarningId,
    ErasureId,
    EscalationId,
    ImportId,
    MessageId,
    NoteId,
    PassageReportId,
    PayoutId,
    PersonId,
    PriceId,
    PromoId,
    QuarantineId,
    RatingId,
    RecallId,
    RejectionAppealId,
    RejectionFreezeId,
    RejectionId,
    ReplyId,
    ResolutionId,
    ReversalId,
    ReviewId,
    StageMoveId,
    SuggestionId,
    SuspensionId,
    SwitchId,
    TicketId,
    TicketImportId,
    TipId,
    TopUpId,
    WarningId,
    WorkerId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened. `brand` and `worker` decide who may read it; the rest is its body."""

    brand: BrandId | None = None
    worker: WorkerId | None = None

    @property
    def subject(self) -> UUID | None:
        """The thing this is about: the first field of its own."""
        own = [field.name for field in fields(self) if field.name not in ("brand", "worker")]
        value = getattr(self, own[0]) if own else None
        return value if isinstance(value, UUID) else None

    @property
    def owner(self) -> BrandId:
        """The brand this happened at, for facts that always have one."""
        if self.brand is None:
            raise ValueError(f"{self.kind} was recorded without its brand")
        return self.brand

    @property
    def kind(self) -> str:
        return kind_of(type(self))


def kind_of(fact: type[Fact]) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in fact.__name__).lstrip("_")


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketPosted(Fact):
    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAdmitted(Fact):
    """Screening let the ticket in; it opens once its price is reserved."""

    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHeldBack(Fact):
    """The brand keeps this one: it never enters the pool."""

    ticket: TicketId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketAwaitsFunds(Fact):
    """`reason`: the wallet has too little, the spend cap is reached, or the brand is frozen."""

    ticket: TicketId
    reason: str = "wallet"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOpened(Fact):
    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketClaimed(Fact):
    """Written by the database's `write_claims`."""

    ticket: TicketId
    claim_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseExpired(Fact):
    """Written by the database's `expire_lease`."""

    ticket: TicketId
    claim_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketReleased(Fact):
    ticket: TicketId
    claim_number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseExtended(Fact):
    ticket: TicketId
    claim_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWidened(Fact):
    """More workers may claim the ticket than before."""

    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyQueued(Fact):
    """A reply is written and waits for its delivery."""

    ticket: TicketId
    reply: ReplyId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySent(Fact):
    """The brand's own systems read the reply here: its text ends with its affiliation label."""

    ticket: TicketId
    reply: ReplyId
    external_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerWrote(Fact):
    ticket: TicketId
    message: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFollowedUp(Fact):
    """The customer wrote after the review window: a new ticket goes on from the settled one."""

    ticket: TicketId
    follows: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyAwaitsApproval(Fact):
    """A reply of somebody on probation is written; it leaves when the brand approves it."""

    ticket: TicketId
    review: ReviewId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyApproved(Fact):
    """`by` a person's name, "API", or the time limit."""

    ticket: TicketId
    review: ReviewId
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReturned(Fact):
    """The reply came back to its worker as a draft. `reason` is the review's, or what came in between."""

    ticket: TicketId
    review: ReviewId
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbationLifted(Fact):
    """The worker's replies leave at once from now on."""

    approved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRulesSet(Fact):
    """Somebody changed how the brand handles replies: silence, queues, probation."""

    rules: str
    by: PersonId
    set_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketEscalated(Fact):
    ticket: TicketId
    escalation: EscalationId
    queue: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationConfirmed(Fact):
    """`needless`: what the worker wrote to the customer before was needless, so the fee is not paid."""

    ticket: TicketId
    escalation: EscalationId
    needless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRejected(Fact):
    ticket: TicketId
    escalation: EscalationId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketResolved(Fact):
    ticket: TicketId
    resolution: ResolutionId
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketReopened(Fact):
    ticket: TicketId
    resolution: ResolutionId


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStarted(Fact):
    knowledge_import: ImportId


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportAdvanced(Fact):
    knowledge_import: ImportId
    state: str
    files_read: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeChanged(Fact):
    """Live passages changed; the index is behind until the next snapshot."""

    article: ArticleId


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeErasureAsked(Fact):
    """All of a brand's knowledge is to be erased; from this commit on none of it holds."""

    erasure: ErasureId


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeErased(Fact):
    """Nothing of it is left."""

    erasure: ErasureId


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleNoted(Fact):
    """Something of an article changed but not what holds: a draft, its owner, a verification."""

    article: ArticleId


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleEdited(Fact):
    """Somebody opened an article in the editor, or closed it."""

    article: ArticleId


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPublished(Fact):
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexAdvanced(Fact):
    """Of `to_encode` passages the next index needs, so many have their vectors."""

    encoded: int
    to_encode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexDamaged(Fact):
    """A file of snapshot `number` was missing or changed; it is built again from the database."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRolledBack(Fact):
    """Search went back from snapshot `number` to the one before it, until the next is built."""

    number: int
    to: int
    by: PersonId | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionPrepared(Fact):
    ticket: TicketId
    suggestion: SuggestionId
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFunded(Fact):
    """Money arrived in the brand's wallet; tickets that awaited it may open."""

    top_up: TopUpId


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoGiven(Fact):
    """The platform gave a brand credit; tickets that awaited money may open."""

    promo: PromoId
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLineSet(Fact):
    """What a brand may owe has changed."""

    limit_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoTopUpStopped(Fact):
    """A saved method was refused: nothing is charged by itself until the brand says so again."""

    top_up: TopUpId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandFrozen(Fact):
    """A top-up was taken back: no new ticket of the brand opens until that is settled."""

    reversal: ReversalId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandThawed(Fact):
    """Nothing that was taken back is open or owed any more."""

    reversal: ReversalId


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletRestored(Fact):
    """A refund did not go through, or an invoice was paid: there is more for tickets than before."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUnpublished(Fact):
    """The money behind an unclaimed ticket is gone: it leaves the pool until there is money again."""

    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReleased(Fact):
    batch: BatchId


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSent(Fact):
    payout: PayoutId
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutFailed(Fact):
    payout: PayoutId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSentBack(Fact):
    """An earning was pulled out of a batch that was not released: what was signed is no more."""

    batch: BatchId
    earning: EarningId


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningHeld(Fact):
    """By the platform's look (`qa`) or the brand's dispute."""

    hold: EarningHoldId
    earning: EarningId
    ticket: TicketId
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningReleased(Fact):
    """The pay is back where it was before somebody looked at it."""

    hold: EarningHoldId
    earning: EarningId
    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningRejected(Fact):
    """The pay went back to the brand; after a payout, the worker owes it."""

    rejection: RejectionId
    earning: EarningId
    ticket: TicketId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionAppealed(Fact):
    appeal: RejectionAppealId
    rejection: RejectionId


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionAppealDecided(Fact):
    appeal: RejectionAppealId
    rejection: RejectionId
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionsFrozen(Fact):
    """The brand rejected too much of what it had decided on, and rejects nothing until a person has looked."""

    freeze: RejectionFreezeId


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionsUnfrozen(Fact):
    freeze: RejectionFreezeId


@dataclass(frozen=True, slots=True, kw_only=True)
class TipGiven(Fact):
    tip: TipId
    ticket: TicketId
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TipRefunded(Fact):
    tip: TipId
    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDialChanged(Fact):
    """`percent` is empty when a rule was removed."""

    category: str | None
    hours: str
    percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepBackChanged(Fact):
    """What a brand keeps back by topic, phrase, example or category."""

    key: str
    rule: str
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRemoved(Fact):
    price: PriceId
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendCapChanged(Fact):
    """Tickets that found no room may open now."""

    per_day_minor: int | None
    per_month_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMoved(Fact):
    """A brand's share moved between its stages; percentages before and after, 100 where no stages hold."""

    move: StageMoveId
    cause: str
    from_percent: int
    to_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWritten(Fact):
    """An internal note was added; what it says is read on the ticket alone."""

    ticket: TicketId
    note: NoteId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRated(Fact):
    ticket: TicketId
    rating: RatingId
    stars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketImportCommitted(Fact):
    """A brand wants the good lines of its file as tickets."""

    ticket_import: TicketImportId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketImportUndone(Fact):
    """A brand wants the tickets of an import withdrawn, as far as nobody has touched them."""

    ticket_import: TicketImportId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketImportAdvanced(Fact):
    ticket_import: TicketImportId
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaBreached(Fact):
    """A promise to the customer ran out: `clock` is first, next or resolution."""

    ticket: TicketId
    clock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogNoticed(Fact):
    """The ticket has waited so long that its brand is told."""

    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRaised(Fact):
    """A waiting ticket pays more from now on; the difference is reserved."""

    ticket: TicketId
    surge_basis_points: int
    pay_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceNotRaised(Fact):
    """The ladder wanted a higher price; the day's budget, or the wallet with its spend cap, is the `reason`."""

    ticket: TicketId
    surge_basis_points: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketGivenBack(Fact):
    """Nobody claimed the ticket in time: it left the pool, and its brand answers it itself."""

    ticket: TicketId


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTakenBack(Fact):
    """The brand answers this one itself; `worker` is whose claim that ended, `pays` what it pays."""

    ticket: TicketId
    recall: RecallId
    pays: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketWithdrawn(Fact):
    """Nobody answers this one any more; `worker` is whose claim that ended, `pays` what it pays."""

    ticket: TicketId
    recall: RecallId
    pays: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkWithdrawalAsked(Fact):
    """Many tickets are to be withdrawn; a job does it."""

    bulk: BulkWithdrawalId


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkWithdrawalAdvanced(Fact):
    bulk: BulkWithdrawalId
    done: int
    tickets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchThrown(Fact):
    """Something is stopped, at `brand` or everywhere; `worker` is who, where a worker is."""

    switch: SwitchId
    stops: str
    key: str | None
    reason: str
    by_platform: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLifted(Fact):
    switch: SwitchId
    stops: str
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerWarned(Fact):
    warning: WarningId


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSuspended(Fact):
    """The worker may not claim or answer; running claims return in the same commit."""

    suspension: SuspensionId


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReinstated(Fact):
    suspension: SuspensionId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealWritten(Fact):
    appeal: AppealId


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealDecided(Fact):
    appeal: AppealId
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSuspended(Fact):
    """Nobody signs in as this person; where they are a worker too, running claims return in the same commit."""

    person: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandApproved(Fact):
    """The brand's tickets may enter the pool: those that waited are screened now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandRefused(Fact):
    """The brand's tickets stay out of the pool; it was told why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorActed(Fact):
    """The audit trail of the platform's people: who did what to what, and why. Only the platform reads it."""

    target: UUID
    act: str
    person: PersonId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageReported(Fact):
    """A worker says that a passage is wrong; it never counts against him."""

    report: PassageReportId
    article: ArticleId


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageQuarantined(Fact):
    """A passage's text is offered to nobody from this commit on. `cause` is reports, or the brand itself."""

    quarantine: QuarantineId
    article: ArticleId
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineLifted(Fact):
    """The brand offers the passage again."""

    quarantine: QuarantineId
    article: ArticleId


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDecided(Fact):
    """What became of a worker's report: confirmed or dismissed."""

    report: PassageReportId
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionSent(Fact):
    """The brand's own correction to a customer: its systems read it here, as they read replies."""

    ticket: TicketId
    notice: CorrectionNoticeId
    external_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyCorrected(Fact):
    """The brand corrected what `worker` had answered from its knowledge: the knowledge was wrong, not the worker."""

    ticket: TicketId
    reply: ReplyId
