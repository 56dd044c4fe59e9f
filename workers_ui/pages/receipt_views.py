"""A stored receipt as the one record that worker, brand and finance read."""

from collections.abc import Iterator
from datetime import datetime

from guidance.commands import FLOW
from guidance.flow_models import FlowWalk
from guidance.queries import ReceiptView, SuggestionView
from workers_ui.pages.outcome_words import outcome
from workers_ui.pages.places import place_of
from workers_ui.presenters.receipts import Receipt, ReceiptPassage

DRAFT = "draft"


def receipt(
    stored: ReceiptView,
    *,
    worker_alias: str,
    sent_at: datetime,
    label: str,
    articles_path: str = "",
) -> Receipt:
    """`articles_path` is where the reader may open a cited article; empty where they may not."""
    return Receipt(
        worker_alias=worker_alias,
        sent_at=sent_at,
        edit_summary=edit_summary(stored),
        affiliation_label=label,
        support=support(stored),
        passages=_passages(stored, articles_path),
        abstained=stored.abstained,
        flow=_flow(stored.flow),
        flow_answers=_flow_answers(stored.flow),
        outcome=outcome(stored.outcome),
        findings=tuple(one["words"] for one in stored.findings),
        generator=stored.generator,
    )


def alias(name: str) -> str:
    """Robin Reed → Robin R.: enough to tell two workers apart, too little to look one up."""
    first, *others = name.split()
    return f"{first} {others[-1][0]}." if others else first


def edit_summary(stored: ReceiptView) -> str:
    """ "draft inserted, 14 % changed"."""
    if not stored.inserted:
        return "written by hand"
    what = " and ".join(_named(stored))
    changed = "sent unchanged" if not stored.edit_distance else f"{_percent(stored.edited_share)} changed"
    return f"{what} inserted, {changed}"


def support(stored: ReceiptView) -> str:
    """How many of the sent sentences stand in the passages; greeting and sign-off seldom do."""
    held = sum(sentence["passage_rank"] is not None for sentence in stored.support)
    said = f"{held} of {len(stored.support)} sentences stand in the passages."
    return (
        said if stored.confidence is None else f"{said} Guidance was {_percent(stored.confidence)} confident."
    )


def passages_of(found: SuggestionView, articles_path: str) -> tuple[ReceiptPassage, ...]:
    """The passages that a suggestion shows, before anybody used one."""
    return tuple(
        ReceiptPassage(
            article_title=passage.title,
            section_path=place_of(passage.section_path, passage.page),
            excerpt=passage.quoted,
            shown=True,
            inserted=False,
            revision_label=f"revision {passage.revision_number}",
            article_href=f"{articles_path}/{passage.article_id}" if articles_path else "",
        )
        for passage in found.passages
    )


def _passages(stored: ReceiptView, articles_path: str) -> tuple[ReceiptPassage, ...]:
    quoted = {sentence["passage_rank"] for sentence in stored.support}
    from_draft = quoted if DRAFT in stored.inserted else set()
    return tuple(
        ReceiptPassage(
            article_title=passage.title,
            section_path=place_of(passage.section_path, passage.page),
            excerpt=passage.quoted,
            shown=True,
            inserted=str(passage.rank) in stored.inserted or passage.rank in from_draft,
            revision_label=f"revision {passage.revision_number}",
            article_href=f"{articles_path}/{passage.article_id}" if articles_path else "",
        )
        for passage in stored.passages
    )


def _named(stored: ReceiptView) -> Iterator[str]:
    """What went in: the draft or passages, and a flow."""
    guided = tuple(one for one in stored.inserted if one != FLOW)
    if guided:
        yield DRAFT if DRAFT in guided else _passages_named(guided)
    if stored.flow is not None:
        yield f"flow “{stored.flow.flow_key}”"


def _flow(walked: FlowWalk | None) -> str:
    return f"{walked.flow_key}, version {walked.flow_version}: {' → '.join(walked.path)}" if walked else ""


def _flow_answers(walked: FlowWalk | None) -> tuple[tuple[str, str], ...]:
    return tuple((one["question"], one["answer"]) for one in walked.answered) if walked else ()


def _passages_named(inserted: tuple[str, ...]) -> str:
    ranks = sorted(set(inserted))
    return f"passage {ranks[0]}" if len(ranks) == 1 else f"passages {' and '.join(ranks)}"


def _percent(share: float) -> str:
    # 99.6 % changed is not all of it, and 0.4 % is not nothing.
    return f"{min(99, max(1, round(100 * share))) if 0 < share < 1 else round(100 * share)} %"
