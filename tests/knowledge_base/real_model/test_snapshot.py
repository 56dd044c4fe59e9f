"""A snapshot is on disk whole or not at all, and a torn one says so."""

import json
import uuid
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.index import snapshot
from knowledge_base.index.embedder import OnnxEmbedder
from knowledge_base.index.snapshot import SnapshotDamaged, open_snapshot
from marketplace.kernel.ids import ArticleId, BrandId, PassageId
from tests.knowledge_base.real_model.conftest import SnapshotBuilder

TEXTS = ["Returns are free.", "Refunds take five days.", "Pets are welcome."]
FILES = [
    "manifest.json",
    "main/passages.bin",
    "main/vectors.faiss",
    "main/words.npz",
]


def test_what_was_built_is_what_is_opened(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    opened = snapshots.build(tmp_path / "7", TEXTS, articles=[1, 1, 2])
    assert len(opened) == 3
    manifest = opened.manifest
    assert (manifest.number, manifest.model, manifest.passages, manifest.articles, manifest.dimensions) == (
        7,
        embedder.name,
        3,
        2,
        384,
    )
    assert opened.passage_id(2) == uuid.UUID(int=1002)
    assert opened.article_id(1) == uuid.UUID(int=1)
    assert opened.dense_scores(embedder.encode_query("dogs"))[0][0] == 2
    assert opened.lexical_scores("refund")[0] == [1]


def test_a_brand_without_passages_has_a_snapshot_too(
    tmp_path: Path, snapshots: SnapshotBuilder, embedder: OnnxEmbedder
) -> None:
    opened = snapshots.build(tmp_path / "1", [])
    assert len(opened) == 0
    assert opened.dense_scores(embedder.encode_query("dogs")) == ([], [])
    assert opened.lexical_scores("dogs") == ([], [])


def test_every_file_is_under_a_checksum(tmp_path: Path, snapshots: SnapshotBuilder) -> None:
    snapshots.build(tmp_path / "7", TEXTS)
    files = {p.relative_to(tmp_path / "7").as_posix() for p in (tmp_path / "7").rglob("*") if p.is_file()}
    assert files == set(FILES)
    listed = json.loads((tmp_path / "7" / "manifest.json").read_text())["sha256"]
    assert files - set(listed) == {"manifest.json"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("harm", ["missing", "torn", "empty", "flipped"])
def test_a_damaged_file_is_noticed_and_told_in_plain_words(
    tmp_path: Path, snapshots: SnapshotBuilder, file: str, harm: str
) -> None:
    snapshots.build(tmp_path / "7", TEXTS)
    path = tmp_path / "7" / file
    content = path.read_bytes()
    match harm:
        case "missing":
            path.unlink()
        case "torn":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "flipped":
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(SnapshotDamaged, match="humancloud reindex"):
        open_snapshot(tmp_path / "7")


def test_parts_of_two_snapshots_do_not_pass_for_one(tmp_path: Path, snapshots: SnapshotBuilder) -> None:
    snapshots.build(tmp_path / "1", TEXTS)
    snapshots.build(tmp_path / "2", [*TEXTS, "Breakfast is included."])
    (tmp_path / "2" / "main" / "vectors.faiss").replace(tmp_path / "1" / "main" / "vectors.faiss")
    with pytest.raises(SnapshotDamaged, match=r"vectors\.faiss"):
        open_snapshot(tmp_path / "1")


def test_a_build_that_fails_leaves_the_old_snapshot_and_nothing_else(
    tmp_path: Path, snapshots: SnapshotBuilder
) -> None:
    snapshots.build(tmp_path / "7", TEXTS)
    broken = np.zeros(3, dtype=np.float32)
    with pytest.raises(IndexError):
        build_three(tmp_path / "7", broken)
    assert [path.name for path in tmp_path.iterdir()] == ["7"]
    assert len(open_snapshot(tmp_path / "7")) == 3


def test_passages_without_their_vectors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for every passage"):
        build_three(tmp_path / "7", np.zeros((2, 384), dtype=np.float32))
    assert list(tmp_path.iterdir()) == []


def test_the_same_number_built_again_replaces_the_folder(tmp_path: Path, snapshots: SnapshotBuilder) -> None:
    held = snapshots.build(tmp_path / "7", TEXTS)
    again = snapshots.build(tmp_path / "7", TEXTS[:1])
    assert (len(held), len(again)) == (3, 1)
    assert held.lexical_scores("refund")[0] == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["7"]


def build_three(folder: Path, vectors: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    snapshot.build(
        folder,
        brand=BrandId(uuid.UUID(int=7)),
        number=8,
        model="m",
        ids=[PassageId(uuid.UUID(int=n)) for n in range(3)],
        article_ids=[ArticleId(uuid.UUID(int=n)) for n in range(3)],
        texts=TEXTS,
        vectors=vectors,
    )
