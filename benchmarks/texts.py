"""What reading one text costs in CPU time: the lint of a reply as it is written, masking a customer's message."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Figure, run
from guidance.lint import lint
from marketplace.tickets.masking import mask
from tests.guidance.builders_text import a_passage, a_voice
from tests.marketplace.test_masking import HIDDEN, KEPT

TEXTS = 200
REPLY_CHARACTERS = 1_000
LINT_GOAL_MS = 30.0
MASKING_GOAL_MS = 2.0
KNOWN = (
    "Refunds reach you in 5 to 7 business days. Returns are free for 30 days. The fern costs $1,299.00 and the pot "
    "€20. Members save 15%. Support replies within 48 hours: help@plants.example or 020 7946 0958. Wait two weeks."
)
SUSPECT = ("$500", "guaranteed", "evil.com", "{order_id}", "+1 415 555 2671", "ann@mail.example")


def measure() -> Iterator[Figure]:
    rng = random.Random(5)
    words = [*KNOWN.split(), *SUSPECT]
    replies = [" ".join(rng.choices(words, k=160))[:REPLY_CHARACTERS] for _ in range(TEXTS)]
    voice, passage = a_voice(), a_passage(KNOWN)
    yield _figure("lint_cpu_p95_ms", lambda text: lint(text, voice, [passage]), replies, LINT_GOAL_MS)
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
