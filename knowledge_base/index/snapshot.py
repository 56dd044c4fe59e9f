"""One brand's searchable state at one moment, never changed: readers swap to the next one whole.

It holds no text: text is read from live rows, so a deletion holds at once even where an old snapshot still finds the
id. It has one part, or two: after a small edit of a large brand the `main` part is taken over as it is, by hard links,
and what is new lies beside it as `recent`. Each snapshot is whole by itself; what was replaced or retired in the main
part is hidden by the live rows until it is built anew.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from knowledge_base.index.atomic_folder import appearing
from knowledge_base.index.embedder import Vectors
from knowledge_base.index.lexical_index import Counts, Hashes, Positions, query_hashes
from knowledge_base.index.snapshot_part import Part, passages_of, read_part, write_part
from knowledge_base.index.vector_index import Found
from marketplace.kernel.ids import ArticleId, BrandId, PassageId

FORMAT = 3
TOP = 100
MAIN = "main"
RECENT = "recent"

_MANIFEST_FILE = "manifest.json"


class SnapshotDamaged(Exception):
    """The search index on disk is incomplete or changed. Build it again with `humancloud reindex`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the snapshot holds. `model` names the vector space its queries must be encoded in.

    `passages` counts those of its parts, dead ones of the main part too; `average_words` is their length that
    all its words are weighed by.
    """

    format: int
    brand: str
    number: int
    model: str
    dimensions: int
    passages: int
    articles: int
    average_words: float
    sha256: dict[str, str]

    def of(self, part: str) -> dict[str, str]:
        """The checksums of the part's files; empty when there is no such part."""
        return {file: found for file, found in self.sha256.items() if file.startswith(f"{part}/")}


