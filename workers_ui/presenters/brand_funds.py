"""The parts of a brand's wallet page beside balance and prices: what else there is, what is owed, what goes back."""

from dataclasses import dataclass
from datetime import datetime

from marketplace.kernel.money import Money
from workers_ui.presenters.values import EMPTY_FORM, Badge, FormState, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """`each` is what one resolution cost on average; nothing while there is none."""

    category_label: str
    spent: Money
    resolutions: int
    each: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    number: str
    amount: Money
    left: Money
    state: Badge
    made_at: datetime
    due_at: datetime | None = None
    page_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    amount: Money
    state: Badge
    asked_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoTopUpPart:
    """POST auto-top-up: threshold, amount, monthly_limit (as typed, decimal), idempotency_key; POST
    auto-top-up/off: forget (yes)."""

    state: Badge
    sentence: str
    form: FormState
    is_set: bool = False
    has_method: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FundsPart:
    """POST refunds: amount (as typed, decimal), idempotency_key. `auto` is empty before the first top-up."""

    promo: Money
    owed: Money
    refundable: Money
    limit: Money | None = None
    is_frozen: bool = False
    notices: tuple[Notice, ...] = ()
    auto: AutoTopUpPart | None = None
    spend: tuple[SpendRow, ...] = ()
    invoices: tuple[InvoiceRow, ...] = ()
    refunds: tuple[RefundRow, ...] = ()
    refund_form: FormState = EMPTY_FORM
