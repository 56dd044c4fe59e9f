"""An article's revisions: reading one, going back to one. History only grows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, inspect, select

from knowledge_base.drafting import Put, hold_knowledge, insert_rows
from knowledge_base.markdown_text import Part, markdown_of
from knowledge_base.models import Passage, Revision
from knowledge_base.publishing import RevisionNotFound, publish_revisions
from marketplace.kernel.db import Base, Tx
from marketplace.kernel.ids import ArticleId, BrandId, PassageId, PersonId, RevisionId, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionText:
    """One revision to read or edit. `markdown` is as it was written, or written anew from its sections."""

    id: RevisionId
    number: int
    title: str
    markdown: str
    note: str
    author: PersonId | None
    written_at: datetime


def newest_revision(tx: Tx, *, brand: BrandId, article: ArticleId) -> RevisionText:
    """Raises RevisionNotFound."""
    newest = select(func.max(Revision.number)).where(
        Revision.brand_id == brand, Revision.article_id == article
    )
    return _text(_row(tx, brand, article, tx.scalar(newest) or 0), as_written=True)


def revision_text(tx: Tx, *, brand: BrandId, article: ArticleId, number: int) -> RevisionText:
    """A revision as it is edited. Raises RevisionNotFound."""
    return _text(_row(tx, brand, article, number), as_written=True)


def comparable_text(tx: Tx, *, brand: BrandId, article: ArticleId, number: int) -> RevisionText:
    """A revision written from its sections, so that two differ only where readers see a difference.

    Raises RevisionNotFound.
    """
    return _text(_row(tx, brand, article, number), as_written=False)


def restore_revision(
    tx: Tx, *, brand: BrandId, article: ArticleId, number: int, author: PersonId | None, now: datetime
) -> Put:
    """Let an old text hold again from this commit on, as a new revision that says where it came from.

    When it holds already nothing is written. Raises RevisionNotFound.
    """
    hold_knowledge(tx, brand)
    old = _row(tx, brand, article, number)
    copy = _standing_copy(tx, brand, article, old) or _copied(tx, old, author=author, now=now)
    changed = publish_revisions(tx, brand=brand, revisions=[copy.id], author=author, now=now)
    return Put(
        article_id=article,
        revision_id=copy.id,
        revision_number=copy.number,
        changed=bool(changed),
    )


def _row(tx: Tx, brand: BrandId, article: ArticleId, number: int) -> Revision:
    found = tx.scalars(
        select(Revision).where(
            Revision.brand_id == brand, Revision.article_id == article, Revision.number == number
        )
    ).one_or_none()
    if found is None:
        raise RevisionNotFound
    return found


def _text(row: Revision, *, as_written: bool) -> RevisionText:
    parts = [Part(path=tuple(section["path"]), text=section["text"]) for section in row.sections]
    return RevisionText(
        id=row.id,
        number=row.number,
        title=row.title,
        markdown=row.source if as_written and row.source is not None else markdown_of(parts),
        note=row.note,
        author=row.author_id,
        written_at=row.written_at,
    )


def _standing_copy(tx: Tx, brand: BrandId, article: ArticleId, old: Revision) -> Revision | None:
    """The newest revision, when it has the wanted text: another copy of it would say nothing."""
    newest = tx.scalars(
        select(Revision)
        .where(Revision.brand_id == brand, Revision.article_id == article)
        .order_by(Revision.number.desc())
        .limit(1)
    ).one()
    return newest if newest.sha256 == old.sha256 else None


def _copied(tx: Tx, old: Revision, *, author: PersonId | None, now: datetime) -> Revision:
    newest = select(func.max(Revision.number)).where(
        Revision.brand_id == old.brand_id, Revision.article_id == old.article_id
    )
    copy = RevisionId(new_id())
    changes = {
        "id": copy,
        "number": (tx.scalar(newest) or 0) + 1,
        "author_id": author,
        "written_at": now,
        "note": f"Restored revision {old.number}.",
    }
    insert_rows(tx, Revision, [{**_values(old), **changes}])
    insert_rows(tx, Passage, [_passage(row, copy) for row in _passages_of(tx, old)])
    return tx.scalars(select(Revision).where(Revision.brand_id == old.brand_id, Revision.id == copy)).one()


def _passages_of(tx: Tx, old: Revision) -> Sequence[Passage]:
    wanted = select(Passage).where(Passage.brand_id == old.brand_id, Passage.revision_id == old.id)
    return tx.scalars(wanted.order_by(Passage.ordinal)).all()


def _passage(row: Passage, revision: RevisionId) -> dict[str, object]:
    return {**_values(row), "id": PassageId(new_id()), "revision_id": revision}


def _values(row: Base) -> dict[str, object]:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
