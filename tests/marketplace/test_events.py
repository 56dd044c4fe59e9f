"""Facts are read in an order in which none can be overtaken, and carried to jobs at least once."""

from contextlib import suppress

import pytest
from sqlalchemy import text

from marketplace.events.commands import record
from marketplace.events.dispatcher import dispatch
from marketplace.events.facts import TicketPosted, kind_of
from marketplace.events.queries import START, BadCursor, Cursor, facts_after
from marketplace.kernel.db import PLATFORM, Database
from marketplace.kernel.ids import TicketId, new_id
from marketplace.kernel.jobs import Job, Waker
from tests.builders import a_brand, as_brand


def test_a_fact_that_commits_late_is_not_skipped(background: Database, db: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
    early, late = TicketId(new_id()), TicketId(new_id())
    with background.transaction() as slow:
        record(slow, TicketPosted(brand=brand, ticket=late))
        with background.transaction() as fast:
            record(fast, TicketPosted(brand=brand, ticket=early))
        with db.transaction(PLATFORM) as tx:
            seen = facts_after(tx, START, kinds=[kind_of(TicketPosted)])
            assert [told.subject for told in seen] == []  # the slow one runs: nothing after it is final
    with db.transaction(PLATFORM) as tx:
        seen = facts_after(tx, START, kinds=[kind_of(TicketPosted)])
    assert {told.subject for told in seen} == {early, late}


def test_a_rolled_back_fact_was_never_told(background: Database, db: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
    with suppress(ZeroDivisionError), background.transaction() as tx:
        record(tx, TicketPosted(brand=brand, ticket=TicketId(new_id())))
        _ = 1 // 0  # the rest of the command fails
    with db.transaction(as_brand(brand)) as tx:
        assert facts_after(tx, START) == []


def test_pages_of_the_feed_join_without_gap_or_repeat(background: Database, db: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
    tickets = [TicketId(new_id()) for _ in range(7)]
    for ticket in tickets:
        with background.transaction() as tx:
            record(tx, TicketPosted(brand=brand, ticket=ticket))
    read, cursor = [], START
    while True:
        with db.transaction(as_brand(brand)) as tx:
            page = facts_after(tx, cursor, limit=3)
        if not page:
            break
        read += [told.subject for told in page]
        cursor = page[-1].cursor
    assert read == tickets


@pytest.mark.parametrize("text_", ["", "x", "1", "1-", "-1", "1-2-3", "99999999999999999999999-1", "1-²"])
def test_a_cursor_that_was_never_given_out_is_refused(text_: str) -> None:
    with pytest.raises(BadCursor):
        Cursor.parse(text_)


def test_the_dispatcher_defers_a_job_with_the_cursor_in_one_commit(
    background: Database, database_url: str
) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        record(tx, TicketPosted(brand=brand, ticket=TicketId(new_id())))
    answers = {kind_of(TicketPosted): lambda told: Job(task="screen", args={"ticket": str(told.subject)})}
    waker = Waker(database_url)
    told = [dispatch(background, answers, waker) for _ in range(2)]
    assert told[0] >= 1
    assert told[1] == 0
    with background.transaction() as tx:
        jobs = tx.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'screen'"))
        assert jobs.scalar_one() == 1
