"""Searching a brand of 100,000 passages, and holding a thousand small ones: CPU time of one thread, recall, memory.

Recall is the share of the ten best by exact float32 products that are among our ten; its other side is that of eight
bits, which was not chosen. What a search costs is measured without encoding the question, which `suggestion` measures.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import faiss
import numpy as np

from benchmarks.figures import Figure, run
from benchmarks.knowledge_texts import questions, varied_passages
from benchmarks.knowledge_vectors import question_vectors, varied_vectors
from knowledge_base.index import snapshot
from knowledge_base.index.embedder import Embedder, Vectors, load_embedder, prepare_model
from knowledge_base.index.evidence import ranking_of
from knowledge_base.index.hybrid import Query, hybrid
from knowledge_base.index.shelf import EncodedQuery, snapshots_folder
from knowledge_base.index.snapshot_cache import SnapshotCache
from knowledge_base.index.vector_index import VectorIndex
from marketplace.kernel.ids import ArticleId, BrandId, PassageId
from marketplace.kernel.settings import Settings

PASSAGES = int(os.environ.get("HUMANCLOUD_BENCH_PASSAGES", "100_000"))
QUESTIONS = 1_200
TIMED = 300
NEAREST = 10
BRANDS = 1_000
PASSAGES_OF_A_BRAND = 100
CACHE_BYTES = 64 * 2**20
SEARCH_GOAL_MS = 25.0
HYBRID_GOAL_MS = 50.0
RECALL_GOAL = 0.995
RSS_GOAL_MB = 160.0
OPEN_GOAL_MS = 20.0


def measure() -> Iterator[Figure]:
    faiss.omp_set_num_threads(1)
    embedder = load_embedder(prepare_model(Settings().model_dir))
    vectors, asked = varied_vectors(embedder, PASSAGES), question_vectors(embedder, QUESTIONS)
    index = VectorIndex(vectors.shape[1])
    index.add(vectors)
    yield _search_cpu(index, vectors, asked)
    yield _recall(index, vectors, asked)
    with tempfile.TemporaryDirectory(prefix="humancloud-bench-") as name:
        yield _hybrid_cpu(Path(name), embedder, vectors, asked)
    with tempfile.TemporaryDirectory(prefix="humancloud-bench-") as name:
        yield from _many_brands(Path(name), vectors)


def _search_cpu(index: VectorIndex, vectors: Vectors, asked: Vectors) -> Figure:
    """The other side is exact float32, in turn."""
    exact = faiss.IndexFlatIP(vectors.shape[1])
    exact.add(vectors)
    ours, theirs = [], []
    for question in asked[:TIMED]:
        ours.append(_cpu_ms(lambda: index.search(question, top=snapshot.TOP)))  # noqa: B023 - called at once
        theirs.append(_cpu_ms(lambda: exact.search(question[None, :], snapshot.TOP)))  # noqa: B023
    return _figure(
        "search_cpu_ms_100k", statistics.median(ours), "ms", statistics.median(theirs), SEARCH_GOAL_MS
    )


def _recall(index: VectorIndex, vectors: Vectors, asked: Vectors) -> Figure:
    exact = [set(np.argpartition(-(vectors @ question), NEAREST)[:NEAREST].tolist()) for question in asked]
    bytes_only = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    bytes_only.train(vectors)
    bytes_only.add(vectors)
    _, eight_bits = bytes_only.search(asked, NEAREST)
    ours = [index.search(question, top=NEAREST)[0] for question in asked]
    return _figure(
        "recall_at_10", _share(ours, exact), "share", _share(eight_bits.tolist(), exact), RECALL_GOAL
    )


def _share(found: Sequence[Sequence[int]], exact: Sequence[set[int]]) -> float:
    hits = [len(best.intersection(positions)) / NEAREST for positions, best in zip(found, exact, strict=True)]
    return statistics.mean(hits)


def _hybrid_cpu(folder: Path, embedder: Embedder, vectors: Vectors, asked: Vectors) -> Figure:
    """All that is searched for one question: both rankings, their sum, and the evidence of the last turn."""
    brand = BrandId(uuid.UUID(int=1))
    _write(folder / str(brand) / "1", brand, varied_passages(PASSAGES), vectors, model=embedder.name)
    opened = snapshot.open_snapshot(folder / str(brand) / "1")
    spent = []
    for text, vector in list(zip(questions(QUESTIONS), asked, strict=True))[:TIMED]:
        query = Query.of([text])
        encoded = EncodedQuery(query=query, name=embedder.name, vectors={query.conversation: vector})
        spent.append(
            _cpu_ms(
                lambda: (hybrid(opened, encoded, query, top=20), ranking_of(opened, encoded, query.last_turn))  # noqa: B023
            )
        )
    p95 = statistics.quantiles(spent, n=20)[18]
    return Figure(
        benchmark="vectors",
        figure="hybrid_search_cpu_ms_100k",
        value=statistics.median(spent),
        unit="ms",
        sides={"ours": statistics.median(spent), "reference": HYBRID_GOAL_MS, "p95": p95},
        goal=HYBRID_GOAL_MS,
    )


def _many_brands(folder: Path, vectors: Vectors) -> Iterator[Figure]:
    texts = varied_passages(2_000)
    for number in range(BRANDS):
        brand, start = BrandId(uuid.UUID(int=number)), number * 13 % (len(texts) - PASSAGES_OF_A_BRAND)
        part = slice(start, start + PASSAGES_OF_A_BRAND)
        _write(snapshots_folder(folder, brand) / "1", brand, texts[part], vectors[part], model="bench")
    opening = [sys.executable, "-m", "benchmarks.vectors", "--open", str(folder)]
    printed = subprocess.run(opening, capture_output=True, text=True, check=True).stdout.split()
    grown, held, open_ms = map(float, printed)
    yield _figure("rss_mb_1000_brands", grown, "MB", held, RSS_GOAL_MB)
    yield _figure("open_ms_small_brand", open_ms, "ms", OPEN_GOAL_MS, OPEN_GOAL_MS)


def _open_all(folder: Path) -> None:
    """In a process of its own: prints how much memory grew (MB), what the cache says it holds, and ms per opening."""
    cache, spent = SnapshotCache(CACHE_BYTES), []
    question = np.ones(VectorIndex(384).dimensions, dtype=np.float32)
    cache.snapshot(BrandId(uuid.UUID(int=0)), 1, folder / str(uuid.UUID(int=0)) / "1").dense_scores(question)
    before = _rss_mb()
    for number in range(BRANDS):
        brand = BrandId(uuid.UUID(int=number))
        started = time.perf_counter()
        opened = cache.snapshot(brand, 1, snapshots_folder(folder, brand) / "1")
        spent.append((time.perf_counter() - started) * 1000)
        opened.dense_scores(question)
        opened.lexical_scores("where is my order")
    print(_rss_mb() - before, cache.nbytes / 1e6, statistics.median(spent))


def _write(target: Path, brand: BrandId, texts: Sequence[str], vectors: Vectors, *, model: str) -> None:
    snapshot.build(
        target,
        brand=brand,
        number=1,
        model=model,
        ids=[PassageId(uuid.UUID(int=position)) for position in range(len(texts))],
        article_ids=[ArticleId(uuid.UUID(int=position // 4)) for position in range(len(texts))],
        texts=texts,
        vectors=vectors,
    )


def _figure(name: str, ours: float, unit: str, reference: float, goal: float) -> Figure:
    return Figure(
        benchmark="vectors",
        figure=name,
        value=ours,
        unit=unit,
        sides={"ours": ours, "reference": reference},
        goal=goal,
    )


def _cpu_ms(act: Callable[[], object]) -> float:
    started = time.thread_time()
    act()
    return (time.thread_time() - started) * 1000


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--open"]:
        _open_all(Path(sys.argv[2]))
    else:
        run(measure, __doc__)
