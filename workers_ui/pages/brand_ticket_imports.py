"""A brand imports a file of tickets: choose it, look at it, say which column is what, import, undo."""

import re
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from marketplace.accounts.errors import BadLanguages
from marketplace.accounts.fields import language_tag
from marketplace.accounts.permissions import Permission, allowed
from marketplace.accounts.queries import brand as brand_card
from marketplace.accounts.sessions import Membership
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_in import BYTES_MAX, EmptyFile
from marketplace.kernel.csv_out import MEDIA_TYPE, csv_out
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import AppError, Conflict, Invalid, TooLarge
from marketplace.kernel.ids import TicketImportId
from marketplace.tickets import import_queries, queries, ticket_imports
from marketplace.tickets.import_models import RowState, TicketImportState
from marketplace.tickets.import_rows import Defaults, Field, UnknownColumn
from marketplace.tickets.models import Channel
from marketplace.tickets.ticket_imports import defaults_of, ticket_import_of
from workers_ui.deps import CheckedForm, HasTx, IsSignedIn, as_uuid, at_brand
from workers_ui.errors import status_of
from workers_ui.frames import page as answer
from workers_ui.pages import brand_ticket_import_views as present
from workers_ui.pages.answers import see
from workers_ui.pages.brand_scope import area_path, frame_for, refused
from workers_ui.pages.brand_ticket_views import CHANNELS
from workers_ui.pages.brand_tickets import language_choices
from workers_ui.presenters.ticket_imports import TicketImportPage, TicketImportsPage
from workers_ui.presenters.values import EMPTY_FORM, Action, Choice, FormState

router = APIRouter()

Posts = Annotated[Membership, Depends(at_brand(Permission.POST_TICKETS))]
Column = Annotated[str, StringConstraints(max_length=200)]
Withdraws = Annotated[Membership, Depends(at_brand(Permission.CONTROL_SHARING))]

log = structlog.get_logger()
_SMALL_NUMBER = re.compile(r"[0-9]{1,3}")


class ColumnsForm(BaseModel):
    """Each thing's column by its number, empty where the file does not have it."""

    model_config = ConfigDict(extra="ignore")

    external_id: Column = ""
    subject: Column = ""
    text: Column = ""
    customer_name: Column = ""
    customer_email: Column = ""
    category: Column = ""
    channel: Column = ""
    language: Column = ""
    priority: Column = ""
    context: Column = ""
    default_channel: Column = Channel.EMAIL.value
    default_language: Column = "en"
    default_category: Column = ""


@router.get("/b/{slug}/tickets/import")
def choose(request: Request, tx: HasTx, membership: Posts) -> HTMLResponse:
    return answer(request, _choosing(request, tx, membership))


@router.post("/b/{slug}/tickets/imports", dependencies=[CheckedForm])
def start(
    request: Request,
    tx: HasTx,
    membership: Posts,
    principal: IsSignedIn,
    file: Annotated[UploadFile | str, File()] = "",
) -> Response:
    """Take the file as a draft; nothing becomes a ticket yet."""
    try:
        if isinstance(file, str) or not file.filename:
            raise EmptyFile("Choose a file first.")
        with tx.begin_nested():
            started = ticket_imports.start_ticket_import(
                tx,
                brand=membership.brand,
                file_name=file.filename,
                content=file.file.read(BYTES_MAX + 1),
                author=principal.person,
                now=app_now(tx),
            )
    except (Invalid, TooLarge) as error:
        view = _choosing(request, tx, membership, form=refused({}, error, field="file"))
        return answer(request, view, status=status_of(error))
    return see(_path(membership, started))


@router.get("/b/{slug}/tickets/imports/{import_id}")
def look(request: Request, tx: HasTx, membership: Posts, import_id: str) -> HTMLResponse:
    """A draft with its preview, an import under way with its progress, an ended one with its outcome."""
    return answer(request, _looking(request, tx, membership, _id(import_id)))


@router.post("/b/{slug}/tickets/imports/{import_id}/columns", dependencies=[CheckedForm])
def map_columns(
    request: Request,
    tx: HasTx,
    membership: Posts,
    import_id: str,
    typed: Annotated[ColumnsForm, Form()],
) -> Response:
    """Read the draft another way."""
    wanted = _id(import_id)
    try:
        ticket_imports.map_columns(
            tx,
            brand=membership.brand,
            import_id=wanted,
            columns=_columns_typed(typed),
            defaults=_defaults_typed(tx, membership, typed),
        )
    except (Invalid, Conflict) as error:
        return _refused(request, tx, membership, wanted, error)
    return see(_path(membership, wanted))


@router.get("/b/{slug}/tickets/imports/{import_id}/errors.csv")
def errors(tx: HasTx, membership: Posts, import_id: str) -> StreamingResponse:
    """The refused lines as they were, each with its reason: to mend and import again."""
    rows = import_queries.error_rows(tx, brand=membership.brand, import_id=_id(import_id))
    pieces = list(csv_out(rows))  # the transaction ends before an answer is streamed
    return StreamingResponse(
        iter(pieces),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="lines-with-errors.csv"'},
    )


@router.post("/b/{slug}/tickets/imports/{import_id}/commit", dependencies=[CheckedForm])
def commit(request: Request, tx: HasTx, membership: Posts, import_id: str) -> Response:
    wanted = _id(import_id)
    try:
        ticket_imports.commit_ticket_import(tx, brand=membership.brand, import_id=wanted, now=app_now(tx))
    except (Invalid, Conflict) as error:
        return _refused(request, tx, membership, wanted, error)
    log.info("ticket_import.committed", brand=str(membership.brand), ticket_import=str(wanted))
    return see(_path(membership, wanted))


