"""What no client should send: every operation answers it with a sentence, never with a stack trace.

The cases are generated from the app's own OpenAPI description: each operation, each of its fields, parameters
and headers, each value that programs are known to trip over; then mixtures of them until CASES are reached.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from tests.workers_ui.api_site import Api, api_site
from tests.workers_ui.operations import OPERATIONS, Caller

CASES = 1_500
SEED = 20_261_122
DETAIL_CHARACTERS = 1_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
TOO_LARGE = b'{"text": "' + b"a" * 1_000_001 + b'"}'

VALUES: tuple[Any, ...] = (
    *(None, True, [], {}, [None], {"a": {"b": 1}}),
    *(
        "",
        " ",
        "\x00",
        "a\x00b",
        "\ud800",
        "a\udfff",
        "\u202e",
        "🦊" * 500,
        "a" * 30_000,
        "\r\n",
        "'; --",
        "%s{0}",
    ),
    *(0, -1, 1.5, 2**31, 2**63, -(2**63) - 1, 10**400, float("inf"), float("nan")),
)
BODIES: tuple[bytes, ...] = (
    b"",
    b" ",
    b"not json",
    b'{"text": ',
    b"[]",
    b"null",
    b"3",
    b'"text"',
    b"NaN",
    b"\xff\xfe\x00",
    b"\x00",
    b"[" * 100_000,
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b"9" * 5_000,
    b'{"text": "a", "text": "b", "text": {}}',
    b'{"\\ud800": 1}',
    json.dumps({"a" * 5_000: 1}).encode(),
    TOO_LARGE,
)
NAMES = ("not-a-uuid", "0", "%00", "%ff", "%ED%A0%80", "a" * 3_000, "..%2f..", "%20", "🦊", "null", "-1")
PARAMETERS = (
    "",
    "\x00",
    "a" * 3_000,
    "-1",
    "0",
    "1.5",
    "1e999",
    str(10**30),
    "🦊",
    "null",
    "' OR 1=1 --",
    "[]",
)
CONTENT_TYPES = (
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "x",
)
REQUEST_KEYS = ("", " ", "a" * 201, "a" * 20_000, "\x81", "caf\xe9", "\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request; `what` says in the failure what is wrong with it."""

    operation: str
    what: str
    method: str
    path: str
    content: bytes = b""
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    expected: frozenset[int] | None = None


