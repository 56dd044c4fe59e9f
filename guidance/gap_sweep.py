"""What keeps the gap list: facts are read in order, and the tickets they are about looked at again, a batch a time.

Each look reads what the tables say now, so a fact may come late or twice. Nothing here calls out or records facts.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from guidance.article_credits import note_published
from guidance.gap_evidence import tickets_resting_on
from guidance.gaps import Sight, look_at_all_again, look_at_tickets
from guidance.knowledge_coverage import count_first_looks
from marketplace.events.cursors import advance, held_cursor
from marketplace.events.facts import (
    EscalationConfirmed,
    IndexPublished,
    LeaseExpired,
    PassageQuarantined,
    QuarantineLifted,
    ReplyCorrected,
    ReplyQueued,
    ReplyReturned,
    SuggestionPrepared,
    SwitchLifted,
    SwitchThrown,
    TicketEscalated,
    TicketRated,
    TicketReleased,
    TicketReopened,
    kind_of,
)
from marketplace.events.queries import Told, facts_after
from marketplace.kernel.db import Tx
from marketplace.kernel.ids import ArticleId, BrandId, SuggestionId, TicketId
from marketplace.tickets.switch_models import SwitchKind

READER = "gaps"
FACTS_A_LOOK = 100

_SUGGESTED = kind_of(SuggestionPrepared)
_OF_TICKETS = frozenset(
    kind_of(fact)
    for fact in (
        SuggestionPrepared,
        ReplyQueued,
        TicketReleased,
        LeaseExpired,
        TicketEscalated,
        EscalationConfirmed,
        TicketReopened,
        TicketRated,
        ReplyReturned,
        ReplyCorrected,
    )
)
_OF_SWITCHES = frozenset({kind_of(SwitchThrown), kind_of(SwitchLifted)})
_OF_QUARANTINES = frozenset({kind_of(PassageQuarantined), kind_of(QuarantineLifted)})

log = structlog.get_logger()


def look_at_facts(tx: Tx, sight: Sight, *, now: datetime) -> int:
    """Deal with the next facts, 100 at most; how many there were."""
    facts = facts_after(tx, held_cursor(tx, READER), limit=FACTS_A_LOOK)
    if not facts:
        return 0
    for brand, told in _by_brand(facts).items():
        try:
            with tx.begin_nested():
                _look(tx, sight, brand, told, now)
        except Exception:  # the edge of one brand's batch: no other brand waits for it
            log.exception("gaps.left_batch", brand=str(brand), facts=len(told))
    advance(tx, READER, facts[-1].cursor)
    return len(facts)


def _by_brand(facts: Sequence[Told]) -> dict[BrandId, list[Told]]:
    told: dict[BrandId, list[Told]] = defaultdict(list)
    for fact in facts:
        if fact.brand is not None:
            told[fact.brand].append(fact)
    return told


def _look(tx: Tx, sight: Sight, brand: BrandId, facts: Sequence[Told], now: datetime) -> None:
    suggested = [SuggestionId(UUID(one.body["suggestion"])) for one in facts if one.kind == _SUGGESTED]
    if suggested:
        count_first_looks(tx, brand=brand, suggestions=suggested)
    tickets = [TicketId(one.subject) for one in facts if one.kind in _OF_TICKETS and one.subject]
    for article in _articles_switched(facts):
        tickets += tickets_resting_on(tx, brand=brand, article=article)
    if tickets:
        look_at_tickets(tx, sight, brand=brand, tickets=list(dict.fromkeys(tickets)), now=now)
    if any(one.kind == kind_of(IndexPublished) for one in facts):
        look_at_all_again(tx, brand=brand)
        note_published(tx, brand=brand, now=now)


def _articles_switched(facts: Sequence[Told]) -> list[ArticleId]:
    """Articles that may be offered less, or more, than before."""
    stopped = [
        one.body["key"]
        for one in facts
        if one.kind in _OF_SWITCHES and one.body.get("stops") == SwitchKind.ARTICLE
    ]
    quarantined = [one.body["article"] for one in facts if one.kind in _OF_QUARANTINES]
    return [ArticleId(UUID(article)) for article in dict.fromkeys((*stopped, *quarantined))]
