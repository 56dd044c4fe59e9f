"""What masking a customer's message costs in CPU time."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Figure, run
from marketplace.tickets.masking import mask
from tests.marketplace.test_masking import HIDDEN, KEPT

TEXTS = 200
MASKING_GOAL_MS = 2.0


def measure() -> Iterator[Figure]:
    rng = random.Random(5)
    lines = [text for text, _ in HIDDEN] + KEPT
    messages = ["Hello, I have a question. " + " ".join(rng.sample(lines, 8)) for _ in range(TEXTS)]
    yield _figure("masking_cpu_p95_ms", mask, messages, MASKING_GOAL_MS)


def _figure(name: str, act: Callable[[str], object], texts: Sequence[str], goal: float) -> Figure:
    act(texts[0])  # what is compiled or loaded once
    spent = [_milliseconds(act, text) for text in texts]
    p95 = statistics.quantiles(spent, n=20)[-1]
    return Figure(
        benchmark="texts",
        figure=name,
        value=p95,
        unit="ms",
        sides={"ours": p95, "reference": goal},
        goal=goal,
    )


def _milliseconds(act: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    act(text)
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    run(measure, __doc__)
