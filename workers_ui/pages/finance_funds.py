"""Finance's page of brands' funds: promo credit, credit lines, and debts that two people give up."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from billing import funds_queries
from billing.credit_lines import set_credit_line
from billing.funds_models import ReversalKind, ReversalState
from billing.promos import give_promo
from billing.write_offs import approve_write_off, ask_write_off, refuse_write_off
from marketplace.accounts.models import Brand
from marketplace.accounts.permissions import Permission
from marketplace.accounts.queries import brand_by_slug
from marketplace.accounts.sessions import Principal
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, NotAllowed
from marketplace.kernel.ids import BrandId, PersonId, ReversalId, WriteOffId
from marketplace.kernel.money import Money
from workers_ui.deps import CheckedForm, HasTx, as_uuid, on_platform
from workers_ui.errors import status_of
from workers_ui.frames import finance_frame, page
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages.amounts import typed_amount
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import once_per_form
from workers_ui.presenters.finance_funds import BrandFundsRow, FinanceFundsPage, TakenBackRow
from workers_ui.presenters.values import EMPTY_FORM, Action, Badge, Choice, FormState, Tone

router = APIRouter(prefix="/finance/funds")

Viewer = Annotated[Principal, Depends(on_platform(Permission.MANAGE_BRAND_FUNDS))]
Slug = Annotated[str, Form(max_length=40)]
Typed = Annotated[str, Form(max_length=100)]
Words = Annotated[str, Form(max_length=2_000)]

FUNDS = "/finance/funds"
FROZEN = Badge(label="frozen", tone=Tone.BAD)
DISPUTED = Badge(label="disputed", tone=Tone.WARN)
OWED = Badge(label="owed", tone=Tone.BAD)


class NoSuchBrand(Invalid):
    """Choose a brand from the list."""


class BadDays(Invalid):
    """Days until an invoice is due are a whole number from 1 to 90."""


@router.get("")
def funds(request: Request, tx: HasTx, staff: Viewer) -> HTMLResponse:
    return page(request, _view(request, tx, staff))


@router.post("/promos", dependencies=[CheckedForm])
def give(
    request: Request,
    tx: HasTx,
    staff: Viewer,
    brand: Slug = "",
    amount: Typed = "",
    reason: Words = "",
    idempotency_key: Annotated[str, Form(max_length=KEY_LIMIT)] = "",
) -> Response:
    """Promo credit, once however often the form is sent."""
    typed = {"brand": brand, "amount": amount, "reason": reason}
    try:
        owner, currency = _brand(tx, brand)
        wanted = typed_amount(amount, currency=currency)

        def act() -> dict[str, Any]:
            given = give_promo(
                tx, brand=owner, amount=wanted, reason=reason, person=staff.person, now=app_now(tx)
            )
            return {"promo": str(given)}

        asked = ["promo", brand, wanted.amount_minor, reason]
        once_per_form(tx, staff, key=idempotency_key or uuid4().hex, asked=asked, act=act)
    except (Invalid, Conflict) as error:
        return _refused(request, tx, staff, error, promo_form=FormState(values=typed, problem=error.detail))
    return see(FUNDS, said="Given. Tickets that waited for money open now.")


@router.post("/credit-lines", dependencies=[CheckedForm])
def set_line(
    request: Request,
    tx: HasTx,
    staff: Viewer,
    brand: Slug = "",
    limit: Typed = "",
    invoice_at: Typed = "",
    days: Annotated[str, Form(max_length=10)] = "",
    email: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    typed = {"brand": brand, "limit": limit, "invoice_at": invoice_at, "days": days, "email": email}
    try:
        owner, currency = _brand(tx, brand)
        set_credit_line(
            tx,
            brand=owner,
            limit=typed_amount(limit, currency=currency),
            invoice_at_minor=typed_amount(invoice_at, currency=currency).amount_minor,
            days_until_due=_days(days),
            billing_email=email,
            person=staff.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        return _refused(request, tx, staff, error, line_form=FormState(values=typed, problem=error.detail))
    return see(FUNDS, said="The credit line is set.")


@router.post("/reversals/{brand}/{reversal}/write-off", dependencies=[CheckedForm])
def ask(
    request: Request, tx: HasTx, staff: Viewer, brand: str, reversal: str, reason: Words = ""
) -> Response:
    try:
        ask_write_off(
            tx,
            brand=BrandId(as_uuid(brand)),
            reversal=ReversalId(as_uuid(reversal)),
            reason=reason,
            person=staff.person,
            now=app_now(tx),
        )
    except (Invalid, Conflict) as error:
        return _refused(request, tx, staff, error, form=FormState(problem=error.detail))
    return see(FUNDS, said="Asked for. Somebody else has to decide.")


@router.post("/write-offs/{write_off}/approval", dependencies=[CheckedForm])
def approve(request: Request, tx: HasTx, staff: Viewer, write_off: str) -> Response:
    try:
        approve_write_off(tx, write_off=WriteOffId(as_uuid(write_off)), person=staff.person, now=app_now(tx))
    except (Conflict, NotAllowed) as error:
        return _refused(request, tx, staff, error, form=FormState(problem=error.detail))
    return see(FUNDS, said="Written off. The brand’s tickets may open again.")


@router.post("/write-offs/{write_off}/refusal", dependencies=[CheckedForm])
def refuse(request: Request, tx: HasTx, staff: Viewer, write_off: str) -> Response:
    try:
        refuse_write_off(tx, write_off=WriteOffId(as_uuid(write_off)), person=staff.person, now=app_now(tx))
    except Conflict as error:
        return _refused(request, tx, staff, error, form=FormState(problem=error.detail))
    return see(FUNDS, said="Not written off: the brand still owes it.")


def _brand(tx: Tx, slug: str) -> tuple[BrandId, str]:
    """The brand and its currency. Raises NoSuchBrand for one that has none yet."""
    card = brand_by_slug(tx, slug)
    currency = tx.get_one(Brand, card.id).currency if card else None
    if card is None or currency is None:
        raise NoSuchBrand
    return card.id, currency


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise BadDays
    return int(text)


def _refused(request: Request, tx: Tx, staff: Principal, error: AppError, **forms: FormState) -> HTMLResponse:
    return page(request, _view(request, tx, staff, **forms), status=status_of(error))


def _view(
    request: Request,
    tx: Tx,
    staff: Principal,
    *,
    form: FormState = EMPTY_FORM,
    promo_form: FormState = EMPTY_FORM,
    line_form: FormState = EMPTY_FORM,
) -> FinanceFundsPage:
    lines = funds_queries.brand_lines(tx)
    return FinanceFundsPage(
        frame=finance_frame(request, tx),
        rows=tuple(_row(line) for line in lines),
        taken_back=tuple(_taken_back(one, staff.person) for one in funds_queries.taken_back(tx)),
        brands=tuple(
            Choice(value=line.slug, label=f"{line.name} ({line.currency.upper()})") for line in lines
        ),
        idempotency_key=uuid4().hex,
        form=form,
        promo_form=promo_form,
        line_form=line_form,
    )


def _row(line: funds_queries.BrandLine) -> BrandFundsRow:
    def money(amount_minor: int) -> Money:
        return Money(amount_minor=amount_minor, currency=line.currency)

    return BrandFundsRow(
        name=line.name,
        slug=line.slug,
        wallet=money(line.wallet_minor),
        promo=money(line.promo_minor),
        owed=money(line.owed_minor),
        limit=None if line.limit_minor is None else money(line.limit_minor),
        state=FROZEN if line.is_frozen else None,
    )


def _taken_back(one: funds_queries.TakenBack, person: PersonId) -> TakenBackRow:
    row = one.reversal
    asked = one.write_off
    waits = f"{one.asked_by} asks to write it off: {asked.reason}" if asked else ""
    decide: tuple[Action, ...] = ()
    if asked:
        base = f"{FUNDS}/write-offs/{asked.id}"
        own = asked.asked_by == person
        reason = "Somebody else has to approve: you asked for it." if own else ""
        decide = (
            Action(href=f"{base}/approval", label="Write it off", allowed=not own, reason=reason),
            Action(href=f"{base}/refusal", label="Do not"),
        )
    can_ask = row.state is ReversalState.OWED and asked is None
    base = f"{FUNDS}/reversals/{row.brand_id}/{row.id}/write-off"
    return TakenBackRow(
        brand=one.brand,
        amount=Money(amount_minor=row.amount_minor, currency=row.currency),
        owed=Money(amount_minor=row.owed_minor, currency=row.currency),
        state=DISPUTED if row.state is ReversalState.OPEN else OWED,
        why=f"Dispute: {row.reason}" if row.kind is ReversalKind.DISPUTE else row.reason,
        since=row.opened_at,
        ask_href=base if can_ask else "",
        ask_id=row.id.hex,
        waits=waits,
        decide=decide,
    )
