"""What a person decides about an import: publish what it drafted, discard it, or take back what it published.

Each decision is a state of the import that a job works off in slices, so that 50,000 articles block nobody and a kill
loses nothing: what is decided of an article stands in its import_article row, in the commit that did it.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update

from knowledge_base.drafting import hold_knowledge
from knowledge_base.import_files import locked_import
from knowledge_base.import_models import (
    ImportArticle,
    ImportArticleState,
    ImportState,
    KnowledgeImport,
)
from knowledge_base.imports import move_import, read_import
from knowledge_base.in_force import held_revision, next_change
from knowledge_base.models import Article
from knowledge_base.publishing import publish_revisions, retire_articles
from knowledge_base.reading.reader import Reader
from marketplace.events.commands import record
from marketplace.events.facts import ImportStarted
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope, Tx
from marketplace.kernel.errors import Conflict, NotFound
from marketplace.kernel.ids import ArticleId, BrandId, ImportId, PersonId, RevisionId

ARTICLES_PER_TRANSACTION = 500
PUBLISHED_ENDS = frozenset({ImportState.INDEXING, ImportState.READY})


class NotInReview(Conflict):
    """This import has nothing that waits for your look. Reload its page."""


class NothingToPublish(Conflict):
    """Every article is left out. Take one in, or discard the import."""


class NotPublished(Conflict):
    """This import has published nothing that could be taken back."""


class DraftNotFound(NotFound):
    """There is no such article in this import."""


def leave_out(tx: Tx, *, brand: BrandId, import_id: ImportId, article: ArticleId) -> None:
    """Do not publish this article with the rest. Raises NotInReview or DraftNotFound."""
    _decide(tx, brand, import_id, article, ImportArticleState.LEFT_OUT)


def take_in(tx: Tx, *, brand: BrandId, import_id: ImportId, article: ArticleId) -> None:
    """Publish this article with the rest after all. Raises NotInReview or DraftNotFound."""
    _decide(tx, brand, import_id, article, ImportArticleState.DRAFTED)


def publish_import(tx: Tx, *, brand: BrandId, import_id: ImportId, by: PersonId | None) -> None:
    """Let the drafts of an import hold, but for those left out. A second time changes nothing.

    Raises ImportNotFound, NotInReview or NothingToPublish.
    """
    found = locked_import(tx, brand, import_id)
    if found.state in PUBLISHED_ENDS | {ImportState.PUBLISHING}:
        return
    _require_review(found)
    if not _some(tx, found, ImportArticleState.DRAFTED, limit=1):
        raise NothingToPublish
    _ask_for(tx, found, ImportState.PUBLISHING, by)


def discard_import(tx: Tx, *, brand: BrandId, import_id: ImportId, by: PersonId | None) -> None:
    """Publish none of an import's drafts. A second time changes nothing. Raises ImportNotFound or NotInReview."""
    found = locked_import(tx, brand, import_id)
    if found.state in (ImportState.DISCARDING, ImportState.DISCARDED):
        return
    _require_review(found)
    _ask_for(tx, found, ImportState.DISCARDING, by)


def undo_import(tx: Tx, *, brand: BrandId, import_id: ImportId, by: PersonId | None) -> None:
    """Take back what an import published: what it created is retired, what it changed goes back to the text before.

    An article that was changed since is left as it is and named. A second time changes nothing. Raises
    ImportNotFound or NotPublished.
    """
    found = locked_import(tx, brand, import_id)
    if found.state in (ImportState.UNDOING, ImportState.UNDONE):
        return
    if found.state not in PUBLISHED_ENDS or not _some(tx, found, ImportArticleState.PUBLISHED, limit=1):
        raise NotPublished
    _ask_for(tx, found, ImportState.UNDOING, by)


def advance_import(
    database: Database, brand: BrandId, import_id: ImportId, *, reader: Reader | None = None
) -> ImportState:
    """Work off whatever an import waits for: reading, publishing, discarding or undoing. Raises ImportNotFound."""
    state = read_import(database, brand, import_id, reader=reader)
    while state in (ImportState.PUBLISHING, ImportState.DISCARDING, ImportState.UNDOING):
        with database.transaction(Scope(brand=brand)) as tx:
            state = _work_off(tx, brand, import_id)
    return state


def _work_off(tx: Tx, brand: BrandId, import_id: ImportId) -> ImportState:
    found = locked_import(tx, brand, import_id)
    match found.state:
        case ImportState.PUBLISHING:
            _publish_some(tx, found)
        case ImportState.DISCARDING:
            _discard_some(tx, found)
        case ImportState.UNDOING:
            _undo_some(tx, found)
        case _:
            return found.state  # another job was faster
    found.attempts = 0
    return found.state


def _publish_some(tx: Tx, found: KnowledgeImport) -> None:
    # Held before the look at what holds, so that what an undo goes back to is what was replaced.
    version = hold_knowledge(tx, found.brand_id)
    rows = _some(tx, found, ImportArticleState.DRAFTED, limit=ARTICLES_PER_TRANSACTION)
    if not rows:
        behind = version.changed > version.indexed
        _forget_left_out(tx, found)
        move_import(tx, found, ImportState.INDEXING if behind else ImportState.READY)
        return
    held = _held(tx, found.brand_id, [row.article_id for row in rows])
    publish_revisions(
        tx,
        brand=found.brand_id,
        revisions=[row.revision_id for row in rows],
        author=found.decided_by_id,
        now=app_now(tx),
    )
    for row in rows:
        row.before_id, row.state = held.get(row.article_id), ImportArticleState.PUBLISHED
    tx.flush()


