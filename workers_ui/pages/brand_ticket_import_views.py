"""A file of tickets as its page shows it: counted, previewed, and each line that is no ticket with its reason."""

from collections.abc import Mapping, Sequence

from marketplace.tickets.import_models import RowState, TicketImportState
from marketplace.tickets.import_queries import PROBLEMS_SHOWN, ImportedLine, TicketImportStatus
from marketplace.tickets.import_rows import Field, Read
from workers_ui.presenters import ticket_imports as views
from workers_ui.presenters.values import Action, Badge, Choice, Tone

STATES: Mapping[TicketImportState, Badge] = {
    TicketImportState.DRAFT: Badge(label="not imported yet"),
    TicketImportState.IMPORTING: Badge(label="importing", tone=Tone.INFO),
    TicketImportState.DONE: Badge(label="imported", tone=Tone.GOOD),
    TicketImportState.UNDOING: Badge(label="being undone", tone=Tone.WARN),
    TicketImportState.UNDONE: Badge(label="undone", tone=Tone.WARN),
}
LABELS: Mapping[Field, str] = {
    Field.TEXT: "What the customer wrote",
    Field.SUBJECT: "Subject",
    Field.EXTERNAL_ID: "Your own number",
    Field.CUSTOMER_NAME: "Customer name",
    Field.CUSTOMER_EMAIL: "Customer e-mail",
    Field.CATEGORY: "Category",
    Field.CHANNEL: "Channel",
    Field.LANGUAGE: "Language",
    Field.PRIORITY: "Priority",
    Field.CONTEXT: "Conversation before it",
}
HINTS: Mapping[Field, str] = {
    Field.SUBJECT: "Without it, the first words of the text. ",
    Field.EXTERNAL_ID: "The same number twice makes one ticket. ",
}
SAMPLE_CHARACTERS = 60
TEXT_CHARACTERS = 160
RUNNING = frozenset({TicketImportState.IMPORTING, TicketImportState.UNDOING})


def import_link(status: TicketImportStatus, base: str) -> views.ImportLink:
    return views.ImportLink(
        href=f"{base}/imports/{status.id}",
        file_name=status.file_name,
        state=STATES[status.state],
        lines=status.rows,
        made_at=status.made_at,
    )


def headline(status: TicketImportStatus) -> str:
    """One sentence that says where things stand."""
    good, bad = status.rows - status.count(RowState.REFUSED), status.count(RowState.REFUSED)
    match status.state:
        case TicketImportState.DRAFT:
            return f"{good:,} good, {bad:,} with errors. Nothing is imported yet."
        case TicketImportState.IMPORTING:
            return f"{_lines(good)} on the way in."
        case TicketImportState.DONE:
            return f"{_tickets(status.count(RowState.MADE))} made of {_lines(status.rows)}."
        case TicketImportState.UNDOING:
            return "Tickets that nobody has touched are being withdrawn."
        case TicketImportState.UNDONE:
            kept = status.count(RowState.KEPT)
            left = f" {_tickets(kept)} could not be undone." if kept else ""
            return f"{_tickets(status.count(RowState.UNDONE))} withdrawn.{left}"


def totals(status: TicketImportStatus) -> tuple[views.ImportTotal, ...]:
    refused = views.ImportTotal(label="With errors", value=status.count(RowState.REFUSED))
    if status.state is TicketImportState.DRAFT:
        good = views.ImportTotal(label="Good", value=status.count(RowState.WAITING), tone="good")
        return (views.ImportTotal(label="Lines", value=status.rows), good, refused)
    known = views.ImportTotal(label="Here before", value=status.count(RowState.KNOWN), hint="unchanged")
    made = views.ImportTotal(label="Tickets", value=status.count(RowState.MADE), tone="good")
    if status.state in (TicketImportState.UNDOING, TicketImportState.UNDONE):
        undone = views.ImportTotal(label="Withdrawn", value=status.count(RowState.UNDONE))
        kept = views.ImportTotal(label="Not undone", value=status.count(RowState.KEPT))
        return (undone, kept, known, refused)
    waiting = views.ImportTotal(label="Waiting", value=status.count(RowState.WAITING))
    return (made, *((waiting,) if waiting.value else ()), known, refused)


def progress(status: TicketImportStatus) -> tuple[int, int]:
    """Lines done, of how many."""
    if status.state is TicketImportState.UNDOING:
        done = status.count(RowState.UNDONE, RowState.KEPT)
        return done, done + status.count(RowState.MADE)
    good = status.rows - status.count(RowState.REFUSED)
    return good - status.count(RowState.WAITING), good


def problems(status: TicketImportStatus, tickets_href: str) -> tuple[views.LineProblem, ...]:
    return tuple(_problem(one, tickets_href) for one in status.problems)


def more_problems(status: TicketImportStatus) -> int:
    told = status.count(RowState.REFUSED, RowState.KEPT)
    return max(told - len(status.problems), 0) if len(status.problems) == PROBLEMS_SHOWN else 0


def columns(status: TicketImportStatus, sample: Sequence[str]) -> tuple[views.ColumnChoice, ...]:
    """Where each thing comes from; the first line shows whether that is right."""
    return tuple(
        views.ColumnChoice(
            name=field.value,
            label=label,
            value="" if (column := status.columns.get(field)) is None else str(column),
            required=field is Field.TEXT,
            hint=HINTS.get(field, ""),
            sample="" if column is None or column >= len(sample) else _short(sample[column]),
        )
        for field, label in LABELS.items()
    )


def column_choices(headers: Sequence[str]) -> tuple[Choice, ...]:
    return tuple(
        Choice(value=str(number), label=_short(header) or f"Column {number + 1}")
        for number, header in enumerate(headers)
    )


def preview_row(line: int, read: Read) -> views.PreviewRow:
    ticket = read.ticket
    if ticket is None:
        return views.PreviewRow(line=line, problem=read.problem)
    named = (ticket.customer_name, ticket.customer_email, ticket.category)
    urgent = ("high priority",) if ticket.priority else ()
    return views.PreviewRow(
        line=line,
        subject=ticket.subject,
        text=_short(ticket.text, TEXT_CHARACTERS),
        facts=(
            *(fact for fact in named if fact),
            f"{ticket.channel.value}, {ticket.language}",
            *urgent,
            ticket.external_id,
        ),
    )


def commit(status: TicketImportStatus, href: str) -> Action:
    good = status.count(RowState.WAITING)
    return Action(
        href=f"{href}/commit",
        label=f"Import {_tickets(good)}" if good else "Import",
        allowed=good > 0,
        reason="" if good else "No line of this file can become a ticket yet.",
    )


def undo(status: TicketImportStatus, href: str, *, allowed: bool) -> Action | None:
    """Offered once an import has ended and made something; who may not withdraw tickets is told so."""
    if status.state is not TicketImportState.DONE or not status.count(RowState.MADE):
        return None
    why = "" if allowed else "Owners and managers withdraw tickets."
    return Action(href=f"{href}/undo", label="Undo this import", allowed=allowed, reason=why)


def _problem(one: ImportedLine, tickets_href: str) -> views.LineProblem:
    if one.state is not RowState.KEPT or one.ticket is None:
        return views.LineProblem(line=one.line, reason=one.problem)
    return views.LineProblem(
        line=one.line, reason=one.problem, href=f"{tickets_href}/{one.ticket}", label="See the ticket"
    )


def _short(text: str, limit: int = SAMPLE_CHARACTERS) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= limit else one_line[: limit - 1].rstrip() + "…"


def _tickets(count: int) -> str:
    return "1 ticket" if count == 1 else f"{count:,} tickets"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"
