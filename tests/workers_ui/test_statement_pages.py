"""Statements and a year's payments as people load them: page, file and API say the same."""

import csv
import hashlib
import io
from base64 import b64encode

import pytest
from httpx2 import Response

from billing.accounts import STRIPE_AVAILABLE, in_flight, payable
from billing.ledger import credit, debit, post
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.accounts.models import MemberRole, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import WorkerId
from tests.builders import a_resolved_ticket, a_worker
from tests.workers_ui.brand_site import Browser, House, a_house, words
from tests.workers_ui.conftest import Site
from tests.workers_ui.test_finance_pages import a_finance_person

EVIL = "=HYPERLINK(1)"


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


@pytest.fixture
def worker(site: Site, house: House) -> WorkerId:
    """Two resolved tickets, one with a reference that a spreadsheet would run; noise of another brand."""
    noise = a_house(site, name="Noise & Sons")
    with site.background.transaction() as tx:
        worker = a_worker(tx, name="Wanda Worker")
        a_resolved_ticket(tx, noise.brand, a_worker(tx))
    with site.background.transaction() as tx:
        a_resolved_ticket(tx, house.brand, worker, external_id=EVIL)
        a_resolved_ticket(tx, house.brand, worker, external_id="plain")
    return worker


@pytest.fixture
def owner(house: House, worker: WorkerId) -> Browser:
    return house.member(MemberRole.FINANCE)


def this_month(site: Site) -> str:
    with site.background.transaction() as tx:
        return f"{app_now(tx):%Y-%m}"


def read(answer: Response) -> list[dict[str, str]]:
    """The rows of a file, whose headers say its length, its rows and its checksum."""
    assert answer.status_code == 200, answer.text
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    digest = b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["content-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["x-row-count"] == str(len(rows))
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-type"].startswith("text/csv")
    return rows


def test_a_brand_reads_prints_and_loads_its_statement(site: Site, house: House, owner: Browser) -> None:
    month = this_month(site)
    assert f"/wallet/statements/{month}?currency=usd" in owner.get("/wallet/statements").text
    assert "/wallet/statements" in owner.get("/wallet").text
    shown = words(owner.get(f"/wallet/statements/{month}"))
    for told in ("Top-up", "$100.00", "Resolved #1", "−$2.50", "Closing", "$95.00", "not closed yet", EVIL):
        assert told in shown, told
    rows = read(owner.get(f"/wallet/statements/{month}.csv?currency=usd"))
    assert [row["entry"] for row in rows] == ["opening", "top_up", "accrue", "accrue", "closing"]
    assert [row["amount_minor"] for row in rows] == ["", "10000", "-250", "-250", ""]
    assert [row["balance_minor"] for row in rows] == ["0", "10000", "9750", "9500", "9500"]
    assert [row["ticket_reference"] for row in rows] == ["", "", f"'{EVIL}", "plain", ""]
    again = owner.get(f"/wallet/statements/{month}.csv?currency=usd")
    assert read(again) == rows


def test_the_api_tells_the_rows_of_the_file(site: Site, house: House, owner: Browser) -> None:
    month = this_month(site)
    rows = read(owner.get(f"/wallet/statements/{month}.csv?currency=usd"))
    with site.background.transaction() as tx:
        key = create_key(tx, brand=house.brand, name="t", scopes=[ApiScope.WALLET_READ], now=app_now(tx)).key
    answer = site.visitor().client.get(
        f"/api/v1/statement?month={month}&currency=usd", headers={"Authorization": f"Bearer {key}"}
    )
    lines = answer.json()["lines"]
    assert [line.keys() for line in lines] == [row.keys() for row in rows]
    for line, row in zip(lines, rows, strict=True):
        told = {name: "" if value is None else str(value) for name, value in line.items()}
        assert told.pop("at").rstrip("Z") == row.pop("at").rstrip("Z").removesuffix(".000000")
        assert told == row | {"ticket_reference": row["ticket_reference"].removeprefix("'")}


def test_a_worker_loads_the_rows_of_the_own_statement(site: Site, house: House, worker: WorkerId) -> None:
    with site.background.transaction() as tx:
        wanda = tx.get_one(Worker, worker).person_id
        other = tx.get_one(Worker, a_worker(tx)).person_id
    path = f"/worker/earnings/statements/{this_month(site)}.csv?currency=usd"
    rows = read(site.signed_in(wanda).client.get(path))
    assert [row["amount_minor"] for row in rows] == ["", "200", "200", ""]
    assert {row["brand"] for row in rows} == {"", str(house.brand)}
    assert [row["ticket_reference"] for row in rows] == [""] * 4
    assert [row["entry"] for row in read(site.signed_in(other).client.get(path))] == ["opening", "closing"]
    assert site.signed_in(wanda).client.get(path.replace("usd", "US$")).status_code == 422
    assert site.signed_in(wanda).client.get(path.replace(this_month(site), "x")).status_code == 422


def test_finance_loads_what_was_paid_in_a_year(site: Site, house: House, worker: WorkerId) -> None:
    with site.background.transaction() as tx:
        fay, now = a_finance_person(tx, name="Fay Fields"), app_now(tx)
        for kind, key, source, target in (
            ("bonus", "bonus:1", STRIPE_AVAILABLE, payable(house.brand, worker)),
            ("send", "send:1:1", payable(house.brand, worker), in_flight(worker)),
            ("sent", "sent:tr_1", in_flight(worker), STRIPE_AVAILABLE),
        ):
            legs = [debit(source, 700), credit(target, 700)]
            post(tx, kind=kind, key=key, currency="usd", legs=legs, now=now)
    finance = site.signed_in(fay).client
    assert f"/finance/year-end/{now:%Y}.csv" in finance.get("/finance/periods").text
    answer = finance.get(f"/finance/year-end/{now:%Y}.csv")
    assert "Wanda" not in answer.text
    assert [(row["worker"], row["paid_minor"], row["currency"]) for row in read(answer)] == [
        (str(worker), "700", "usd")
    ]
    assert read(finance.get("/finance/year-end/1999.csv")) == []
    assert finance.get("/finance/year-end/x.csv").status_code == 422


def test_statements_are_shut_to_others(site: Site, house: House, owner: Browser) -> None:
    month = this_month(site)
    reviewer, stranger = house.member(MemberRole.REVIEWER), a_house(site, name="Strangers").member()
    for path in ("", f"/{month}", f"/{month}.csv?currency=usd"):
        assert reviewer.get(f"/wallet/statements{path}").status_code == 403, path
        there = house.path(f"/wallet/statements{path}")
        assert stranger.visitor.client.get(there).status_code == 404, path
    assert owner.get("/wallet/statements/1999-01").status_code == 404
    assert owner.get("/wallet/statements/1999-13").status_code == 422
    assert owner.visitor.client.get(f"/finance/year-end/{month[:4]}.csv").status_code == 404
