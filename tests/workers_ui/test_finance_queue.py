"""Finance's queue: any filter in its address, counts and sums over all of it, kept views, holds that can be undone."""

from datetime import timedelta
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from billing.bulk_holds import UNDO_FOR, work_off_holds
from billing.models import Earning, EarningState
from billing.queue_models import BulkHold
from billing.saved_views import MOST_VIEWS
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BulkHoldId
from tests.builders import Clock
from tests.workers_ui.conftest import Visitor
from tests.workers_ui.test_finance_pages import Office, a_finance_person, office, read, spaced, words

__all__ = ["office"]  # the fixture

QUEUE = "/finance/earnings"


def rows(by: Visitor, query: str) -> int:
    return len(read(by, f"{QUEUE}?{query}").css("#earnings tbody tr"))


def post(by: Visitor, path: str, **fields: object) -> Response:
    return by.client.post(path, data={"csrf": by.csrf, **fields})


def hold(office: Office, **fields: object) -> BulkHoldId:
    answer = post(office.fay, "/finance/holds", **{"which": "selected", "why": "quality", **fields})
    assert answer.status_code == 303, answer.text
    return BulkHoldId(UUID(answer.headers["location"].partition("?")[0].rsplit("/", 1)[-1]))


def states(office: Office) -> list[EarningState]:
    with office.site.background.transaction() as tx:
        return list(tx.scalars(select(Earning.state).order_by(Earning.id)))


def forward(office: Office, by: timedelta = UNDO_FOR + timedelta(seconds=1)) -> None:
    Clock(database=office.site.background).forward(by)


# --- filters


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("text=wanda", 2),
        ("text=%23{number}", 1),
        ("text=call+me", 3),
        ("text=100%25", 0),
        ("kind=resolution", 3),
        ("kind=escalation", 0),
        ("flag=no_account", 1),
        ("currency=usd&least=16", 3),
        ("currency=usd&least=16.01", 0),
        ("currency=usd&most=15.99", 0),
        ("currency=eur", 0),
        ("since={today}", 1),
        ("until={yesterday}", 2),
        ("since=2030-01-01", 0),
    ],
)
def test_each_filter_takes_in_what_it_says(office: Office, query: str, found: int) -> None:
    with office.site.background.transaction() as tx:
        today = app_now(tx).date()
        number = tx.execute(
            text("SELECT number FROM ticket WHERE id = :id"), {"id": office.ticket}
        ).scalar_one()
        ours = "SELECT count(*) FROM ticket t JOIN earning e ON e.ticket_id = t.id WHERE t.number = :number"
        same_number = tx.execute(text(ours), {"number": number}).scalar_one()
    asked = query.format(number=number, today=today, yesterday=today - timedelta(days=1))
    assert rows(office.fay, asked) == (same_number if "number" in query else found)


def test_counts_and_sums_are_those_of_the_filter_and_not_of_the_page(office: Office) -> None:
    tree = read(office.fay, f"{QUEUE}?text=wanda")
    assert [spaced(one) for one in tree.css(".stat")] == [
        "pending $16.00 1 earning",
        "payable $16.00 1 earning",
    ]
    heading = tree.css_first("h1 .count")
    assert heading is not None
    assert heading.text() == "2"


