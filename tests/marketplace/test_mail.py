"""Letters leave once, after their commit, and a mail server's moods lose none of them."""

import shutil
import ssl
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text, update

from marketplace.accounts import queries
from marketplace.accounts.errors import BadMailHeader
from marketplace.accounts.mail import (
    ATTEMPT_AFTER,
    Delivered,
    DevelopmentMailbox,
    Letter,
    LetterRefused,
    MailPort,
    MailServerDown,
    MailServerLost,
    SmtpMail,
    deliver_mail,
    is_loopback,
    mail_port,
    write_letter,
)
from marketplace.accounts.models import Mail
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import new_id
from tests.smtp_server import Behaviour, SmtpServer

SOME_TIME = datetime(2026, 1, 2, tzinfo=UTC)
SENDER = "Human Cloud <no-reply@humancloud.test>"


def letters_to(db: Database, *recipients: str) -> None:
    with db.transaction() as tx:
        for recipient in recipients:
            write_letter(tx, recipient=recipient, subject="Grüße", body="Hello,\n.\nbye ü\n", now=app_now(tx))


def smtp(server: SmtpServer) -> SmtpMail:
    return SmtpMail(f"smtp://127.0.0.1:{server.port}", sender=SENDER)


def waiting(db: Database) -> dict[str, int]:
    with db.transaction() as tx:
        return {mail.recipient: mail.attempts for mail in queries.mailbox(tx) if mail.sent_at is None}


def grow_older(db: Database, by: timedelta) -> None:
    with db.transaction() as tx:
        tx.execute(update(Mail).values(created_at=Mail.created_at - by))


def test_a_letter_arrives_as_it_was_written_and_only_once(db: Database) -> None:
    letters_to(db, "ada@example.org", "bob@example.org")
    with SmtpServer() as server:
        assert deliver_mail(db, smtp(server)) == Delivered(sent=2, refused=0)
        assert deliver_mail(db, smtp(server)) == Delivered(sent=0, refused=0)
        first, second = server.received
    assert (first["To"], second["To"]) == ("ada@example.org", "bob@example.org")
    assert (first["From"], first["Subject"]) == (SENDER, "Grüße")
    assert first.get_content().replace("\r\n", "\n") == "Hello,\n.\nbye ü\n"  # type: ignore[attr-defined]
    assert first["Message-ID"] != second["Message-ID"]
    assert waiting(db) == {}


def test_a_sent_letter_keeps_no_one_time_link_but_the_development_mailbox_does(db: Database) -> None:
    letters_to(db, "ada@example.org")
    with SmtpServer() as server:
        deliver_mail(db, smtp(server))
    letters_to(db, "bob@example.org")
    assert deliver_mail(db, DevelopmentMailbox()) == Delivered(sent=1, refused=0)
    with db.transaction() as tx:
        bodies = {mail.recipient: mail.body for mail in queries.mailbox(tx)}
        assert queries.unsent_mail(tx) == 0
    assert bodies == {"ada@example.org": "", "bob@example.org": "Hello,\n.\nbye ü\n"}


def test_a_letter_is_only_there_once_its_transaction_has_committed(db: Database) -> None:
    def fail_after_writing() -> None:
        with db.transaction() as tx:
            write_letter(tx, recipient="ada@example.org", subject="s", body="b", now=app_now(tx))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()
    assert deliver_mail(db, DevelopmentMailbox()) == Delivered(sent=0, refused=0)


def test_a_refused_letter_holds_no_other_up_and_is_given_up_in_the_end(db: Database) -> None:
    letters_to(db, "gone@example.org", "ada@example.org")
    with SmtpServer(Behaviour(refuses={"gone@example.org"})) as server:
        assert deliver_mail(db, smtp(server)) == Delivered(sent=1, refused=1)
        assert deliver_mail(db, smtp(server)) == Delivered(sent=0, refused=0)  # not due again yet
        for attempt, wait in enumerate(ATTEMPT_AFTER[1:], start=2):
            grow_older(db, wait)
            assert deliver_mail(db, smtp(server)) == Delivered(sent=0, refused=1)
            assert waiting(db) == {"gone@example.org": attempt}
        grow_older(db, timedelta(days=30))
        assert deliver_mail(db, smtp(server)) == Delivered(sent=0, refused=0)
    assert waiting(db) == {"gone@example.org": len(ATTEMPT_AFTER)}


def test_an_outage_uses_up_no_attempts(db: Database) -> None:
    letters_to(db, "ada@example.org", "bob@example.org")
    nowhere = SmtpMail("smtp://127.0.0.1:1", sender=SENDER)
    for _ in range(len(ATTEMPT_AFTER) + 2):
        assert deliver_mail(db, nowhere) == Delivered(sent=0, refused=0)
    assert waiting(db) == {"ada@example.org": 0, "bob@example.org": 0}
    with SmtpServer() as server:
        assert deliver_mail(db, smtp(server)) == Delivered(sent=2, refused=0)


def test_a_letter_that_breaks_the_connection_does_not_block_the_others_for_ever(db: Database) -> None:
    letters_to(db, "ada@example.org", "bob@example.org")
    with SmtpServer(Behaviour(hangs_up_during_data=True)) as server:
        assert deliver_mail(db, smtp(server)) == Delivered(sent=0, refused=0)
        assert waiting(db) == {"ada@example.org": 1, "bob@example.org": 0}
        server.behaviour.hangs_up_during_data = False
        assert deliver_mail(db, smtp(server)) == Delivered(sent=1, refused=0)
        assert [letter["To"] for letter in server.received] == ["bob@example.org"]


