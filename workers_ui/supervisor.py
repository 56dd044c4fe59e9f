"""Keeps the processes of one application alive, in the foreground of one terminal.

Every child leads a session of its own, so Ctrl-C reaches only us, and we stop the children in order: SIGTERM
to each group, then SIGKILL to what is left.

Children must not outlive us, even after kill -9. PR_SET_PDEATHSIG is Linux only and fires when the *thread*
that started the child ends. So there is a guard, a small shell that reads a pipe only we hold open. Each
child writes its group to that pipe before it becomes the program; when the pipe closes, the guard ends every
group still on its list. It works wherever there is a POSIX shell.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

READY_SECONDS = 60.0
PROBE_SECONDS = 1.0
POLL_SECONDS = 0.05
GRACE_SECONDS = 4.0
LINE_BYTES_MAX = 16_384
LOG_BYTES_MAX = 10_000_000  # at a start; the log before it is kept as .log.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# "+ 71" and "- 71" come in as groups start and end; end of file means that the supervisor is gone.
GUARD = """
trap '' HUP INT TERM
groups=" "
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
[ "$groups" = " " ] && exit 0
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
sleep 1
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
"""
# Standard input is the guard's pipe until the program takes over: no line of it runs off the guard's list.
ENTER = 'echo "+ $$" >&0 && exec "$@" </dev/null'


class SupervisorFailed(RuntimeError):
    """A child kept crashing, or was not ready in time; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to keep alive. It is ready when `ready_url` answers below 400; without one, when it runs."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How long to wait before a restart, doubling with each recent crash, and when to give up."""

    first_delay_seconds: float = 0.2
    delay_seconds_max: float = 5.0
    crashes_max: int = 8
    window_seconds: float = 60.0

    def delay_seconds(self, crashes: Sequence[float], *, now: float) -> float | None:
        """The delay after these crash times, the last of them just now; None means give up."""
        recent = self.recent(crashes, now=now)
        if len(recent) >= self.crashes_max:
            return None
        return min(self.delay_seconds_max, self.first_delay_seconds * 2.0 ** (len(recent) - 1))

    def recent(self, crashes: Sequence[float], *, now: float) -> list[float]:
        return [crash for crash in crashes if now - crash < self.window_seconds]


@dataclass(slots=True, kw_only=True)
class _Slot:
    """What we know of one child: its running process, or when it is to be started."""

    child: Child
    running: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0
    ready_pid: int | None = None
    crashes: list[float] = field(default_factory=list)


def supervise(
    children: Sequence[Child],
    *,
    on_ready: Callable[[], None],
    output: IO[str] = sys.stdout,
    grace_seconds: float = GRACE_SECONDS,
    log_dir: Path | None = None,
    policy: RestartPolicy | None = None,
    ready_seconds: float = READY_SECONDS,
) -> int:
    """Run `children` until Ctrl-C, SIGTERM or SIGHUP (0), or until one keeps failing (1). Main thread only.

    `on_ready` is called once, when all are ready the first time. Their output goes line by line to `output`
    under their names, or with `log_dir` unchanged to `<name>.log` there.
    """
    supervisor = Supervisor(
        children, output=output, grace_seconds=grace_seconds, log_dir=log_dir, policy=policy
    )
    with _stop_requests() as requests, supervisor:
        try:
            if supervisor.wait_ready(ready_seconds, unless=lambda: bool(requests)):
                on_ready()
            while not requests:
                supervisor.check()
                time.sleep(POLL_SECONDS)
        except SupervisorFailed as failure:
            with suppress(OSError):  # the output may be what failed; the exit code still tells
                supervisor.say("supervisor", str(failure))
            return 1
    return 0


