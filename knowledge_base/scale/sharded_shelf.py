"""Search through shards: the first of two replicas that answers, else this machine's own index."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayError

from knowledge_base.index.shelf import EncodedQuery, Findings, IndexShelf
from knowledge_base.scale.connection import Connection
from knowledge_base.scale.replicas import Replica
from knowledge_base.scale.sending import Sender
from marketplace.kernel.ids import BrandId

HEDGE_SECONDS = 0.05
"""How long the first replica is waited for before the second is asked too; a quiet one answers in 10 ms."""

GIVE_UP_SECONDS = 0.5
"""How long both are waited for before this machine searches itself."""

AVOID_SECONDS = 2.0
"""How long a replica that was late or failed is asked second."""


class ShardedShelf:
    """An IndexShelf over two replicas of many shards, each brand on one of them.

    A replica's answer counts only when it is from the newest number. One that lacks it, because it moved to
    another node a moment ago, is sent it in the background, and this machine answers meanwhile.
    """

    def __init__(
        self,
        connection: Connection,
        sender: Sender,
        *,
        local: IndexShelf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._sender = sender
        self._local = local
        self._clock = clock
        self._turns = itertools.count()
        self._avoided: dict[Replica, float] = {}

    def find(
        self, brand: BrandId, numbers: Sequence[int], query: EncodedQuery, *, weight: float, top: int
    ) -> Findings:
        replicas = self._connection.replicas(brand) if numbers else ()
        found = self._ask(replicas, numbers[0], (brand, numbers, query, weight, top)) if replicas else None
        if found is not None and found.number == numbers[0]:
            return replace(found, refused=())
        if found is not None:
            self._sender.send_soon(replicas, brand, numbers[0])
        return _newer(self._local.find(brand, numbers, query, weight=weight, top=top), found)

    def forget(self, brand: BrandId) -> None:
        """A replica that cannot be told begins empty when it is back (`Shard`)."""
        self._local.forget(brand)
        for replica in self._connection.replicas(brand):
            try:
                replica.forget.remote(brand)
            except RayError:
                self._avoid(replica)

    def _ask(self, replicas: Sequence[Replica], newest: int, question: tuple[Any, ...]) -> Findings | None:
        """The newest answer in time, None when none came."""
        asked: dict[ray.ObjectRef[Findings], Replica] = {}
        best = None
        for seconds, replica in zip((HEDGE_SECONDS, GIVE_UP_SECONDS), self._in_order(replicas), strict=True):
            try:
                asked[replica.find.remote(*question)] = replica
            except RayError:  # too many calls of it are open
                self._avoid(replica)
            best = self._wait(asked, newest, seconds, best)
            if best is not None and best.number == newest:
                break
        return best

    def _wait(
        self,
        asked: dict["ray.ObjectRef[Findings]", Replica],
        newest: int,
        seconds: float,
        best: Findings | None,
    ) -> Findings | None:
        """Take answers off `asked` until one is the newest, all have come, or time is up."""
        until = self._clock() + seconds
        while asked and (best is None or best.number != newest):
            ready, _ = ray.wait(list(asked), timeout=max(0.0, until - self._clock()))
            if not ready:
                for late in asked.values():
                    self._avoid(late)
                break
            replica = asked.pop(ready[0])
            try:
                best = _newer(ray.get(ready[0]), best)
            except RayError:
                self._avoid(replica)
        return best

    def _in_order(self, replicas: Sequence[Replica]) -> list[Replica]:
        """They take turns; one that was late or failed just now comes last."""
        turn = next(self._turns) % len(replicas)
        now = self._clock()
        return sorted(
            (*replicas[turn:], *replicas[:turn]), key=lambda replica: self._avoided.get(replica, 0.0) > now
        )

    def _avoid(self, replica: Replica) -> None:
        self._avoided[replica] = self._clock() + AVOID_SECONDS


def _newer(one: Findings, other: Findings | None) -> Findings:
    """The one from the newer snapshot, `one` when they are equal."""
    return other if other is not None and (other.number or -1) > (one.number or -1) else one
