"""Who was told something wrong is told what holds: exactly those, each once, by the brand, and nobody pays."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, text

from guidance import corrections
from guidance.commands import write_receipt
from guidance.correction_models import Correction, CorrectionNotice, CorrectionReply, NoticeState
from guidance.correction_queries import changed_texts, corrected_replies, correction, replies_resting_on
from knowledge_base.models import Passage
from knowledge_base.publishing import delete_article, put_article
from knowledge_base.report_models import ReportReason
from knowledge_base.reports import WrongText, confirm_wrong, report_passage, sha256_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import BrandId, CorrectionNoticeId, TicketId, WorkerId, new_id
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import Author, Message, ResolvedBy, Ticket, TicketState
from marketplace.tickets.pool import claim_ticket
from marketplace.tickets.replies import (
    ApiFeed,
    Outgoing,
    customer_writes,
    deliver_queued,
    label_proof,
    send_reply,
)
from tests.builders import Clock, a_brand, a_worker, an_open_ticket, as_brand, as_worker
from tests.knowledge_base.conftest import document
from tests.workers_ui.brand_site import a_suggestion, an_article

WRONG = "Returns are accepted within 14 days of delivery."
RIGHT = "Returns are accepted within 30 days of delivery."
KEEP = "Gift cards never expire and can be used in any shop."


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A brand whose article says something wrong, and workers who answer from it."""

    db: Database
    background: Database
    clock: Clock
    brand: BrandId
    passage: Passage

    @property
    def wrong(self) -> WrongText:
        return WrongText(article=self.passage.article_id, sha256=sha256_of(self.passage.text))

    def answered(
        self,
        body: str,
        *,
        email: str,
        passage: Passage | None = None,
        inserted: tuple[str, ...] = (),
        sent: bool = True,
    ) -> tuple[TicketId, WorkerId]:
        with self.background.transaction() as tx:
            worker = a_worker(tx)
            ticket = an_open_ticket(tx, self.brand, customer_email=email, customer_name="Sam Doe")
            a_suggestion(tx, self.brand, ticket, passage or self.passage, draft="")
        with self.background.transaction() as tx:
            number = claim_ticket(tx, ticket=ticket, worker=worker).number
        with self.background.transaction() as tx:
            reply = send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx))
            write_receipt(tx, reply=reply, inserted=inserted, now=app_now(tx))
            if sent:
                deliver_queued(tx, delivery=ApiFeed(), now=app_now(tx))
        return ticket, worker

    def quarantine(self) -> None:
        with self.background.transaction() as tx:
            ticket, worker = an_open_ticket(tx, self.brand), a_worker(tx)
            report_passage(
                tx,
                brand=self.brand,
                passage=self.passage.id,
                ticket=ticket,
                worker=worker,
                reason=ReportReason.OUT_OF_DATE,
                note="",
                now=app_now(tx),
            )
            confirm_wrong(tx, brand=self.brand, wrong=self.wrong, by=None, now=app_now(tx))

    def put(self, words: str) -> None:
        with self.background.transaction() as tx:
            doc = document(key="returns.md", text=words)
            put_article(tx, brand=self.brand, document=doc, author=None, now=app_now(tx))

    def correct(self) -> Correction:
        with self.db.transaction(as_brand(self.brand)) as tx:
            return corrections.correct_text(tx, brand=self.brand, wrong=self.wrong, by=None, now=app_now(tx))

    def notices(self) -> list[CorrectionNotice]:
        with self.background.transaction() as tx:
            return list(tx.scalars(select(CorrectionNotice).order_by(CorrectionNotice.id)))

    def send(self, notice: CorrectionNoticeId) -> None:
        with self.db.transaction(as_brand(self.brand)) as tx:
            corrections.send_notice(tx, brand=self.brand, notice=notice, by=None, now=app_now(tx))

    def deliver(self, delivery: "Recorded | None" = None) -> int:
        with self.background.transaction() as tx:
            return corrections.deliver_corrections(tx, delivery=delivery or ApiFeed(), now=app_now(tx))

    def after_undo(self) -> None:
        self.clock.forward(corrections.UNDO + timedelta(seconds=1))


