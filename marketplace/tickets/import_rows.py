"""Lines of a brand's file as tickets: which column is what, and what is wrong with a line; pure."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from marketplace.accounts.errors import BadEmail, BadLanguages, BadName
from marketplace.accounts.fields import clean_name, language_tag, normalised_email
from marketplace.kernel.csv_in import UNREADABLE
from marketplace.kernel.errors import AppError, Invalid
from marketplace.tickets.models import Channel
from marketplace.tickets.posting import (
    EXTERNAL_ID_LIMIT,
    HIGHEST_PRIORITY,
    SUBJECT_LIMIT,
    TEXT_LIMIT,
    NewTicket,
)

SUBJECT_FROM_TEXT = 80
ELLIPSIS = "…"


class Field(StrEnum):
    """What a column of a file may hold."""

    EXTERNAL_ID = "external_id"
    SUBJECT = "subject"
    TEXT = "text"
    CUSTOMER_NAME = "customer_name"
    CUSTOMER_EMAIL = "customer_email"
    CATEGORY = "category"
    CHANNEL = "channel"
    LANGUAGE = "language"
    PRIORITY = "priority"
    CONTEXT = "context"


HEADERS: Mapping[Field, tuple[str, ...]] = {
    Field.EXTERNAL_ID: (
        *("externalid", "ticketid", "id", "number", "ticketnumber", "ticket", "caseid", "casenumber", "key"),
        *("reference", "ref", "requestid", "conversationid", "nummer", "ticketnr"),
    ),
    Field.SUBJECT: ("subject", "title", "summary", "betreff", "topic", "headline", "objet", "asunto"),
    Field.TEXT: (
        *("text", "message", "body", "description", "content", "question", "customermessage", "request"),
        *("firstmessage", "comment", "nachricht", "beschreibung", "mensaje", "instruction"),
    ),
    Field.CUSTOMER_NAME: (
        *(
            "customername",
            "name",
            "requester",
            "requestername",
            "customer",
            "contactname",
            "fullname",
            "from",
        ),
        *("sender", "kunde", "nombre"),
    ),
    Field.CUSTOMER_EMAIL: (
        *("customeremail", "email", "requesteremail", "mail", "contactemail", "emailaddress", "fromemail"),
        *("senderemail", "correo"),
    ),
    Field.CATEGORY: ("category", "topic", "kategorie", "tag", "intent", "department", "categoria"),
    Field.CHANNEL: ("channel", "via", "source", "kanal", "canal", "medium"),
    Field.LANGUAGE: ("language", "lang", "locale", "sprache", "idioma", "langue"),
    Field.PRIORITY: ("priority", "urgency", "prio", "prioritaet", "prioridad"),
    Field.CONTEXT: ("context", "history", "conversation", "thread", "previousmessages", "verlauf"),
}
"""Names that helpdesks and people give their columns, without case, marks and spaces."""

CHANNELS: Mapping[str, Channel] = {
    **dict.fromkeys(("email", "mail", "web", "form"), Channel.EMAIL),
    **dict.fromkeys(("chat", "livechat", "messaging", "widget"), Channel.CHAT),
}
PRIORITIES: Mapping[str, int] = {
    **dict.fromkeys(("0", "low", "normal", "none", "medium"), 0),
    **dict.fromkeys(("1", "high"), 1),
    **dict.fromkeys(("2", "urgent", "critical"), HIGHEST_PRIORITY),
}


class NoTextColumn(Invalid):
    """Say which column holds what the customer wrote; without it there is no ticket."""


class ColumnUsedTwice(Invalid):
    """Two things cannot come from the same column. Choose a column for each, or none."""


class UnknownColumn(Invalid):
    """The file has no such column."""


class BadRow(Invalid):
    """This line cannot become a ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for lines that do not say it themselves."""

    channel: Channel = Channel.EMAIL
    language: str = "en"
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """How a file is read: `columns` says where each field stands, `categories` are the brand's by key."""

    width: int
    columns: Mapping[Field, int]
    defaults: Defaults
    categories: Mapping[str, str]

    def ticket(self, cells: Sequence[str]) -> NewTicket:
        """The ticket of a line. Raises BadRow, whose sentence names everything that is wrong."""
        wrong: list[str] = []
        if len(cells) > self.width:
            wrong.append(f"The line has {len(cells)} cells, the first line names {self.width} columns.")
        if any(UNREADABLE in cell for cell in cells):
            wrong.append("It holds characters that cannot be read.")
        text = self._cell(cells, Field.TEXT)
        ticket = dict(
            external_id=_limited(self._external_id(cells), EXTERNAL_ID_LIMIT, "The number", wrong),
            subject=_limited(self._subject(cells, text), SUBJECT_LIMIT, "The subject", wrong),
            text=_limited(text, TEXT_LIMIT, "The text", wrong),
            context=_limited(self._cell(cells, Field.CONTEXT), TEXT_LIMIT, "The history", wrong),
            channel=self._known(cells, Field.CHANNEL, CHANNELS, self.defaults.channel, wrong),
            priority=self._known(cells, Field.PRIORITY, PRIORITIES, 0, wrong),
            category=self._category(cells, wrong),
            language=self._cleaned(cells, Field.LANGUAGE, language_tag, BadLanguages, wrong)
            or self.defaults.language,
            customer_name=self._cleaned(cells, Field.CUSTOMER_NAME, clean_name, BadName, wrong),
            customer_email=self._cleaned(cells, Field.CUSTOMER_EMAIL, normalised_email, BadEmail, wrong),
        )
        if not text:
            wrong.insert(0, "It does not say what the customer wrote.")
        if wrong:
            raise BadRow(" ".join(wrong))
        return NewTicket(**ticket)  # type: ignore[arg-type]  # each value is of its field's type by its maker

    def _cell(self, cells: Sequence[str], field: Field) -> str:
        column = self.columns.get(field)
        if column is None or column >= len(cells):
            return ""
        return cells[column].replace("\r\n", "\n").strip()

    def _external_id(self, cells: Sequence[str]) -> str:
        """The line's own number; one that has none is known again by what it says."""
        own = self._cell(cells, Field.EXTERNAL_ID)
        if own:
            return own
        said = json.dumps([self._cell(cells, field) for field in Field])
        return f"csv-{hashlib.sha256(said.encode()).hexdigest()[:24]}"

    def _subject(self, cells: Sequence[str], text: str) -> str:
        own = self._cell(cells, Field.SUBJECT)
        if own or not text:
            return own or text
        first = " ".join(text.split("\n", 1)[0].split())
        return (
            first if len(first) <= SUBJECT_FROM_TEXT else first[: SUBJECT_FROM_TEXT - 1].rstrip() + ELLIPSIS
        )

    def _known(
        self,
        cells: Sequence[str],
        field: Field,
        known: Mapping[str, object],
        default: object,
        wrong: list[str],
    ) -> object:
        said = self._cell(cells, field)
        if not said:
            return default
        found = known.get(plain(said))
        if found is None:
            wrong.append(f"There is no {field.value} {_quoted(said)}.")
        return found

    def _category(self, cells: Sequence[str], wrong: list[str]) -> str | None:
        said = self._cell(cells, Field.CATEGORY)
        if not said:
            return self.defaults.category
        by_name = {plain(name): key for key, name in self.categories.items()}
        found = said if said in self.categories else by_name.get(plain(said))
        if found is None:
            wrong.append(f"You have no category {_quoted(said)}.")
        return found

    def _cleaned(
        self,
        cells: Sequence[str],
        field: Field,
        clean: Callable[[str], str],
        refusal: type[AppError],
        wrong: list[str],
    ) -> str | None:
        said = self._cell(cells, field)
        if not said:
            return None
        try:
            return clean(said)
        except refusal as error:
            wrong.append(f"{_quoted(said)}: {error.detail}")
            return None