@pytest.fixture(scope="module")
def api(server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with api_site(server_url, migrated_template, folder, sign_in_attempts_per_minute=100_000) as site:
        yield site


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Makes cases for one operation from its description and a request that is well-formed."""

    name: str
    described: dict[str, Any]
    things: dict[str, str]

    @property
    def method(self) -> str:
        return self.name.split(" ")[0]

    @property
    def body(self) -> dict[str, Any] | None:
        return OPERATIONS[self.name].body

    def path(self, **changes: str) -> str:
        return self.name.split(" ")[1].format(**(self.things | changes))

    def case(self, what: str, *, headers: dict[str, str] | None = None, **changes: Any) -> Case:
        well_formed: dict[str, Any] = {
            "path": self.path(),
            "content": b"" if self.body is None else encoded(self.body),
            "query": OPERATIONS[self.name].query,
            "headers": {"content-type": "application/json"} | (headers or {}),
        }
        return Case(operation=self.name, method=self.method, what=what, **(well_formed | changes))

    def all(self) -> Iterator[Case]:
        yield from self.bodies()
        yield from self.fields()
        yield from self.parameters()
        yield from self.headers()

    def bodies(self) -> Iterator[Case]:
        takes_one = "requestBody" in self.described
        for content in BODIES if takes_one else (b"not json", TOO_LARGE):
            expected = frozenset({413}) if content is TOO_LARGE and "imports" not in self.name else None
            yield self.case(f"body {content[:20]!r}", content=content, expected=expected)
        for kind in CONTENT_TYPES if takes_one else ():
            refused = frozenset({400, 422})
            yield self.case(f"content type {kind}", headers={"content-type": kind}, expected=refused)

    def fields(self) -> Iterator[Case]:
        body = self.body or {}
        for name in (*body, "unknown", "\ud800") if body else ():
            for value in VALUES:
                yield self.case(f"{name!r} = {str(value)[:20]!r}", content=encoded(body | {name: value}))
        for name in body:
            rest = {key: value for key, value in body.items() if key != name}
            yield self.case(f"no {name}", content=encoded(rest))

    def parameters(self) -> Iterator[Case]:
        for parameter in self.described.get("parameters", ()):
            name = parameter["name"]
            match parameter["in"]:
                case "path":
                    for value in NAMES:
                        yield self.case(f"{name} = {value[:20]!r}", path=self.path(**{name: value}))
                case "query":
                    for given in (*PARAMETERS, ["a"] * 30):
                        query = OPERATIONS[self.name].query | {name: given}
                        yield self.case(f"{name} = {str(given)[:20]!r}", query=query)
                case "header":
                    for value in REQUEST_KEYS:
                        yield self.case(f"{name} = {value[:20]!r}", headers={name: value})

    def headers(self) -> Iterator[Case]:
        for name, value in (
            ("content-length", "99999999999999999999"),
            ("content-length", "-1"),
            ("x-request-id", "a\x81b"),
            ("accept", "\xff"),
            ("accept-language", "x" * 5_000),
            ("content-encoding", "gzip"),
        ):
            yield self.case(f"{name}: {value[:20]!r}", headers={name: value})


def encoded(body: object) -> bytes:
    """As JSON that may hold lone surrogates, Infinity and integers of any length."""
    return json.dumps(body).encode()


def mixed(generators: list[Generator], dice: random.Random) -> Iterator[Case]:
    """Requests with several things wrong at once, without end."""
    while True:
        generator = dice.choice(generators)
        body = dict(generator.body or {})
        for name in dice.sample(sorted(body), k=min(len(body), dice.randint(1, 3))):
            body[name] = dice.choice((*VALUES, dice.randbytes(dice.randint(0, 40)).decode("latin-1")))
        query = {name: dice.choice(PARAMETERS) for name in OPERATIONS[generator.name].query}
        things = {
            name: dice.choice((*NAMES, value, str(uuid4()))) for name, value in generator.things.items()
        }
        content = encoded(body) if body else b""
        if dice.random() < 0.2:
            content = content[: dice.randint(0, len(content))]
        path = generator.path(**things)
        yield generator.case("mixture", path=path, content=content, query=query)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A brand with an indexed article, and a worker who holds its ticket."""

    brand: str
    worker: str
    ticket: str


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    brand, program = api.system(), api.program(email_cap=1_000)
    assert brand.put("/articles/returns", {"title": "Returns", "text": "Send it back."}).is_success
    api.index(brand.brand)
    ticket = str(api.open_ticket(brand.brand))
    assert program.post(f"/tickets/{ticket}/claim").is_success
    return World(brand=brand.secret, worker=program.secret, ticket=ticket)


@pytest.fixture(scope="module")
def generators(api: Api, world: World) -> list[Generator]:
    paths = api.client.get("/api/v1/openapi.json").json()["paths"]
    known = {"ticket": world.ticket, "key": "kettles", "brand": "no-such-brand", "category": "general"}
    return [
        Generator(
            name=f"{method.upper()} {path}",
            described=described,
            things={name: known.get(name, str(uuid4())) for name in re.findall(r"{(\w+)}", path)},
        )
        for path, methods in paths.items()
        for method, described in methods.items()
        if path.startswith("/api/")
    ]


def secret_for(api: Api, caller: Caller, world: World) -> str:
    match caller:
        case Caller.BRAND:
            return world.brand
        case Caller.WORKER:
            return world.worker
        case Caller.SIGNED_IN:  # a fresh one each time: the operation ends it
            return api.program().secret
        case Caller.ANYBODY:
            return ""


def send(api: Api, case: Case, world: World) -> Response:
    secret = secret_for(api, OPERATIONS[case.operation].caller, world)
    headers = [
        (b"authorization", f"Bearer {secret}".encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in case.headers.items()),
    ]
    return api.client.request(
        case.method,
        case.path,
        content=case.content,
        params=case.query,
        headers=headers,
    )


def complaint(case: Case, answer: Response) -> str:
    """What is wrong with the answer; nothing when it is as it should be."""
    if answer.status_code >= 500 or 300 <= answer.status_code < 400:
        return f"answered {answer.status_code}"
    if case.expected and answer.status_code not in case.expected:
        return f"answered {answer.status_code}, not one of {sorted(case.expected)}"
    if answer.is_success:
        return ""
    if answer.headers["content-type"] != "application/problem+json":
        return f"answered in {answer.headers['content-type']}"
    told = answer.json()
    if set(told) != {"type", "title", "status", "code", "detail"} or not told["code"].isidentifier():
        return f"answered {told}"
    if told["code"] == "unstorable":
        return "let it reach the database"
    if not 10 <= len(told["detail"]) <= DETAIL_CHARACTERS or "Traceback" in answer.text:
        return f"explained it in {len(told['detail'])} characters: {told['detail'][:200]!r}"
    return ""


def test_nothing_that_is_sent_breaks_an_operation(
    api: Api, generators: list[Generator], world: World
) -> None:
    cases = [case for generator in generators for case in generator.all()]
    mixtures = mixed(generators, random.Random(SEED))
    cases += [next(mixtures) for _ in range(max(100, CASES - len(cases)))]
    complaints: list[str] = []
    statuses = Counter[int]()
    for case in cases:
        answer = send(api, case, world)
        statuses[answer.status_code] += 1
        said = complaint(case, answer)
        if said:
            complaints.append(f"{case.operation} with {case.what}: {said}")
    assert not complaints, "\n".join(complaints)
    assert len(cases) >= CASES
    assert {400, 404, 409, 413, 422} <= set(statuses), statuses


def test_a_method_that_an_address_does_not_take_is_refused_naming_those_it_takes(
    api: Api, generators: list[Generator]
) -> None:
    # By the address as it is described: each operation names things of its own in it.
    taken: dict[str, set[str]] = {}
    paths: dict[str, str] = {}
    for generator in generators:
        address = generator.name.split(" ")[1]
        taken.setdefault(address, set()).add(generator.method)
        paths.setdefault(address, generator.path())
    for address, methods in taken.items():
        path = paths[address]
        for method in sorted(set(METHODS) - methods):
            answer = api.client.request(method, path)
            assert answer.status_code == 405, (method, path)
            assert answer.json()["code"] == "method_not_allowed"
            assert set(answer.headers["allow"].split(", ")) == methods, path


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/tickets", "/api/\x00", "/api/🦊"]
)
def test_an_address_that_does_not_exist_says_so_in_json(api: Api, path: str) -> None:
    answer = api.client.get(path.replace("\x00", "%00"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([], 422),
        ([("files", ("", b"x"))], None),
        ([("files", ("a" * 3_000, b"x"))], None),
        ([("files", ("../../etc/passwd", b"x"))], None),
        ([("files", ("a\x00.md", b"x"))], None),
        ([("files", ("a.md", b""))], None),
        ([("files", ("a.jsonl", b"\x00\xff" * 1_000))], None),
        ([("other", ("a.md", b"x"))], 422),
        ([("files", (f"{number}.md", b"x")) for number in range(1_001)], 413),
    ],
    ids=["none", "unnamed", "long name", "path", "NUL", "empty", "binary", "other field", "too many"],
)
def test_odd_uploads_are_taken_or_refused_in_plain_words(
    api: Api, world: World, files: list[Any], status: int | None
) -> None:
    headers = {"Authorization": f"Bearer {world.brand}"}
    answer = api.client.post("/api/v1/imports", files=files, headers=headers)
    assert answer.status_code == (status or answer.status_code)
    _is_taken_or_a_problem(answer)


