"""A ticket's pay by a brand's own system: read, reject, undo, dispute, tip; and a worker's program that appeals."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from billing import rejections
from marketplace.kernel.ids import TicketId
from tests.builders import Clock, a_resolved_ticket
from tests.workers_ui.api_site import Api, Program, System, api_site, problem


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:
        yield site


@pytest.fixture
def system(api: Api) -> System:
    api.open_ticket(api.system().brand)
    return api.system()


def resolved(api: Api, system: System) -> tuple[TicketId, Program]:
    """A ticket that a worker with a program was paid for."""
    program = api.program()
    with api.background.transaction() as tx:
        return a_resolved_ticket(tx, system.brand, program.worker), program


def test_a_pay_is_read_rejected_undone_and_rejected_for_good(api: Api, system: System) -> None:
    ticket, program = resolved(api, system)
    (pay,) = system.get(f"/tickets/{ticket}/pay").json()
    assert (pay["worker"], pay["amount_minor"], pay["fee_minor"], pay["surge_minor"]) == (
        str(program.worker),
        200,
        50,
        0,
    )
    assert (pay["state"], pay["rejection"], pay["appeal"]) == ("in_window", None, None)
    (reply,) = pay["replies"]
    wish = {"reply": reply["id"], "reason": "wrong_answer", "note": "It names the wrong shop."}
    address = f"/earnings/{pay['id']}/rejection"
    assert problem(system.post(address, wish | {"reason": "too_dear"})) == (422, "malformed")
    assert problem(system.post(address, wish | {"reply": str(uuid4())})) == (422, "not_this_reply")
    first = system.post(address, wish)
    assert (first.status_code, first.json()["state"]) == (201, "waiting")
    assert problem(system.post(address, wish)) == (409, "rejected_already")
    assert system.send("DELETE", f"/rejections/{first.json()['id']}").status_code == 204
    second = system.post(address, wish).json()
    Clock(database=api.background).forward(rejections.UNDO_WITHIN + timedelta(seconds=1))
    rejections.settle_rejections(api.background)
    assert problem(system.send("DELETE", f"/rejections/{second['id']}")) == (409, "too_late_to_undo")
    (pay,) = system.get(f"/tickets/{ticket}/pay").json()
    assert (pay["state"], pay["rejection"], pay["rejection_state"]) == ("rejected", second["id"], "counted")
    told = system.get("/events", kind="earning_rejected").json()["events"]
    assert [one["body"]["rejection"] for one in told] == [second["id"]]

    address = f"/rejections/{second['id']}/appeal"
    assert problem(program.post(address, {"text": ""})) == (422, "malformed")
    assert program.post(address, {"text": "They asked about that shop."}).status_code == 201
    assert problem(program.post(address, {"text": "Again."})) == (409, "appealed_already")
    assert system.get(f"/tickets/{ticket}/pay").json()[0]["appeal"] == "waiting"


def test_a_pay_is_disputed_and_let_go(api: Api, system: System) -> None:
    ticket, _ = resolved(api, system)
    (pay,) = system.get(f"/tickets/{ticket}/pay").json()
    address = f"/earnings/{pay['id']}/dispute"
    assert system.post(address, {"reason": "Was it read?"}).status_code == 201
    assert problem(system.post(address, {"reason": "Was it read?"})) == (409, "held_already")
    assert system.get(f"/tickets/{ticket}/pay").json()[0]["state"] == "disputed"
    assert system.send("DELETE", address).status_code == 204
    assert problem(system.send("DELETE", address)) == (409, "not_held")


def test_a_tip_sent_twice_is_given_once_and_comes_back(api: Api, system: System) -> None:
    ticket, program = resolved(api, system)
    before = system.get("/wallet").json()["available_minor"]
    wish = {"worker": str(program.worker), "amount_minor": 300}
    key = uuid4().hex
    tip = system.post(f"/tickets/{ticket}/tips", wish, key=key)
    assert tip.status_code == 201
    assert system.post(f"/tickets/{ticket}/tips", wish, key=key).json() == tip.json()
    assert system.get("/wallet").json()["available_minor"] == before - 300
    assert problem(system.post(f"/tickets/{ticket}/tips", wish | {"worker": str(uuid4())})) == (
        409,
        "nobody_to_tip",
    )
    assert system.send("DELETE", f"/tips/{tip.json()['id']}").status_code == 204
    assert problem(system.send("DELETE", f"/tips/{tip.json()['id']}")) == (409, "tip_is_kept")
    assert system.get("/wallet").json()["available_minor"] == before
