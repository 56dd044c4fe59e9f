"""A brand's file of tickets: looked at, mapped, imported in the background, its errors taken home."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import func, select

from marketplace.accounts.models import MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import TicketImportId
from marketplace.tickets import ticket_imports
from marketplace.tickets.import_models import TicketImport, TicketImportRow
from marketplace.tickets.models import Customer, Message, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.posting import admit
from tests.builders import a_worker
from tests.workers_ui.brand_site import Browser, House, a_house, a_new_house, tree, value_of, words
from tests.workers_ui.conftest import Site

GOOD = (
    "Ticket ID,Subject,Message,Requester email,Requester,Priority\n"
    'T-1,Where is it?,"I ordered a kettle,\nand it is late.",sam@example.com,Sam Doe,high\n'
    "T-2,,The lid is broken. What now?,,,\n"
)
BAD = GOOD + "T-3,Nobody wrote,,,,\nT-4,Hello,A question,not an address,,\nT-1,Again,Something else,,,\n"


@pytest.fixture
def house(site: Site) -> House:
    return a_house(site)


def _upload(browser: Browser, content: bytes | str, name: str = "tickets.csv") -> Response:
    raw = content.encode() if isinstance(content, str) else content
    return browser.post("/tickets/imports", files=[("file", (name, raw, "text/csv"))])


def _drafted(browser: Browser, content: bytes | str) -> str:
    """The address of a draft below the brand's."""
    answer = _upload(browser, content)
    assert answer.status_code == 303, words(answer)
    return answer.headers["location"].removeprefix(browser.house.path())


def _worked(background: Database, step: Callable[[Tx, TicketImport], int]) -> None:
    """Run slices as the background does, until there is none."""
    while True:
        with background.transaction() as tx:
            if step(tx, tx.scalars(select(TicketImport)).one()) == 0:
                return


def _import(tx: Tx, found: TicketImport) -> int:
    return ticket_imports.import_slice(tx, brand=found.brand_id, import_id=found.id, now=app_now(tx))


def test_a_file_is_looked_at_before_anything_is_imported(house: House, background: Database) -> None:
    browser = house.member(MemberRole.AGENT)
    page = browser.get(_drafted(browser, BAD))
    assert "2 good, 3 with errors" in words(page)
    assert "Import 2 tickets" in words(page)
    assert "It does not say what the customer wrote." in words(page)
    assert "“not an address”: That does not look like an e-mail address." in words(page)
    assert "Line 2 has the same number “T-1”." in words(page)
    assert [value_of(page, name) for name in ("text", "subject", "external_id", "customer_email")] == [
        *("2", "1", "0", "3")
    ]
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Ticket)) == 0


