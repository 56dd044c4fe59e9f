"""How often the vote of resolved tickets names the right answer: accuracy beside the nearest neighbours' vote.

Nothing is chosen on these sets: what the vote chooses, it chooses on the tickets it is given. Data:
HUMANCLOUD_BENCHMARK_DATA names a folder with `banking77` and `hint3`; what is not there is left out with a line that
says so.
"""

import csv
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, run
from guidance.answer_vote import AnswerVote, Examples
from knowledge_base.index.embedder import Embedder, load_embedder
from marketplace.kernel.settings import Settings

DATA = Path(os.environ.get("HUMANCLOUD_BENCHMARK_DATA", "../shared/data"))
OUT_OF_SCOPE = "NO_NODES_DETECTED"
SEED = 5
NEIGHBOURS = 5
BANKING_GOALS = {3: 0.78, 5: 0.80}
HINT3_GOALS = {"curekart": 0.841, "sofmattress": 0.736, "powerplay11": 0.665}
Rows = Sequence[tuple[str, str]]


def measure() -> Iterator[Figure]:
    embedder = load_embedder(Settings().model_dir)
    for brand, goal in HINT3_GOALS.items():
        folder = DATA / "hint3" / "v1"
        yield from _compared(
            embedder,
            brand,
            folder / "train" / f"{brand}_train.csv",
            folder / "test" / f"{brand}_test.csv",
            goal,
        )
    for tickets, goal in BANKING_GOALS.items():
        folder = DATA / "banking77"
        yield from _compared(
            embedder, f"banking77 at {tickets}", folder / "train.csv", folder / "test.csv", goal, tickets
        )


def _compared(
    embedder: Embedder, name: str, train: Path, test: Path, goal: float, most: int | None = None
) -> Iterator[Figure]:
    if not (train.is_file() and test.is_file()):
        print(f"reuse: {train} is not there; set HUMANCLOUD_BENCHMARK_DATA", file=sys.stderr)
        return
    told = _drawn(_rows(train), most)
    known = sorted({answer for _, answer in told})
    asked = [row for row in _rows(test) if row[1] in known]
    questions = _examples(embedder, told)
    titles = _examples(embedder, [(answer.replace("_", " ").lower(), answer) for answer in known])
    vote = AnswerVote(questions, titles)
    vectors = embedder.encode([text for text, _ in asked])
    right = near = 0
    for (text, answer), vector in zip(asked, vectors, strict=True):
        scores = vote.hear(text, vector).scores
        right += max(scores, key=lambda one: scores[one]) == answer
        near += _nearest(questions, vector) == answer
    accuracy, reference = right / len(asked), near / len(asked)
    yield Figure(
        benchmark="reuse",
        figure=f"accuracy, {name}",
        value=accuracy,
        unit="share",
        sides={"vote": accuracy, "neighbours": reference},
        goal=goal,
    )


def _nearest(questions: Examples, vector: np.typing.NDArray[np.float32]) -> str:
    cosines = questions.vectors @ vector
    sums: dict[str, float] = {}
    for at in np.argsort(-cosines)[:NEIGHBOURS]:
        answer = questions.articles[at]
        sums[answer] = sums.get(answer, 0.0) + float(cosines[at])
    return max(sums, key=lambda one: sums[one])


def _examples(embedder: Embedder, rows: Rows) -> Examples:
    texts = [text for text, _ in rows]
    return Examples(texts=texts, vectors=embedder.encode(texts), articles=[answer for _, answer in rows])


def _drawn(rows: Rows, most: int | None) -> Rows:
    shuffled = random.Random(SEED).sample(rows, len(rows))
    if most is None:
        return shuffled
    by_answer: dict[str, list[tuple[str, str]]] = {}
    for row in shuffled:
        by_answer.setdefault(row[1], []).append(row)
    return [row for answers in by_answer.values() for row in answers[:most]]


def _rows(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [(row[0], row[1]) for row in list(csv.reader(lines))[1:]]
    return [row for row in rows if row[1] != OUT_OF_SCOPE]


if __name__ == "__main__":
    run(measure, __doc__)
