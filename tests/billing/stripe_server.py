"""Fake Stripe on a real port for tests: started, switched, looked into, killed and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

READY_SECONDS = 10.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.01
REQUEST_SECONDS = 5.0


class StripeServer:
    """One fake Stripe process over `data`; its port stays the same across restarts."""

    def __init__(self, data: Path, *, port: int | None = None) -> None:
        self._data = data
        self._port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=self.url, timeout=REQUEST_SECONDS, trust_env=False)

    @classmethod
    def running(cls, url: str) -> "StripeServer":
        """Somebody else's, to be looked into and switched alone."""
        return cls(Path(), port=int(url.rsplit(":", 1)[-1]))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "billing.fake_stripe",
            "--data",
            str(self._data),
            "--port",
            str(self._port),
        ]
        self._process = subprocess.Popen(command)
        self._await_ready(self._process)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to leave; its exit code."""
        process, self._process = self._running(), None
        os.kill(process.pid, number)
        return process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """kill -9: nothing gets to say goodbye."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """The end of it; a test in which Stripe was sent anything malformed fails."""
        violations = self.look("violations") if self._process else []
        if self._process:
            self.kill()
        self._http.close()
        assert violations == []

    def turn(self, switch: str, **options: Any) -> Any:
        """POST /_fake/{switch}; fails the test when the switch refuses."""
        answer = self._http.post(f"/_fake/{switch}", json=options)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def look(self, name: str) -> Any:
        return self._http.get(f"/_fake/{name}").raise_for_status().json()

    def fault(self, kind: str, **options: Any) -> None:
        """`kind` for the next transfer, unless `path` and `times` say otherwise."""
        self.turn("faults", kind=kind, **{"path": "/v1/transfers", **options})

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self._http.get(url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self._http.post(url, **options)

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "fake Stripe is not running"
        return self._process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, "fake Stripe left before it was ready"
            try:
                self.look("health")
            except httpx.TransportError:
                time.sleep(POLL_SECONDS)
            else:
                return
        raise AssertionError(f"fake Stripe was not ready within {READY_SECONDS} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
