"""What indexing costs: encoding against default sentence-transformers, an edit until it is found, memory at size.

The speed-up is taken on slices of the same passages, both sides in turn on the same cores; its sides are passages per
second by the wall clock. CPU time per passage is a figure of its own, because other programs cannot spoil it.

An edit is timed from its commit until a search in another process finds the new text, with the background process as it
is installed: dispatcher, job, encoder, snapshot. The old text must be gone at the first look. The vectors of the large
brand are made up (benchmarks/knowledge_vectors.py), those of the edits are the encoder's.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

import numpy as np

from benchmarks.crowd import background_database, durable_server, execute
from benchmarks.figures import Figure, run
from benchmarks.knowledge_texts import real_passages, varied_passages
from benchmarks.knowledge_vectors import kept_vectors
from knowledge_base.index.building import build_index, rebuild_on_damage
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.embedder import Embedder, ReferenceEmbedder, Vectors, load_embedder, prepare_model
from knowledge_base.index.hybrid import Query
from knowledge_base.index.retrieval import Retriever
from knowledge_base.index.shelf import LocalShelf
from knowledge_base.publishing import put_article, put_articles
from knowledge_base.queries import holdings, index_status
from knowledge_base.reading.documents import Document, Section
from marketplace.kernel.clock import app_now
from marketplace.kernel.db import Database, Scope
from marketplace.kernel.ids import BrandId
from marketplace.kernel.settings import Settings
from tests.builders import a_brand

SLICES = int(os.environ.get("HUMANCLOUD_BENCH_SLICES", "8"))
SLICE = 96
SPEEDUP_GOAL = 2.0
SMALL = 2_000
LARGE = int(os.environ.get("HUMANCLOUD_BENCH_PASSAGES", "100_000"))
PASSAGES_PER_ARTICLE = 100
ARTICLES_PER_COMMIT = 20
MORE_TEXTS = 2  # short ones share a passage
EDITS = 8
EDIT_GOAL_SECONDS = 5.0
BUILD_GOAL_SECONDS = 120.0
MEMORY_GOAL_GIB = 4.0
FOUND_SECONDS = 300.0  # the first edit waits for the process to start
LOOK_SECONDS = 0.02


def measure() -> Iterator[Figure]:
    yield from _speedup()
    with durable_server() as (url, folder), background_database(url) as database:
        small, large = _fill(database, SMALL), _fill(database, LARGE)
        execute(url, "VACUUM ANALYZE")
        for brand in (small, large):
            gib, seconds = _build_apart(url, brand, folder / "snapshots")
        yield _one_sided("peak_rss_gib_100k", gib, "GiB", MEMORY_GOAL_GIB)
        yield _one_sided("build_s_100k_without_encoding", seconds, "s", BUILD_GOAL_SECONDS)
        with _background(url, folder):
            yield _edits("edit_to_retrieval_s", database, small, folder)
            yield _edits("edit_to_retrieval_s_100k", database, large, folder)


def _speedup() -> Iterator[Figure]:
    ours, reference = load_embedder(prepare_model(Settings().model_dir)), ReferenceEmbedder()
    passages = real_passages()
    slices = [passages[start::SLICES][:SLICE] for start in range(SLICES)]
    mine, theirs = [], []
    for texts in (passages[:8], *slices):  # the first round warms both up
        mine.append(_spent(ours.encode, texts))
        theirs.append(_spent(reference.encode, texts))
    yield _figure(
        "passages_speedup", [(m.seconds, t.seconds) for m, t in zip(mine[1:], theirs[1:], strict=True)]
    )
    yield _figure("passages_cpu_speedup", [(m.cpu, t.cpu) for m, t in zip(mine[1:], theirs[1:], strict=True)])


def _figure(name: str, rounds: Sequence[tuple[float, float]]) -> Figure:
    """The median ratio of the rounds; sides are passages per second (of CPU time)."""
    return Figure(
        benchmark="indexing",
        figure=name,
        value=statistics.median(theirs / ours for ours, theirs in rounds),
        unit="times",
        sides={
            "ours": SLICE / statistics.median(ours for ours, _ in rounds),
            "reference": SLICE / statistics.median(theirs for _, theirs in rounds),
        },
        goal=SPEEDUP_GOAL,
    )


def _one_sided(name: str, value: float, unit: str, goal: float) -> Figure:
    sides = {"ours": value, "reference": goal}
    return Figure(benchmark="indexing", figure=name, value=value, unit=unit, sides=sides, goal=goal)


def _fill(database: Database, passages: int) -> BrandId:
    """A brand with at least so many passages, in articles of a hundred."""
    with database.transaction() as tx:
        brand = a_brand(tx)
    texts = varied_passages(MORE_TEXTS * passages)
    articles = [
        Document(
            key=f"article-{start}",
            title=f"Article {start}",
            sections=tuple(
                Section(path=(f"Section {start + place}",), text=text)
                for place, text in enumerate(texts[start : start + PASSAGES_PER_ARTICLE])
            ),
        )
        for start in range(0, len(texts), PASSAGES_PER_ARTICLE)
    ]
    for start in range(0, len(articles), ARTICLES_PER_COMMIT):
        batch = articles[start : start + ARTICLES_PER_COMMIT]
        with database.transaction(Scope(brand=brand)) as tx:
            put_articles(tx, brand=brand, documents=batch, author=None, now=app_now(tx))
            if holdings(tx, brand=brand).passages >= passages:
                break
    return brand


class _MadeUp:
    """The real encoder's space with vectors mixed from real ones by the text's hash; the real encoder is loaded too."""

    def __init__(self, real: Embedder) -> None:
        self.name, self.dimensions = real.name, real.dimensions
        self._real = kept_vectors(real, real_passages())
        real.encode(real_passages()[:64])

    def encode(self, texts: Sequence[str]) -> Vectors:
        hashes = np.array(
            [int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) for text in texts], np.uint64
        )
        count = np.uint64(len(self._real))
        mixed = 0.7 * self._real[hashes % count] + 0.3 * self._real[(hashes >> np.uint64(24)) % count]
        unit: Vectors = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def encode_query(self, text: str) -> Vectors:
        vector: Vectors = self.encode([text])[0]
        return vector


def _build_apart(url: str, brand: BrandId, folder: Path) -> tuple[float, float]:
    """Index the brand in a process of its own: its peak of memory in GiB, and the seconds it took."""
    building = [sys.executable, "-m", "benchmarks.indexing", "--build", url, str(brand), str(folder)]
    printed = subprocess.run(building, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(printed[-2]), float(printed[-1])


def _build_here(url: str, brand: BrandId, folder: Path) -> None:
    embedder = _MadeUp(load_embedder(Settings().model_dir))
    with background_database(url) as database:
        started = time.perf_counter()
        build_index(database, brand, bulk=LocalWork(embedder), folder=folder)
        seconds = time.perf_counter() - started
        with database.transaction(Scope(brand=brand)) as tx:
            status = index_status(tx, brand=brand)
        if status.behind:
            raise RuntimeError("the index was not built")
    print(f"{status.passages} passages", file=sys.stderr)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, seconds)


@contextmanager
def _background(url: str, folder: Path) -> Iterator[None]:
    """The background process as it is installed; its log is `work.log` in `folder`."""
    env = dict(os.environ) | {
        "DATABASE_URL": url,
        "HUMANCLOUD_DATA_DIR": str(folder),
        "HUMANCLOUD_MODEL_DIR": str(Settings().model_dir.resolve()),
        "OMP_NUM_THREADS": "1",
    }
    env.pop("REDIS_URL", None)
    with (folder / "work.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers_ui.cli", "work"], env=env, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _edits(name: str, database: Database, brand: BrandId, folder: Path) -> Figure:
    """The slowest of EDITS, after one that wakes everything up; the other side is their median."""
    embedder = load_embedder(Settings().model_dir)
    retriever = Retriever(
        shelf=LocalShelf(folder / "snapshots"),
        load_embedder=lambda: embedder,
        report_damage=rebuild_on_damage(database),
    )
    seconds = [_edit(database, retriever, brand, number) for number in range(EDITS + 1)][1:]
    return Figure(
        benchmark="indexing",
        figure=name,
        value=max(seconds),
        unit="s",
        sides={"ours": max(seconds), "reference": EDIT_GOAL_SECONDS, "median": statistics.median(seconds)},
        goal=EDIT_GOAL_SECONDS,
    )


def _edit(database: Database, retriever: Retriever, brand: BrandId, number: int) -> float:
    document = Document(
        key="valve",
        title="The zanzibar valve",
        sections=(Section(path=(), text=f"The zanzibar valve opens with the code XQ{number}Z."),),
    )
    with database.transaction(Scope(brand=brand)) as tx:
        put_article(tx, brand=brand, document=document, author=None, now=app_now(tx))
    started = time.perf_counter()
    while time.perf_counter() - started < FOUND_SECONDS:
        with database.transaction(Scope(brand=brand)) as tx:
            query = Query.of(["what is the code of the zanzibar valve"])
            found = [one.text for one in retriever.search(tx, brand=brand, query=query, weight=0.6).passages]
        if any("zanzibar" in text and f"XQ{number}Z" not in text for text in found):
            raise RuntimeError("a replaced text was found")
        if any(f"XQ{number}Z" in text for text in found):
            return time.perf_counter() - started
        time.sleep(LOOK_SECONDS)
    raise RuntimeError("the edit was not found")


@dataclass(frozen=True, slots=True)
class _Spent:
    seconds: float
    cpu: float


def _spent(encode: Callable[[Sequence[str]], object], texts: Sequence[str]) -> _Spent:
    started, before = time.perf_counter(), _cpu()
    encode(texts)
    return _Spent(time.perf_counter() - started, _cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    if sys.argv[1:2] == ["--build"]:
        _build_here(sys.argv[2], BrandId(UUID(sys.argv[3])), Path(sys.argv[4]))
    else:
        run(measure, __doc__)
