"""Each statement that must hold is broken by hand, found, named, and seen to heal."""

from collections.abc import Callable

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, TicketId, WorkerId
from marketplace.kernel.invariants import Invariant, check_all, last_checks, live_breaches, past_breaches
from marketplace.kernel.settings import Settings
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import send_reply
from marketplace.tickets.uncovered import note_uncovered, uncovered_of_brand
from tests.builders import a_brand, a_worker, an_open_ticket, begin_probation
from tests.workers_ui.brand_site import a_house, words
from tests.workers_ui.conftest import Site
from tests.workers_ui.operator_site import an_operator
from workers_ui.doctor import examine
from workers_ui.invariants import INVARIANTS

A_REVIEW = (
    "INSERT INTO reply_review (brand_id, id, reply_id, ticket_id, worker_id, state, reason, after_limit, asked_at, "
    "decide_by, decided_at) SELECT brand_id, gen_random_uuid(), id, ticket_id, worker_id,"
)
A_RUN = (
    "INSERT INTO book_run (id, ran_at, ok, imported, matched, open_breaks, statements) "
    "SELECT gen_random_uuid(), app_now(),"
)
A_BATCH = (
    "INSERT INTO payout_batch (id, currency, state, content_hash, created_at) "
    "VALUES (gen_random_uuid(), 'usd', 'draft', '', app_now())"
)
A_PAYOUT = (
    "INSERT INTO payout (id, batch_id, worker_id, currency, amount_minor, destination, state, stripe_transfer, "
    "created_at, paid_at) SELECT gen_random_uuid(), b.id, w.id, 'usd', 1, 'acct_1', 'accepted', 'tr_unheard_of', "
    "app_now(), app_now() FROM payout_batch b, worker w"
)
A_SENT_EARNING = (
    "INSERT INTO earning (brand_id, id, ticket_id, worker_id, kind, resolution_id, terms_id, amount_minor, currency, "
    "state, accrued_at, window_ends_at, payable_at) SELECT brand_id, gen_random_uuid(), ticket_id, worker_id, "
    "'resolution', gen_random_uuid(), terms_id, 1, 'usd', 'sent', app_now(), app_now(), app_now() FROM claim "
    "WHERE ticket_id = :held"
)
PLANTED: dict[str, tuple[str, str]] = {
    "every_live_ticket_is_in_the_pool": (
        "DELETE FROM pool_ticket WHERE ticket_id = :open",
        "UPDATE ticket SET state = 'withdrawn' WHERE id = :open",
    ),
    "the_pool_and_the_ticket_agree": (
        "UPDATE ticket SET state = 'resolved' WHERE id = :open",
        "UPDATE ticket SET state = 'open' WHERE id = :open",
    ),
    "one_live_claim_a_ticket": (
        "DROP INDEX uq_claim_live; INSERT INTO claim (brand_id, id, ticket_id, number, worker_id, terms_id, "
        "claimed_at) SELECT brand_id, gen_random_uuid(), ticket_id, 99, worker_id, terms_id, claimed_at "
        "FROM claim WHERE ticket_id = :held",
        "DELETE FROM claim WHERE number = 99",
    ),
    "the_holder_has_the_live_claim": (
        "UPDATE claim SET number = 7 WHERE ticket_id = :held",
        "UPDATE claim SET number = 1 WHERE ticket_id = :held",
    ),
    "no_claim_past_its_deadline": (
        "UPDATE pool_ticket SET lease_ends_at = app_now() - interval '61 seconds' WHERE ticket_id = :held",
        "UPDATE pool_ticket SET lease_ends_at = app_now() - interval '59 seconds' WHERE ticket_id = :held",
    ),
    "every_open_ticket_has_a_reader": (
        "UPDATE worker SET languages = '{de}'",
        "UPDATE worker SET languages = '{en-GB}'",
    ),
    "kept_counters_are_true": (
        "DELETE FROM ticket_move WHERE id = (SELECT max(id) FROM ticket_move)",
        "SELECT recount_tickets()",
    ),
    "kept_pool_counters_are_true": (
        "INSERT INTO pool_move (lane, change) VALUES ('email/en/general', 3)",
        "SELECT recount_tickets()",
    ),
    "every_ticket_in_the_pool_is_paid_for": (
        "UPDATE ledger_txn SET ticket_id = NULL WHERE ticket_id = :open",
        "DELETE FROM pool_ticket WHERE ticket_id = :open; UPDATE ticket SET state = 'withdrawn' WHERE id = :open",
    ),
    "no_ended_ticket_holds_money": (
        "DELETE FROM pool_ticket WHERE ticket_id = :open; UPDATE ticket SET state = 'withdrawn' WHERE id = :open",
        "UPDATE ledger_txn SET ticket_id = NULL WHERE ticket_id = :open",
    ),
    "the_ledger_balances": (
        "UPDATE ledger_entry SET amount_minor = amount_minor + 1 WHERE id = (SELECT max(id) FROM ledger_entry)",
        "UPDATE ledger_entry SET amount_minor = amount_minor - 1 WHERE id = (SELECT max(id) FROM ledger_entry)",
    ),
    "books_agree": (
        "INSERT INTO book_break (id, kind, entry_id, stripe_minor, ledger_minor, currency, opened_at) "
        "SELECT gen_random_uuid(), 'not_in_stripe', id, 0, 1, 'usd', app_now() FROM ledger_entry LIMIT 1",
        "DELETE FROM book_break",
    ),
    "books_are_proven": (f"{A_RUN} false, 0, 0, 0, '[]'", "DELETE FROM book_run"),
    "a_sent_payout_is_posted": (f"{A_BATCH}; {A_PAYOUT}", "DELETE FROM payout; DELETE FROM payout_batch"),
    "a_sent_earning_has_its_payout": (A_SENT_EARNING, "DELETE FROM earning"),
    "kept_balances_are_true": (
        "UPDATE ledger_account SET balance_minor = balance_minor + 1 WHERE code = 'brand_wallet'",
        "UPDATE ledger_account SET balance_minor = balance_minor - 1 WHERE code = 'brand_wallet'",
    ),
    "no_call_about_funds_waits_for_a_person": (
        "INSERT INTO funds_call (id, brand_id, operation, subject_id, attempt, params, key, state, outcome, "
        "created_at, due_at) SELECT gen_random_uuid(), id, 'refund', gen_random_uuid(), 1, '{}', 'refund:1', "
        "'retired', 'A person must look at Stripe: two.', app_now(), app_now() FROM brand LIMIT 1",
        "DELETE FROM funds_call",
    ),
    "what_was_taken_back_is_owed": (
        "INSERT INTO top_up (brand_id, id, amount_minor, currency, state, created_at, due_at) SELECT id, "
        "gen_random_uuid(), 5, 'usd', 'open', app_now(), app_now() FROM brand LIMIT 1; INSERT INTO top_up_reversal "
        "(brand_id, id, top_up_id, kind, object_id, state, currency, amount_minor, fee_minor, owed_minor, reason, "
        "opened_at) SELECT brand_id, gen_random_uuid(), id, 'dispute', 'dp_1', 'open', 'usd', 5, 0, 5, 'x', "
        "app_now() FROM top_up",
        "DELETE FROM top_up_reversal; DELETE FROM top_up",
    ),
    "every_sent_reply_carries_its_label": (
        "ALTER TABLE reply DROP CONSTRAINT ck_reply_sent_carries_its_label; "
        "UPDATE reply SET state = 'sent', label = ''",
        "UPDATE reply SET state = 'queued'",
    ),
    "the_pool_and_the_reviews_agree": (
        "UPDATE pool_ticket SET state = 'in_review', lease_ends_at = NULL WHERE ticket_id = :held",
        "UPDATE pool_ticket SET state = 'claimed', lease_ends_at = app_now() + interval '5 minutes' "
        "WHERE ticket_id = :held",
    ),
    "no_review_past_its_time": (
        f"{A_REVIEW} 'waiting', NULL, 'send', app_now(), app_now() - interval '61 seconds', NULL FROM reply",
        "DELETE FROM reply_review",
    ),
    "no_reply_leaves_unapproved": (
        f"{A_REVIEW} 'rejected', 'wrong', 'send', app_now(), app_now(), app_now() FROM reply",
        "DELETE FROM reply_review",
    ),
}

