"""Whether work grows with its text: a comparison with itself, so that a slow machine changes nothing."""

import time
from collections.abc import Callable

TIMES_LONGER = 8
MOST_TIMES_SLOWER = 24  # linear work takes 8 times as long, quadratic work 64
TRIES = 3


def assert_grows_with_length(act: Callable[[str], object], text: str) -> None:
    """`act` takes no more than a few times the CPU for `text` that it takes a character for an eighth of it."""
    short = text[-(len(text) // TIMES_LONGER) :]
    assert _least_seconds(act, text) < MOST_TIMES_SLOWER * _least_seconds(act, short)


def _least_seconds(act: Callable[[str], object], text: str) -> float:
    def once() -> float:
        started = time.process_time()
        act(text)
        return time.process_time() - started

    return min(once() for _ in range(TRIES))
