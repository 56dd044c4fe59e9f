"""What checking a reply costs at each pause in typing, in CPU time.

Replies of 1,000 characters put together from a demo brand's articles and from what a check finds, beside three of the
brand's own passages and a customer's long thread.
"""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import workers_ui
from benchmarks.figures import Figure, run
from guidance.draft import CitedPassage
from guidance.lint import lint
from guidance.sentences import quotable_blocks
from tests.guidance.builders_text import a_passage, a_voice

CONTENT = Path(workers_ui.__file__).parent / "demo_content" / "tamberlark"
REPLIES = 300
REPLY_CHARACTERS = 1_000
PASSAGE_WORDS = 110
GOAL_MS = 30.0
FREE = (
    "Hi Sam,",
    "Thank you for your patience, and sorry for the trouble.",
    "We will refund you the $49 in full by Friday.",
    "You'll receive a replacement within 3 days, I promise.",
    "I wrote to sam@example.com and called +1 415 555 2671.",
    "Unfortunately our stoves are made by hand in the north.",
    "See evil.example/now for {order_id}.",
    "Could you send us a photo of the zip?",
    "It went to 12 High Street, as you asked.",
)
THREAD = "My jacket leaks. I live at 12 High Street, Leeds; call +1 415 555 2671. "


def measure() -> Iterator[Figure]:
    rng = random.Random(25)
    articles = [path.read_text() for path in sorted((CONTENT / "articles").glob("*.md"))]
    voice = a_voice()
    said = [line for text in articles for block in quotable_blocks(text) for line in block.sentences]
    customer = [THREAD * 40 for _ in range(10)] + ["sam@example.com"]
    replies = [_reply(rng, said) for _ in range(REPLIES)]
    beside = [_passages(rng, articles) for _ in range(REPLIES)]
    lint(replies[0], voice, beside[0], customer=customer)  # what is compiled once
    spent = []
    for text, passages in zip(replies, beside, strict=True):
        started = time.process_time()
        lint(text, voice, passages, customer=customer)
        spent.append((time.process_time() - started) * 1000)
    p95 = statistics.quantiles(spent, n=20)[-1]
    yield Figure(
        benchmark="lint",
        figure="check_cpu_p95_ms",
        value=p95,
        unit="ms",
        sides={"ours": p95, "median": statistics.median(spent), "most": max(spent)},
        goal=GOAL_MS,
    )


def _reply(rng: random.Random, said: Sequence[str]) -> str:
    """Half quoted or a word changed, half free, to the last character."""
    lines: list[str] = []
    while len("\n".join(lines)) < REPLY_CHARACTERS:
        words = rng.choice(said).split()
        words[rng.randrange(len(words))] = "really"
        lines.append(rng.choice((rng.choice(said), " ".join(words), *rng.sample(FREE, 2))))
    return "\n\n".join(lines)[:REPLY_CHARACTERS]


def _passages(rng: random.Random, articles: Sequence[str]) -> list[CitedPassage]:
    cut = []
    for rank, text in enumerate(rng.sample(articles, 3), start=1):
        words = text.split(" ")
        start = rng.randrange(max(1, len(words) - PASSAGE_WORDS))
        cut.append(a_passage(" ".join(words[start : start + PASSAGE_WORDS]), rank=rank))
    return cut


if __name__ == "__main__":
    run(measure, __doc__)