def test_the_good_lines_become_tickets_and_the_bad_ones_a_file_with_reasons(
    house: House, background: Database
) -> None:
    browser = house.member()
    draft = _drafted(browser, BAD)
    assert browser.post(f"{draft}/commit").status_code == 303
    assert "2 lines on the way in" in words(browser.get(draft))
    _worked(background, _import)
    page = browser.get(draft)
    assert "2 tickets made of 5 lines" in words(page)
    with background.transaction() as tx:
        tickets = tx.scalars(select(Ticket).order_by(Ticket.number)).all()
        assert [(one.external_id, one.subject, one.priority) for one in tickets] == [
            ("T-1", "Where is it?", 1),
            ("T-2", "The lid is broken. What now?", 0),
        ]
        assert tx.scalar(select(Message.body).order_by(Message.id)) == "I ordered a kettle,\nand it is late."
        assert tx.scalar(select(Customer.email).where(Customer.name == "Sam Doe")) == "sam@example.com"
    file = browser.get(f"{draft}/errors.csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))
    assert lines[0][-2:] == ["Line", "Reason"]
    assert [(line[0], line[-2]) for line in lines[1:]] == [("T-3", "4"), ("T-4", "5"), ("T-1", "6")]


def test_a_formula_in_a_refused_line_comes_home_as_text(house: House) -> None:
    browser = house.member()
    draft = _drafted(browser, 'id,text\n"=HYPERLINK(""http://x"")",\n')
    file = browser.get(f"{draft}/errors.csv").content.decode("utf-8-sig")
    assert "\"'=HYPERLINK(" in file


def test_columns_by_other_names_are_chosen_by_hand(house: House, background: Database) -> None:
    browser = house.member()
    draft = _drafted(browser, "Was,Worum\nDer Deckel klemmt.,Deckel\n")
    page = browser.get(draft)
    assert "0 good, 1 with errors" in words(page)
    assert tree(page).css_first(f"form[action$='{draft}/commit']") is None
    mapped = browser.post(f"{draft}/columns", {"text": "0", "subject": "1", "default_language": "de"})
    assert mapped.status_code == 303
    assert "1 good, 0 with errors" in words(browser.get(draft))
    browser.post(f"{draft}/commit")
    _worked(background, _import)
    with background.transaction() as tx:
        ticket = tx.scalars(select(Ticket)).one()
    assert (ticket.subject, ticket.language) == ("Deckel", "de")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"subject": "0"}, "Say which column holds what the customer wrote"),
        ({"text": "0", "subject": "0"}, "Two things cannot come from the same column"),
        ({"text": "99"}, "The file has no such column"),
        ({"text": "-1"}, "The file has no such column"),
        ({"text": "²"}, "The file has no such column"),
        ({"text": "0", "default_channel": "pigeon"}, "Choose from the lists"),
        ({"text": "0", "default_category": "nowhere"}, "Choose from the lists"),
        ({"text": "0", "default_language": "\x00"}, "Name 1 to 10 languages"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_a_sentence(
    house: House, typed: dict[str, str], sentence: str
) -> None:
    browser = house.member()
    draft = _drafted(browser, GOOD)
    answer = browser.post(f"{draft}/columns", typed)
    assert answer.status_code == 422
    assert sentence in words(answer)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "This file is empty"),
        (b"PK\x03\x04\x00\x00", "Save it as CSV"),
        (bytes(range(256)) * 9, "This is no text file"),
        (b'text\n"' + b"a" * 1_000_000 + b'"\n', "A cell has more than 131,072 characters"),
        (b"text\n", "There is only the line with the column names"),
        (b"text\n" + b"x" * 5_000_001, "A file may have 5 MB at most"),
        (b"text\n" + b"x\n" * 10_001, "A file may have 10,000 lines at most"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_sentence(
    house: House, content: bytes, sentence: str
) -> None:
    answer = _upload(house.member(), content)
    assert answer.status_code in (413, 422)
    assert sentence in words(answer)


def test_no_file_at_all_is_refused_with_a_sentence(house: House) -> None:
    answer = house.member().post("/tickets/imports", {"file": ""})
    assert answer.status_code == 422
    assert "Choose a file first" in words(answer)


def test_hostile_cells_are_refused_line_by_line(house: House) -> None:
    browser = house.member()
    content = "id,text,email,language,channel\n" + "\n".join(
        (
            "1,a\x00b,,,",
            "2,fine,sam@example.com,klingon!,",
            "3,fine,,,telegraph",
            f"4,{'x' * 20_001},,,",
            f"{'5' * 201},fine,,,",
            "6,fine,,,,one,too,many",
            "7,<script>alert(1)</script>,,,",
        )
    )
    page = browser.get(_drafted(browser, content))
    assert "1 good, 6 with errors" in words(page)
    assert "<script>alert" not in page.text
    for sentence in ("cannot be read", "There is no channel", "20,000 is the most", "names 5 columns"):
        assert sentence in words(page)


def test_the_same_file_twice_makes_each_ticket_once(house: House, background: Database) -> None:
    browser = house.member()
    for _ in range(2):
        draft = _drafted(browser, GOOD)
        browser.post(f"{draft}/commit")
        while True:
            with background.transaction() as tx:
                found = TicketImportId(
                    tx.scalars(select(TicketImport.id).order_by(TicketImport.id)).all()[-1]
                )
                if not ticket_imports.import_slice(tx, brand=house.brand, import_id=found, now=app_now(tx)):
                    break
    assert "0 tickets made of 2 lines" in words(browser.get(draft))
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Ticket)) == 2


def test_a_number_that_is_taken_by_another_text_is_refused_alone(house: House, background: Database) -> None:
    house.ticket(external_id="T-1")
    browser = house.member()
    draft = _drafted(browser, GOOD)
    browser.post(f"{draft}/commit")
    _worked(background, _import)
    page = browser.get(draft)
    assert "1 ticket made of 2 lines" in words(page)
    assert "Ticket 'T-1' exists and differs in" in words(page)


def test_an_import_goes_on_where_a_kill_left_it_and_counts_nothing_twice(
    house: House, background: Database
) -> None:
    browser = house.member()
    lines = "".join(f"N-{number},Question {number}\n" for number in range(250))
    draft = _drafted(browser, f"id,text\n{lines}")
    browser.post(f"{draft}/commit")
    with background.transaction() as tx:
        assert _import(tx, tx.scalars(select(TicketImport)).one()) == 100
    with pytest.raises(ZeroDivisionError), background.transaction() as tx:
        _import(tx, tx.scalars(select(TicketImport)).one()) / 0  # killed before the commit
    assert "100 of 250" in words(browser.get(draft))
    with background.transaction() as tx:
        later = app_now(tx) + timedelta(minutes=1)
        assert len(ticket_imports.lost_ticket_imports(tx, now=later)) == 1
    _worked(background, _import)
    with background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(Ticket)) == 250
        assert ticket_imports.lost_ticket_imports(tx, now=later) == []


