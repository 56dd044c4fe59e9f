"""What goes in and out when tickets are taken back or withdrawn."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.tickets.models import TicketState
from workers_ui.api.schemas import In


class RecallIn(In):
    reason: Annotated[str, Field(min_length=1, max_length=300)]


class RecallOut(BaseModel):
    """`pays` says what the recall costs: nothing, the escalation fee or the full price."""

    id: UUID
    kind: str
    ticket_state: str
    pays: str
    reason: str
    recalled_at: datetime


class BulkWithdrawalIn(In):
    """Which tickets: at least one of the three filters. `preview` counts them and withdraws none."""

    reason: Annotated[str, Field(max_length=300)] = ""
    state: TicketState | None = None
    category: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    older_than_hours: Annotated[int, Field(ge=0, le=87_600)] | None = None
    preview: bool = False


class RefusedTicketOut(BaseModel):
    ticket: UUID
    number: int
    why: str


class BulkWithdrawalOut(BaseModel):
    """`id` is none for a preview. `is_all` false: more match than one request takes, the oldest come first."""

    id: UUID | None
    tickets: int
    is_all: bool
    done: int
    withdrawn: int
    refusals: list[RefusedTicketOut]
    finished_at: datetime | None
