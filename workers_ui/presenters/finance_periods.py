"""Finance's page of closed months."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedMonth:
    month: date
    closed_at: datetime
    closed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodsPage:
    """POST /finance/periods: month, sure. `months` can be closed, the newest first."""

    template: ClassVar[str] = "finance/periods.html"
    frame: Frame
    closed: tuple[ClosedMonth, ...]
    months: tuple[Choice, ...]
    years: tuple[int, ...]
    form: FormState = EMPTY_FORM