def test_an_import_begins_once(house: House) -> None:
    browser = house.member()
    draft = _drafted(browser, GOOD)
    browser.post(f"{draft}/commit")
    for again in ("commit", "discard"):
        answer = browser.post(f"{draft}/{again}")
        assert answer.status_code == 409
        assert "has begun already" in words(answer)


def test_a_draft_can_be_forgotten_and_only_the_newest_drafts_are_kept(
    house: House, background: Database
) -> None:
    browser = house.member()
    drafts = [_drafted(browser, GOOD) for _ in range(ticket_imports.DRAFTS_PER_BRAND + 2)]
    assert browser.get(drafts[0]).status_code == 404
    assert browser.get(drafts[-1]).status_code == 200
    assert browser.post(f"{drafts[-1]}/discard").status_code == 303
    assert browser.get(drafts[-1]).status_code == 404


def test_lines_are_forgotten_in_time(house: House, background: Database) -> None:
    browser = house.member()
    _drafted(browser, GOOD)
    with background.transaction() as tx:
        ticket_imports.forget_ticket_imports(tx, now=app_now(tx) + timedelta(hours=25))
        assert tx.scalar(select(func.count()).select_from(TicketImportRow)) == 0


def test_strangers_and_readers_find_nothing(site: Site, house: House) -> None:
    draft = _drafted(house.member(), GOOD)
    other = a_house(site)
    assert other.member().get(draft).status_code == 404
    assert other.member().get(f"{draft}/errors.csv").status_code == 404
    assert house.member(MemberRole.REVIEWER).get("/tickets/import").status_code == 403
    assert house.member().post_without_token(f"{draft}/commit").status_code == 403


def test_a_brand_without_categories_is_told_line_by_line(site: Site, background: Database) -> None:
    house = a_new_house(site)
    browser = house.member()
    draft = _drafted(browser, GOOD)
    browser.post(f"{draft}/commit")
    _worked(background, _import)
    assert "0 tickets made of 2 lines" in words(browser.get(draft))


def test_noise_of_another_import_stays_where_it_is(house: House, background: Database, site: Site) -> None:
    noise = a_house(site)
    with background.transaction() as tx:
        ticket_imports.start_ticket_import(
            tx,
            brand=noise.brand,
            file_name="../../noise.csv",
            content=GOOD.encode(),
            author=None,
            now=app_now(tx),
        )
    assert "None yet" in words(house.member().get("/tickets/import"))
    assert "noise.csv" in words(noise.member().get("/tickets/import"))


def test_an_import_is_undone_while_untouched_and_what_was_claimed_stays(
    house: House, background: Database
) -> None:
    browser = house.member()
    draft = _drafted(browser, "id,text\n1,First\n2,Second\n3,Third\n")
    browser.post(f"{draft}/commit")
    _worked(background, _import)
    with background.transaction() as tx:
        by_number = {one.external_id: one.id for one in tx.scalars(select(Ticket))}
        for ticket in by_number.values():
            admit(tx, brand=house.brand, ticket=ticket)
    with background.transaction() as tx:
        claim_ticket(tx, ticket=by_number["2"], worker=a_worker(tx))
    assert browser.post(f"{draft}/undo").status_code == 303
    assert "being undone" in words(browser.get(draft))
    _worked(background, _undo)
    page = browser.get(draft)
    assert "2 tickets withdrawn. 1 ticket could not be undone." in words(page)
    assert "A worker has claimed this ticket since" in words(page)
    with background.transaction() as tx:
        states = {one.external_id: one.state for one in tx.scalars(select(Ticket))}
    assert states == {
        "1": TicketState.WITHDRAWN,
        "2": TicketState.CLAIMED,
        "3": TicketState.WITHDRAWN,
    }
    assert browser.post(f"{draft}/undo").status_code == 409


def test_only_who_may_withdraw_tickets_undoes_an_import(house: House, background: Database) -> None:
    agent = house.member(MemberRole.AGENT)
    draft = _drafted(agent, GOOD)
    agent.post(f"{draft}/commit")
    assert agent.post(f"{draft}/undo").status_code == 403
    _worked(background, _import)
    assert "Owners and managers withdraw tickets" in words(agent.get(draft))


def _undo(tx: Tx, found: TicketImport) -> int:
    return ticket_imports.undo_slice(tx, brand=found.brand_id, import_id=found.id, now=app_now(tx))
