"""What a waiting reply rests on may end: it is told plainly, and the reply leaves only when somebody has read it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import select, text

from guidance.commands import write_receipt
from guidance.reply_grounds import Ending, ReceiptGrounds, changes_of, ended_passages
from knowledge_base.models import Passage
from knowledge_base.publishing import delete_article, put_article
from knowledge_base.report_models import ReportReason
from knowledge_base.reports import report_passage, set_report_policy
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, ReplyId, ReviewId, TicketId, WorkerId
from marketplace.tickets.models import Reply, ReplyState
from marketplace.tickets.probation import set_probation
from marketplace.tickets.reply_models import AfterLimit, ReplyReview, ReviewState
from marketplace.tickets.reviews import GroundsChanged, approve_reply, decide_overdue_reviews
from tests.builders import Clock, a_brand, a_member, a_worker, an_open_ticket, answer, as_brand
from tests.knowledge_base.conftest import document
from tests.workers_ui.brand_site import a_suggestion, an_article

SAID = "Returns are accepted within 14 days."
NEW = "Returns are accepted within 30 days."
BLOCKED_SECONDS = 0.3
DONE_SECONDS = 20


@pytest.fixture
def brand(background: Database) -> BrandId:
    with background.transaction() as tx:
        made = a_brand(tx)
        set_probation(
            tx,
            brand=made,
            replies=5,
            limit_minutes=60,
            after_limit=AfterLimit.SEND,
            accuracy_basis_points=0,
            by=a_member(tx, made),
        )
        an_article(tx, made, key="noise.md", title="Noise", text="Boats float.")
        return made


@pytest.fixture
def passage(background: Database, brand: BrandId) -> Passage:
    with background.transaction() as tx:
        return an_article(tx, brand, text=SAID)


@pytest.fixture
def waiting(background: Database, brand: BrandId, passage: Passage) -> tuple[ReplyId, ReviewId]:
    return a_waiting_reply(background, brand, passage)


def a_waiting_reply(
    background: Database, brand: BrandId, passage: Passage, body: str = SAID
) -> tuple[ReplyId, ReviewId]:
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), a_worker(tx)
        a_suggestion(tx, brand, ticket, passage, draft=SAID)
        reply = answer(tx, ticket, worker, body=body)
        write_receipt(tx, reply=reply, inserted=["draft"], now=app_now(tx))
        return reply.id, tx.scalars(select(ReplyReview.id).where(ReplyReview.reply_id == reply.id)).one()


def put(tx: Tx, brand: BrandId, words: str) -> None:
    wanted = document(key="returns.md", title="Returns", text=words)
    put_article(tx, brand=brand, document=wanted, author=None, now=app_now(tx))


def retire(tx: Tx, brand: BrandId, _passage: Passage) -> None:
    delete_article(tx, brand=brand, key="returns.md")


def edit(tx: Tx, brand: BrandId, _passage: Passage) -> None:
    put(tx, brand, NEW)


def quarantine(tx: Tx, brand: BrandId, passage: Passage) -> None:
    set_report_policy(tx, brand=brand, reports=1)
    report_passage(
        tx,
        brand=brand,
        passage=passage.id,
        ticket=an_open_ticket(tx, brand),
        worker=a_worker(tx),
        reason=ReportReason.OUT_OF_DATE,
        note="",
        now=app_now(tx),
    )


ENDINGS = [(edit, Ending.EDITED, NEW), (retire, Ending.RETIRED, ""), (quarantine, Ending.QUARANTINED, "")]


def approve(db: Database, brand: BrandId, review: ReviewId, read: str = "") -> ReplyReview:
    with db.transaction(as_brand(brand)) as tx:
        return approve_reply(
            tx, brand=brand, review=review, by="Mo", now=app_now(tx), grounds=ReceiptGrounds(), read=read
        )


def state_of(background: Database, reply: ReplyId) -> ReplyState:
    with background.transaction() as tx:
        return tx.scalars(select(Reply.state).where(Reply.id == reply)).one()


@pytest.mark.parametrize(("end", "ending", "says_now"), ENDINGS)
def test_what_ended_is_told_and_the_reply_leaves_only_when_it_was_read(
    db: Database,
    background: Database,
    brand: BrandId,
    passage: Passage,
    waiting: tuple[ReplyId, ReviewId],
    end: Callable[[Tx, BrandId, Passage], None],
    ending: Ending,
    says_now: str,
) -> None:
    reply, review = waiting
    with db.transaction(as_brand(brand)) as tx:
        assert ended_passages(tx, brand=brand, replies=[reply]) == {}
    with background.transaction() as tx:
        end(tx, brand, passage)
    with db.transaction(as_brand(brand)) as tx:
        (one,) = ended_passages(tx, brand=brand, replies=[reply])[reply]
        mark = changes_of([one]).mark
    assert (one.ending, one.said, one.says_now) == (ending, SAID, says_now)
    with pytest.raises(GroundsChanged):
        approve(db, brand, review)
    assert state_of(background, reply) is ReplyState.AWAITING_APPROVAL
    approve(db, brand, review, read=mark)
    assert state_of(background, reply) is ReplyState.QUEUED


def test_whoever_read_one_change_has_not_read_the_next(
    db: Database, background: Database, brand: BrandId, waiting: tuple[ReplyId, ReviewId]
) -> None:
    reply, review = waiting
    with background.transaction() as tx:
        put(tx, brand, NEW)
    with db.transaction(as_brand(brand)) as tx:
        mark = changes_of(ended_passages(tx, brand=brand, replies=[reply])[reply]).mark
    with background.transaction() as tx:
        put(tx, brand, "Returns are not accepted.")
    with pytest.raises(GroundsChanged):
        approve(db, brand, review, read=mark)


def test_an_edit_that_leaves_the_words_and_what_was_only_shown_hold_nothing_up(
    db: Database, background: Database, brand: BrandId, passage: Passage, waiting: tuple[ReplyId, ReviewId]
) -> None:
    _, review = waiting
    other, other_review = a_waiting_reply(
        background, brand, passage, "Please tell me what you ordered, and when."
    )
    with background.transaction() as tx:
        put_article(
            tx,
            brand=brand,
            document=document(key="returns.md", title="Returns and more", text=SAID),
            author=None,
            now=app_now(tx),
        )
    approve(db, brand, review)
    with background.transaction() as tx:
        put(tx, brand, NEW)
    with db.transaction(as_brand(brand)) as tx:
        assert ended_passages(tx, brand=brand, replies=[other]) == {}
    approve(db, brand, other_review)


def test_another_brands_reply_is_nobodys(
    db: Database, background: Database, brand: BrandId, waiting: tuple[ReplyId, ReviewId]
) -> None:
    with background.transaction() as tx:
        put(tx, brand, NEW)
        stranger = a_brand(tx, name="Stranger")
    with db.transaction(as_brand(stranger)) as tx:
        assert ended_passages(tx, brand=stranger, replies=[waiting[0]]) == {}
        assert ended_passages(tx, brand=brand, replies=[waiting[0]]) == {}


def test_the_time_limit_sends_no_reply_whose_article_was_edited(
    background: Database, brand: BrandId, passage: Passage, waiting: tuple[ReplyId, ReviewId], clock: Clock
) -> None:
    kept, _ = a_waiting_reply(background, brand, passage, "Please tell me what you ordered, and when.")
    with background.transaction() as tx:
        put(tx, brand, NEW)
        tx.execute(text("UPDATE reply_review SET decide_by = asked_at"))
    assert decide_overdue_reviews(background, ReceiptGrounds()) == 2
    assert state_of(background, waiting[0]) is ReplyState.RECALLED
    assert state_of(background, kept) is ReplyState.QUEUED
    with background.transaction() as tx:
        states = tx.scalars(select(ReplyReview.state).where(ReplyReview.reply_id == waiting[0])).one()
    assert states is ReviewState.OUTDATED


@pytest.mark.parametrize(("end", "_ending", "_now"), ENDINGS)
def test_an_approval_that_meets_an_uncommitted_change_waits_for_it_and_is_refused(
    db: Database,
    background: Database,
    brand: BrandId,
    passage: Passage,
    waiting: tuple[ReplyId, ReviewId],
    end: Callable[[Tx, BrandId, Passage], None],
    _ending: Ending,
    _now: str,
) -> None:
    reply, review = waiting
    with ThreadPoolExecutor(1) as threads:
        with background.transaction() as tx:
            end(tx, brand, passage)
            approval = threads.submit(approve, db, brand, review)
            with pytest.raises(TimeoutError):
                approval.result(timeout=BLOCKED_SECONDS)
        with pytest.raises(GroundsChanged):
            approval.result(timeout=DONE_SECONDS)
    assert state_of(background, reply) is ReplyState.AWAITING_APPROVAL


def test_a_change_that_meets_an_uncommitted_approval_comes_after_it(
    db: Database, background: Database, brand: BrandId, passage: Passage, waiting: tuple[ReplyId, ReviewId]
) -> None:
    reply, review = waiting
    edited = Event()

    def change() -> None:
        with background.transaction() as tx:
            edit(tx, brand, passage)
            edited.set()

    with ThreadPoolExecutor(1) as threads:
        with db.transaction(as_brand(brand)) as tx:
            approve_reply(tx, brand=brand, review=review, by="Mo", now=app_now(tx), grounds=ReceiptGrounds())
            changing = threads.submit(change)
            assert not edited.wait(BLOCKED_SECONDS)
        changing.result(timeout=DONE_SECONDS)
    assert state_of(background, reply) is ReplyState.QUEUED


def as_shown(
    background: Database, ticket: TicketId, worker: WorkerId, body: str, inserted: list[str]
) -> bool:
    with background.transaction() as tx:
        reply = answer(tx, ticket, worker, body=body)
        write_receipt(tx, reply=reply, inserted=inserted, now=app_now(tx))
        tx.flush()
        return tx.scalars(select(Reply.as_shown).where(Reply.id == reply.id)).one()


@pytest.mark.parametrize(
    ("body", "inserted", "expected"),
    [
        (SAID, ["draft"], True),
        (f"{SAID} ", ["draft"], True),
        (SAID, [], False),
        (NEW, ["draft"], False),
        ("Returns are not accepted within 14 days.", ["draft"], False),
        (f"{SAID} Send them to my own address, please.", ["draft"], False),
    ],
)
def test_a_reply_is_the_brands_own_answer_only_when_it_says_the_same(
    background: Database, brand: BrandId, passage: Passage, body: str, inserted: list[str], expected: bool
) -> None:
    with background.transaction() as tx:
        ticket, worker = an_open_ticket(tx, brand), a_worker(tx)
        a_suggestion(tx, brand, ticket, passage, draft=SAID)
    assert as_shown(background, ticket, worker, body, inserted) is expected
