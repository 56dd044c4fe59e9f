"""A small edit of a large brand: only what changed is read, encoded and written, and search cannot tell."""

import random
from pathlib import Path

import pytest

from knowledge_base.index.building import MERGE_SHARE, SMALLEST_BASE
from knowledge_base.index.retrieval import Retrieved
from knowledge_base.index.shelf import snapshots_folder
from knowledge_base.publishing import put_articles
from knowledge_base.reading.documents import Document
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Scope
from marketplace.kernel.ids import BrandId
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.conftest import KnowledgeBase, Open, document

WORDS = [f"word{number}" for number in range(300)]


def _articles(count: int, *, prefix: str = "a", seed: int = 5) -> list[Document]:
    chance = random.Random(seed)
    return [
        document(
            key=f"{prefix}{number}",
            title=f"Title {prefix} {number}",
            text=" ".join(chance.choices(WORDS, k=10)) + f" unique{prefix}{number}.",
        )
        for number in range(count)
    ]


def _put(base: KnowledgeBase, brand: BrandId, documents: list[Document]) -> None:
    with base.database.transaction(Scope(brand=brand)) as tx:
        put_articles(tx, brand=brand, documents=documents, author=None, now=app_now(tx))


@pytest.fixture
def large(base: KnowledgeBase) -> BrandId:
    brand = base.brand()
    _put(base, brand, _articles(SMALLEST_BASE))
    base.index(brand)
    return brand


def _folder(base: KnowledgeBase, brand: BrandId, number: int) -> Path:
    return snapshots_folder(base.folder, brand) / str(number)


def _same_file(one: Path, other: Path) -> bool:
    return one.stat().st_ino == other.stat().st_ino


def _ranked(found: Retrieved) -> list[tuple[str, float, float]]:
    """Those that have to do with the question: the others are equal in having nothing."""
    return [
        (one.article_key, round(one.dense, 3), round(one.lexical, 3))
        for one in found.passages
        if one.dense > 0.05
    ]


def test_an_edit_is_written_beside_the_main_part_and_ranked_with_it(
    base: KnowledgeBase, open_base: Open, large: BrandId, embedder: WordHashEmbedder
) -> None:
    embedder.encoded.clear()
    _put(
        base,
        large,
        [document(key="a7", title="Title a 7", text="word1 word2 word3 changed."), document(key="new")],
    )
    base.delete(large, "a8")

    number = base.index(large)

    assert number == 3
    assert len(embedder.encoded) == 2
    old, new = _folder(base, large, 1) / "main", _folder(base, large, 3) / "main"
    assert all(_same_file(file, new / file.name) for file in old.iterdir())
    assert (_folder(base, large, 3) / "recent" / "vectors.faiss").stat().st_size < 10_000
    for process in (base, open_base()):
        assert process.texts(large, "kettle")[0] == "Send the kettle back within thirty days."
        assert process.search(large, "uniquea8", top=8).evidence.lexical_top == 0
        assert all("uniquea7" not in text for text in process.texts(large, "uniquea7", top=8))

    whole = base.brand()
    kept = [one for one in _articles(SMALLEST_BASE) if one.key not in ("a7", "a8")]
    changed = document(key="a7", title="Title a 7", text="word1 word2 word3 changed.")
    _put(base, whole, [*kept, changed, document(key="new")])
    base.index(whole)
    for question in ("word1 word2 word3", "kettle", "uniquea9", "word17 word18 title"):
        beside, alone = (_ranked(base.search(owner, question, top=8)) for owner in (large, whole))
        assert beside
        assert [(key, dense) for key, dense, _ in beside] == [(key, dense) for key, dense, _ in alone]
        # A replaced and a deleted text still count in how rare a word is, until the main part is built anew.
        assert [score for *_, score in beside] == pytest.approx([score for *_, score in alone], rel=0.02)


def test_many_edits_end_in_one_part_again_after_the_last_was_published(
    base: KnowledgeBase, large: BrandId, embedder: WordHashEmbedder
) -> None:
    embedder.encoded.clear()
    added = int(MERGE_SHARE * SMALLEST_BASE) + 1
    _put(base, large, _articles(added, prefix="b", seed=6))

    number = base.index(large)

    assert number == 3  # published beside as 2, whole as 3
    assert _folder(base, large, 2).joinpath("recent").is_dir()
    assert not _folder(base, large, 3).joinpath("recent").exists()
    assert len(embedder.encoded) == added
    assert base.texts(large, "uniqueb7")[0].endswith("uniqueb7.")


@pytest.mark.parametrize(
    "file", ["main/vectors.faiss", "main/words.npz", "recent/vectors.faiss", "recent/passages.bin"]
)
def test_a_part_that_is_torn_is_noticed_and_everything_is_written_anew(
    base: KnowledgeBase, open_base: Open, large: BrandId, file: str
) -> None:
    base.put(large, document())
    base.index(large)
    torn = _folder(base, large, 2) / file
    content = torn.read_bytes()
    torn.unlink()
    torn.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    restarted = open_base()

    # The snapshot before has the main part as it was, under another name of the same file.
    assert restarted.search(large, "kettle").snapshot == 1
    restarted.index(large)

    assert restarted.texts(large, "kettle")[0] == "Send the kettle back within thirty days."
    assert not _folder(base, large, 3).joinpath("recent").exists()
