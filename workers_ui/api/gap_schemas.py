"""What the API says of gaps and coverage. Amounts are whole minor units."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel


class GapOut(BaseModel):
    id: UUID
    name: str
    key_words: list[str]
    state: str
    tickets: int
    tickets_30_days: int
    tickets_30_days_before: int
    escalations: int
    reopens: int
    currency: str
    unpaid_time_minor: int
    escalation_fees_minor: int
    taken_back_minor: int
    cost_minor: int
    first_at: datetime
    last_at: datetime
    article: UUID | None
    closed_at: datetime | None


class GapsOut(BaseModel):
    gaps: list[GapOut]
    page: int
    has_more: bool


class GapExampleOut(BaseModel):
    ticket: UUID
    question: str
    causes: list[str]
    asked_at: datetime
    nearest_article: str | None
    nearest_passage: str | None
    confidence: float | None


class GapCostOut(BaseModel):
    kind: str
    ticket: UUID
    amount_minor: int
    seconds: int | None
    pay_minor: int | None
    per_minutes: int | None
    at: datetime


class GapDetailOut(GapOut):
    examples: list[GapExampleOut]
    costs: list[GapCostOut]
    more_costs: int


class CoveragePartOut(BaseModel):
    """`category` is None for all together; shares are None without a ticket."""

    category: str | None
    name: str
    tickets: int
    covered: int
    partly: int
    missing: int
    share: float | None
    share_before: float | None


class CoverageOut(BaseModel):
    since: date
    whole: CoveragePartOut
    categories: list[CoveragePartOut]


class ArticleRecordOut(BaseModel):
    """An article's replies that left as shown: how many went well and badly."""

    article: UUID
    title: str
    good: int
    faults: int
    score: float | None


class RevisionOutcomesOut(BaseModel):
    """`edited_share` is the median of what was put in; `good` and `faults` are of the replies `as_shown`."""

    revision: int
    shown: int
    replies: int
    inserted: int
    as_shown: int
    edited: int
    edited_share: float | None
    resolved: int
    reopened: int
    rated_low: int
    refused: int
    corrected: int
    good: int
    faults: int
    score: float | None


class ArticleReplyOut(BaseModel):
    """One that `is_bad` and left `as_shown` is a fault of the article."""

    ticket: UUID
    number: int
    revision: int
    written_at: datetime
    edited_share: float
    as_shown: bool
    resolved: bool
    held: bool
    reopened: bool
    rated_low: bool
    refused: bool
    corrected: bool
    is_bad: bool


class ArticleOutcomesOut(BaseModel):
    article: UUID
    revisions: list[RevisionOutcomesOut]
    replies: list[ArticleReplyOut]
