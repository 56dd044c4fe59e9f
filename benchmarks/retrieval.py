"""How well the engine finds the right article on public sets, beside plain BM25 and plain dense search of the same run.

The data is not ours to ship: HUMANCLOUD_BENCHMARK_DATA names the folder that has it (dstc11_faq/docs.jsonl and
queries.jsonl, arduino_help/docs.jsonl). The engine learns nothing from the questions.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, run
from guidance.evaluation import evaluate
from guidance.question_sets import QuestionSet, read_question_set
from knowledge_base.index.embedder import Embedder, load_embedder
from marketplace.kernel.settings import Settings

DATA = "HUMANCLOUD_BENCHMARK_DATA"
GOALS = {"dstc11_faq": {"mrr@10": 0.64, "hit@1": 0.52}, "arduino_help": {"mrr@10": 0.88, "hit@1": 0.80}}


def measure() -> Iterator[Figure]:
    named = os.environ.get(DATA)
    if not named:
        print(f"retrieval: skipped; {DATA} names no folder with the public sets.", file=sys.stderr)
        return
    settings, folder = Settings(), Path(named)
    embedder = load_embedder(settings.model_dir)
    for name, goals in GOALS.items():
        if not (folder / name / "docs.jsonl").is_file():
            print(f"retrieval: {name} skipped; it is not in {folder}.", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix="humancloud-retrieval-") as work:
            asked = _question_set(name, folder / name, Path(work))
            yield from _compared(name, goals, _figures(asked, embedder, Path(work), settings))


def _question_set(name: str, folder: Path, work: Path) -> QuestionSet:
    if name == "arduino_help":
        return _titles_against_bodies(folder / "docs.jsonl", work)
    return read_question_set(folder / "docs.jsonl", folder / "queries.jsonl")


def _titles_against_bodies(docs: Path, work: Path) -> QuestionSet:
    """Each article's title is the question, and no passage holds it: neither title nor section is indexed."""
    articles = [json.loads(line) for line in docs.read_text().splitlines()]
    bodies = [{"id": one["id"], "text": one["text"]} for one in articles]
    titles = [{"id": one["id"], "text": one["title"], "rel": {one["id"]: 1}} for one in articles]
    for file, lines in (("docs.jsonl", bodies), ("queries.jsonl", titles)):
        (work / file).write_text("\n".join(map(json.dumps, lines)))
    return read_question_set(work / "docs.jsonl", work / "queries.jsonl")


def _figures(asked: QuestionSet, embedder: Embedder, folder: Path, settings: Settings) -> dict[str, Any]:
    return evaluate(
        asked,
        embedder,
        folder,
        weight=settings.hybrid_weight,
        threshold=settings.answer_threshold,
        told=lambda *_: None,
    )


def _compared(name: str, goals: dict[str, float], figures: dict[str, Any]) -> Iterator[Figure]:
    for metric, goal in goals.items():
        sides = {side: figures[side][metric] for side in ("bm25", "dense")}
        yield Figure(
            benchmark="retrieval",
            figure=f"{name}_{metric}",
            value=figures["engine"][metric],
            unit="share",
            sides={"ours": figures["engine"][metric], "reference": max(sides.values()), **sides},
            goal=goal,
        )
    yield Figure(
        benchmark="retrieval",
        figure=f"{name}_cpu_p95",
        value=figures["cpu_ms"]["p95"],
        unit="ms",
        sides={"ours": figures["cpu_ms"]["p50"], "reference": 60.0},
        goal=60.0,
    )


if __name__ == "__main__":
    run(measure, __doc__)
