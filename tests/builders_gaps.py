"""Questions that guidance did not answer, as the background leaves them."""

from billing.ticket_losses import posted_losses
from guidance.gap_models import GapQuestion
from guidance.gap_sweep import look_at_facts
from guidance.gaps import Sight
from guidance.models import Suggestion, SuggestionState
from marketplace.events.commands import record
from marketplace.events.facts import SuggestionPrepared
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx
from marketplace.kernel.ids import BrandId, GapId, SuggestionId, TicketId, new_id
from marketplace.tickets.models import Message
from tests.builders import an_open_ticket
from tests.fakes import WordHashEmbedder

WARRANTY = "How long is the warranty on the copper lamp?"


def an_unanswered_ticket(tx: Tx, brand: BrandId, *, text: str = WARRANTY, **changes: object) -> TicketId:
    """In the pool, with a silence beside it."""
    ticket = an_open_ticket(tx, brand, text=text, **{"subject": "Lamps", **changes})
    message = tx.query(Message).filter_by(brand_id=brand, ticket_id=ticket).one()
    silence = Suggestion(
        brand_id=brand,
        id=SuggestionId(new_id()),
        ticket_id=ticket,
        message_id=message.id,
        state=SuggestionState.ABSTAINED,
        confidence=0.2,
        reason="off_topic",
        next_step="Escalate it.",
        draft="",
        sentences=[],
        voice_version=0,
        prepared_at=app_now(tx),
    )
    tx.add(silence)
    tx.flush()
    record(tx, SuggestionPrepared(brand=brand, ticket=ticket, suggestion=silence.id, state="abstained"))
    return ticket


def look_for_gaps(database: Database) -> None:
    """Deal with all facts there are, as the background's sweep does."""
    sight = Sight(embedder=WordHashEmbedder, posted_losses=posted_losses)
    looked = 1
    while looked:
        with database.transaction() as tx:
            looked = look_at_facts(tx, sight, now=app_now(tx))


def gap_of(database: Database, ticket: TicketId) -> GapId:
    with database.transaction() as tx:
        return tx.query(GapQuestion).filter_by(ticket_id=ticket).one().gap_id
