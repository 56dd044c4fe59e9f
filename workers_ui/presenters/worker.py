"""The worker's pages: pool, desk, mine, earnings, statement."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.charts import BarChart
from workers_ui.presenters.flows import NO_FLOWS, FlowPanel
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.handover import HandoverPanel, ReviewNotice
from workers_ui.presenters.judgements import WorkerEvidence
from workers_ui.presenters.outcomes import NotCountedRow
from workers_ui.presenters.pool_filters import NO_FILTERS, FilterForm
from workers_ui.presenters.receipts import Receipt
from workers_ui.presenters.values import EMPTY_FORM, ONE_PAGE, Badge, Choice, FormState, Notice, Pager

# Pool


class Coverage(StrEnum):
    """Whether the brand's knowledge seems to answer the ticket, judged before any claim."""

    COVERED = "covered"
    PARTLY = "partly"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """One waiting ticket as any worker may see it: nothing personal, nothing of the viewer.

    The stream renders it once per event and locale, so it must not depend on who looks.
    """

    template: ClassVar[str] = "parts/pool_row.html"
    ticket: str
    revision: int
    subject: str
    brand: str
    category: str
    channel: str
    language: str
    estimated_minutes: int
    pay: Money
    pay_per_hour: Money
    due_at: datetime
    rendered_at: datetime
    coverage: Coverage = Coverage.UNKNOWN
    terms_version: int = 1
    brand_slug: str = ""
    lease_terms: str = ""
    brand_record: str = "new here"
    surge: str = ""
    newcomers_first: bool = False
    skill: str = ""
    skill_key: str = ""
    skip_reasons: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRowTaken:
    """What a losing claim gets with its 409, in place of the row; `next_ticket` is the next best or empty."""

    template: ClassVar[str] = "parts/pool_row_taken.html"
    ticket: str
    subject: str
    brand: str
    next_ticket: str = ""
    next_subject: str = ""
    next_pay: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRoom:
    """How many tickets of one channel a worker holds, of how many at once."""

    channel: str
    held: int
    cap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPage:
    """`searched_up_to` is set when not all that waits was looked through: only so many of the most urgent.

    `not_brands` and `newcomer` let the page leave out rows of the stream, which are the same for everybody.
    """

    template: ClassVar[str] = "worker/pool.html"
    frame: Frame
    rows: tuple[PoolRow, ...]
    waiting: int
    rooms: tuple[ChannelRoom, ...]
    available: bool = True
    filters: FilterForm = NO_FILTERS
    suspended: bool = False
    searched_up_to: int | None = None
    not_brands: tuple[str, ...] = ()
    newcomer: bool = True
    callouts: tuple[Notice, ...] = ()
    pager: Pager = ONE_PAGE

    @property
    def full(self) -> bool:
        return all(room.held >= room.cap for room in self.rooms)

    @property
    def best(self) -> PoolRow | None:
        """What "Claim next" stands for while filters are on: the first that matches them."""
        return self.rows[0] if self.rows and self.filters.chosen else None


# Desk


class Author(StrEnum):
    CUSTOMER = "customer"
    WORKER = "worker"
    BRAND = "brand"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """`text` is masked already and printed escaped, its line breaks kept."""

    author: Author
    author_label: str
    text: str
    sent_at: datetime
    affiliation_label: str = ""
    state: Badge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageCard:
    """One cited passage. `number` is the key that inserts it (1-5); `reported` says that the worker called it wrong.

    `used`: the draft takes a sentence from it. `folded`: only its beginning is shown until it is opened.
    """

    number: int
    passage: str
    article_title: str
    section_path: str
    text: str
    used: bool = False
    folded: bool = False
    verified_on: date | None = None
    article_href: str = ""
    reported: str = ""
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedDraft:
    """`unfilled_slots` must be replaced by the worker before the reply can be sent. `cited_numbers` are the passages
    it takes sentences from; `meaning` says what a confidence that is not high means."""

    text: str
    confidence: float
    confidence_label: str
    cited_numbers: tuple[int, ...] = ()
    meaning: str = ""
    unfilled_slots: tuple[str, ...] = ()
    answered: tuple["AnsweredQuestion", ...] = ()
    not_answered: tuple[str, ...] = ()
    open_slots: tuple["OpenSlot", ...] = ()
    filled_slots: tuple["SlotNote", ...] = ()
    other_language: str = ""
    sources: tuple["SentenceSource", ...] = ()
    generator: str = ""
    """What worded it; empty where it is quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceSource:
    """A sentence of the draft's body, the number of its passage, and the revision that says it."""

    sentence: str
    number: int
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSlot:
    """A slot that only the worker can fill. `label` is it in words, `type` that of its input field."""

    name: str
    label: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotNote:
    """A slot that was filled by itself, and where its value comes from."""

    label: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuestion:
    """One of several questions of a ticket, and the numbers of the passages that answer it."""

    question: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedBefore:
    """A resolved ticket like this one and its reply, without their customer; `worked` of `times` stayed resolved."""

    article_title: str
    question: str
    answer: str
    worked: int
    times: int


