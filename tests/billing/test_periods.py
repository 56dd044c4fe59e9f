"""Closed months: what is dated into them is refused, and what was wrong in them is put right in an open one."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from billing.accounts import reserved, wallet
from billing.ledger import (
    AlreadyReversed,
    InsufficientFunds,
    NoSuchTransaction,
    NotReversible,
    PeriodClosed,
    credit,
    debit,
    post,
    reverse,
)
from billing.models import LedgerTxn
from billing.months import BadMonth
from billing.periods import (
    AlreadyClosed,
    NotOverYet,
    OnlyFinanceCloses,
    PostingsUnderWay,
    close_period,
    closed_through,
    closings,
    months_to_close,
)
from marketplace.accounts.models import Staff, StaffRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.ids import BrandId, PersonId, new_id
from tests.billing.paying import as_owner, assert_proven, standing
from tests.builders import Clock, a_brand, a_person, as_brand, usd

MIDDLE_OF_MAY = datetime(2027, 5, 15, 12, tzinfo=UTC)
IN_APRIL = datetime(2027, 4, 30, 23, 59, 59, 999_999, tzinfo=UTC)
IN_MAY = datetime(2027, 5, 1, tzinfo=UTC)


@pytest.fixture
def brand(background: Database) -> BrandId:
    """One with 100.00, in the middle of May."""
    with background.transaction() as tx:
        now = app_now(tx)
    Clock(database=background).forward(MIDDLE_OF_MAY - now)
    with background.transaction() as tx:
        return a_brand(tx)


@pytest.fixture
def fay(background: Database, brand: BrandId) -> PersonId:
    with background.transaction() as tx:
        return someone(tx, StaffRole.FINANCE)


def someone(tx: Tx, role: StaffRole) -> PersonId:
    person = a_person(tx, name="Fay Fields")
    tx.add(Staff(person_id=person, role=role, added_at=app_now(tx)))
    tx.flush()
    return person


def move(
    tx: Tx, brand: BrandId, key: str, *, at: datetime, amount: int = 100, corrects: UUID | None = None
) -> UUID:
    legs = [debit(wallet(brand), amount), credit(reserved(brand), amount)]
    post(tx, kind="test", key=key, currency="usd", legs=legs, now=at, corrects=corrects)
    return tx.scalars(select(LedgerTxn.id).where(LedgerTxn.key == key)).one()


def test_case_51_a_closed_month_takes_no_posting_and_its_correction_lands_in_the_open_one(
    background: Database, brand: BrandId, fay: PersonId
) -> None:
    with background.transaction() as tx:
        wrong = move(tx, brand, "wrong", at=IN_APRIL)
        close_period(tx, month="2027-04", person=fay)
    with background.transaction() as tx:
        for late in (IN_APRIL, IN_APRIL.replace(month=3), IN_APRIL.replace(year=2020)):
            with pytest.raises(PeriodClosed):
                move(tx, brand, "late", at=late)
        assert move(tx, brand, "late", at=IN_MAY), "the key was not used up, and May is open"
    with background.transaction() as tx:
        now = app_now(tx)
        move(tx, brand, "correction", at=now, amount=7, corrects=wrong)
        assert reverse(tx, txn=wrong, now=now)
        with pytest.raises(PeriodClosed):
            reverse(tx, txn=move(tx, brand, "right", at=now, amount=5), now=IN_APRIL)
    with background.transaction() as tx:
        linked = tx.execute(
            select(LedgerTxn.key, LedgerTxn.corrects, LedgerTxn.reverses, LedgerTxn.effective_at)
            .where((LedgerTxn.corrects == wrong) | (LedgerTxn.reverses == wrong))
            .order_by(LedgerTxn.key)
        ).all()
        assert [tuple(row) for row in linked] == [
            ("correction", wrong, None, now),
            (f"reverse:{wrong}", None, wrong, now),
        ]
        assert standing(tx, reserved(brand)) == usd(100 + 100 + 7 - 100 + 5)
    assert_proven(background)


BACKDATED = (
    "INSERT INTO ledger_txn (id, kind, key, fingerprint, effective_at, posted_at) VALUES "
    "(gen_random_uuid(), 'attack', 'attack', 'attack', '{effective}', '{posted}')"
)


def test_the_database_itself_guards_what_is_closed(
    background: Database, database_url: str, brand: BrandId, fay: PersonId, subtests: pytest.Subtests
) -> None:
    with background.transaction() as tx:
        close_period(tx, month="2027-04", person=fay)
    attacks = {
        BACKDATED.format(effective=IN_APRIL, posted=MIDDLE_OF_MAY): "is closed",
        BACKDATED.format(effective=MIDDLE_OF_MAY, posted=IN_APRIL): "is closed",
        "DELETE FROM closed_period": "append-only",
        "UPDATE closed_period SET month = '2020-01-01'": "append-only",
        "TRUNCATE closed_period": "append-only",
        f"INSERT INTO closed_period (month, closed_by) VALUES ('2027-04-01', '{fay}')": "closed already",
        f"INSERT INTO closed_period (month, closed_by) VALUES ('2027-03-01', '{fay}')": "closed already",
        f"INSERT INTO closed_period (month, closed_by) VALUES ('2027-05-01', '{fay}')": "not over",
        f"INSERT INTO closed_period (month, closed_by) VALUES ('2027-04-02', '{fay}')": "first_day",
        f"INSERT INTO closed_period (month, closed_by) VALUES ('2027-04-01', '{brand}')": "of finance",
    }
    for attack, refusal in attacks.items():
        with (
            subtests.test(attack=attack),
            pytest.raises(DBAPIError, match=refusal),
            as_owner(database_url) as sql,
        ):
            sql.execute(text(attack))


def test_only_finance_closes_only_what_is_over_and_only_once(
    db: Database, background: Database, brand: BrandId, fay: PersonId
) -> None:
    with background.transaction() as tx:
        operator = someone(tx, StaffRole.OPERATOR)
    with pytest.raises(DBAPIError, match="row-level security"), db.transaction(as_brand(brand)) as tx:
        close_period(tx, month="2027-04", person=fay)
    with db.transaction(PLATFORM) as tx:
        with pytest.raises(OnlyFinanceCloses):
            close_period(tx, month="2027-04", person=operator)
        with pytest.raises(NotOverYet):
            close_period(tx, month="2027-05", person=fay)
        with pytest.raises(BadMonth):
            close_period(tx, month="April", person=fay)
        close_period(tx, month="2027-03", person=fay)
        for closed in ("2027-03", "2027-02", "2019-12"):
            with pytest.raises(AlreadyClosed):
                close_period(tx, month=closed, person=fay)
        close_period(tx, month="2027-04", person=fay)
    with db.transaction(PLATFORM) as tx:
        assert [f"{one.month:%Y-%m} {one.closed_by}" for one in closings(tx)] == [
            "2027-04 Fay Fields",
            "2027-03 Fay Fields",
        ]
    with db.transaction(as_brand(brand)) as tx:
        assert f"{closed_through(tx):%Y-%m}" == "2027-04", "that it is closed is no secret"


def test_the_months_that_can_be_closed_are_those_that_are_over_and_open(
    background: Database, fay: PersonId
) -> None:
    with background.transaction() as tx:
        found = months_to_close(tx, now=app_now(tx), limit=3)
        assert [f"{month:%Y-%m}" for month in found] == ["2027-04", "2027-03", "2027-02"]
        close_period(tx, month="2027-03", person=fay)
        assert [f"{month:%Y-%m}" for month in months_to_close(tx, now=app_now(tx))] == ["2027-04"]
        close_period(tx, month="2027-04", person=fay)
        assert months_to_close(tx, now=app_now(tx)) == []


def test_a_posting_under_way_counts_or_is_refused_but_never_slips_into_a_closed_month(
    background: Database, second_background: Database, brand: BrandId, fay: PersonId
) -> None:
    """Closing waits for the posting that came first; the posting that comes while it waits is refused."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        with background.transaction() as tx:
            move(tx, brand, "first", at=IN_APRIL)
            closing = pool.submit(close, second_background, fay)
            wait_for_a_lock(background)
            late = pool.submit(back_date, background, brand)
            wait_for_a_lock(background, waiters=2)
        closing.result(timeout=10)
        with pytest.raises(PeriodClosed):
            late.result(timeout=10)
    with background.transaction() as tx:
        assert standing(tx, reserved(brand)) == usd(100)


