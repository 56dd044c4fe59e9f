"""The ledger refuses whatever would make it wrong, whoever asks and however many ask at once."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from random import Random
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from billing.accounts import (
    STRIPE_AVAILABLE,
    STRIPE_PENDING,
    in_flight,
    payable,
    pending,
    platform_fee,
    reserved,
    wallet,
)
from billing.ledger import (
    Account,
    InsufficientFunds,
    LedgerKeyReused,
    Leg,
    PeriodClosed,
    balance,
    credit,
    debit,
    lock_accounts,
    post,
    proof,
    reverse,
)
from billing.models import LedgerTxn, Side
from billing.periods import close_period, closed_through
from marketplace.accounts.models import Staff, StaffRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Role, Scope, Tx
from marketplace.kernel.ids import BrandId, WorkerId
from tests.billing.paying import as_owner, assert_proven, standing
from tests.builders import a_brand, a_person, a_worker, as_brand, usd

THREADS, TICKETS, PRICE_MINOR = 12, 400, 400
NIGHTLY_EXAMPLES = 200


def move(tx: Tx, key: str, amount: int, source: Account, target: Account, *, currency: str = "usd") -> bool:
    legs = [debit(source, amount), credit(target, amount)]
    return post(tx, kind="test", key=key, currency=currency, legs=legs, now=app_now(tx))


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        a_brand(tx, name="Noise & Sons")
        return a_brand(tx, funds=usd(10_000))


def raw_leg(code: str, side: str, amount: int, *, currency: str = "usd", version: str = "NULL") -> str:
    return f"('{code}', '{side}', {amount}, '{currency}', {version}::bigint)"


def raw_txn(*legs: str) -> str:
    """A transaction written past `post_ledger_txn`."""
    return (
        "WITH t AS (INSERT INTO ledger_txn (id, kind, key, fingerprint, effective_at, posted_at) "
        "VALUES (gen_random_uuid(), 'attack', 'attack', 'attack', now(), now()) RETURNING id) "
        "INSERT INTO ledger_entry (txn_id, account_id, side, amount_minor, currency, account_version, "
        "balance_after_minor) SELECT t.id, a.id, v.side, v.amount, v.currency, v.version, v.version "
        f"FROM (VALUES {', '.join(legs)}) AS v(code, side, amount, currency, version) CROSS JOIN t "
        "JOIN LATERAL (SELECT id FROM ledger_account WHERE code = v.code ORDER BY id LIMIT 1) AS a ON true"
    )


CASH = "stripe_available"
WALLET = "brand_wallet"


ATTACKS = [
    ("UPDATE ledger_entry SET amount_minor = amount_minor + 1", "append-only"),
    ("DELETE FROM ledger_entry", "append-only"),
    ("TRUNCATE ledger_entry CASCADE", "append-only"),
    ("UPDATE ledger_txn SET key = key || 'x'", "append-only"),
    ("DELETE FROM ledger_txn", "append-only"),
    ("TRUNCATE ledger_txn CASCADE", "append-only"),
    ("TRUNCATE ledger_account CASCADE", "append-only"),
    ("DELETE FROM ledger_account", "foreign key"),
    ("UPDATE ledger_account SET currency = 'eur'", "append-only"),
    ("UPDATE ledger_account SET floor_zero = false", "append-only"),
    ("UPDATE ledger_account SET brand_id = NULL WHERE code = 'brand_wallet'", "append-only"),
    ("UPDATE ledger_account SET balance_minor = balance_minor + 1 WHERE floor_zero", "append-only"),
    (
        "UPDATE ledger_account SET balance_minor = -1, version = version + 1 WHERE floor_zero",
        "ck_ledger_account_floor",
    ),
    (raw_txn(raw_leg(CASH, "D", 5), raw_leg(CASH, "C", 4)), "does not balance"),
    (raw_txn(raw_leg(CASH, "D", 5)), "does not balance"),
    (
        raw_txn(raw_leg(CASH, "D", 5, currency="eur"), raw_leg(CASH, "C", 5, currency="eur")),
        "does not fit its account",
    ),
    (raw_txn(raw_leg(WALLET, "D", 5), raw_leg(CASH, "C", 5)), "does not fit its account"),
    (
        raw_txn(raw_leg(WALLET, "D", 5, version="9"), raw_leg(CASH, "C", 5)),
        "does not fit its account",
    ),
    (raw_txn(raw_leg(CASH, "D", -5), raw_leg(CASH, "C", -5)), "ck_ledger_entry_positive"),
    (raw_txn(raw_leg(CASH, "D", 0), raw_leg(CASH, "C", 0)), "ck_ledger_entry_positive"),
    (raw_txn(raw_leg(CASH, "D", 5), raw_leg(CASH, "C", 5, currency="eur")), "does not fit its account"),
    ("UPDATE ledger_account SET normal = 'D' WHERE code = 'brand_wallet'", "append-only"),
    ("UPDATE ledger_account SET balance_minor = 5 WHERE code = 'stripe_available'", "append-only"),
    ("INSERT INTO ledger_account SELECT * FROM ledger_account", "GENERATED ALWAYS|generated"),
    (
        "INSERT INTO ledger_account (code, currency, normal, floor_zero) VALUES ('bank', 'USD', 'D', false)",
        "ck_ledger_account_currency",
    ),
    (
        "INSERT INTO ledger_txn (id, kind, key, fingerprint, effective_at, posted_at) "
        "SELECT gen_random_uuid(), kind, key, fingerprint, now(), now() FROM ledger_txn",
        "uq_ledger_txn_key",
    ),
    (
        "INSERT INTO ledger_txn (id, kind, key, fingerprint, effective_at, posted_at) "
        "VALUES (gen_random_uuid(), 'attack', 'attack', 'attack', now(), now())",
        "does not balance",
    ),
]


@pytest.mark.usefixtures("brand")
def test_case_44_the_database_refuses_whatever_raw_sql_would_falsify(
    background: Database, database_url: str, subtests: pytest.Subtests
) -> None:
    for attack, refusal in ATTACKS:
        with (
            subtests.test(attack=attack),
            pytest.raises(DBAPIError, match=refusal),
            as_owner(database_url) as sql,
        ):
            sql.execute(text(attack))
    assert_proven(background)


FORBIDDEN = [
    raw_txn(raw_leg(CASH, "D", 5)),
    "INSERT INTO ledger_account (code, currency, normal, floor_zero) VALUES ('bank', 'usd', 'D', false)",
    "INSERT INTO ledger_account_kind VALUES ('slush', 'C', false)",
    "UPDATE ledger_account SET balance_minor = balance_minor + 1, version = version + 1",
    "DELETE FROM ledger_txn",
]


def test_the_application_writes_to_the_ledger_only_by_posting(
    db: Database, brand: BrandId, subtests: pytest.Subtests
) -> None:
    for attack in FORBIDDEN:
        with (
            subtests.test(attack=attack),
            pytest.raises(DBAPIError, match="permission denied"),
            db.transaction(as_brand(brand)) as tx,
        ):
            tx.execute(text(attack))
    with db.transaction(as_brand(brand)) as tx:
        assert move(tx, "k", 100, wallet(brand), reserved(brand))
        assert standing(tx, reserved(brand)) == usd(100)


def test_a_brand_sees_its_own_accounts_and_no_others(db: Database, brand: BrandId) -> None:
    with db.transaction(as_brand(BrandId(brand))) as tx:
        assert standing(tx, wallet(brand)) == usd(10_000)
        assert tx.execute(text("SELECT count(*) FROM ledger_account")).scalar_one() == 1
    with db.transaction(Scope()) as tx:
        assert standing(tx, wallet(brand)) == usd(0)


def test_the_same_posting_again_changes_nothing_whatever_the_order_of_its_legs(
    background: Database, brand: BrandId
) -> None:
    legs = [debit(wallet(brand), 30), credit(reserved(brand), 20), credit(platform_fee(brand), 10)]

    def again(tx: Tx, legs: Sequence[Leg]) -> bool:
        return post(tx, kind="test", key="k", currency="usd", legs=legs, now=app_now(tx))

    with background.transaction() as tx:
        assert again(tx, legs)
        assert not again(tx, legs)
    with background.transaction() as tx:
        assert not again(tx, legs[::-1])
        assert standing(tx, wallet(brand)) == usd(9_970)
    assert_proven(background)


def test_a_used_key_carries_no_other_posting(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        move(tx, "k", 30, wallet(brand), reserved(brand))
    with background.transaction() as tx:
        with pytest.raises(LedgerKeyReused):
            move(tx, "k", 31, wallet(brand), reserved(brand))
        with pytest.raises(LedgerKeyReused):
            move(tx, "k", 30, reserved(brand), wallet(brand))
        with pytest.raises(LedgerKeyReused):
            move(tx, "k", 30, wallet(brand), reserved(brand), currency="eur")
        move(tx, "other", 1, wallet(brand), reserved(brand))
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(9_969)


def test_a_refused_posting_leaves_no_trace_and_a_usable_transaction(
    background: Database, brand: BrandId
) -> None:
    with background.transaction() as tx:
        with pytest.raises(InsufficientFunds):
            move(tx, "k", 10_001, wallet(brand), reserved(brand))
        assert move(tx, "k", 10_000, wallet(brand), reserved(brand)), "the key was not used up"
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(0)
    assert_proven(background)


def test_an_unbalanced_posting_fails_its_whole_transaction(background: Database, brand: BrandId) -> None:
    def lose_a_penny() -> None:
        with background.transaction() as tx:
            move(tx, "fine", 1, wallet(brand), reserved(brand))
            legs = [debit(wallet(brand), 5), credit(reserved(brand), 4)]
            post(tx, kind="test", key="k", currency="usd", legs=legs, now=app_now(tx))

    with pytest.raises(IntegrityError, match="does not balance"):
        lose_a_penny()
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(10_000)


def test_an_account_outside_the_chart_is_refused(background: Database, brand: BrandId) -> None:
    with pytest.raises(DBAPIError, match="no account of the chart"), background.transaction() as tx:
        move(tx, "k", 1, wallet(brand), Account(code="slush"))


def test_a_negative_leg_is_a_mistake_in_the_caller(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx, pytest.raises(ValueError, match="positive"):
        move(tx, "k", -1, wallet(brand), reserved(brand))


def test_currencies_never_meet_in_one_account(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        move(tx, "yen", 5_000, STRIPE_AVAILABLE, wallet(brand), currency="jpy")
        with pytest.raises(InsufficientFunds):
            move(tx, "dinar", 1, wallet(brand), reserved(brand), currency="kwd")
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(10_000)
        assert balance(tx, wallet(brand), currency="jpy").amount_minor == 5_000
    assert_proven(background)


def test_the_proof_finds_a_balance_that_was_tampered_with(
    background: Database, brand: BrandId, database_url: str
) -> None:
    with as_owner(database_url) as sql:
        sql.execute(
            text(
                "UPDATE ledger_account SET balance_minor = balance_minor + 1, version = version + 1 "
                "WHERE code = 'brand_wallet' AND brand_id = :brand"
            ),
            {"brand": brand},
        )
    with background.transaction() as tx:
        assert len(proof(tx).drifted_accounts) == 1


def test_as_many_reservations_fit_as_there_is_money_for(background: Database, database_url: str) -> None:
    """12 threads race for 400 tickets of 4.00 on a wallet of 1,000.00; every ticket is tried three times."""
    with background.transaction() as tx:
        brand = a_brand(tx, funds=usd(100_000))
    database = Database(database_url, role=Role.APP, connections=THREADS)
    tries = [ticket for ticket in range(TICKETS) for _ in range(3)]
    Random(11).shuffle(tries)

    def reserve(ticket: int) -> str:
        with database.transaction(as_brand(brand)) as tx:
            try:
                fresh = move(tx, f"reserve:{ticket}", PRICE_MINOR, wallet(brand), reserved(brand))
            except InsufficientFunds:
                return "refused"
            return "reserved" if fresh else "replayed"

    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        answers = list(pool.map(reserve, tries))
    database.dispose()

    assert answers.count("reserved") == 250
    assert answers.count("reserved") + answers.count("replayed") + answers.count("refused") == len(tries)
    assert answers.count("refused") == 150 * 3, "a ticket without money is refused every time"
    with background.transaction() as tx:
        assert standing(tx, wallet(brand)) == usd(0)
        assert standing(tx, reserved(brand)) == usd(100_000)
        assert tx.execute(_GAPS).all() == []
    assert_proven(background)


_GAPS = text(
    """
    SELECT account_id FROM (
        SELECT account_id, account_version, balance_after_minor, row_number() OVER w AS expected,
               sum(CASE WHEN e.side = a.normal THEN amount_minor ELSE -amount_minor END) OVER w AS running
        FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id AND a.floor_zero
        WINDOW w AS (PARTITION BY account_id ORDER BY account_version)) AS entry
    WHERE account_version <> expected OR balance_after_minor <> running
    """
)
"""Entries of floored accounts that skip a version, or do not carry the running balance."""


def test_transactions_with_many_postings_in_opposite_order_do_not_deadlock(
    background: Database, database_url: str
) -> None:
    with background.transaction() as tx:
        brands = [a_brand(tx) for _ in range(4)]
        for brand in brands:
            move(tx, f"first:{brand}", 1, wallet(brand), reserved(brand))
    database = Database(database_url, role=Role.APP, connections=8)

    def shuffle_money(number: int) -> None:
        order = Random(number).sample(brands, len(brands))
        with database.transaction(Scope(platform=True)) as tx:
            lock_accounts(tx, ((owned(brand), "usd") for brand in order for owned in (wallet, reserved)))
            for brand in order:
                move(tx, f"{number}:{brand}", 1, wallet(brand), reserved(brand))

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(shuffle_money, range(40)))
    database.dispose()
    with background.transaction() as tx:
        assert [standing(tx, reserved(brand)) for brand in brands] == [usd(41)] * 4
    assert_proven(background)


amounts = st.integers(min_value=1, max_value=900)


class LedgerMachine(RuleBasedStateMachine):
    """Any order of sensible and senseless commands and of crashes, next to a model that is plain arithmetic."""

    database: Database
    database_url: str
    numbers = count()

    @initialize()
    def open_accounts(self) -> None:
        with self.database.transaction() as tx:
            self.brand, self.worker = a_brand(tx, funds=usd(0)), a_worker(tx)
            self.closed_until = app_now(tx).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            if closed_through(tx) is None:
                fay = a_person(tx)
                tx.add(Staff(person_id=fay, role=StaffRole.FINANCE, added_at=app_now(tx)))
                tx.flush()
                last = self.closed_until - timedelta(days=1)
                close_period(tx, month=f"{last:%Y-%m}", person=fay)
        self.model: dict[Account, int] = {}
        self.posted: list[tuple[str, list[Leg]]] = []
        self.reversed: set[str] = set()

    @rule(amount=amounts)
    def fund(self, amount: int) -> None:
        self.command([debit(STRIPE_PENDING, amount), credit(wallet(self.brand), amount)])

    @rule(amount=amounts)
    def reserve(self, amount: int) -> None:
        self.command([debit(wallet(self.brand), amount), credit(reserved(self.brand), amount)])

    @rule(amount=amounts)
    def let_go(self, amount: int) -> None:
        self.command([debit(reserved(self.brand), amount), credit(wallet(self.brand), amount)])

    @rule(amount=amounts, fee=st.integers(min_value=0, max_value=300))
    def accrue(self, amount: int, fee: int) -> None:
        pay, rest = max(amount - fee, 0), min(fee, amount)
        self.command(
            [
                debit(reserved(self.brand), amount),
                credit(pending(self.brand, self.worker), pay),
                credit(platform_fee(self.brand), rest),
            ]
        )

    @rule(amount=amounts)
    def mature(self, amount: int) -> None:
        self.command(
            [
                debit(pending(self.brand, self.worker), amount),
                credit(payable(self.brand, self.worker), amount),
            ]
        )

    @rule(amount=amounts, crash=st.sampled_from(["", "exception", "killed"]))
    def send(self, amount: int, crash: str) -> None:
        legs = [debit(payable(self.brand, self.worker), amount), credit(in_flight(self.worker), amount)]
        self.command(legs, crash=crash)

    @rule(amount=amounts)
    def accept(self, amount: int) -> None:
        self.command([debit(in_flight(self.worker), amount), credit(STRIPE_AVAILABLE, amount)])

    @rule(amount=amounts, off=st.integers(min_value=1, max_value=5))
    def lose_a_penny(self, amount: int, off: int) -> None:
        key = f"machine:{next(self.numbers)}"
        legs = [debit(STRIPE_PENDING, amount + off), credit(wallet(self.brand), amount)]
        with pytest.raises(IntegrityError), self.database.transaction() as tx:
            self.post(tx, key, legs)

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        key, legs = data.draw(st.sampled_from(self.posted))
        with self.database.transaction() as tx:
            assert not self.post(tx, key, legs[::-1])

    @precondition(lambda self: self.posted)
    @rule(data=st.data(), amount=st.integers(min_value=1_000, max_value=2_000))
    def reuse_a_key(self, data: st.DataObject, amount: int) -> None:
        key, _ = data.draw(st.sampled_from(self.posted))
        with self.database.transaction() as tx, pytest.raises(LedgerKeyReused):
            self.post(tx, key, [debit(STRIPE_PENDING, amount), credit(wallet(self.brand), amount)])

    @precondition(lambda self: self.posted)
    @rule(data=st.data(), crash=st.sampled_from(["", "killed"]))
    def reverse_one(self, data: st.DataObject, crash: str) -> None:
        key, legs = data.draw(st.sampled_from(self.posted))
        mirror = [
            Leg(account=leg.account, side=OTHER[leg.side], amount_minor=leg.amount_minor) for leg in legs
        ]
        after = self.after(mirror)
        if key in self.reversed:
            with self.database.transaction() as tx:
                assert not reverse(tx, txn=txn_of(tx, key), now=app_now(tx))
        elif after is None:
            with self.database.transaction() as tx, pytest.raises(InsufficientFunds):
                reverse(tx, txn=txn_of(tx, key), now=app_now(tx))
        elif crash:
            with pytest.raises(OperationalError):
                self.reverse_and_die(key)
        else:
            with self.database.transaction() as tx:
                assert reverse(tx, txn=txn_of(tx, key), now=app_now(tx))
            self.model = after
            self.reversed.add(key)

    @rule(amount=amounts, ago=st.timedeltas(timedelta(microseconds=1), timedelta(days=900)))
    def date_into_a_closed_month(self, amount: int, ago: timedelta) -> None:
        legs = [debit(STRIPE_PENDING, amount), credit(wallet(self.brand), amount)]
        key, when = f"machine:{next(self.numbers)}", self.closed_until - ago
        with self.database.transaction() as tx, pytest.raises(PeriodClosed):
            post(tx, kind="machine", key=key, currency="usd", legs=legs, now=when)

    def command(self, legs: list[Leg], *, crash: str = "") -> None:
        key = f"machine:{next(self.numbers)}"
        after = self.after(legs)
        if after is None:
            with self.database.transaction() as tx, pytest.raises(InsufficientFunds):
                self.post(tx, key, legs)
            return
        if crash == "exception":
            with pytest.raises(ZeroDivisionError):
                self.post_and_crash(key, legs)
            return
        if crash == "killed":
            with pytest.raises(OperationalError):
                self.post_and_die(key, legs)
            return
        with self.database.transaction() as tx:
            assert self.post(tx, key, legs)
        self.model = after
        self.posted.append((key, legs))

    def after(self, legs: list[Leg]) -> dict[Account, int] | None:
        """The model once `legs` are posted; None when a floor forbids them."""
        after = dict(self.model)
        for leg in legs:
            after[leg.account] = after.get(leg.account, 0) + signed(leg)
        refused = any(amount < 0 for account, amount in after.items() if account.code not in UNFLOORED)
        return None if refused else after

    def post(self, tx: Tx, key: str, legs: list[Leg]) -> bool:
        return post(tx, kind="machine", key=key, currency="usd", legs=legs, now=app_now(tx))

    def post_and_crash(self, key: str, legs: list[Leg]) -> None:
        with self.database.transaction() as tx:
            self.post(tx, key, legs)
            raise ZeroDivisionError

    def post_and_die(self, key: str, legs: list[Leg]) -> None:
        with self.database.transaction() as tx:
            self.post(tx, key, legs)
            self.kill(tx)

    def reverse_and_die(self, key: str) -> None:
        with self.database.transaction() as tx:
            reverse(tx, txn=txn_of(tx, key), now=app_now(tx))
            self.kill(tx)

    def kill(self, tx: Tx) -> None:
        """The connection's server process dies with what it had not committed."""
        backend = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with as_owner(self.database_url) as sql:
            assert sql.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": backend}).scalar_one()

    @invariant()
    def the_ledger_proves_itself_and_equals_the_model(self) -> None:
        with self.database.transaction() as tx:
            found = proof(tx)
            assert (found.imbalance_minor, found.drifted_accounts) == (0, ())
            assert tx.execute(_GAPS).all() == []
            for account, amount in getattr(self, "model", {}).items():
                if account.code not in UNFLOORED:
                    assert standing(tx, account) == usd(amount), account

    def teardown(self) -> None:
        assert_the_log_rebuilds_the_balances(self.database)


