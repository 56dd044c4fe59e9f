"""The actors that serve shards: two of each, on different nodes, brought back by Ray wherever there is room."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import ray
from ray.util.placement_group import PlacementGroup, get_placement_group, placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from knowledge_base.index.shelf import CACHED_BYTES
from knowledge_base.scale.shard import Shard

REPLICAS = 2
THREADS_PER_REPLICA = 4
MAX_OPEN_CALLS = 200
# Logical: a shard waits far more than it works.
CPUS_PER_REPLICA = 0.1

Replica: TypeAlias = Any
"""A handle of a Shard: each method is called as `replica.method.remote(…)`, and gives a reference to its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPlan:
    """How many shards there are, where on its node a replica keeps its files, and what it holds in memory.

    All processes must agree on it: a change of `shards` moves brands to shards that do not have them yet.
    """

    shards: int
    folder: Path
    cached_bytes: int = CACHED_BYTES


def open_replicas(plan: ShardPlan) -> list[list[Replica]]:
    """The replicas of every shard; those that are missing are started. Any process may call it at any time.

    Raises RayError when the cluster went away in between.
    """
    return [_open_shard(plan, shard) for shard in range(plan.shards)]


def _open_shard(plan: ShardPlan, shard: int) -> list[Replica]:
    group = _room(f"shard-{shard}")
    return [_open_replica(plan, group, shard, replica) for replica in range(REPLICAS)]


def _room(name: str) -> PlacementGroup:
    """Room for a shard's replicas on different nodes, which Ray finds anew after the loss of one."""
    bundles = [{"CPU": CPUS_PER_REPLICA}] * REPLICAS
    try:
        room: PlacementGroup = get_placement_group(name)
    except ValueError:
        room = placement_group(bundles, strategy="STRICT_SPREAD", name=name, lifetime="detached")
    return room


def _open_replica(plan: ShardPlan, room: PlacementGroup, shard: int, replica: int) -> Replica:
    name = f"shard-{shard}-{replica}"
    actor: Any = ray.remote(Shard)
    started = actor.options(
        name=name,
        get_if_exists=True,
        lifetime="detached",
        num_cpus=CPUS_PER_REPLICA,
        max_concurrency=THREADS_PER_REPLICA,
        max_pending_calls=MAX_OPEN_CALLS,
        # A limit is used up one day, by one bad call or by time, and the replica is gone for good.
        max_restarts=-1,
        # The other replica is asked instead, sooner than this one comes back.
        max_task_retries=0,
        scheduling_strategy=PlacementGroupSchedulingStrategy(room, placement_group_bundle_index=replica),
    )
    return started.remote(plan.folder / name, cached_bytes=plan.cached_bytes)
