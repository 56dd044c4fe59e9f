"""What goes in and out over HTTP. Unknown fields are refused, and so is what no row could hold."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from marketplace.tickets.gate_models import RatingReason
from marketplace.tickets.gates import Gate
from marketplace.tickets.models import Channel, EscalationReason, ReleaseReason
from marketplace.tickets.pool_queries import DEEPEST_PAGE, PoolFilters

HIGHEST_CLAIM_NUMBER = 2**31 - 1  # what the column holds

ShortText = Annotated[str, Field(min_length=1, max_length=200)]
ClaimNumber = Annotated[int, Field(ge=1, le=HIGHEST_CLAIM_NUMBER)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _holds_no_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\x00" in value:
            raise ValueError("A text cannot hold NUL characters.")
        return value


class Problem(BaseModel):
    """Every error: `code` is stable and for programs, `detail` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class CustomerIn(In):
    name: Annotated[str, Field(max_length=200)] | None = None
    email: Annotated[str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None


class TicketIn(In):
    external_id: ShortText
    subject: ShortText
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    channel: Channel = Channel.EMAIL
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] = "en"
    category: Annotated[str, Field(max_length=100)] | None = None
    customer: CustomerIn = CustomerIn()
    priority: Annotated[int, Field(ge=0, le=2)] = 0
    context: Annotated[str, Field(max_length=20_000)] = ""


class TicketOut(BaseModel):
    id: UUID
    number: int
    external_id: str
    state: str
    category: str
    channel: str
    language: str
    subject: str
    posted_at: datetime
    due_at: datetime
    follows: UUID | None


class MessageIn(In):
    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    external_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class MessageOut(BaseModel):
    """`ticket` is where the message went: after the review window, a new one that goes on from the one named."""

    id: UUID
    ticket_state: str
    ticket: UUID
    opened_linked: bool


class ResolutionOut(BaseModel):
    id: UUID
    by: str
    resolved_at: datetime
    window_ends_at: datetime


class EscalationOut(BaseModel):
    id: UUID
    state: str
    reason: str
    note: str
    queue: str
    decide_by: datetime
    decision_note: str
    needless_reason: str | None


class EventOut(BaseModel):
    cursor: str
    at: datetime
    kind: str
    subject: UUID | None
    body: dict[str, Any]


class EventsOut(BaseModel):
    events: list[EventOut]
    next: str


class ArticleIn(In):
    title: ShortText
    text: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    format: Annotated[str, Field(pattern="^(markdown|html)$")] = "markdown"
    note: Annotated[str, Field(max_length=300)] = ""
    effective_from: AwareDatetime | None = None
    effective_until: AwareDatetime | None = None
    draft: bool = False
    owner: Annotated[str, Field(max_length=320)] | None = None
    verify_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    verified: bool = True
    expected_revision: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


class AddressIn(In):
    url: Annotated[str, Field(min_length=1, max_length=2_000)]


class ArticleOut(BaseModel):
    key: str
    revision: int
    changed: bool
    state: str


class ArticleLineOut(BaseModel):
    key: str
    title: str
    state: str
    revision: int
    passages: int
    written_at: datetime
    verified_at: datetime
    next_change_at: datetime | None


class ArticlesOut(BaseModel):
    articles: list[ArticleLineOut]
    page: int
    more: bool


class StepOut(BaseModel):
    kind: str
    starts_at: datetime
    ends_at: datetime | None
    revision: int | None


class ArticleStatusOut(ArticleLineOut):
    in_force: int | None
    text: str
    indexed: bool
    planned: list[StepOut]
    owner: str | None
    verified: bool
    verify_due_at: datetime
    verify_days: int


class RevisionOut(BaseModel):
    revision: int
    title: str
    note: str
    by_key: bool
    written_at: datetime


class RevisionsOut(BaseModel):
    revisions: list[RevisionOut]
    history: list[StepOut]


class PublicationIn(In):
    revision: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    effective_from: AwareDatetime | None = None
    effective_until: AwareDatetime | None = None


class RestorationIn(In):
    revision: Annotated[int, Field(ge=1, le=1_000_000)]


class SearchOut(BaseModel):
    passages: list[dict[str, Any]]


class WalletOut(BaseModel):
    currency: str | None
    available_minor: int
    reserved_minor: int


class TopUpIn(In):
    amount_minor: Annotated[int, Field(gt=0)]
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")]


class TopUpOut(BaseModel):
    id: UUID
    state: str
    checkout_url: str | None


Hour = Annotated[int, Field(ge=0, le=23)]
LanguageTag = Annotated[str, Field(max_length=35)]


class PriceIn(In):
    """Without language and hours: the price wherever nothing more exact holds. Hours are the brand's own."""

    total_minor: Annotated[int, Field(gt=0)]
    language: LanguageTag = ""
    from_hour: Hour | None = None
    to_hour: Hour | None = None


class PriceOut(BaseModel):
    category: str
    language: str
    from_hour: int | None
    to_hour: int | None
    version: int
    total_minor: int
    pay_minor: int
    fee_minor: int
    currency: str


class SignInIn(In):
    email: Annotated[str, Field(max_length=320)]
    password: Annotated[str, Field(max_length=400)]


class SessionOut(BaseModel):
    token: str
    expires_at: datetime


