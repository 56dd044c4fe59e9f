"""How well questions gather by meaning: homogeneity, completeness and adjusted Rand index against people's intents.

The threshold was chosen on banking77 alone; the three HINT3 brands are only reported. Both references see all
questions at once and give no stable labels: average linkage with the cosine chosen on banking77 in the same way
(0.55), and HDBSCAN. Data: HUMANCLOUD_BENCHMARK_DATA names a folder with `banking77` and `hint3`; what is not there is
left out with a line that says so.
"""

import csv
import os
import random
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.cluster import HDBSCAN, AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, homogeneity_completeness_v_measure

from benchmarks.figures import Figure, run
from guidance.clusters import Clusters
from knowledge_base.index.embedder import Vectors, load_embedder
from marketplace.kernel.settings import Settings

DATA = Path(os.environ.get("HUMANCLOUD_BENCHMARK_DATA", "../shared/data"))
OUT_OF_SCOPE = "NO_NODES_DETECTED"
SEED = 5
LINKAGE_COSINE = 0.55
SMALLEST_CLUSTER = 5
MANY_QUESTIONS = 100_000
MANY_MEANINGS = 1_500
MEBIBYTES_GOAL = 64.0
V_MEASURE_GOALS = {"banking77": 0.75, "curekart": 0.6, "sofmattress": 0.65, "powerplay11": 0.7}


def measure() -> Iterator[Figure]:
    yield _memory()
    embedder = load_embedder(Settings().model_dir)
    for name, files in _sets().items():
        missing = [file for file in files if not file.is_file()]
        if missing:
            print(f"gaps: {name} is left out, {missing[0]} is not there", file=sys.stderr)
            continue
        asked = [row for file in files for row in _rows(file) if row[1] != OUT_OF_SCOPE]
        random.Random(SEED).shuffle(asked)
        vectors = embedder.encode([question for question, _ in asked])
        yield from _quality(name, vectors, [intent for _, intent in asked])


def _sets() -> dict[str, list[Path]]:
    hint3 = {
        brand: [DATA / f"hint3/v1/{part}/{brand}_{part}.csv" for part in ("test", "train")]
        for brand in ("curekart", "sofmattress", "powerplay11")
    }
    return {"banking77": [DATA / "banking77/test.csv"], **hint3}


def _rows(file: Path) -> list[tuple[str, str]]:
    with file.open(newline="") as stream:
        return [(row[0], row[1]) for row in list(csv.reader(stream))[1:] if len(row) > 1]


def _quality(name: str, vectors: Vectors, intents: Sequence[str]) -> Iterator[Figure]:
    clusters = Clusters()
    ours = [clusters.add(vector).cluster for vector in vectors]
    linkage = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=1 - LINKAGE_COSINE
    ).fit(vectors)
    density = HDBSCAN(min_cluster_size=SMALLEST_CLUSTER, copy=True).fit(vectors)
    found = {"ours": ours, "average_linkage": linkage.labels_, "hdbscan": density.labels_}
    measured = {side: homogeneity_completeness_v_measure(intents, labels) for side, labels in found.items()}
    goal = V_MEASURE_GOALS[name]
    for at, figure in enumerate(("homogeneity", "completeness", "v_measure")):
        sides = {side: float(values[at]) for side, values in measured.items()}
        yield _figure(f"{name}_{figure}", sides, goal=goal if figure == "v_measure" else 0.0)
    rand = {side: float(adjusted_rand_score(intents, labels)) for side, labels in found.items()}
    yield _figure(f"{name}_adjusted_rand", rand, goal=0.0)
    many = {side: float(len(set(labels))) for side, labels in found.items()}
    yield _figure(
        f"{name}_clusters", {**many, "intents": float(len(set(intents)))}, goal=0.0, unit="clusters"
    )


def _figure(figure: str, sides: dict[str, float], *, goal: float, unit: str = "share") -> Figure:
    return Figure(benchmark="gaps", figure=figure, value=sides["ours"], unit=unit, sides=sides, goal=goal)


def _memory() -> Figure:
    """What 100,000 questions of 1,500 meanings add to the process at most."""
    random_numbers = np.random.default_rng(SEED)
    meanings = random_numbers.standard_normal((MANY_MEANINGS, 384)).astype(np.float32)
    meanings /= np.linalg.norm(meanings, axis=1, keepdims=True)
    tracemalloc.start()
    clusters = Clusters()
    for _ in range(MANY_QUESTIONS):
        near = meanings[random_numbers.integers(MANY_MEANINGS)] + 0.02 * random_numbers.standard_normal(384)
        clusters.add(np.asarray(near / np.linalg.norm(near), dtype=np.float32))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sides = {"ours": most / 2**20, "clusters": float(len(clusters.sums))}
    return Figure(
        benchmark="gaps",
        figure="memory_of_100k_questions",
        value=sides["ours"],
        unit="MiB",
        sides=sides,
        goal=MEBIBYTES_GOAL,
    )


if __name__ == "__main__":
    run(measure, __doc__)
