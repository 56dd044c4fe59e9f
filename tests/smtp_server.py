"""A small real SMTP server for tests, on a loopback port, with switches for what mail servers do wrong."""

import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Self


@dataclass
class Behaviour:
    refuses: set[str] = field(default_factory=set)
    hangs_up_during_data: bool = False
    says_goodbye_badly: bool = False
    tls: ssl.SSLContext | None = None


class SmtpServer:
    """Accepts letters into `received`; the handshake says whether it came encrypted."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.received: list[Message] = []
        self.encrypted: list[bool] = []
        self._server = _Listener(("127.0.0.1", 0), _Conversation)
        self._server.owner = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    owner: SmtpServer


class _Conversation(socketserver.StreamRequestHandler):
    server: _Listener
    encrypted = False

    def handle(self) -> None:
        self._say("220 test ready")
        while line := self.rfile.readline(2_000):
            verb, _, rest = line.decode("ascii", "replace").strip().partition(" ")
            if not self._answer(verb.upper(), rest):
                return

    def _answer(self, verb: str, rest: str) -> bool:
        behaviour = self.server.owner.behaviour
        match verb:
            case "EHLO":
                self._say("250-test\r\n250 STARTTLS" if behaviour.tls and not self.encrypted else "250 test")
            case "STARTTLS" if behaviour.tls:
                self._say("220 go")
                return self._encrypt(behaviour.tls)
            case "RCPT":
                refused = any(address in rest for address in behaviour.refuses)
                self._say("550 no such mailbox" if refused else "250 ok")
            case "DATA":
                return self._take_letter(behaviour)
            case "QUIT":
                self._say("421 whatever" if behaviour.says_goodbye_badly else "221 bye")
                return False
            case _:
                self._say("250 ok" if verb in ("MAIL", "RSET", "HELO", "NOOP") else "502 what")
        return True

    def _take_letter(self, behaviour: Behaviour) -> bool:
        if behaviour.hangs_up_during_data:
            return False
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline(2_000)) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        owner = self.server.owner
        owner.received.append(message_from_bytes(b"".join(lines), policy=default))
        owner.encrypted.append(self.encrypted)
        self._say("250 taken")
        return True

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # once encrypted it is no longer the socket that socketserver closes

    def _encrypt(self, tls: ssl.SSLContext) -> bool:
        try:
            self.connection = tls.wrap_socket(self.connection, server_side=True)
        except OSError:
            return False  # the client did not believe our certificate
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]  # its own writer
        self.encrypted = True
        return True

    def _say(self, answer: str) -> None:
        self.wfile.write(answer.encode() + b"\r\n")
