"""Who may speak to pages and switches: this machine's own programs and this server's own pages.

A web page anywhere can make its visitor's browser post to 127.0.0.1, and a rebound DNS name can even read the
answer. Neither can forge Host and Origin, nor send JSON across origins without a permission never given.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Stranger(Exception):
    """This address is only for programs on this machine."""


def is_loopback(host: str) -> bool:
    return host in LOOPBACK


def check_switch(request: Request) -> None:
    """/_fake: a loopback Host, and JSON for whatever changes state."""
    if not is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or ""):
        raise Stranger("The switches answer to loopback names only.")
    if "origin" in request.headers:
        raise Stranger("The switches are for programs, not for web pages.")
    if request.method == "POST" and not request.headers.get("content-type", "").startswith(
        "application/json"
    ):
        raise Stranger("Send application/json.")


def check_form(request: Request) -> None:
    """A page's form: sent by that page."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Stranger("This form was sent from another site.")
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Stranger("This form was sent from another site.")