class GuidanceState(StrEnum):
    PREPARING = "preparing"
    READY = "ready"
    ABSTAINED = "abstained"
    STALE = "stale"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """`suggestion` is the id the receipt stores. `reason` and `next_step` explain abstained and stale; `unsure`: it
    abstained although something near was found; `fails`: the answer shown has gone badly for others, as `next_step`
    says."""

    state: GuidanceState
    suggestion: str = ""
    cards: tuple[PassageCard, ...] = ()
    draft: SuggestedDraft | None = None
    worked_before: WorkedBefore | None = None
    reason: str = ""
    next_step: str = ""
    unsure: bool = False
    fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """One thing found in the text; a blocking one stops the sending.

    `start` and `end` count as a browser does (UTF-16); `place` names it to the server, which may put `fix` there.
    """

    text: str
    excerpt: str = ""
    blocking: bool = False
    start: int = 0
    end: int = 0
    place: str = ""
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What checking the text found: a part of the desk, and what the page's script gets while somebody types.

    `seen` names the text with its warnings: sent back with the reply, it says that they were read. `more` is how many
    are not listed. `asked`: somebody asked for it, so that nothing found is said too.
    """

    template: ClassVar[str] = "parts/findings.html"
    ticket: str = ""
    count: str = ""
    findings: tuple[LintFinding, ...] = ()
    more: int = 0
    seen: str = ""
    asked: bool = False


NOTHING_CHECKED = Checked()


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    summary: str
    do: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    greeting: str = ""
    sign_off: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The claim as this worker holds it. `claim_number` is the fencing token every write carries.

    `deadline` None: the clock is stopped because an answer waits for the customer or the brand. `extends_to`
    is where one extension would move it, None when there is none to have.
    """

    claim_number: int
    deadline: datetime | None
    held: bool = True
    ended_reason: str = ""
    claimable: bool = False
    extends_to: datetime | None = None
    extended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """An internal note: for the brand and whoever holds the ticket, never for the customer."""

    author_label: str
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """`draft` is the server's copy; `draft_revision` grows with each save, so that an old one never wins.
    `on_probation`: the brand reads the reply before it leaves. `confirms`: it came back with warnings, and the next
    Send is meant."""

    idempotency_key: str
    draft: str = ""
    draft_revision: int = 0
    draft_saved_at: datetime | None = None
    affiliation_label: str = ""
    max_length: int = 8000
    checked: Checked = NOTHING_CHECKED
    inserted: tuple[str, ...] = ()
    on_probation: bool = False
    confirms: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPage:
    """`part` names the block that goes out by itself in place of its old self: it takes the focus back.

    `goes_on_href`: the linked ticket, where this worker had that one in hand as well.

    POST reply: csrf, idempotency_key, claim_number, suggestion, inserted, text, seen, then (next | stay).

    POST check: csrf, claim_number, suggestion, inserted, text, perhaps fix: what is found in the text; to the page's
    script the part alone.

    POST draft: the same without idempotency_key, plus draft_revision; a button named `insert` (1-5 or draft)
    asks the server to append that guidance to the draft and show the desk again (the way without JavaScript).
    POST release: reason, then (next | pool). POST escalate: queue, reason, note. POST extension: nothing. POST
    notes: internal_note. POST category: category. POST ask-again: prepare the guidance anew. All carry
    claim_number. POST flow: flow, flow_version, answers, answer or back. POST wrong: passage, reason, words; also
    of a ticket that is over (`shown` are its passages).
    """

    template: ClassVar[str] = "worker/desk.html"
    frame: Frame
    ticket: str
    number: str
    subject: str
    brand: str
    channel: str
    language: str
    pay: Money
    state: Badge
    lease: Lease
    thread: tuple[ThreadMessage, ...]
    guidance: Guidance
    voice: Voice
    composer: Composer
    category: str
    category_confirmed: bool
    categories: tuple[Choice, ...]
    release_reasons: tuple[Choice, ...]
    escalation_reasons: tuple[Choice, ...]
    escalation_fee: Money | None = None
    escalation_queues: tuple[Choice, ...] = ()
    handover: HandoverPanel | None = None
    review: ReviewNotice | None = None
    resolves_at: datetime | None = None
    goes_on_href: str = ""
    notes: tuple[NoteLine, ...] = ()
    shown: tuple[PassageCard, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    flows: FlowPanel = NO_FLOWS
    report_reasons: tuple[Choice, ...] = ()
    answered: bool = False
    in_review: bool = False
    part: str = ""
    marked_done: bool = False
    form: FormState = EMPTY_FORM

    @property
    def writable(self) -> bool:
        """Nothing is written while a reply waits for the brand."""
        return self.lease.held and not self.in_review


# Mine


@dataclass(frozen=True, slots=True, kw_only=True)
class MineTicket:
    ticket: str
    number: str
    subject: str
    brand: str
    pay: Money
    state: Badge
    deadline: datetime | None = None
    updated_at: datetime | None = None
    resolves_at: datetime | None = None
    has_draft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDraft:
    """Text that outlived its claim; `claimable` when the ticket is back in the pool for this worker."""

    ticket: str
    subject: str
    brand: str
    text: str
    saved_at: datetime
    claimable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """A passage that the worker called wrong, and what became of it."""

    title: str
    brand: str
    quoted: str
    reason: str
    state: Badge
    outcome: str
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedReply:
    """An answer of the worker's that its brand put right: the knowledge was wrong, not the worker."""

    ticket: str
    number: str
    brand: str
    sentences: tuple[str, ...]
    corrected_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCredit:
    """An article that the worker's own answer began."""

    title: str
    brand: str
    credited_at: datetime
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinePage:
    template: ClassVar[str] = "worker/mine.html"
    frame: Frame
    claims: tuple[MineTicket, ...] = ()
    in_review: tuple[MineTicket, ...] = ()
    waiting_on_customer: tuple[MineTicket, ...] = ()
    sent_today: tuple[MineTicket, ...] = ()
    lost_drafts: tuple[LostDraft, ...] = ()
    reports: tuple[ReportLine, ...] = ()
    corrected: tuple[CorrectedReply, ...] = ()
    not_counted: tuple[NotCountedRow, ...] = ()
    credits: tuple[AnswerCredit, ...] = ()
    claim_cap: int = 3


# Earnings


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningTotals:
    """Four sums of one currency that a worker can add up: nothing is in two of them."""

    pending: Money
    payable: Money
    on_the_way: Money
    paid: Money
    today: Money
    payable_note: str = "goes into the next batch"
    may_ask_for_rest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaySumPart:
    label: str
    amount: Money
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningLine:
    earning: str
    ticket_number: str
    subject: str
    brand: str
    state: Badge
    amount: Money
    earned_at: datetime
    payable_at: datetime | None = None
    sum_parts: tuple[PaySumPart, ...] = ()
    evidence: WorkerEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSetup:
    """Whether money can reach this worker. `action_label` empty: nothing to do."""

    ready: bool
    title: str
    text: str
    action_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLink:
    month: date
    closing: Money
    paid: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningsPage:
    """One entry of `totals` per currency; none are added across currencies. POST an appeal: said."""

    template: ClassVar[str] = "worker/earnings.html"
    frame: Frame
    totals: tuple[EarningTotals, ...]
    setup: PayoutSetup
    bank: tuple[Notice, ...] = ()
    next_payday: date | None = None
    chart: BarChart | None = None
    lines: tuple[EarningLine, ...] = ()
    statements: tuple[StatementLink, ...] = ()
    form: FormState = EMPTY_FORM
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementMovement:
    happened_at: datetime
    text: str
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementTransfer:
    """One transfer at Stripe; `amount` is what went out, positive."""

    transfer: str
    amount: Money
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """opening + movements = closing; the transfers listed are Stripe's, to the cent."""

    template: ClassVar[str] = "worker/statement.html"
    frame: Frame
    worker_name: str
    month: date
    opening: Money
    movements: tuple[StatementMovement, ...]
    closing: Money
    earned: Money
    transferred: Money
    transfers_agree: bool
    issued_at: datetime
    is_final: bool
    file_href: str
    transfers: tuple[StatementTransfer, ...] = ()