@router.post("/b/{slug}/tickets/imports/{import_id}/discard", dependencies=[CheckedForm])
def discard(tx: HasTx, membership: Posts, import_id: str) -> RedirectResponse:
    ticket_imports.discard_ticket_import(tx, brand=membership.brand, import_id=_id(import_id))
    return see(f"{area_path(membership, 'tickets')}/import", said="The file is forgotten.")


@router.post("/b/{slug}/tickets/imports/{import_id}/undo", dependencies=[CheckedForm])
def undo(request: Request, tx: HasTx, membership: Withdraws, import_id: str) -> Response:
    wanted = _id(import_id)
    try:
        ticket_imports.undo_ticket_import(tx, brand=membership.brand, import_id=wanted, now=app_now(tx))
    except Conflict as error:
        return _refused(request, tx, membership, wanted, error)
    log.info("ticket_import.undone", brand=str(membership.brand), ticket_import=str(wanted))
    return see(_path(membership, wanted))


def _id(text: str) -> TicketImportId:
    return TicketImportId(as_uuid(text))


def _path(membership: Membership, import_id: TicketImportId) -> str:
    return f"{area_path(membership, 'tickets')}/imports/{import_id}"


def _columns_typed(typed: ColumnsForm) -> dict[Field, int]:
    """Raises UnknownColumn where a column is no small number."""
    columns = {field: str(getattr(typed, field.value)).strip() for field in Field}
    if any(column and not _SMALL_NUMBER.fullmatch(column) for column in columns.values()):
        raise UnknownColumn
    return {field: int(column) for field, column in columns.items() if column}


def _defaults_typed(tx: Tx, membership: Membership, typed: ColumnsForm) -> Defaults:
    channel, category = typed.default_channel, typed.default_category
    known = {one.key for one in queries.categories(tx, membership.brand)}
    if channel not in set(Channel) or (category and category not in known):
        raise Invalid("Choose from the lists.")
    try:
        language = language_tag(typed.default_language)
    except BadLanguages as error:
        raise Invalid(error.detail) from error
    return Defaults(channel=Channel(channel), language=language, category=category or None)


def _choosing(
    request: Request, tx: Tx, membership: Membership, *, form: FormState = EMPTY_FORM
) -> TicketImportsPage:
    base = area_path(membership, "tickets")
    earlier = import_queries.ticket_imports(tx, brand=membership.brand)
    return TicketImportsPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        brand=membership.name,
        imports=tuple(present.import_link(one, base) for one in earlier),
        form=form,
    )


def _refused(
    request: Request, tx: Tx, membership: Membership, import_id: TicketImportId, error: AppError
) -> HTMLResponse:
    view = _looking(request, tx, membership, import_id, problem=error.detail)
    return answer(request, view, status=status_of(error))


def _looking(
    request: Request, tx: Tx, membership: Membership, import_id: TicketImportId, *, problem: str = ""
) -> TicketImportPage:
    status = import_queries.ticket_import_status(tx, brand=membership.brand, import_id=import_id)
    href = _path(membership, import_id)
    done, total = present.progress(status)
    is_draft = status.state is TicketImportState.DRAFT
    page = TicketImportPage(
        frame=frame_for(request, tx, membership),
        slug=membership.slug,
        import_id=str(status.id),
        href=href,
        file_name=status.file_name,
        state=present.STATES[status.state],
        headline=present.headline(status),
        totals=present.totals(status),
        is_running=status.state in present.RUNNING,
        done=done,
        total=total,
        problems=present.problems(status, area_path(membership, "tickets")),
        more_problems=present.more_problems(status),
        errors_href=f"{href}/errors.csv" if status.count(RowState.REFUSED) else "",
        undo=present.undo(status, href, allowed=allowed(membership.role, Permission.CONTROL_SHARING)),
        form=FormState(problem=problem),
    )
    return _drafted(tx, membership, status, page) if is_draft else page


def _drafted(
    tx: Tx, membership: Membership, status: import_queries.TicketImportStatus, page: TicketImportPage
) -> TicketImportPage:
    """What a draft has besides: its columns, the first lines as tickets, and what to do with it."""
    lines = import_queries.preview(tx, brand=membership.brand, import_id=status.id)
    chosen = defaults_of(ticket_import_of(tx, brand=membership.brand, import_id=status.id))
    own = brand_card(tx, membership.brand).language
    values = {
        "default_channel": chosen.channel.value,
        "default_language": chosen.language,
        "default_category": chosen.category or "",
    }
    return replace(
        page,
        is_draft=True,
        columns=present.columns(status, lines[0].cells if lines else ()),
        choices=present.column_choices(status.headers),
        channels=tuple(Choice(value=one.value, label=CHANNELS[one]) for one in Channel),
        languages=language_choices(own),
        categories=tuple(
            Choice(value=one.key, label=one.name) for one in queries.categories(tx, membership.brand)
        ),
        preview=tuple(present.preview_row(line.number, line.read) for line in lines),
        commit=present.commit(status, page.href),
        discard=Action(href=f"{page.href}/discard", label="Forget this file"),
        form=replace(page.form, values=values),
    )
