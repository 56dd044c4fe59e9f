"""A worker reports a passage that guidance showed on a ticket of his."""

from datetime import datetime

from sqlalchemy import Select, select

from guidance.models import Suggestion, SuggestionPassage
from knowledge_base.report_models import PassageReport, ReportReason
from knowledge_base.reports import report_passage
from marketplace.kernel.db import Scope, Tx, rescope
from marketplace.kernel.errors import NotFound
from marketplace.kernel.ids import BrandId, PassageId, TicketId, WorkerId
from marketplace.tickets.models import Claim

SHOWN_AT_MOST = 9
SUGGESTIONS_LOOKED_AT = 60
"""Rows of passages, three a suggestion: the newest twenty suggestions of a ticket."""


class NotShownToYou(NotFound):
    """You can report a passage that guidance showed you on a ticket of yours."""


def report_shown_passage(
    tx: Tx,
    *,
    ticket: TicketId,
    passage: PassageId,
    worker: WorkerId,
    reason: ReportReason,
    note: str,
    now: datetime,
) -> PassageReport:
    """`report_passage` by a worker who holds `ticket`, or held it when the passage was shown.

    The brand comes from his own claim. The transaction is the worker's before and after. Raises NotShownToYou and
    what `report_passage` raises.
    """
    brand = _find_shown_at(tx, ticket=ticket, passage=passage, worker=worker)
    if brand is None:
        raise NotShownToYou
    rescope(tx, Scope(worker=worker, brand=brand))
    report = report_passage(
        tx,
        brand=brand,
        passage=passage,
        ticket=ticket,
        worker=worker,
        reason=reason,
        note=note,
        now=now,
    )
    tx.flush()
    rescope(tx, Scope(worker=worker))
    return report


def shown_passages(tx: Tx, *, ticket: TicketId, worker: WorkerId) -> list[SuggestionPassage]:
    """What guidance showed `worker` on `ticket`, up to SHOWN_AT_MOST passages, the newest first."""
    rows = tx.scalars(
        _shown_to(ticket, worker)
        .with_only_columns(SuggestionPassage)
        .order_by(SuggestionPassage.suggestion_id.desc(), SuggestionPassage.rank)
        .limit(SUGGESTIONS_LOOKED_AT)
    )
    newest = {row.passage_id: row for row in reversed(rows.unique().all())}
    return sorted(newest.values(), key=lambda row: (row.suggestion_id, -row.rank), reverse=True)[
        :SHOWN_AT_MOST
    ]


def _find_shown_at(tx: Tx, *, ticket: TicketId, passage: PassageId, worker: WorkerId) -> BrandId | None:
    """The brand of the claim under which `worker` was shown `passage` on `ticket`."""
    shown = _shown_to(ticket, worker).where(SuggestionPassage.passage_id == passage)
    return tx.scalars(shown.limit(1)).one_or_none()


def _shown_to(ticket: TicketId, worker: WorkerId) -> Select[BrandId]:
    """Passages of suggestions that were there under a claim of `worker` on `ticket`, by its brand."""
    return (
        select(Claim.brand_id)
        .join(Suggestion, (Suggestion.brand_id == Claim.brand_id) & (Suggestion.ticket_id == Claim.ticket_id))
        .join(
            SuggestionPassage,
            (SuggestionPassage.brand_id == Suggestion.brand_id)
            & (SuggestionPassage.suggestion_id == Suggestion.id),
        )
        .where(
            Claim.ticket_id == ticket,
            Claim.worker_id == worker,
            Claim.ended_at.is_(None) | (Suggestion.prepared_at < Claim.ended_at),
        )
    )
