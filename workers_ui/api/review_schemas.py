"""What goes in and out over HTTP about replies in review, and the decision on an escalation."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.tickets.reply_models import ReviewReason
from workers_ui.api.schemas import In

Note = Annotated[str, Field(max_length=2_000)]


class WaitingReviewOut(BaseModel):
    id: UUID
    ticket: UUID
    subject: str
    question: str
    text: str
    asked_at: datetime
    decide_by: datetime
    after_limit: str


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
