"""Finance closes a month on its page, knowing that it does not open again."""

from datetime import timedelta

import pytest

from billing.periods import closings
from marketplace.accounts.models import Worker
from marketplace.kernel.clock import app_now
from tests.builders import a_worker
from tests.workers_ui.conftest import Site, Visitor
from tests.workers_ui.test_finance_pages import a_finance_person, an_operator


@pytest.fixture
def fay(site: Site) -> Visitor:
    with site.background.transaction() as tx:
        person = a_finance_person(tx, name="Fay Fields")
    return site.signed_in(person)


def last_month(site: Site, *, before: int = 1) -> str:
    with site.background.transaction() as tx:
        month = app_now(tx).date().replace(day=1)
    for _ in range(before):
        month = (month - timedelta(days=1)).replace(day=1)
    return f"{month:%Y-%m}"


def close(visitor: Visitor, month: str, *, sure: str = "yes") -> tuple[int, str]:
    answer = visitor.client.post(
        "/finance/periods", data={"csrf": visitor.csrf, "month": month, "sure": sure}
    )
    return answer.status_code, answer.text


def test_a_month_is_closed_with_its_closers_name_and_not_again(site: Site, fay: Visitor) -> None:
    month, earlier = last_month(site), last_month(site, before=2)
    shown = fay.client.get("/finance/periods").text
    assert f'value="{month}"' in shown
    assert "No month is closed yet" in shown

    status, text = close(fay, month, sure="")
    assert (status, "does not open again" in text) == (422, True)
    assert close(fay, month)[0] == 303

    shown = fay.client.get("/finance/periods").text
    assert "Fay Fields" in shown
    assert "Every month that is over is closed." in shown
    for closed in (month, earlier):
        status, text = close(fay, closed)
        assert (status, "closed already" in text) == (409, True)
    assert close(fay, "2999-01")[0] == 409
    assert close(fay, "May")[0] == 422
    with site.background.transaction() as tx:
        assert [f"{one.month:%Y-%m}" for one in closings(tx)] == [month]


def test_who_is_not_of_finance_closes_nothing(site: Site) -> None:
    with site.background.transaction() as tx:
        operator = an_operator(tx)
        worker = tx.get_one(Worker, a_worker(tx)).person_id
    assert close(site.signed_in(operator), last_month(site))[0] == 403
    assert site.signed_in(operator).client.get("/finance/periods").status_code == 200, "an operator may look"
    assert close(site.signed_in(worker), last_month(site))[0] == 404
    with site.background.transaction() as tx:
        assert closings(tx) == []
