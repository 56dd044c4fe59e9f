"""One brand's searchable state at one moment: both indexes and the ids behind their positions, never changed.

A change of knowledge makes the next snapshot; readers swap to it whole. It holds no text: text is read from
live rows, so a deletion holds at once even where an old snapshot still finds the id.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from knowledge_base.index.atomic_folder import appearing
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.lexical_index import LexicalIndex
from knowledge_base.index.vector_index import Found, VectorIndex
from marketplace.kernel.ids import ArticleId, BrandId, PassageId

FORMAT = 2
TOP = 100

_MANIFEST_FILE = "manifest.json"
_VECTOR_FILE = "vectors.faiss"
_ID_FILE = "passages.bin"
_LEXICAL_FOLDER = "lexical"
_ID_BYTES = 16
_ROW_BYTES = 2 * _ID_BYTES


class SnapshotDamaged(Exception):
    """The search index on disk is incomplete or changed. Build it again with `humancloud reindex`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the snapshot holds. `model` names the vector space its queries must be encoded in."""

    format: int
    brand: str
    number: int
    model: str
    dimensions: int
    passages: int
    articles: int
    sha256: dict[str, str]


class Snapshot:
    """An opened snapshot, in memory. Safe to search from several threads."""

    def __init__(self, manifest: Manifest, ids: bytes, vectors: VectorIndex, lexical: LexicalIndex) -> None:
        self.manifest = manifest
        self._ids = ids
        self._vectors = vectors
        self._lexical = lexical

    def __len__(self) -> int:
        return self.manifest.passages

    def dense_scores(self, query: Vectors, *, top: int = TOP) -> Found:
        """Positions and cosines of the nearest passages, best first."""
        return self._vectors.search(query, top=top)

    def lexical_scores(self, query: str, *, top: int = TOP) -> Found:
        """Positions and BM25 scores of the passages that share words with `query`, best first."""
        return self._lexical.search(query, top=top)

    def cosines(self, query: Vectors, positions: list[int]) -> list[float]:
        """The cosine of `query` with each passage of `positions`."""
        return self._vectors.similarities(query, positions)

    def passage_id(self, position: int) -> PassageId:
        return PassageId(self._id(position * _ROW_BYTES))

    def article_id(self, position: int) -> ArticleId:
        return ArticleId(self._id(position * _ROW_BYTES + _ID_BYTES))

    def _id(self, begin: int) -> UUID:
        return UUID(bytes=self._ids[begin : begin + _ID_BYTES])


def build(
    folder: Path,
    *,
    brand: BrandId,
    number: int,
    model: str,
    ids: Sequence[PassageId],
    article_ids: Sequence[ArticleId],
    texts: Sequence[str],
    vectors: Vectors,
) -> Manifest:
    """Write a snapshot that appears as `folder` whole or not at all.

    `texts` are the passages' embedding texts; `vectors` is of shape (len(ids), dimensions). All in one order.
    """
    if not len(ids) == len(article_ids) == len(texts) == len(vectors):
        raise ValueError("A snapshot needs one article, text and vector for every passage.")
    with appearing(folder) as building:
        rows = (passage.bytes + article.bytes for passage, article in zip(ids, article_ids, strict=True))
        (building / _ID_FILE).write_bytes(b"".join(rows))
        index = VectorIndex(vectors.shape[1])
        index.add(vectors)
        (building / _VECTOR_FILE).write_bytes(index.to_bytes())
        LexicalIndex.build(texts).save(building / _LEXICAL_FOLDER)
        manifest = Manifest(
            format=FORMAT,
            brand=str(brand),
            number=number,
            model=model,
            dimensions=index.dimensions,
            passages=len(ids),
            articles=len(set(article_ids)),
            sha256=_checksums(building),
        )
        (building / _MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=2))
    return manifest


def open_snapshot(folder: Path) -> Snapshot:
    """Read the snapshot into memory. Raises SnapshotDamaged, naming the file, when it is not as written."""
    manifest = _manifest(folder)
    _check(folder, manifest)
    ids = (folder / _ID_FILE).read_bytes()
    vectors = VectorIndex.from_bytes((folder / _VECTOR_FILE).read_bytes())
    if not len(ids) // _ROW_BYTES == len(vectors) == manifest.passages:
        raise SnapshotDamaged(f"The parts of the search index {folder} do not belong together. {_WAY_OUT}")
    return Snapshot(manifest, ids, vectors, LexicalIndex.load(folder / _LEXICAL_FOLDER))


_WAY_OUT = "Build it again with `humancloud reindex`."


def open_of(brand: BrandId, number: int, folder: Path) -> Snapshot:
    """`open_snapshot` of that brand and number. Raises SnapshotDamaged when the folder holds another."""
    opened = open_snapshot(folder)
    if (opened.manifest.brand, opened.manifest.number) != (str(brand), number):
        raise SnapshotDamaged(f"{folder} holds the search index of another brand or time. {_WAY_OUT}")
    return opened


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest(**json.loads((folder / _MANIFEST_FILE).read_text()))
    except FileNotFoundError as error:
        raise SnapshotDamaged(f"There is no search index in {folder}. {_WAY_OUT}") from error
    except (OSError, ValueError, TypeError) as error:
        raise SnapshotDamaged(f"{folder / _MANIFEST_FILE} cannot be read. {_WAY_OUT}") from error
    if manifest.format != FORMAT:
        raise SnapshotDamaged(f"The search index {folder} was written by another version. {_WAY_OUT}")
    return manifest


def _check(folder: Path, manifest: Manifest) -> None:
    for file, expected in manifest.sha256.items():
        try:
            found = _sha256(folder / file)
        except OSError as error:
            raise SnapshotDamaged(f"{folder / file} is missing or cannot be read. {_WAY_OUT}") from error
        if found != expected:
            raise SnapshotDamaged(f"{folder / file} is not the file that was written. {_WAY_OUT}")