class PoolWanted(In):
    """Filters of the pool; what is left out stands for any. `brand` is a slug, `pay_minor` the least pay."""

    brand: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)] | None = None
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] | None = (
        None
    )
    channel: Channel | None = None
    skill: Annotated[str, Field(pattern="^[a-z]+$", max_length=40)] | None = None
    pay_minor: Annotated[int, Field(ge=0, le=999_999_999)] = 0
    minutes: Annotated[int, Field(ge=0, le=9_999)] = 0
    page: Annotated[int, Field(ge=1, le=DEEPEST_PAGE)] = 1

    def filters(self) -> PoolFilters:
        return PoolFilters(
            brand=self.brand or "",
            language=self.language or "",
            channel=self.channel or "",
            skill=self.skill or "",
            minimum_pay_minor=self.pay_minor,
            longest_minutes=self.minutes,
        )


class PoolTicketOut(BaseModel):
    id: UUID
    number: int
    brand: str
    subject: str
    channel: str
    language: str
    category: str
    pay_minor: int
    currency: str
    expected_minutes: int
    due_at: datetime
    brand_slug: str
    skill: str
    pay_minor_an_hour: int
    surge_basis_points: int
    newcomers_first: bool
    knowledge: str
    read_seconds: int
    reply_seconds: int
    approval_basis_points: int | None
    days_to_pay: int | None
    terms_version: int


class HoldOut(BaseModel):
    ticket: UUID
    claim_number: int
    lease_ends_at: datetime | None


class DeskOut(BaseModel):
    ticket: UUID
    claim_number: int
    lease_ends_at: datetime | None
    subject: str
    category: str
    thread: list[dict[str, Any]]
    suggestion: dict[str, Any] | None
    handover: dict[str, Any]
    review: dict[str, Any] | None


class CategoryIn(In):
    claim_number: ClaimNumber
    category: Annotated[str, Field(max_length=100)]


class ReplyIn(In):
    claim_number: ClaimNumber
    text: Annotated[str, Field(min_length=1, max_length=5_000)]
    inserted: Annotated[list[Annotated[str, Field(pattern="^(draft|[1-5])$")]], Field(max_length=10)] = []
    suggestion: UUID | None = None
    flow: UUID | None = None


class ReplyOut(BaseModel):
    id: UUID
    state: str
    label: str


class ReleaseIn(In):
    claim_number: ClaimNumber
    reason: ReleaseReason


class SkipIn(In):
    reason: ReleaseReason


class ExtensionIn(In):
    claim_number: ClaimNumber


class NoteIn(In):
    claim_number: ClaimNumber
    text: Annotated[str, Field(min_length=1, max_length=2_000)]


class NoteOut(BaseModel):
    id: UUID
    text: str
    written_at: datetime


class ProfileIn(In):
    languages: Annotated[list[Annotated[str, Field(max_length=35)]], Field(min_length=1, max_length=10)]
    skills: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=20)] = []
    available: bool = True


class ProfileOut(BaseModel):
    languages: list[str]
    skills: list[str]
    available: bool
    hidden_brands: list[str]


class EscalationIn(In):
    claim_number: ClaimNumber
    reason: EscalationReason
    note: Annotated[str, Field(max_length=2_000)] = ""
    queue: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class RatingIn(In):
    stars: Annotated[int, Field(ge=1, le=5)]
    reason: RatingReason | None = None
    comment: Annotated[str, Field(max_length=2_000)] = ""


class RatingOut(BaseModel):
    id: UUID
    stars: int
    reason: RatingReason | None
    comment: str
    rated_at: datetime


class GateOut(BaseModel):
    """Shares are basis points; `share` is None while nothing is final. Early cases may still turn."""

    gate: Gate
    good: int
    total: int
    early_good: int
    early_total: int
    needed: int
    share: int | None
    threshold: int
    breach_below: int
    passed: bool
    breached: bool


class StageOut(BaseModel):
    """How much of the brand's tickets its stage lets in. Without gates: 100, no stage and no gates."""

    enabled: bool
    percent: int
    percents: list[int]
    stage: int | None
    since: datetime | None
    counted_since: datetime | None
    may_advance_from: datetime | None
    gates: list[GateOut]


class LineRefusedOut(BaseModel):
    line: int
    reason: str


class TicketImportOut(BaseModel):
    """`counts`: lines waiting, made, known (there before), refused, undone, kept (an undo came too late)."""

    id: UUID
    state: str
    lines: int
    counts: dict[str, int]
    columns: dict[str, str]
    problems: list[LineRefusedOut]


class ShareRuleIn(In):
    """Of which tickets how many of a hundred are shared; no category: of all, no hours: all day."""

    percent: Annotated[int, Field(ge=0, le=100)]
    category: Annotated[str, Field(max_length=100)] | None = None
    from_hour: Hour | None = None
    to_hour: Hour | None = None


class SharingIn(In):
    rules: Annotated[list[ShareRuleIn], Field(max_length=200)]


class ShareRuleOut(BaseModel):
    percent: int
    category: str | None
    from_hour: int | None
    to_hour: int | None


class SharingOut(BaseModel):
    """`last_tickets_shared` of the `last_tickets` would have been shared by these rules."""

    rules: list[ShareRuleOut]
    last_tickets: int
    last_tickets_shared: int


class SpendCapIn(In):
    """An amount left out is no cap."""

    per_day_minor: Annotated[int, Field(ge=0)] | None = None
    per_month_minor: Annotated[int, Field(ge=0)] | None = None


class SpendCapOut(BaseModel):
    per_day_minor: int | None
    per_month_minor: int | None
    committed_today_minor: int
    committed_this_month_minor: int
