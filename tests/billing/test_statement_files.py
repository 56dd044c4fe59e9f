"""Statements and a year's payments as files: what the ledger says, to the cent, the same bytes for ever."""

import csv
import io
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from billing.accounts import (
    INCENTIVES,
    STRIPE_AVAILABLE,
    held,
    in_flight,
    owed_by_brand,
    owed_by_worker,
    payable,
    pending,
    platform_fee,
    promo,
    reserved,
    wallet,
)
from billing.ledger import Account, InsufficientFunds, Leg, PeriodClosed, balance, credit, debit, post
from billing.months import month_bounds
from billing.periods import close_period
from billing.statement_files import (
    STATEMENT_COLUMNS,
    YEAR_COLUMNS,
    Row,
    statement_rows,
    written,
    year_rows,
)
from billing.statements import StatementTooLong, months_moved, statement
from marketplace.accounts.models import Brand, Staff, StaffRole, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.csv_file import CsvFile, csv_file
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.ids import BrandId, WorkerId
from tests.billing.paying import as_owner, pass_review
from tests.builders import a_brand, a_person, a_resolved_ticket, a_worker, as_brand, as_worker, usd

FIRST = datetime(2024, 11, 1, tzinfo=UTC)
MONTHS = ["2024-11", "2024-12", "2025-01", "2025-02", "2025-03"]
KINDS = [
    *("top_up", "promo", "draw", "reserve", "accrue", "tip", "bonus", "hold", "unhold", "mature"),
    *("send", "sent", "clawback", "net", "trr"),
]
numbers = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One posting of a kind, by the numbers of its brand and its worker, at a moment of five months."""

    kind: str
    brand: int
    worker: int
    amount: int
    at: datetime


moments = st.one_of(
    st.datetimes(
        FIRST.replace(tzinfo=None), datetime(2025, 3, 31, 23, 59, 59, 999_999), timezones=st.just(UTC)
    ),
    st.sampled_from([month_bounds(month)[0] for month in MONTHS]),
    st.sampled_from([month_bounds(month)[1] - timedelta(microseconds=1) for month in MONTHS]),
)
acts = st.lists(
    st.builds(
        Act,
        kind=st.sampled_from(KINDS),
        brand=st.integers(0, 1),
        worker=st.integers(0, 1),
        amount=st.integers(1, 500),
        at=moments,
    ),
    min_size=5,
    max_size=40,
)


BEFORE = [
    Act(kind=kind, brand=brand, worker=worker, amount=amount, at=FIRST)
    for brand in (0, 1)
    for worker in (0, 1)
    for kind, amount in (("top_up", 900), ("reserve", 600), ("bonus", 900), ("mature", 400), ("hold", 1))
]
"""So that most of what follows finds the money it moves."""


def legs_of(act: Act, brand: BrandId, worker: WorkerId) -> list[Leg]:
    amount, fee = act.amount, act.amount // 5
    pay = amount - fee
    sides: dict[str, Sequence[Leg]] = {
        "top_up": [debit(STRIPE_AVAILABLE, amount), credit(wallet(brand), amount)],
        "promo": [debit(INCENTIVES, amount), credit(promo(brand), amount)],
        "draw": [debit(owed_by_brand(brand), amount), credit(wallet(brand), amount)],
        "reserve": [debit(wallet(brand), amount), credit(reserved(brand), amount)],
        "accrue": [
            debit(reserved(brand), amount),
            credit(pending(brand, worker), pay),
            credit(platform_fee(brand), fee),
        ],
        "tip": [debit(wallet(brand), amount), credit(pending(brand, worker), amount)],
        "bonus": [debit(INCENTIVES, amount), credit(pending(brand, worker), amount)],
        "hold": [debit(pending(brand, worker), amount), credit(held(brand, worker), amount)],
        "unhold": [debit(held(brand, worker), amount), credit(payable(brand, worker), amount)],
        "mature": [debit(pending(brand, worker), amount), credit(payable(brand, worker), amount)],
        "send": [debit(payable(brand, worker), amount), credit(in_flight(worker), amount)],
        "sent": [debit(in_flight(worker), amount), credit(STRIPE_AVAILABLE, amount)],
        "clawback": [debit(owed_by_worker(worker), amount), credit(wallet(brand), amount)],
        "net": [debit(payable(brand, worker), amount), credit(owed_by_worker(worker), amount)],
        "trr": [debit(STRIPE_AVAILABLE, amount), credit(owed_by_worker(worker), amount)],
    }
    return list(sides[act.kind])


@dataclass(slots=True)
class Books:
    """What was posted, by plain arithmetic: (owner, month) → change; (worker, year) → paid."""

    moved: dict[tuple[object, str], int] = field(default_factory=lambda: defaultdict(int))
    sent: Counter[tuple[object, str]] = field(default_factory=Counter)
    returned: Counter[tuple[object, str]] = field(default_factory=Counter)

    def note(self, act: Act, legs: Sequence[Leg]) -> None:
        month = f"{act.at:%Y-%m}"
        for leg in legs:
            owner = leg.account.worker or leg.account.brand
            if owner is not None and leg.account.code != "platform_fee":
                self.moved[owner, month] += leg.amount_minor if leg.side.value == "C" else -leg.amount_minor
        if act.kind == "sent":
            self.sent[legs[0].account.worker, f"{act.at:%Y}"] += act.amount
        if act.kind == "trr":
            self.returned[legs[1].account.worker, f"{act.at:%Y}"] += act.amount


def test_case_52_opening_and_movements_are_closing_for_every_owner_and_month_and_a_year_is_what_was_paid(
    background: Database,
) -> None:
    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(acts=acts)
    def holds(acts: list[Act]) -> None:
        with background.transaction() as tx:
            brands = [a_brand(tx, funds=usd(0)) for _ in range(2)]
            workers = [a_worker(tx) for _ in range(2)]
        books = Books()
        with background.transaction() as tx:
            for act in [*BEFORE, *acts]:
                legs = legs_of(act, brands[act.brand], workers[act.worker])
                key = f"{act.kind}:{next(numbers)}"
                try:
                    post(tx, kind=act.kind, key=key, currency="usd", legs=legs, now=act.at)
                except InsufficientFunds:
                    continue
                books.note(act, legs)
        with background.transaction() as tx:
            for brand in brands:
                codes = (wallet, reserved, promo)
                owned = sum(standing(tx, one(brand)) for one in codes) - standing(tx, owed_by_brand(brand))
                assert_months_add_up(tx, books, owned, brand=brand)
            for worker in workers:
                owned = sum(
                    standing(tx, one(brand, worker)) for brand in brands for one in (pending, held, payable)
                )
                owned += standing(tx, in_flight(worker)) - standing(tx, owed_by_worker(worker))
                assert_months_add_up(tx, books, owned, worker=worker)
                assert_years_add_up(tx, books, worker)

    holds()


def standing(tx: Tx, account: Account) -> int:
    return balance(tx, account, currency="usd").amount_minor


def assert_months_add_up(
    tx: Tx, books: Books, owned: int, *, worker: WorkerId | None = None, brand: BrandId | None = None
) -> None:
    running = 0
    listed = {f"{one.month:%Y-%m}": one for one in months_moved(tx, worker=worker, brand=brand)}
    for month in MONTHS:
        found = statement(tx, month=month, currency="usd", worker=worker, brand=brand)
        assert found.opening == usd(running)
        running += books.moved[worker or brand, month]
        assert found.closing == usd(running)
        assert found.opening + (found.closing - found.opening) == usd(
            found.opening.amount_minor + sum(line.amount.amount_minor for line in found.movements)
        )
        start, end = month_bounds(month)
        assert all(start <= line.at < end for line in found.movements)
        assert found.earned - found.paid == found.closing - found.opening
        if month in listed:
            assert (listed[month].closing, listed[month].paid) == (found.closing, found.paid)
        else:
            assert found.movements == ()
    assert running == owned


def assert_years_add_up(tx: Tx, books: Books, worker: WorkerId) -> None:
    """The base of a year's tax form: transfers less reversals, each by its own day; statements say the same."""
    for year, months in (("2024", MONTHS[:2]), ("2025", MONTHS[2:])):
        sent, returned = books.sent[worker, year], books.returned[worker, year]
        mine = [as_told(YEAR_COLUMNS, row) for row in year_rows(tx, year=year) if row[1] == str(worker)]
        told = [(row["transferred_minor"], row["reversed_minor"], row["paid_minor"]) for row in mine]
        assert told == ([(sent, returned, sent - returned)] if sent or returned else [])
        stated = [statement(tx, month=month, currency="usd", worker=worker).paid for month in months]
        assert sum(one.amount_minor for one in stated) == sent - returned


