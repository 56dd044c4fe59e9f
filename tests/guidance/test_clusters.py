"""Gathering questions by meaning: stable under growth, the same every time, and true to what people call one thing."""

import csv
import os
import random
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import homogeneity_completeness_v_measure

from guidance.clusters import JOIN_COSINE, Clusters
from knowledge_base.index.embedder import Vectors, load_embedder

DATA = Path(os.environ.get("HUMANCLOUD_BENCHMARK_DATA", Path(__file__).parents[3] / "shared" / "data"))
QUESTIONS = 400
OUT_OF_SCOPE = "NO_NODES_DETECTED"


def _unit(*values: float) -> Vectors:
    vector = np.array(values, dtype=np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _crowd(count: int, *, seed: int, meanings: int = 40) -> list[Vectors]:
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((meanings, 64))
    return [
        _unit(*(middles[rng.integers(meanings)] / np.sqrt(64) + 0.05 * rng.standard_normal(64)))
        for _ in range(count)
    ]


def test_a_question_joins_what_is_near_and_begins_what_is_new() -> None:
    clusters = Clusters()
    first = clusters.add(_unit(1, 0, 0))
    near = clusters.add(_unit(1, 0.2, 0))
    far = clusters.add(_unit(0, 0, 1))

    assert (first.cluster, first.is_new) == (0, True)
    assert (near.cluster, near.is_new) == (0, False)
    assert near.likeness == pytest.approx(1 / np.sqrt(1.04))
    assert (far.cluster, far.is_new) == (1, True)


def test_the_threshold_itself_joins_and_less_does_not() -> None:
    angle = np.arccos(JOIN_COSINE)
    for turned, clusters_then in ((angle - 1e-3, 1), (angle + 1e-3, 2)):
        clusters = Clusters()
        clusters.add(_unit(1, 0))
        clusters.add(_unit(np.cos(turned), np.sin(turned)))
        assert len(clusters.sums) == clusters_then


def test_of_equally_near_clusters_the_older_one_takes_the_question() -> None:
    clusters = Clusters.of([_unit(1, 0.0, 0), _unit(0, 1, 0)])
    assert clusters.add(_unit(1, 1, 0)).cluster == 0


def test_what_was_gathered_stays_where_it_is_when_more_comes() -> None:
    crowd = _crowd(3_000, seed=1)
    early, whole = Clusters(), Clusters()
    before = [early.add(vector).cluster for vector in crowd[:500]]
    after = [whole.add(vector).cluster for vector in crowd]

    assert after[:500] == before
    assert len(whole.sums) >= len(early.sums)


def test_a_cluster_that_is_kept_and_opened_again_goes_on_as_if_it_had_never_been_closed() -> None:
    crowd = _crowd(600, seed=2)
    whole, first = Clusters(), Clusters()
    one_run = [whole.add(vector).cluster for vector in crowd]
    two_runs = [first.add(vector).cluster for vector in crowd[:300]]
    kept = [np.frombuffer(one.tobytes(), dtype=np.float32) for one in first.sums]
    again = Clusters.of(kept)
    two_runs += [again.add(vector).cluster for vector in crowd[300:]]

    assert two_runs == one_run


@pytest.mark.parametrize(
    ("name", "files", "homogeneity", "completeness"),
    [
        ("banking77", ["banking77/test.csv"], 0.85, 0.7),
        ("curekart", ["hint3/v1/test/curekart_test.csv", "hint3/v1/train/curekart_train.csv"], 0.85, 0.42),
        (
            "sofmattress",
            ["hint3/v1/test/sofmattress_test.csv", "hint3/v1/train/sofmattress_train.csv"],
            0.85,
            0.5,
        ),
        (
            "powerplay11",
            ["hint3/v1/test/powerplay11_test.csv", "hint3/v1/train/powerplay11_train.csv"],
            0.85,
            0.62,
        ),
    ],
    ids=("banking77", "curekart", "sofmattress", "powerplay11"),
)
def test_real_questions_of_one_intent_come_together(
    name: str, files: list[str], homogeneity: float, completeness: float, model_dir: Path
) -> None:
    paths = [DATA / file for file in files]
    if missing := [path for path in paths if not path.is_file()]:
        pytest.skip(f"the questions of {name} are not at hand: {missing[0]} (set HUMANCLOUD_BENCHMARK_DATA)")
    asked = [row for path in paths for row in _rows(path) if row[1] != OUT_OF_SCOPE]
    random.Random(5).shuffle(asked)
    asked = asked[:QUESTIONS]
    clusters = Clusters()
    vectors = load_embedder(model_dir).encode([question for question, _ in asked])
    labels = [clusters.add(vector).cluster for vector in vectors]

    found = homogeneity_completeness_v_measure([intent for _, intent in asked], labels)

    assert found[0] >= homogeneity, found
    assert found[1] >= completeness, found
    assert len(clusters.sums) < 0.75 * len(asked)


def _rows(file: Path) -> list[tuple[str, str]]:
    with file.open(newline="") as stream:
        return [(row[0], row[1]) for row in list(csv.reader(stream))[1:] if len(row) > 1]