def _forget_left_out(tx: Tx, found: KnowledgeImport) -> None:
    """What was left out and never held is nobody's draft any more."""
    rows = _some(tx, found, ImportArticleState.LEFT_OUT, limit=None)
    _retire_unheld(tx, found, rows)


def _discard_some(tx: Tx, found: KnowledgeImport) -> None:
    open_states = (ImportArticleState.DRAFTED, ImportArticleState.LEFT_OUT)
    rows = _some(tx, found, *open_states, limit=ARTICLES_PER_TRANSACTION)
    if not rows:
        move_import(tx, found, ImportState.DISCARDED)
        return
    _retire_unheld(tx, found, rows)
    for row in rows:
        row.state = ImportArticleState.UNDONE
    tx.flush()


def _retire_unheld(tx: Tx, found: KnowledgeImport, rows: Sequence[ImportArticle]) -> None:
    """Articles that exist by these drafts alone; one that somebody published or planned by hand is theirs."""
    taken = _held(tx, found.brand_id, [row.article_id for row in rows])
    planned = _planned(tx, found.brand_id, [row.article_id for row in rows])
    only_drafts = [
        row.article_id
        for row in rows
        if row.before_id is None and row.article_id not in taken and row.article_id not in planned
    ]
    retire_articles(
        tx, brand=found.brand_id, articles=only_drafts, author=found.decided_by_id, now=app_now(tx)
    )


def _undo_some(tx: Tx, found: KnowledgeImport) -> None:
    hold_knowledge(tx, found.brand_id)
    rows = _some(tx, found, ImportArticleState.PUBLISHED, limit=ARTICLES_PER_TRANSACTION)
    if not rows:
        move_import(tx, found, ImportState.UNDONE)
        return
    articles = [row.article_id for row in rows]
    held, planned = _held(tx, found.brand_id, articles), _planned(tx, found.brand_id, articles)
    for row in rows:
        # Going back keeps what is planned; retiring would not.
        is_planned = row.before_id is None and row.article_id in planned
        untouched = held.get(row.article_id) == row.revision_id and not is_planned
        row.state = ImportArticleState.UNDONE if untouched else ImportArticleState.KEPT
    tx.flush()
    _take_back(tx, found, [row for row in rows if row.state is ImportArticleState.UNDONE])


def _take_back(tx: Tx, found: KnowledgeImport, rows: Sequence[ImportArticle]) -> None:
    now = app_now(tx)
    before = [row.before_id for row in rows if row.before_id is not None]
    created = [row.article_id for row in rows if row.before_id is None]
    publish_revisions(tx, brand=found.brand_id, revisions=before, author=found.decided_by_id, now=now)
    retire_articles(tx, brand=found.brand_id, articles=created, author=found.decided_by_id, now=now)


def _decide(
    tx: Tx, brand: BrandId, import_id: ImportId, article: ArticleId, state: ImportArticleState
) -> None:
    _require_review(locked_import(tx, brand, import_id))
    open_states = (ImportArticleState.DRAFTED, ImportArticleState.LEFT_OUT)
    decided = tx.execute(
        update(ImportArticle)
        .where(
            ImportArticle.brand_id == brand,
            ImportArticle.import_id == import_id,
            ImportArticle.article_id == article,
            ImportArticle.state.in_(open_states),
        )
        .values(state=state)
        .returning(ImportArticle.article_id)
    ).first()
    if decided is None:
        raise DraftNotFound


def _require_review(found: KnowledgeImport) -> None:
    if found.state is not ImportState.REVIEW:
        raise NotInReview


def _ask_for(tx: Tx, found: KnowledgeImport, state: ImportState, by: PersonId | None) -> None:
    found.finished_at, found.decided_by_id = None, by
    move_import(tx, found, state)
    record(tx, ImportStarted(brand=found.brand_id, knowledge_import=found.id))


def _some(
    tx: Tx, found: KnowledgeImport, *states: ImportArticleState, limit: int | None
) -> Sequence[ImportArticle]:
    return tx.scalars(
        select(ImportArticle)
        .where(
            ImportArticle.brand_id == found.brand_id,
            ImportArticle.import_id == found.id,
            ImportArticle.state.in_(states),
        )
        .order_by(ImportArticle.article_id)
        .limit(limit),
        execution_options={"populate_existing": True},
    ).all()


def _held(tx: Tx, brand: BrandId, articles: Sequence[ArticleId]) -> dict[ArticleId, RevisionId]:
    rows = tx.execute(select(Article.id, held_revision().label("revision")).where(*_these(brand, articles)))
    return {row.id: row.revision for row in rows if row.revision is not None}


def _planned(tx: Tx, brand: BrandId, articles: Sequence[ArticleId]) -> set[ArticleId]:
    """Articles whose text somebody has planned to change: that is a change since, too."""
    return set(tx.scalars(select(Article.id).where(*_these(brand, articles), next_change().is_not(None))))


def _these(brand: BrandId, articles: Sequence[ArticleId]) -> tuple[ColumnElement[bool], ...]:
    return Article.brand_id == brand, Article.id.in_(articles)
