"""What is said against a pay, as its brand, its worker and the platform's people read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandPay:
    """One worker's pay on a brand's ticket. POST reject: reason, reply, note; dispute: dispute_note; tip: tip.

    Each way to act is None where it is not open; `why_not` says why nothing can be rejected.
    """

    earning: str
    worker: str
    amount: Money
    state: Badge
    notices: tuple[Notice, ...] = ()
    reject: Action | None = None
    dispute: Action | None = None
    undo: Action | None = None
    release: Action | None = None
    tip: Action | None = None
    replies: tuple[Choice, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandTip:
    worker: str
    amount: Money
    given_at: datetime
    taken_back: bool
    refund: Action | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPanel:
    """What a brand's ticket pays, and what may be said against it."""

    pays: tuple[BrandPay, ...]
    tips: tuple[BrandTip, ...]
    reasons: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvidence:
    """What a worker reads below a line that was held or rejected. POST `appeal`: said."""

    title: str
    reason: str
    text: str
    at: datetime
    reply: str = ""
    appeal: Action | None = None
    appealed: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCase:
    """One earning that waits for a person of the platform. POST `uphold`, `reverse`: answer; `reject`: reason, reply,
    note."""

    key: str
    earning_href: str
    title: str
    worker: str
    brand: str
    amount: Money
    badge: Badge
    said_by: str
    said: str
    since: datetime
    reply: str = ""
    appeal: str = ""
    uphold: Action | None = None
    reverse: Action | None = None
    release: Action | None = None
    reject: Action | None = None
    replies: tuple[Choice, ...] = ()
    not_yours: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenBrand:
    """POST `lift`: lift_reason."""

    key: str
    name: str
    sentence: str
    since: datetime
    lift: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputesPage:
    template: ClassVar[str] = "finance/disputes.html"
    frame: Frame
    appeals: tuple[WaitingCase, ...]
    holds: tuple[WaitingCase, ...]
    frozen: tuple[FrozenBrand, ...]
    reasons: tuple[Choice, ...]
    form: FormState = EMPTY_FORM
