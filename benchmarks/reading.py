"""What reading files made to do harm costs those who use the API at the same time, and what a child process costs.

Both sides in one run, in turns: the API alone, and the API while the whole corpus of bad files is read beside it, two
at a time as the background process would. The load runs on the server's own cores.
"""

import asyncio
import itertools
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from benchmarks.crowd import background_database, durable_server, execute, fill_pool
from benchmarks.figures import Figure, run
from knowledge_base.reading.apart import nursery, read_all_apart, read_apart
from knowledge_base.reading.readers import read_any
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.kernel.clock import app_now
from tests.builders import a_brand, usd
from tests.http_client import connect
from tests.knowledge_base.bad_files import BAD_FILES
from tests.site_process import web_process

TICKETS = 1_000
TURNS = 5
ASKED_EACH_TURN = 300
READERS = 2
GOAL_RATIO = 1.2
SHORT_FILES = 400
GOAL_SHARED_RATIO = 4.0
PATHS = ("/api/v1/tickets", "/api/v1/events")


def measure() -> Iterator[Figure]:
    yield _beside_bad_files()
    yield _short_files()


def _beside_bad_files() -> Figure:
    with durable_server() as (url, folder):
        key = _fill(url)
        with web_process(url, folder, connections=8) as address:
            asyncio.run(_ask(address, key, 50))
            alone: list[list[float]] = []
            beside: list[list[float]] = []
            for _ in range(TURNS):
                alone.append(asyncio.run(_ask(address, key, ASKED_EACH_TURN)))
                with _reading():
                    beside.append(asyncio.run(_ask(address, key, ASKED_EACH_TURN)))
    # The middle turn of each side: what else the machine did in one turn does not count.
    quiet, busy = statistics.median(map(_p99, alone)), statistics.median(map(_p99, beside))
    return Figure(
        benchmark="reading",
        figure="api_p99_ratio_beside_bad_files",
        value=busy / quiet,
        unit="ratio",
        sides={
            "alone_ms": quiet * 1000,
            "beside_ms": busy * 1000,
            "alone_median_ms": statistics.median(itertools.chain(*alone)) * 1000,
            "beside_median_ms": statistics.median(itertools.chain(*beside)) * 1000,
        },
        goal=GOAL_RATIO,
    )


def _short_files() -> Figure:
    """Many short articles: read by children, and by the parsers alone in this process, which nobody does."""
    text = "# Returns\n\n" + "Send it back within thirty days. " * 60
    files = [(f"{number}.md", text.encode()) for number in range(SHORT_FILES)]
    list(read_all_apart(files[:50]))
    apart = _seconds(lambda: list(read_all_apart(files)))
    here = _seconds(lambda: [list(read_any(name, content)) for name, content in files])
    nursery.stop()
    return Figure(
        benchmark="reading",
        figure="short_files_apart_ratio",
        value=apart / here,
        unit="ratio",
        sides={"apart_s": apart, "in_process_s": here, "files": SHORT_FILES},
        goal=GOAL_SHARED_RATIO,
    )


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _fill(url: str) -> str:
    """A brand with tickets; the key of its system."""
    with background_database(url) as database:
        with database.transaction() as tx:
            brand = a_brand(tx, funds=usd(10_000))
            key = create_key(tx, brand=brand, name="Bench", scopes=list(ApiScope), now=app_now(tx))
        fill_pool(database, brand, tickets=TICKETS)
    execute(url, "VACUUM ANALYZE")
    return key.key


async def _ask(address: str, key: str, times: int) -> list[float]:
    """Seconds that each answer took, one after the other."""
    connection = await connect(address)
    seconds = []
    for path in itertools.islice(itertools.cycle(PATHS), times):
        started = time.perf_counter()
        status = await connection.read(path, token=key)
        seconds.append(time.perf_counter() - started)
        if status != 200:
            raise RuntimeError(f"{path} was answered {status}")
    connection.close()
    return seconds


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


@contextmanager
def _reading() -> Iterator[None]:
    """A background process that reads the corpus again and again, as long as this is open."""
    spawn = multiprocessing.get_context("spawn")
    ended, began = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_read_all, args=(began, ended))
    process.start()
    began.wait()
    yield
    ended.set()
    process.join()


def _read_all(began: Event, ended: Event) -> None:
    files = [(bad.name, bad.build()) for bad in BAD_FILES.values()]
    read_apart("warm.md", b"Warm.")
    began.set()
    with ThreadPoolExecutor(READERS) as threads:
        for number in range(READERS):
            threads.submit(_read_some, files[number::READERS], ended)


def _read_some(files: list[tuple[str, bytes]], ended: Event) -> None:
    for name, content in itertools.cycle(files):
        if ended.is_set():
            return
        read_apart(name, content)


if __name__ == "__main__":
    run(measure, __doc__)