def test_a_server_that_says_goodbye_badly_has_still_taken_the_letter(db: Database) -> None:
    letters_to(db, "ada@example.org")
    with SmtpServer(Behaviour(says_goodbye_badly=True)) as server:
        assert deliver_mail(db, smtp(server)) == Delivered(sent=1, refused=0)
        assert deliver_mail(db, smtp(server)) == Delivered(sent=0, refused=0)
        assert len(server.received) == 1


def test_a_sweep_sends_no_more_than_its_limit_oldest_first(db: Database) -> None:
    letters_to(db, *(f"p{number}@example.org" for number in range(5)))
    assert deliver_mail(db, DevelopmentMailbox(), limit=3) == Delivered(sent=3, refused=0)
    assert set(waiting(db)) == {"p3@example.org", "p4@example.org"}


class WatchingPort:
    """A port that looks, while it sends, at what an outsider sees of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.open_transactions: list[int] = []
        self.attempts: list[dict[str, int]] = []

    def send(self, letter: Letter) -> None:
        with self._database.transaction() as tx:
            self.open_transactions.append(
                tx.execute(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                        "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
                    )
                ).scalar_one()
            )
        self.attempts.append(waiting(self._database))

    def kept_body(self, letter: Letter) -> str:
        return letter.body


def test_no_transaction_is_open_while_a_letter_leaves_and_its_attempt_is_counted_before(db: Database) -> None:
    letters_to(db, "ada@example.org")
    port = WatchingPort(db)
    deliver_mail(db, port)
    assert port.open_transactions == [0]
    assert port.attempts == [{"ada@example.org": 1}]


class NestedSweepPort:
    """A port during whose sending a second sweep comes along."""

    def __init__(self, database: Database, second: MailPort) -> None:
        self._database = database
        self._second = second
        self.sent: list[str] = []
        self.sent_by_second: list[Delivered] = []

    def send(self, letter: Letter) -> None:
        self.sent.append(letter.recipient)
        self.sent_by_second.append(deliver_mail(self._database, self._second))

    def kept_body(self, letter: Letter) -> str:
        return letter.body


def test_two_sweeps_at_once_send_no_letter_twice(db: Database) -> None:
    letters_to(db, "ada@example.org", "bob@example.org")
    port = NestedSweepPort(db, DevelopmentMailbox())
    assert deliver_mail(db, port) == Delivered(sent=1, refused=0)
    assert port.sent == ["ada@example.org"]
    assert port.sent_by_second == [Delivered(sent=1, refused=0)]


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@example.org", "a\nb", "a\rb", "a\x00", ""])
def test_a_header_of_two_lines_is_refused(bad: str) -> None:
    whole = {"recipient": "ada@example.org", "subject": "s"}
    for changed in ({"recipient": bad}, {"subject": bad}):
        with pytest.raises(BadMailHeader):
            Letter(id=new_id(), body="b", written_at=SOME_TIME, **{**whole, **changed})


def test_a_bad_letter_in_the_table_does_not_stop_the_sweep(db: Database) -> None:
    letters_to(db, "bad@example.org", "ada@example.org")
    with db.transaction() as tx:
        tx.execute(update(Mail).where(Mail.recipient == "bad@example.org").values(subject="a\r\nBcc: x"))
    assert deliver_mail(db, DevelopmentMailbox()) == Delivered(sent=1, refused=1)


def test_the_settings_choose_the_port() -> None:
    assert isinstance(mail_port(None, sender=SENDER), DevelopmentMailbox)
    assert isinstance(mail_port("smtps://user:p%40ss@mail.example.org", sender=SENDER), SmtpMail)
    for url in ("mail.example.org", "http://mail.example.org", "smtp://"):
        with pytest.raises(ValueError, match="SMTP_URL"):
            mail_port(url, sender=SENDER)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("mail.example.org", False),
    ],
)
def test_only_this_machine_may_do_without_tls(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_server_without_tls_where_tls_is_asked_for_gets_nothing() -> None:
    with SmtpServer() as server:
        port = SmtpMail(f"smtps://127.0.0.1:{server.port}", sender=SENDER)
        with pytest.raises(MailServerDown):
            port.send(a_letter())
        assert server.received == []


def test_a_letter_goes_encrypted_where_the_server_offers_it(tmp_path: Path) -> None:
    server_side, client_side = tls_pair(tmp_path)
    with SmtpServer(Behaviour(tls=server_side)) as server:
        SmtpMail(f"smtp://localhost:{server.port}", sender=SENDER, tls=client_side).send(a_letter())
        assert server.encrypted == [True]
        stranger = SmtpMail(f"smtp://localhost:{server.port}", sender=SENDER)
        with pytest.raises(MailServerDown):
            stranger.send(a_letter())
        assert len(server.received) == 1


@pytest.mark.parametrize(
    ("behaviour", "refusal"),
    [
        (Behaviour(refuses={"ada@example.org"}), LetterRefused),
        (Behaviour(hangs_up_during_data=True), MailServerLost),
    ],
)
def test_a_port_says_whether_it_was_the_letter_or_the_connection(
    behaviour: Behaviour, refusal: type[Exception]
) -> None:
    with SmtpServer(behaviour) as server, pytest.raises(refusal):
        smtp(server).send(a_letter())


def a_letter() -> Letter:
    return Letter(id=UUID(int=7), recipient="ada@example.org", subject="s", body="b", written_at=SOME_TIME)


def tls_pair(folder: Path) -> Sequence[ssl.SSLContext]:
    """A server's context with a fresh certificate for localhost, and a client's that trusts it alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate to test with")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))
