"""What an older installation's imports become: parts that waited get their files, what was refused stays refused."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, Row, text

from tests.older_databases import a_brand, migrate, migrated_to

STARTED = datetime(2026, 3, 1, tzinfo=UTC)
FINISHED = STARTED + timedelta(hours=1)
BRAND, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
def older(server_url: str) -> Iterator[Connection]:
    """A database as it was before imports had files."""
    with migrated_to(server_url, "0011") as connection:
        for brand in (BRAND, OTHER):
            a_brand(connection, brand, STARTED)
        yield connection


def _import(
    connection: Connection,
    *,
    brand: UUID = BRAND,
    state: str = "reading",
    waiting: Sequence[tuple[int, str, bytes]] = (),
    refusals: Sequence[object] = (),
    finished: datetime | None = None,
) -> UUID:
    """An import with parts (ordinal, name, content) that wait to be read."""
    made = UUID(int=100 + (connection.scalar(text("SELECT count(*) FROM knowledge_import")) or 0))
    connection.execute(
        text(
            "INSERT INTO knowledge_import (brand_id, id, state, files, refusals, started_at, finished_at) "
            "VALUES (:brand, :id, :state, 9, :refusals, :started, :finished)"
        ),
        {
            "brand": brand,
            "id": made,
            "state": state,
            "refusals": json.dumps(refusals),
            "started": STARTED,
            "finished": finished,
        },
    )
    for ordinal, name, content in waiting:
        connection.execute(
            text(
                "INSERT INTO import_file (brand_id, import_id, ordinal, name, content) "
                "VALUES (:brand, :import, :ordinal, :name, :content)"
            ),
            {"brand": brand, "import": made, "ordinal": ordinal, "name": name, "content": content},
        )
    return made


def _rows(connection: Connection, wanted: str, made: UUID) -> list[Row[*tuple[object, ...]]]:
    return list(connection.execute(text(wanted), {"import": made}))


def _files(connection: Connection, made: UUID) -> list[Row[*tuple[object, ...]]]:
    wanted = (
        "SELECT ordinal, name, state, bytes, parts, parts_read, content_kept FROM import_file "
        "WHERE import_id = :import AND state = 'queued' ORDER BY ordinal"
    )
    return _rows(connection, wanted, made)


def _parts(connection: Connection, made: UUID) -> list[Row[*tuple[object, ...]]]:
    wanted = "SELECT file, ordinal, content, waiting FROM import_part WHERE import_id = :import ORDER BY 1, 2"
    return _rows(connection, wanted, made)


def _refused(connection: Connection, made: UUID) -> list[Row[*tuple[object, ...]]]:
    wanted = (
        "SELECT name, reason, more_refusals, content_kept, changed_at FROM import_file "
        "WHERE import_id = :import AND state = 'failed' ORDER BY ordinal"
    )
    return _rows(connection, wanted, made)


def test_parts_that_waited_wait_on_as_files_whose_content_is_kept(older: Connection) -> None:
    # Two parts of the first file are read already; the numbers of those left are kept in their order.
    made = _import(
        older, waiting=[(2, "faq.jsonl", b"three"), (3, "faq.jsonl", b"four"), (4, "post.md", b"# Post")]
    )
    theirs = _import(older, brand=OTHER, state="queued", waiting=[(0, "post.md", b"# Other")])

    migrate(older, "0012")

    assert _files(older, made) == [
        (2, "faq.jsonl", "queued", 9, 2, 0, True),
        (4, "post.md", "queued", 6, 1, 0, True),
    ]
    assert _parts(older, made) == [
        (2, 0, b"three", True),
        (2, 1, b"four", True),
        (4, 0, b"# Post", True),
    ]
    assert _files(older, theirs) == [(0, "post.md", "queued", 7, 1, 0, True)]
    assert _parts(older, theirs) == [(0, 0, b"# Other", True)]


def test_what_was_refused_stays_named_and_what_was_only_counted_stays_counted(older: Connection) -> None:
    made = _import(
        older,
        state="ready",
        finished=FINISHED,
        refusals=[
            {"name": "bad.md", "reason": "It is empty."},
            {"name": "worse.md", "reason": "It is not a text file."},
            {"more": 7},
        ],
    )

    migrate(older, "0012")

    assert _refused(older, made) == [
        ("bad.md", "It is empty.", 0, False, FINISHED),
        ("worse.md", "It is not a text file.", 7, False, FINISHED),
    ]


def test_an_import_keeps_its_state_and_says_when_it_went_on_last(older: Connection) -> None:
    ready = _import(older, state="ready", finished=FINISHED)
    under_way = _import(older, state="indexing")

    migrate(older, "0012")

    wanted = "SELECT state, source, looks_first, files, advanced_at FROM knowledge_import WHERE id = :import"
    assert _rows(older, wanted, ready) == [("ready", "upload", False, 9, FINISHED)]
    assert _rows(older, wanted, under_way) == [("indexing", "upload", False, 9, STARTED)]