@pytest.mark.parametrize(
    ("query", "field", "words_of_it"),
    [
        ("least=12", "least", "currency too"),
        ("currency=usd&least=1,234.5", "least", "amount such as"),
        ("since=soon", "since", "day and a time"),
        ("kind=nonsense", "kind", "from the list"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field_and_kept(
    office: Office, query: str, field: str, words_of_it: str
) -> None:
    tree = read(office.fay, f"{QUEUE}?{query}", status=422)
    assert words_of_it in words(tree, f"#f-{field}-error")


def test_an_earning_opened_from_the_queue_leads_to_its_neighbours_and_back(office: Office) -> None:
    newest = read(office.fay, f"{QUEUE}?text=wanda").css_first("tbody a.row-link")
    assert newest is not None
    first = read(office.fay, f"{newest.attributes['href']}")
    older = first.css_first("a[rel=next]")
    assert older is not None
    assert first.css_first("a[rel=prev]") is None
    second = read(office.fay, f"{older.attributes['href']}")
    assert second.css_first("a[rel=next]") is None
    back = second.css_first("a.back")
    assert back is not None
    assert back.attributes["href"] == f"{QUEUE}?text=wanda"


# --- kept views


def test_a_filter_is_kept_under_a_name_for_oneself(office: Office) -> None:
    assert post(office.fay, "/finance/views", name="Mine", filtered="text=wanda").status_code == 303
    mine = read(office.fay, f"{QUEUE}?text=wanda").css_first('[aria-label="Kept views"] a[aria-current]')
    assert mine is not None
    assert mine.text() == "Mine"
    assert "Mine" not in words(read(office.finn, f"{QUEUE}?text=wanda"))
    post(office.fay, "/finance/views/removal", name="Mine")
    assert "Mine" not in words(read(office.fay, QUEUE))


@pytest.mark.parametrize(("name", "filtered"), [("", "text=wanda"), ("x" * 41, "text=wanda"), ("All", "")])
def test_a_view_without_a_name_or_a_filter_is_refused_in_words(
    office: Office, name: str, filtered: str
) -> None:
    answer = post(office.fay, "/finance/views", name=name, filtered=filtered)
    assert answer.status_code == 422


def test_views_have_a_limit(office: Office) -> None:
    for number in range(MOST_VIEWS):
        assert post(office.fay, "/finance/views", name=f"{number}", filtered="text=w").status_code == 303
    refused = post(office.fay, "/finance/views", name="one more", filtered="text=w")
    assert refused.status_code == 409
    assert "20 views" in refused.text


# --- held many at once


def test_what_is_selected_is_held_after_the_seconds_to_undo(office: Office) -> None:
    bulk = hold(office, earning=[str(office.earning)], note="two imports of one file")
    assert "Begins in 10 seconds" in words(read(office.fay, f"/finance/holds/{bulk}"))
    work_off_holds(office.site.background)
    assert EarningState.HELD not in states(office)
    forward(office)
    work_off_holds(office.site.background)
    assert states(office).count(EarningState.HELD) == 1
    told = words(read(office.fay, f"/finance/holds/{bulk}"))
    assert "1 held" in told
    assert "two imports of one file" in told


def test_all_that_match_are_held_not_only_those_of_the_page(office: Office) -> None:
    hold(office, which="all", filtered="text=wanda")
    forward(office)
    work_off_holds(office.site.background)
    assert states(office).count(EarningState.HELD) == 2


def test_it_is_undone_before_it_begins_and_never_after(office: Office) -> None:
    bulk = hold(office, earning=[str(office.earning)])
    assert post(office.fay, f"/finance/holds/{bulk}/undo").status_code == 303
    forward(office)
    work_off_holds(office.site.background)
    assert EarningState.HELD not in states(office)
    late = hold(office, earning=[str(office.earning)])
    forward(office)
    refused = post(office.fay, f"/finance/holds/{late}/undo")
    assert refused.status_code == 409
    assert "has begun" in refused.text


def test_one_that_moved_on_keeps_nobody_back_and_is_told(office: Office) -> None:
    bulk = hold(office, which="all", filtered="")
    with office.site.background.transaction() as tx:
        tx.get_one(Earning, (office.brand, office.earning)).state = EarningState.SENDING
    forward(office)
    work_off_holds(office.site.background)
    with office.site.background.transaction() as tx:
        row = tx.get_one(BulkHold, bulk)
        assert (row.held, len(row.refusals)) == (2, 1)
        assert row.finished_at is not None
    assert "on its way" in words(read(office.fay, f"/finance/holds/{bulk}"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"why": "quality"}, "at least one earning"),
        ({"why": "", "which": "all"}, "Say what is wrong"),
        ({"why": "quality", "which": "all", "filtered": "kind=recall"}, "at least one earning"),
    ],
)
def test_a_hold_of_nothing_or_without_a_reason_is_refused_in_words(
    office: Office, fields: dict[str, str], said: str
) -> None:
    answer = post(office.fay, "/finance/holds", **fields)
    assert answer.status_code in (409, 422)
    assert said in answer.text


def test_a_filter_that_cannot_be_read_holds_nothing(office: Office) -> None:
    """Left out of the filter, it would take in everything."""
    answer = post(office.fay, "/finance/holds", why="quality", which="all", filtered="since=soon")
    assert answer.status_code == 422
    with office.site.background.transaction() as tx:
        assert tx.scalars(select(BulkHold)).all() == []


def test_a_held_pay_is_released_on_its_page(office: Office) -> None:
    hold(office, earning=[str(office.earning)])
    forward(office)
    work_off_holds(office.site.background)
    path = f"{QUEUE}/{office.earning}"
    assert "Release the hold" in words(read(office.fay, path))
    assert post(office.fay, f"{path}/release").status_code == 303
    assert EarningState.HELD not in states(office)
    assert post(office.fay, f"{path}/release").status_code == 409


@pytest.mark.parametrize(
    "broken",
    [
        "UPDATE bulk_hold SET earnings = '{}'",
        "UPDATE bulk_hold SET undone_at = begins_at + interval '1 second'",
        "UPDATE bulk_hold SET undone_at = asked_at, finished_at = begins_at",
        "UPDATE bulk_hold SET held = 2",
        "UPDATE bulk_hold SET reason = ''",
    ],
)
def test_the_database_refuses_a_hold_that_lies(office: Office, broken: str) -> None:
    hold(office, earning=[str(office.earning)])
    with pytest.raises(IntegrityError), office.site.background.transaction() as tx:
        tx.execute(text(broken))


# --- how old


def test_each_sum_of_the_ages_leads_to_its_earnings(office: Office) -> None:
    forward(office, timedelta(days=20))  # which outlasts a session
    with office.site.background.transaction() as tx:
        pam = a_finance_person(tx, name="Pam Penny")
    reader = office.site.signed_in(pam)
    tree = read(reader, "/finance/ageing")
    cells = {
        cell.attributes["href"]: cell.parent for cell in tree.css("tbody a") if cell.attributes.get("href")
    }
    assert cells
    for href, cell in cells.items():
        assert cell is not None
        count = int(spaced(cell).rsplit(" ", 1)[-1])
        assert len(read(reader, f"{href}").css("#earnings tbody tr")) == count
