"""`python -m billing.fake_stripe --data DIR --port N`: serve until told to stop, then stop at once."""

import argparse
import json
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from . import ENDPOINTS_VARIABLE
from .app import create_app
from .guard import is_loopback


def main() -> None:
    options = _options()
    listening = _listen(options.host, options.port)
    app = create_app(
        options.data,
        public_url=options.public_url,
        endpoints=json.loads(os.environ.get(ENDPOINTS_VARIABLE, "[]")),
    )
    config = uvicorn.Config(
        app,
        log_level="critical",  # a reply lost on purpose would be logged as an error; defects print themselves
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=0,  # a request held by a delay fault must not hold the shutdown
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn raises the signal again after its own shutdown
    uvicorn.Server(config).run(sockets=[listening])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m billing.fake_stripe", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the state file")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--public-url", help="address of the hosted pages, when people reach them by another name"
    )
    options = parser.parse_args()
    if not is_loopback(options.host):
        parser.error("fake Stripe has no passwords: it listens on loopback only.")
    return options


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        sys.exit(f"Fake Stripe cannot listen on {host}:{port}: {error.strerror}.")


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
