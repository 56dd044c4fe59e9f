"""Claims that arrive together share one commit.

A durable commit costs the disk one wait, however much is in it. So claims queue here for a moment that is no longer
than the commit before theirs: each of two lanes takes all that wait, up to a limit, and has the database decide them
in one statement, which is its own commit. A claim's answer leaves after its commit, like every other answer.

Lanes wait on the event loop. With threads, each batch waited several times for the loop to let go of the interpreter,
and claims reached half the rate.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from marketplace.accounts.tokens import hash_of
from marketplace.kernel.db import Database, DatabaseAway
from marketplace.kernel.errors import NotAllowed, NotSignedIn, Unavailable
from marketplace.kernel.ids import TicketId, new_id
from marketplace.tickets.pool import REFUSALS, Hold

LANES = 2
CLAIMS_A_COMMIT = 64
WAITING_MAX = 5_000
WAITING_SECONDS = 10.0
BATCH_SECONDS = 15.0  # longer than the database lets anybody wait for a lock
CHECKED_AFTER_SECONDS = 1.0


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
    answer_by: float


class _Decided(NamedTuple):
    """What `claim_batch` says of one claim; `place` counts from 1."""

    place: int
    outcome: str
    ticket_id: UUID | None
    claim_number: int | None
    lease_ends_at: datetime | None
    next_best: UUID | None


class ClaimDesk:
    """Takes claims and decides them in batches. One per web process; it works on the event loop alone."""

    def __init__(self, database: Database, *, announce: Callable[[], None]) -> None:
        """`announce` is called after each commit that may hold facts."""
        self._announce = announce
        self._waiting: deque[_Asked] = deque()
        self._lanes = [_Lane(database) for _ in range(LANES)]
        self._idle = list(self._lanes)
        self._batches: set[asyncio.Task[None]] = set()

    async def claim(self, token: str, ticket: TicketId | None) -> Hold:
        """Give `ticket`, or the best one, to the worker signed in with `token`.

        Raises what `pool.claim_ticket` does, with the `next_best` in `more` of a lost one; NotSignedIn; NotAWorker;
        TooManyClaims; DatabaseAway.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise TooManyClaims
        loop = asyncio.get_running_loop()
        asked = _Asked(hash_of(token), ticket, loop.create_future(), loop.time() + WAITING_SECONDS)
        self._waiting.append(asked)
        self._begin()
        return await asked.answer

    def close(self) -> None:
        """Close the connections. Claims under way are answered DatabaseAway."""
        for lane in self._lanes:
            lane.close()

    def _begin(self) -> None:
        """Let an idle lane take what waits."""
        if self._waiting and self._idle:
            task = asyncio.create_task(self._work(self._idle.pop()))
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    async def _work(self, lane: "_Lane") -> None:
        try:
            while self._waiting:
                taken = min(CLAIMS_A_COMMIT, len(self._waiting))
                await self._decide(lane, [self._waiting.popleft() for _ in range(taken)])
        finally:
            self._idle.append(lane)

    async def _decide(self, lane: "_Lane", batch: Sequence[_Asked]) -> None:
        live = [asked for asked in batch if not _is_over(asked)]
        if not live:
            return
        try:
            decided = await lane.decide(live)
        except Exception as error:
            if len(live) > 1 and not isinstance(error, DatabaseAway):
                for asked in live:  # one that cannot be decided must not take the others with it
                    await self._decide(lane, [asked])
                return
            for asked in live:
                _settle(asked, error)
            return
        self._announce()
        for row in decided:
            _settle(live[row.place - 1], _outcome(row))


class _Lane:
    """One connection, opened when it is first needed and anew after it broke."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.AsyncConnection | None = None
        self._used_at = 0.0

    async def decide(self, batch: Sequence[_Asked]) -> Sequence[_Decided]:
        """Decide `batch` in one transaction.

        Raises psycopg.Error when nothing was decided, and DatabaseAway when nobody knows, or nothing was decided for
        a single claim that waited for a lock too long.
        """
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                return await self._ask(await self._open(), batch)
        except (psycopg.OperationalError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                self.close()
            if len(batch) > 1 and self._connection is not None and not self._connection.closed:
                raise
            raise DatabaseAway from error
        finally:
            self._used_at = asyncio.get_running_loop().time()

    async def _ask(self, connection: psycopg.AsyncConnection, batch: Sequence[_Asked]) -> Sequence[_Decided]:
        asked = (
            [asked.session for asked in batch],
            [asked.ticket for asked in batch],
            [new_id() for _ in batch],
        )
        async with connection.cursor(row_factory=class_row(_Decided), binary=True) as cursor:
            await cursor.execute(_BATCH, asked)
            return await cursor.fetchall()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.pgconn.finish()  # without an event loop, which may be over

    async def _open(self) -> psycopg.AsyncConnection:
        """A connection that answers: one unused for a while may have lost its server."""
        idle_seconds = asyncio.get_running_loop().time() - self._used_at
        if self._connection is not None and idle_seconds > CHECKED_AFTER_SECONDS:
            try:
                await self._connection.execute("SELECT 1")
            except psycopg.OperationalError:
                self.close()
        if self._connection is None or self._connection.closed:
            self._connection = await self._database.open_on_loop()
        return self._connection


def _is_over(asked: _Asked) -> bool:
    """Whether nobody waits for this claim any more, or has waited too long."""
    if not asked.answer.done() and asyncio.get_running_loop().time() > asked.answer_by:
        asked.answer.set_exception(TooManyClaims())
    return asked.answer.done()


def _settle(asked: _Asked, outcome: Hold | Exception) -> None:
    if asked.answer.done():
        return
    if isinstance(outcome, Exception):
        asked.answer.set_exception(outcome)
    else:
        asked.answer.set_result(outcome)


def _outcome(row: _Decided) -> Hold | Exception:
    match row.outcome:
        case "claimed" | "mine":
            assert row.ticket_id is not None
            assert row.claim_number is not None
            return Hold(
                ticket=TicketId(row.ticket_id), number=row.claim_number, lease_ends_at=row.lease_ends_at
            )
        case "signed_out":
            return NotSignedIn()
        case "no_worker":
            return NotAWorker()
    refusal = REFUSALS[row.outcome]()
    if row.next_best is not None:
        refusal.more = {"next_best": str(row.next_best)}
    return refusal


_BATCH = (
    "SELECT place, outcome, ticket_id, claim_number, lease_ends_at, next_best "
    "FROM claim_batch(%b::bytea[], %b::uuid[], %b::uuid[])"
)