def assert_the_log_rebuilds_the_balances(database: Database) -> None:
    """Replayed entry by entry, the log gives every kept balance and version, and none below zero on the way."""
    balances: Counter[int] = Counter()
    versions: Counter[int] = Counter()
    with database.transaction() as tx:
        for account, amount, floored, after in tx.execute(_LOG):
            balances[account] += amount
            versions[account] += floored
            assert not floored or balances[account] == after >= 0
        kept = tx.execute(
            text("SELECT id, balance_minor, version FROM ledger_account WHERE floor_zero")
        ).all()
    assert [(balances[account], versions[account]) for account, _, _ in kept] == [
        (balance, version) for _, balance, version in kept
    ]


_LOG = text(
    "SELECT a.id, CASE WHEN e.side = a.normal THEN e.amount_minor ELSE -e.amount_minor END, a.floor_zero, "
    "e.balance_after_minor FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id "
    "ORDER BY a.id, e.account_version, e.id"
)


def txn_of(tx: Tx, key: str) -> UUID:
    return tx.scalars(select(LedgerTxn.id).where(LedgerTxn.key == key)).one()


OTHER = {Side.DEBIT: Side.CREDIT, Side.CREDIT: Side.DEBIT}
UNFLOORED = {"stripe_pending", "stripe_available", "platform_fee"}


def signed(leg: Leg) -> int:
    return leg.amount_minor if leg.side is Side.CREDIT else -leg.amount_minor


def test_case_43_any_order_of_commands_and_crashes_leaves_a_ledger_that_proves_itself(
    background: Database, database_url: str
) -> None:
    class Machine(LedgerMachine):
        database = background

    Machine.database_url = database_url
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=NIGHTLY_EXAMPLES if os.environ.get("HUMANCLOUD_NIGHTLY") else 12,
            stateful_step_count=25,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_a_worker_reads_what_was_posted_to_him(db: Database, background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        mine, other = a_worker(tx), a_worker(tx)
        for worker in (mine, other):
            move(tx, f"k:{worker}", 100, wallet(brand), pending(brand, worker))
    with db.transaction(Scope(worker=WorkerId(mine))) as tx:
        assert standing(tx, pending(brand, mine)) == usd(100)
        assert standing(tx, pending(brand, other)) == usd(0)
        assert tx.execute(text("SELECT count(*) FROM ledger_entry")).scalar_one() == 1
