"""A voice tried on a question of the brand's own: the draft as it is and as it would be. Nothing is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from guidance.conversation import asked_in
from guidance.draft import compose
from guidance.engine import cited
from guidance.learning_queries import tuning_of
from guidance.tuning import SHOWN
from guidance.voice import Voice
from guidance.voices import voice_of
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import Search
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import BrandId, TicketId
from marketplace.tickets.models import Ticket

TICKETS_OFFERED = 20
CUSTOMER = "Sam"
MAX_QUESTION_CHARS = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedVoice:
    """`before` and `after` are empty where the passages found may not be quoted in that voice, or none was found."""

    question: str
    before: str
    after: str


def recent_tickets(tx: Tx, *, brand: BrandId) -> Sequence[Ticket]:
    """The newest of the brand, to try a voice on."""
    return tx.scalars(
        select(Ticket).where(Ticket.brand_id == brand).order_by(Ticket.id.desc()).limit(TICKETS_OFFERED)
    ).all()


def question_of(tx: Tx, *, brand: BrandId, ticket: TicketId) -> str:
    """What its customer asked first."""
    return asked_in(tx, brand=brand, ticket=ticket, message=None).last_turn


def try_voice(
    tx: Tx, search: Search, *, brand: BrandId, voice: Voice, question: str, weight: float
) -> TriedVoice:
    """The answer to `question` in the voice that holds and in `voice`. Raises IndexUnavailable."""
    query = Query.of([question[:MAX_QUESTION_CHARS]])
    weight = tuning_of(tx, brand=brand, otherwise=weight).dense_weight
    passages = cited(search.search(tx, brand=brand, query=query, weight=weight, top=SHOWN).passages)

    def draft(in_voice: Voice) -> str:
        found = compose(question=query.last_turn, passages=passages, voice=in_voice, customer_name=CUSTOMER)
        return found.text if found else ""

    return TriedVoice(
        question=query.last_turn, before=draft(voice_of(tx, brand=brand).voice), after=draft(voice)
    )
