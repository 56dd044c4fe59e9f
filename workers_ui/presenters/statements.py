"""A brand's statements: the months that have one, and one month from opening to closing."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandStatementLink:
    href: str
    month: date
    closing: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandStatementsPage:
    template: ClassVar[str] = "brand/statements.html"
    frame: Frame
    brand: str
    wallet_href: str
    months: tuple[BrandStatementLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandStatementMovement:
    happened_at: datetime
    text: str
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandStatementPage:
    """opening + movements = closing: what is left to the brand, reserved money included, less what it owes."""

    template: ClassVar[str] = "brand/statement.html"
    frame: Frame
    brand: str
    month: date
    opening: Money
    came_in: Money
    went_out: Money
    closing: Money
    movements: tuple[BrandStatementMovement, ...]
    issued_at: datetime
    is_final: bool
    file_href: str
    back_href: str
