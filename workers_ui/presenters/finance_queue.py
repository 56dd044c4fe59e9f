"""Finance's queue of earnings, what of it is owed for how long, and many earnings held at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.finance import StateSum
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import (
    EMPTY_FORM,
    ONE_PAGE,
    Badge,
    Choice,
    FilterTab,
    FormState,
    Notice,
    Pager,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningRow:
    """`href` is the earning's page, which knows the filter it was opened from."""

    earning: str
    href: str
    worker: str
    brand: str
    ticket_number: str
    subject: str
    amount: Money
    state: Badge
    earned_at: datetime
    flags: tuple[Badge, ...] = ()
    worker_href: str = ""
    brand_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterForm:
    """`chosen` says the typed part of the filter in words; `kept` are its fields that links choose."""

    form: FormState
    kinds: tuple[Choice, ...]
    currencies: tuple[Choice, ...]
    flags: tuple[Choice, ...]
    chosen: tuple[str, ...]
    kept: Mapping[str, str]
    clear_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptView:
    """A filter kept under a name."""

    name: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningsPage:
    """POST /finance/holds: earning*, which (selected, all), filtered, why, note. POST /finance/views: name, filtered.

    `matching` is how many the whole filter takes in, `filtered` the filter as an address has it.
    """

    template: ClassVar[str] = "finance/earnings.html"
    frame: Frame
    tabs: tuple[FilterTab, ...]
    sums: tuple[StateSum, ...]
    rows: tuple[EarningRow, ...]
    filters: FilterForm
    reasons: tuple[Choice, ...]
    matching: int
    filtered: str = ""
    views: tuple[KeptView, ...] = ()
    naming: FormState = EMPTY_FORM
    holding: FormState = EMPTY_FORM
    callouts: tuple[Notice, ...] = ()
    pager: Pager = ONE_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRefusal:
    """An earning that was not held, and why."""

    href: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkHoldPage:
    """POST /finance/holds/{hold}/undo while `seconds_left`."""

    template: ClassVar[str] = "finance/hold.html"
    frame: Frame
    hold: str
    earnings: int
    reason: str
    held: int
    refusals: tuple[HoldRefusal, ...]
    seconds_left: int
    is_undone: bool
    is_finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeCell:
    count: int
    amount: Money
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingRow:
    """One state in one currency; a cell is None where nothing is that old."""

    state: Badge
    currency: str
    cells: tuple[AgeCell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeingPage:
    template: ClassVar[str] = "finance/ageing.html"
    frame: Frame
    ages: tuple[str, ...]
    rows: tuple[AgeingRow, ...]
