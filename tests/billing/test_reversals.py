"""Payments that are taken back: workers keep what they earned, the brand owes it, and nothing new opens meanwhile."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from billing import reversals
from billing.accounts import payable, pending
from billing.funds_models import ReversalState, WriteOff
from billing.stripe_gateway import StripeGateway
from billing.top_ups import settle_due
from billing.write_offs import (
    NothingOwed,
    OwnWriteOff,
    WriteOffAsked,
    WriteOffDecided,
    approve_write_off,
    ask_write_off,
    refuse_write_off,
)
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import PersonId, WorkerId, WriteOffId
from marketplace.tickets.models import TicketState
from marketplace.tickets.pool import claim_ticket
from tests.billing.funding import Purse, a_purse
from tests.billing.paying import assert_proven, standing
from tests.billing.stripe_server import StripeServer
from tests.builders import a_person, a_resolved_ticket, a_worker, settle, usd

DISPUTE_FEE = 1_500


@pytest.fixture
def purse(background: Database, fake_stripe: StripeServer) -> Iterator[Purse]:
    fake_stripe.turn("settings", fee_basis_points=0, fee_fixed_minor=0)
    found = a_purse(background, fake_stripe)
    yield found
    assert_proven(background)
    found.assert_agrees_with_stripe()


def pay_a_worker(purse: Purse) -> WorkerId:
    """16.00 of a ticket's 20.00, out of the wallet."""
    with purse.database.transaction() as tx:
        worker = a_worker(tx)
        a_resolved_ticket(tx, purse.brand, worker)
    return worker


def earned(purse: Purse, worker: WorkerId) -> int:
    with purse.database.transaction() as tx:
        accounts = (pending(purse.brand, worker), payable(purse.brand, worker))
        return sum(standing(tx, one).amount_minor for one in accounts)


def dispute(purse: Purse, charge: str) -> str:
    return str(purse.server.turn(f"charges/{charge}/dispute")["id"])


def ask(purse: Purse) -> tuple[WriteOffId, PersonId]:
    with purse.database.transaction() as tx:
        person = a_person(tx, name="Asker")
        [row] = purse.reversals()
        asked = ask_write_off(
            tx, brand=purse.brand, reversal=row.id, reason="They are gone.", person=person, now=app_now(tx)
        )
    return asked, person


def test_case_37_a_bank_payment_credits_once_it_has_succeeded_and_owes_what_was_spent_when_it_fails(
    purse: Purse,
) -> None:
    top_up = purse.top_up(10_000, how="pay_by_bank")
    assert purse.money() == {}
    purse.server.turn("settings", funds="pending")
    purse.server.turn(f"checkout/{purse.row(top_up).checkout_session}", action="settle")
    purse.hear()
    purse.hear()
    assert purse.money() == {"wallet": 10_000}
    worker = pay_a_worker(purse)
    claimed, unclaimed, other = purse.post(), purse.post(), purse.post()
    with purse.database.transaction() as tx:
        claim_ticket(tx, ticket=claimed, worker=worker)
    assert purse.money() == {"wallet": 2_000, "reserved": 6_000}

    purse.server.turn(f"payment_intents/{purse.row(top_up).payment_intent}/take_back")
    purse.hear()
    assert purse.money() == {"owed": 8_000, "reserved": 6_000}
    purse.work()
    assert purse.money() == {"owed": 4_000, "reserved": 2_000}
    assert [purse.state(one) for one in (claimed, unclaimed, other)] == [
        TicketState.CLAIMED,
        TicketState.AWAITING_FUNDS,
        TicketState.AWAITING_FUNDS,
    ]
    assert earned(purse, worker) == 1_600
    assert purse.facts("brand_frozen") == 1

    purse.top_up(9_000)
    purse.open_awaiting()
    assert purse.state(unclaimed) is TicketState.AWAITING_FUNDS
    purse.work()
    assert purse.facts("brand_thawed") == 1
    for _ in range(2):
        purse.open_awaiting()
    assert [purse.state(one) for one in (unclaimed, other)] == [TicketState.OPEN] * 2
    assert purse.money() == {"wallet": 1_000, "reserved": 6_000}
    assert purse.postings("top_up_failed") == 1


