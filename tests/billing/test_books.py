"""The books against fake Stripe: what agrees is matched, what does not is the right break, and the proof says so."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.accounts import BANK, STRIPE_AVAILABLE, STRIPE_FEES, STRIPE_RESERVE, SUSPENSE
from billing.books import keep_books, payouts_stopped_by_books
from billing.books_models import BookRun, BreakKind, ManualPosting
from billing.breaks import AlreadyResolved, NoteMissing, SomebodyElses, resolve_break, take_break
from billing.connected_balances import negative_accounts
from billing.ledger import credit, debit, post
from billing.manual_postings import (
    AlreadyPosted,
    NotByHand,
    NotTheProposer,
    approve_posting,
    propose_posting,
)
from billing.models import PayoutState
from billing.stripe_books import StripeBooks
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import PersonId
from tests.billing.funding import Purse, a_purse, connection_to
from tests.billing.keeping import FLOAT_MINOR, TOP_UP, House
from tests.billing.paying import PAY, Till, WatchedGateway, as_owner, assert_proven
from tests.billing.stripe_server import StripeServer
from tests.billing.test_brand_funds import give_line
from tests.billing.test_invoices import billed, heard, turn
from tests.builders import a_person, usd
from workers_ui.money_work import MoneyWork

DOLLARS = "the ledger equals Stripe's balance in USD"
NO_BREAK = "no break is open"
SUSPENDED = "nothing stands in suspense without a break"


@pytest.fixture
def house(background: Database, fake_stripe: StripeServer) -> House:
    gateway = WatchedGateway(fake_stripe, background)
    return House.of(Till(database=background, server=fake_stripe, gateway=gateway))


def person(house: House) -> PersonId:
    with house.till.database.transaction() as tx:
        return a_person(tx)


def resolve(house: House, break_id: UUID, who: PersonId, note: str = "Looked at.") -> None:
    with house.till.database.transaction() as tx:
        resolve_break(tx, break_id=break_id, person=who, note=note, now=app_now(tx))


def correct(house: House, break_id: UUID, debit_code: str, credit_code: str, minor: int) -> None:
    """Moved by hand, by two people."""
    first, second = person(house), person(house)
    with house.till.database.transaction() as tx:
        posting = propose_posting(
            tx,
            break_id=break_id,
            debit_code=debit_code,
            credit_code=credit_code,
            amount=usd(minor),
            reason="As Stripe says.",
            person=first,
            now=app_now(tx),
        ).id
    with house.till.database.transaction() as tx:
        approve_posting(tx, posting=posting, person=second, now=app_now(tx))


def test_a_day_of_money_is_matched_one_to_one_and_proven(house: House) -> None:
    _, payout = house.a_payout()
    house.send()
    run = house.keep()
    house.till.assert_paid_once(payout)
    assert (run.ok, house.breaks(), house.stopped()) == (True, [], None)
    # the float, the charge and its fee, the transfer
    assert (run.imported, run.matched) == (3, 4)
    again = house.keep()
    assert (again.ok, again.imported, again.matched) == (True, 0, 0)
    assert house.till.standing(BANK) == usd(-FLOAT_MINOR)


def test_what_only_the_record_tells_is_posted_once(house: House) -> None:
    house.till.server.turn("record/add", type="stripe_fee", amount_minor=-250)
    house.till.server.turn("balance/drain", leave_minor=10_000)
    assert house.keep().ok
    assert house.till.standing(STRIPE_FEES) == usd(250)
    assert house.till.standing(STRIPE_AVAILABLE) == usd(10_000)
    assert house.till.standing(BANK) == usd(-10_250)
    [sweep] = house.till.server.look("objects/payout")
    house.till.server.turn(f"payouts/{sweep['id']}", status="failed")
    assert house.keep().ok
    assert house.till.standing(BANK) == usd(-FLOAT_MINOR)
    assert_proven(house.till.database)


def test_pending_money_moves_on_when_stripe_says_so(house: House) -> None:
    house.till.server.turn("record/add", type="stripe_fee", amount_minor=-250, pending=True)
    assert house.keep().ok
    house.till.later(days=9)
    house.till.server.turn("balance/settle")
    assert house.keep().ok
    assert house.till.standing(STRIPE_AVAILABLE) == usd(FLOAT_MINOR - 250)


def test_money_that_the_platform_lacks_is_said(house: House) -> None:
    house.brand()
    house.till.server.turn("balance/drain", leave_minor=TOP_UP.amount_minor)
    assert house.keep().ok
    house.till.server.turn("record/add", type="stripe_fee", amount_minor=-1)
    run = house.keep()
    assert house.failed() == ["clients' money is covered in USD"]
    assert any("add 0.01 USD of the platform's own money" in one["said"] for one in run.statements)
    assert house.stopped() == "the last proof of the books failed"


def a_missing_one(house: House) -> None:
    house.till.server.turn("record/keep_back", id=house.movements("transfer")[0]["id"])
    house.till.later(hours=25)


def an_extra_one(house: House) -> None:
    house.till.server.turn("record/add", type="adjustment", amount_minor=-1_500, source="du_unknown")
    house.keep()
    house.till.later(hours=4)


def one_altered_by_a_cent(house: House) -> None:
    house.till.server.turn("record/alter", id=house.movements("transfer")[0]["id"], by_minor=1)


def one_five_days_late(house: House) -> None:
    late = house.movements("transfer")[0]["id"]
    house.till.server.turn("record/keep_back", id=late)
    house.till.later(days=5)
    house.keep()
    house.till.server.turn("record/show", id=late)


def one_of_an_unknown_type(house: House) -> None:
    house.till.server.turn("record/add", type="climate_order_purchase", amount_minor=-700)


@pytest.mark.parametrize(
    ("happens", "kind"),
    [
        (a_missing_one, BreakKind.NOT_IN_STRIPE),
        (an_extra_one, BreakKind.NOT_IN_LEDGER),
        (one_altered_by_a_cent, BreakKind.AMOUNT_DIFFERS),
        (one_five_days_late, BreakKind.LATE),
        (one_of_an_unknown_type, BreakKind.UNKNOWN_TYPE),
    ],
)
def test_case_49_each_difference_is_the_right_break_and_the_proof_fails_loudly(
    house: House, happens: Callable[[House], None], kind: BreakKind
) -> None:
    house.a_payout()
    house.send()
    happens(house)
    run = house.keep()
    assert house.kinds() == [kind]
    assert run.ok is (kind is BreakKind.LATE), "what came late agrees by now"
    assert (house.stopped() is None) is run.ok
    with house.till.database.transaction() as tx:
        proofs = tx.scalars(select(BookRun.ok).order_by(BookRun.ran_at)).all()
    assert False in proofs


def test_a_missing_balance_transaction_is_a_break_after_a_day(house: House) -> None:
    house.a_payout()
    house.send()
    [transfer] = house.movements("transfer")
    house.till.server.turn("record/alter", id=transfer["id"], by_minor=PAY.amount_minor)
    house.till.server.turn("record/keep_back", id=transfer["id"])
    assert house.keep().ok, "a day is given"
    house.till.later(hours=25)
    assert not house.keep().ok
    [one] = house.breaks()
    assert (one.kind, one.stripe_minor, one.ledger_minor) == (BreakKind.NOT_IN_STRIPE, 0, -PAY.amount_minor)
    assert house.failed() == [NO_BREAK, "every sent payout has exactly one transfer at Stripe"]
    assert house.stopped() == "Stripe and the ledger differ"


def test_an_extra_balance_transaction_is_a_break_and_stops_payouts(house: House) -> None:
    house.till.server.turn("record/add", type="adjustment", amount_minor=-1_500, source="du_unknown")
    assert house.keep().ok, "our own posting may be on its way"
    house.till.later(hours=4)
    assert not house.keep().ok
    [one] = house.breaks()
    assert (one.kind, one.stripe_minor, one.ledger_minor) == (BreakKind.NOT_IN_LEDGER, -1_500, 0)
    assert house.failed() == [NO_BREAK]


def test_a_balance_transaction_altered_by_one_cent_is_a_break_at_once(house: House) -> None:
    house.a_payout()
    house.send()
    assert house.keep().ok
    [transfer] = house.movements("transfer")
    house.till.server.turn("record/alter", id=transfer["id"], by_minor=1)
    assert not house.keep().ok
    [one] = house.breaks()
    assert one.kind is BreakKind.AMOUNT_DIFFERS
    assert (one.stripe_minor, one.ledger_minor) == (1 - PAY.amount_minor, -PAY.amount_minor)
    house.till.server.turn("record/alter", id=transfer["id"], by_minor=-1)
    assert house.keep().ok, "it says the same again"
    assert house.breaks() == []


def test_a_balance_transaction_that_is_five_days_late_is_called_late_and_stops_nothing(
    house: House,
) -> None:
    house.a_payout()
    house.send()
    [transfer] = house.movements("transfer")
    house.till.server.turn("record/keep_back", id=transfer["id"])
    house.till.later(days=5)
    assert not house.keep().ok
    assert house.kinds() == [BreakKind.NOT_IN_STRIPE]
    house.till.server.turn("record/show", id=transfer["id"])
    run = house.keep()
    assert (run.ok, house.kinds(), house.stopped()) == (True, [BreakKind.LATE], None)
    [late] = house.breaks()
    assert (late.transaction_id, late.stripe_minor) == (transfer["id"], -PAY.amount_minor)
    resolve(house, late.id, person(house))
    assert house.keep().ok
    assert house.breaks() == []


def test_a_balance_transaction_of_an_unknown_type_goes_to_suspense_and_stops_payouts(
    house: House,
) -> None:
    house.till.server.turn("record/add", type="climate_order_purchase", amount_minor=-700, fee_minor=30)
    assert not house.keep().ok
    [one] = house.breaks()
    assert (one.kind, one.stripe_minor) == (BreakKind.UNKNOWN_TYPE, -730)
    assert house.failed() == [NO_BREAK]
    assert house.till.standing(SUSPENSE) == usd(700)
    resolve(house, one.id, person(house))
    house.keep()
    assert house.failed() == [SUSPENDED], "a note alone moves no money"


def test_the_daily_proof_fails_loudly_when_the_balance_is_off_by_a_cent(house: House) -> None:
    house.brand()
    assert house.keep().ok
    house.till.server.turn("record/add", type="adjustment", amount_minor=-1, days_ago=30)
    run = house.keep()
    assert not run.ok
    assert house.failed() == [DOLLARS]
    assert "-0.01 USD nobody accounts for" in next(one["said"] for one in run.statements if not one["ok"])
    assert house.stopped() == "the last proof of the books failed"


def test_a_transfer_without_our_payout_is_found(house: House) -> None:
    worker = house.till.worker()
    house.till.gateway.execute_transfer(
        {
            "amount": 100,
            "currency": "usd",
            "destination": house.till.account(worker),
            "transfer_group": "by hand",
            "metadata": {"env": "tests", "batch_id": "by hand", "payout_id": "by hand"},
        },
        key="by hand",
    )
    house.keep()
    assert house.failed() == ["every transfer at Stripe is a payout of ours"]


def test_nothing_begins_while_the_books_are_open_and_what_is_in_doubt_is_recovered(house: House) -> None:
    worker, doubtful = house.a_payout()
    house.till.server.fault("after_lost_reply", path="/v1/transfers")
    house.send()
    assert house.till.payout(doubtful).state is PayoutState.UNKNOWN
    house.till.later(minutes=1)
    _, second = house.a_payout(worker)
    house.till.server.turn("record/add", type="climate_order_purchase", amount_minor=-700)
    house.keep()
    house.till.later(minutes=10)
    house.send()
    assert house.till.payout(doubtful).state is PayoutState.ACCEPTED
    assert house.till.payout(second).state is PayoutState.SENDING
    assert len(house.till.transfers()) == 1

    [one] = [found for found in house.breaks() if found.kind is BreakKind.UNKNOWN_TYPE]
    correct(house, one.id, "stripe_fees", "suspense_stripe", 700)
    resolve(house, one.id, person(house), "A climate order; booked as a fee.")
    house.send()
    assert len(house.till.transfers()) == 1, "the proof comes first"
    assert house.keep().ok
    house.send()
    house.till.assert_paid_once(second)


def test_case_36_a_connected_account_below_zero_gets_no_transfer_until_it_is_cleared(house: House) -> None:
    worker, payout = house.a_payout()
    account = house.till.account(worker)
    house.till.server.turn(f"accounts/{account}/push", amount_minor=-4_000)
    house.send()
    assert house.till.payout(payout).state is PayoutState.SENDING
    assert house.till.transfers() == []

    assert house.keep().ok, "what Stripe reserves for it is matched"
    [reserved] = house.movements("reserve_transaction")
    assert reserved["amount"] == -4_000
    assert house.till.standing(STRIPE_RESERVE) == usd(4_000)
    with house.till.database.transaction() as tx:
        [listed] = negative_accounts(tx)
    assert (listed.worker, listed.balance) == (worker, usd(-4_000))

    house.till.server.turn(f"accounts/{account}/push", amount_minor=4_000)
    house.till.later(minutes=1)
    house.send()
    house.till.assert_paid_once(payout)
    assert house.keep().ok
    assert house.till.standing(STRIPE_RESERVE) == usd(0)
    with house.till.database.transaction() as tx:
        assert negative_accounts(tx) == []


class TestBreaks:
    @pytest.fixture
    def one(self, house: House) -> UUID:
        house.till.server.turn("record/add", type="adjustment", amount_minor=-1_500, source="du_unknown")
        house.keep()
        house.till.later(hours=4)
        house.keep()
        return house.breaks()[0].id

    def test_a_break_is_put_right_by_two_people_and_closed_by_its_owner(
        self, house: House, one: UUID
    ) -> None:
        correct(house, one, "dispute_loss", "stripe_available", 1_500)
        resolve(house, one, person(house), "A dispute that never reached us; booked as a loss.")
        assert house.stopped() == "the last proof of the books failed", "until it is proven anew"
        assert house.keep().ok
        assert (house.breaks(), house.stopped()) == ([], None)
        assert_proven(house.till.database)

    def test_a_note_alone_lets_the_proof_fail(self, house: House, one: UUID) -> None:
        resolve(house, one, person(house))
        house.keep()
        assert (house.breaks(), house.failed()) == ([], [DOLLARS])

    def test_a_break_is_closed_by_who_looks_after_it_with_a_note_and_once(
        self, house: House, one: UUID
    ) -> None:
        owner, other = person(house), person(house)
        with house.till.database.transaction() as tx:
            take_break(tx, break_id=one, person=owner)
        with pytest.raises(SomebodyElses):
            resolve(house, one, other)
        with pytest.raises(NoteMissing):
            resolve(house, one, owner, "  . ")
        resolve(house, one, owner)
        with pytest.raises(AlreadyResolved):
            resolve(house, one, owner)

    def test_a_posting_by_hand_needs_a_second_person(self, house: House, one: UUID) -> None:
        who, other = person(house), person(house)
        with house.till.database.transaction() as tx:
            posting = propose_posting(
                tx,
                break_id=one,
                debit_code="dispute_loss",
                credit_code="stripe_available",
                amount=usd(1_500),
                reason="A lost dispute.",
                person=who,
                now=app_now(tx),
            ).id
            with pytest.raises(NotTheProposer):
                approve_posting(tx, posting=posting, person=who, now=app_now(tx))
            key = f"manual:{posting}"
            legs = [debit(STRIPE_FEES, 1_500), credit(STRIPE_AVAILABLE, 1_500)]
            with pytest.raises(IntegrityError, match="needs two people"):
                post(tx, kind="manual", key=key, currency="usd", legs=legs, now=app_now(tx))
            with pytest.raises(IntegrityError, match="needs two people"):
                post(tx, kind="fee", key="manual:x", currency="usd", legs=legs, now=app_now(tx))
        mine = update(ManualPosting).values(approved_by=who, approved_at=text("app_now()"))
        with pytest.raises(IntegrityError, match="four_eyes"), house.till.database.transaction() as tx:
            tx.execute(mine)
        with house.till.database.transaction() as tx:
            approve_posting(tx, posting=posting, person=other, now=app_now(tx))
            with pytest.raises(AlreadyPosted):
                approve_posting(tx, posting=posting, person=other, now=app_now(tx))
        with pytest.raises(DBAPIError, match="append-only"), house.till.database.transaction() as tx:
            tx.execute(update(ManualPosting).values(amount_minor=1))

    @pytest.mark.parametrize(
        ("debit_code", "credit_code", "minor", "reason"),
        [
            ("brand_wallet", "bank", 100, "A gift."),
            ("bank", "bank", 100, "Nothing moves."),
            ("bank", "stripe_fees", 0, "Nothing."),
            ("bank", "stripe_fees", 100, " "),
        ],
    )
    def test_by_hand_only_the_platforms_own_money_moves(
        self, house: House, one: UUID, debit_code: str, credit_code: str, minor: int, reason: str
    ) -> None:
        who = person(house)
        with house.till.database.transaction() as tx, pytest.raises(NotByHand):
            propose_posting(
                tx,
                break_id=one,
                debit_code=debit_code,
                credit_code=credit_code,
                amount=usd(minor),
                reason=reason,
                person=who,
                now=app_now(tx),
            )

    def test_what_was_resolved_and_what_was_found_is_not_rewritten(self, house: House, one: UUID) -> None:
        resolve(house, one, person(house))
        for statement in (
            "UPDATE book_break SET note = 'another story'",
            "UPDATE book_run SET ok = true",
            "DELETE FROM book_run",
        ):
            with pytest.raises(DBAPIError, match="append-only"), as_owner(house.till.database.url) as sql:
                sql.execute(text(statement))


def test_a_match_says_the_same_or_is_refused(house: House) -> None:
    house.a_payout()
    house.send()
    house.keep()
    for spoilt in (
        "UPDATE balance_match SET part = 'fee' WHERE part = 'amount' AND transaction_id IN "
        "(SELECT id FROM balance_transaction WHERE type = 'transfer')",
        "UPDATE balance_match SET entry_id = (SELECT e.id FROM ledger_entry e JOIN ledger_account a "
        "ON a.id = e.account_id WHERE a.code = 'brand_wallet' LIMIT 1) WHERE part = 'fee'",
        "INSERT INTO balance_match SELECT transaction_id, 'net', entry_id, matched_at FROM balance_match LIMIT 1",
    ):
        with (
            pytest.raises(IntegrityError, match="does not say what Stripe says"),
            as_owner(house.till.database.url) as sql,
        ):
            sql.execute(text(spoilt))


def test_the_background_keeps_the_books_each_hour_and_again_when_a_break_was_closed(house: House) -> None:
    def runs() -> int:
        work = MoneyWork(
            database=house.till.database, gateway=house.till.gateway, stripe=connection_to(house.till.server)
        )
        for keep in work.bookkeeping():
            keep()
            keep()
        with house.till.database.transaction() as tx:
            return tx.scalar(select(func.count()).select_from(BookRun)) or 0

    assert (runs(), runs()) == (1, 1)
    house.till.server.turn("record/add", type="climate_order_purchase", amount_minor=-700)
    house.till.later(hours=1)
    assert (runs(), runs()) == (2, 2)
    house.till.later(minutes=5)
    assert (runs(), runs()) == (3, 3), "sooner after a failure"
    house.till.later(minutes=1)
    resolve(house, house.breaks()[0].id, person(house))
    assert (runs(), runs()) == (4, 4)


@pytest.fixture
def purse(background: Database, fake_stripe: StripeServer) -> Purse:
    """A brand with a credit line, and a platform without money of its own."""
    found = a_purse(background, fake_stripe)
    with background.transaction() as tx:
        give_line(tx, found.brand, 100_000)
    return found


def test_an_invoice_is_matched_and_its_fee_may_wait_until_the_money_is_available(purse: Purse) -> None:
    port = StripeBooks(connection_to(purse.server))
    billed(purse)
    purse.server.turn("settings", funds="pending")
    turn(purse, "pay", amount=10_000)
    heard(purse)
    keep_books(purse.database, port)
    purse.later(hours=30)
    run = keep_books(purse.database, port)
    assert run.open_breaks == 0, "the fee is not due yet"
    purse.server.turn("balance/settle")
    for _ in range(2):
        purse.work()
    run = keep_books(purse.database, port)
    assert (run.matched, run.open_breaks) == (1, 0)
    found = {one["what"]: one["said"] for one in run.statements}
    assert "not yet said" not in found[DOLLARS]


def test_the_application_asks_whether_the_books_hold_up_payouts(house: House, db: Database) -> None:
    house.till.server.turn("record/add", type="climate_order_purchase", amount_minor=-700)
    house.keep()
    with db.transaction() as tx:
        assert payouts_stopped_by_books(tx) == "Stripe and the ledger differ"
