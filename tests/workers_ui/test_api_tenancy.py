"""The tenancy matrix: each operation by everybody who may not call it, about what is not theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import select

from billing.judgement_models import Judge, RejectionReason
from billing.models import Earning
from billing.rejections import reject
from billing.tips import give_tip
from knowledge_base.models import Article
from knowledge_base.reading.formats import ACCEPTED
from marketplace.accounts.api_keys import ApiScope, revoke_key
from marketplace.accounts.models import ApiKey
from marketplace.accounts.sessions import sign_out
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId
from marketplace.tickets.models import Reply
from marketplace.tickets.reply_models import ReplyReview
from marketplace.tickets.terms import CategoryPlan, add_category
from tests.builders import a_resolved_ticket, a_worker, begin_probation
from tests.builders_gaps import an_unanswered_ticket, gap_of, look_for_gaps
from tests.workers_ui.api_site import Api, Program, System, api_site, problem
from tests.workers_ui.brand_site import a_suggestion, an_article
from tests.workers_ui.operations import FLOW, OPERATIONS, Caller, Operation

FILES = [("files", ("kettles.md", b"# Kettles")), ("file", ("tickets.csv", b"id,text\n1,Where is it?\n"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two brands and two workers; the first of each owns something of every kind."""

    api: Api
    owner: System
    stranger: System
    holder: Program
    other: Program
    foreign: dict[str, str]
    revoked: str
    ended: str
    narrow: dict[ApiScope | None, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def world(
    server_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("api")
    with api_site(server_url, migrated_template, folder, sign_in_attempts_per_minute=1_000) as api:
        yield a_world(api)


def a_world(api: Api) -> World:
    owner, holder = api.system(), api.program()
    ticket = api.open_ticket(owner.brand, text="A secret of the owner")
    assert holder.post(f"/tickets/{ticket}/claim").is_success
    owner.put("/articles/owned", {"title": "Owned", "text": "A secret of the owner"})
    assert owner.post("/flows", {"source": FLOW.replace("Thank you.", "A secret of the owner")}).is_success
    api.index(owner.brand)
    top_up = owner.post("/top-ups", {"amount_minor": 50_00, "currency": "usd"}).json()["id"]
    import_id = owner.send("POST", "/imports", files=FILES).json()["id"]
    ticket_import = owner.send("POST", "/ticket-imports", files=FILES).json()["id"]
    api.open_ticket(owner.brand)
    withdrawal = owner.post("/withdrawals", {"reason": "Asked twice.", "state": "open"}).json()["id"]
    with api.background.transaction() as tx:
        add_category(tx, brand=owner.brand, plan=CategoryPlan(key="owned", name="Owned"))
        gone = api.system(of=owner.brand)
        key = tx.query(ApiKey).filter_by(last_four=gone.secret[-4:], brand_id=owner.brand).one()
        revoke_key(tx, brand=owner.brand, key_id=key.id, now=app_now(tx))
    ended = api.token(holder.person)
    with api.background.transaction() as tx:
        sign_out(tx, ended)
    pay = of_pay(api, owner.brand)  # before its replies wait for approval
    return World(
        api=api,
        owner=owner,
        stranger=api.system(),
        holder=holder,
        other=api.program(),
        foreign={
            "ticket": str(ticket),
            "key": "owned",
            "top_up": top_up,
            "import_id": import_id,
            "article": the_article(api, owner.brand),
            "withdrawal": withdrawal,
            "brand": f"brand-{owner.brand.hex[-10:]}",
            "ticket_import": ticket_import,
            "review": a_review(api, owner.brand),
            "report": a_report(api, owner.brand),
            "category": "owned",
            "gap": a_gap(api, owner.brand),
            **pay,
        },
        revoked=gone.secret,
        ended=ended,
    )


def the_article(api: Api, brand: BrandId) -> str:
    with api.background.transaction() as tx:
        owned = select(Article.id).where(Article.brand_id == brand, Article.key == "owned")
        return str(tx.scalars(owned).one())


def a_review(api: Api, brand: BrandId) -> str:
    """A reply that waits for the owner's approval."""
    with api.background.transaction() as tx:
        begin_probation(tx, brand)
    ticket, program = api.open_ticket(brand), api.program()
    number = program.post(f"/tickets/{ticket}/claim").json()["claim_number"]
    sent = program.post(f"/tickets/{ticket}/replies", {"claim_number": number, "text": "A secret reply"})
    assert sent.json()["state"] == "awaiting_approval"
    with api.background.transaction() as tx:
        return str(tx.scalars(select(ReplyReview.id).where(ReplyReview.brand_id == brand)).one())


def a_report(api: Api, brand: BrandId) -> str:
    """A passage that a worker called wrong."""
    ticket, program = api.open_ticket(brand), api.program()
    with api.background.transaction() as tx:
        passage = an_article(tx, brand, key="reported", text="A secret that is wrong")
        a_suggestion(tx, brand, ticket, passage, draft="")
    assert program.post(f"/tickets/{ticket}/claim").is_success
    body = {"passage": str(passage.id), "reason": "out_of_date"}
    return str(program.post(f"/tickets/{ticket}/wrong-passages", body).json()["id"])


def of_pay(api: Api, brand: BrandId) -> dict[str, str]:
    """A tipped pay and a rejected one."""
    with api.background.transaction() as tx:
        tickets = [a_resolved_ticket(tx, brand, a_worker(tx)) for _ in range(2)]
        kept, lost = (tx.scalars(select(Earning).where(Earning.ticket_id == one)).one() for one in tickets)
        given = give_tip(
            tx,
            brand=brand,
            ticket=kept.ticket_id,
            worker=kept.worker_id,
            amount_minor=100,
            person=None,
            now=app_now(tx),
        )
        rejected = reject(
            tx,
            brand=brand,
            earning=lost.id,
            reply=tx.scalars(select(Reply.id).where(Reply.ticket_id == lost.ticket_id)).one(),
            reason=RejectionReason.WRONG_ANSWER,
            note="A secret note",
            judge=Judge.BRAND,
            person=None,
            now=app_now(tx),
        )
        return {"earning": str(kept.id), "rejection": str(rejected.id), "tip": str(given.id)}


def a_gap(api: Api, brand: BrandId) -> str:
    """A question that the owner's knowledge did not answer."""
    with api.background.transaction() as tx:
        ticket = an_unanswered_ticket(tx, brand)
    look_for_gaps(api.background)
    return str(gap_of(api.background, ticket))


def call(world: World, name: str, *, secret: str | None, things: dict[str, str]) -> Response:
    """A well-formed call of the operation `name` about `things`."""
    operation = OPERATIONS[name]
    method, path = name.split(" ")
    rest: dict[str, Any] = {"params": operation.query}
    if operation.body is not None:
        rest["json"] = operation.body
    if operation.files:
        rest["files"] = FILES
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    return world.api.client.request(method, path.format(**things), headers=headers, **rest)


def named(**wanted: Any) -> list[str]:
    return [
        name
        for name, operation in OPERATIONS.items()
        if all(getattr(operation, field) == value for field, value in wanted.items())
    ]


GUARDED = [name for name, operation in OPERATIONS.items() if operation.caller is not Caller.ANYBODY]
BRANDS, WORKERS = named(caller=Caller.BRAND), named(caller=Caller.WORKER)
ABOUT_THINGS = [name for name, operation in OPERATIONS.items() if operation.foreign]


def test_every_operation_has_a_row(world: World) -> None:
    paths = world.api.client.get("/api/v1/openapi.json").json()["paths"]
    served = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert served == set(OPERATIONS)


def test_the_description_names_the_formats_that_are_read(world: World) -> None:
    upload = world.api.client.get("/api/v1/openapi.json").json()["paths"]["/api/v1/imports"]["post"]
    assert ACCEPTED in " ".join(upload["description"].split())


def test_the_description_names_how_each_operation_is_opened(world: World) -> None:
    paths = world.api.client.get("/api/v1/openapi.json").json()["paths"]
    schemes = {
        f"{method.upper()} {path}": [name for one in said.get("security", []) for name in one]
        for path, methods in paths.items()
        for method, said in methods.items()
    }
    expected = {Caller.ANYBODY: [], Caller.BRAND: ["brandKey"]}
    assert schemes == {
        name: expected.get(operation.caller, ["sessionToken"]) for name, operation in OPERATIONS.items()
    }


@pytest.mark.parametrize("name", GUARDED)
def test_without_a_secret_of_the_right_kind_nobody_gets_in(world: World, name: str) -> None:
    brands = OPERATIONS[name].caller is Caller.BRAND
    wrong = {
        "none": None,
        "another kind": world.holder.secret if brands else world.owner.secret,
        "revoked": world.revoked,
        "ended": world.ended,
        "made up": "hc_test_" + "x" * 43,
        "empty": "",
        "long": "x" * 10_000,
        "live": "hc_live_" + "x" * 43,
    }
    for kind, secret in wrong.items():
        refused = call(world, name, secret=secret, things=world.foreign)
        assert problem(refused)[0] == 401, kind
        assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", GUARDED)
def test_other_ways_to_carry_a_secret_open_nothing(world: World, name: str) -> None:
    brands = OPERATIONS[name].caller is Caller.BRAND
    secret = world.owner.secret if brands else world.holder.secret
    method, path = name.split(" ")
    for headers in (
        {"Authorization": f"Basic {secret}"},
        {"Authorization": secret},
        {"X-API-Key": secret},
        {"Cookie": f"hc_session={secret}"},
        {"Cookie": f"hc_session={world.holder.secret}"},
    ):
        refused = world.api.client.request(method, path.format(**world.foreign), headers=headers)
        assert problem(refused)[0] == 401, headers


@pytest.mark.parametrize("name", BRANDS)
def test_a_key_without_the_scope_is_told_which_it_lacks(world: World, name: str) -> None:
    needed = OPERATIONS[name].scope
    others = [scope for scope in ApiScope if scope is not needed]
    # One key for each scope: a brand may have only so many.
    if needed not in world.narrow:
        world.narrow[needed] = world.api.system(of=world.owner.brand, scopes=others).secret
    refused = call(world, name, secret=world.narrow[needed], things=world.foreign)
    assert problem(refused) == (403, "scope_missing")
    assert str(needed) in refused.json()["detail"]


@pytest.mark.parametrize("name", ABOUT_THINGS)
def test_a_strangers_thing_and_no_thing_are_told_alike(world: World, name: str) -> None:
    operation: Operation = OPERATIONS[name]
    caller = world.stranger if operation.caller is Caller.BRAND else world.other
    absent = {key: str(uuid4()) for key in world.foreign}
    foreign = call(world, name, secret=caller.secret, things=world.foreign)
    assert problem(foreign)[0] == operation.foreign
    assert call(world, name, secret=caller.secret, things=absent).content == foreign.content


@pytest.mark.parametrize("name", BRANDS)
def test_no_answer_to_a_stranger_holds_what_the_owner_wrote(world: World, name: str) -> None:
    # A stranger of its own: some operations make his article of that name.
    answer = call(world, name, secret=world.api.system().secret, things=world.foreign)
    assert "secret of the owner" not in answer.text
    assert world.foreign["ticket"] not in answer.text


def test_the_owner_lost_nothing_to_strangers(world: World) -> None:
    stranger = world.api.system()
    stranger.put("/articles/owned", {"title": "Mine", "text": "Another text"})
    stranger.delete("/articles/owned")
    found = world.owner.get("/search", q="secret of the owner").json()["passages"]
    assert [passage["text"] for passage in found] == ["A secret of the owner"]
    assert world.holder.get(f"/tickets/{world.foreign['ticket']}/desk").is_success
    state = "SELECT count(*) FROM message WHERE ticket_id = :t"
    assert world.api.count(state, t=world.foreign["ticket"]) == 1


def test_a_workers_list_holds_his_own_claims_alone(world: World) -> None:
    assert world.other.get("/claims").json() == []
    assert world.foreign["ticket"] not in world.other.get("/pool").text


@pytest.mark.parametrize("name", [name for name in WORKERS if OPERATIONS[name].foreign == 409])
def test_a_worker_whose_lease_has_ended_is_a_stranger(world: World, name: str) -> None:
    ticket = world.api.open_ticket(world.owner.brand)
    late = world.api.program()
    assert late.post(f"/tickets/{ticket}/claim").is_success
    overdue = "UPDATE pool_ticket SET lease_ends_at = now() - interval '1 s' WHERE ticket_id = :t RETURNING 1"
    assert world.api.count(overdue, t=ticket) == 1
    refused = call(world, name, secret=late.secret, things={"ticket": str(ticket)})
    assert problem(refused) == (409, "stale_claim")
