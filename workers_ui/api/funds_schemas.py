"""What the API takes and gives of a brand's funds beside its wallet. Amounts are whole minor units."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from workers_ui.api.schemas import In

Amount = Annotated[int, Field(gt=0, le=10**14)]


class AutoTopUpIn(In):
    """Without a saved method, POST to `auto-top-up/checkout` for the page on which the first payment saves one."""

    threshold_minor: Annotated[int, Field(ge=0, le=10**14)]
    amount_minor: Amount
    monthly_limit_minor: Amount
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")]


class AutoTopUpOut(BaseModel):
    state: str
    currency: str
    threshold_minor: int
    amount_minor: int
    monthly_limit_minor: int
    charged_this_month_minor: int
    has_saved_method: bool
    stopped_reason: str | None


class SavingPageOut(BaseModel):
    checkout_url: str


class RefundIn(In):
    amount_minor: Amount


class RefundOut(BaseModel):
    id: UUID
    amount_minor: int
    currency: str
    state: str
    failure: str | None
    asked_at: datetime


class InvoiceOut(BaseModel):
    id: UUID
    number: str | None
    state: str
    amount_minor: int
    left_minor: int
    currency: str
    due_at: datetime | None
    page_url: str | None


class FundsOut(BaseModel):
    """`refundable_minor` is free now; `frozen`: a payment that was taken back keeps new tickets from opening."""

    currency: str | None
    promo_minor: int
    owed_minor: int
    credit_limit_minor: int | None
    refundable_minor: int
    frozen: bool
