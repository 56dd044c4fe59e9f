"""Finance's page of brands' funds: what each has and owes, credit given, lines set, debts given up by two people."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandFundsRow:
    name: str
    slug: str
    wallet: Money
    promo: Money
    owed: Money
    limit: Money | None
    state: Badge | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBackRow:
    """A payment that was taken back. POST `ask_href`: reason. `decide` are the second person's two buttons."""

    brand: str
    amount: Money
    owed: Money
    state: Badge
    why: str
    since: datetime
    ask_href: str = ""
    ask_id: str = ""
    waits: str = ""
    decide: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FinanceFundsPage:
    """POST promos: brand, amount, reason, idempotency_key; POST credit-lines: brand, limit, invoice_at, days,
    email. Amounts as typed, decimal."""

    template: ClassVar[str] = "finance/funds.html"
    frame: Frame
    rows: tuple[BrandFundsRow, ...]
    taken_back: tuple[TakenBackRow, ...]
    brands: tuple[Choice, ...]
    idempotency_key: str
    form: FormState = EMPTY_FORM
    promo_form: FormState = EMPTY_FORM
    line_form: FormState = EMPTY_FORM
