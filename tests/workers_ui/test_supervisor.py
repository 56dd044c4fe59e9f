"""The supervisor, with real processes: small scripts that say when they are there and what they were told."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from workers_ui.supervisor import GUARD, Child, RestartPolicy, Supervisor, SupervisorFailed

WAIT_SECONDS = 10.0
SLEEPER = (sys.executable, "-c", "import time; print('up'); time.sleep(600)")
STUBBORN = ("/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done")
CRASHER = ("/bin/sh", "-c", "echo out of luck; exit 3")
WEB = (
    *(sys.executable, "-c"),
    "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), "
    "http.server.SimpleHTTPRequestHandler).serve_forever()",
)
QUICK = RestartPolicy(first_delay_seconds=0.05, crashes_max=3)


def test_a_killed_child_is_started_again() -> None:
    output = io.StringIO()
    with Supervisor([Child(name="web", command=SLEEPER)], output=output, policy=QUICK) as supervisor:
        first = _pid(supervisor, "web")
        os.kill(first, signal.SIGKILL)
        _eventually(lambda: supervisor.pid_of("web") not in (None, first))
        supervisor.wait_ready(WAIT_SECONDS)
    assert "web was ended by SIGKILL; restarting it" in output.getvalue()


def test_the_other_children_keep_running_when_one_is_killed() -> None:
    children = [Child(name="web", command=SLEEPER), Child(name="work", command=SLEEPER)]
    with Supervisor(children, output=io.StringIO(), policy=QUICK) as supervisor:
        web, work = _pid(supervisor, "web"), _pid(supervisor, "work")
        os.kill(web, signal.SIGKILL)
        _eventually(lambda: supervisor.pid_of("web") not in (None, web))
        assert supervisor.pid_of("work") == work


def test_a_child_is_ready_when_its_address_answers() -> None:
    port = _free_port()
    web = Child(name="web", command=(*WEB, str(port)), ready_url=f"http://127.0.0.1:{port}/")
    with Supervisor([web], output=io.StringIO()) as supervisor:
        supervisor.wait_ready(WAIT_SECONDS)
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            pass


def test_a_child_that_never_answers_is_named() -> None:
    mute = Child(name="web", command=SLEEPER, ready_url=f"http://127.0.0.1:{_free_port()}/")
    with (
        Supervisor([mute], output=io.StringIO()) as supervisor,
        pytest.raises(SupervisorFailed, match="web not ready after 0 s"),
    ):
        supervisor.wait_ready(0.3)


def test_stopping_ends_children_that_do_not_listen_and_their_own_children(tmp_path: Path) -> None:
    grandchild = tmp_path / "grandchild"
    parent = f"sleep 600 & echo $! > {grandchild}; trap '' TERM; wait; sleep 600"
    output = io.StringIO()
    children = [
        Child(name="deaf", command=STUBBORN),
        Child(name="family", command=("/bin/sh", "-c", parent)),
        Child(name="tame", command=SLEEPER),
    ]
    supervisor = Supervisor(children, output=output, grace_seconds=0.5)
    supervisor.start()
    _eventually(lambda: "deaf" in output.getvalue() and _number_in(grandchild) is not None)
    pids = [_pid(supervisor, child.name) for child in children] + [_number_in(grandchild) or 0]
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 1.5
    _eventually(lambda: not any(map(_lives, pids)))


def test_a_crash_loop_is_given_up_and_named() -> None:
    output = io.StringIO()
    children = [Child(name="work", command=CRASHER), Child(name="web", command=SLEEPER)]
    with Supervisor(children, output=output, policy=QUICK) as supervisor:
        web = _pid(supervisor, "web")
        with pytest.raises(SupervisorFailed, match=r"work ended with code 3, the 3\. time within 60 s"):
            _eventually(lambda: not _is_sound(supervisor))
    assert output.getvalue().count("out of luck") == 3
    assert not _lives(web)


def test_the_waits_between_restarts_double_up_to_a_limit_and_old_crashes_are_forgotten() -> None:
    policy = RestartPolicy(first_delay_seconds=1.0, delay_seconds_max=3.0, crashes_max=5, window_seconds=60.0)
    delays = [policy.delay_seconds([100.0] * crashes, now=100.0) for crashes in (1, 2, 3, 4, 5)]
    assert delays == [1.0, 2.0, 3.0, 3.0, None]
    assert policy.delay_seconds([1.0, 2.0, 3.0, 4.0, 100.0], now=100.0) == 1.0


def test_lines_carry_the_name_of_their_child() -> None:
    output = io.StringIO()
    speaker = Child(
        name="web", command=("/bin/sh", "-c", 'echo "$GREETING"; exec sleep 600'), env={"GREETING": "hi"}
    )
    with Supervisor([speaker], output=output):
        _eventually(lambda: "web        | hi\n" in output.getvalue())


def test_logs_pass_unchanged_into_a_file_for_each_child(tmp_path: Path) -> None:
    speaker = Child(name="web", command=("/bin/sh", "-c", """echo '{"event": "hi"}'; exec sleep 600"""))
    with Supervisor([speaker], output=io.StringIO(), log_dir=tmp_path / "logs"):
        _eventually(lambda: (tmp_path / "logs" / "web.log").read_text() == '{"event": "hi"}\n')


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Supervisor([Child(name="web", command=SLEEPER), Child(name="web", command=CRASHER)])


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_signal_ends_everything_with_code_0(tmp_path: Path, kind: signal.Signals) -> None:
    with _supervised(tmp_path, SLEEPER) as (program, pids):
        assert any("all ready" in line for line in _lines(program))
        began = time.monotonic()
        program.send_signal(kind)
        assert program.wait(WAIT_SECONDS) == 0
        assert time.monotonic() - began < 2
        assert not any(map(_lives, pids))


def test_a_crash_loop_ends_the_program_with_code_1(tmp_path: Path) -> None:
    with _supervised(tmp_path, SLEEPER, crashes=True) as (program, pids):
        assert any("giving up" in line for line in _lines(program))
        assert program.wait(WAIT_SECONDS) == 1
        assert not any(map(_lives, pids))


@pytest.mark.parametrize("command", [SLEEPER, STUBBORN], ids=["tame", "deaf to SIGTERM"])
def test_children_die_with_a_killed_supervisor(tmp_path: Path, command: tuple[str, ...]) -> None:
    with _supervised(tmp_path, command) as (program, pids):
        assert all(map(_lives, pids))
        program.kill()
        program.wait(WAIT_SECONDS)
        _eventually(lambda: not any(map(_lives, pids)))


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps to find the guard")
def test_a_killed_guard_gets_a_successor_that_knows_the_children(tmp_path: Path) -> None:
    with _supervised(tmp_path, SLEEPER) as (program, pids):
        os.kill(_guard_of(program), signal.SIGKILL)
        assert any("another one has taken over" in line for line in _lines(program))
        program.kill()
        program.wait(WAIT_SECONDS)
        _eventually(lambda: not any(map(_lives, pids)))


def test_the_guard_spares_a_group_that_ended_and_may_be_somebody_elses_by_now() -> None:
    with _sleeper() as spared, _sleeper() as doomed, _sleeper() as neighbour:
        told = f"+ {spared.pid}\n+ {doomed.pid}\n+ {neighbour.pid}\n- {spared.pid}\n- {neighbour.pid}\n"
        subprocess.run(["/bin/sh", "-c", GUARD], input=told.encode(), timeout=WAIT_SECONDS, check=False)
        assert doomed.wait(WAIT_SECONDS) == -signal.SIGTERM
        assert (spared.poll(), neighbour.poll()) == (None, None)


@contextmanager
def _sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


PROGRAM = """
import sys
from pathlib import Path
from workers_ui.supervisor import GUARD, Child, RestartPolicy, supervise

