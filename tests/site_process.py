"""The site as its own process on a real port, as people meet it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

READY_SECONDS = 90.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running web process."""

    address: str
    pid: int


@contextmanager
def web_process(database_url: str, folder: Path, *, connections: int = 16) -> Iterator[str]:
    """A web process over `database_url`; its address. Its log is `web.log` in `folder`."""
    with site(database_url, folder, connections=connections) as running:
        yield running.address


@contextmanager
def site(
    database_url: str, folder: Path, *, connections: int = 16, redis_url: str | None = None
) -> Iterator[Site]:
    """Like `web_process`, with the process itself; `redis_url` joins it to others."""
    port = free_port()
    env = dict(os.environ) | {
        "DATABASE_URL": database_url,
        "HUMANCLOUD_DATA_DIR": str(folder),
        "HUMANCLOUD_PORT": str(port),
        "HUMANCLOUD_DATABASE_CONNECTIONS": str(connections),
    }
    env.pop("REDIS_URL", None)
    if redis_url is not None:
        env["REDIS_URL"] = redis_url
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers_ui.cli", "web"], env=env, stderr=log, stdout=log
        )
        try:
            _wait(f"http://127.0.0.1:{port}/healthz", process)
            yield Site(address=f"http://127.0.0.1:{port}", pid=process.pid)
        finally:
            _end(process)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the web process ended with code {process.returncode}")
        try:
            httpx.get(url, timeout=1.0)
            return
        except httpx.TransportError:
            time.sleep(POLL_SECONDS)
    raise RuntimeError("the web process did not get ready")


@contextmanager
def background_process(database_url: str, folder: Path) -> Iterator[int]:
    """The background process over `database_url`; its process id. Its log is `background.log` in `folder`."""
    env = dict(os.environ) | {"DATABASE_URL": database_url, "HUMANCLOUD_DATA_DIR": str(folder)}
    env.pop("REDIS_URL", None)
    with (folder / "background.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers_ui.cli", "work"], env=env, stderr=log, stdout=log
        )
        try:
            yield process.pid
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
