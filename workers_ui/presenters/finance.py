"""Finance's pages: the earnings queue, one earning's whole story, payout batches."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.receipts import Receipt
from workers_ui.presenters.values import (
    EMPTY_FORM,
    ONE_PAGE,
    Action,
    Badge,
    Choice,
    FormState,
    Notice,
    Pager,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSum:
    """Count and sum of one state in one currency, over the whole filter and not only the shown page."""

    state: Badge
    count: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label and one of the three: a text, an amount, a moment."""

    label: str
    value: str = ""
    amount: Money | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryStep:
    """One step from ticket to transfer, in the order it happened."""

    title: str
    happened_at: datetime | None
    summary: str
    facts: tuple[Fact, ...] = ()
    reply_text: str = ""
    receipt: Receipt | None = None
    done: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingEntry:
    account: str
    debit: Money | None = None
    credit: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One ledger transaction. Its debits equal its credits, or it would not exist."""

    kind: str
    key: str
    posted_at: datetime
    entries: tuple[PostingEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FinanceEarningPage:
    template: ClassVar[str] = "finance/earning.html"
    frame: Frame
    earning: str
    ticket_number: str
    subject: str
    worker: str
    brand: str
    amount: Money
    state: Badge
    steps: tuple[StoryStep, ...]
    postings: tuple[Posting, ...]
    batch: str = ""
    batch_number: str = ""
    back_href: str = "/finance/earnings"
    previous_href: str = ""
    next_href: str = ""
    reasons: tuple[Choice, ...] = ()
    """Why it may be held; empty where it cannot be."""

    can_release: bool = False
    hold_form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    batch: str
    number: str
    state: Badge
    payout_count: int
    earning_count: int
    amount: Money
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutsSwitch:
    """Whether payouts run. POST `stop`: reason; POST `resume`. A stop that nobody threw is a check's."""

    reason: str = ""
    thrown_by: str = ""
    thrown_at: datetime | None = None
    stop: str = "/finance/payouts/stop"
    resume: str = "/finance/payouts/resume"
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """A worker to whom nothing is sent; `goes_at`: when what waits would go to unclaimed property."""

    worker: str
    cause: Badge
    reason: str
    placed_by: str
    placed_at: datetime
    waiting: tuple[Money, ...]
    lift: Action
    goes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldsPage:
    """POST /finance/held-workers: email, reason."""

    template: ClassVar[str] = "finance/held_workers.html"
    frame: Frame
    rows: tuple[HoldRow, ...]
    form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchesPage:
    """POST /finance/batches: currency. `payable` has what a new batch would hold, per currency."""

    template: ClassVar[str] = "finance/batches.html"
    frame: Frame
    rows: tuple[BatchRow, ...]
    payable: tuple[StateSum, ...]
    switch: PayoutsSwitch = PayoutsSwitch()
    form: FormState = EMPTY_FORM
    callouts: tuple[Notice, ...] = ()
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLine:
    """One payout: one worker, one transfer. `problem` says why it was refused or left out, `notes` what is special."""

    payout: str
    worker: str
    earning_count: int
    amount: Money
    state: Badge
    transfer: str = ""
    problem: str = ""
    notes: tuple[str, ...] = ()
    cancel: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One pair of eyes: who did what to the batch, and when."""

    act: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """POST confirmation, submission, approval, second-approval, release, void. Each carries `content_hash`: sign what
    was seen."""

    template: ClassVar[str] = "finance/batch.html"
    frame: Frame
    batch: str
    number: str
    state: Badge
    amount: Money
    payout_count: int
    earning_count: int
    content_hash: str
    lines: tuple[BatchLine, ...]
    signatures: tuple[Signature, ...]
    actions: tuple[Action, ...] = ()
    void_action: Action | None = None
    callouts: tuple[Notice, ...] = ()
    paid: Money | None = None
    failed_count: int = 0
    pager: Pager = ONE_PAGE
