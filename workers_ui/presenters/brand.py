"""The brand's pages under /b/{slug}: tickets, knowledge, wallet and prices, team and keys."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from knowledge_base.import_files import MAX_IMPORT_FILES
from knowledge_base.reading.formats import (
    ACCEPTED,
    ACCEPTED_ENDINGS,
    MAX_UPLOAD_BYTES,
    ONE_ARTICLE,
    ONE_ARTICLE_ENDINGS,
)
from marketplace.kernel.money import Money
from workers_ui.presenters.articles import Checks, PlannedLine, Section, UnpublishedDraft
from workers_ui.presenters.brand_funds import FundsPart
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.judgements import PayPanel
from workers_ui.presenters.knowledge_imports import ImportProgress
from workers_ui.presenters.outcomes import ArticleOutcomes
from workers_ui.presenters.receipts import Receipt, ReceiptPassage
from workers_ui.presenters.service_levels import ClockLine, LadderLine
from workers_ui.presenters.values import (
    EMPTY_FORM,
    ONE_PAGE,
    Action,
    Badge,
    Choice,
    FilterTab,
    FormState,
    Notice,
    Pager,
)
from workers_ui.presenters.worker import ThreadMessage

# Tickets


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A number with its name; `key` lets a stream event change it."""

    label: str
    value: int
    hint: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTicketRow:
    ticket: str
    number: str
    subject: str
    customer: str
    category: str
    channel: str
    state: Badge
    updated_at: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicketForm:
    """POST fields: csrf, idempotency_key, external_id, category, channel, language, customer_name,
    customer_email, subject, text."""

    idempotency_key: str
    categories: tuple[Choice, ...]
    channels: tuple[Choice, ...]
    languages: tuple[Choice, ...]
    form: FormState = EMPTY_FORM
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFinder:
    """A GET form: q, category, older (hours), and the state that the tabs chose."""

    q: str
    state: str
    category: str
    older: str
    categories: tuple[Choice, ...]
    ages: tuple[Choice, ...]
    reset_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTicketsPage:
    template: ClassVar[str] = "brand/tickets.html"
    frame: Frame
    slug: str
    brand: str
    counters: tuple[Counter, ...]
    tabs: tuple[FilterTab, ...]
    rows: tuple[BrandTicketRow, ...]
    new_ticket: NewTicketForm
    finder: TicketFinder
    withdraw_href: str = ""
    can_post: bool = True
    callouts: tuple[Notice, ...] = ()
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalForm:
    """What a bulk withdrawal would withdraw, before it does. POST withdrawals: state, category, older, reason.

    `lines`: a state, how many tickets are in it, and what withdrawing one of them pays.
    """

    template: ClassVar[str] = "brand/withdrawal_new.html"
    frame: Frame
    slug: str
    brand: str
    asked: tuple[str, ...]
    tickets: int
    is_all: bool
    lines: tuple[tuple[str, int, str], ...]
    state: str
    category: str
    older: str
    back_href: str
    idempotency_key: str
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedTicket:
    ticket: str
    number: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalPage:
    """How far a bulk withdrawal has come, and which tickets stayed and why."""

    template: ClassVar[str] = "brand/withdrawal.html"
    frame: Frame
    slug: str
    brand: str
    withdrawal: str
    reason: str
    by: str
    asked_at: datetime
    tickets: int
    done: int
    withdrawn: int
    refusals: tuple[RefusedTicket, ...] = ()
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandThreadEntry:
    message: ThreadMessage
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """`replies_before`: how many replies its worker had sent; they may be called needless, with a reason."""

    reason: str
    queue: str
    note: str
    raised_at: datetime
    decide_by: datetime
    confirm_action: Action
    reject_action: Action
    replies_before: int = 0
    fee: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallForm:
    """POST: reason. `costs` says in a sentence what it pays to whoever worked on the ticket."""

    action: Action
    explanation: str
    costs: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedTicket:
    """The ticket before or after this one in the same conversation."""

    label: str
    href: str
    number: str
    subject: str
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGuidance:
    """What guidance had shown to the worker who escalated: without a reply there is no receipt to read it from."""

    sentence: str
    next_step: str
    passages: tuple[ReceiptPassage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalNote:
    """What was noted for those who work on the ticket; the customer never sees it."""

    author: str
    text: str
    written_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFact:
    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTicketPage:
    """POST messages: text. POST take-back, withdrawal: reason. POST confirmation, resolution: csrf alone. POST
    escalation-confirmation: note, needless_reason. POST escalation-rejection: note. POST notes: internal_note. `pay` is
    None until somebody was paid for resolving it.
    `price` is None while none is set for the category; `review_href` leads to the reply that waits for approval, if
    one does; `article_action` begins an article from a resolved ticket, `article_href` leads to one that was begun,
    `gap_href` to the gap its question is in."""

    template: ClassVar[str] = "brand/ticket.html"
    frame: Frame
    slug: str
    ticket: str
    number: str
    subject: str
    state: Badge
    thread: tuple[BrandThreadEntry, ...]
    facts: tuple[TicketFact, ...]
    price: Money | None
    customer_message: Action
    confirmation: Action
    resolution: Action
    idempotency_key: str
    escalation: Escalation | None = None
    recalls: tuple[RecallForm, ...] = ()
    linked: tuple[LinkedTicket, ...] = ()
    shown: ShownGuidance | None = None
    review_href: str = ""
    clocks: tuple[ClockLine, ...] = ()
    ladder: tuple[LadderLine, ...] = ()
    notes: tuple[InternalNote, ...] = ()
    note_action: Action | None = None
    article_action: Action | None = None
    article_href: str = ""
    gap_href: str = ""
    pay: PayPanel | None = None
    form: FormState = EMPTY_FORM


# Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRow:
    article: str
    title: str
    state: Badge
    passage_count: int
    used_count: int
    updated_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    article: str
    article_title: str
    section_path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionTest:
    """GET ?q=…: what a worker would be shown for this question; with `as_of` on another day."""

    question: str = ""
    as_of: str = ""
    asked: bool = False
    passages: tuple[FoundPassage, ...] = ()
    draft: str = ""
    confidence: float = 0.0
    confidence_label: str = ""
    abstained: bool = False
    reason: str = ""


NOT_ASKED = QuestionTest()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgePage:
    """`search` is what the list is narrowed to (GET ?find=…). POST imports: files, folder, review, open (multipart)."""

    template: ClassVar[str] = "brand/knowledge.html"
    frame: Frame
    slug: str
    brand: str
    articles: tuple[ArticleRow, ...]
    article_count: int
    passage_count: int
    test: QuestionTest = NOT_ASKED
    imports: tuple[ImportProgress, ...] = ()
    search: str = ""
    accepts: str = ",".join(ACCEPTED_ENDINGS)
    accepted: str = ACCEPTED
    upload_limit_bytes: int = 25_000_000
    file_limit_bytes: int = MAX_UPLOAD_BYTES
    files_limit: int = MAX_IMPORT_FILES
    can_edit: bool = True
    address_form: FormState = EMPTY_FORM
    can_erase: bool = False
    form: FormState = EMPTY_FORM
    tabs: tuple[FilterTab, ...] = ()
    pager: Pager = ONE_PAGE
    index_notice: Notice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePassage:
    passage: str
    section_path: str
    text: str
    cited_count: int = 0
    quarantined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleCredit:
    """Whose answer the article was begun from."""

    worker: str
    ticket: str
    number: str
    credited_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """POST replace: file (multipart). POST retire: csrf alone; `retire_effect` says what goes with it."""

    template: ClassVar[str] = "brand/article.html"
    frame: Frame
    slug: str
    article: str
    title: str
    state: Badge
    revision_label: str
    source_name: str
    updated_at: datetime
    passages: tuple[ArticlePassage, ...]
    retire_effect: str
    sections: tuple[Section, ...] = ()
    holds_now: str = ""
    draft: UnpublishedDraft | None = None
    checks: Checks | None = None
    planned: tuple[PlannedLine, ...] = ()
    time_zone: str = "UTC"
    can_write: bool = True
    no_passages: str = ""
    retirable: bool = True
    accepts: str = ",".join(ONE_ARTICLE_ENDINGS)
    accepted: str = ONE_ARTICLE
    can_edit: bool = True
    stopped: str = ""
    stop_href: str = ""
    verified_on: date | None = None
    credits: tuple[ArticleCredit, ...] = ()
    outcomes: ArticleOutcomes | None = None
    form: FormState = EMPTY_FORM


# Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletMovement:
    happened_at: datetime
    text: str
    amount: Money
    balance_after: Money
    ticket: str = ""
    ticket_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """Terms of one category as new tickets get them. The pay is the total less the fee.

    A category without a price of its own has none of them, and version 0.
    """

    category: str
    category_label: str
    total: Money | None = None
    pay: Money | None = None
    fee: Money | None = None
    version: int = 0
    since: datetime | None = None
    escalation_fee: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPage:
    """POST top-ups: amount (as typed, decimal), currency at the first one, idempotency_key.
    `prices` are those of any language and hour; `prices_href` leads to where they are changed."""

    template: ClassVar[str] = "brand/wallet.html"
    frame: Frame
    slug: str
    brand: str
    balance: Money
    reserved: Money
    spent_this_month: Money
    movements: tuple[WalletMovement, ...]
    prices: tuple[PriceRow, ...]
    idempotency_key: str
    fee_percent: str
    funds: FundsPart
    can_top_up: bool = True
    prices_href: str = ""
    currencies: tuple[Choice, ...] = ()
    awaiting_funds: int = 0
    top_up_form: FormState = EMPTY_FORM
    pager: Pager = ONE_PAGE


# Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    name: str
    email: str
    role_label: str
    joined_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingInvite:
    email: str
    role_label: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow:
    """`prefix` is what may be shown of it; `revocation` is None when it is revoked or not yours to revoke."""

    name: str
    prefix: str
    scopes: str
    created_at: datetime
    revoked_at: datetime | None = None
    revocation: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamPage:
    """POST invites: email, role. POST api-keys: name, scopes (repeated). `new_key` is shown once.

    `chosen_scopes` are those ticked in a form that was refused.
    """

    template: ClassVar[str] = "brand/team.html"
    frame: Frame
    slug: str
    brand: str
    members: tuple[Member, ...]
    invites: tuple[PendingInvite, ...]
    api_keys: tuple[ApiKeyRow, ...]
    roles: tuple[Choice, ...]
    scopes: tuple[Choice, ...]
    can_invite: bool = True
    can_make_keys: bool = True
    chosen_scopes: tuple[str, ...] = ()
    new_key: str = ""
    invite_form: FormState = EMPTY_FORM
    key_form: FormState = EMPTY_FORM
