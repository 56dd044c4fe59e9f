"""The control page of reply rules: what checking a reply blocks, warns of or leaves, and who chose it before."""

from dataclasses import dataclass
from typing import ClassVar

from workers_ui.presenters.control import Section
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Choice, FormState
from workers_ui.presenters.versions import VersionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One kind of finding and what holds for it."""

    kind: str
    label: str
    hint: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRulesPage:
    """POST reply-rules: based_on, and a level by each kind. POST reply-rules/restoration: version."""

    template: ClassVar[str] = "brand/reply_rules.html"
    frame: Frame
    slug: str
    brand: str
    sections: tuple[Section, ...]
    rows: tuple[RuleRow, ...]
    levels: tuple[Choice, ...]
    always: tuple[str, ...]
    based_on: int
    versions: tuple[VersionRow, ...] = ()
    form: FormState = EMPTY_FORM
