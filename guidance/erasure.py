"""What guidance quotes of a brand's knowledge, and what of it goes when that is erased.

Evidence stays: what a reply that was sent had inserted, and the passages its sentences quote. What was only shown goes,
drafts nobody used become silences, and gaps lose the articles that closed them.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import (
    ColumnElement,
    Text,
    cast,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from guidance.answer_models import RememberedAnswer, SuggestionReuse
from guidance.confidence import Reason
from guidance.correction_models import Correction, CorrectionNotice, CorrectionReply
from guidance.gap_models import Gap, GapState
from guidance.models import Receipt, Suggestion, SuggestionPassage, SuggestionState
from guidance.wording_models import Wording
from marketplace.kernel.db import Base, Tx
from marketplace.kernel.ids import BrandId

ERASED: Mapping[str, str] = {
    "correction": "It names texts; what customers were told stands in their threads.",
    "correction_notice": "So does this one.",
    "correction_reply": "So does this one.",
    "suggestion": "Its draft goes, unless a reply was begun from it.",
    "suggestion_passage": "It goes, unless a reply that was sent quotes or inserted it.",
    "remembered_answer": "It quotes an article.",
    "suggestion_reuse": "It names one of these.",
    "suggestion_wording": "Why a generator's words did not stand quotes them, and goes.",
    "gap": "It loses the article that closed it, and is open again.",
}
KEPT: Mapping[str, str] = {
    "voice": "How a brand speaks is not what it knows.",
    "lint_policy": "What is checked of a reply is not what the brand knows.",
    "receipt": "It is the evidence for a reply's pay.",
    "flow_version": "A flow is the brand's own way of asking, not its knowledge; it is withdrawn on its page.",
    "flow_walk": "Receipts rest on it.",
    "gap_question": "What a customer asked is not the brand's knowledge.",
    "gap_cost": "It is money.",
    "coverage_day": "It counts.",
    "guidance_tuning": "It holds figures and settings alone.",
    "guidance_caution": "So does this one.",
    "article_credit": "It is the worker's, who reads in it the title he was credited for.",
}

DRAFT = "draft"
REFUSAL_ERASED = "Erased with the knowledge."
NOTHING_KNOWN = "The knowledge was erased. Answer from what you know of the ticket, or escalate."


def forget_knowledge(tx: Tx, brand: BrandId, limit: int) -> int:
    """Forget up to `limit` rows of what is left; 0 when nothing is. A `knowledge_base.erasure.Forget`."""
    for step in (
        _forget_passages,
        _forget_drafts,
        _forget_refusals,
        _forget_gaps,
        *map(_deleting, (*_CORRECTIONS, *_REMEMBERED)),
    ):
        done = step(tx, brand, limit)
        if done:
            return done
    return 0


def _forget_passages(tx: Tx, brand: BrandId, limit: int) -> int:
    """Passages that were shown and came into no reply."""
    key = (SuggestionPassage.brand_id, SuggestionPassage.suggestion_id, SuggestionPassage.rank)
    some = select(*key).where(SuggestionPassage.brand_id == brand, ~_came_into_a_reply()).limit(limit)
    return len(tx.execute(delete(SuggestionPassage).where(tuple_(*key).in_(some)).returning(*key)).all())


def _came_into_a_reply() -> ColumnElement[bool]:
    sentence = func.jsonb_build_array(func.jsonb_build_object("passage_rank", SuggestionPassage.rank))
    return exists().where(
        Receipt.brand_id == SuggestionPassage.brand_id,
        Receipt.suggestion_id == SuggestionPassage.suggestion_id,
        or_(Receipt.inserted.has_key(cast(SuggestionPassage.rank, Text)), Receipt.support.contains(sentence)),
    )


def _forget_drafts(tx: Tx, brand: BrandId, limit: int) -> int:
    """Drafts that no reply was begun from become silences with a reason."""
    used = exists().where(
        Receipt.brand_id == Suggestion.brand_id,
        Receipt.suggestion_id == Suggestion.id,
        Receipt.inserted.has_key(DRAFT),
    )
    some = (
        select(Suggestion.id)
        .where(Suggestion.brand_id == brand, Suggestion.state == SuggestionState.READY, ~used)
        .limit(limit)
    )
    silence = {
        "state": SuggestionState.ABSTAINED,
        "reason": Reason.NOTHING_FOUND.value,
        "next_step": NOTHING_KNOWN,
        "draft": "",
        "sentences": [],
    }
    return _changed(tx, Suggestion, (Suggestion.brand_id == brand, Suggestion.id.in_(some)), silence)


def _forget_refusals(tx: Tx, brand: BrandId, limit: int) -> int:
    """Why a generator's words did not stand quotes them."""
    some = (
        select(Wording.suggestion_id)
        .where(Wording.brand_id == brand, Wording.reason.not_in(("", REFUSAL_ERASED)))
        .limit(limit)
    )
    which = (Wording.brand_id == brand, Wording.suggestion_id.in_(some))
    return _changed(tx, Wording, which, {"reason": REFUSAL_ERASED})


def _forget_gaps(tx: Tx, brand: BrandId, limit: int) -> int:
    """Gaps that an article closed, or was begun for, are open again."""
    some = select(Gap.id).where(Gap.brand_id == brand, Gap.article_id.is_not(None)).limit(limit)
    again = {"article_id": None, "closed_at": None, "state": GapState.OPEN}
    return _changed(tx, Gap, (Gap.brand_id == brand, Gap.id.in_(some)), again)


_CORRECTIONS = (CorrectionReply, CorrectionNotice, Correction)
"""Each before those it refers to."""

_REMEMBERED = (SuggestionReuse, RememberedAnswer)


def _deleting(kind: type[Base]) -> Callable[[Tx, BrandId, int], int]:
    table, key = Base.metadata.tables[kind.__tablename__], _key(kind)

    def step(tx: Tx, brand: BrandId, limit: int) -> int:
        some = select(*key).where(table.c.brand_id == brand).limit(limit)
        return len(tx.execute(delete(kind).where(tuple_(*key).in_(some)).returning(*key)).all())

    return step


def _changed(
    tx: Tx, kind: type[Base], which: tuple[ColumnElement[bool], ...], values: Mapping[str, object]
) -> int:
    return len(tx.execute(update(kind).where(*which).values(**values).returning(*_key(kind))).all())


def _key(kind: type[Base]) -> list[ColumnElement[object]]:
    return list(Base.metadata.tables[kind.__tablename__].primary_key.columns)
