"""Posting a ticket by hand: what was typed is judged field by field, and kept when it is refused."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from marketplace.accounts.errors import BadEmail, BadLanguages, BadName
from marketplace.accounts.fields import clean_name, language_tag, normalised_email
from marketplace.accounts.permissions import Permission
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.errors import AppError, Conflict, Invalid
from marketplace.tickets import posting
from marketplace.tickets.models import Channel
from marketplace.tickets.terms import UnknownCategory
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.idempotency import KEY_LIMIT
from workers_ui.pages import brand_ticket_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import TYPED_LIMIT, area_path, once_per_form, refused
from workers_ui.pages.brand_tickets import tickets_page
from workers_ui.pages.typed_text import typed_lines
from workers_ui.presenters.values import FormState

router = APIRouter()

Posts = Annotated[Membership, Depends(at_brand(Permission.POST_TICKETS))]
Typed = Annotated[str, Field(max_length=TYPED_LIMIT)]


class TicketForm(BaseModel):
    """A ticket as typed. Blank where the person left it so; judged by `_checked`."""

    idempotency_key: Annotated[str, Field(max_length=KEY_LIMIT)] = ""
    external_id: Typed = ""
    category: Typed = ""
    channel: Typed = Channel.EMAIL.value
    language: Typed = "en"
    customer_name: Typed = ""
    customer_email: Typed = ""
    subject: Typed = ""
    text: Typed = ""


class FieldsRefused(Invalid):
    """Not posted: some fields need a look."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


@router.post("/b/{slug}/tickets", dependencies=[CheckedForm])
def post_ticket(
    request: Request,
    tx: HasTx,
    membership: Posts,
    principal: IsSignedIn,
    typed: Annotated[TicketForm, Form()],
) -> Response:
    """Post what was typed. The form sent twice makes one ticket, also without a number of the brand's own."""
    key = typed.idempotency_key or uuid4().hex
    asked = ["ticket", membership.slug, typed.model_dump(exclude={"idempotency_key"})]

    def act() -> dict[str, Any]:
        ticket = _checked(typed, generated_id=f"web-{key}")
        made, _ = posting.post_ticket(tx, brand=membership.brand, ticket=ticket, now=app_now(tx))
        return {"ticket": str(made.id), "number": made.number}

    try:
        posted = once_per_form(tx, principal, key=key, asked=asked, act=act)
    except (Invalid, Conflict, UnknownCategory) as error:
        view = tickets_page(request, tx, membership, form=_refused_form(typed, error))
        return answer(request, view, status=422 if isinstance(error, UnknownCategory) else status_of(error))
    number = present.number_label(posted["number"])
    return see(f"{area_path(membership, 'tickets')}/{posted['ticket']}", said=f"Ticket {number} is posted.")


def _checked(typed: TicketForm, *, generated_id: str) -> posting.NewTicket:
    """The ticket that was typed. Raises FieldsRefused with every field that needs a look."""
    errors: dict[str, str] = {}
    text = typed_lines(typed.text).strip()
    if not typed.subject.strip() or len(typed.subject) > posting.SUBJECT_LIMIT:
        errors["subject"] = f"Give it a subject of at most {posting.SUBJECT_LIMIT} characters."
    if not text or len(text) > posting.TEXT_LIMIT:
        errors["text"] = f"Say what the customer wrote, in at most {posting.TEXT_LIMIT:,} characters."
    if len(typed.external_id) > KEY_LIMIT:
        errors["external_id"] = f"A number of your own has at most {KEY_LIMIT} characters."
    if "\0" in typed.category:
        errors["category"] = UnknownCategory().detail
    if typed.channel not in set(Channel):
        errors["channel"] = "Choose a channel from the list."
    parts = {
        "customer_name": _part(clean_name, typed.customer_name, BadName, "customer_name", errors),
        "customer_email": _part(normalised_email, typed.customer_email, BadEmail, "customer_email", errors),
    }
    language = _part(language_tag, typed.language, BadLanguages, "language", errors)
    if errors:
        raise FieldsRefused(errors)
    return posting.NewTicket(
        external_id=typed.external_id.strip() or generated_id,
        subject=typed.subject.strip(),
        text=text,
        channel=Channel(typed.channel),
        language=language or "en",
        category=typed.category or None,
        customer_name=parts["customer_name"],
        customer_email=parts["customer_email"],
    )


def _part(
    clean: Callable[[str], str], text: str, refusal: type[AppError], field: str, errors: dict[str, str]
) -> str | None:
    """An optional field in its stored form; a refused one is noted in `errors`."""
    if not text.strip():
        return None
    try:
        return clean(text)
    except refusal as error:
        errors[field] = error.detail
        return None


def _refused_form(typed: TicketForm, error: AppError) -> FormState:
    values = typed.model_dump(exclude={"idempotency_key"})
    match error:
        case FieldsRefused():
            return FormState(values=values, errors=error.errors, problem=error.detail)
        case UnknownCategory():
            return refused(values, error, field="category")
        case posting.ExternalIdTaken():
            return refused(values, error, field="external_id")
        case _:
            return refused(values, error)
