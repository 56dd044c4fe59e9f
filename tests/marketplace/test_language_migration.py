"""What an older installation's passages become: each is told its language by its words, as new ones are."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from knowledge_base.languages import language_of
from tests.older_databases import a_brand, migrate, migrated_to

WRITTEN = datetime(2026, 3, 1, tzinfo=UTC)
BRANDS = (UUID(int=1), UUID(int=2))
GERMAN = "Für die Rückgabe haben Sie dreißig Tage, und wir zahlen das Porto. „Nicht“ für Gläser!"
TOLD = (
    "You can send the kettle back to us within thirty days, and we pay for it.",
    "Vous avez trente jours pour le retour de la bouilloire, et nous payons les frais.",
    "Hej, du har inte fått din beställning och undrar när det kommer till dig.",
    GERMAN,
)


@pytest.fixture
def older(server_url: str) -> Iterator[Connection]:
    """A database as it was before passages had languages."""
    with migrated_to(server_url, "0035") as connection:
        for brand in BRANDS:
            a_brand(connection, brand, WRITTEN)
        yield connection


def _article(connection: Connection, number: int, *texts: str, brand: UUID = BRANDS[0]) -> None:
    asked = {"brand": brand, "article": UUID(int=number), "at": WRITTEN}
    connection.execute(
        text(
            "INSERT INTO article (brand_id, id, key, title, created_at, verified_at) "
            "VALUES (:brand, :article, CAST(:article AS text), 'T', :at, :at)"
        ),
        asked,
    )
    connection.execute(
        text(
            "INSERT INTO revision (brand_id, id, article_id, number, title, sections, sha256, written_at) "
            "VALUES (:brand, :article, :article, 1, 'T', '[]', 'x', :at)"
        ),
        asked,
    )
    for ordinal, words in enumerate(texts):
        connection.execute(
            text(
                "INSERT INTO passage (brand_id, id, article_id, revision_id, ordinal, section_path, text, "
                "embedding_text, sha256) VALUES (:brand, gen_random_uuid(), :article, :article, :ordinal, '{}', "
                ":words, :words, 'x')"
            ),
            {**asked, "ordinal": ordinal, "words": words},
        )


def _languages(connection: Connection, number: int, brand: UUID = BRANDS[0]) -> list[str | None]:
    wanted = "SELECT language FROM passage WHERE brand_id = :brand AND article_id = :article ORDER BY ordinal"
    return list(connection.scalars(text(wanted), {"brand": brand, "article": UUID(int=number)}))


def test_passages_are_told_by_their_words_and_short_ones_by_their_article(older: Connection) -> None:
    _article(older, 7, *TOLD)
    _article(older, 8, "TL-20417", GERMAN)
    _article(older, 8, "TL-20417", TOLD[0], brand=BRANDS[1])
    _article(older, 9, "TL-20417 the the the", "")

    migrate(older, "0030")

    assert _languages(older, 7) == [language_of(one) for one in TOLD] == ["en", "fr", "sv", "de"]
    assert _languages(older, 8) == ["de", "de"]
    assert _languages(older, 8, brand=BRANDS[1]) == ["en", "en"]
    assert _languages(older, 9) == [None, None]
