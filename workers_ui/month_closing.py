"""`humancloud close-month`: closing the books at the command line."""

import structlog

from billing.periods import OnlyFinanceCloses, close_period
from marketplace.accounts.queries import find_person_by_email
from marketplace.kernel.db import PLATFORM, Database

log = structlog.get_logger()


def close(database: Database, *, month: str, email: str) -> None:
    """Raises OnlyFinanceCloses to a stranger too, and whatever `close_period` does."""
    with database.transaction(PLATFORM) as tx:
        person = find_person_by_email(tx, email)
        if person is None:
            raise OnlyFinanceCloses
        close_period(tx, month=month, person=person.id)
    log.info("period.closed", month=month, person=str(person.id))
