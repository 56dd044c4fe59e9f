"""Telling every process that facts were committed, off the request's time and at most once per PAUSE_SECONDS.

A commit only raises a flag; one thread per process announces. So a Redis that hangs holds up no answer, and a
thousand commits a second cost some fifty announcements.
"""

import threading

from marketplace.kernel.redis import Announcer

FACTS = "facts"
PAUSE_SECONDS = 0.02
STOP_SECONDS = 2.0


class FactsAnnouncing:
    """Announces FACTS soon after `announce` was called; the thread starts with the first call."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._wanted = threading.Event()
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def announce(self) -> None:
        """Facts were committed. Costs next to nothing, never waits and never raises; call it after the commit."""
        self._wanted.set()
        if self._thread is None:
            self._start()

    def close(self) -> None:
        self._stop.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="announcing", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._wanted.wait() and not self._stop.is_set():
            self._wanted.clear()
            self._announcer.publish(FACTS)
            self._stop.wait(PAUSE_SECONDS)
