"""What goes in and out over HTTP about replies in review, and the decision on an escalation."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.tickets.reply_models import ReviewReason
from workers_ui.api.schemas import In

Note = Annotated[str, Field(max_length=2_000)]


class ChangeOut(BaseModel):
    """A passage the reply rests on that ended since: what it said, why it ended, what its article says there now."""

    article: UUID
    title: str
    ending: str
    said: str
    says_now: str


class WaitingReviewOut(BaseModel):
    """`changes_mark` names the `changes`; approving such a reply repeats it."""

    id: UUID
    ticket: UUID
    subject: str
    question: str
    text: str
    asked_at: datetime
    decide_by: datetime
    after_limit: str
    changes: list[ChangeOut]
    changes_mark: str


class ApprovalIn(In):
    """`changes_read`: the `changes_mark` of what you have read, where something changed under the reply."""

    changes_read: Annotated[str, Field(max_length=64)] = ""


class ReturnIn(In):
    reason: ReviewReason
    note: Note = ""


class ReviewOut(BaseModel):
    id: UUID
    ticket: UUID
    state: str
    reason: str | None
    note: str


class ConfirmationIn(In):
    """`needless_reason`: why what the worker wrote before was needless; then the fee is not paid."""

    note: Note = ""
    needless_reason: Note = ""


class RejectionIn(In):
    note: Note = ""
