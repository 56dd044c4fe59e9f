"""Claims that arrive together share one commit.

A durable commit costs the disk one wait, however much is in it. So claims queue here for a moment that is no longer
than the commit before theirs: each of two lanes takes all that wait, up to a limit, decides them in the database in
one round trip, and commits once. A claim's answer leaves after its commit, like every other answer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from marketplace.accounts.tokens import hash_of
from marketplace.kernel.db import Database
from marketplace.kernel.errors import NotAllowed, NotSignedIn, Unavailable
from marketplace.kernel.ids import TicketId, new_id
from marketplace.tickets.pool import REFUSALS, Hold

LANES = 2
CLAIMS_A_COMMIT = 64
WAITING_MAX = 5_000
ANSWER_SECONDS = 10.0


class TooManyClaims(Unavailable):
    """More people claim right now than can be served. Try again in a moment."""


class NotAWorker(NotAllowed):
    """This is for workers, and you have no worker account. Sign up as a worker, or sign in as one."""


@dataclass(slots=True, eq=False)
class _Asked:
    """One claim that waits for its answer: `ticket` None asks for the best one."""

    session: bytes
    ticket: TicketId | None
    answer: asyncio.Future[Hold]


class ClaimDesk:
    """Takes claims from the event loop and decides them in batches. One per web process."""

    def __init__(self, database: Database, *, announce: Callable[[], None]) -> None:
        """`announce` is called after each commit that may hold facts."""
        self._database = database
        self._announce = announce
        self._waiting: deque[_Asked] = deque()
        self._idle = LANES
        self._threads = ThreadPoolExecutor(LANES, thread_name_prefix="claims")
        self._batches: set[asyncio.Task[None]] = set()

    async def claim(self, token: str, ticket: TicketId | None) -> Hold:
        """Give `ticket`, or the best one, to the worker signed in with `token`.

        Raises what `pool.claim_ticket` does, with the `next_best` in `more` of a lost one; NotSignedIn; NotAWorker;
        TooManyClaims.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise TooManyClaims
        loop = asyncio.get_running_loop()
        asked = _Asked(session=hash_of(token), ticket=ticket, answer=loop.create_future())
        self._waiting.append(asked)
        self._begin()
        try:
            return await asyncio.wait_for(asked.answer, ANSWER_SECONDS)
        except TimeoutError:
            raise TooManyClaims from None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        """Let an idle lane take what waits."""
        if self._waiting and self._idle:
            self._idle -= 1
            task = asyncio.create_task(self._work())
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    async def _work(self) -> None:
        try:
            while self._waiting:
                taken = min(CLAIMS_A_COMMIT, len(self._waiting))
                await self._decide([self._waiting.popleft() for _ in range(taken)])
        finally:
            self._idle += 1

    async def _decide(self, batch: Sequence[_Asked]) -> None:
        loop = asyncio.get_running_loop()
        live = [asked for asked in batch if not asked.answer.done()]
        try:
            rows = await loop.run_in_executor(self._threads, self._commit, live)
        except Exception as error:
            if len(live) > 1:  # one that cannot be decided must not take the others with it
                for asked in live:
                    await self._decide([asked])
                return
            for asked in live:
                _settle(asked, error)
            return
        self._announce()
        for row in rows:
            _settle(live[row.place - 1], _outcome(row))

    def _commit(self, batch: Sequence[_Asked]) -> Sequence[Row[Any]]:
        """Decide `batch` in one transaction."""
        with self._database.engine.begin() as connection:
            return connection.execute(
                _BATCH,
                {
                    "sessions": [asked.session for asked in batch],
                    "tickets": [asked.ticket for asked in batch],
                    "claims": [new_id() for _ in batch],
                },
            ).all()


def _settle(asked: _Asked, outcome: Hold | Exception) -> None:
    if asked.answer.done():
        return
    if isinstance(outcome, Exception):
        asked.answer.set_exception(outcome)
    else:
        asked.answer.set_result(outcome)


def _outcome(row: Row[Any]) -> Hold | Exception:
    if row.outcome in ("claimed", "mine"):
        return Hold(ticket=row.ticket_id, number=row.claim_number, lease_ends_at=row.lease_ends_at)
    match row.outcome:
        case "signed_out":
            return NotSignedIn()
        case "no_worker":
            return NotAWorker()
    refusal = REFUSALS[row.outcome]()
    if row.next_best is not None:
        refusal.more = {"next_best": str(row.next_best)}
    return refusal


_BATCH = text(
    "SELECT place, outcome, ticket_id, claim_number, lease_ends_at, next_best FROM claim_batch("
    "CAST(:sessions AS bytea[]), CAST(:tickets AS uuid[]), CAST(:claims AS uuid[]))"
)