def test_a_bank_payment_that_fails_before_it_was_credited_owes_nothing(purse: Purse) -> None:
    top_up = purse.top_up(10_000, how="pay_by_bank")
    purse.server.turn(f"checkout/{purse.row(top_up).checkout_session}", action="bounce")
    purse.hear()
    assert purse.books() == {}
    assert purse.reversals() == []


def test_a_failed_payment_that_the_wallet_still_holds_freezes_nobody(purse: Purse) -> None:
    top_up = purse.top_up(10_000)
    purse.server.turn(f"payment_intents/{purse.row(top_up).payment_intent}/take_back")
    purse.hear()
    assert purse.money() == {}
    assert purse.facts("brand_frozen") == 0
    purse.top_up(2_000)
    assert purse.state(purse.post()) is TicketState.OPEN


def test_of_a_failed_payment_that_was_never_available_only_its_fee_becomes_so(purse: Purse) -> None:
    purse.server.turn("settings", fee_basis_points=290, fee_fixed_minor=30, funds="pending")
    top_up = purse.top_up(10_000)
    purse.server.turn(f"payment_intents/{purse.row(top_up).payment_intent}/take_back")
    purse.hear()
    assert purse.books() == {"fees": 320, "pending": -320}
    purse.server.turn("balance/settle")
    purse.later(days=3)
    with purse.database.transaction() as tx:
        tx.execute(text("UPDATE top_up SET due_at = app_now()"))
    settle_due(purse.database, StripeGateway(purse.connection))
    assert purse.books() == {"fees": 320, "available": -320}


def test_case_38_a_dispute_freezes_its_brand_and_touches_no_worker_won_it_is_reversed_lost_two_people_write_it_off(
    purse: Purse, background: Database
) -> None:
    top_up = purse.top_up(2_000)
    worker = pay_a_worker(purse)
    found = dispute(purse, purse.charge(top_up))
    purse.hear()
    assert purse.books() == {"owed": 2_000, "dispute_loss": DISPUTE_FEE, "available": -DISPUTE_FEE}
    assert earned(purse, worker) == 1_600
    purse.top_up(5_000)
    waiting = purse.post()
    assert purse.state(waiting) is TicketState.AWAITING_FUNDS
    purse.work()
    assert purse.money() == {"owed": 2_000, "wallet": 5_000}, "an open dispute is not collected"

    purse.server.turn(f"disputes/{found}/win")
    purse.hear()
    purse.open_awaiting()
    assert purse.state(waiting) is TicketState.OPEN
    assert purse.money() == {"wallet": 3_000, "reserved": 2_000}
    assert purse.reversals()[0].state is ReversalState.WON
    assert (purse.facts("brand_frozen"), purse.facts("brand_thawed")) == (1, 1)
    assert earned(purse, worker) == 1_600

    pay_a_worker(purse)
    [second] = [one for one in purse.objects("charge") if one["amount"] == 5_000]
    again = dispute(purse, second["id"])
    purse.server.turn(f"disputes/{again}/lose")
    purse.hear()
    purse.work()
    lost = purse.reversals()[1]
    with background.transaction() as tx:
        asker = a_person(tx)
        asked = ask_write_off(
            tx, brand=purse.brand, reversal=lost.id, reason="Gone.", person=asker, now=app_now(tx)
        )
    with background.transaction() as tx, pytest.raises(OwnWriteOff):
        approve_write_off(tx, write_off=asked, person=asker, now=app_now(tx))
    with background.transaction() as tx:
        approve_write_off(tx, write_off=asked, person=a_person(tx), now=app_now(tx))
    assert purse.money() == {}
    assert (purse.books()["bad_debt"], lost.owed_minor) == (2_000, 2_000)
    assert earned(purse, worker) == 1_600


