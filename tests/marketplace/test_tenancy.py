"""The second wall: with the first one gone, the database still shows nobody another's rows."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import NOBODY, Database, Scope
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.models import ReleaseReason
from marketplace.tickets.pool import claim_ticket, release_ticket
from marketplace.tickets.posting import TicketNotFound, ticket_of
from marketplace.tickets.replies import send_reply
from tests.builders import a_brand, a_worker, an_open_ticket, as_brand, as_worker

TENANT_TABLES = ("ticket", "message", "customer", "category", "terms", "event")


def _two_brands(background: Database) -> tuple[BrandId, TicketId, BrandId, TicketId]:
    with background.transaction() as tx:
        one, other = a_brand(tx), a_brand(tx)
        return one, an_open_ticket(tx, one), other, an_open_ticket(tx, other)


def _count(database: Database, scope: Scope, table: str) -> int:
    with database.transaction(scope) as tx:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_without_a_scope_nothing_is_visible(db: Database, background: Database) -> None:
    _two_brands(background)
    assert {table: _count(db, NOBODY, table) for table in TENANT_TABLES} == dict.fromkeys(TENANT_TABLES, 0)


def test_a_brand_sees_its_own_rows_and_no_others(db: Database, background: Database) -> None:
    one, ticket, _other, foreign = _two_brands(background)
    with db.transaction(as_brand(one)) as tx:
        assert tx.execute(text("SELECT id FROM ticket")).scalars().all() == [ticket]
        assert ticket_of(tx, brand=one, ticket=ticket).id == ticket
    for ticket_asked in (foreign, TicketId(one)):
        with db.transaction(as_brand(one)) as tx, pytest.raises(TicketNotFound):
            ticket_of(tx, brand=one, ticket=ticket_asked)


def test_a_brand_cannot_write_into_another(db: Database, background: Database) -> None:
    one, _ticket, other, foreign = _two_brands(background)
    with pytest.raises(ProgrammingError, match="row-level security"), db.transaction(as_brand(one)) as tx:
        tx.execute(
            text("INSERT INTO category (brand_id, key, name) VALUES (:brand, 'x', 'x')"), {"brand": other}
        )
    with db.transaction(as_brand(one)) as tx:
        touched = tx.execute(
            text("UPDATE ticket SET subject = 'mine now' WHERE id = :id RETURNING id"), {"id": foreign}
        ).all()
    assert touched == []


def test_the_scope_ends_with_its_transaction(db: Database, background: Database) -> None:
    one, *_ = _two_brands(background)
    assert _count(db, as_brand(one), "ticket") == 1
    assert _count(db, NOBODY, "ticket") == 0


def test_a_worker_reads_a_ticket_from_his_claim_and_its_thread_to_the_end_of_it(
    db: Database, background: Database
) -> None:
    with background.transaction() as tx:
        brand, mine, stranger = a_brand(tx), a_worker(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
    assert _count(db, as_worker(mine), "message") == 0
    with db.transaction() as tx:
        hold = claim_ticket(tx, ticket=ticket, worker=mine)
    assert _count(db, as_worker(mine), "message") == 1
    assert _count(db, as_worker(stranger), "ticket") == 0
    with db.transaction(as_worker(mine)) as tx:
        release_ticket(
            tx,
            ticket=ticket,
            worker=mine,
            number=hold.number,
            reason=ReleaseReason.NO_TIME,
            now=app_now(tx),
        )
    with db.transaction() as tx:
        again = claim_ticket(tx, ticket=ticket, worker=stranger)
    with db.transaction(as_worker(stranger)) as tx:
        send_reply(
            tx, ticket=ticket, worker=stranger, number=again.number, body="Here it is.", now=app_now(tx)
        )
    assert _count(db, as_worker(stranger), "message") == 2
    assert _count(db, as_worker(mine), "message") == 1
    assert _count(db, as_worker(mine), "customer") == 0


def test_nobody_changes_a_fact(db: Database, background: Database) -> None:
    one, *_ = _two_brands(background)
    for statement in ("UPDATE event SET kind = 'other'", "DELETE FROM event"):
        with pytest.raises(ProgrammingError, match="permission denied"), db.transaction(as_brand(one)) as tx:
            tx.execute(text(statement))