def test_closing_does_not_hold_up_postings_for_long(
    background: Database, second_background: Database, brand: BrandId, fay: PersonId
) -> None:
    with background.transaction() as tx:
        move(tx, brand, "slow", at=IN_APRIL)
        with pytest.raises(PostingsUnderWay):
            close(second_background, fay)
    with background.transaction() as tx:
        assert closed_through(tx) is None


def close(database: Database, person: PersonId) -> None:
    with database.transaction() as tx:
        close_period(tx, month="2027-04", person=person)


def back_date(database: Database, brand: BrandId) -> None:
    with database.transaction() as tx:
        move(tx, brand, "late", at=IN_APRIL)


def wait_for_a_lock(database: Database, *, waiters: int = 1) -> None:
    asked = text(
        "SELECT count(*) FROM pg_locks WHERE relation = 'ledger_txn'::regclass AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    for _ in range(2_000):
        with database.transaction() as tx:
            if tx.execute(asked).scalar_one() >= waiters:
                return
    raise AssertionError("nobody waits")


def test_a_transaction_is_reversed_once_and_its_mirror_is_exact(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        now = app_now(tx)
        moved = move(tx, brand, "moved", at=now, amount=60)
        assert reverse(tx, txn=moved, now=now)
        assert not reverse(tx, txn=moved, now=now + timedelta(days=1)), "again says that it was done"
        assert standing(tx, reserved(brand)) == usd(0)
        assert standing(tx, wallet(brand)) == usd(10_000)
        mirror = tx.scalars(select(LedgerTxn.id).where(LedgerTxn.reverses == moved)).one()
        with pytest.raises(NotReversible):
            reverse(tx, txn=mirror, now=now)
        with pytest.raises(NoSuchTransaction):
            reverse(tx, txn=new_id(), now=now)
    assert_proven(background)


def test_a_reversal_that_the_money_does_not_allow_is_refused(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        now = app_now(tx)
        moved = move(tx, brand, "moved", at=now, amount=60)
        legs = [debit(reserved(brand), 1), credit(wallet(brand), 1)]
        post(tx, kind="test", key="gone", currency="usd", legs=legs, now=now)
        with pytest.raises(InsufficientFunds):
            reverse(tx, txn=moved, now=now)
        assert standing(tx, reserved(brand)) == usd(59)


def test_what_something_else_reversed_is_not_reversed_again(background: Database, brand: BrandId) -> None:
    with background.transaction() as tx:
        moved = move(tx, brand, "moved", at=app_now(tx))
        legs = [
            {"code": code, "brand": str(brand), "worker": None, "side": side, "amount": 100}
            for code, side in (("brand_wallet", "C"), ("brand_reserved", "D"))
        ]
        by_hand(tx, moved, legs)
    with background.transaction() as tx, pytest.raises(AlreadyReversed):
        reverse(tx, txn=moved, now=app_now(tx))


@pytest.mark.parametrize(
    "legs",
    [
        [("brand_wallet", "C", 99), ("brand_reserved", "D", 99)],
        [("brand_wallet", "D", 100), ("brand_reserved", "C", 100)],
        [("brand_promo", "C", 100), ("brand_reserved", "D", 100)],
    ],
)
def test_a_reversal_that_is_no_mirror_is_refused(
    background: Database, brand: BrandId, legs: list[tuple[str, str, int]]
) -> None:
    with background.transaction() as tx:
        moved = move(tx, brand, "moved", at=app_now(tx))
    with pytest.raises(DBAPIError, match="does not mirror"), background.transaction() as tx:
        by_hand(
            tx,
            moved,
            [
                {"code": code, "brand": str(brand), "worker": None, "side": side, "amount": amount}
                for code, side, amount in legs
            ],
        )


def by_hand(tx: Tx, reversed_txn: UUID, legs: Sequence[Mapping[str, object]]) -> None:
    asked = text(
        "SELECT post_ledger_txn(:id, 'hand', 'hand', 'hand', NULL, :reverses, NULL, app_now(), 'usd', "
        "CAST(:legs AS jsonb))"
    )
    tx.execute(asked, {"id": new_id(), "reverses": reversed_txn, "legs": json.dumps(list(legs))})
