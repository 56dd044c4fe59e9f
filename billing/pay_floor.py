"""What a day's work is missing up to the hourly floor. Pure: times and sums go in, an amount comes out."""

from collections.abc import Iterable
from datetime import datetime, timedelta

LONGEST_ANSWER = timedelta(hours=1)
SECONDS_PER_HOUR = 3_600

Span = tuple[datetime, datetime]


def active_seconds(spans: Iterable[Span]) -> int:
    """Whole seconds in which at least one of `spans` ran: work on two tickets at once is one time.

    No answer counts for more than its last hour, however long the customer or the worker was away.
    """
    total = timedelta()
    until: datetime | None = None
    for began, ended in sorted((max(began, ended - LONGEST_ANSWER), ended) for began, ended in spans):
        start = began if until is None else max(began, until)
        if ended > start:
            total += ended - start
            until = ended
    return int(total.total_seconds())


def missing_minor(*, seconds: int, earned_minor: int, per_hour_minor: int) -> int:
    """What brings `earned_minor` up to the floor for `seconds` of work, rounded up to a whole minor unit."""
    due = -(-seconds * per_hour_minor // SECONDS_PER_HOUR)
    return max(0, due - earned_minor)