class Recorded:
    """A channel that remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Outgoing] = []

    def deliver(self, outgoing: Outgoing) -> None:
        self.given.append(outgoing)


@pytest.fixture
def desk(db: Database, background: Database, clock: Clock) -> Desk:
    with background.transaction() as tx:
        brand = a_brand(tx)
        passage = an_article(tx, brand, text=WRONG)
    return Desk(db=db, background=background, clock=clock, brand=brand, passage=passage)


def test_exactly_the_customers_whose_sent_reply_rests_on_the_text_are_listed(desk: Desk) -> None:
    quoted, _ = desk.answered(f"Hello Sam,\n\n{WRONG}\n\nKind regards", email="quoted@example.com")
    inserted, _ = desk.answered("It is two weeks.", email="inserted@example.com", inserted=("1",))
    desk.answered("I will ask my team about it.", email="shown-only@example.com")
    with desk.background.transaction() as tx:
        other = an_article(tx, desk.brand, key="cards.md", title="Cards", text=KEEP)
        stranger = a_brand(tx, name="Somebody Else")
        theirs = an_article(tx, stranger, text=WRONG)
    desk.answered(KEEP, email="other-article@example.com", passage=other)
    Desk(db=desk.db, background=desk.background, clock=desk.clock, brand=stranger, passage=theirs).answered(
        WRONG, email="foreign@example.com"
    )
    desk.answered(WRONG, email="not-sent@example.com", sent=False)
    desk.quarantine()
    made = desk.correct()
    with desk.background.transaction() as tx:
        listed = set(tx.scalars(select(CorrectionReply.ticket_id)))
        detail = correction(tx, brand=desk.brand, correction_id=made.id)
        counted = replies_resting_on(tx, brand=desk.brand, texts=[desk.wrong])
    assert listed == {quoted, inserted}
    assert counted == {desk.wrong: 2}
    assert {one.replies[0].sentences for one in detail.notices} == {(WRONG,), ()}


def test_the_draft_quotes_what_was_said_and_what_holds_now_in_the_brands_voice(desk: Desk) -> None:
    desk.answered(f"Hello Sam,\n\n{WRONG}", email="sam@example.com")
    desk.quarantine()
    desk.put(RIGHT)
    desk.correct()
    (notice,) = desk.notices()
    assert notice.body.startswith("Hello Sam Doe,")
    assert f"“{WRONG}”" in notice.body
    assert RIGHT in notice.body
    assert notice.body.endswith("Kind regards")
    assert notice.passage_id is not None


def test_without_a_text_in_its_place_the_draft_says_honestly_that_it_was_wrong(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    desk.correct()
    (notice,) = desk.notices()
    assert "That was not right." in notice.body
    assert "Please do not rely on it." in notice.body
    assert notice.passage_id is None


def test_what_stood_beside_the_wrong_text_did_not_take_its_place(desk: Desk) -> None:
    beside = "Returns that were accepted are refunded within 9 days of delivery to us."
    filler = " ".join(f"Sentence number {n} speaks about kettles, cups and tea." for n in range(30))
    desk.put(f"{WRONG} {filler} {beside}")
    with desk.background.transaction() as tx:
        wrong = next(
            one
            for one in tx.scalars(select(Passage).where(Passage.brand_id == desk.brand))
            if WRONG in one.text and one.text != WRONG
        )
    other = Desk(db=desk.db, background=desk.background, clock=desk.clock, brand=desk.brand, passage=wrong)
    other.answered(WRONG, email="sam@example.com", passage=wrong)
    other.quarantine()
    other.correct()
    (notice,) = desk.notices()
    assert notice.passage_id is None
    assert beside not in notice.body


def test_a_text_that_is_offered_is_not_corrected(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    with pytest.raises(corrections.StillOffered):
        desk.correct()


def test_one_customer_is_told_once_however_many_replies_and_presses(desk: Desk) -> None:
    for _ in range(2):
        desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    first = desk.correct()
    assert desk.correct().id == first.id
    (notice,) = desk.notices()
    with desk.background.transaction() as tx:
        assert tx.scalar(select(func.count()).select_from(CorrectionReply)) == 2
    together, refused = Barrier(4), []

    def press(_: int) -> None:
        together.wait()
        try:
            desk.send(notice.id)
        except corrections.NotDrafted as refusal:
            refused.append(refusal)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(press, range(4)))
    assert len(refused) == 3
    channel = Recorded()
    assert desk.deliver(channel) == 0  # it may still be taken back
    desk.after_undo()
    together = Barrier(3)

    def sweep(_: int) -> int:
        together.wait()
        return desk.deliver(channel)

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(sweep, range(3))) == 1
    assert len(channel.given) == 1
    desk.correct()
    assert desk.deliver(channel) == 0


def test_a_later_reply_is_found_by_opening_the_correction_again(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    desk.correct()
    desk.answered(WRONG, email="kim@example.com")
    desk.correct()
    assert len(desk.notices()) == 2


def test_a_resolved_ticket_gets_the_correction_reopens_nothing_and_costs_nothing(desk: Desk) -> None:
    ticket, worker = desk.answered(WRONG, email="sam@example.com")
    with desk.background.transaction() as tx:
        resolve_ticket(tx, brand=desk.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    desk.quarantine()
    desk.put(RIGHT)
    made = desk.correct()
    (notice,) = desk.notices()

    def money() -> list[object]:
        with desk.background.transaction() as tx:
            return list(tx.execute(text("SELECT count(*), max(id::text) FROM ledger_entry")).one())

    before = money()
    desk.send(notice.id)
    desk.after_undo()
    channel = Recorded()
    assert desk.deliver(channel) == 1
    (given,) = channel.given
    label = "Sent by Fern & Kettle itself, to correct an earlier answer."
    assert given.text == f"{notice.body}\n\n{label}"
    with desk.background.transaction() as tx:
        assert tx.get_one(Ticket, (desk.brand, ticket)).state is TicketState.RESOLVED
        sent = tx.get_one(CorrectionNotice, (desk.brand, notice.id))
        assert (sent.state, sent.label, sent.label_proof) == (
            NoticeState.SENT,
            label,
            label_proof(notice.body, label),
        )
        last = tx.scalars(
            select(Message).where(Message.ticket_id == ticket).order_by(Message.id.desc()).limit(1)
        ).one()
        assert (last.author, last.body) == (Author.BRAND, notice.body)
        kinds = tx.scalars(text("SELECT kind FROM event ORDER BY id DESC LIMIT 2")).all()
        assert kinds == ["reply_corrected", "correction_sent"]
        detail = correction(tx, brand=desk.brand, correction_id=made.id)
        assert detail.line.counts == {NoticeState.SENT: 1}
    assert money() == before
    with desk.db.transaction(as_worker(worker)) as tx:
        (told,) = corrected_replies(tx, worker=worker)
    assert (told.ticket, told.sentences) == (ticket, (WRONG,))


def test_it_goes_to_where_the_conversation_went_on(desk: Desk) -> None:
    ticket, _ = desk.answered(WRONG, email="sam@example.com")
    with desk.background.transaction() as tx:
        resolve_ticket(tx, brand=desk.brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    desk.clock.forward(timedelta(days=10))
    with desk.background.transaction() as tx:
        went_on = customer_writes(
            tx, brand=desk.brand, ticket=ticket, text="And shipping?", external_id=None, now=app_now(tx)
        ).ticket_id
    assert went_on != ticket
    desk.quarantine()
    desk.correct()
    desk.send(desk.notices()[0].id)
    desk.after_undo()
    channel = Recorded()
    desk.deliver(channel)
    assert [one.ticket for one in channel.given] == [went_on]


def test_it_may_be_taken_back_until_it_leaves_and_edited_only_while_drafted(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    desk.correct()
    (notice,) = desk.notices()
    desk.send(notice.id)
    with desk.db.transaction(as_brand(desk.brand)) as tx:
        with pytest.raises(corrections.NotDrafted):
            corrections.edit_notice(tx, brand=desk.brand, notice=notice.id, body="Other words")
        corrections.undo_notice(tx, brand=desk.brand, notice=notice.id, now=app_now(tx))
    desk.after_undo()
    assert desk.deliver() == 0
    with desk.db.transaction(as_brand(desk.brand)) as tx:
        corrections.edit_notice(tx, brand=desk.brand, notice=notice.id, body="Other words, by a person.")
    desk.send(notice.id)
    desk.after_undo()
    with desk.db.transaction(as_brand(desk.brand)) as tx, pytest.raises(corrections.TooLateToUndo):
        corrections.undo_notice(tx, brand=desk.brand, notice=notice.id, now=app_now(tx))
    channel = Recorded()
    desk.deliver(channel)
    assert channel.given[0].text.startswith("Other words, by a person.")


def test_a_customer_may_be_skipped_with_a_reason_and_is_then_not_written_to(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    desk.correct()
    (notice,) = desk.notices()
    with desk.db.transaction(as_brand(desk.brand)) as tx:
        with pytest.raises(corrections.SkipNeedsReason):
            corrections.skip_notice(tx, brand=desk.brand, notice=notice.id, by=None, reason=" ")
        corrections.skip_notice(tx, brand=desk.brand, notice=notice.id, by=None, reason="Told by phone.")
    with pytest.raises(corrections.NotDrafted):
        desk.send(notice.id)
    desk.after_undo()
    assert desk.deliver() == 0


def test_what_the_voice_forbids_or_a_slot_keeps_it_from_leaving(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    desk.correct()
    (notice,) = desk.notices()
    for body, told in (
        ("Your order {order_id} counts.", "Fill in"),
        ("See https://evil.example/x now.", "link"),
    ):
        with desk.db.transaction(as_brand(desk.brand)) as tx:
            corrections.edit_notice(tx, brand=desk.brand, notice=notice.id, body=body)
        with pytest.raises(corrections.UnfitCorrection, match=told):
            desk.send(notice.id)
    for unfit in ("  ", "x" * 5_001, "a\x00b"):
        with desk.db.transaction(as_brand(desk.brand)) as tx, pytest.raises(corrections.BadCorrection):
            corrections.edit_notice(tx, brand=desk.brand, notice=notice.id, body=unfit)


def test_an_article_that_changed_or_is_gone_is_corrected_by_its_revision(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    with desk.background.transaction() as tx:
        assert changed_texts(tx, brand=desk.brand, now=app_now(tx)) == []
    desk.put(RIGHT)
    with desk.background.transaction() as tx:
        (changed,) = changed_texts(tx, brand=desk.brand, now=app_now(tx))
    assert (changed.revision, changed.revision_number, changed.replies) == (desk.passage.revision_id, 1, 1)
    with desk.db.transaction(as_brand(desk.brand)) as tx:
        corrections.correct_revision(
            tx,
            brand=desk.brand,
            article=changed.article,
            revision=changed.revision,
            by=None,
            now=app_now(tx),
        )
    (notice,) = desk.notices()
    assert RIGHT in notice.body
    with desk.background.transaction() as tx:
        assert changed_texts(tx, brand=desk.brand, now=app_now(tx)) == []
    second = desk.answered(RIGHT, email="kim@example.com", passage=_passage(desk, RIGHT))
    with desk.background.transaction() as tx:
        delete_article(tx, brand=desk.brand, key="returns.md")
    with desk.background.transaction() as tx:
        (gone,) = changed_texts(tx, brand=desk.brand, now=app_now(tx))
        assert second
        assert gone.revision_number == 2


def test_another_brand_finds_no_correction(desk: Desk) -> None:
    desk.answered(WRONG, email="sam@example.com")
    desk.quarantine()
    made = desk.correct()
    (notice,) = desk.notices()
    with desk.background.transaction() as tx:
        stranger = a_brand(tx, name="Somebody Else")
    with desk.db.transaction(as_brand(stranger)) as tx:
        for act in (
            lambda: correction(tx, brand=stranger, correction_id=made.id),
            lambda: correction(tx, brand=desk.brand, correction_id=made.id),
            lambda: corrections.send_notice(tx, brand=desk.brand, notice=notice.id, by=None, now=app_now(tx)),
            lambda: corrections.correct_revision(
                tx,
                brand=stranger,
                article=desk.passage.article_id,
                revision=desk.passage.revision_id,
                by=None,
                now=app_now(tx),
            ),
        ):
            with pytest.raises(NotFound):
                act()
    assert new_id() != made.id


def _passage(desk: Desk, words: str) -> Passage:
    with desk.background.transaction() as tx:
        return tx.scalars(select(Passage).where(Passage.brand_id == desk.brand, Passage.text == words)).one()