def as_told(columns: Sequence[str], row: Row) -> dict[str, str | int]:
    return dict(zip(columns, row, strict=True))


# As a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A brand with an odd reference of a ticket, its worker, last month's earnings, and a person who closes."""

    brand: BrandId
    worker: WorkerId
    month: str


@pytest.fixture
def office(background: Database) -> Office:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        month = f"{app_now(tx):%Y-%m}"
        for reference in DANGEROUS:
            a_resolved_ticket(tx, brand, worker, external_id=reference)
    pass_review(background)
    return Office(brand=brand, worker=worker, month=month)


DANGEROUS = ['=HYPERLINK("http://x")', "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "plain", 'a,b"c\nd']


def file_of(
    database: Database, office: Office, *, worker: bool = False, month: str = ""
) -> tuple[bytes, CsvFile]:
    scope = as_worker(office.worker) if worker else as_brand(office.brand)
    owner = {"worker": office.worker} if worker else {"brand": office.brand}
    with database.transaction(scope) as tx:
        rows = statement_rows(tx, month=month or office.month, currency="usd", **owner)
        made = csv_file(STATEMENT_COLUMNS, rows)
    return b"".join(made.pieces()), made


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_case_50_a_file_says_what_the_ledger_says_guards_its_cells_and_stays_the_same_once_closed(
    db: Database, background: Database, office: Office
) -> None:
    content, made = file_of(db, office)
    rows = read(content)
    assert (made.rows, made.size_bytes) == (len(rows), len(content))
    moved = sum(int(row["amount_minor"]) for row in rows[1:-1])
    assert [rows[0]["entry"], rows[-1]["entry"]] == ["opening", "closing"]
    assert int(rows[0]["balance_minor"]) + moved == int(rows[-1]["balance_minor"])
    with background.transaction() as tx:
        kept = sum(balance(tx, one(office.brand), currency="usd").amount_minor for one in (wallet, reserved))
    assert int(rows[-1]["balance_minor"]) == kept == 10_000 - 250 * len(DANGEROUS)
    assert {row["currency"] for row in rows} == {"usd"}
    assert all(row["at"].endswith("Z") and datetime.fromisoformat(row["at"]).tzinfo for row in rows)
    for cell in (cell for row in rows for cell in row.values()):
        assert not cell.startswith(("=", "+", "@", "\t", "\r")), cell
        assert not cell.startswith("-") or cell[1:].isdigit(), cell
    references = {row["ticket_reference"].removeprefix("'") for row in rows} - {""}
    assert references == set(DANGEROUS)
    mine = read(file_of(db, office, worker=True)[0])
    assert [row["amount_minor"] for row in mine[1:-1]] == ["200"] * len(DANGEROUS)
    assert {row["ticket_reference"] for row in mine} == {""}, "a brand's own references are the brand's"

    close_the_month_of(background, office)
    before = {side: file_of(db, office, worker=side) for side in (True, False)}
    assert before[False][0] == content
    with background.transaction() as tx:
        tx.execute(update(Brand).where(Brand.id == office.brand).values(name="=Renamed", slug="renamed"))
        a_resolved_ticket(tx, office.brand, office.worker)
        with pytest.raises(PeriodClosed):
            back_date(tx, office)
    for side, (bytes_before, made_before) in before.items():
        again, made_again = file_of(db, office, worker=side)
        assert again == bytes_before
        assert (made_again.digest, made_again.rows) == (made_before.digest, made_before.rows)


def close_the_month_of(background: Database, office: Office) -> None:
    with background.transaction() as tx:
        tx.execute(text("UPDATE clock_shift SET shift = shift + interval '32 days'"))
    with background.transaction() as tx:
        fay = a_person(tx)
        tx.add(Staff(person_id=fay, role=StaffRole.FINANCE, added_at=app_now(tx)))
        tx.flush()
        close_period(tx, month=office.month, person=fay)


def back_date(tx: Tx, office: Office) -> None:
    legs = [debit(STRIPE_AVAILABLE, 1), credit(wallet(office.brand), 1)]
    now = month_bounds(office.month)[0]
    post(tx, kind="top_up", key="late", currency="usd", legs=legs, now=now)


LINES = 100_000
BULK = """
SET LOCAL session_replication_role = replica;
INSERT INTO ledger_account (code, brand_id, worker_id, currency, normal, floor_zero)
    VALUES ('worker_payable', '{brand}', '{worker}', 'usd', 'C', true);
INSERT INTO ledger_txn (id, kind, key, fingerprint, effective_at, posted_at)
    SELECT gen_random_uuid(), 'accrue', 'line:' || n, '', timestamp '2025-01-01' + n * interval '20 seconds', now()
    FROM generate_series(1, {lines}) AS n;
INSERT INTO ledger_entry (txn_id, account_id, side, amount_minor, currency)
    SELECT t.id, a.id, 'C', 125, 'usd' FROM ledger_txn t, ledger_account a
    WHERE t.key LIKE 'line:%' AND a.worker_id = '{worker}';
ANALYZE;
"""


def test_a_hundred_thousand_lines_are_written_in_little_memory(
    background: Database, database_url: str
) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
    with as_owner(database_url) as sql:
        sql.execute(text(BULK.format(brand=brand, worker=worker, lines=LINES)))
    done = subprocess.run(
        [sys.executable, "-m", "tests.billing.streamed_statement", database_url, str(worker), "2025-01"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    rows, grown_kilobytes = (int(word) for word in done.stdout.split())
    assert rows == LINES + 2
    assert 0 < grown_kilobytes < 100_000
    with background.transaction() as tx, pytest.raises(StatementTooLong):
        statement(tx, month="2025-01", currency="usd", worker=worker)


def test_a_moment_is_written_in_utc_to_its_last_digit() -> None:
    late = datetime.fromisoformat("2026-10-25T02:30:00.000001+02:00")
    assert written(late) == "2026-10-25T00:30:00.000001Z"


def test_the_year_file_holds_no_name(db: Database, background: Database, office: Office) -> None:
    with background.transaction() as tx:
        person = tx.get_one(Worker, office.worker).person_id
        legs = [debit(in_flight(office.worker), 5), credit(STRIPE_AVAILABLE, 5)]
        back = [debit(STRIPE_AVAILABLE, 5), credit(in_flight(office.worker), 5)]
        now = app_now(tx)
        post(tx, kind="t", key="float", currency="usd", legs=back, now=now)
        post(tx, kind="sent", key="sent:tr_1", currency="usd", legs=legs, now=now)
    with db.transaction(PLATFORM) as tx:
        [row] = year_rows(tx, year=f"{now:%Y}")
    assert as_told(YEAR_COLUMNS, row) == {
        "year": f"{now:%Y}",
        "worker": str(office.worker),
        "transfers": 1,
        "transferred_minor": 5,
        "reversed_minor": 0,
        "paid_minor": 5,
        "currency": "usd",
        "first_at": written(now),
        "last_at": written(now),
    }
    assert str(person) not in map(str, row)
    with db.transaction(as_worker(office.worker)) as tx:
        assert len(list(year_rows(tx, year=f"{now:%Y}"))) == 1, "his own"
    with db.transaction(as_brand(office.brand)) as tx:
        assert list(year_rows(tx, year=f"{now:%Y}")) == []
