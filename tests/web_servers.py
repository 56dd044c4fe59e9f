"""Web servers for tests of fetching: one that counts whoever comes, and one that answers as it is told."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[socket.socket], None]


@dataclass(kw_only=True)
class WebServer:
    """Answers each path as it is told; `asked` are the requests' paths and heads in the order they came."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    came: list[str] = field(default_factory=list)
    """Who connected, whatever became of it."""

    @property
    def connections(self) -> int:
        return len(self.came)

    def page(
        self, path: str, body: bytes | str, *, kind: str = "text/html", more: Mapping[str, str] | None = None
    ) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.answers[path] = answering(200, content, {"Content-Type": kind, **(more or {})})

    def status(self, path: str, status: int) -> None:
        self.answers[path] = answering(status, b"SECRET of the inside", {"Content-Type": "text/plain"})

    def redirect(self, path: str, to: str, *, status: int = 302) -> None:
        self.answers[path] = answering(status, b"", {"Location": to})


def answering(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def answer(connection: socket.socket) -> None:
        connection.sendall(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
        )

    return answer


@contextmanager
def web_server(
    host: str = "127.0.0.1", *, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[WebServer]:
    """A server on one address of this machine; every connection is served once, by a thread."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen()
        server = WebServer(port=listening.getsockname()[1])
        accepting = threading.Thread(target=_accept, args=(listening, server, tls), daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(5)


@contextmanager
def canary() -> Iterator[WebServer]:
    """Counts every connection to any address of this machine, on one port of IPv4 and IPv6."""
    with ExitStack() as stack:
        first = stack.enter_context(web_server("0.0.0.0"))
        second = stack.enter_context(web_server("::", port=first.port))
        second.asked, second.heads, second.came = first.asked, first.heads, first.came
        yield first


def _accept(listening: socket.socket, server: WebServer, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, peer = listening.accept()
        except OSError:
            return
        server.came.append(str(peer[0]))
        threading.Thread(target=_serve, args=(connection, server, tls), daemon=True).start()


def _serve(connection: socket.socket, server: WebServer, tls: ssl.SSLContext | None) -> None:
    try:
        with connection if tls is None else tls.wrap_socket(connection, server_side=True) as talking:
            head, body = _request(talking)
            path = head.split(" ")[1] if head.count(" ") > 1 else ""
            server.asked.append(path)
            server.heads.append(head)
            server.bodies.append(body)
            server.answers.get(path, answering(404, b"SECRET of the inside", {}))(talking)
    except OSError:
        return  # the other side went away, which is what many of these tests are about


def _request(connection: socket.socket) -> tuple[str, bytes]:
    """Its head, and its body as far as the head announces one."""
    received = b""
    while b"\r\n\r\n" not in received and (piece := connection.recv(4096)):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    announced = re.search(rb"(?im)^content-length: *([0-9]+)", head)
    length = int(announced[1]) if announced else 0
    while len(body) < length and (piece := connection.recv(4096)):
        body += piece
    return head.decode("latin-1"), body


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate that vouches for itself: trusted where `file` is named as an authority."""

    file: Path
    tls: ssl.SSLContext


def a_certificate(folder: Path, *, host: str, days: int = 1) -> Certificate:
    """For `host`; one of `days` < 0 has run out."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_named(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}{days}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    whole = folder / f"{host}{days}.key.pem"
    whole.write_bytes(private + public)
    file.write_bytes(public)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(whole)
    return Certificate(file=file, tls=tls)


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
