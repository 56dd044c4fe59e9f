"""Taking tickets back and withdrawing them by a brand's own system; and what a thrown switch answers there."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from marketplace.accounts.api_keys import ApiScope
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BulkWithdrawalId
from marketplace.tickets import bulk_withdrawals, switches
from marketplace.tickets.switch_models import SwitchKind
from tests.builders import a_member, as_brand
from tests.workers_ui.api_site import Api, System, api_site, at_once, problem
from workers_ui.background import AFTER_THE_COMMIT


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    api.open_ticket(api.system().brand)
    return api.system()


def test_a_ticket_is_taken_back_once_and_tells_what_that_pays(api: Api, system: System) -> None:
    ticket, program = api.open_ticket(system.brand), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]

    answers = at_once(
        4, lambda: system.post(f"/tickets/{ticket}/take-back", {"reason": "We know this customer."})
    )

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["id"] for answer in answers}) == 1
    told = answers[0].json()
    assert (told["kind"], told["pays"], told["ticket_state"]) == ("take_back", "escalation_fee", "held_back")
    late = program.post(f"/tickets/{ticket}/replies", {"claim_number": number, "text": "On its way."})
    assert problem(late) == (409, "stale_claim")
    assert problem(program.post(f"/tickets/{ticket}/claim"))[0] == 404
    feed = system.get("/events", kind="ticket_taken_back").json()["events"]
    assert [one["body"]["pays"] for one in feed] == ["escalation_fee"]


def test_a_withdrawn_ticket_is_over(api: Api, system: System) -> None:
    ticket = api.open_ticket(system.brand)
    told = system.post(f"/tickets/{ticket}/withdrawal", {"reason": "Asked twice."})
    assert (told.status_code, told.json()["pays"]) == (200, "nothing")
    assert system.get(f"/tickets/{ticket}").json()["state"] == "withdrawn"
    assert problem(system.post(f"/tickets/{ticket}/take-back", {"reason": "No."})) == (409, "ticket_is_over")
    assert problem(system.post(f"/tickets/{ticket}/withdrawal", {"reason": ""})) == (422, "malformed")
    wallet = system.get("/wallet").json()
    assert wallet["reserved_minor"] == 0


def test_many_are_counted_then_withdrawn_by_a_job(api: Api, system: System) -> None:
    tickets = [api.open_ticket(system.brand) for _ in range(3)]
    wish = {"state": "open", "reason": "The shop is closed."}
    counted = system.post("/withdrawals", wish | {"preview": True})
    assert (counted.status_code, counted.json()["tickets"], counted.json()["id"]) == (200, 3, None)
    assert system.get(f"/tickets/{tickets[0]}").json()["state"] == "open"

    key = uuid4().hex
    asked = system.post("/withdrawals", wish, key=key)
    assert asked.status_code == 202
    assert system.post("/withdrawals", wish, key=key).json() == asked.json()
    assert "bulk_withdrawal_asked" in AFTER_THE_COMMIT
    bulk = asked.json()["id"]
    bulk_withdrawals.work_off(api.background, brand=system.brand, bulk=BulkWithdrawalId(UUID(bulk)))

    done = system.get(f"/withdrawals/{bulk}").json()
    assert (done["done"], done["withdrawn"], done["refusals"]) == (3, 3, [])
    assert done["finished_at"] is not None
    assert {one["state"] for one in system.get("/tickets").json()} == {"withdrawn"}
    assert problem(system.post("/withdrawals", wish)) == (409, "nothing_to_withdraw")
    assert problem(system.post("/withdrawals", {"reason": "All of it."})) == (422, "filter_needed")
    assert problem(api.system().get(f"/withdrawals/{bulk}")) == (404, "no_such_bulk_withdrawal")
    narrow = api.system(scopes=[ApiScope.TICKETS_READ], of=system.brand)
    assert narrow.post("/withdrawals", wish).status_code == 403


def test_a_thrown_switch_answers_the_next_claim_and_the_next_look_at_the_pool(
    api: Api, system: System
) -> None:
    ticket, program = api.open_ticket(system.brand), api.program()
    assert str(ticket) in {one["id"] for one in program.get("/pool").json()}
    with api.background.transaction(as_brand(system.brand)) as tx:
        thrown = switches.throw_at_brand(
            tx,
            brand=system.brand,
            kind=SwitchKind.BRAND,
            key=None,
            reason="A recall is running.",
            by=a_member(tx, system.brand),
            now=app_now(tx),
        )
    assert str(ticket) not in {one["id"] for one in program.get("/pool").json()}
    assert problem(program.post(f"/tickets/{ticket}/claim")) == (409, "stopped")
    with api.background.transaction(as_brand(system.brand)) as tx:
        switches.lift_at_brand(tx, brand=system.brand, switch=thrown.id, by=thrown.thrown_by, now=app_now(tx))
    assert program.post(f"/tickets/{ticket}/claim").status_code == 200
