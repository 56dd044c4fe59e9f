"""kill -9 of every process in the middle of the whole job: nothing acknowledged is lost, nothing paid twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from billing.payout_rules import minimum_payout_minor
from marketplace.kernel.embedded_postgres import EmbeddedPostgres

pytestmark = [
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc"),
    pytest.mark.timeout(400),
]

DEMO = (sys.executable, "-m", "workers_ui.cli", "demo", "--json", "--data")
WAIT_SECONDS = 180.0
WORKERS = 6
POLL_SECONDS = 0.05


def _children(parent: int) -> dict[int, str]:
    """Every process below `parent` with its command line."""
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            status = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        if int(status.rpartition(")")[2].split()[1]) == parent:
            found[int(folder.name)] = command
    return found


def _kill(demo: "subprocess.Popen[bytes]", words: str) -> None:
    victims = [pid for pid, command in _children(demo.pid).items() if words in command]
    assert victims, f"no process runs {words!r}"
    for pid in victims:
        _end(pid)


def _kill_postgres(data: Path) -> None:
    """The postmaster and everything it started."""
    postmaster = int((data / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])
    for pid in [postmaster, *_children(postmaster)]:
        _end(pid)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):  # a connection's process may have ended by itself meanwhile
        os.kill(pid, signal.SIGKILL)


def _count(server: EmbeddedPostgres, statement: str) -> int:
    try:
        with psycopg.connect(server.url.replace("+psycopg", ""), connect_timeout=2) as connection:
            row = connection.execute(statement.encode()).fetchone()
            return int(row[0]) if row else 0
    except psycopg.Error:
        return -1  # it is down just now, or the table is not there yet


def _until(done: Callable[[], bool], demo: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert demo.poll() is None, "the demo ended too soon"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(POLL_SECONDS)


@contextmanager
def _demo(data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    with (data.parent / "demo.log").open("ab") as log:
        demo = subprocess.Popen([*DEMO, str(data)], stdout=subprocess.PIPE, stderr=log, env=env)
        with demo:
            try:
                yield demo
            finally:
                demo.kill()


def _joined(data: Path, demo: "subprocess.Popen[bytes]") -> EmbeddedPostgres:
    """A look into the demo's own database."""
    _until(lambda: (data / "postgres" / "cluster" / "postmaster.pid").exists(), demo)
    return EmbeddedPostgres(data / "postgres")


def _finished(demo: "subprocess.Popen[bytes]") -> dict[str, Any]:
    told, _ = demo.communicate(timeout=WAIT_SECONDS)
    assert demo.returncode == 0
    result: dict[str, Any] = json.loads(told)
    return result


def _assert_whole(result: dict[str, Any]) -> None:
    assert result["tickets_posted"] == result["resolved"] + result["escalated"] + result["held_back"]
    assert result["held_back"] == 0  # nothing the demo asks is sensitive
    assert (result["double_claims"], result["ledger"]["imbalance_minor"]) == (0, 0)
    assert result["reserved_left_minor"] == 0
    assert result["statements"]["amount_minor"] == result["stripe"]["amount_minor"]
    assert result["stripe"]["amount_minor"] == result["payouts"]["amount_minor"]
    unpaid_workers = WORKERS - result["payouts"]["count"]
    carried_minor = result["earnings"]["amount_minor"] - result["payouts"]["amount_minor"]
    assert 0 <= carried_minor <= unpaid_workers * (minimum_payout_minor("usd") - 1)
    assert result["stripe"]["transfers"] == result["payouts"]["count"]


def test_each_process_killed_in_the_middle_changes_nothing_in_the_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with _demo(data) as demo, _joined(data, demo) as server:
        _until(lambda: _count(server, "SELECT count(*) FROM claim") >= 5, demo)
        _kill(demo, "cli web")
        _until(lambda: _count(server, "SELECT count(*) FROM claim") >= 20, demo)
        _kill(demo, "cli work")
        _until(lambda: _count(server, "SELECT count(*) FROM claim") >= 35, demo)
        _kill_postgres(data)
        _until(lambda: _count(server, "SELECT count(*) FROM claim") >= 50, demo)
        _kill_postgres(data)
        _until(
            lambda: _count(server, "SELECT count(*) FROM stripe_account WHERE transfers_active") >= 1, demo
        )
        _kill(demo, "billing.fake_stripe")
        _assert_whole(_finished(demo))


def test_a_demo_killed_as_a_whole_goes_on_where_it_stopped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with _demo(data) as first, _joined(data, first) as server:
        _until(lambda: _count(server, "SELECT count(*) FROM resolution") >= 20, first)
        acknowledged = _count(server, "SELECT count(*) FROM resolution")
        first.kill()
        first.wait()
    with _demo(data) as second:
        result = _finished(second)
    _assert_whole(result)
    assert result["resolved"] >= acknowledged
