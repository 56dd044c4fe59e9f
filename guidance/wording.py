"""Having a quoted suggestion worded anew by a generator: asked once, outside any transaction, judged, kept beside it.

A suggestion is evidence and never changed, so what is worded is another suggestion with the same passages. It takes
the quoted one's place only while nobody holds the ticket: a worker's draft does not change before their eyes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from guidance.answer_models import SuggestionReuse
from guidance.conversation import conversation_of
from guidance.draft import Draft, DraftSentence, QuestionCoverage
from guidance.generator import Generator, GeneratorFailed, NotGrounded, Quoted, WordingRequest, worded
from guidance.models import Suggestion, SuggestionState
from guidance.queries import (
    cited_passages,
    generator_of,
    has_moved_on,
    newest_suggestion,
    passages_of,
    why_stopped,
)
from guidance.voices import NumberedVoice, voice_of
from guidance.wording_models import Wording, WordingOutcome
from marketplace.events.commands import record
from marketplace.events.facts import SuggestionPrepared
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Tx, copied
from marketplace.kernel.ids import BrandId, SuggestionId, TicketId, new_id
from marketplace.tickets.masking import mask
from marketplace.tickets.models import Customer, PoolState, PoolTicket

REASON_CHARS = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A suggestion that is being worded, with all that is needed while no transaction is open."""

    suggestion: SuggestionId
    voice: NumberedVoice
    quoted: Quoted
    request: WordingRequest


def word_suggestion(
    database: Database, generator: Generator, *, brand: BrandId, ticket: TicketId
) -> WordingOutcome | None:
    """Have the ticket's newest suggestion worded, once; None when there is nothing to word, or it was tried."""
    with database.transaction() as tx:
        asked = _ask(tx, generator, brand, ticket, now=app_now(tx))
    if asked is None:
        return None
    try:
        draft = worded(generator.write(asked.request), asked.quoted)
    except GeneratorFailed as failure:
        return _note(database, brand, asked, WordingOutcome.FAILED, str(failure))
    except NotGrounded as refusal:
        return _note(database, brand, asked, WordingOutcome.REFUSED, str(refusal))
    with database.transaction() as tx:
        return _keep(tx, brand, ticket, asked, draft, now=app_now(tx))


def _ask(tx: Tx, generator: Generator, brand: BrandId, ticket: TicketId, *, now: datetime) -> _Asked | None:
    """Take the ticket's newest suggestion for wording; whoever writes its row first asks, and nobody after."""
    suggestion = _to_be_worded(tx, brand, ticket)
    if suggestion is None:
        return None
    ours = (
        insert(Wording)
        .values(
            brand_id=brand,
            suggestion_id=suggestion.id,
            generator=generator.name,
            outcome=WordingOutcome.ASKED,
            reason="",
            asked_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Wording.suggestion_id)
    )
    if tx.execute(ours).first() is None:
        return None
    said = conversation_of(tx, brand=brand, ticket=ticket)
    voice = voice_of(tx, brand=brand)
    customer = tx.get(Customer, (brand, said.ticket.customer_id))
    quoted = Quoted(
        draft=_draft_of(suggestion),
        passages=tuple(cited_passages(tx, suggestion)),
        voice=voice.voice,
        customer_name=said.customer_name,
        facts=said.facts,
        customer=(*said.said_by_customer, (customer and customer.email) or ""),
    )
    request = WordingRequest(
        question=mask(said.asked).text,
        questions=tuple(one.question for one in quoted.draft.coverage if one.ranks),
        passages=quoted.sources,
        voice=voice.voice,
    )
    return _Asked(suggestion=suggestion.id, voice=voice, quoted=quoted, request=request)


def _to_be_worded(tx: Tx, brand: BrandId, ticket: TicketId) -> Suggestion | None:
    """The ticket's newest suggestion while nobody holds the ticket, unless it is a silence or a generator's already."""
    held = tx.scalar(
        select(PoolTicket.state).where(PoolTicket.brand_id == brand, PoolTicket.ticket_id == ticket)
    )
    newest = newest_suggestion(tx, brand=brand, ticket=ticket)
    if (
        held is not PoolState.OPEN
        or newest is None
        or newest.state is not SuggestionState.READY
        or has_moved_on(tx, newest)
        or why_stopped(tx, brand=brand) is not None
        or generator_of(tx, newest)
    ):
        return None
    return newest


def _draft_of(suggestion: Suggestion) -> Draft:
    return Draft(
        text=suggestion.draft,
        sentences=tuple(DraftSentence(**one) for one in suggestion.sentences),
        slots=(),
        coverage=tuple(
            QuestionCoverage(question=one["question"], ranks=tuple(one["ranks"]))
            for one in suggestion.questions
        ),
    )


def _note(
    database: Database, brand: BrandId, asked: _Asked, outcome: WordingOutcome, reason: str
) -> WordingOutcome:
    with database.transaction() as tx:
        row = tx.get_one(Wording, (brand, asked.suggestion))
        row.outcome, row.reason = outcome, reason[:REASON_CHARS]
    log.info("wording.not_used", suggestion=str(asked.suggestion), outcome=outcome.value)
    return outcome


def _keep(
    tx: Tx, brand: BrandId, ticket: TicketId, asked: _Asked, draft: Draft, *, now: datetime
) -> WordingOutcome:
    """What was worded becomes the ticket's newest suggestion, unless that is another by now, or somebody reads it."""
    row = tx.get_one(Wording, (brand, asked.suggestion), with_for_update=True)
    still = _to_be_worded(tx, brand, ticket)
    if still is None or still.id != asked.suggestion:
        row.outcome = WordingOutcome.TOO_LATE
        return row.outcome
    became = SuggestionId(new_id())
    tx.add(
        copied(
            still,
            id=became,
            draft=draft.text,
            sentences=[asdict(sentence) for sentence in draft.sentences],
            questions=[{"question": one.question, "ranks": list(one.ranks)} for one in draft.coverage],
            slots=[asdict(slot) for slot in draft.filled],
            voice_version=asked.voice.version,
            prepared_at=now,
        )
    )
    tx.flush()
    reuse = tx.get(SuggestionReuse, (brand, still.id))
    tx.add_all(
        copied(one, suggestion_id=became) for one in (*passages_of(tx, still), reuse) if one is not None
    )
    row.outcome, row.became = WordingOutcome.WORDED, became
    record(tx, SuggestionPrepared(brand=brand, ticket=ticket, suggestion=became, state=still.state.value))
    return row.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRecord:
    """What became of a brand's suggestions that a generator was asked about; `last_refusal` is why the newest of its
    wordings did not stand, empty when all did."""

    counts: Mapping[WordingOutcome, int]
    last_refusal: str


def wording_record(tx: Tx, *, brand: BrandId, since: datetime) -> WordingRecord:
    recent = (Wording.brand_id == brand, Wording.asked_at >= since)
    counts = tx.execute(select(Wording.outcome, func.count()).where(*recent).group_by(Wording.outcome))
    refusal = select(Wording.reason).where(*recent, Wording.outcome == WordingOutcome.REFUSED)
    return WordingRecord(
        counts={outcome: count for outcome, count in counts},
        last_refusal=tx.scalar(refusal.order_by(Wording.asked_at.desc()).limit(1)) or "",
    )
