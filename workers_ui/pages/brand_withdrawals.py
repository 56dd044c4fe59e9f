"""Withdrawing many tickets at once: what it would do, the asking, and how far it has come."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BulkWithdrawalId
from marketplace.tickets import bulk_withdrawals, queries
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages import recall_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, frame_for, once_per_form, refused
from workers_ui.pages.ticket_finder import AGES, Asked, asked_hours, asked_state
from workers_ui.presenters.brand import WithdrawalForm, WithdrawalPage
from workers_ui.presenters.values import EMPTY_FORM, FormState

router = APIRouter()

Answers = Annotated[Membership, Depends(at_brand(Permission.ANSWER_AS_BRAND))]


class FilterFirst(Invalid):
    """Choose a state, a category or an age first: this would be every ticket you have."""


@router.get("/b/{slug}/withdrawals/new")
def look_first(
    request: Request,
    tx: HasTx,
    membership: Answers,
    state: Annotated[str, Query(max_length=40)] = "",
    category: Annotated[str, Query(max_length=100)] = "",
    older: Annotated[str, Query(max_length=6)] = "",
) -> HTMLResponse:
    """How many tickets match and what withdrawing them pays; nothing is withdrawn yet."""
    return answer(request, _form_page(request, tx, membership, _asked(tx, state, category, older)))


@router.post("/b/{slug}/withdrawals", dependencies=[CheckedForm])
def withdraw_them(
    request: Request,
    tx: HasTx,
    membership: Answers,
    principal: IsSignedIn,
    state: Annotated[str, Form(max_length=40)] = "",
    category: Annotated[str, Form(max_length=100)] = "",
    older: Annotated[str, Form(max_length=6)] = "",
    reason: Annotated[str, Form(max_length=TYPED_LIMIT)] = "",
    idempotency_key: Annotated[str, Form(max_length=KEY_LIMIT)] = "",
) -> Response:
    asked = _asked(tx, state, category, older)

    def act() -> dict[str, Any]:
        bulk = bulk_withdrawals.ask_to_withdraw(
            tx,
            brand=membership.brand,
            which=asked.filter(app_now(tx)),
            reason=reason,
            by=principal.name,
            now=app_now(tx),
        )
        return {"id": str(bulk.id)}

    what = ["withdrawals", state, category, older, reason]
    try:
        made = once_per_form(tx, principal, key=idempotency_key, asked=what, act=act)
    except (Invalid, Conflict) as error:
        form = refused({"reason": reason}, error, field="reason" if isinstance(error, Invalid) else "")
        view = _form_page(request, tx, membership, asked, form=form)
        return answer(request, view, status=status_of(error))
    return see(f"{area_path(membership, 'withdrawals')}/{made['id']}")


@router.get("/b/{slug}/withdrawals/{withdrawal}")
def show_withdrawal(request: Request, tx: HasTx, membership: Answers, withdrawal: str) -> HTMLResponse:
    bulk = bulk_withdrawals.bulk_withdrawal(
        tx, brand=membership.brand, bulk=BulkWithdrawalId(as_uuid(withdrawal))
    )
    view = WithdrawalPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        withdrawal=str(bulk.id),
        reason=bulk.reason,
        by=bulk.by,
        asked_at=bulk.asked_at,
        tickets=len(bulk.tickets),
        done=bulk.done,
        withdrawn=bulk.withdrawn,
        refusals=present.refusals(bulk),
        finished_at=bulk.finished_at,
    )
    return answer(request, view)


def _asked(tx: Tx, state: str, category: str, older: str) -> Asked:
    asked = Asked(state=asked_state(state), category=category, older=asked_hours(older))
    if asked.filter(app_now(tx)).is_empty:
        raise FilterFirst
    return asked


def _form_page(
    request: Request, tx: Tx, membership: Membership, asked: Asked, *, form: FormState = EMPTY_FORM
) -> WithdrawalForm:
    counted = bulk_withdrawals.preview(tx, brand=membership.brand, which=asked.filter(app_now(tx)))
    names = {one.key: one.name for one in queries.categories(tx, membership.brand)}
    return WithdrawalForm(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        asked=present.asked_in_words(
            asked.state,
            names.get(asked.category, asked.category),
            AGES.get(asked.older, f"{asked.older} hours") if asked.older else "",
        ),
        tickets=counted.tickets,
        is_all=counted.is_all,
        lines=present.preview_lines(counted.by_state),
        state=asked.state.value if asked.state else "",
        category=asked.category,
        older=asked.older,
        back_href=asked.in_state(area_path(membership, "tickets"), asked.state),
        idempotency_key=uuid4().hex,
        form=form,
    )
