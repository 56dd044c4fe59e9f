"""`python -m tests.billing.streamed_statement DATABASE_URL WORKER MONTH`: how much memory writing its file takes.

Prints the rows of the file and the kilobytes by which this process grew while it was written.
"""

import resource
import sys
from uuid import UUID

from billing.statement_files import STATEMENT_COLUMNS, statement_rows
from marketplace.kernel.csv_file import csv_file
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.ids import WorkerId


def peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    database_url, owner, month = sys.argv[1:4]
    worker = WorkerId(UUID(owner))
    database = Database(database_url, role=Role.APP, connections=1)
    with database.transaction(Scope(worker=worker)) as tx:
        csv_file(STATEMENT_COLUMNS, statement_rows(tx, month="2001-01", currency="usd", worker=worker))
    before = peak_kilobytes()
    with database.transaction(Scope(worker=worker)) as tx:
        made = csv_file(STATEMENT_COLUMNS, statement_rows(tx, month=month, currency="usd", worker=worker))
    for _ in made.pieces():
        pass
    print(made.rows, peak_kilobytes() - before, peak_kilobytes())  # noqa: T201 - its answer