@pytest.mark.parametrize(
    "file",
    [
        ("", b"x"),
        ("a" * 3_000, b"text\nx"),
        ("../../etc/passwd", b"text\nx"),
        ("a\x00.csv", b"text\nx"),
        ("a.csv", b""),
        ("a.csv", b"\x00\xff" * 1_000),
        ("a.csv", b"text\n\x00"),
        ("a.csv", b"text\n\xff\xfe"),
        ("a.csv", b'text\n"' + b"a" * 1_000_000),
        ("a.csv", b"text,id\n" + b"x" * 200_000),
        ("a.csv", "text,id\n\ud800,\udfff".encode("utf-8", "surrogatepass")),
        ("a.csv", b"text\n" + "\u202e🦊\u2028".encode() * 50),
        ("a.csv", b"," * 5_000 + b"\n" + b"," * 5_000),
    ],
)
def test_odd_tables_are_taken_or_refused_in_plain_words(
    api: Api, world: World, file: tuple[str, bytes]
) -> None:
    headers = {"Authorization": f"Bearer {world.brand}"}
    _is_taken_or_a_problem(api.client.post("/api/v1/ticket-imports", files=[("file", file)], headers=headers))


def _is_taken_or_a_problem(answer: Response) -> None:
    assert answer.status_code < 500
    if not answer.is_success:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