folder, crashes, *command = sys.argv[1:]
note = 'echo $$ > "$0" && exec "$@"'
children = [
    Child(name=name, command=("/bin/sh", "-c", note, f"{folder}/{name}.pid", *command))
    for name in ("web", "work")
]
if crashes == "True":
    children.append(Child(name="crasher", command=("/bin/sh", "-c", "exit 3")))
policy = RestartPolicy(first_delay_seconds=0.3, crashes_max=3)
sys.exit(supervise(children, on_ready=lambda: print("all ready", flush=True), policy=policy))
"""


@contextmanager
def _supervised(
    folder: Path, command: tuple[str, ...], *, crashes: bool = False
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A program under supervise() whose two children run `command`, and their pids."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(crashes), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        notes = [folder / "web.pid", folder / "work.pid"]
        try:
            _eventually(lambda: all(_number_in(note) is not None for note in notes))
            yield program, [_number_in(note) or 0 for note in notes]
        finally:
            program.kill()


def _lines(program: subprocess.Popen[str]) -> IO[str]:
    assert program.stdout is not None
    return program.stdout


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def _is_sound(supervisor: Supervisor) -> bool:
    supervisor.check()
    return True


def _pid(supervisor: Supervisor, name: str) -> int:
    pid = supervisor.pid_of(name)
    assert pid is not None
    return pid


def _number_in(note: Path) -> int | None:
    text = note.read_text() if note.exists() else ""
    return int(text) if text.endswith("\n") else None


def _lives(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has collected yet does not."""
    try:
        if Path("/proc/self/stat").exists():
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        else:
            state = subprocess.check_output(["ps", "-o", "stat=", "-p", str(pid)], text=True).strip()
    except (FileNotFoundError, ProcessLookupError, subprocess.CalledProcessError):
        return False
    return not state.startswith("Z")


def _guard_of(program: subprocess.Popen[str]) -> int:
    table = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,args="], text=True)
    rows = [line.split(None, 2) for line in table.splitlines()]
    return next(
        int(pid) for pid, parent, *args in rows if int(parent) == program.pid and "trap ''" in args[0]
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
