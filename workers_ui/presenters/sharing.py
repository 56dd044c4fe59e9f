"""View models of a brand's control pages: what it shares, what it keeps back, what it pays."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Notice

WHOLE_DAY = "all day"
ANY_LANGUAGE = "any language"
HOURS = tuple(Choice(value=str(hour), label=f"{hour:02}:00") for hour in range(24))
"""Hours in the brand's zone; a form adds "all day" as its empty choice."""


def hours_label(hours: tuple[int, int] | None) -> str:
    """ "08:00–18:00"."""
    return WHOLE_DAY if hours is None else f"{hours[0]:02}:00–{hours[1]:02}:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialRow:
    """One rule of the dial. `removal` is None for the rule of all categories that no row says."""

    category: str
    category_label: str
    hours_label: str
    from_hour: str
    to_hour: str
    percent: int
    set_at: datetime | None = None
    removal: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DialStep:
    """How many of the last tickets one dial for everything would have shared."""

    percent: int
    shared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """What one period has committed, of a cap if there is one."""

    label: str
    used: Money
    cap: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingPage:
    """POST rules: category (empty: all), from_hour and to_hour (empty: all day), percent.
    POST caps: per_day, per_month (decimal, empty: none). Hours and days are those of `zone`."""

    template: ClassVar[str] = "brand/sharing.html"
    frame: Frame
    slug: str
    brand: str
    zone: str
    sections: tuple[Section, ...]
    rules: tuple[DialRow, ...]
    categories: tuple[Choice, ...]
    looked_at: int
    shared_now: int
    ceiling: int
    steps: tuple[DialStep, ...]
    caps: tuple[Cap, ...] = ()
    currency: str = ""
    hours: tuple[Choice, ...] = HOURS
    dial_form: FormState = EMPTY_FORM
    caps_form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRow:
    """A topic or a category, kept back or not. `switch` is None for what never enters the pool."""

    key: str
    label: str
    badge: Badge
    enabled: bool
    switch: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRule:
    text: str
    removal: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityPage:
    """POST topics: topic, enabled. POST categories: category, enabled. POST phrases: phrase. POST examples: example.
    POST trial: text, category; its answer is this page with `verdict`."""

    template: ClassVar[str] = "brand/eligibility.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    topics: tuple[TopicRow, ...]
    kept_categories: tuple[TopicRow, ...]
    phrases: tuple[OwnRule, ...]
    examples: tuple[OwnRule, ...]
    categories: tuple[Choice, ...]
    reads_meaning: bool = True
    verdict: Notice | None = None
    phrase_form: FormState = EMPTY_FORM
    example_form: FormState = EMPTY_FORM
    trial_form: FormState = EMPTY_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """A cell of the price table with what new tickets of it cost."""

    id: str
    category: str
    category_label: str
    language: str
    language_label: str
    from_hour: str
    to_hour: str
    hours_label: str
    total: Money
    pay: Money
    fee: Money
    escalation_fee: Money
    version: int
    since: datetime
    removal: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesPage:
    """POST prices: category, language (empty: any), from_hour and to_hour (empty: any), total (decimal).
    POST prices/categories: name, total (decimal, may be empty). Prices need a currency; `hint` says so."""

    template: ClassVar[str] = "brand/prices.html"
    frame: Frame
    slug: str
    brand: str
    zone: str
    sections: tuple[Section, ...]
    cells: tuple[CellRow, ...]
    categories: tuple[Choice, ...]
    fee_percent: str
    unpriced: tuple[str, ...] = ()
    currency: str = ""
    hint: str = ""
    hours: tuple[Choice, ...] = HOURS
    price_form: FormState = EMPTY_FORM
    category_form: FormState = EMPTY_FORM
