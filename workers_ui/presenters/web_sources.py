"""Addresses that a brand's knowledge is read from."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, FilterTab, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSourceRow:
    """An address and its last reading, which `href` leads to."""

    address: str
    state: Badge
    href: str
    read_at: datetime
    again: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSourcesPage:
    template: ClassVar[str] = "brand/web_sources.html"
    frame: Frame
    slug: str
    brand: str
    tabs: tuple[FilterTab, ...]
    sources: tuple[WebSourceRow, ...] = ()
    can_edit: bool = True
    form: FormState = EMPTY_FORM
