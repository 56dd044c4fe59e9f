"""People and brands for a demo, made by the same commands that real ones are made by. Safe to run again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from billing.top_ups import fix_currency
from guidance.flows import publish_flow
from guidance.voices import set_voice
from knowledge_base.import_files import start_import
from marketplace.accounts.commands import (
    accept_invite,
    add_staff,
    create_brand,
    invite_member,
    sign_up_worker,
)
from marketplace.accounts.models import MemberRole, StaffRole
from marketplace.accounts.queries import brand_by_slug, find_person_by_email, members
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.ids import BrandId
from marketplace.kernel.money import Money
from marketplace.kernel.settings import Settings
from marketplace.tickets.models import Channel
from marketplace.tickets.posting import NewTicket, post_ticket
from marketplace.tickets.price_queries import own_terms
from marketplace.tickets.terms import CategoryPlan, add_category, set_price
from workers_ui.content import PlannedBrand, as_posted

PASSWORD = "plain-demo-words"  # noqa: S105 - a demo's, printed on its start page
SIGN_INS_FILE = "demo.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A demo person, as the start page and the terminal show them."""

    role: str
    email: str
    password: str
    does: str


STAFF = (
    SignIn(role="Finance 1", email="fay@demo.example", password=PASSWORD, does="drafts and submits pay runs"),
    SignIn(
        role="Finance 2", email="finn@demo.example", password=PASSWORD, does="approves what Fay submitted"
    ),
)
OPERATORS = (
    SignIn(
        role="Operator",
        email="olga@demo.example",
        password=PASSWORD,
        does="keeps the platform healthy and fair",
    ),
)
WORKERS = (
    SignIn(role="Worker 1", email="ana@demo.example", password=PASSWORD, does="claims and answers tickets"),
    SignIn(role="Worker 2", email="ben@demo.example", password=PASSWORD, does="claims and answers tickets"),
)
NAMES = {
    "fay": "Fay Fields",
    "finn": "Finn Ferris",
    "ana": "Ana Alder",
    "ben": "Ben Birch",
    "mia": "Mia Marsh",
    "olga": "Olga Oakes",
}


def seed_demo(database: Database, settings: Settings, brands: Sequence[PlannedBrand]) -> list[SignIn]:
    """Everybody and everything of the demo; returns who may sign in."""
    manager = SignIn(
        role="Brand manager", email="mia@demo.example", password=PASSWORD, does=f"runs {brands[0].name}"
    )
    people = [*WORKERS, manager, *STAFF, *OPERATORS]
    for brand in brands:
        seed_brand(database, settings, brand, manager=manager)
        seed_tickets(database, brand)
    seed_staff(database, STAFF, StaffRole.FINANCE)
    seed_staff(database, OPERATORS, StaffRole.OPERATOR)
    seed_workers(database, WORKERS)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    told = {"sign_ins": [asdict(one) for one in people]}
    (settings.data_dir / SIGN_INS_FILE).write_text(json.dumps(told), encoding="utf-8")
    return people


def demo_sign_ins(settings: Settings) -> list[dict[str, str]]:
    """The demo people of this installation; none where it is no demo."""
    try:
        told = json.loads((settings.data_dir / SIGN_INS_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    sign_ins: list[dict[str, str]] = told["sign_ins"]
    return sign_ins


def seed_brand(
    database: Database, settings: Settings, plan: PlannedBrand, *, manager: SignIn, knowledge: bool = True
) -> BrandId:
    """`plan`'s brand with its manager, voice, prices and knowledge."""
    with database.transaction() as tx:
        known = brand_by_slug(tx, plan.slug)
        now = app_now(tx)
        brand = (
            known.id
            if known
            else create_brand(
                tx, slug=plan.slug, name=plan.name, time_zone=plan.time_zone, language="en", now=now
            )
        )
        fix_currency(tx, brand=brand, currency=plan.currency)
        _add_manager(tx, settings, brand, manager)
    with database.transaction(Scope(brand=brand)) as tx:
        set_voice(tx, brand=brand, voice=plan.voice, author=None, now=app_now(tx))
        for source in plan.flows:
            publish_flow(tx, brand=brand, source=source, author=None, now=app_now(tx))
        _set_prices(tx, brand, plan)
        if knowledge and not known:
            start_import(tx, brand=brand, files=plan.files, author=None, now=app_now(tx))
    return brand


def seed_tickets(database: Database, plan: PlannedBrand) -> None:
    """Post the plan's tickets; those already there stay."""
    with database.transaction() as tx:
        card = brand_by_slug(tx, plan.slug)
    if card is None:
        raise RuntimeError(f"brand {plan.slug} is not seeded")
    for line in plan.tickets:
        posted = as_posted(line)
        with database.transaction(Scope(brand=card.id)) as tx:
            post_ticket(tx, brand=card.id, ticket=_new_ticket(posted), now=app_now(tx))


def seed_staff(database: Database, people: Iterable[SignIn], role: StaffRole) -> None:
    for one in people:
        with database.transaction() as tx:
            if find_person_by_email(tx, one.email) is None:
                add_staff(
                    tx,
                    email=one.email,
                    name=_name(one),
                    password=one.password,
                    role=role,
                    now=app_now(tx),
                )


def seed_workers(database: Database, people: Iterable[SignIn]) -> None:
    for one in people:
        with database.transaction() as tx:
            if find_person_by_email(tx, one.email) is None:
                sign_up_worker(
                    tx,
                    name=_name(one),
                    email=one.email,
                    password=one.password,
                    country="US",
                    languages=["en"],
                    accepts_terms=True,
                    now=app_now(tx),
                )


def _add_manager(tx: Tx, settings: Settings, brand: BrandId, manager: SignIn) -> None:
    person = find_person_by_email(tx, manager.email)
    if person is not None and any(one.person == person.id for one in members(tx, brand)):
        return
    token = invite_member(
        tx,
        brand=brand,
        email=manager.email,
        role=MemberRole.OWNER,
        invited_by=None,
        base_url=settings.base_url,
        now=app_now(tx),
        invite_hours=settings.invite_hours,
    )
    accept_invite(tx, token=token, name=_name(manager), password=manager.password, now=app_now(tx))


def _set_prices(tx: Tx, brand: BrandId, plan: PlannedBrand) -> None:
    for category in plan.categories:
        add_category(
            tx,
            brand=brand,
            plan=CategoryPlan(key=category.key, name=category.name, is_default=category.is_default),
        )
    own = own_terms(tx, brand=brand)
    for category in plan.categories:
        if category.key not in own:
            total = Money(amount_minor=category.price_minor, currency=plan.currency)
            set_price(tx, brand=brand, category=category.key, total=total, author=None, now=app_now(tx))


def _new_ticket(posted: dict[str, object]) -> NewTicket:
    customer = posted["customer"]
    assert isinstance(customer, dict)
    values = {key: value for key, value in posted.items() if key not in ("customer", "channel")}
    return NewTicket(
        **values,  # type: ignore[arg-type]  # the keys are as_posted's own
        channel=Channel(str(posted["channel"])),
        customer_name=customer.get("name"),
        customer_email=customer.get("email"),
    )


def _name(one: SignIn) -> str:
    alias = one.email.partition("@")[0]
    return NAMES.get(alias, alias.replace("-", " ").title())
