"""The pool's order: a ticket's due time, brought forward by its priority. It ages by itself and cannot starve."""

from datetime import datetime, timedelta

PRIORITY_BONUS = timedelta(hours=4)


def rank_of(*, due_at: datetime, priority: int) -> datetime:
    return due_at - PRIORITY_BONUS * priority
