"""`humancloud demo`: the whole job through the real processes over HTTP, told as a story.

The same processes as `humancloud serve`: any of them may be killed in the middle, and with `--data` the next run
goes on where this one stopped. Every request is safe to repeat, so the story's people simply try again.
"""

import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sqlalchemy import select, text

from billing import statements
from billing.ledger import proof, total_of
from billing.models import Earning, EarningState, Payout, PayoutState
from marketplace.accounts.api_keys import ApiScope, create_key
from marketplace.accounts.models import StaffRole, Worker
from marketplace.kernel.clock import app_now, shift_clock
from marketplace.kernel.db import Database, Role, Scope
from marketplace.kernel.ids import BrandId, TopUpId
from marketplace.kernel.money import Money, exponent
from marketplace.kernel.settings import Settings
from marketplace.tickets.models import TicketState
from workers_ui import demo_money, parts, seeding, serving
from workers_ui.content import PlannedBrand, as_posted, brand_from, demo_brands
from workers_ui.demo_callers import REQUEST_SECONDS, Api, DemoFailed, Site, address, retried
from workers_ui.installation import database_running, prepare_database
from workers_ui.seeding import SignIn
from workers_ui.supervisor import Supervisor

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.1
POSTERS = 4
TOP_UP_SPARE_MINOR = 10_000
REVIEW_IS_OVER = timedelta(hours=73)
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the demo did; the fields of `--json`."""

    mode: str
    articles: int
    passages: int
    tickets_posted: int
    claimed: int
    suggested: int
    abstained: int
    replied: int
    escalated: int
    resolved: int
    held_back: int
    earnings: dict[str, Any]
    payouts: dict[str, int]
    stripe: dict[str, int]
    statements: dict[str, int]
    ledger: dict[str, int]
    reserved_left_minor: int
    double_claims: int
    seconds: float


def run_demo(
    settings: Settings,
    *,
    data: Path | None,
    knowledge: Path | None,
    tickets: Path | None,
    workers: int,
    quiet: bool,
) -> Result:
    """Run the job in `data`, else in a folder that is gone afterwards. Raises DemoFailed, NoSuchContent."""
    plans = [brand_from(knowledge, tickets)] if knowledge else demo_brands()
    console = Console(file=sys.stderr, quiet=quiet)
    with _folder(data) as folder:
        own = settings.model_copy(
            update={
                "data_dir": folder,
                "database_url": None,
                "redis_url": None,
                "host": "127.0.0.1",
                "port": _free_port(),
                "public_url": "http://demo.invalid",
                "fake_stripe_port": _free_port(),
                "stripe_api_key": None,
            }
        )
        with database_running(own) as running:
            prepare_database(running)
            with Supervisor(
                serving.children(running), log_dir=folder / "logs", output=sys.stderr
            ) as supervisor:
                if not supervisor.wait_ready(60):
                    raise DemoFailed(f"The processes did not start; their logs are in {folder / 'logs'}.")
                database = parts.database(running, role=Role.BACKGROUND, process="demo")
                try:
                    return Story(
                        settings=running,
                        database=database,
                        plans=plans,
                        people=_workers(workers),
                        console=console,
                        mode="real" if knowledge else "demo",
                    ).tell()
                finally:
                    database.dispose()


@dataclass(slots=True, kw_only=True)
class Story:
    """The demo's acts, in order. What people do goes over HTTP; what only a command does, by that command."""

    settings: Settings
    database: Database
    plans: Sequence[PlannedBrand]
    people: Sequence[SignIn]
    console: Console
    mode: str
    keys: dict[BrandId, str] = field(default_factory=dict)
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - a coin to toss

    def tell(self) -> Result:
        started = time.monotonic()
        brands = self.bring_in_people_and_brands()
        self.load_knowledge(brands)
        self.fund(brands)
        self.post_tickets(brands)
        self.answer(brands)
        self.pass_review(brands)
        self.pay()
        return self.count(brands, seconds=time.monotonic() - started)

    # Acts

    def bring_in_people_and_brands(self) -> dict[BrandId, PlannedBrand]:
        manager = SignIn(
            role="Brand manager", email="mia@demo.example", password=seeding.PASSWORD, does="manages"
        )
        brands = {
            seeding.seed_brand(self.database, self.settings, plan, manager=manager, knowledge=False): plan
            for plan in self.plans
        }
        seeding.seed_staff(self.database, seeding.STAFF, StaffRole.FINANCE)
        seeding.seed_workers(self.database, self.people)
        for brand in brands:
            with self.database.transaction() as tx:
                key = create_key(tx, brand=brand, name="demo", scopes=list(ApiScope), now=app_now(tx))
            self.keys[brand] = key.key
        names = ", ".join(plan.name for plan in self.plans)
        self.say(f"{names} opened; {len(self.people)} workers signed up.")
        return brands

    def load_knowledge(self, brands: dict[BrandId, PlannedBrand]) -> None:
        with self.progress("Reading knowledge", sum(len(plan.files) for plan in brands.values())) as bar:
            for brand, plan in brands.items():
                api = self.api(self.keys[brand])
                for start in range(0, len(plan.files), 500):
                    self.upload(api, plan.files[start : start + 500])
                    bar(len(plan.files[start : start + 500]))
        self.until("the index", lambda: self.scalar(_BEHIND) == 0)
        self.say(f"{self.scalar(_ARTICLES)} articles, {self.scalar(_PASSAGES)} passages, indexed.")

    def upload(self, api: "Api", files: Sequence[tuple[str, bytes]]) -> None:
        uploads = [("files", (name, content, "application/octet-stream")) for name, content in files]
        started = api("POST", "/imports", files=uploads)
        self.until(
            "the import",
            lambda: api("GET", f"/imports/{started['id']}")["state"] in ("ready", "failed", "indexing"),
        )

    def fund(self, brands: dict[BrandId, PlannedBrand]) -> None:
        gateway = parts.gateway(self.settings)
        for brand, plan in brands.items():
            api = self.api(self.keys[brand])
            dearest = max(category.price_minor for category in plan.categories)
            needed = dearest * len(plan.tickets) * 2 + TOP_UP_SPARE_MINOR
            wallet = api("GET", "/wallet")
            if wallet["available_minor"] + wallet["reserved_minor"] >= needed // 2:
                continue
            asked = api("POST", "/top-ups", json={"amount_minor": needed, "currency": plan.currency})
            api("POST", f"/top-ups/{asked['id']}/checkout")
            top_up = TopUpId(UUID(asked["id"]))
            money = Money(amount_minor=needed, currency=plan.currency)
            retried(partial(demo_money.add_float, self.settings, money))
            retried(
                partial(
                    demo_money.finish_top_up,
                    self.settings,
                    self.database,
                    gateway,
                    brand=brand,
                    top_up=top_up,
                )
            )
            self.say(f"{plan.name} paid {_amount(money)} into its wallet.")

    def post_tickets(self, brands: dict[BrandId, PlannedBrand]) -> None:
        todo = [(brand, as_posted(line)) for brand, plan in brands.items() for line in plan.tickets]
        with self.progress("Posting tickets", len(todo)) as bar, ThreadPoolExecutor(POSTERS) as pool:
            for _ in pool.map(lambda one: self.api(self.keys[one[0]])("POST", "/tickets", json=one[1]), todo):
                bar(1)

    def answer(self, brands: dict[BrandId, PlannedBrand]) -> None:
        """Workers claim at once; customers confirm; the brand confirms what was escalated."""
        total = self.scalar(_TICKETS)
        with self.progress("Answering", total) as bar, ThreadPoolExecutor(len(self.people) + 1) as pool:
            working = [pool.submit(self.work, person) for person in self.people]
            settled = 0
            while True:
                settled_now = self.settle(brands)
                bar(settled_now - settled)
                settled = settled_now
                if settled >= total:
                    break
                for one in working:
                    if one.done():
                        one.result()
                time.sleep(LOOK_SECONDS)
            for one in working:
                one.result()

    def work(self, person: SignIn) -> None:
        """One worker: take the next ticket, read it, answer from the suggestion or escalate, again."""
        token = self.api(None)("POST", "/sessions", json={"email": person.email, "password": person.password})
        api = self.api(token["token"])
        while True:
            holds = api("GET", "/claims") or self.claim(api)
            for hold in holds:
                self.handle(api, hold)
            if not holds:
                if self.scalar(_UNSETTLED) == 0:
                    return
                time.sleep(LOOK_SECONDS)

    def claim(self, api: "Api") -> list[dict[str, Any]]:
        """Half the time race others for the first card, else take the next best."""
        if self.chance.random() < 0.5:
            cards = api("GET", "/pool")
            if cards:
                won = api("POST", f"/tickets/{cards[0]['id']}/claim", refusals=(404, 409))
                if won:
                    return [won]
        won = api("POST", "/claims", refusals=(404, 409))
        return [won] if won else []

    def handle(self, api: "Api", hold: dict[str, Any]) -> None:
        ticket, number = hold["ticket"], hold["claim_number"]
        desk = self.desk_with_suggestion(api, ticket)
        if desk is None:
            return
        told = {"claim_number": number, "category": desk["category"]}
        api("POST", f"/tickets/{ticket}/claim/category", json=told, refusals=(404, 409))
        suggestion = desk["suggestion"]
        if suggestion["state"] == "ready":
            body = {"claim_number": number, "text": suggestion["draft"][:5_000], "inserted": ["draft"]}
            api(
                "POST",
                f"/tickets/{ticket}/replies",
                json=body,
                key=f"{ticket}:{number}:{suggestion['id']}",
                refusals=(404, 409),
            )
        else:
            body = {"claim_number": number, "reason": "no_grounded_answer", "note": suggestion["next_step"]}
            api("POST", f"/tickets/{ticket}/escalation", json=body, refusals=(404, 409))

    def desk_with_suggestion(self, api: "Api", ticket: str) -> dict[str, Any] | None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            desk: dict[str, Any] | None = api("GET", f"/tickets/{ticket}/desk", refusals=(404, 409))
            if desk is None or (desk["suggestion"] and not desk["suggestion"]["stale"]):
                return desk
            time.sleep(LOOK_SECONDS)
        raise DemoFailed(f"No suggestion was prepared for ticket {ticket}.")

    def settle(self, brands: dict[BrandId, PlannedBrand]) -> int:
        """What customers and the brand do with what workers sent; how many tickets have ended."""
        for brand, plan in brands.items():
            api = self.api(self.keys[brand])
            follow_ups = {str(one["ticket"]): one for one in plan.follow_ups}
            for ticket, external_id, state in self.rows(_ACTIONABLE, brand=brand):
                if state == TicketState.ESCALATED:
                    api("POST", f"/tickets/{ticket}/escalation/confirmation", refusals=(409,))
                elif external_id in follow_ups and not self.rows(_SECOND_MESSAGE, brand=brand, ticket=ticket):
                    body = {"text": follow_ups[external_id]["text"], "external_id": "follow-up"}
                    api("POST", f"/tickets/{ticket}/messages", json=body)
                else:
                    api("POST", f"/tickets/{ticket}/confirmation", refusals=(409,))
        return self.scalar(_SETTLED)

    def pass_review(self, brands: dict[BrandId, PlannedBrand]) -> None:
        counted = self.scalar(_SETTLED)
        self.say(f"{counted} tickets have ended. Three days pass: the review windows close.")
        if self.scalar(_IN_WINDOW):
            retried(self.let_time_pass)
        self.until("the review windows", lambda: self.scalar(_IN_WINDOW) == 0)

    def let_time_pass(self) -> None:
        with self.database.transaction() as tx:
            shift_clock(tx, by=REVIEW_IS_OVER)

    def pay(self) -> None:
        """Workers set up their accounts; one finance person submits a batch, another approves and releases it."""
        gateway = parts.gateway(self.settings)
        workers = self.rows(
            "SELECT w.id, w.country, p.email FROM worker w JOIN person p ON p.id = w.person_id"
        )
        for worker, country, email in workers:
            retried(
                partial(
                    demo_money.onboard,
                    self.settings,
                    self.database,
                    gateway,
                    worker=worker,
                    country=country,
                    email=email,
                )
            )
        first, second = (Site(self.settings, person) for person in seeding.STAFF)
        for currency in sorted({plan.currency for plan in self.plans}):
            batch = self.open_batch() or first.post("/finance/batches", currency=currency)
            if batch is None:
                continue
            hash_ = first.content_hash(batch)
            first.post(f"{batch}/confirmation", content_hash=hash_)
            first.post(f"{batch}/submission", content_hash=hash_)
            second.post(f"{batch}/approval", content_hash=hash_)
            second.post(f"{batch}/release", content_hash=hash_)
        self.until("the transfers", lambda: self.scalar(_UNDER_WAY) == 0)
        self.say("Fay submitted the pay run, Finn approved and released it; Stripe sent the transfers.")

    def open_batch(self) -> str | None:
        """A batch that an earlier, interrupted run left unfinished."""
        left = self.rows(_OPEN_BATCH)
        return f"/finance/batches/{left[0][0]}" if left else None

    # What it came to

    def count(self, brands: dict[BrandId, PlannedBrand], *, seconds: float) -> Result:
        with self.database.transaction() as tx:
            ledger = proof(tx)
            earned = tx.execute(select(Earning).where(Earning.state != EarningState.REVERSED)).scalars().all()
            paid = tx.scalars(select(Payout).where(Payout.state == PayoutState.ACCEPTED)).all()
            workers = tx.scalars(select(Worker.id)).all()
            states = {state: count for state, count in tx.execute(text(_STATES))}
            reserved = total_of(tx, "brand_reserved")
            stated = 0
            for worker in workers:
                for month, currency in statements.statement_months(tx, worker=worker):
                    stated += statements.statement(
                        tx, worker=worker, month=month, currency=currency
                    ).paid.amount_minor
        transfers = self.transfers()
        currencies = sorted({one.currency for one in earned})
        result = Result(
            mode=self.mode,
            articles=self.scalar(_ARTICLES),
            passages=self.scalar(_PASSAGES),
            tickets_posted=self.scalar(_TICKETS),
            claimed=self.scalar(_CLAIMED),
            suggested=self.scalar(_SUGGESTED),
            abstained=self.scalar(_ABSTAINED),
            replied=self.scalar(_REPLIED),
            escalated=states.get(TicketState.ESCALATED.value, 0),
            resolved=states.get(TicketState.RESOLVED.value, 0),
            held_back=states.get(TicketState.HELD_BACK.value, 0),
            earnings={
                "count": len(earned),
                "amount_minor": sum(one.amount_minor for one in earned),
                "currency": currencies[0] if len(currencies) == 1 else ",".join(currencies),
            },
            payouts={"count": len(paid), "amount_minor": sum(one.amount_minor for one in paid)},
            stripe={
                "transfers": len(transfers),
                "amount_minor": sum(one["amount"] for one in transfers),
            },
            statements={"amount_minor": stated},
            ledger={"transactions": ledger.transactions, "imbalance_minor": ledger.imbalance_minor},
            reserved_left_minor=reserved,
            double_claims=self.scalar(_DOUBLE_CLAIMS),
            seconds=round(seconds, 1),
        )
        self.tell_end(result)
        return result

    def transfers(self) -> list[dict[str, Any]]:
        url = f"{parts.fake_stripe_url(self.settings)}/_fake/transfers"
        answer = httpx.get(url, timeout=REQUEST_SECONDS)
        answer.raise_for_status()
        listed: list[dict[str, Any]] = answer.json()
        return listed

    def tell_end(self, result: Result) -> None:
        currency = str(result.earnings["currency"]).split(",")[0] or "usd"

        def money(minor: int) -> str:
            return _amount(Money(amount_minor=minor, currency=currency))

        self.say(
            f"{result.tickets_posted} tickets: {result.resolved} resolved, {result.escalated} escalated, "
            f"{result.held_back} kept by their brand; "
            f"{result.claimed} claims, {result.double_claims} won twice."
        )
        self.say(
            f"Earned {money(result.earnings['amount_minor'])} in {result.earnings['count']} lines; "
            f"paid {money(result.payouts['amount_minor'])} in {result.payouts['count']} payouts; "
            f"Stripe sent {money(result.stripe['amount_minor'])}; "
            f"statements say {money(result.statements['amount_minor'])}."
        )
        self.say(
            f"Ledger: {result.ledger['transactions']} transactions, imbalance "
            f"{result.ledger['imbalance_minor']}; still reserved {money(result.reserved_left_minor)}; "
            f"{result.seconds} s."
        )

    # Helpers

    def say(self, sentence: str) -> None:
        self.console.print(f"• {sentence}", highlight=False)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda steps: bar.advance(task, steps)

    def api(self, token: str | None) -> "Api":
        return Api(f"{address(self.settings)}/api/v1", token)

    def until(self, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not retried(done):
            if time.monotonic() > deadline:
                raise DemoFailed(f"Waited {PATIENCE_SECONDS:.0f} s for {what} in vain.")
            time.sleep(LOOK_SECONDS)

    def scalar(self, statement: str) -> int:
        return int(self.rows(statement)[0][0])

    def rows(self, statement: str, **values: object) -> list[Any]:
        def read() -> list[Any]:
            with self.database.transaction(Scope()) as tx:
                return list(tx.execute(text(statement), values))

        return retried(read)


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="humancloud-demo-") as folder:
        yield Path(folder)


