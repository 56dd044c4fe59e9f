"""A cluster of three nodes on this machine: how long it takes to begin, a search through it, the loss of a node.

`python -m benchmarks.cluster [--json]`; needs the extra `scale`. Three nodes share this machine's cores, so it says
what a call through a shard costs and how a loss is borne, and nothing about speed-up.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import tests.knowledge_base.scale  # noqa: F401  # the token, before ray is imported
from knowledge_base.index.bulk_work import LocalWork
from knowledge_base.index.shelf import IndexShelf, LocalShelf
from knowledge_base.scale.cluster_work import ClusterWork
from knowledge_base.scale.connection import Connection
from knowledge_base.scale.replicas import ShardPlan, open_replicas
from knowledge_base.scale.sending import Sender
from knowledge_base.scale.sharded_shelf import ShardedShelf
from tests.fakes import WordHashEmbedder
from tests.knowledge_base.contracts.library import Library, Shelved, random_texts, random_turns
from tests.knowledge_base.scale.three_nodes import ThreeNodes, three_nodes

BRANDS = 20
PASSAGES = 500
SEARCHES = 1_000
ENCODED = 20_000
SHARDS = 2

Figures = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, three_nodes() as nodes:
        figures = {name: round(value, 2) for name, value in measure(nodes, Path(folder)).items()}
        print(json.dumps(figures) if arguments.json else _table(figures), flush=True)


def _table(figures: Figures) -> str:
    return "\n".join(f"{name:44} {value:12}" for name, value in figures.items())


def measure(nodes: ThreeNodes, folder: Path) -> Figures:
    library = Library(folder=folder / "index")
    connection = Connection(partial(open_replicas, ShardPlan(shards=SHARDS, folder=folder / "shards")))
    sender, local = Sender(library.folder), LocalShelf(library.folder)
    assert connection.wait(60)
    brands = [library.write(random_texts(PASSAGES, seed=seed)) for seed in range(BRANDS)]
    for shelved in brands:
        sender.send(connection.replicas(shelved.brand), shelved.brand, 1)
    sharded = ShardedShelf(connection, sender, local=local)
    return {
        "cluster_start_seconds": nodes.start_seconds,
        **_searches("local", local, library, brands),
        **_searches("sharded", sharded, library, brands),
        **_loss(nodes, connection, sharded, library, brands),
        **_encoding(connection, sender),
        **_head_loss(nodes, sharded, library, brands),
    }


def _searches(name: str, shelf: IndexShelf, library: Library, brands: list[Shelved]) -> Figures:
    chance = random.Random(1)
    took = sorted(_one(shelf, library, brands, chance) for _ in range(SEARCHES))
    return {f"{name}_p50_ms": statistics.median(took), f"{name}_p99_ms": took[int(0.99 * len(took))]}


def _one(shelf: IndexShelf, library: Library, brands: list[Shelved], chance: random.Random) -> float:
    asker, query = chance.choice(brands), library.query(*random_turns(chance))
    begun = time.perf_counter()
    found = shelf.find(asker.brand, [1], query, weight=0.6, top=200)
    took = (time.perf_counter() - begun) * 1_000
    assert found.number == 1, "a search failed"
    return took


def _loss(
    nodes: ThreeNodes, connection: Connection, shelf: IndexShelf, library: Library, brands: list[Shelved]
) -> Figures:
    chance = random.Random(2)
    lost = nodes.kill_node(next(iter(nodes.homes(connection).keys() & nodes.expendable())))
    begun, took = time.monotonic(), []
    while lost in nodes.homes(connection) or not nodes.all_serve(connection):
        took += [_one(shelf, library, brands, chance) for _ in range(20)]
    figures = {
        "rehomed_seconds": time.monotonic() - begun,
        "searches_meanwhile": float(len(took)),
        "worst_meanwhile_ms": max(took),
    }
    nodes.restore()
    return figures


def _encoding(connection: Connection, sender: Sender) -> Figures:
    embedder = WordHashEmbedder(dimensions=384)
    local = LocalWork(embedder)
    work = ClusterWork(connection, sender, partial(WordHashEmbedder, dimensions=384), local=local, encoders=4)
    texts = random_texts(ENCODED, seed=3)
    figures = {}
    for name, bulk in (("local", local), ("cluster", work)):
        begun = time.monotonic()
        assert sum(len(positions) for positions, _ in bulk.encode(texts)) == ENCODED
        figures[f"{name}_rows_per_second_of_a_quick_encoder"] = ENCODED / (time.monotonic() - begun)
    return figures


def _head_loss(nodes: ThreeNodes, shelf: IndexShelf, library: Library, brands: list[Shelved]) -> Figures:
    """Searches go on without the head; longer than the 60 seconds after which Ray would end this process."""
    nodes.kill_head()
    chance, begun, took = random.Random(4), time.monotonic(), []
    while time.monotonic() - begun < 75:
        took.append(_one(shelf, library, brands, chance))
        time.sleep(0.05)
    return {"searches_without_head": float(len(took)), "worst_without_head_ms": max(took)}


if __name__ == "__main__":
    main()
