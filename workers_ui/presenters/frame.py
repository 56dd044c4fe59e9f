"""The frame round every page: who is here, where they may go, theme, language, money mode."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workers_ui.presenters.values import Notice


class Theme(StrEnum):
    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class NavLink:
    """`count_key` names the live counter a stream event changes; `also` a path prefix it stands for too."""

    href: str
    label: str
    icon: str
    count: int | None = None
    count_key: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`places` are the other areas this person may enter (another brand, the worker pool)."""

    name: str
    email: str
    places: tuple[NavLink, ...] = ()
    settings_href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything the layout reads. `path` is the request's path; `live_url` empty: no stream on this page.

    `banner` stands on top of every page of the area until what it says is over; `has_banner`: the page keeps a place
    for it, which the stream fills and empties.
    """

    path: str
    csrf_token: str
    now: datetime
    money_mode: str
    theme: Theme = Theme.AUTO
    locale: str = "en"
    time_zone: str = "UTC"
    person: Person | None = None
    area: str = ""
    nav: tuple[NavLink, ...] = ()
    live_url: str = ""
    notices: tuple[Notice, ...] = ()
    banner: Notice | None = None
    has_banner: bool = False


def worker_nav(*, waiting: int, mine: int) -> tuple[NavLink, ...]:
    return (
        NavLink(href="/worker/pool", label="Pool", icon="inbox", count=waiting, count_key="pool"),
        NavLink(
            href="/worker/mine", label="Mine", icon="headset", count=mine, count_key="mine", also="/worker/t/"
        ),
        NavLink(href="/worker/earnings", label="Earnings", icon="wallet"),
    )


def brand_nav(slug: str) -> tuple[NavLink, ...]:
    return (
        NavLink(href=f"/b/{slug}/board", label="Board", icon="layout-dashboard"),
        NavLink(href=f"/b/{slug}/tickets", label="Tickets", icon="inbox", also=f"/b/{slug}/withdrawals"),
        NavLink(href=f"/b/{slug}/escalations", label="Decide", icon="flag", also=f"/b/{slug}/reviews"),
        NavLink(href=f"/b/{slug}/knowledge", label="Knowledge", icon="book-open"),
        NavLink(href=f"/b/{slug}/control", label="Control", icon="sliders-horizontal"),
        NavLink(href=f"/b/{slug}/wallet", label="Wallet", icon="wallet"),
        NavLink(href=f"/b/{slug}/team", label="Team", icon="users"),
    )


def finance_nav() -> tuple[NavLink, ...]:
    return (
        NavLink(href="/finance/earnings", label="Earnings", icon="receipt"),
        NavLink(href="/finance/batches", label="Batches", icon="layers"),
        NavLink(href="/finance/funds", label="Brands’ funds", icon="wallet"),
        NavLink(href="/finance/disputes", label="Disputes", icon="flag"),
        NavLink(href="/finance/books", label="Books", icon="book-open"),
        NavLink(href="/finance/periods", label="Months", icon="lock"),
        NavLink(href="/finance/held-workers", label="Held workers", icon="lock"),
    )


def operator_nav() -> tuple[NavLink, ...]:
    return (
        NavLink(href="/operator/health", label="Health", icon="shield-check"),
        NavLink(href="/operator/people", label="People", icon="users"),
        NavLink(href="/operator/brands", label="Brands", icon="briefcase"),
        NavLink(href="/operator/switches", label="Switches", icon="lock"),
        NavLink(href="/operator/jobs", label="Jobs", icon="layers"),
        NavLink(href="/operator/invariants", label="Invariants", icon="circle-check"),
    )