class Snapshot:
    """An opened snapshot, in memory. Safe to search from several threads."""

    def __init__(self, manifest: Manifest, main: Part, recent: Part | None = None) -> None:
        self.manifest = manifest
        self.main = main
        self._parts = ((0, main),) if recent is None else ((0, main), (len(main), recent))
        self.nbytes = sum(part.nbytes for _, part in self._parts)

    def __len__(self) -> int:
        return sum(len(part) for _, part in self._parts)

    def dense_scores(self, query: Vectors, *, top: int = TOP) -> Found:
        """Positions and cosines of the nearest passages, best first."""
        found = [_moved(part.vectors.search(query, top=top), start) for start, part in self._parts]
        return _best_of(found, top)

    def lexical_scores(self, query: str, *, top: int = TOP) -> Found:
        """Positions and BM25 scores of the passages that share words with `query`, best first."""
        hashes = query_hashes(query)
        if not len(hashes):
            return [], []
        counts = self._counts(hashes)
        found = [_moved(part.words.best(hashes, counts, top=top), start) for start, part in self._parts]
        return _best_of(found, top)

    def dense_likeness(self, query: Vectors, positions: Positions) -> Vectors:
        """`Part.dense_likeness` of ascending `positions`."""
        return self._over_parts(positions, lambda part, own: part.dense_likeness(query, own))

    def lexical_likeness(self, query: str, positions: Positions) -> Vectors:
        """`Part.lexical_likeness` of ascending `positions`."""
        hashes = query_hashes(query)
        counts = self._counts(hashes)
        return self._over_parts(positions, lambda part, own: part.lexical_likeness(hashes, counts, own))

    def cosines(self, query: Vectors, positions: list[int]) -> list[float]:
        """The cosine of `query` with each passage of `positions`."""
        scores: dict[int, float] = {}
        for start, part in self._parts:
            own = [position for position in positions if start <= position < start + len(part)]
            cosines = part.vectors.similarities(query, [position - start for position in own])
            scores.update(zip(own, cosines, strict=True))
        return [scores[position] for position in positions]

    def passage_id(self, position: int) -> PassageId:
        start, part = self._part(position)
        return part.passage_id(position - start)

    def article_id(self, position: int) -> ArticleId:
        start, part = self._part(position)
        return part.article_id(position - start)

    def _counts(self, hashes: Hashes) -> Counts:
        counts = self.main.words.counts(hashes)
        for _, part in self._parts[1:]:
            counts += part.words.counts(hashes)
        return counts

    def _over_parts(self, positions: Positions, ask: Callable[[Part, Positions], Vectors]) -> Vectors:
        answers = []
        for start, part in self._parts:
            own = positions[(positions >= start) & (positions < start + len(part))]
            if len(own):
                answers.append(ask(part, own - start))
        return np.concatenate(answers)

    def _part(self, position: int) -> tuple[int, Part]:
        return self._parts[-1] if position >= len(self.main) else self._parts[0]


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
    _check_lengths(ids, article_ids, texts, vectors)
    with appearing(folder) as building:
        average = write_part(building / MAIN, ids=ids, article_ids=article_ids, texts=texts, vectors=vectors)
        manifest = Manifest(
            format=FORMAT,
            brand=str(brand),
            number=number,
            model=model,
            dimensions=vectors.shape[1],
            passages=len(ids),
            articles=len(set(article_ids)),
            average_words=average,
            sha256=_checksums(building),
        )
        _write_manifest(building, manifest)
    return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A snapshot whose main part may be taken over, and the ids of its passages as bytes."""

    folder: Path
    manifest: Manifest
    passages: frozenset[bytes]


def base_in(folder: Path, *, brand: BrandId, number: int, model: str) -> Base | None:
    """The snapshot as the base of the next one; None when it is not whole or of another model.

    Its ids are checked, its larger files are not: the next snapshot keeps their checksums, so whoever opens it does.
    """
    try:
        manifest = _manifest(folder)
        _check(folder, {file: sha256 for file, sha256 in manifest.of(MAIN).items() if file.endswith(".bin")})
        passages = frozenset(passages_of(folder / MAIN))
    except (SnapshotDamaged, OSError):
        return None
    fits = (manifest.brand, manifest.number, manifest.model) == (str(brand), number, model)
    return Base(folder=folder, manifest=manifest, passages=passages) if fits else None


def build_beside(
    base: Base,
    folder: Path,
    *,
    number: int,
    ids: Sequence[PassageId],
    article_ids: Sequence[ArticleId],
    texts: Sequence[str],
    vectors: Vectors,
) -> Manifest:
    """`build` with the main part of `base`, and the passages given as the recent part. Raises OSError."""
    _check_lengths(ids, article_ids, texts, vectors)
    with appearing(folder) as building:
        (building / MAIN).mkdir()
        for file in base.manifest.of(MAIN):
            _link(base.folder / file, building / file)
        average = base.manifest.average_words
        write_part(
            building / RECENT,
            ids=ids,
            article_ids=article_ids,
            texts=texts,
            vectors=vectors,
            average_words=average,
        )
        manifest = Manifest(
            format=FORMAT,
            brand=base.manifest.brand,
            number=number,
            model=base.manifest.model,
            dimensions=base.manifest.dimensions,
            passages=len(base.passages) + len(ids),
            articles=base.manifest.articles,
            average_words=average,
            # The main part's are those it was written with, not those of what lies there now.
            sha256={**base.manifest.of(MAIN), **_checksums(building, RECENT)},
        )
        _write_manifest(building, manifest)
    return manifest


def open_snapshot(folder: Path, *, beside: Snapshot | None = None) -> Snapshot:
    """Read the snapshot into memory. Raises SnapshotDamaged, naming the file, when it is not as written.

    Its main part is not read again when it is that of `beside`, which was opened before. Nothing is mapped from disk: a
    mapped file that is cut off ends the process, and one that changes is not checked again.
    """
    manifest = _manifest(folder)
    known = beside is not None and beside.manifest.of(MAIN) == manifest.of(MAIN)
    main = beside.main if known and beside is not None else _opened(folder, manifest, MAIN)
    snapshot = Snapshot(manifest, main, _opened(folder, manifest, RECENT) if manifest.of(RECENT) else None)
    if len(snapshot) != manifest.passages:
        raise SnapshotDamaged(f"The parts of the search index {folder} do not belong together. {_WAY_OUT}")
    return snapshot


def open_of(brand: BrandId, number: int, folder: Path, *, beside: Snapshot | None = None) -> Snapshot:
    """`open_snapshot` of that brand and number. Raises SnapshotDamaged when the folder holds another."""
    opened = open_snapshot(folder, beside=beside)
    if (opened.manifest.brand, opened.manifest.number) != (str(brand), number):
        raise SnapshotDamaged(f"{folder} holds the search index of another brand or time. {_WAY_OUT}")
    return opened


_WAY_OUT = "Build it again with `humancloud reindex`."


def _moved(found: Found, start: int) -> Found:
    positions, scores = found
    return ([position + start for position in positions] if start else positions), scores


def _best_of(found: Sequence[Found], top: int) -> Found:
    """The best of several rankings; of equal scores the earlier position first."""
    if len(found) == 1:
        return found[0]
    together = [(-score, position) for ranking in found for position, score in zip(*ranking, strict=True)]
    best = sorted(together)[:top]
    return [position for _, position in best], [-score for score, _ in best]


def _check_lengths(*columns: Sequence[object] | Vectors) -> None:
    if len({len(column) for column in columns}) > 1:
        raise ValueError("A snapshot needs one article, text and vector for every passage.")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        # A file system without hard links.
        shutil.copyfile(source, target)


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    (folder / _MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=2))


def _opened(folder: Path, manifest: Manifest, part: str) -> Part:
    _check(folder, manifest.of(part))
    try:
        return read_part(folder / part)
    except (ValueError, KeyError, BadZipFile) as error:
        raise SnapshotDamaged(f"The parts of {folder / part} do not belong together. {_WAY_OUT}") from error


def _checksums(folder: Path, part: str = MAIN) -> dict[str, str]:
    files: Iterable[Path] = sorted(path for path in (folder / part).iterdir() if path.is_file())
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in files}


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest(folder: Path) -> Manifest:
    try:
        kept = json.loads((folder / _MANIFEST_FILE).read_text())
        manifest = Manifest(**kept) if kept["format"] == FORMAT else None
    except FileNotFoundError as error:
        raise SnapshotDamaged(f"There is no search index in {folder}. {_WAY_OUT}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SnapshotDamaged(f"{folder / _MANIFEST_FILE} cannot be read. {_WAY_OUT}") from error
    if manifest is None:
        raise SnapshotDamaged(f"The search index {folder} was written by another version. {_WAY_OUT}")
    return manifest


def _check(folder: Path, files: dict[str, str]) -> None:
    for file, expected in files.items():
        try:
            found = _sha256(folder / file)
        except OSError as error:
            raise SnapshotDamaged(f"{folder / file} is missing or cannot be read. {_WAY_OUT}") from error
        if found != expected:
            raise SnapshotDamaged(f"{folder / file} is not the file that was written. {_WAY_OUT}")
