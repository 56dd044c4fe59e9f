"""Erasing all of a brand's knowledge."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePage:
    """`asked_at` is of the last erasure; `rows` counts what it deleted, `finished_at` is None while it runs."""

    template: ClassVar[str] = "brand/erasure.html"
    frame: Frame
    slug: str
    brand: str
    articles: int
    asked_at: datetime | None = None
    finished_at: datetime | None = None
    rows: int = 0
    form: FormState = EMPTY_FORM
