"""Two workers with browsers before one brand's pool, and how tests read what they are shown."""

from dataclasses import dataclass
from datetime import timedelta

from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node
from sqlalchemy import select, update

from marketplace.accounts.models import SignedIn, Worker
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, PersonId, TicketId, WorkerId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from marketplace.tickets.pool import expire_leases
from marketplace.tickets.replies import customer_writes
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, usd
from tests.workers_ui.conftest import Site, Visitor, sentence

ANSWER = "Thank you for waiting. The kettle travels by post and arrives soon."


Form = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """A worker with a browser."""

    id: WorkerId
    person: PersonId
    browser: Visitor

    def get(self, path: str) -> Response:
        return self.browser.client.get(path)

    def post(
        self,
        path: str,
        *,
        accept: str = "*/*",
        script: bool = False,
        fields: Form | None = None,
        **more: object,
    ) -> Response:
        form = {"csrf": self.browser.csrf} | {
            name: value if isinstance(value, list) else str(value)
            for name, value in ((fields or {}) | more).items()
        }
        headers = {"accept": accept} | ({"hx-request": "true"} if script else {})
        return self.browser.client.post(path, data=form, headers=headers)

    def claim(self, ticket: TicketId) -> int:
        """Claim over the page; the claim's number."""
        answer = self.post(f"/worker/pool/{ticket}/claim")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/worker/t/{ticket}")
        return int(value_of(self.get(f"/worker/t/{ticket}"), "claim_number"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Two workers, one brand, one ticket in the pool."""

    site: Site
    clock: Clock
    brand: BrandId
    ticket: TicketId
    ann: Hands
    bob: Hands

    def more_tickets(self, count: int, **changes: object) -> list[TicketId]:
        with self.site.background.transaction() as tx:
            return [an_open_ticket(tx, self.brand, **changes) for _ in range(count)]

    def resolve(self, ticket: TicketId) -> None:
        with self.site.background.transaction() as tx:
            resolve_ticket(tx, brand=self.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))

    def customer_says(self, text: str) -> None:
        with self.site.background.transaction() as tx:
            customer_writes(
                tx, brand=self.brand, ticket=self.ticket, text=text, external_id=None, now=app_now(tx)
            )

    def later(self, by: timedelta) -> None:
        """Time passes, and everybody is still signed in."""
        self.clock.forward(by)
        with self.site.background.transaction() as tx:
            tx.execute(update(SignedIn).values(expires_at=SignedIn.expires_at + by))

    def lease_runs_out(self) -> None:
        self.later(timedelta(minutes=6))
        with self.site.background.transaction() as tx:
            expire_leases(tx, now=app_now(tx))


def a_floor(site: Site) -> Floor:
    with site.background.transaction() as tx:
        brand = a_brand(tx, price=usd(2_000), funds=usd(200_000))
        ticket = an_open_ticket(tx, brand, subject="Where is my kettle? Write to sam@example.com")
        ann, bob = a_worker(tx, name="Ann Able"), a_worker(tx, name="Bob Busy")
    return Floor(
        site=site,
        clock=Clock(database=site.background),
        brand=brand,
        ticket=ticket,
        ann=hands(site, ann),
        bob=hands(site, bob),
    )


def hands(site: Site, worker: WorkerId) -> Hands:
    with site.background.transaction() as tx:
        person = tx.scalars(select(Worker.person_id).where(Worker.id == worker)).one()
    return Hands(id=worker, person=person, browser=site.signed_in(person))


def page(answer: Response, status: int = 200) -> HTMLParser:
    assert answer.status_code == status, answer.text[:2_000]
    tree = HTMLParser(answer.text)
    assert len(tree.css("h1")) == 1
    return tree


def one(tree: HTMLParser | Node, selector: str) -> Node:
    """The first element at `selector`, which must be there."""
    found = tree.css_first(selector)
    assert found is not None, selector
    return found


def attribute(node: Node, name: str) -> str:
    return node.attributes.get(name) or ""


def words(answer: Response, status: int = 200) -> str:
    body = page(answer, status).css_first("body")
    assert body is not None
    return " ".join(body.text().split())


def value_of(answer: Response, field: str) -> str:
    found = page(answer, answer.status_code).css_first(
        f"#composer [name={field}], [form=composer][name={field}]"
    )
    assert found is not None, answer.text[:2_000]
    return found.attributes.get("value") or ""


def typed_in(answer: Response, selector: str = "#reply-text") -> str:
    found = HTMLParser(answer.text).css_first(selector)
    assert found is not None, answer.text[:2_000]
    return found.text().strip()


def said(answer: Response) -> str:
    assert answer.status_code == 303, answer.text[:2_000]
    return sentence(answer)