def _workers(count: int) -> list[SignIn]:
    return [
        SignIn(
            role=f"Worker {number}",
            email=f"worker-{number}@demo.example",
            password=seeding.PASSWORD,
            does="claims and answers tickets",
        )
        for number in range(1, count + 1)
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _amount(money: Money) -> str:
    digits = exponent(money.currency)
    return f"{money.amount_minor / 10**digits:,.{digits}f} {money.currency.upper()}"


_BEHIND = "SELECT count(*) FROM knowledge_version WHERE indexed < changed"
_ARTICLES = (
    "SELECT count(revision_id) FROM (SELECT DISTINCT ON (brand_id, article_id) revision_id FROM publication "
    "WHERE starts_at <= app_now() ORDER BY brand_id, article_id, starts_at DESC) AS held"
)
_PASSAGES = (
    "SELECT count(*) FROM passage JOIN (SELECT DISTINCT ON (brand_id, article_id) brand_id, revision_id "
    "FROM publication WHERE starts_at <= app_now() ORDER BY brand_id, article_id, starts_at DESC) AS held "
    "USING (brand_id, revision_id)"
)
_TICKETS = "SELECT count(*) FROM ticket"
_SETTLED = (
    "SELECT count(*) FROM ticket t WHERE t.state IN ('resolved', 'held_back') OR t.state = 'escalated' AND NOT EXISTS "
    "(SELECT FROM escalation e WHERE e.brand_id = t.brand_id AND e.ticket_id = t.id AND e.state = 'open')"
)
_UNSETTLED = "SELECT count(*) FROM ticket WHERE state NOT IN ('resolved', 'escalated', 'held_back')"
_ACTIONABLE = (
    "SELECT t.id, t.external_id, t.state FROM ticket t WHERE t.brand_id = :brand AND (t.state = 'answered' "
    "AND NOT EXISTS (SELECT FROM reply r WHERE r.brand_id = t.brand_id AND r.ticket_id = t.id "
    "AND r.state <> 'sent') OR t.state = 'escalated' AND EXISTS (SELECT FROM escalation e "
    "WHERE e.brand_id = t.brand_id AND e.ticket_id = t.id AND e.state = 'open')) LIMIT 200"
)
_SECOND_MESSAGE = (
    "SELECT id FROM message WHERE brand_id = :brand AND ticket_id = :ticket AND external_id = 'follow-up'"
)
_STATES = "SELECT state, count(*) FROM ticket GROUP BY state"
_IN_WINDOW = "SELECT count(*) FROM earning WHERE state = 'in_window'"
_UNDER_WAY = "SELECT count(*) FROM payout WHERE state IN ('sending', 'unknown')"
_OPEN_BATCH = "SELECT id FROM payout_batch WHERE state IN ('draft', 'submitted', 'approved') LIMIT 1"
_CLAIMED = "SELECT count(*) FROM claim"
_SUGGESTED = "SELECT count(DISTINCT ticket_id) FROM suggestion WHERE state = 'ready'"
_ABSTAINED = "SELECT count(DISTINCT ticket_id) FROM suggestion WHERE state = 'abstained'"
_REPLIED = "SELECT count(DISTINCT ticket_id) FROM reply WHERE state = 'sent'"
_DOUBLE_CLAIMS = (
    "SELECT count(*) FROM claim a JOIN claim b ON b.ticket_id = a.ticket_id AND b.number > a.number "
    "AND b.claimed_at < coalesce(a.ended_at, 'infinity')"
)
