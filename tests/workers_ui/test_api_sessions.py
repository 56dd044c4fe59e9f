"""Session tokens of programs: begun by password, ended by time or by hand, not to be guessed at."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from httpx2 import Response

from marketplace.accounts import passwords
from marketplace.accounts.models import Person
from marketplace.kernel.ids import PersonId
from tests.builders import Clock, a_person
from tests.workers_ui.api_site import Api, Caller, api_site, problem

PASSWORD = "a long enough passphrase"
PER_MINUTE = 3


@pytest.fixture(scope="module")
def password_hash() -> str:
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A site of its own for each test: attempts are counted per site, and time is moved."""
    folder = tmp_path_factory.mktemp("api")
    with api_site(
        server_url, migrated_template, folder, sign_in_attempts_per_minute=PER_MINUTE, session_hours=8
    ) as site:
        yield site


@pytest.fixture
def email(api: Api, password_hash: str) -> str:
    """A worker's."""
    return with_password(api, api.program().person, password_hash)


def with_password(api: Api, person: PersonId, password_hash: str) -> str:
    with api.background.transaction() as tx:
        row = tx.get_one(Person, person)
        row.password_hash = password_hash
        return row.email


def sign_in(api: Api, email: str, password: str = PASSWORD) -> Response:
    return api.client.post("/api/v1/sessions", json={"email": email, "password": password})


def signed_in(api: Api, email: str) -> Caller:
    answer = sign_in(api, email)
    assert answer.status_code == 201, answer.text
    return Caller(client=api.client, secret=answer.json()["token"])


def test_a_session_is_begun_by_password_and_ended_by_hand_at_once(api: Api, email: str) -> None:
    one, other = signed_in(api, email), signed_in(api, email.upper())
    assert one.get("/claims").json() == []
    ended = one.delete("/sessions/current")
    assert (ended.status_code, ended.content) == (204, b"")
    assert problem(one.get("/claims")) == (401, "token_needed")
    assert problem(one.delete("/sessions/current")) == (401, "token_needed")
    assert other.get("/claims").status_code == 200


def test_a_session_ends_by_itself(api: Api, email: str) -> None:
    caller, clock = signed_in(api, email), Clock(database=api.background)
    clock.forward(timedelta(hours=7, minutes=59))
    assert caller.get("/claims").status_code == 200
    clock.forward(timedelta(minutes=1))
    assert problem(caller.get("/claims")) == (401, "token_needed")


def test_whoever_can_begin_a_session_can_end_it(api: Api, password_hash: str) -> None:
    with api.background.transaction() as tx:
        person = a_person(tx)
    caller = signed_in(api, with_password(api, person, password_hash))
    assert problem(caller.get("/pool")) == (403, "not_a_worker")
    assert caller.delete("/sessions/current").status_code == 204


def test_a_worker_who_is_restricted_meanwhile_claims_nothing_more(api: Api, email: str) -> None:
    caller, ticket = signed_in(api, email), api.open_ticket(api.system().brand)
    api.count("UPDATE worker SET status = 'restricted' RETURNING 1")
    assert problem(caller.post(f"/tickets/{ticket}/claim")) == (403, "work_suspended")


def test_an_unknown_address_and_a_wrong_password_are_refused_alike(api: Api, email: str) -> None:
    wrong, unknown = sign_in(api, email, "another passphrase"), sign_in(api, "nobody@example.com")
    assert problem(wrong) == (401, "sign_in_refused")
    assert unknown.content == wrong.content


def test_a_few_attempts_a_minute_are_heard_for_one_account_and_others_go_on(
    api: Api, email: str, password_hash: str
) -> None:
    other = with_password(api, api.program().person, password_hash)
    for _ in range(PER_MINUTE):
        assert sign_in(api, email, "guess").status_code == 401
    for attempt in (email, email.upper(), f" {email} "):
        refused = sign_in(api, attempt)
        assert problem(refused) == (429, "too_many_attempts")
        assert int(refused.headers["retry-after"]) > 0
    assert sign_in(api, other).status_code == 201


def test_an_address_that_guesses_at_many_accounts_is_not_heard_any_more(api: Api, email: str) -> None:
    for number in range(PER_MINUTE * 5):
        assert sign_in(api, f"nobody-{number}@example.com").status_code == 401
    assert problem(sign_in(api, email)) == (429, "too_many_attempts")
