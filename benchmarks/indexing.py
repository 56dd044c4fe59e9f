"""What indexing costs: encoding against default sentence-transformers.

The speed-up is taken on slices of the same passages, both sides in turn on the same cores; its sides are passages per
second by the wall clock. CPU time per passage is a figure of its own, because other programs cannot spoil it.
"""

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.figures import Figure, run
from benchmarks.knowledge_texts import real_passages
from knowledge_base.index.embedder import ReferenceEmbedder, load_embedder, prepare_model
from marketplace.kernel.settings import Settings

SLICES = int(os.environ.get("HUMANCLOUD_BENCH_SLICES", "8"))
SLICE = 96
SPEEDUP_GOAL = 2.0


def measure() -> Iterator[Figure]:
    yield from _speedup()


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
    run(measure, __doc__)
