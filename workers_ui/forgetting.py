"""Every process lets go of what it holds in memory of knowledge that was erased."""

import threading

import structlog

from knowledge_base.erasure import erased_brands
from knowledge_base.index.retrieval import Retriever
from marketplace.kernel.db import PLATFORM, Database
from marketplace.kernel.ids import ErasureId

LOOK_SECONDS = 2.0
STOP_SECONDS = 2.0

log = structlog.get_logger()


class Forgetting:
    """Looks at erasures, not at facts: a process that nobody follows passes facts over."""

    def __init__(self, database: Database, retriever: Retriever) -> None:
        self._database = database
        self._retriever = retriever
        self._done: frozenset[ErasureId] = frozenset()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="forgetting", daemon=True)

    def look(self) -> None:
        """Forget the brands of erasures that were not seen before."""
        with self._database.transaction(PLATFORM) as tx:
            erased = erased_brands(tx)
        for brand, erasure in erased:
            if erasure not in self._done:
                self._retriever.forget(brand)
        self._done = frozenset(erasure for _, erasure in erased)

    def start(self) -> None:
        """Look from time to time, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # the edge of a background loop: the next look tries again
                log.exception("forgetting.failed")