class Supervisor:
    """Children under watch from start() to stop(): a thread restarts those that died."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        output: IO[str] = sys.stdout,
        grace_seconds: float = GRACE_SECONDS,
        log_dir: Path | None = None,
        policy: RestartPolicy | None = None,
    ) -> None:
        self._slots = {child.name: _Slot(child=child) for child in children}
        if len(self._slots) != len(children):
            raise ValueError("two children have the same name")
        self._name_width = max(map(len, [*self._slots, "supervisor"]))
        self._output = output
        self._grace_seconds = grace_seconds
        self._log_dir = log_dir
        self._policy = policy or RestartPolicy()
        self._lock = threading.RLock()
        self._printing = threading.Lock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        self._readers: list[threading.Thread] = []
        self._guard: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self._failure: str | None = None

    def start(self) -> None:
        """Start every child and begin to watch them."""
        if self._log_dir is not None:
            self._log_dir.mkdir(parents=True, exist_ok=True)
        self._start_guard()
        for slot in self._slots.values():
            self._start(slot)
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def wait_ready(self, timeout: float, *, unless: Callable[[], bool] = lambda: False) -> bool:
        """Wait until every child runs and its ready_url answers; False when `unless` came true before.

        Raises SupervisorFailed when a child keeps crashing or the time is over.
        """
        deadline = time.monotonic() + timeout
        while waiting := self._not_ready():
            self.check()
            if unless():
                return False
            if time.monotonic() > deadline:
                raise SupervisorFailed(f"{', '.join(waiting)} not ready after {timeout:.0f} s.")
            time.sleep(POLL_SECONDS)
        return True

    def check(self) -> None:
        """Raise SupervisorFailed when a child keeps crashing; the others run until stop()."""
        if self._failure is not None:
            raise SupervisorFailed(self._failure)

    def pid_of(self, name: str) -> int | None:
        """The process of a child, which is also its group; None while it waits for its restart."""
        with self._lock:
            running = self._slots[name].running
            return running.pid if running is not None and running.poll() is None else None

    def stop(self) -> None:
        """End all children within the grace time and half a second. Calling it again changes nothing."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        running = [slot.running for slot in self._slots.values() if slot.running is not None]
        for process in running:
            _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._grace_seconds
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for slot in self._slots.values():
            self._bury(slot)
        self._dismiss_guard()
        for reader in self._readers:
            reader.join(timeout=PROBE_SECONDS)  # a grandchild that left its group may keep the pipe open

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def say(self, name: str, line: str) -> None:
        """Write one line of `name` to the output."""
        encoding: str = getattr(self._output, "encoding", None) or "utf-8"  # a StringIO has none
        shown = line.encode(encoding, errors="replace").decode(encoding)
        with self._printing:
            self._output.write(f"{name:<{self._name_width}} | {shown}\n")
            self._output.flush()

    # Watching

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            with self._lock:
                try:
                    self._look_after_guard()
                    for slot in self._slots.values():
                        self._look_after(slot)
                except Exception as error:  # an edge: nobody else would hear of it
                    self._failure = f"The supervisor failed: {error!r}"
            if self._failure is not None:
                return

    def _look_after(self, slot: _Slot) -> None:
        now = time.monotonic()
        if slot.running is None:
            if now >= slot.start_at:
                self._start(slot)
        elif (code := slot.running.poll()) is not None:
            self._bury(slot)
            self._note_crash(slot, code, now=now)

    def _note_crash(self, slot: _Slot, code: int, *, now: float) -> None:
        slot.crashes = [*self._policy.recent(slot.crashes, now=now), now]
        delay = self._policy.delay_seconds(slot.crashes, now=now)
        ended = f"{slot.child.name} {_ending(code)}"
        if delay is None:
            times = f"the {len(slot.crashes)}. time within {self._policy.window_seconds:.0f} s"
            self._failure = f"{ended}, {times}; giving up."
            return
        slot.start_at = now + delay
        self.say("supervisor", f"{ended}; restarting it in {delay:.1f} s.")

    def _not_ready(self) -> list[str]:
        return [name for name, slot in self._slots.items() if not self._is_ready(slot)]

    def _is_ready(self, slot: _Slot) -> bool:
        pid = self.pid_of(slot.child.name)
        if pid is None:
            return False
        if slot.ready_pid != pid and (slot.child.ready_url is None or _answers(slot.child.ready_url)):
            slot.ready_pid = pid
        return slot.ready_pid == pid

    # Processes

    def _start(self, slot: _Slot) -> None:
        log = self._open_log(slot.child)
        slot.running = subprocess.Popen(
            ["/bin/sh", "-c", ENTER, "sh", *slot.child.command],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **slot.child.env},
            stdin=self._lifeline,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if log != subprocess.PIPE:
            os.close(log)
            return
        reader = threading.Thread(target=self._read, args=(slot.child.name, slot.running), daemon=True)
        self._readers = [*(old for old in self._readers if old.is_alive()), reader]
        reader.start()

    def _open_log(self, child: Child) -> int:
        if self._log_dir is None:
            return subprocess.PIPE
        log = self._log_dir / f"{child.name}.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _read(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            while line := lines.readline(LINE_BYTES_MAX):
                try:
                    self.say(name, line.decode(errors="replace").rstrip("\r\n"))
                except (OSError, ValueError) as error:
                    # Our reader left (`make run | head`). Read on: the child must not block on us.
                    self._failure = f"The output cannot be written: {error}"

    def _bury(self, slot: _Slot) -> None:
        """End what is left of a child's group and forget it."""
        if slot.running is None:
            return
        _signal_group(slot.running.pid, signal.SIGKILL)
        slot.running.wait()
        self._tell_guard("-", slot.running.pid)
        slot.running = None

    # The guard

    def _start_guard(self) -> None:
        pipe, self._lifeline = os.pipe()
        self._guard = subprocess.Popen(["/bin/sh", "-c", GUARD], stdin=pipe, start_new_session=True)
        os.close(pipe)

    def _look_after_guard(self) -> None:
        if self._guard is None or self._guard.poll() is None:
            return
        os.close(self._lifeline)
        self._start_guard()
        for slot in self._slots.values():
            if slot.running is not None:
                self._tell_guard("+", slot.running.pid)
        self.say("supervisor", "The guard was ended; another one has taken over.")

    def _tell_guard(self, sign: str, group: int) -> None:
        with suppress(BrokenPipeError):  # a dead guard gets a successor, who is told again
            os.write(self._lifeline, f"{sign} {group}\n".encode())

    def _dismiss_guard(self) -> None:
        if self._guard is None:
            return
        self._guard.kill()  # every group is buried; it has nothing left to do
        self._guard.wait()
        self._guard = None
        os.close(self._lifeline)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS):  # noqa: S310 - our own children's address
            return True  # urlopen raises for an answer of 400 and above
    except (OSError, HTTPException):
        return False


def _signal_group(group: int, kind: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        os.killpg(group, kind)


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """The stop signals that came in. A list, because setting a threading.Event in a handler can deadlock."""
    requests: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        requests.append(number)

    before = {kind: signal.signal(kind, note) for kind in STOP_SIGNALS}
    try:
        yield requests
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
