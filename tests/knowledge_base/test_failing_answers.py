"""An answer whose record is bad is told, and then not offered; without a record every suggestion stays as it was."""

from guidance.commands import prepare_suggestion, write_receipt
from guidance.coverage import Coverage, coverage_of
from guidance.models import Suggestion, SuggestionState
from marketplace.kernel.clock import app_now
from marketplace.kernel.ids import BrandId, TicketId, new_id
from marketplace.tickets.endings import resolve_ticket
from marketplace.tickets.models import ResolvedBy
from marketplace.tickets.replies import customer_writes
from tests.builders import a_brand, a_worker, an_open_ticket, answer, usd
from tests.knowledge_base.conftest import KnowledgeBase, document

RETURNS = "The kettle can be returned within thirty days."
ASKED = "Can the kettle be returned within thirty days"
THRESHOLD = 0.2


def suggested(base: KnowledgeBase, brand: BrandId) -> tuple[TicketId, Suggestion]:
    with base.database.transaction() as tx:
        ticket = an_open_ticket(
            tx, brand, subject="Kettle", text=ASKED, customer_email=f"{new_id()}@example.com"
        )
        suggestion = prepare_suggestion(
            tx, base.retriever, brand=brand, ticket=ticket, weight=0.5, threshold=THRESHOLD, now=app_now(tx)
        )
        return ticket, suggestion


def fails(base: KnowledgeBase, brand: BrandId) -> Suggestion:
    """The suggestion is sent as it stands, and its customer comes back."""
    ticket, suggestion = suggested(base, brand)
    with base.database.transaction() as tx:
        reply = answer(tx, ticket, a_worker(tx), body=suggestion.draft)
        write_receipt(tx, reply=reply, inserted=["draft"], now=app_now(tx))
        resolve_ticket(tx, brand=brand, ticket=ticket, by=ResolvedBy.CUSTOMER, now=app_now(tx))
        customer_writes(tx, brand=brand, ticket=ticket, text="No.", external_id=None, now=app_now(tx))
    return suggestion


def test_an_answer_that_failed_often_says_so_covers_nothing_and_begins_anew_with_its_text(
    base: KnowledgeBase,
) -> None:
    with base.database.transaction() as tx:
        brand, other = a_brand(tx, funds=usd(100_000)), a_brand(tx, funds=usd(100_000))
    for owner in (brand, other):
        base.put(owner, document("kettle", RETURNS, title="Kettle returns"))
        base.index(owner)
    first = [fails(base, brand) for _ in range(5)]
    assert {(one.state, one.reason) for one in first} == {(SuggestionState.READY, "grounded")}
    ticket, warned = suggested(base, brand)
    assert (warned.state, warned.reason) == (SuggestionState.READY, "failing")
    assert "failed 5 of 5 times" in warned.next_step
    assert warned.confidence < first[0].confidence
    with base.database.transaction() as tx:
        assert coverage_of(tx, [ticket]) == {ticket: Coverage.PARTLY}
    _, elsewhere = suggested(base, other)
    assert (elsewhere.reason, elsewhere.confidence) == ("grounded", first[0].confidence)
    base.put(brand, document("kettle", RETURNS.replace("thirty", "sixty"), title="Kettle returns"))
    base.index(brand)
    _, mended = suggested(base, brand)
    assert mended.reason == "grounded"
