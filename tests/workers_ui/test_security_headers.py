"""What every answer carries, whatever it answers; and what a client cannot talk the site into."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from httpx2 import Response
from sqlalchemy.exc import ProgrammingError
from starlette.testclient import TestClient

from marketplace.kernel.db import Database, Role
from tests.site_process import free_port, web_process
from tests.workers_ui.api_site import Api, a_database, api_site
from workers_ui.app import STATIC, create_app

LIMIT = 1_000_000
SECRET = "password=hunter2"


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api_site(server_url, migrated_template, tmp_path_factory.mktemp("api")) as site:

        @site.app.get("/api/v1/broken")
        @site.app.get("/broken")
        def broken() -> None:
            raise ProgrammingError(f"SELECT {SECRET}", {}, Exception(SECRET))

        yield site


def chunks(total: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(total // 10_000):
        yield b" " * 10_000


ASKED = {
    "a page": ("GET", "/", 200),
    "a form's page": ("GET", "/sign-in", 200),
    "a redirect to sign in": ("GET", "/worker/pool", 303),
    "a page that is not there": ("GET", "/nothing", 404),
    "a method a page does not take": ("DELETE", "/", 405),
    "a form from elsewhere": ("POST", "/sign-in", 403),
    "a defect behind a page": ("GET", "/broken", 500),
    "the API's description": ("GET", "/api/v1/openapi.json", 200),
    "health": ("GET", "/healthz", 200),
    "readiness": ("GET", "/readyz", 503),
    "nobody at the API": ("GET", "/api/v1/tickets", 401),
    "nothing at the API": ("GET", "/api/v1/nothing", 404),
    "a method the API does not take": ("PATCH", "/api/v1/tickets", 405),
    "a defect behind the API": ("GET", "/api/v1/broken", 500),
    "a file that is not there": ("GET", "/static/nothing.js", 404),
    "a file outside of the folder": ("GET", "/static/%2e%2e/app.py", 404),
    "the stream without a session": ("GET", "/live", 401),
}


def checked(answer: Response) -> Response:
    policy = dict(
        part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "script-src" not in policy or policy["script-src"] == "'self'"
    assert "style-src" not in policy or policy["style-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    assert SECRET not in answer.text
    return answer


@pytest.mark.parametrize("asked", ASKED)
def test_every_kind_of_answer_carries_the_headers(api: Api, asked: str) -> None:
    method, path, status = ASKED[asked]
    answer = checked(api.client.request(method, path))
    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    if path.startswith("/api/") and status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_file_that_is_there_may_be_kept(api: Api) -> None:
    name = next(path.name for path in sorted((STATIC / "build").iterdir()) if path.suffix == ".css")
    answer = checked(api.client.get(f"/static/build/{name}"))
    assert answer.status_code == 200
    assert answer.headers.get("cache-control") != "no-store"


@pytest.mark.parametrize(
    ("path", "declared"),
    [
        ("/api/v1/tickets", True),
        ("/api/v1/tickets", False),
        ("/api/v1/sessions", False),
        ("/sign-in", True),
        ("/sign-in", False),
        ("/nothing", True),
    ],
)
def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not(
    api: Api, path: str, declared: bool
) -> None:
    body = b" " * (LIMIT + 10_000) if declared else chunks(LIMIT + 10_000)
    headers = {"content-type": "application/json" if "api" in path else "application/x-www-form-urlencoded"}
    answer = checked(api.client.post(path, content=body, headers=headers))
    assert answer.status_code == 413
    assert f"{LIMIT:,}" in answer.text
    if path.startswith("/api/"):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "too_large"


def test_uploads_alone_may_be_larger(api: Api) -> None:
    system = api.system()
    files = [("files", ("a.md", b"word " * 300_000))]
    assert system.send("POST", "/imports", files=files).status_code == 202
    article = {"title": "a", "text": "word " * 300_000}
    assert system.put("/articles/knowledge", article).status_code == 413
    assert system.put("/articles/imports", article).status_code == 413


def test_a_request_id_is_echoed_when_it_is_one_and_replaced_when_not(api: Api) -> None:
    good = api.client.get("/healthz", headers={"X-Request-ID": "trace-me_12345678"})
    assert good.headers["x-request-id"] == "trace-me_12345678"
    for bad in ("short", "a" * 65, "<script>alert(1)</script>", "a b c d e f g h"):
        assert api.client.get("/healthz", headers={"X-Request-ID": bad}).headers["x-request-id"] != bad
    ids = {api.client.get("/healthz").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_an_error_page_names_the_request_that_the_log_names(api: Api) -> None:
    answer = api.client.get("/broken", headers={"X-Request-ID": "trace-me_12345678"})
    assert answer.status_code == 500
    assert "trace-me_12345678" in answer.text


def test_behind_https_browsers_are_told_to_stay_there(api: Api) -> None:
    services = api.app.state.services
    secure = create_app(services.settings.model_copy(update={"secure_cookies": True}))
    with TestClient(secure, base_url="https://testserver") as client:
        assert "max-age=31536000" in client.get("/healthz").headers["strict-transport-security"]
    assert "strict-transport-security" not in api.client.get("/healthz").headers


def test_without_a_database_everybody_is_asked_to_come_back(api: Api) -> None:
    away = Database(f"postgresql+psycopg://x@127.0.0.1:{free_port()}/x", role=Role.APP, connections=1)
    there = api.app.state.services
    api.app.state.services = replace(there, database=away)
    try:
        for path in ("/api/v1/tickets", "/sign-in", "/readyz"):
            answer = checked(api.client.get(path))
            assert answer.status_code == 503
            assert path == "/readyz" or int(answer.headers["retry-after"]) > 0
    finally:
        api.app.state.services = there


# Over a real port


@pytest.fixture(scope="module")
def address(
    server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as environment, a_database(server_url, migrated_template) as url:
        environment.setenv("HUMANCLOUD_SIGN_IN_ATTEMPTS_PER_MINUTE", "1")
        with web_process(url, tmp_path_factory.mktemp("web")) as started:
            yield started


def test_a_chunked_body_over_the_limit_is_refused_over_a_real_port(address: str) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{address}/api/v1/tickets", content=chunks(LIMIT + 100_000), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "content-length" not in answer.request.headers
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_length_that_lies_leaves_the_site_standing(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    for length in (b"-1", b"99999999999999999999999", b"5", b"abc"):
        with socket.create_connection((host, int(port)), timeout=5) as raw:
            raw.sendall(
                b"POST /api/v1/tickets HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: " + length + b"\r\n\r\n[1,2]"
            )
            assert raw.recv(100).split(b" ")[1][:1] == b"4"
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_what_a_client_claims_to_forward_is_not_believed(address: str) -> None:
    forwarded = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "192.0.2.1",
    }
    moved = httpx.get(f"{address}/api/v1/tickets/", headers=forwarded)
    assert "evil" not in moved.headers.get("location", "")
    assert "https" not in moved.headers.get("location", "")
    statuses = [
        httpx.post(
            f"{address}/api/v1/sessions",
            json={"email": f"nobody-{number}@example.com", "password": "guess"},
            headers={"X-Forwarded-For": f"192.0.2.{number}", "X-Real-IP": f"192.0.2.{number}"},
        ).status_code
        for number in range(6)
    ]
    assert statuses == [401] * 5 + [429]  # five times what one account may: they all count as one address


def test_the_server_does_not_say_what_it_is_made_of(address: str) -> None:
    answer = httpx.get(f"{address}/healthz")
    assert not {"server", "x-powered-by"} & set(answer.headers)
