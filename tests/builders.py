"""Valid, boring things: each builder's defaults can be used as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from billing.accounts import STRIPE_AVAILABLE, wallet
from billing.ledger import credit, debit, post
from billing.models import StripeAccount
from billing.top_ups import fix_currency
from marketplace.accounts.models import Brand, Member, MemberRole, Person, Worker
from marketplace.kernel.clock import app_now, shift_clock
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.ids import BrandId, PersonId, TicketId, WorkerId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import Channel, Reply, ResolvedBy
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.posting import NewTicket, admit, post_ticket
from marketplace.tickets.probation import set_probation
from marketplace.tickets.replies import send_reply
from marketplace.tickets.reply_models import AfterLimit
from marketplace.tickets.terms import CategoryPlan, add_category, set_price

USD = "usd"


def usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency=USD)


def a_person(tx: Tx, *, name: str = "Robin Reed") -> PersonId:
    person = PersonId(new_id())
    tx.add(
        Person(
            id=person,
            email=f"{person}@example.com",
            name=name,
            password_hash="not a hash: nobody signs in as this person",
            created_at=app_now(tx),
        )
    )
    tx.flush()
    return person


def a_worker(tx: Tx, *, name: str = "Robin Reed", email_cap: int = 3, payable: bool = False) -> WorkerId:
    worker = WorkerId(new_id())
    tx.add(
        Worker(
            id=worker,
            person_id=a_person(tx, name=name),
            country="US",
            languages=["en"],
            terms_accepted_at=app_now(tx),
            email_cap=email_cap,
            seen_at=app_now(tx),
        )
    )
    tx.flush()
    if payable:
        tx.add(StripeAccount(worker_id=worker, account=f"acct_{worker.hex[:16]}", transfers_active=True))
        tx.flush()
    return worker


def a_brand(
    tx: Tx, *, name: str = "Fern & Kettle", price: Money | None = None, funds: Money | None = None
) -> BrandId:
    """A brand with one category priced at 2.50 and 100.00 in its wallet, in the currency of its price."""
    brand, total = BrandId(new_id()), price or usd(250)
    tx.add(
        Brand(
            id=brand,
            slug=f"brand-{brand.hex[-10:]}",
            name=name,
            currency=None,
            dial_salt=uuid4().hex,
            created_at=app_now(tx),
        )
    )
    tx.flush()
    add_category(tx, brand=brand, plan=CategoryPlan(key="general", name="General", is_default=True))
    fix_currency(tx, brand=brand, currency=total.currency)
    set_price(tx, brand=brand, category="general", total=total, author=None, now=app_now(tx))
    give_funds(tx, brand, Money(amount_minor=10_000, currency=total.currency) if funds is None else funds)
    return brand


def give_funds(tx: Tx, brand: BrandId, funds: Money) -> None:
    post(
        tx,
        kind="top_up",
        key=f"topup:{new_id()}",
        currency=funds.currency,
        legs=[debit(STRIPE_AVAILABLE, funds.amount_minor), credit(wallet(brand), funds.amount_minor)],
        now=app_now(tx),
    ) if funds.amount_minor else None


def begin_probation(tx: Tx, brand: BrandId, *, replies: int = 1) -> None:
    """The brand looks at each worker's first `replies`; those that wait for an hour leave."""
    set_probation(
        tx,
        brand=brand,
        replies=replies,
        limit_minutes=60,
        after_limit=AfterLimit.SEND,
        accuracy_basis_points=0,
        by=a_member(tx, brand),
    )


def a_member(tx: Tx, brand: BrandId, *, role: MemberRole = MemberRole.MANAGER) -> PersonId:
    person = a_person(tx, name="Mo Manager")
    tx.add(Member(brand_id=brand, person_id=person, role=role, joined_at=app_now(tx)))
    tx.flush()
    return person


def a_new_ticket(**changes: object) -> NewTicket:
    values: dict[str, object] = {
        "external_id": f"x-{uuid4().hex[:12]}",
        "subject": "Where is my order?",
        "text": "I ordered a kettle last week and have heard nothing since. Where is it?",
        "channel": Channel.EMAIL,
        "customer_name": "Sam Doe",
        "customer_email": "sam@example.com",
    }
    return NewTicket(**(values | changes))  # type: ignore[arg-type]  # builders pass keywords through


def an_open_ticket(tx: Tx, brand: BrandId, **changes: object) -> TicketId:
    """Posted, screened, reserved and in the pool."""
    ticket, _ = post_ticket(tx, brand=brand, ticket=a_new_ticket(**changes), now=app_now(tx))
    admit(tx, brand=brand, ticket=ticket.id)
    tx.flush()
    return ticket.id


def answer(tx: Tx, ticket: TicketId, worker: WorkerId, *, body: str = "It left today.") -> Reply:
    """Claimed and answered by `worker`."""
    number = claim_ticket(tx, ticket=ticket, worker=worker).number
    return send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx))


def settle(tx: Tx, brand: BrandId, ticket: TicketId, worker: WorkerId) -> None:
    """Answered by `worker`, and the customer said that it is well."""
    answer(tx, ticket, worker)
    resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    tx.flush()


def an_answered_ticket(tx: Tx, brand: BrandId, worker: WorkerId, **changes: object) -> TicketId:
    """Of a customer of its own, unless one is named."""
    ticket = _an_open_ticket_of_a_stranger(tx, brand, changes)
    answer(tx, ticket, worker)
    return ticket


def a_resolved_ticket(tx: Tx, brand: BrandId, worker: WorkerId, **changes: object) -> TicketId:
    """Of a customer of its own, unless one is named."""
    ticket = _an_open_ticket_of_a_stranger(tx, brand, changes)
    settle(tx, brand, ticket, worker)
    return ticket


def _an_open_ticket_of_a_stranger(tx: Tx, brand: BrandId, changes: Mapping[str, object]) -> TicketId:
    return an_open_ticket(tx, brand, **{"customer_email": f"{uuid4().hex[:12]}@example.com", **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Moves a test database's time."""

    database: Database

    def forward(self, by: timedelta) -> None:
        with self.database.transaction() as tx:
            shift_clock(tx, by=by)


def as_brand(brand: BrandId) -> Scope:
    return Scope(brand=brand)


def as_worker(worker: WorkerId) -> Scope:
    return Scope(worker=worker)