def test_what_a_lost_dispute_leaves_owed_is_written_off_by_two_people(
    purse: Purse, background: Database
) -> None:
    top_up = purse.top_up(2_000)
    worker = pay_a_worker(purse)
    found = dispute(purse, purse.charge(top_up))
    purse.hear()
    with pytest.raises(NothingOwed):
        ask(purse)
    purse.server.turn(f"disputes/{found}/lose")
    purse.hear()
    purse.work()
    assert purse.money() == {"owed": 2_000}

    asked, person = ask(purse)
    with pytest.raises(WriteOffAsked):
        ask(purse)
    with background.transaction() as tx, pytest.raises(OwnWriteOff):
        approve_write_off(tx, write_off=asked, person=person, now=app_now(tx))
    with pytest.raises(IntegrityError, match="two_people"), background.transaction() as tx:
        tx.execute(text("UPDATE write_off SET state = 'approved', decided_by = asked_by"))
    with background.transaction() as tx:
        approve_write_off(tx, write_off=asked, person=a_person(tx), now=app_now(tx))
    with background.transaction() as tx, pytest.raises(WriteOffDecided):
        approve_write_off(tx, write_off=asked, person=a_person(tx), now=app_now(tx))
    assert purse.money() == {}
    assert purse.books()["bad_debt"] == 2_000
    assert purse.facts("brand_thawed") == 1
    assert earned(purse, worker) == 1_600


def test_a_lost_dispute_is_paid_by_the_wallet_as_far_as_it_goes(purse: Purse) -> None:
    top_up = purse.top_up(2_000)
    pay_a_worker(purse)
    purse.top_up(500)
    found = dispute(purse, purse.charge(top_up))
    purse.server.turn(f"disputes/{found}/lose")
    purse.hear()
    purse.work()
    assert purse.money() == {"owed": 1_500}
    purse.top_up(1_500)
    purse.work()
    assert purse.money() == {}
    assert purse.reversals()[0].state is ReversalState.CLEARED


def test_a_dispute_won_after_it_was_lost_and_paid_is_the_brands_money_again(purse: Purse) -> None:
    top_up = purse.top_up(2_000)
    found = dispute(purse, purse.charge(top_up))
    purse.hear()
    purse.server.turn(f"disputes/{found}/win")
    with purse.database.transaction() as tx:  # as if it had been lost, and paid out of the wallet
        tx.execute(text("UPDATE top_up_reversal SET state = 'owed'"))
    reversals.collect_debts(purse.database)
    assert purse.money() == {}
    purse.hear()
    assert purse.money() == {"wallet": 2_000}


def test_a_write_off_refused_leaves_the_debt_where_it_is(purse: Purse, background: Database) -> None:
    found = dispute(purse, purse.charge(purse.top_up(2_000)))
    pay_a_worker(purse)
    purse.server.turn(f"disputes/{found}/lose")
    purse.hear()
    asked, _ = ask(purse)
    with background.transaction() as tx:
        refuse_write_off(tx, write_off=asked, person=a_person(tx), now=app_now(tx))
        assert tx.get_one(WriteOff, (purse.brand, asked)).decided_at is not None
    assert purse.money() == {"owed": 2_000}
    ask(purse)


def test_a_write_off_of_what_was_paid_meanwhile_is_asked_for_anew(purse: Purse, background: Database) -> None:
    found = dispute(purse, purse.charge(purse.top_up(2_000)))
    pay_a_worker(purse)
    purse.server.turn(f"disputes/{found}/lose")
    purse.hear()
    asked, _ = ask(purse)
    purse.top_up(500)
    purse.work()
    with background.transaction() as tx, pytest.raises(WriteOffDecided):
        approve_write_off(tx, write_off=asked, person=a_person(tx), now=app_now(tx))


def test_the_sweep_finds_a_dispute_nobody_told_us_of(purse: Purse) -> None:
    top_up = purse.top_up(2_000)
    found = dispute(purse, purse.charge(top_up))
    reversals.look_at_disputes(purse.database, purse.port)
    assert purse.reversals()[0].state is ReversalState.OPEN
    purse.later(days=40)
    purse.server.turn(f"disputes/{found}/lose")
    reversals.look_at_disputes(purse.database, purse.port)
    purse.hear()
    assert purse.reversals()[0].state is ReversalState.OWED


def test_a_ticket_claimed_while_debts_are_collected_is_honoured(purse: Purse) -> None:
    top_up = purse.top_up(2_000)
    ticket = purse.post()
    purse.server.turn(f"payment_intents/{purse.row(top_up).payment_intent}/take_back")
    purse.hear()
    with purse.database.transaction() as tx:
        worker = a_worker(tx)
        settle(tx, purse.brand, ticket, worker)
    purse.work()
    assert purse.state(ticket) is TicketState.RESOLVED
    assert purse.money() == {"owed": 2_000}
    assert earned(purse, worker) == usd(1_600).amount_minor
