"""The embedded PostgreSQL, with the real server: where it lies, who may enter, each way of killing it."""

import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from marketplace.kernel.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresFailed

WAIT_SECONDS = 20.0
only_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every account may enter, unlike pytest's own; a failed test leaves no server."""
    with tempfile.TemporaryDirectory(prefix="hc-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder).resolve()
        for notes in Path(folder).rglob("postmaster.pid"):
            with suppress(ProcessLookupError):
                os.kill(_noted_pid(notes), signal.SIGQUIT)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A data folder with an initialised, stopped server: initdb is most of the time of a test."""
    with tempfile.TemporaryDirectory(prefix="hc-test-") as folder:
        Path(folder).chmod(0o755)
        with _server(Path(folder).resolve() / "data"):
            pass
        yield Path(folder).resolve() / "data"


@pytest.fixture
def data(place: Path, template: Path) -> Path:
    subprocess.run(["cp", "-a", template, place / "data"], check=True, timeout=WAIT_SECONDS)
    return place / "data"


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedPostgres]:
    """One running server for the tests that only look at it."""
    with tempfile.TemporaryDirectory(prefix="hc-test-") as folder:
        Path(folder).chmod(0o755)
        with _server(Path(folder).resolve() / "data", port=6543) as server:
            yield server


@pytest.mark.parametrize("name", ["plain", "with spaces", 'quo\'ted "$HOME" `id` 50%', "long-" + "x" * 180])
def test_data_outlives_a_restart_wherever_it_lies(place: Path, name: str) -> None:
    with _server(place / name) as server:
        _run(server.url, "CREATE TABLE note (text text)", "INSERT INTO note VALUES ('kept')")
    with _server(place / name) as server:
        assert _answer(server.url, "SELECT text FROM note") == "kept"


def test_the_address_names_a_socket_folder_for_its_owner_alone(shared: EmbeddedPostgres) -> None:
    url = sqlalchemy.make_url(shared.url)
    assert (url.drivername, url.username, url.database) == ("postgresql+psycopg", "postgres", "humancloud")
    folder = Path(str(url.query["host"]))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".s.PGSQL.6543").is_socket()
    assert _answer(shared.url_for("template1"), "SELECT current_database()") == "template1"
    assert _answer(shared.url, "SHOW listen_addresses") == ""


def test_there_is_no_address_before_the_start(place: Path) -> None:
    with pytest.raises(EmbeddedPostgresFailed, match="before start"):
        _ = EmbeddedPostgres(place / "data").url


def test_text_sorts_by_code_point_and_knows_letters_beyond_ascii(shared: EmbeddedPostgres) -> None:
    assert _answer(shared.url, "SELECT 'B' < 'a' AND upper('ä') = 'Ä'") is True
    assert _answer(shared.url, "SHOW server_encoding") == "UTF8"


def test_refused_rows_leave_nothing_in_the_log(shared: EmbeddedPostgres) -> None:
    _run(shared.url, "CREATE TABLE secret (text text UNIQUE)", "INSERT INTO secret VALUES ('4242')")
    with pytest.raises(sqlalchemy.exc.IntegrityError):
        _run(shared.url, "INSERT INTO secret VALUES ('4242')")
    log = Path(str(_answer(shared.url, "SHOW data_directory"))).parent / "postgres.log"
    assert "ready to accept connections" in log.read_text()
    assert "4242" not in log.read_text()


def test_only_a_durable_server_waits_for_the_disk(shared: EmbeddedPostgres, data: Path) -> None:
    assert _durability(shared.url) == ["off", "off", "off"]
    with _server(data, durable=True) as server:
        assert _durability(server.url) == ["on", "on", "on"]


def test_a_running_server_is_made_durable_but_never_less(data: Path) -> None:
    with _server(data, durable=False) as fast, _server(data, durable=True):
        _eventually(lambda: _durability(fast.url) == ["on", "on", "on"])
        with _server(data, durable=False) as third:
            assert _durability(third.url) == ["on", "on", "on"]


def test_the_last_holder_stops_the_server(data: Path) -> None:
    first, second = (EmbeddedPostgres(data, durable=False) for _ in range(2))
    first.start()
    assert second.start() == first.start()
    first.stop()
    first.stop()
    assert _answer(second.url, "SELECT 1") == 1
    folder = Path(str(sqlalchemy.make_url(second.url).query["host"]))
    second.stop()
    assert not _is_up(second)
    assert not folder.exists()
    assert first.start() == first.url
    assert _answer(first.url, "SELECT 1") == 1
    first.stop()


def test_a_killed_server_comes_back_with_what_was_committed(data: Path) -> None:
    with _server(data, durable=True) as server:
        _run(server.url, "CREATE TABLE note (text text)", "INSERT INTO note VALUES ('kept')")
        group = os.getpgid(_pid_of(data))
        assert group != os.getpgid(0)
        os.killpg(group, signal.SIGKILL)
        with _server(data) as again:
            assert _answer(again.url, "SELECT text FROM note") == "kept"


def test_a_server_whose_first_process_alone_was_killed_comes_back(data: Path) -> None:
    with _server(data) as server, closing(psycopg.connect(_plain(server.url))) as busy:
        busy.execute("SELECT 1")
        os.kill(_pid_of(data), signal.SIGKILL)
        with _server(data) as again:
            assert _answer(again.url, "SELECT 1") == 1


def test_a_backend_that_outlives_its_killed_server_holds_nothing_up(data: Path) -> None:
    with _server(data) as server, closing(psycopg.connect(_plain(server.url))) as busy:
        # Stopped, it notices nothing, as one that waits for a lock of another that was killed.
        os.kill(busy.info.backend_pid, signal.SIGSTOP)
        os.kill(_pid_of(data), signal.SIGKILL)
        with _server(data) as again:
            assert _answer(again.url, "SELECT 1") == 1


def test_stopping_after_the_server_was_killed_is_no_error(data: Path) -> None:
    server = EmbeddedPostgres(data, durable=False)
    server.start()
    os.kill(_pid_of(data), signal.SIGKILL)
    folder = Path(str(sqlalchemy.make_url(server.url).query["host"]))
    server.stop()
    assert not folder.exists()


def test_left_over_files_that_name_a_living_stranger_do_not_matter(data: Path) -> None:
    with _server(data) as server:
        folder = Path(str(sqlalchemy.make_url(server.url).query["host"]))
        notes = (data / "cluster" / "postmaster.pid").read_text()
    # PostgreSQL believes such a file only where the stranger runs under the server's account.
    owner = (data / "cluster").stat().st_uid
    with subprocess.Popen(["sleep", "600"], user=owner) as stranger:
        told = f"{stranger.pid}\n" + notes.partition("\n")[2]
        folder.mkdir(mode=0o700)
        (data / "cluster" / "postmaster.pid").write_text(told)
        (folder / ".s.PGSQL.5432").touch()
        (folder / ".s.PGSQL.5432.lock").write_text(told)
        try:
            with _server(data) as server:
                assert _answer(server.url, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_server_left_by_a_killed_program_is_adopted_and_then_stopped(data: Path) -> None:
    with _holder(data) as program:
        left = int(_line(program))
        program.kill()
        program.wait(WAIT_SECONDS)
    # Another shell with another TMPDIR would look for the socket elsewhere.
    server = EmbeddedPostgres(data, port=7777, durable=False)
    server.start()
    assert _pid_of(data) == left
    assert _answer(server.url, "SELECT 1") == 1
    server.stop()
    assert not _is_up(server)


def test_three_programs_starting_at_once_share_one_server_and_the_last_stops_it(place: Path) -> None:
    with _holder(place / "data") as one, _holder(place / "data") as two, _holder(place / "data") as three:
        programs = [one, two, three]
        assert len({_line(program) for program in programs}) == 1
        observer = EmbeddedPostgres(place / "data", durable=False)
        observer.start()
        observer.stop()
        for program in programs:
            assert _is_up(observer)
            program.communicate("leave\n", timeout=WAIT_SECONDS)
            assert program.returncode == 0
        assert not _is_up(observer)


def test_a_server_that_cannot_start_says_why_at_once(data: Path) -> None:
    with _server(data):
        pass
    version = data / "cluster" / "PG_VERSION"
    right = version.read_text()
    version.write_text("12\n")
    began = time.monotonic()
    with pytest.raises(EmbeddedPostgresFailed, match="incompatible with server"):
        EmbeddedPostgres(data).start()
    assert time.monotonic() - began < 10
    version.write_text(right)
    with _server(data) as server:
        assert _answer(server.url, "SELECT 1") == 1


def test_a_half_made_cluster_is_made_anew(place: Path) -> None:
    (place / "data" / "cluster.new").mkdir(parents=True)
    (place / "data" / "cluster.new" / "PG_VERSION").touch()
    with _server(place / "data") as server:
        assert _answer(server.url, "SELECT 1") == 1


@only_as_root
def test_root_can_keep_the_data_where_no_other_account_may_look(place: Path) -> None:
    (place / "private").mkdir(mode=0o700)
    with _server(place / "private" / "data") as server:
        assert _answer(server.url, "SELECT 1") == 1
    assert stat.S_IMODE((place / "private").stat().st_mode) == 0o700


@only_as_root
def test_the_server_does_not_run_as_root(shared: EmbeddedPostgres) -> None:
    notes = Path(str(_answer(shared.url, "SHOW data_directory"))) / "postmaster.pid"
    assert pwd.getpwuid(notes.stat().st_uid).pw_name in ("humancloud", "nobody")


@only_as_root
def test_an_ordinary_account_runs_its_own_server_and_root_may_use_it(place: Path) -> None:
    daemon = pwd.getpwnam("daemon")
    (place / "theirs").mkdir()
    os.chown(place / "theirs", daemon.pw_uid, daemon.pw_gid)
    with _holder(place / "theirs" / "data", account=daemon) as program:
        assert int(_line(program)) == _pid_of(place / "theirs" / "data")
        with _server(place / "theirs" / "data") as server:
            assert _answer(server.url, "SELECT 1") == 1
        program.communicate("leave\n", timeout=WAIT_SECONDS)
        assert program.returncode == 0
    with _server(place / "theirs" / "data"):
        pass
    with _holder(place / "theirs" / "data", account=daemon) as program:
        assert _line(program).isdigit()
        program.communicate("leave\n", timeout=WAIT_SECONDS)
        assert program.returncode == 0


@only_as_root
def test_another_account_is_refused_even_through_an_open_folder(data: Path) -> None:
    with _server(data) as server:
        folder = Path(str(sqlalchemy.make_url(server.url).query["host"]))
        folder.chmod(0o777)
        (folder / ".s.PGSQL.5432").chmod(0o777)
        refused = _program(REFUSED, _plain(server.url), account=pwd.getpwnam("daemon"))
        output, _ = refused.communicate(timeout=WAIT_SECONDS)
    assert "Peer authentication failed" in output


@only_as_root
def test_a_socket_folder_made_by_somebody_else_is_refused(data: Path) -> None:
    with _server(data) as server:
        folder = Path(str(sqlalchemy.make_url(server.url).query["host"]))
    folder.mkdir()
    os.chown(folder, pwd.getpwnam("daemon").pw_uid, -1)
    try:
        with pytest.raises(EmbeddedPostgresFailed, match="made by somebody else"):
            EmbeddedPostgres(data).start()
    finally:
        folder.rmdir()


BECOME = """
import os, sys
from pathlib import Path
import psycopg
from marketplace.kernel.embedded_postgres import EmbeddedPostgres
uid, gid, subject = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if uid != os.geteuid():
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
"""
HOLDER = """
with EmbeddedPostgres(Path(subject), durable=False):
    print((Path(subject) / "cluster" / "postmaster.pid").read_text().split()[0], flush=True)
    sys.stdin.readline()
"""
REFUSED = """
try:
    psycopg.connect(subject, connect_timeout=5)
except psycopg.OperationalError as error:
    print(error)
"""


@contextmanager
def _holder(data: Path, account: pwd.struct_passwd | None = None) -> Iterator[subprocess.Popen[str]]:
    """A program that holds the server of `data` until it is told to leave; it prints the server's pid."""
    with _program(HOLDER, str(data), account=account) as program:
        try:
            yield program
        finally:
            program.kill()


def _program(script: str, subject: str, *, account: pwd.struct_passwd | None) -> subprocess.Popen[str]:
    account = account or pwd.getpwuid(os.geteuid())
    return subprocess.Popen(
        [sys.executable, "-c", BECOME + script, str(account.pw_uid), str(account.pw_gid), subject],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


@contextmanager
def _server(data: Path, *, port: int | None = None, durable: bool = False) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(data, port=port, durable=durable) as server:
        yield server


def _run(url: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _answer(url: str, query: str) -> object:
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).scalar_one()


def _durability(url: str) -> list[object]:
    return [_answer(url, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")]


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def _is_up(server: EmbeddedPostgres) -> bool:
    try:
        psycopg.connect(_plain(server.url), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _pid_of(data: Path) -> int:
    return _noted_pid(data / "cluster" / "postmaster.pid")


def _noted_pid(notes: Path) -> int:
    return int(notes.read_text().splitlines()[0])


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
