"""The brand's word on replies and escalations: its two queues, and the rules of the control area's Replies tab."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.receipts import Receipt
from workers_ui.presenters.values import EMPTY_FORM, Badge, Choice, FilterTab, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedGround:
    """A passage the reply rests on that ended since; `href` is empty where the reader may not open the article."""

    title: str
    href: str
    what: str
    said: str
    says_now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCard:
    """A reply that waits. POST {href}/approval: changes_read. POST {href}/return: reason, note. Where something
    `changed`, POST {href}/outdated-return: csrf alone."""

    review: str
    href: str
    ticket: str
    number: str
    subject: str
    category: str
    channel: str
    question: str
    text: str
    label: str
    worker_alias: str
    record: str
    asked_at: datetime
    decide_by: datetime
    then: str
    changed: tuple[ChangedGround, ...] = ()
    changes_mark: str = ""
    receipt: Receipt | None = None
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewsPage:
    template: ClassVar[str] = "brand/reviews.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    cards: tuple[ReviewCard, ...]
    reasons: tuple[Choice, ...]
    waiting: int
    probation: str
    rules_href: str = ""
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationRow:
    ticket: str
    number: str
    subject: str
    queue: str
    reason: str
    note: str
    worker_alias: str
    raised_at: datetime
    decide_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationsPage:
    template: ClassVar[str] = "brand/escalations.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    queues: tuple[FilterTab, ...]
    rows: tuple[EscalationRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRule:
    """POST follow-ups/{channel}: silence_minutes, grace_minutes."""

    channel: str
    label: str
    silence_minutes: int
    grace_minutes: int
    summary: str
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """POST queues/{key}: name, decide_minutes, notify_email. POST queues/{key}/preselection, /retirement: csrf."""

    key: str
    name: str
    decide_minutes: int
    notify_email: str
    preselected: bool
    waiting: int
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a worker's replies fared here."""

    worker_alias: str
    approved: int
    rejected: int
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class RepliesControlPage:
    """POST queues: name, decide_minutes, notify_email. POST probation: replies, limit_minutes, after_limit,
    accuracy_percent."""

    template: ClassVar[str] = "brand/control_replies.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    channels: tuple[ChannelRule, ...]
    queues: tuple[QueueRow, ...]
    after_limits: tuple[Choice, ...]
    probation_form: FormState
    new_queue_form: FormState = EMPTY_FORM
    standings: tuple[Standing, ...] = ()
