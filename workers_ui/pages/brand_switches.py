"""The control tab where a brand stops something at once, and lifts it again."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from knowledge_base.queries import article
from knowledge_base.stops import articles_to_name
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, NotFound
from marketplace.kernel.ids import ArticleId, SwitchId
from marketplace.tickets import queries, switch_queries, switches
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switch_queries import SwitchLine
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import switch_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for, refused
from workers_ui.presenters.control import control_sections
from workers_ui.presenters.switches import SwitchesPage
from workers_ui.presenters.values import FormState

router = APIRouter()

Controls = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]
SECTION = "switches"


class ChooseWhat(Invalid):
    """Choose what to stop."""


@router.get("/b/{slug}/control/switches")
def show_switches(
    request: Request,
    tx: HasTx,
    membership: Controls,
    article: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """`article` comes from an article's own page: its form is open, with that one chosen."""
    form = FormState(values={"key": article}) if article else None
    chosen = SwitchKind.ARTICLE if article else None
    return answer(request, _page(request, tx, membership, form_of=chosen, form=form))


@router.post("/b/{slug}/control/switches", dependencies=[CheckedForm])
def throw(
    request: Request,
    tx: HasTx,
    membership: Controls,
    principal: IsSignedIn,
    kind: Annotated[str, Form(max_length=40)] = "",
    key: Annotated[str, Form(max_length=200)] = "",
    reason: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
) -> Response:
    """Stop it, from the next request on."""
    wanted = _kind(kind)
    typed = {"key": key, "reason": reason}
    try:
        if wanted in present.NAMED_BY_A_KEY and not key:
            raise ChooseWhat
        _check_article(tx, membership, wanted, key)
        switches.throw_at_brand(
            tx,
            brand=membership.brand,
            kind=wanted,
            key=key or None,
            reason=reason,
            by=principal.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict, switches.NothingToStop) as error:
        form = refused(typed, error, field=_field_of(error))
        view = _page(request, tx, membership, form_of=wanted, form=form)
        return answer(request, view, status=status_of(error))
    return see(_path(membership), said=f"{present.TITLES[wanted]}: stopped. {present.SAID_RULE}")


@router.post("/b/{slug}/control/switches/{switch}/lift", dependencies=[CheckedForm])
def lift(tx: HasTx, membership: Controls, principal: IsSignedIn, switch: str) -> Response:
    """Let it run again, from the next request on."""
    lifted = switches.lift_at_brand(
        tx,
        brand=membership.brand,
        switch=SwitchId(as_uuid(switch)),
        by=principal.person,
        now=app_now(tx),
    )
    return see(_path(membership), said=f"{present.TITLES[lifted.kind]}: runs again.")


def _page(
    request: Request,
    tx: Tx,
    membership: Membership,
    *,
    form_of: SwitchKind | None = None,
    form: FormState | None = None,
) -> SwitchesPage:
    live = switch_queries.live_at_brand(tx, brand=membership.brand)
    history = switch_queries.switch_history(tx, brand=membership.brand)
    names = _names(tx, membership, [*live, *history], form)
    return SwitchesPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        sections=control_sections(membership.slug, SECTION),
        stoppable=tuple(
            present.stoppable(
                kind,
                live,
                names,
                path=_path(membership),
                form=form if kind is form_of else None,
            )
            for kind in SwitchKind
        ),
        history=tuple(present.past(one, names) for one in history if one.lifted_at is not None),
    )


def _names(
    tx: Tx, membership: Membership, switches: Sequence[SwitchLine], form: FormState | None
) -> present.Names:
    """What can be named at this brand, with what is or was stopped and what was asked for."""
    asked = form.values.get("key", "") if form else ""
    stopped = [one.stop.key or "" for one in switches if one.stop.kind is SwitchKind.ARTICLE]
    also = [ArticleId(UUID(key)) for key in (*stopped, asked) if _is_uuid(key)]
    return present.Names(
        brand=membership.name,
        categories={one.key: one.name for one in queries.categories(tx, membership.brand)},
        workers={
            str(worker): name for worker, name in switch_queries.workers_seen(tx, brand=membership.brand)
        },
        articles={
            str(article): title for article, title in articles_to_name(tx, brand=membership.brand, also=also)
        },
    )


def _kind(text: str) -> SwitchKind:
    if text not in set(SwitchKind):
        raise NotFound
    return SwitchKind(text)


def _check_article(tx: Tx, membership: Membership, kind: SwitchKind, key: str) -> None:
    """An article is the knowledge's to know; tickets only keep its id."""
    if kind is SwitchKind.ARTICLE:
        article(tx, brand=membership.brand, article_id=ArticleId(as_uuid(key)))


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _field_of(error: AppError) -> str:
    if isinstance(error, switches.SwitchReasonNeeded):
        return "reason"
    return "key" if isinstance(error, (ChooseWhat, switches.NothingToStop)) else ""


def _path(membership: Membership) -> str:
    return area_path(membership, f"control/{SECTION}")
