"""Time comes from the database, read once per transaction and passed on as `now`."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


def app_now(tx: Session) -> datetime:
    """This transaction's `now`, UTC: the database's clock plus the test clock's shift, if any."""
    now: datetime = tx.info["now"]
    return now


def shift_clock(tx: Session, *, by: timedelta) -> None:
    """Move a test installation's clock forward; the database refuses it in a live one."""
    tx.execute(text("UPDATE clock_shift SET shift = shift + :by"), {"by": by})
