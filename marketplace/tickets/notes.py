"""Internal notes on a ticket: for the brand and for whoever works on it next, never for the customer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from marketplace.accounts.models import Person, Worker
from marketplace.events.commands import record
from marketplace.events.facts import NoteWritten
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict, Invalid
from marketplace.kernel.ids import BrandId, NoteId, PersonId, TicketId, WorkerId, new_id
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Author, Note
from marketplace.tickets.pool import held
from marketplace.tickets.posting import ticket_of

NOTE_LIMIT = 2_000
NOTES_PER_TICKET = 100


class BadNote(Invalid):
    """A note has 1 to 2,000 characters."""


class TooManyNotes(Conflict):
    """This ticket has as many notes as it may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """A note as its readers see it: who they are told wrote it, personal data masked for a worker."""

    id: NoteId
    author: Author
    worker: WorkerId | None
    name: str
    text: str
    written_at: datetime


def write_note(tx: Tx, *, ticket: TicketId, worker: WorkerId, number: int, body: str, now: datetime) -> Note:
    """A worker's note on the ticket that he holds under `number`. Raises StaleClaim, BadNote, TooManyNotes."""
    row = held(tx, ticket=ticket, worker=worker, number=number, now=now)
    return _write(tx, row.brand_id, ticket, body, now, worker=worker)


def write_brand_note(
    tx: Tx, *, brand: BrandId, ticket: TicketId, person: PersonId, body: str, now: datetime
) -> Note:
    """A member's note on one of the brand's tickets. Raises TicketNotFound, BadNote, TooManyNotes."""
    ticket_of(tx, brand=brand, ticket=ticket)
    return _write(tx, brand, ticket, body, now, person=person)


def notes_of_ticket(tx: Tx, *, brand: BrandId, ticket: TicketId, masked: bool) -> tuple[NoteLine, ...]:
    """The ticket's notes as far as this transaction's scope may read them, oldest first."""
    rows = tx.execute(
        select(Note, Person.name)
        .outerjoin(Worker, Worker.id == Note.worker_id)
        .outerjoin(Person, (Person.id == Worker.person_id) | (Person.id == Note.person_id))
        .where(Note.brand_id == brand, Note.ticket_id == ticket)
        .order_by(Note.id)
        .limit(NOTES_PER_TICKET)
    )
    return tuple(
        NoteLine(
            id=note.id,
            author=Author.WORKER if note.worker_id else Author.BRAND,
            worker=note.worker_id,
            name=name or "",
            text=mask(note.body).text if masked else note.body,
            written_at=note.written_at,
        )
        for note, name in rows
    )


def _write(
    tx: Tx,
    brand: BrandId,
    ticket: TicketId,
    body: str,
    now: datetime,
    *,
    worker: WorkerId | None = None,
    person: PersonId | None = None,
) -> Note:
    if not body.strip() or len(body) > NOTE_LIMIT or "\x00" in body:
        raise BadNote
    written = select(Note.id).where(Note.brand_id == brand, Note.ticket_id == ticket).limit(NOTES_PER_TICKET)
    if len(tx.scalars(written).all()) >= NOTES_PER_TICKET:
        raise TooManyNotes
    note = Note(
        brand_id=brand,
        id=NoteId(new_id()),
        ticket_id=ticket,
        worker_id=worker,
        person_id=person,
        body=body,
        written_at=now,
    )
    tx.add(note)
    tx.flush()
    record(tx, NoteWritten(brand=brand, ticket=ticket, note=note.id))
    return note
