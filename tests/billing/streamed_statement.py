"""`python -m tests.billing.streamed_statement DATABASE_URL WORKER MONTH`: how much memory writing its file takes.

Prints the rows of the file, and the kilobytes by which this process grew at most while it was written, looked at every
few milliseconds: the peak that the system keeps would be that of the imports.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psutil

from billing.statement_files import STATEMENT_COLUMNS, statement_rows
from marketplace.kernel.csv_file import csv_file
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.ids import WorkerId

LOOK_SECONDS = 0.005


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


@contextmanager
def watched() -> Iterator[list[int]]:
    """The bytes in memory at each look, from before to after."""
    seen, over = [resident()], threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            seen.append(resident())

    watcher = threading.Thread(target=look)
    watcher.start()
    yield seen
    over.set()
    watcher.join()
    seen.append(resident())


if __name__ == "__main__":
    database_url, owner, month = sys.argv[1:4]
    worker = WorkerId(UUID(owner))
    database = Database(database_url, role=Role.APP, connections=1)
    with database.transaction(Scope(worker=worker)) as tx:
        csv_file(STATEMENT_COLUMNS, statement_rows(tx, month="2001-01", currency="usd", worker=worker))
    with watched() as seen:
        with database.transaction(Scope(worker=worker)) as tx:
            rows = statement_rows(tx, month=month, currency="usd", worker=worker)
            made = csv_file(STATEMENT_COLUMNS, rows)
        for _ in made.pieces():
            pass
    database.dispose()
    print(made.rows, (max(seen) - seen[0]) // 1_000)  # noqa: T201 - its answer
