"""Runs a few transactions side by side, statement by statement, in an order that a seed decides.

Each act has a thread and a transaction of its own. Before every statement it waits for its turn; whose turn is next is
drawn by lot. An act that waits for another's lock keeps its turn for a moment and then loses it, as a database would
let the other go on. The same seed draws the same lots, so a failure can be run again.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from sqlalchemy import event

from marketplace.kernel.db import Database

BLOCKED_SECONDS = 0.01
STUCK_SECONDS = 30.0


class Stuck(Exception):
    """The acts did not come to an end."""


class Turns:
    """Whose statement is next."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._changed = threading.Condition()
        self._waiting: set[int] = set()
        self._running: set[int] = set()
        self._chosen: int | None = None
        self._numbers = threading.local()

    def run(self, acts: Sequence[Callable[[], object]]) -> list[BaseException | None]:
        """Run all `acts`; what each raised, if anything."""
        raised: list[BaseException | None] = [None] * len(acts)

        def perform(number: int) -> None:
            self._numbers.mine = number
            try:
                acts[number]()
            except BaseException as error:  # told to the test, which judges it
                raised[number] = error
            finally:
                with self._changed:
                    self._running.discard(number)
                    self._choose()

        self._running = set(range(len(acts)))
        threads = [
            threading.Thread(target=perform, args=(number,), daemon=True) for number in range(len(acts))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(STUCK_SECONDS)
            if thread.is_alive():
                raise Stuck
        return raised

    def wait(self) -> None:
        """Called before each statement, by the act that is about to send it."""
        mine = getattr(self._numbers, "mine", None)
        if mine is None:
            return  # not one of our acts
        with self._changed:
            self._running.discard(mine)
            self._waiting.add(mine)
            self._choose()
            while self._chosen != mine:
                if not self._changed.wait(BLOCKED_SECONDS) and self._chosen is None:
                    self._choose(blocked=True)
            self._chosen = None
            self._waiting.discard(mine)
            self._running.add(mine)

    def _choose(self, *, blocked: bool = False) -> None:
        """Draw the next one, once nobody runs; or while who runs is blocked by a lock."""
        if self._chosen is None and self._waiting and (blocked or not self._running):
            self._chosen = self._random.choice(sorted(self._waiting))
            self._changed.notify_all()


@contextmanager
def taking_turns(database: Database, random: Random) -> Iterator[Turns]:
    """Statements of `database` wait for their turn."""
    turns = Turns(random)

    def before(*_: Any) -> None:
        turns.wait()

    event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield turns
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
