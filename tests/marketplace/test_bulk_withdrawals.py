"""Withdrawing many at once: what was counted is what is withdrawn, each ticket for itself, and nothing twice."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from billing.accounts import reserved
from billing.ledger import balance
from marketplace.events.commands import Bus
from marketplace.events.facts import TicketWithdrawn
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Tx
from marketplace.kernel.ids import BrandId, BulkWithdrawalId, TicketId, new_id
from marketplace.kernel.settings import Settings
from marketplace.tickets.bulk_withdrawals import (
    NoSuchBulkWithdrawal,
    NothingToWithdraw,
    ask_to_withdraw,
    bulk_withdrawal,
    preview,
    unfinished,
    withdraw_next,
    work_off,
)
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy, Ticket, TicketState
from marketplace.tickets.recall_models import BulkWithdrawal
from marketplace.tickets.recalls import ReasonNeeded
from marketplace.tickets.terms import CategoryPlan, add_category
from marketplace.tickets.ticket_search import TicketFilter
from tests.builders import Clock, a_brand, a_worker, an_answered_ticket, an_open_ticket, as_brand
from workers_ui import parts
from workers_ui.background import JOB_IS_LOST, Background
from workers_ui.money_work import MoneyWork

OPEN = TicketFilter(state=TicketState.OPEN)


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        an_open_ticket(tx, a_brand(tx, name="Noise & Sons"))
        made = a_brand(tx)
        add_category(tx, brand=made, plan=CategoryPlan(key="returns", name="Returns"))
        return made


def open_tickets(background: Database, brand: BrandId, count: int, **changes: object) -> list[TicketId]:
    with background.transaction() as tx:
        return [an_open_ticket(tx, brand, **changes) for _ in range(count)]


def ask(db: Database, brand: BrandId, which: TicketFilter, *, reason: str = "Spam.") -> BulkWithdrawalId:
    with db.transaction(as_brand(brand)) as tx:
        return ask_to_withdraw(tx, brand=brand, which=which, reason=reason, by="Mo", now=app_now(tx)).id


def look(background: Database, brand: BrandId, bulk: BulkWithdrawalId) -> BulkWithdrawal:
    with background.transaction() as tx:
        return bulk_withdrawal(tx, brand=brand, bulk=bulk)


def states(background: Database, brand: BrandId) -> list[TicketState]:
    with background.transaction() as tx:
        return [one.state for one in tx.query(Ticket).filter_by(brand_id=brand).order_by(Ticket.number)]


def test_the_tickets_of_a_filter_are_counted_then_withdrawn(
    db: Database, background: Database, brand: BrandId
) -> None:
    open_tickets(background, brand, 2, category="returns")
    Clock(database=background).forward(timedelta(hours=5))
    open_tickets(background, brand, 1, category="returns")
    open_tickets(background, brand, 1)
    with db.transaction(as_brand(brand)) as tx:
        which = TicketFilter(category="returns", posted_before=app_now(tx) - timedelta(hours=4))
        counted = preview(tx, brand=brand, which=which)
    assert (counted.by_state, counted.tickets, counted.is_all) == ({TicketState.OPEN: 2}, 2, True)
    assert states(background, brand) == [TicketState.OPEN] * 4

    bulk = ask(db, brand, which)
    work_off(background, brand=brand, bulk=bulk)

    done = look(background, brand, bulk)
    assert (done.done, done.withdrawn, done.refusals) == (2, 2, [])
    assert done.finished_at is not None
    assert states(background, brand) == [TicketState.WITHDRAWN] * 2 + [TicketState.OPEN] * 2
    with background.transaction() as tx:
        assert balance(tx, reserved(brand), currency="usd").amount_minor == 2 * 250


def test_a_ticket_that_cannot_be_withdrawn_is_told_of_and_the_others_go_on(
    db: Database, background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        answered = [an_answered_ticket(tx, brand, a_worker(tx)) for _ in range(3)]
    bulk = ask(db, brand, TicketFilter(state=TicketState.ANSWERED))
    with background.transaction() as tx:
        resolve_ticket(tx, brand=brand, ticket=answered[1], by=ResolvedBy.CUSTOMER, now=app_now(tx))
    work_off(background, brand=brand, bulk=bulk)

    done = look(background, brand, bulk)
    assert (done.done, done.withdrawn) == (3, 2)
    assert [(one["ticket"], one["number"]) for one in done.refusals] == [(str(answered[1]), 2)]
    assert "over" in done.refusals[0]["why"]
    assert states(background, brand) == [
        TicketState.WITHDRAWN,
        TicketState.RESOLVED,
        TicketState.WITHDRAWN,
    ]


class Killed(Exception):
    """The process is gone."""


def die_before_the_commit(background: Database, brand: BrandId, bulk: BulkWithdrawalId) -> None:
    with background.transaction() as tx:
        withdraw_next(tx, brand=brand, bulk=bulk, now=app_now(tx))
        raise Killed


def test_a_killed_job_goes_on_where_it_stopped(db: Database, background: Database, brand: BrandId) -> None:
    open_tickets(background, brand, 4)
    bulk = ask(db, brand, OPEN)
    with background.transaction() as tx:
        assert withdraw_next(tx, brand=brand, bulk=bulk, now=app_now(tx))
    with pytest.raises(Killed):
        die_before_the_commit(background, brand, bulk)
    assert look(background, brand, bulk).done == 1
    with background.transaction() as tx:
        assert unfinished(tx, asked_before=app_now(tx) + timedelta(hours=1)) == [(brand, bulk)]
        assert unfinished(tx, asked_before=app_now(tx) - timedelta(hours=1)) == []

    work_off(background, brand=brand, bulk=bulk)
    work_off(background, brand=brand, bulk=bulk)

    assert look(background, brand, bulk).withdrawn == 4
    with background.transaction() as tx:
        assert unfinished(tx, asked_before=app_now(tx) + timedelta(hours=1)) == []
        recalls = tx.execute(text("SELECT count(*) FROM recall")).scalar_one()
        told = tx.execute(
            text("SELECT body->>'done' FROM event WHERE kind = 'bulk_withdrawal_advanced'")
        ).scalars()
        assert (recalls, list(told)) == (4, ["4"])


def test_a_lost_job_that_fails_again_holds_up_no_other(
    db: Database, background: Database, database_url: str, brand: BrandId, settings: Settings, clock: Clock
) -> None:
    with background.transaction() as tx:
        other = a_brand(tx)
    bulks = []
    for owner in (brand, other):
        open_tickets(background, owner, 1)
        bulks.append(ask(db, owner, OPEN))
    clock.forward(JOB_IS_LOST + timedelta(seconds=1))

    def fails(_tx: Tx, fact: TicketWithdrawn) -> None:
        if fact.brand == brand:
            raise Killed

    failing = Database(database_url, role=Role.BACKGROUND, shared={"bus": Bus({TicketWithdrawn: [fails]})})
    retriever = parts.retriever(settings, background)
    Background(
        settings=settings,
        database=failing,
        money=MoneyWork(database=failing, gateway=None),
        retriever=retriever,
    ).finish_withdrawals()
    failing.dispose()
    assert [
        look(background, owner, bulk).done for owner, bulk in zip((brand, other), bulks, strict=True)
    ] == [0, 1]


def test_one_request_takes_the_oldest_of_more_than_it_can(
    db: Database, background: Database, brand: BrandId
) -> None:
    tickets = open_tickets(background, brand, 3)
    with db.transaction(as_brand(brand)) as tx:
        counted = preview(tx, brand=brand, which=OPEN, limit=2)
        asked = ask_to_withdraw(
            tx, brand=brand, which=OPEN, reason="Spam.", by="Mo", now=app_now(tx), limit=2
        )
    assert (counted.tickets, counted.is_all) == (2, False)
    assert asked.tickets == tickets[:2]


def test_what_matches_nothing_or_has_no_reason_is_refused(
    db: Database, background: Database, brand: BrandId
) -> None:
    with pytest.raises(NothingToWithdraw):
        ask(db, brand, OPEN)
    open_tickets(background, brand, 1)
    with pytest.raises(ReasonNeeded):
        ask(db, brand, OPEN, reason=" ")
    with pytest.raises(NothingToWithdraw):
        ask(db, brand, TicketFilter(state=TicketState.RESOLVED))


def test_another_brands_withdrawal_is_not_there(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        foreign = a_brand(tx, name="Somebody Else")
        an_open_ticket(tx, foreign)
    theirs = ask(db, foreign, OPEN)
    for bulk in (theirs, BulkWithdrawalId(new_id())):
        with db.transaction(as_brand(brand)) as tx, pytest.raises(NoSuchBulkWithdrawal):
            bulk_withdrawal(tx, brand=brand, bulk=bulk)
