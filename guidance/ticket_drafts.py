"""A draft article begun from a resolved ticket: its question and its worker's replies, without its customer.

It is a draft and nothing more: only the brand publishes it, so no worker's words enter knowledge by themselves. The
worker is credited; what that may be worth to him is not decided here, and nothing promises it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from guidance.anonymous import Customer, anonymous, numbers_of
from guidance.answer_memory import remember
from guidance.article_credits import article_of_ticket
from guidance.conversation import asked_in
from guidance.gap_models import ArticleCredit
from guidance.gap_names import name_of
from guidance.gaps import being_written
from guidance.models import VoiceVersion
from guidance.reply_bodies import body_of
from guidance.voice import Voice
from guidance.voices import PLAIN, voice_from
from knowledge_base.drafting import Put, draft_articles
from knowledge_base.index.embedder import Embedder
from knowledge_base.reading.documents import MAX_TITLE_CHARACTERS, Document, Section
from marketplace.kernel.db import Tx
from marketplace.kernel.errors import Conflict
from marketplace.kernel.ids import ArticleId, BrandId, GapId, PersonId, TicketId
from marketplace.tickets.models import Customer as CustomerRow
from marketplace.tickets.models import Message, Reply, ReplyState, Ticket, TicketState
from marketplace.tickets.posting import ticket_of

VOICES_TRIED = 5
REPLIES_READ = 20
MESSAGES_READ = 200


class NotResolved(Conflict):
    """An article begins from a ticket that is resolved and whose reply was sent. This one is not, or not yet."""


class NothingToKeep(Conflict):
    """This ticket's replies hold nothing besides their greeting and sign-off. Write the article yourself."""


def begin_article(
    tx: Tx,
    *,
    brand: BrandId,
    ticket: TicketId,
    author: PersonId | None,
    now: datetime,
    gap: GapId | None = None,
) -> ArticleId:
    """Draft an article from the ticket and credit its workers; begun once, the same article is the answer.

    With `gap`, that gap is being written from now on. Raises NotResolved, NothingToKeep.
    """
    row = ticket_of(tx, brand=brand, ticket=ticket)  # locked: two clicks begin one article
    article = article_of_ticket(tx, brand=brand, ticket=ticket)
    if article is None:
        article = _begin(tx, row, author, now)
    if gap is not None:
        being_written(tx, brand=brand, gap=gap, article=article)
    return article


def remember_ticket(tx: Tx, embedder: Embedder, *, brand: BrandId, ticket: TicketId, now: datetime) -> bool:
    """Remember what answered a resolved ticket, without its customer; False when there is nothing to reuse."""
    row = ticket_of(tx, brand=brand, ticket=ticket)
    if row.state is not TicketState.RESOLVED:
        return False
    customer, voices = _customer(tx, row), _voices(tx, brand)
    asked = asked_in(tx, brand=brand, ticket=ticket, message=None).last_turn
    return remember(
        tx,
        embedder,
        brand=brand,
        ticket=ticket,
        question=anonymous(asked, customer),
        answer_of=lambda reply: anonymous(body_of(reply.body, voices=voices, label=reply.label), customer),
        now=now,
    )


def _begin(tx: Tx, ticket: Ticket, author: PersonId | None, now: datetime) -> ArticleId:
    replies = _replies(tx, ticket)
    if ticket.state is not TicketState.RESOLVED or not replies:
        raise NotResolved
    document = _document(tx, ticket, replies)
    put = draft_articles(
        tx,
        brand=ticket.brand_id,
        documents=[document],
        author=author,
        now=now,
        note=f"Begun from ticket #{ticket.number}",
    )[0]
    _credit(tx, ticket, replies, put, document.title, now)
    return put.article_id


def _document(tx: Tx, ticket: Ticket, replies: Sequence[Reply]) -> Document:
    customer = _customer(tx, ticket)
    voices = _voices(tx, ticket.brand_id)
    bodies = [body_of(reply.body, voices=voices, label=reply.label) for reply in replies]
    kept = list(dict.fromkeys(anonymous(body, customer) for body in bodies if body))
    if not kept:
        raise NothingToKeep
    asked = asked_in(tx, brand=ticket.brand_id, ticket=ticket.id, message=None).last_turn
    title = anonymous(name_of(asked), customer)[:MAX_TITLE_CHARACTERS] or f"Ticket #{ticket.number}"
    return Document(
        key=f"from-ticket-{ticket.number}",
        title=title,
        sections=(Section(path=(), text="\n\n".join(kept)),),
    )


def _customer(tx: Tx, ticket: Ticket) -> Customer:
    """Everything that the ticket itself says of its customer."""
    row = tx.get(CustomerRow, (ticket.brand_id, ticket.customer_id))
    written = tx.scalars(
        select(Message.body)
        .where(Message.brand_id == ticket.brand_id, Message.ticket_id == ticket.id)
        .order_by(Message.id)
        .limit(MESSAGES_READ)
    ).all()
    numbers = numbers_of(ticket.external_id, ticket.subject, ticket.context, *written)
    return Customer(name=(row.name or "") if row else "", numbers=numbers)


def _replies(tx: Tx, ticket: Ticket) -> Sequence[Reply]:
    return tx.scalars(
        select(Reply)
        .where(
            Reply.brand_id == ticket.brand_id,
            Reply.ticket_id == ticket.id,
            Reply.state.in_([ReplyState.QUEUED, ReplyState.SENT]),
        )
        .order_by(Reply.id)
        .limit(REPLIES_READ)
    ).all()


def _voices(tx: Tx, brand: BrandId) -> list[Voice]:
    """The newest voices: a reply may have been written in one before the present one."""
    rows = tx.scalars(
        select(VoiceVersion.rules)
        .where(VoiceVersion.brand_id == brand)
        .order_by(VoiceVersion.version.desc())
        .limit(VOICES_TRIED)
    )
    return [*(voice_from(rules) for rules in rows), PLAIN]


def _credit(tx: Tx, ticket: Ticket, replies: Sequence[Reply], put: Put, title: str, now: datetime) -> None:
    tx.flush()
    for reply in replies:
        tx.add(
            ArticleCredit(
                brand_id=ticket.brand_id,
                revision_id=put.revision_id,
                reply_id=reply.id,
                article_id=put.article_id,
                ticket_id=ticket.id,
                worker_id=reply.worker_id,
                title=title,
                credited_at=now,
            )
        )
    tx.flush()