Plant = Callable[[str], None]


@pytest.fixture
def world(background: Database, database_url: str) -> tuple[BrandId, Plant]:
    """Everything in order, and a hand that writes past every rule."""
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        open_one, held, answered = (an_open_ticket(tx, brand) for _ in range(3))
    with background.transaction() as tx:
        claim_ticket(tx, ticket=held, worker=worker)
        hold = claim_ticket(tx, ticket=answered, worker=worker)
    _answer(background, answered, worker=worker, number=hold.number)

    def plant(statements: str) -> None:
        engine = create_engine(database_url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements.split("; "):
                asked = {name: value for name, value in names.items() if f":{name}" in statement}
                connection.execute(text(statement), asked)
        engine.dispose()

    names: dict[str, TicketId] = {"open": open_one, "held": held}
    return brand, plant


def _answer(background: Database, ticket: TicketId, *, worker: WorkerId, number: int) -> None:
    with background.transaction() as tx:
        send_reply(tx, ticket=ticket, worker=worker, number=number, body="Here.", now=app_now(tx))


def _broken(background: Database) -> dict[str, tuple[str, ...]]:
    found = check_all(background, INVARIANTS)
    assert [one.failed for one in found if one.failed] == []
    return {one.invariant.name: one.offenders for one in found if one.offenders}


def test_every_statement_has_its_breach_here() -> None:
    assert set(PLANTED) == {one.name for one in INVARIANTS}
    assert len({one.name for one in INVARIANTS}) == len(INVARIANTS)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_breach_is_found_kept_and_seen_to_heal(
    background: Database, world: tuple[BrandId, Plant], name: str
) -> None:
    _, plant = world
    assert _broken(background) == {}
    breach, cure = PLANTED[name]
    plant(breach)
    assert name in _broken(background)
    _broken(background)
    with background.transaction() as tx:
        kept = live_breaches(tx)[name]
        assert kept.sample
        assert last_checks(tx)[name].failed == ""
    plant(cure)
    assert name not in _broken(background)
    with background.transaction() as tx:
        assert name not in live_breaches(tx)
        assert [one.id for one in past_breaches(tx) if one.name == name] == [kept.id]


def test_an_uncovered_lane_is_told_to_its_brand_and_so_is_no_breach(
    background: Database, world: tuple[BrandId, Plant]
) -> None:
    brand, plant = world
    plant("UPDATE worker SET languages = '{de}'")
    with background.transaction() as tx:
        note_uncovered(tx, now=app_now(tx))
        assert uncovered_of_brand(tx, brand=brand) == ["email/en/general"]
    assert _broken(background) == {}
    plant("UPDATE worker SET languages = '{en}'")
    with background.transaction() as tx:
        note_uncovered(tx, now=app_now(tx))
        assert uncovered_of_brand(tx, brand=brand) == []


def test_the_brand_reads_that_nobody_covers_a_language(site: Site, background: Database) -> None:
    house = a_house(site)
    house.ticket(language="pl")
    with background.transaction() as tx:
        note_uncovered(tx, now=app_now(tx))
    assert "Nobody works in this lane yet: e-mail, Polish" in words(house.member().get("/tickets"))


def test_operators_and_the_doctor_are_shown_a_breach(
    site: Site, settings: Settings, background: Database, world: tuple[BrandId, Plant]
) -> None:
    _, plant = world
    operator = an_operator(site)
    assert operator.post("/invariants/check").is_redirect
    assert "Nothing has been broken." in words(operator.get("/invariants"))
    plant(PLANTED["kept_pool_counters_are_true"][0])
    operator.post("/invariants/check")
    page = words(operator.get("/invariants"))
    assert "The kept counters of the pool equal the pool" in page
    assert "email/en/general: kept 4, there 1" in page
    assert "1 broken" in words(operator.get("/health"))
    found = {one.what: one for one in examine(settings)}
    assert not found["The kept counters of the pool equal the pool."].ok
    operator.post("/invariants/recount")
    operator.post("/invariants/check")
    assert "1 row" in words(operator.get("/invariants"))
    assert "ok" in words(operator.get("/health"))


def test_a_look_that_fails_is_told_as_not_looked_at(background: Database) -> None:
    wrong = Invariant(name="wrong", sentence="This cannot be asked.", sql="SELECT nothing FROM nowhere")
    (found,) = check_all(background, [wrong])
    assert found.failed == "ProgrammingError"
    with background.transaction() as tx:
        assert last_checks(tx)["wrong"].failed == "ProgrammingError"


def test_a_reply_in_review_breaks_nothing(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        begin_probation(tx, brand)
        ticket = an_open_ticket(tx, brand)
    with background.transaction() as tx:
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
    _answer(background, ticket, worker=worker, number=number)
    assert _broken(background) == {}
