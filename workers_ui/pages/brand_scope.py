"""What every brand page needs: a frame whose links this member may follow, forms and pages of lists."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastapi import Request

from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.sessions import Membership, Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict
from workers_ui.frames import brand_frame
from workers_ui.idempotency import KeyReused, once
from workers_ui.presenters.frame import Frame
from workers_ui.presenters.values import FormState, Pager

AREAS = (
    ("board", Permission.VIEW_TICKETS),
    ("tickets", Permission.VIEW_TICKETS),
    ("knowledge", Permission.VIEW_KNOWLEDGE),
    ("control", Permission.CONTROL_SHARING),
    ("wallet", Permission.VIEW_WALLET),
    ("team", Permission.VIEW_TEAM),
    ("escalations", Permission.VIEW_TICKETS),
)


TYPED_LIMIT = 200_000
"""Beyond what any field takes, so that too long a text is refused with a sentence and not lost."""


class SentBefore(Conflict):
    """This form was sent before with something else in it. Send it again to make this a new one."""


def frame_for(request: Request, tx: Tx, membership: Membership) -> Frame:
    """The brand's frame, less the links that would only say "not yours to do"."""
    frame = brand_frame(request, tx, slug=membership.slug, name=membership.name)
    open_to = {area_path(membership, area) for area, need in AREAS if allowed(membership.role, need)}
    return replace(frame, nav=tuple(link for link in frame.nav if link.href in open_to))


def area_path(membership: Membership, area: str) -> str:
    return f"/b/{membership.slug}/{area}"


def first_area(membership: Membership) -> str:
    """Where this member's day begins."""
    return next(area for area, need in AREAS if allowed(membership.role, need))


def once_per_form(
    tx: Tx, principal: Principal, *, key: str, asked: object, act: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What `act` answers; a form that is sent twice acts once. Raises SentBefore, and whatever `act` raises.

    A refusal takes everything back with it, the key's row too, so the form may be sent again.
    """
    try:
        with tx.begin_nested():
            return once(
                tx,
                principal=f"person:{principal.person}",
                key=key or None,
                asked=asked,
                now=app_now(tx),
                act=act,
            )
    except KeyReused as error:
        raise SentBefore from error


def refused(typed: dict[str, str], error: AppError, *, field: str = "") -> FormState:
    """What was typed with the sentence that refuses it: at its field, or for the whole form."""
    if field:
        return FormState(values=typed, errors={field: error.detail})
    return FormState(values=typed, problem=error.detail)


def pager(href: str, *, page: int, has_more: bool, first: int, shown: int, total: int | None = None) -> Pager:
    """Links to the neighbouring pages; `href` ends where the page's number goes."""
    if not shown:
        return Pager(previous_href=f"{href}{page - 1}" if page > 1 else "")
    of_all = f" of {total:,}" if total is not None else ""
    return Pager(
        previous_href=f"{href}{page - 1}" if page > 1 else "",
        next_href=f"{href}{page + 1}" if has_more else "",
        label=f"{first:,}–{first + shown - 1:,}{of_all}",
    )
