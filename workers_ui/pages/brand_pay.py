"""What a brand says of a ticket's pay, from the ticket's own page: reject, dispute, undo, let it be paid, tip."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from billing import holds, rejections, tips
from billing.judgement_models import HoldCause, Judge, RejectionReason
from billing.models import Earning
from marketplace.accounts.permissions import Permission
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid, NotFound
from marketplace.kernel.ids import EarningId, RejectionId, ReplyId, TicketId, TipId
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, once_per_form, refused
from workers_ui.pages.brand_ticket import ticket_page
from workers_ui.pages.typed_text import typed_lines

router = APIRouter(prefix="/b/{slug}/tickets/{ticket}", dependencies=[CheckedForm])

Judges = Annotated[Membership, Depends(at_brand(Permission.REVIEW_REPLIES))]
Tips = Annotated[Membership, Depends(at_brand(Permission.MANAGE_PRICES))]
Words = Annotated[str, Form(max_length=TYPED_LIMIT)]
Word = Annotated[str, Form(max_length=40)]


class ReasonUnknown(Invalid):
    """Choose what is wrong with the reply."""


class ReplyUnknown(Invalid):
    """Choose the reply that shows it."""


@router.post("/earnings/{earning}/rejection")
def reject(
    request: Request,
    tx: HasTx,
    membership: Judges,
    principal: IsSignedIn,
    ticket: str,
    earning: str,
    pay_reason: Word = "",
    pay_reply: Word = "",
    pay_note: Words = "",
) -> Response:
    """It counts in a minute; until then it can be undone here."""
    typed = {"pay_reason": pay_reason, "pay_reply": pay_reply, "pay_note": typed_lines(pay_note)}

    def act() -> object:
        return rejections.reject(
            tx,
            brand=membership.brand,
            earning=_earning(tx, membership, ticket, earning),
            reply=typed_reply(pay_reply),
            reason=typed_reason(pay_reason),
            note=typed["pay_note"],
            judge=Judge.BRAND,
            person=principal.person,
            now=app_now(tx),
        )

    said = "Rejected. It counts in a minute; until then you can undo it here."
    return _answered(request, tx, membership, ticket, act, typed=typed, said=said, field="pay_note")


@router.post("/earnings/{earning}/rejection/{rejection}/undo")
def undo(
    request: Request,
    tx: HasTx,
    membership: Judges,
    principal: IsSignedIn,
    ticket: str,
    earning: str,
    rejection: str,
) -> Response:
    def act() -> None:
        _earning(tx, membership, ticket, earning)
        rejections.undo(
            tx,
            brand=membership.brand,
            rejection=RejectionId(as_uuid(rejection)),
            person=principal.person,
            now=app_now(tx),
        )

    return _answered(request, tx, membership, ticket, act, said="Undone: the pay is where it was.")


@router.post("/earnings/{earning}/dispute")
def dispute(
    request: Request,
    tx: HasTx,
    membership: Judges,
    principal: IsSignedIn,
    ticket: str,
    earning: str,
    dispute_note: Words = "",
) -> Response:
    typed = {"dispute_note": typed_lines(dispute_note)}

    def act() -> object:
        return holds.hold_earning(
            tx,
            brand=membership.brand,
            earning=_earning(tx, membership, ticket, earning),
            cause=HoldCause.DISPUTE,
            reason=typed["dispute_note"],
            person=principal.person,
            now=app_now(tx),
        )

    said = "Disputed: it is not paid for now. After seven days without a decision it is."
    return _answered(request, tx, membership, ticket, act, typed=typed, said=said, field="dispute_note")


@router.post("/earnings/{earning}/release")
def release(
    request: Request, tx: HasTx, membership: Judges, principal: IsSignedIn, ticket: str, earning: str
) -> Response:
    def act() -> object:
        return holds.release_hold(
            tx,
            brand=membership.brand,
            earning=_earning(tx, membership, ticket, earning),
            person=principal.person,
            is_brand=True,
            now=app_now(tx),
        )

    return _answered(request, tx, membership, ticket, act, said="The dispute is over: the pay goes its way.")


@router.post("/earnings/{earning}/tip")
def tip(
    request: Request,
    tx: HasTx,
    membership: Tips,
    principal: IsSignedIn,
    ticket: str,
    earning: str,
    tip: Word = "",
    idempotency_key: Annotated[str, Form(max_length=KEY_LIMIT)] = "",
) -> Response:
    def act() -> object:
        paid = tx.get_one(Earning, (membership.brand, _earning(tx, membership, ticket, earning)))
        amount = typed_amount(tip, currency=brand_card(tx, membership.brand).currency or paid.currency)

        def give() -> dict[str, str]:
            given = tips.give_tip(
                tx,
                brand=membership.brand,
                ticket=paid.ticket_id,
                worker=paid.worker_id,
                amount_minor=amount.amount_minor,
                person=principal.person,
                now=app_now(tx),
            )
            return {"tip": str(given.id)}

        asked = ["tip", str(paid.id), amount.amount_minor]
        return once_per_form(tx, principal, key=idempotency_key, asked=asked, act=give)

    said = "Thank you. All of it goes to the worker."
    return _answered(request, tx, membership, ticket, act, typed={"tip": tip}, said=said, field="tip")


@router.post("/tips/{tip}/refund")
def refund(request: Request, tx: HasTx, membership: Tips, ticket: str, tip: str) -> Response:
    def act() -> None:
        tips.refund_tip(tx, brand=membership.brand, tip=TipId(as_uuid(tip)), now=app_now(tx))

    return _answered(request, tx, membership, ticket, act, said="The tip is back in your wallet.")


def _answered(
    request: Request,
    tx: Tx,
    membership: Membership,
    ticket: str,
    act: Callable[[], object],
    *,
    said: str,
    typed: dict[str, str] | None = None,
    field: str = "",
) -> Response:
    """Do it and look at the ticket, or say on the ticket's page why not."""
    found = TicketId(as_uuid(ticket))
    try:
        with tx.begin_nested():
            act()
    except (Invalid, Conflict) as error:
        form = refused(typed or {}, error, field=field if isinstance(error, Invalid) else "")
        view = ticket_page(request, tx, membership, found, form=form)
        return answer(request, view, status=status_of(error))
    return see(f"{area_path(membership, 'tickets')}/{found}#pay", said=said)


def _earning(tx: Tx, membership: Membership, ticket: str, earning: str) -> EarningId:
    """An earning on this ticket of this brand; any other is absent."""
    found = tx.get(Earning, (membership.brand, as_uuid(earning)))
    if found is None or found.ticket_id != as_uuid(ticket):
        raise NotFound
    return found.id


def typed_reason(word: str) -> RejectionReason:
    try:
        return RejectionReason(word)
    except ValueError:
        raise ReasonUnknown from None


def typed_reply(word: str) -> ReplyId:
    try:
        return ReplyId(as_uuid(word))
    except NotFound:
        raise ReplyUnknown from None
