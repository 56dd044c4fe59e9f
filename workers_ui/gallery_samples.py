"""What every sample view shares: a day, a brand, amounts, states, and frames for each kind of person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from marketplace.kernel.money import Money
from workers_ui.presenters.frame import Frame, NavLink, Person, brand_nav, finance_nav, worker_nav
from workers_ui.presenters.values import (
    Badge,
    Tone,
)

NOW = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
SLUG = "northwind-coffee"
BRAND = "Northwind Coffee"
LABEL = "Answered by an independent paid expert, not an employee of Northwind Coffee."

WAITING = Badge(label="waiting for the customer", tone=Tone.INFO)
CLAIMED = Badge(label="claimed", tone=Tone.INFO)
RESOLVED = Badge(label="resolved", tone=Tone.GOOD)
ESCALATED = Badge(label="escalated to you", tone=Tone.WARN)
PENDING = Badge(label="pending")
PAYABLE = Badge(label="payable", tone=Tone.GOOD)
PAID = Badge(label="paid", tone=Tone.GOOD)
HELD = Badge(label="held", tone=Tone.WARN)
ON_THE_WAY = Badge(label="on the way", tone=Tone.INFO)


def usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="usd")


def ago(**spans: float) -> datetime:
    return NOW - timedelta(**spans)


def ahead(**spans: float) -> datetime:
    return NOW + timedelta(**spans)


def make_frame(path: str, **changes: object) -> Frame:
    base = Frame(
        path=path,
        csrf_token="sample-token",  # noqa: S106 - a sample, no secret
        now=NOW,
        money_mode="test",
        time_zone="Europe/Lisbon",
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # keywords come from this module alone


MakeFrame = Callable[..., Frame]


def worker_frame(frame: MakeFrame, path: str, **changes: object) -> Frame:
    person = Person(name="Ana Reyes", email="ana@workers.example", settings_href="/worker/settings")
    return frame(path, person=person, nav=worker_nav(waiting=24, mine=2), live_url="/live", **changes)


def brand_frame(frame: MakeFrame, path: str, **changes: object) -> Frame:
    person = Person(
        name="Mira Holt",
        email="mira@northwind.example",
        places=(NavLink(href="/b/alba-cycles/tickets", label="Alba Cycles", icon="briefcase"),),
    )
    return frame(path, person=person, area=BRAND, nav=brand_nav(SLUG), live_url="/live", **changes)


def finance_frame(frame: MakeFrame, path: str) -> Frame:
    person = Person(name="Jonas Brandt", email="jonas@humancloud.example")
    return frame(path, person=person, area="Finance", nav=finance_nav())
