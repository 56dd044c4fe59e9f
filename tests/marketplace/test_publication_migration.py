"""What an older installation's articles become: each text held from its writing, what was retired holds no more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from tests.older_databases import a_brand, migrate, migrated_to

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
BRAND = UUID(int=1)


@pytest.fixture
def older(server_url: str) -> Iterator[Connection]:
    """A database as it was before publications."""
    with migrated_to(server_url, "0012") as connection:
        a_brand(connection, BRAND, FIRST)
        yield connection


def _article(connection: Connection, number: int, state: str, written: list[datetime]) -> UUID:
    """An article with revisions 1, 2, … of these times; the last one is the current one."""
    article = UUID(int=100 * number)
    revisions = [UUID(int=article.int + position) for position in range(1, len(written) + 1)]
    connection.execute(
        text(
            "INSERT INTO article (brand_id, id, key, title, state, revision_id, created_at, verified_at) "
            "VALUES (:brand, :id, :key, 'T', :state, :revision, :at, :at)"
        ),
        {
            "brand": BRAND,
            "id": article,
            "key": str(article),
            "state": state,
            "revision": revisions[-1],
            "at": FIRST,
        },
    )
    for position, (revision, at) in enumerate(zip(revisions, written, strict=True), start=1):
        connection.execute(
            text(
                "INSERT INTO revision (brand_id, id, article_id, number, title, sections, sha256, written_at) "
                "VALUES (:brand, :id, :article, :number, 'T', '[]', 'x', :at)"
            ),
            {"brand": BRAND, "id": revision, "article": article, "number": position, "at": at},
        )
    return article


def _steps(connection: Connection, article: UUID) -> list[tuple[datetime, int | None]]:
    """When each step begins, and the place of its revision among the article's."""
    rows = connection.execute(
        text("SELECT starts_at, revision_id FROM publication WHERE article_id = :a ORDER BY starts_at"),
        {"a": article},
    )
    return [(at, revision.int - article.int if revision else None) for at, revision in rows]


def test_each_text_held_from_its_writing_and_the_newest_one_holds(older: Connection) -> None:
    day = timedelta(days=1)
    plain = _article(older, 1, "published", [FIRST, FIRST + day])
    # Writers who waited for each other: an earlier time for the later number, and one time for two.
    crossed = _article(older, 2, "published", [FIRST + day, FIRST, FIRST + 2 * day, FIRST + 2 * day])

    migrate(older, "0013")

    assert _steps(older, plain) == [(FIRST, 1), (FIRST + day, 2)]
    assert _steps(older, crossed) == [(FIRST + day, 2), (FIRST + 2 * day, 4)]


def test_what_was_retired_held_until_the_last_fact_about_it(older: Connection) -> None:
    retired = _article(older, 1, "retired", [FIRST])
    older.execute(
        text(
            "INSERT INTO event (at, kind, brand_id, subject_id, body) "
            "VALUES (:at, 'knowledge_changed', :brand, :article, '{}')"
        ),
        {"at": FIRST + timedelta(days=9), "brand": BRAND, "article": retired},
    )

    migrate(older, "0013")

    assert _steps(older, retired) == [(FIRST, 1), (FIRST + timedelta(days=9), None)]


def test_a_draft_has_held_nowhere(older: Connection) -> None:
    draft = _article(older, 1, "draft", [FIRST])

    migrate(older, "0013")

    assert _steps(older, draft) == []
