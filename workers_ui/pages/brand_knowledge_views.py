"""A brand's knowledge as its people see it: articles, an answered test question."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from guidance.confidence import Reason
from guidance.engine import Answer
from knowledge_base.models import ArticleState
from knowledge_base.queries import ArticleDetail, ArticleLine, IndexStatus
from knowledge_base.reports import sha256_of
from marketplace.kernel.ids import PassageId
from workers_ui.pages.desk_views import confidence_label
from workers_ui.pages.places import place_of
from workers_ui.presenters import brand as views
from workers_ui.presenters.values import Badge, Notice, Tone

READY = Badge(label="ready", tone=Tone.GOOD)
INDEXING = Badge(label="indexing", tone=Tone.INFO)
RETIRED = Badge(label="retired", tone=Tone.NEUTRAL)
DRAFT = Badge(label="draft", tone=Tone.NEUTRAL)
SILENCES: Mapping[Reason, str] = {
    Reason.NOTHING_FOUND: "The knowledge base has nothing on this question.",
    Reason.OFF_TOPIC: "The nearest passage is about something else.",
    Reason.TOO_SHORT: "The question is too short to match.",
    Reason.AMBIGUOUS: "Several articles fit equally well.",
    Reason.WEAK: "No passage matches well enough.",
    Reason.FAILING: "What it says has not helped others who asked.",
}
DAMAGED = (
    "Your search index could not be read, and it is being built again from your articles. Nothing of them is lost; "
    "until then search may miss the newest."
)
BUILT_AGAIN = (
    "Your search index could not be read. It was built again from your articles; nothing is missing."
)
TOLD_OF_DAMAGE = timedelta(days=1)
NOT_QUOTABLE = "The passages hold nothing that may be quoted in your voice."


def article_row(line: ArticleLine, *, index: IndexStatus, cited: int) -> views.ArticleRow:
    return views.ArticleRow(
        article=str(line.id),
        title=line.title,
        state=article_state(line, index),
        passage_count=line.passages,
        used_count=cited,
        updated_at=line.written_at,
    )


def index_notice(index: IndexStatus, now: datetime) -> Notice | None:
    """What a brand should know of its search index; None when there is nothing to say."""
    if index.damaged:
        return Notice(text=DAMAGED, tone=Tone.WARN)
    if index.rolled_back_at is not None:
        text = f"Search uses the index before the last one until your next change. Why: {index.rolled_back_reason}"
        return Notice(text=text, tone=Tone.WARN)
    if index.damaged_at is not None and now - index.damaged_at < TOLD_OF_DAMAGE:
        return Notice(text=BUILT_AGAIN, tone=Tone.INFO)
    return None


def article_state(line: ArticleLine, index: IndexStatus) -> Badge:
    match line.state:
        case ArticleState.RETIRED:
            return RETIRED
        case ArticleState.DRAFT:
            return DRAFT
        case ArticleState.PUBLISHED:
            return INDEXING if index.behind and _is_newer(line.verified_at, index) else READY


def _is_newer(changed_at: datetime, index: IndexStatus) -> bool:
    return index.indexed_at is None or changed_at > index.indexed_at


def article_passages(
    detail: ArticleDetail, cited: Mapping[PassageId, int], quarantined: Collection[str] = ()
) -> tuple[views.ArticlePassage, ...]:
    return tuple(
        views.ArticlePassage(
            passage=str(passage.id),
            section_path=place_of(passage.section_path, passage.page),
            text=passage.text,
            cited_count=cited.get(passage.id, 0),
            quarantined=sha256_of(passage.text) in quarantined,
        )
        for passage in detail.passages
    )


def retire_effect(passages: int, open_suggestions: int) -> str:
    """What goes with the article, before anybody retires it."""
    left = "1 passage leaves" if passages == 1 else f"{passages:,} passages leave"
    if open_suggestions == 1:
        stale = " 1 open suggestion that cites it is marked out of date."
    elif open_suggestions:
        stale = f" {open_suggestions:,} open suggestions that cite it are marked out of date."
    else:
        stale = ""
    return f"{left} search at once.{stale} Receipts of sent replies keep their own copy."


def no_passages(state: ArticleState) -> str:
    """Why an article has nothing to show."""
    match state:
        case ArticleState.RETIRED:
            return "It is retired: nothing of it is offered."
        case ArticleState.DRAFT:
            return "It is a draft: nothing of it is offered until it is published."
        case ArticleState.PUBLISHED:
            return "The file was read but held no text. Replace it with one that does."


def question_test(question: str, found: Answer) -> views.QuestionTest:
    """What a worker would be shown: the desk's cards and its draft, or why guidance keeps silent."""
    return views.QuestionTest(
        question=question,
        asked=True,
        passages=tuple(
            views.FoundPassage(
                article=str(passage.article_id),
                article_title=passage.title,
                section_path=place_of(passage.section_path, passage.page),
                text=passage.text,
            )
            for passage in found.passages
        ),
        draft=found.draft.text if found.draft else "",
        confidence=found.assessment.confidence,
        confidence_label=confidence_label(found.assessment.confidence),
        abstained=found.draft is None,
        reason="" if found.draft else _silence(found),
    )


def _silence(found: Answer) -> str:
    if found.assessment.answer:
        return NOT_QUOTABLE
    why = SILENCES[found.assessment.reason]
    return f"{why} The worker reads: {found.assessment.next_step}"
