"""A draft article from a resolved ticket: the worker's words and credit, nothing of the customer, not published."""

import pytest

from guidance.article_credits import article_of_ticket, credits_of_article, credits_of_worker, note_published
from guidance.gap_queries import gaps
from guidance.reply_bodies import body_of
from guidance.ticket_drafts import NothingToKeep, NotResolved, begin_article
from guidance.voice import Voice
from guidance.voices import PLAIN, set_voice
from knowledge_base import queries
from knowledge_base.models import ArticleState, Revision
from knowledge_base.publishing import publish_revisions
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import PLATFORM, Database, Tx
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import ArticleId, BrandId, TicketId, WorkerId
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from tests.builders import a_brand, a_worker, an_open_ticket, answer, as_brand, as_worker

VOICE = Voice(greeting="Hey there {customer_name}!", sign_off="Warmly,\nThe Fern team")
QUESTION = (
    "Hi, I am Sam Doe. Can the engraving on my lamp be changed after ordering? My order is FK-10293, paid with "
    "4111 1111 1111 1111. Reach me at sam.doe@example.com or +1 415 555 2671."
)
REPLY = (
    "Hey there Sam!\n\nYes: an engraving can be changed until the lamp is packed, within 24 hours of ordering. I have "
    "changed it for order FK-10293 (fk10293) and will write to sam.doe@example.com or ring +1 415 555 2671. Your card "
    "4111 1111 1111 1111 is not charged again, Sam.\n\nWarmly,\nThe Fern team"
)
SECRETS = ("Sam", "Doe", "10293", "sam.doe", "example.com", "2671", "4111", "x-77001")


def a_resolved_ticket(tx: Tx, brand: BrandId, worker: WorkerId, *, reply: str = REPLY) -> TicketId:
    ticket = an_open_ticket(
        tx, brand, external_id="x-77001", subject="Engraving", text=QUESTION, customer_name="Sam Doe"
    )
    answer(tx, ticket, worker, body=reply)
    resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    return ticket


def test_the_draft_has_the_question_for_a_title_and_the_reply_without_voice_and_customer(
    db: Database,
) -> None:
    brand, article = _begun(db)

    with db.transaction(as_brand(brand)) as tx:
        (revision,) = tx.query(Revision).filter_by(brand_id=brand, article_id=article).all()
    said = str(revision.sections[0]["text"])
    assert revision.title == "Can the engraving on my lamp be changed after ordering?"
    assert said.startswith("Yes: an engraving can be changed until the lamp is packed, within 24 hours")
    assert said.endswith("is not charged again, {customer_name}.")
    assert "{order_number} ({order_number})" in said
    assert "{email} or ring {phone}. Your card {card}" in said
    assert not [secret for secret in SECRETS if secret in revision.title + said + revision.note]


def test_a_draft_is_in_no_search_and_its_worker_is_credited_once(background: Database, db: Database) -> None:
    brand, article = _begun(db)

    with db.transaction(as_brand(brand)) as tx:
        assert queries.article(tx, brand=brand, article_id=article).line.state is ArticleState.DRAFT
        assert queries.holdings(tx, brand=brand).passages == 0
        (credit,) = credits_of_article(tx, brand=brand, article=article)
        again = begin_article(tx, brand=brand, ticket=credit.ticket_id, author=None, now=app_now(tx))
        assert again == article
        assert len(credits_of_article(tx, brand=brand, article=article)) == 1
    with db.transaction(as_worker(credit.worker_id)) as tx:
        (mine,) = credits_of_worker(tx, worker=credit.worker_id)
    assert (mine.title, mine.brand, mine.published_at) == (
        "Can the engraving on my lamp be changed after ordering?",
        "Fern & Kettle",
        None,
    )

    with background.transaction() as tx:
        publish_revisions(tx, brand=brand, revisions=[credit.revision_id], author=None, now=app_now(tx))
        note_published(tx, brand=brand, now=app_now(tx))
    with db.transaction(as_worker(credit.worker_id)) as tx:
        assert credits_of_worker(tx, worker=credit.worker_id)[0].published_at is not None


def test_another_worker_and_another_brand_see_no_credit(db: Database) -> None:
    brand, article = _begun(db)
    with db.transaction(PLATFORM) as tx:
        other, stranger = a_worker(tx), a_brand(tx)
    with db.transaction(as_brand(brand)) as tx:
        (credit,) = credits_of_article(tx, brand=brand, article=article)

    with db.transaction(as_worker(other)) as tx:
        assert credits_of_worker(tx, worker=credit.worker_id) == []
    with db.transaction(as_brand(stranger)) as tx:
        assert credits_of_article(tx, brand=brand, article=article) == []
        assert article_of_ticket(tx, brand=brand, ticket=credit.ticket_id) is None
        with pytest.raises(NotFound):
            begin_article(tx, brand=stranger, ticket=credit.ticket_id, author=None, now=app_now(tx))


def test_only_a_resolved_ticket_begins_an_article(background: Database) -> None:
    with background.transaction() as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        ticket = an_open_ticket(tx, brand)
    for act in (lambda tx: None, lambda tx: answer(tx, ticket, worker)):
        with background.transaction() as tx:
            act(tx)
            with pytest.raises(NotResolved):
                begin_article(tx, brand=brand, ticket=ticket, author=None, now=app_now(tx))


def test_a_reply_of_courtesies_alone_begins_nothing(background: Database) -> None:
    with background.transaction() as tx:
        brand = a_brand(tx)
        ticket = a_resolved_ticket(tx, brand, a_worker(tx), reply="Hello Sam,\n\nKind regards\nRobin")
        with pytest.raises(NothingToKeep):
            begin_article(tx, brand=brand, ticket=ticket, author=None, now=app_now(tx))
        assert gaps(tx, brand=brand, now=app_now(tx)).lines == ()


@pytest.mark.parametrize(
    ("reply", "body"),
    [
        ("Hey there Sam!\n\nIt is blue.\n\nWarmly,\nThe Fern team", "It is blue."),
        ("Hey there!\nIt is blue.\n\nWarmly,\n\n  The Fern team  ", "It is blue."),
        ("Hello Sam,\n\nIt is blue.\n\nKind regards", "It is blue."),
        ("Dear Ms Doe, it is blue.\nIt is also round.", "it is blue.\nIt is also round."),
        ("Good morning\n\nIt is blue.\n\nBest wishes,\nRobin Reed", "It is blue."),
        ("It is blue.", "It is blue."),
        ("Hi is what the lamp says when it is lit.", "Hi is what the lamp says when it is lit."),
        (
            "It is blue.\n\nBest before 2027 is printed below.",
            "It is blue.\n\nBest before 2027 is printed below.",
        ),
        ("Hello Sam,\n\nKind regards\nRobin", ""),
        ("It is blue.\n\nAnswered by nobody.", "It is blue."),
    ],
    ids=range(10),
)
def test_a_body_is_what_stands_between_greeting_and_sign_off(reply: str, body: str) -> None:
    assert body_of(reply, voices=[VOICE, PLAIN], label="Answered by nobody.") == body


def _begun(db: Database) -> tuple[BrandId, ArticleId]:
    with db.transaction(PLATFORM) as tx:
        brand, worker = a_brand(tx), a_worker(tx)
        set_voice(tx, brand=brand, voice=VOICE, author=None, now=app_now(tx))
        ticket = a_resolved_ticket(tx, brand, worker)
    with db.transaction(as_brand(brand)) as tx:
        return brand, begin_article(tx, brand=brand, ticket=ticket, author=None, now=app_now(tx))
