"""Letters go into a table with the fact that causes them, and out through a port afterwards.

At least once: a letter counts an attempt before it is tried and is marked after, each in a transaction of its
own, so a crash in between may repeat it (its Message-ID stays the same) but never lose it. No transaction is
open while a mail server talks.
"""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import UUID

import structlog
from sqlalchemy import Row, select, text, update

from marketplace.accounts.errors import BadMailHeader
from marketplace.accounts.models import Mail
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import new_id

LETTERS_PER_SWEEP = 100
SERVER_SECONDS = 15.0  # below the first wait between attempts, so that two sweeps do not send the same letter
# When a letter that old may be tried for the first, second … time; after the last it is given up.
ATTEMPT_AFTER = (
    timedelta(0),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
LATE = timedelta(minutes=10)
STUCK_SHOWN = 50

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A plain text e-mail to one person. Raises BadMailHeader where a header would have two lines."""

    id: UUID
    recipient: str
    subject: str
    body: str
    written_at: datetime

    def __post_init__(self) -> None:
        for header in (self.recipient, self.subject):
            if not header or any(c in header for c in "\r\n\0"):
                raise BadMailHeader


class LetterRefused(Exception):
    """The mail server does not take this letter; others may go through."""


class MailServerDown(Exception):
    """No connection could be made, so nothing was said about any letter."""


class MailServerLost(Exception):
    """The connection broke while a letter was being handed over: it may have arrived or not."""


class MailPort(Protocol):
    """Takes letters out of the house."""

    def send(self, letter: Letter) -> None:
        """Hand `letter` over for good. Answers within a minute.

        Raises LetterRefused, MailServerDown, MailServerLost.
        """
        ...

    def kept_body(self, letter: Letter) -> str:
        """What the table keeps of a letter that was sent: letters hold one-time links."""
        ...


class DevelopmentMailbox:
    """Sends nothing: letters stay in the table, where the development mailbox page shows them."""

    def send(self, letter: Letter) -> None:
        log.info("mail.kept_in_development_mailbox", mail=str(letter.id))

    def kept_body(self, letter: Letter) -> str:
        return letter.body


class SmtpMail:
    """A mail server by `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`.

    Nothing leaves this machine unencrypted: only a server on the loopback address may do without TLS.
    """

    def __init__(self, url: str, *, sender: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError(
                "SMTP_URL reads smtp://user:password@host:port or smtps://user:password@host:port."
            )
        self._host = parts.hostname
        self._at_once_encrypted = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._at_once_encrypted else 587)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender
        self._tls = tls or ssl.create_default_context()

    def send(self, letter: Letter) -> None:
        message = self._message(letter)
        server = self._connection()
        try:
            server.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            raise LetterRefused(type(error).__name__) from error
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerLost(type(error).__name__) from error
        finally:
            _hang_up(server)

    def kept_body(self, letter: Letter) -> str:
        return ""

    def _connection(self) -> smtplib.SMTP:
        server: smtplib.SMTP | None = None
        try:
            server = self._call()
            self._introduce(server)
        except (smtplib.SMTPException, OSError) as error:
            if server is not None:
                server.close()
            raise MailServerDown(type(error).__name__) from error
        return server

    def _call(self) -> smtplib.SMTP:
        if self._at_once_encrypted:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=SERVER_SECONDS, context=self._tls)
        return smtplib.SMTP(self._host, self._port, timeout=SERVER_SECONDS)

    def _introduce(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if not self._at_once_encrypted and (server.has_extn("starttls") or not is_loopback(self._host)):
            server.starttls(context=self._tls)
        if self._user:
            server.login(self._user, self._password)

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = letter.recipient
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(letter.written_at)
        message["Message-ID"] = f"<{letter.id}@{parseaddr(self._sender)[1].partition('@')[2] or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.body)
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a sweep did."""

    sent: int
    refused: int


def mail_port(smtp_url: str | None, *, sender: str) -> MailPort:
    """The port of this installation: a mail server where one is named, else the development mailbox."""
    return DevelopmentMailbox() if smtp_url is None else SmtpMail(smtp_url, sender=sender)


def write_letter(tx: Tx, *, recipient: str, subject: str, body: str, now: datetime) -> None:
    """Leave a letter for the next sweep. Raises BadMailHeader."""
    letter = Letter(id=new_id(), recipient=recipient, subject=subject, body=body, written_at=now)
    tx.add(Mail(id=letter.id, recipient=recipient, subject=subject, body=body, created_at=now))
    tx.flush()


def deliver_mail(database: Database, port: MailPort, *, limit: int = LETTERS_PER_SWEEP) -> Delivered:
    """Send up to `limit` letters that are due, oldest first; stops early when the mail server is gone."""
    sent = refused = 0
    last: UUID | None = None
    while sent + refused < limit and (row := _take_next(database, after=last)) is not None:
        last = row.id
        try:
            _send(database, port, row)
        except (LetterRefused, BadMailHeader) as error:
            refused += 1
            log.warning("mail.refused", mail=str(last), error=str(error))
        except MailServerLost as error:
            log.warning("mail.server_lost", mail=str(last), error=str(error))
            break
        except MailServerDown as error:
            _give_attempt_back(database, row.id)
            log.warning("mail.server_down", error=str(error))
            break
        else:
            sent += 1
    return Delivered(sent=sent, refused=refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckLetter:
    """A letter that was tried as often as it is, or is late; to whom is nobody's business here."""

    id: UUID
    subject: str
    created_at: datetime
    attempts: int


def stuck_letters(tx: Tx, *, now: datetime) -> list[StuckLetter]:
    """Letters that were given up, or that nobody has tried for LATE, the oldest first."""
    given_up = Mail.attempts >= len(ATTEMPT_AFTER)
    late = (Mail.attempts == 0) & (Mail.created_at < now - LATE)
    rows = tx.scalars(
        select(Mail).where(Mail.sent_at.is_(None), given_up | late).order_by(Mail.id).limit(STUCK_SHOWN)
    )
    return [
        StuckLetter(id=one.id, subject=one.subject, created_at=one.created_at, attempts=one.attempts)
        for one in rows
    ]


def try_letter_again(tx: Tx, letter: UUID) -> bool:
    """Give a letter all its attempts again; whether it was still here."""
    unsent = (Mail.id == letter) & Mail.sent_at.is_(None)
    return tx.execute(update(Mail).where(unsent).values(attempts=0).returning(Mail.id)).first() is not None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its address or customary name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _take_next(database: Database, *, after: UUID | None) -> Row[Any] | None:
    """The next letter that is due, its attempt counted; one that somebody else is taking is passed by."""
    waits = {"waits": list(ATTEMPT_AFTER), "attempts": len(ATTEMPT_AFTER)}
    with database.transaction() as tx:
        return tx.execute(_TAKE, {"after": after, "now": app_now(tx), **waits}).one_or_none()


def _send(database: Database, port: MailPort, row: Row[Any]) -> None:
    letter = Letter(
        id=row.id, recipient=row.recipient, subject=row.subject, body=row.body, written_at=row.created_at
    )
    port.send(letter)
    _mark_sent(database, letter, kept_body=port.kept_body(letter))


def _mark_sent(database: Database, letter: Letter, *, kept_body: str) -> None:
    with database.transaction() as tx:
        tx.execute(update(Mail).where(Mail.id == letter.id).values(sent_at=app_now(tx), body=kept_body))


def _give_attempt_back(database: Database, letter: UUID) -> None:
    """Nothing was said about this letter, so an outage uses none of its attempts up."""
    with database.transaction() as tx:
        tx.execute(update(Mail).where(Mail.id == letter).values(attempts=Mail.attempts - 1))


def _hang_up(server: smtplib.SMTP) -> None:
    """Whatever the server says to our goodbye, the letter's fate is decided."""
    with suppress(smtplib.SMTPException, OSError):
        server.quit()


_TAKE = text(
    "UPDATE mail SET attempts = attempts + 1 WHERE id = ("
    "SELECT id FROM mail WHERE sent_at IS NULL AND attempts < :attempts "
    "AND created_at + (CAST(:waits AS interval[]))[attempts + 1] <= :now "
    "AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) "
    "RETURNING id, recipient, subject, body, created_at"
)
