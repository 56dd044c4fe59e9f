"""A brand with its people at a site, and what a browser does there."""

from collections.abc import Mapping
from dataclasses import dataclass

from httpx2 import Response
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode

from guidance.commands import write_receipt
from guidance.models import Suggestion, SuggestionPassage, SuggestionState
from knowledge_base.models import Passage, Revision
from knowledge_base.publishing import put_article
from marketplace.accounts.models import Brand, MemberRole
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, SuggestionId, TicketId, WorkerId, new_id
from marketplace.kernel.money import Money
from marketplace.tickets.models import Message, Reply
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import ApiFeed, deliver_queued, send_reply
from tests.builders import a_brand, a_member, a_worker, an_open_ticket, as_worker
from tests.knowledge_base.conftest import document
from tests.workers_ui.conftest import Site, Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One brand at a site."""

    site: Site
    brand: BrandId
    slug: str

    def path(self, rest: str = "") -> str:
        return f"/b/{self.slug}{rest}"

    def member(self, role: MemberRole = MemberRole.OWNER) -> "Browser":
        with self.site.background.transaction() as tx:
            person = a_member(tx, self.brand, role=role)
        return Browser(visitor=self.site.signed_in(person), house=self)

    def ticket(self, **changes: object) -> TicketId:
        with self.site.background.transaction() as tx:
            return an_open_ticket(tx, self.brand, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Somebody at the brand's pages; forms carry their token."""

    visitor: Visitor
    house: House

    def get(self, rest: str) -> Response:
        return self.visitor.client.get(self.house.path(rest))

    def post(self, rest: str, data: Mapping[str, object] | None = None, *, files: object = None) -> Response:
        form = {"csrf": self.visitor.csrf, **(data or {})}
        return self.visitor.client.post(self.house.path(rest), data=form, files=files)  # type: ignore[arg-type]

    def post_without_token(self, rest: str, data: Mapping[str, object] | None = None) -> Response:
        return self.visitor.client.post(self.house.path(rest), data=data)


def a_house(site: Site, *, funds: Money | None = None, name: str = "Fern & Kettle") -> House:
    with site.background.transaction() as tx:
        brand = a_brand(tx, funds=funds, name=name)
        return House(site=site, brand=brand, slug=tx.get_one(Brand, brand).slug)


def a_new_house(site: Site) -> House:
    """A brand on its first day: no currency, no category, no money."""
    with site.background.transaction() as tx:
        brand = BrandId(new_id())
        slug = f"new-{brand.hex[-10:]}"
        tx.add(Brand(id=brand, slug=slug, name="New Leaf", dial_salt="x", created_at=app_now(tx)))
    return House(site=site, brand=brand, slug=slug)


def a_claim(site: Site, ticket: TicketId) -> tuple[WorkerId, int]:
    with site.background.transaction() as tx:
        worker = a_worker(tx, name="Ana Lucia Reyes")
    with site.background.transaction() as tx:
        return worker, claim_ticket(tx, ticket=ticket, worker=worker).number


def an_answer(
    db: Database, site: Site, ticket: TicketId, *, body: str, inserted: tuple[str, ...] = ()
) -> None:
    """Claimed, answered, delivered, with its receipt."""
    worker, number = a_claim(site, ticket)
    with db.transaction(as_worker(worker)) as tx:
        reply = send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx))
    with site.background.transaction() as tx:
        write_receipt(
            tx, reply=tx.get_one(Reply, (reply.brand_id, reply.id)), inserted=inserted, now=app_now(tx)
        )
        deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))


def an_article(
    tx: Tx,
    brand: BrandId,
    *,
    key: str = "returns.md",
    text: str,
    title: str = "Returns",
    page: int | None = None,
) -> Passage:
    """An article of one passage; `page` is where a paged file has it."""
    written = document(key=key, text=text, title=title, page=page)
    put = put_article(tx, brand=brand, document=written, author=None, now=app_now(tx))
    revision = tx.query(Revision).filter_by(brand_id=brand, article_id=put.article_id).one()
    return tx.query(Passage).filter_by(brand_id=brand, revision_id=revision.id).one()


def a_suggestion(tx: Tx, brand: BrandId, ticket: TicketId, passage: Passage, *, draft: str) -> SuggestionId:
    """Guidance as the background prepares it: one passage and a draft of it; silent without a draft."""
    message = (
        tx.query(Message).filter_by(brand_id=brand, ticket_id=ticket).order_by(Message.id.desc()).first()
    )
    assert message is not None
    suggestion = Suggestion(
        brand_id=brand,
        id=SuggestionId(new_id()),
        ticket_id=ticket,
        message_id=message.id,
        state=SuggestionState.READY if draft else SuggestionState.ABSTAINED,
        confidence=0.83,
        reason="grounded" if draft else "weak",
        next_step="Check it, then send.",
        draft=draft,
        sentences=[],
        voice_version=0,
        prepared_at=app_now(tx),
    )
    tx.add(suggestion)
    tx.flush()
    tx.add(
        SuggestionPassage(
            brand_id=brand,
            suggestion_id=suggestion.id,
            rank=1,
            passage_id=passage.id,
            article_id=passage.article_id,
            revision_id=passage.revision_id,
            revision_number=1,
            title="Returns",
            section_path=["Damaged on arrival"],
            page=passage.page,
            quoted=passage.text,
            score=0.9,
            verified_at=app_now(tx),
        )
    )
    tx.flush()
    return suggestion.id


def tree(response: Response) -> HTMLParser:
    return HTMLParser(response.text)


def words(response: Response, selector: str = "main") -> str:
    """What stands on the page, with single spaces."""
    found = tree(response).css(selector)
    assert found, f"{selector} is not on the page: {response.status_code}"
    return " ".join(text_of(node) for node in found)


def text_of(node: LexborNode) -> str:
    return " ".join(node.text(separator=" ").split())


def value_of(response: Response, name: str) -> str:
    """What a form field holds."""
    field = tree(response).css_first(f"main [name='{name}']")
    assert field is not None, name
    if field.tag == "textarea":
        return field.text().removeprefix("\n")
    if field.tag == "select":
        chosen = field.css_first("option[selected]")
        return (chosen.attributes.get("value") or "") if chosen else ""
    return field.attributes.get("value") or ""
