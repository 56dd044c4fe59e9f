"""What became of replies, whose fault it was, and what an article's record does to the next suggestion."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from guidance.article_outcomes import (
    ArticleRecord,
    Record,
    heeding,
    in_fair_order,
    outcomes_of_article,
    records_of,
    replies_of_article,
    wilson,
    worst_articles,
)
from guidance.commands import write_receipt
from guidance.confidence import Assessment, Reason
from guidance.gap_evidence import unanswered
from guidance.gap_models import Cause
from knowledge_base.index.retrieval import FoundPassage
from knowledge_base.models import Passage
from knowledge_base.publishing import put_article
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, RevisionId, TicketId, WorkerId, new_id
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.gate_models import RatingReason
from marketplace.tickets.models import PoolTicket, ResolvedBy
from marketplace.tickets.ratings import rate_ticket
from marketplace.tickets.replies import customer_writes, send_reply
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, answer, as_brand, as_worker, usd
from tests.knowledge_base.conftest import document
from tests.workers_ui.brand_site import a_suggestion, an_article

SAID = "Returns are accepted within 14 days."
EDITED = f"{SAID} Send them to the address on your invoice, at the cost of whoever ordered."
WINDOW_OVER = timedelta(days=4)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A brand with an article, and a worker who answers from it."""

    db: Database
    background: Database
    brand: BrandId
    passage: Passage
    worker: WorkerId

    def answers(self, body: str = SAID) -> TicketId:
        with self.background.transaction() as tx:
            ticket = an_open_ticket(tx, self.brand, customer_email=f"{new_id()}@example.com")
            a_suggestion(tx, self.brand, ticket, self.passage, draft=SAID)
            reply = answer(tx, ticket, self.worker, body=body)
            write_receipt(tx, reply=reply, inserted=["draft"], now=app_now(tx))
            return ticket

    def resolves(self, body: str = SAID) -> TicketId:
        ticket = self.answers(body)
        with self.background.transaction() as tx:
            resolve_ticket(tx, brand=self.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        return ticket

    def fails(self, body: str = SAID) -> TicketId:
        ticket = self.resolves(body)
        with self.background.transaction() as tx:
            customer_writes(
                tx, brand=self.brand, ticket=ticket, text="That is wrong.", external_id=None, now=app_now(tx)
            )
        return ticket

    def rates(self, ticket: TicketId, stars: int, reason: RatingReason | None = None) -> None:
        with self.background.transaction() as tx:
            rate_ticket(tx, brand=self.brand, ticket=ticket, stars=stars, reason=reason, now=app_now(tx))

    def record(self) -> Record | None:
        with self.db.transaction(as_brand(self.brand)) as tx:
            one = found(self.passage.article_id, self.passage.revision_id)
            return records_of(tx, brand=self.brand, passages=[one]).get(
                (self.passage.article_id, self.passage.revision_id)
            )


def found(article: ArticleId, revision: RevisionId, score: float = 0.9) -> FoundPassage:
    return FoundPassage(
        passage_id=PassageId(new_id()),
        article_id=article,
        article_key="returns.md",
        revision_id=revision,
        revision_number=1,
        title="Returns",
        section_path=(),
        text=SAID,
        verified_at=None,  # type: ignore[arg-type]  # nothing here reads it
        score=score,
        dense=score,
        lexical=1.0,
        dense_rank=1,
        lexical_rank=1,
    )


@pytest.fixture
def shop(db: Database, background: Database) -> Shop:
    with background.transaction() as tx:
        brand, noise = a_brand(tx, funds=usd(100_000)), a_brand(tx, name="Noise", funds=usd(100_000))
        worker = a_worker(tx, email_cap=50)
        passage, other = an_article(tx, brand, text=SAID), an_article(tx, noise, text=SAID)
    made = Shop(db=db, background=background, brand=brand, passage=passage, worker=worker)
    replace(made, brand=noise, passage=other).fails()
    return made


# Outcomes and faults


def test_a_failure_is_known_at_once_and_a_success_when_the_window_is_over(shop: Shop, clock: Clock) -> None:
    assert shop.record() is None
    shop.resolves()
    shop.fails()
    assert shop.record() == Record(good=0, faults=1)
    clock.forward(WINDOW_OVER)
    assert shop.record() == Record(good=1, faults=1)


def test_what_a_worker_edited_is_no_fault_of_the_article(shop: Shop) -> None:
    shop.fails(EDITED)
    assert shop.record() is None


def test_two_stars_fail_unless_for_slowness_and_three_do_not(shop: Shop, clock: Clock) -> None:
    shop.rates(shop.resolves(), 2, RatingReason.WRONG_ANSWER)
    shop.rates(shop.resolves(), 1, RatingReason.TOO_SLOW)
    shop.rates(shop.resolves(), 3, RatingReason.WRONG_ANSWER)
    clock.forward(WINDOW_OVER)
    assert shop.record() == Record(good=2, faults=1)


def test_only_the_last_reply_before_a_resolution_has_it_as_its_outcome(shop: Shop, clock: Clock) -> None:
    ticket = shop.answers()
    with shop.background.transaction() as tx:
        customer_writes(tx, brand=shop.brand, ticket=ticket, text="And?", external_id=None, now=app_now(tx))
    clock.forward(timedelta(minutes=1))
    with shop.background.transaction() as tx:
        a_suggestion(tx, shop.brand, ticket, shop.passage, draft=SAID)
        number = tx.scalars(select(PoolTicket.claim_number).where(PoolTicket.ticket_id == ticket)).one()
        reply = send_reply(tx, ticket=ticket, worker=shop.worker, number=number, body=EDITED, now=app_now(tx))
        write_receipt(tx, reply=reply, inserted=["draft"], now=app_now(tx))
    with shop.background.transaction() as tx:
        resolve_ticket(tx, brand=shop.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        customer_writes(tx, brand=shop.brand, ticket=ticket, text="No.", external_id=None, now=app_now(tx))
    assert shop.record() is None


def test_an_article_is_counted_by_revision_with_the_rows_behind_its_faults(shop: Shop, clock: Clock) -> None:
    held, failed, edited = shop.resolves(), shop.fails(), shop.fails(EDITED)
    clock.forward(WINDOW_OVER)
    with shop.db.transaction(as_brand(shop.brand)) as tx:
        now = app_now(tx)
        (one,) = outcomes_of_article(tx, brand=shop.brand, article=shop.passage.article_id, now=now)
        fault, other, fine = replies_of_article(
            tx, brand=shop.brand, article=shop.passage.article_id, now=now
        )
    assert (one.revision, one.shown, one.replies, one.inserted, one.as_shown, one.edited) == (
        1,
        3,
        3,
        3,
        2,
        1,
    )
    assert (one.resolved, one.reopened, one.rated_low, one.refused, one.corrected) == (3, 2, 0, 0, 0)
    assert (one.good, one.faults, one.edited_share) == (1, 1, 0.0)
    assert [one.ticket for one in (fault, other, fine)] == [failed, edited, held]
    assert (fault.as_shown, fault.is_bad, fault.reopened, fault.rated_low) == (True, True, True, False)
    assert (other.as_shown, other.is_bad, fine.is_bad, fine.held) == (False, True, False, True)


def test_a_new_text_leaves_the_list_of_the_worst(shop: Shop) -> None:
    for _ in range(5):
        shop.fails()
    expected = ArticleRecord(
        article=shop.passage.article_id, title="Returns", record=Record(good=0, faults=5)
    )
    with shop.db.transaction(as_brand(shop.brand)) as tx:
        assert worst_articles(tx, brand=shop.brand, now=app_now(tx)) == [expected]
    with shop.background.transaction() as tx:
        written = document(key="returns.md", title="Returns", text="Returns are accepted within 30 days.")
        put_article(tx, brand=shop.brand, document=written, author=None, now=app_now(tx))
    with shop.db.transaction(as_brand(shop.brand)) as tx:
        assert worst_articles(tx, brand=shop.brand, now=app_now(tx)) == []


def test_another_brand_reads_nothing_of_it(shop: Shop) -> None:
    shop.fails()
    with shop.background.transaction() as tx:
        stranger = a_brand(tx, name="Stranger")
    one = found(shop.passage.article_id, shop.passage.revision_id)
    with shop.db.transaction(as_brand(stranger)) as tx:
        for brand in (stranger, shop.brand):
            assert records_of(tx, brand=brand, passages=[one]) == {}
            assert worst_articles(tx, brand=brand, now=app_now(tx)) == []


def test_a_worker_reads_his_own_replies_that_are_not_counted_and_nobody_elses(shop: Shop) -> None:
    failed = shop.fails()
    shop.fails(EDITED)
    with shop.background.transaction() as tx:
        other = a_worker(tx)
    for worker, expected in ((shop.worker, {failed}), (other, set())):
        with shop.db.transaction(as_worker(worker)) as tx:
            rows = tx.execute(text("SELECT ticket_id, brand FROM own_replies_not_counted(50)")).all()
        assert {row.ticket_id for row in rows if row.brand != "Noise"} == expected


def test_a_question_answered_badly_by_the_brands_own_words_is_evidence_for_a_gap(shop: Shop) -> None:
    failed, edited, fine = shop.fails(), shop.fails(EDITED), shop.resolves()
    with shop.db.transaction(as_brand(shop.brand)) as tx:
        told = unanswered(tx, brand=shop.brand, tickets=[failed, edited, fine])
    assert told[edited] is None
    assert told[fine] is None
    one = told[failed]
    assert one is not None
    assert one.causes == (Cause.FAILED,)


# What is made of a record

ARTICLES = [(ArticleId(new_id()), RevisionId(new_id())) for _ in range(3)]
SURE = Assessment(confidence=0.9, answer=True, reason=Reason.GROUNDED, next_step="Send.")


def searched(*scores: float) -> tuple[FoundPassage, ...]:
    return tuple(found(*of, score) for of, score in zip(ARTICLES, scores, strict=False))


def order(passages: Sequence[FoundPassage]) -> list[int]:
    return [ARTICLES.index((one.article_id, one.revision_id)) for one in passages]


def test_the_interval_holds_the_share_and_narrows_with_evidence() -> None:
    few, many = wilson(3, 6), wilson(300, 600)
    assert few[0] < many[0] < 0.5 < many[1] < few[1]
    assert wilson(0, 5)[0] == 0.0
    assert wilson(0, 5)[1] == pytest.approx(0.4345, abs=0.001)  # Newcombe 1998, method 3


def test_without_records_nothing_changes() -> None:
    passages = searched(0.9, 0.9, 0.2)
    assert in_fair_order(passages, {}) == passages
    assert heeding(SURE, passages, {}, threshold=0.5) is SURE


@pytest.mark.parametrize(
    ("record", "scores", "expected"),
    [
        (Record(good=2, faults=4), (0.9, 0.89, 0.2), [1, 0, 2]),
        (Record(good=2, faults=4), (0.9, 0.8, 0.2), [0, 1, 2]),
        (Record(good=3, faults=3), (0.9, 0.9, 0.2), [0, 1, 2]),
        (Record(good=0, faults=4), (0.9, 0.9, 0.2), [0, 1, 2]),
    ],
)
def test_only_a_proven_failure_gives_way_and_only_to_an_equal(
    record: Record, scores: tuple[float, ...], expected: list[int]
) -> None:
    passages = searched(*scores)
    changed = in_fair_order(passages, {ARTICLES[0]: record})
    assert order(changed) == expected
    assert [one.score for one in changed] == list(scores)


def test_an_article_that_went_well_is_not_lifted_and_two_that_fail_stay() -> None:
    passages = searched(0.9, 0.9, 0.9)
    assert order(in_fair_order(passages, {ARTICLES[1]: Record(good=50, faults=0)})) == [0, 1, 2]
    failing = {of: Record(good=0, faults=9) for of in ARTICLES[:2]}
    assert order(in_fair_order(passages, failing)) == [0, 1, 2]


def test_a_failing_answer_says_so_and_one_that_always_fails_is_not_offered() -> None:
    passages = searched(0.9, 0.1)
    doubtful = heeding(SURE, passages, {ARTICLES[0]: Record(good=2, faults=4)}, threshold=0.5)
    assert (doubtful.answer, doubtful.reason) == (True, Reason.FAILING)
    assert "failed 4 of 6 times" in doubtful.next_step
    assert doubtful.confidence == pytest.approx(wilson(2, 6)[1])
    silent = heeding(SURE, passages, {ARTICLES[0]: Record(good=0, faults=6)}, threshold=0.5)
    assert (silent.answer, "not offered" in silent.next_step) == (False, True)
    assert heeding(SURE, passages, {ARTICLES[0]: Record(good=0, faults=4)}, threshold=0.5) is SURE
    assert heeding(SURE, passages, {ARTICLES[1]: Record(good=0, faults=9)}, threshold=0.5) is SURE


def test_a_silence_keeps_its_own_reason() -> None:
    silence = replace(SURE, answer=False, reason=Reason.WEAK)
    assert heeding(silence, searched(0.9), {ARTICLES[0]: Record(good=0, faults=9)}, threshold=0.5) is silence