def guess_columns(headers: Sequence[str]) -> dict[Field, int]:
    """Where each field probably stands, by the columns' names: the likeliest name first, no column twice."""
    names = [plain(header) for header in headers]
    found: dict[Field, int] = {}
    for field, known in HEADERS.items():
        column = next((names.index(name) for name in known if name in names), None)
        if column is not None and column not in found.values():
            found[field] = column
    return found


def check_columns(columns: Mapping[Field, int], *, width: int) -> None:
    """Raises NoTextColumn, UnknownColumn, ColumnUsedTwice."""
    if Field.TEXT not in columns:
        raise NoTextColumn
    if any(not 0 <= column < width for column in columns.values()):
        raise UnknownColumn
    if len(set(columns.values())) < len(columns):
        raise ColumnUsedTwice


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A line as a ticket, or the sentence why not."""

    ticket: NewTicket | None
    problem: str = ""


def read_rows(reader: Reader, rows: Iterable[tuple[int, Sequence[str]]]) -> list[Read]:
    """Each numbered line of a file; one that says again what an earlier one said, or contradicts it, is refused."""
    earlier: dict[str, tuple[int, NewTicket]] = {}
    read: list[Read] = []
    for number, cells in rows:
        try:
            ticket = reader.ticket(cells)
        except BadRow as error:
            read.append(Read(ticket=None, problem=error.detail))
            continue
        line, known = earlier.setdefault(ticket.external_id, (number, ticket))
        if line == number:
            read.append(Read(ticket=ticket))
        elif known == ticket:
            read.append(Read(ticket=None, problem=f"It repeats line {line}; one ticket is made of both."))
        else:
            read.append(
                Read(ticket=None, problem=f"Line {line} has the same number {_quoted(ticket.external_id)}.")
            )
    return read


def plain(text: str) -> str:
    """`text` in lower case with letters and digits alone: how names of columns and values are compared."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[\W_]+", "", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _limited(text: str, limit: int, what: str, wrong: list[str]) -> str:
    if len(text) > limit:
        wrong.append(f"{what} has {len(text):,} characters; {limit:,} is the most.")
    return text


def _quoted(text: str) -> str:
    short = text if len(text) <= SUBJECT_FROM_TEXT else text[: SUBJECT_FROM_TEXT - 1] + ELLIPSIS
    return f"“{short}”"
