"""The gap list: unanswered questions gathered by meaning, with what they cost to the cent."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from billing.ticket_losses import posted_losses
from guidance.commands import prepare_suggestion, write_receipt
from guidance.gap_models import Cause, Gap, GapQuestion, GapState
from guidance.gap_queries import ON_THE_LIST, GapDetail, GapLine, gap_detail, gaps
from guidance.gap_sweep import look_at_facts
from guidance.gaps import (
    GapNotFound,
    NotOpen,
    ReasonMissing,
    Sight,
    bring_back_gap,
    close_answered,
    dismiss_gap,
    rename_grown,
)
from guidance.knowledge_coverage import KnowledgeCoverage, knowledge_coverage
from knowledge_base.report_models import ReportReason
from knowledge_base.reports import WrongText, confirm_wrong, lift_quarantine, report_passage, sha256_of
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database
from marketplace.kernel.ids import BrandId, GapId, TicketId
from marketplace.tickets.endings import confirm_escalation, escalate_ticket, resolve_ticket
from marketplace.tickets.lost_work import value_of_time
from marketplace.tickets.models import EscalationReason, ReleaseReason, ResolvedBy
from marketplace.tickets.pool import claim_ticket, expire_leases, release_ticket
from marketplace.tickets.replies import customer_writes, send_reply
from marketplace.tickets.switch_models import SwitchKind
from marketplace.tickets.switches import lift_at_brand, throw_at_brand
from tests.builders import Clock, a_brand, a_member, a_worker, an_open_ticket, as_brand, usd
from tests.knowledge_base.conftest import KnowledgeBase, document

WARRANTY = "How long is the warranty on the copper lamp?"
WARRANTY_AGAIN = "How long is the warranty on the brass lamp?"
GIFT = "Do parcels come gift wrapped with ribbons?"
KETTLE = "Within how many days can the kettle be returned?"
KETTLE_TEXT = (
    "The kettle can be returned within thirty days. Returned kettle parcels travel free within days."
)


class Shop:
    """A brand that knows about kettles and nothing else; every act is a transaction of its own."""

    def __init__(self, base: KnowledgeBase, clock: Clock) -> None:
        self.base, self.clock, self.database = base, clock, base.database
        with self.database.transaction() as tx:
            self.brand = a_brand(tx)
        base.put(self.brand, document("kettle", KETTLE_TEXT, title="Kettle returned within days"))
        base.index(self.brand)
        self.look()

    def asks(self, text: str, *, subject: str = "Lamps", **changes: object) -> TicketId:
        """A ticket with its suggestion, or the silence there is."""
        with self.database.transaction() as tx:
            ticket = an_open_ticket(tx, self.brand, subject=subject, text=text, **changes)
        self.suggest(ticket)
        return ticket

    def suggest(self, ticket: TicketId) -> None:
        with self.database.transaction() as tx:
            prepare_suggestion(
                tx,
                self.base.retriever,
                brand=self.brand,
                ticket=ticket,
                weight=0.5,
                threshold=0.5,
                now=app_now(tx),
            )

    def look(self) -> None:
        """Deal with all facts there are, as the sweep does."""
        sight = Sight(embedder=lambda: self.base.embedder, posted_losses=posted_losses)
        looked = 1
        while looked:
            with self.database.transaction() as tx:
                looked = look_at_facts(tx, sight, now=app_now(tx))

    def listed(self, *states: GapState) -> Sequence[GapLine]:
        self.look()
        with self.database.transaction(as_brand(self.brand)) as tx:
            return gaps(tx, brand=self.brand, states=states or ON_THE_LIST, now=app_now(tx)).lines

    def detail(self, gap: GapId) -> GapDetail:
        with self.database.transaction(as_brand(self.brand)) as tx:
            return gap_detail(tx, brand=self.brand, gap=gap, now=app_now(tx))

    def coverage(self) -> KnowledgeCoverage:
        self.look()
        with self.database.transaction(as_brand(self.brand)) as tx:
            return knowledge_coverage(tx, brand=self.brand, now=app_now(tx))

    def publish(self, key: str, text: str) -> None:
        self.base.put(self.brand, document(key, text, title=text))
        self.base.index(self.brand)
        self.look()
        with self.database.transaction() as tx:
            close_answered(tx, self.base.retriever, weight=0.5, threshold=0.5, now=app_now(tx))


@pytest.fixture
def shop(base: KnowledgeBase, clock: Clock) -> Shop:
    return Shop(base, clock)


def test_questions_of_one_meaning_are_one_gap_with_its_examples_and_the_passage_that_was_not_enough(
    shop: Shop,
) -> None:
    first, second = shop.asks(WARRANTY), shop.asks(WARRANTY_AGAIN)
    shop.asks(GIFT)
    shop.asks(KETTLE)

    listed = {line.name: line for line in shop.listed()}

    assert set(listed) == {WARRANTY, GIFT}
    warranty = listed[WARRANTY]
    assert (warranty.tickets, warranty.recent, warranty.before) == (2, 2, 0)
    assert {"warranty", "lamp"} <= set(warranty.key_words)
    examples = shop.detail(warranty.id).examples
    assert {example.ticket for example in examples} == {first, second}
    assert all(example.causes == (Cause.ABSTAINED,) for example in examples)
    assert all(example.confidence is not None and example.confidence < 0.5 for example in examples)
    assert all(example.nearest_title == "Kettle returned within days" for example in examples)


def test_a_gap_keeps_its_id_name_and_dismissal_while_it_grows(shop: Shop) -> None:
    shop.asks(WARRANTY)
    shop.asks(GIFT)
    gap = next(line for line in shop.listed() if line.name == WARRANTY)
    with shop.database.transaction() as tx:
        by = a_member(tx, shop.brand)
        dismiss_gap(tx, brand=shop.brand, gap=gap.id, because=" Lamps are gone. ", by=by, now=app_now(tx))

    for _ in range(12):
        shop.asks(WARRANTY_AGAIN)

    assert [line.name for line in shop.listed()] == [GIFT]
    (grown,) = shop.listed(GapState.DISMISSED)
    assert (grown.id, grown.name, grown.tickets) == (gap.id, WARRANTY, 13)
    assert shop.detail(gap.id).dismissed_because == "Lamps are gone."
    with shop.database.transaction() as tx:
        bring_back_gap(tx, brand=shop.brand, gap=gap.id)
    assert len(shop.listed()) == 2


def test_the_same_questions_in_the_same_order_make_the_same_gaps(base: KnowledgeBase, clock: Clock) -> None:
    def told() -> list[tuple[str, int]]:
        shop = Shop(base, clock)
        for question in (WARRANTY, GIFT, WARRANTY_AGAIN, WARRANTY, "Do you ship lamps to Norway?"):
            shop.asks(question)
        return sorted((line.name, line.tickets) for line in shop.listed())

    assert told() == told()


def test_a_gap_is_named_anew_at_night_when_it_has_twice_the_questions(shop: Shop) -> None:
    shop.asks("warranty copper lamp how long")
    (gap,) = shop.listed()
    shop.asks(WARRANTY)
    shop.asks(WARRANTY_AGAIN)
    shop.look()

    with shop.database.transaction() as tx:
        assert rename_grown(tx, now=app_now(tx)) == 0
    assert shop.listed()[0].name == gap.name
    shop.clock.forward(timedelta(days=1))
    with shop.database.transaction() as tx:
        assert rename_grown(tx, now=app_now(tx)) == 1

    (renamed,) = shop.listed()
    assert renamed.id == gap.id
    assert renamed.name in (WARRANTY, WARRANTY_AGAIN)


def test_a_message_too_short_to_match_is_no_gap(shop: Shop) -> None:
    shop.asks("warranty?", subject="Hi")
    assert shop.listed() == ()


def test_an_answer_that_used_nothing_of_what_was_shown_is_a_gap(shop: Shop) -> None:
    used, unused = shop.asks(KETTLE), shop.asks(KETTLE + " Please tell me.")
    _replies(shop, used, "The kettle can be returned within thirty days.", inserted=())
    _replies(shop, unused, "Colleagues repair it for you, whatever happened.", inserted=())

    (gap,) = shop.listed()

    (example,) = shop.detail(gap.id).examples
    assert (example.ticket, example.causes) == (unused, (Cause.UNUSED,))


def test_a_release_for_want_of_knowledge_and_an_escalation_without_an_answer_are_gaps(shop: Shop) -> None:
    released, escalated, handed_over = shop.asks(KETTLE), shop.asks(KETTLE), shop.asks(KETTLE)
    _release(shop, released, ReleaseReason.KNOWLEDGE_MISSING)
    _escalate(shop, escalated, EscalationReason.NO_GROUNDED_ANSWER)
    _escalate(shop, handed_over, EscalationReason.NEEDS_BRAND_ACTION)

    (gap,) = shop.listed()

    causes = {example.ticket: example.causes for example in shop.detail(gap.id).examples}
    assert causes == {released: (Cause.RELEASED,), escalated: (Cause.ESCALATED,)}
    assert gap.escalations == 1


def test_a_stopped_article_leaves_its_questions_open_until_it_is_started_again(shop: Shop) -> None:
    ticket = shop.asks(KETTLE)
    assert shop.listed() == ()
    with shop.database.transaction() as tx:
        article = str(shop.base.search(shop.brand, KETTLE).passages[0].article_id)
        by = a_member(tx, shop.brand)
        thrown = throw_at_brand(
            tx,
            brand=shop.brand,
            kind=SwitchKind.ARTICLE,
            key=article,
            reason="It is wrong.",
            by=by,
            now=app_now(tx),
        )

    (gap,) = shop.listed()
    assert [(one.ticket, one.causes) for one in shop.detail(gap.id).examples] == [(ticket, (Cause.STOPPED,))]

    with shop.database.transaction() as tx:
        lift_at_brand(tx, switch=thrown.id, by=by, brand=shop.brand, now=app_now(tx))
    assert shop.listed() == ()


def test_a_quarantined_passage_leaves_its_questions_open_until_it_is_offered_again(shop: Shop) -> None:
    ticket = shop.asks(KETTLE)
    passage = shop.base.search(shop.brand, KETTLE).passages[0]
    wrong = WrongText(article=passage.article_id, sha256=sha256_of(passage.text))
    with shop.database.transaction() as tx:
        worker, by = a_worker(tx), a_member(tx, shop.brand)
        claim_ticket(tx, ticket=ticket, worker=worker)
        report_passage(
            tx,
            brand=shop.brand,
            ticket=ticket,
            worker=worker,
            passage=passage.passage_id,
            reason=ReportReason.OUT_OF_DATE,
            note="",
            now=app_now(tx),
        )
        confirm_wrong(tx, brand=shop.brand, wrong=wrong, by=by, now=app_now(tx))

    (gap,) = shop.listed()
    assert [(one.ticket, one.causes) for one in shop.detail(gap.id).examples] == [(ticket, (Cause.STOPPED,))]

    with shop.database.transaction() as tx:
        lift_quarantine(tx, brand=shop.brand, wrong=wrong, by=by, reason="It is right.", now=app_now(tx))
    assert shop.listed() == ()


def test_what_a_gap_costs_is_the_sum_of_its_lines_to_the_cent(shop: Shop) -> None:
    """Pay is 2.00 a ticket (2.50 less 20 %), a ticket takes 5 minutes: 40 cents a minute."""
    abandoned, escalated, reopened = shop.asks(WARRANTY), shop.asks(WARRANTY), shop.asks(WARRANTY)
    shop.asks(GIFT)
    with shop.database.transaction() as tx:
        early, late = a_worker(tx), a_worker(tx)
        number = claim_ticket(tx, ticket=abandoned, worker=early).number
    shop.clock.forward(timedelta(seconds=123))
    with shop.database.transaction() as tx:
        release_ticket(
            tx, ticket=abandoned, worker=early, number=number, reason=ReleaseReason.NO_TIME, now=app_now(tx)
        )
    with shop.database.transaction() as tx:
        claim_ticket(tx, ticket=abandoned, worker=late)
    shop.clock.forward(timedelta(seconds=300))  # e-mail: five minutes to read and tag
    with shop.database.transaction() as tx:
        assert expire_leases(tx, now=app_now(tx)) == 1
    _escalate(shop, escalated, EscalationReason.NO_GROUNDED_ANSWER)
    with shop.database.transaction() as tx:
        confirm_escalation(tx, brand=shop.brand, ticket=escalated, by="brand", now=app_now(tx))
    _replies(shop, reopened, "Two years, I think.", inserted=())
    with shop.database.transaction() as tx:
        resolve_ticket(tx, brand=shop.brand, ticket=reopened, by=ResolvedBy.CUSTOMER, now=app_now(tx))
    with shop.database.transaction() as tx:
        customer_writes(
            tx, brand=shop.brand, ticket=reopened, text="No, it is not.", external_id=None, now=app_now(tx)
        )

    dear, cheap = shop.listed()

    assert (dear.name, cheap.name) == (WARRANTY, GIFT)
    assert dear.costs.unpaid == usd(82 + 200)  # 123 s and 300 s at 40 cents a minute
    assert dear.costs.fees == usd(60 + 12)  # 30 % of 2.00, and the platform's 20 % of that
    assert dear.costs.reopened == usd(250)
    assert dear.costs.whole == usd(282 + 72 + 250)
    assert (dear.escalations, dear.reopens) == (1, 1)
    lines = shop.detail(dear.id).costs
    assert sum(line.amount.amount_minor for line in lines) == dear.costs.whole.amount_minor
    assert sorted(line.amount.amount_minor for line in lines) == [72, 82, 200, 250]
    assert cheap.costs.whole == usd(0)

    shop.look()
    assert shop.listed()[0].costs == dear.costs


@pytest.mark.parametrize(
    ("seconds", "pay", "minutes", "value"),
    [
        (0, 200, 5, 0),
        (1, 200, 5, 1),
        (60, 200, 5, 40),
        (59, 199, 7, 28),
        (45, 200, 8, 19),
        (300, 200, 5, 200),
    ],
)
def test_time_is_worth_its_part_of_the_pay_half_up(seconds: int, pay: int, minutes: int, value: int) -> None:
    assert value_of_time(seconds, pay_minor=pay, per_minutes=minutes) == value


def test_a_claim_with_a_reply_is_not_called_unpaid(shop: Shop) -> None:
    ticket = shop.asks(WARRANTY)
    _replies(shop, ticket, "Two years.", inserted=())
    with shop.database.transaction() as tx:
        customer_writes(
            tx, brand=shop.brand, ticket=ticket, text="And for brass?", external_id=None, now=app_now(tx)
        )
    shop.clock.forward(timedelta(days=2))
    with shop.database.transaction() as tx:
        assert expire_leases(tx, now=app_now(tx)) == 1

    (gap,) = shop.listed()
    assert gap.costs.whole == usd(0)


def test_a_gap_closes_when_an_article_answers_it_and_opens_when_it_is_asked_unanswered_again(
    shop: Shop,
) -> None:
    shop.asks(WARRANTY)
    shop.asks(GIFT)
    warranty = next(line for line in shop.listed() if line.name == WARRANTY)

    shop.publish("other", "Parquet floors need wax every second spring.")
    assert len(shop.listed()) == 2

    shop.publish(
        "warranty", "How long is the warranty on the copper lamp? The warranty on the copper lamp is long."
    )
    (closed,) = shop.listed(GapState.CLOSED)
    assert closed.id == warranty.id
    assert (closed.article_title or "").startswith("How long is the warranty")
    assert [line.name for line in shop.listed()] == [GIFT]

    shop.clock.forward(timedelta(minutes=1))
    ticket = shop.asks(WARRANTY)
    assert [line.name for line in shop.listed()] == [GIFT]
    _release(shop, ticket, ReleaseReason.KNOWLEDGE_MISSING)
    assert {line.id for line in shop.listed()} >= {warranty.id}


def test_what_was_shown_already_and_not_used_does_not_close_a_gap(shop: Shop) -> None:
    ticket = shop.asks(KETTLE)
    _replies(shop, ticket, "Colleagues repair it for you, whatever happened.", inserted=())
    assert len(shop.listed()) == 1

    shop.publish("other", "Parquet floors need wax every second spring.")

    assert len(shop.listed()) == 1


def test_a_dismissal_needs_a_reason_and_an_open_gap_of_the_own_brand(shop: Shop) -> None:
    shop.asks(WARRANTY)
    (gap,) = shop.listed()
    with shop.database.transaction() as tx:
        by, stranger = a_member(tx, shop.brand), a_brand(tx)

    def dismiss(brand: BrandId, because: str) -> None:
        with shop.database.transaction(as_brand(brand)) as tx:
            dismiss_gap(tx, brand=brand, gap=gap.id, because=because, by=by, now=app_now(tx))

    for bad in ("", "  ", "x" * 501, "a\0b"):
        with pytest.raises(ReasonMissing):
            dismiss(shop.brand, bad)
    with pytest.raises(GapNotFound):
        dismiss(stranger, "Not mine.")
    dismiss(shop.brand, "Lamps are gone.")
    with pytest.raises(NotOpen):
        dismiss(shop.brand, "Again.")


def test_no_brand_sees_anothers_gaps(shop: Shop, db: Database) -> None:
    shop.asks(WARRANTY)
    (gap,) = shop.listed()
    with shop.database.transaction() as tx:
        stranger = a_brand(tx)

    with db.transaction(as_brand(stranger)) as tx:
        assert tx.scalars(select(Gap)).all() == []
        assert tx.scalars(select(GapQuestion)).all() == []
        with pytest.raises(GapNotFound):
            gap_detail(tx, brand=stranger, gap=gap.id, now=app_now(tx))
        assert gaps(tx, brand=shop.brand, now=app_now(tx)).lines == ()


def test_nothing_of_the_customer_stands_in_a_question(shop: Shop) -> None:
    shop.asks(
        "I am Sam Doe, order FK-10293. Mail sam@example.com or call +1 415 555 2671 about the lamp warranty?",
    )
    (gap,) = shop.listed()
    (example,) = shop.detail(gap.id).examples
    for secret in ("Sam", "Doe", "FK-10293", "sam@example.com", "2671"):
        assert secret not in example.question + gap.name + " ".join(gap.key_words)


def test_a_tickets_coverage_is_what_its_first_suggestion_found(shop: Shop) -> None:
    shop.asks(KETTLE)
    silent = shop.asks(WARRANTY)
    shop.look()
    shop.suggest(silent)  # once more: it is one ticket

    covered = shop.coverage()

    (general,) = covered.categories
    assert (general.name, general.covered, general.tickets, general.share) == ("General", 1, 2, 0.5)
    assert (covered.whole.tickets, covered.whole.tickets_before) == (2, 0)
    shop.clock.forward(timedelta(days=31))
    later = shop.coverage().whole
    assert (later.tickets, later.covered_before, later.tickets_before) == (0, 1, 2)


def _replies(shop: Shop, ticket: TicketId, body: str, *, inserted: Sequence[str]) -> None:
    with shop.database.transaction() as tx:
        worker = a_worker(tx)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        reply = send_reply(tx, ticket=ticket, worker=worker, number=number, body=body, now=app_now(tx))
        write_receipt(tx, reply=reply, inserted=inserted, now=app_now(tx))


def _release(shop: Shop, ticket: TicketId, reason: ReleaseReason) -> None:
    with shop.database.transaction() as tx:
        worker = a_worker(tx)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        release_ticket(tx, ticket=ticket, worker=worker, number=number, reason=reason, now=app_now(tx))


def _escalate(shop: Shop, ticket: TicketId, reason: EscalationReason) -> None:
    with shop.database.transaction() as tx:
        worker = a_worker(tx)
        number = claim_ticket(tx, ticket=ticket, worker=worker).number
        escalate_ticket(
            tx, ticket=ticket, worker=worker, number=number, reason=reason, note="", now=app_now(tx)
        )
