"""A Ray cluster of three nodes on this machine, whose nodes can be lost as if by a power cut."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import ray
from ray._private.state import actors
from ray.cluster_utils import Cluster
from ray.exceptions import RayError

from knowledge_base.scale import cluster as door
from knowledge_base.scale.connection import Connection

ROOT = Path(__file__).parents[3]
CPUS = 2
STORE_BYTES = 80 * 2**20
# A loopback address of its own, because Ray replaces 127.0.0.1 by the machine's address in the network.
ADDRESS = "127.0.0.2" if sys.platform == "linux" else None
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1_000,
    "health_check_failure_threshold": 4,
}
ANSWER_SECONDS = 2.0
GONE_SECONDS = 20.0
LOOK_SECONDS = 0.1


class ThreeNodes:
    def __init__(self) -> None:
        started = time.monotonic()
        self._headless = False
        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={**_node(), "include_dashboard": False, "_system_config": HEALTH},
        )
        self.add_node()
        self.add_node()
        door.join(self._cluster.address)
        self.start_seconds = time.monotonic() - started

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add_node(self) -> None:
        self._cluster.add_node(**_node())

    def expendable(self) -> set[str]:
        """Nodes that may be killed: all but the head, where the tests are."""
        return {str(node.node_id) for node in self._cluster.worker_nodes}

    def at_work(self, name: str) -> str:
        """A node that may be killed, where an actor of the class `name` works or soon does.

        Of four such actors the head has at most two, since each takes one of its CPUs.
        """
        deadline = time.monotonic() + GONE_SECONDS
        while not (working := self._working(name) & self.expendable()):
            assert time.monotonic() < deadline, f"No {name} works on a node that may be killed."
            time.sleep(LOOK_SECONDS)
        return working.pop()

    def _working(self, name: str) -> set[str]:
        return {
            str(actor["Address"]["NodeID"])
            for actor in actors().values()
            if actor["State"] == "ALIVE" and name in actor["ActorClassName"]
        }

    def homes(self, connection: Connection) -> dict[str, list[int]]:
        """The shards that Ray believes alive, by node; a shard is named once for each replica there."""
        homes: dict[str, list[int]] = {}
        for shard, replicas in enumerate(connection.shards):
            for replica in replicas:
                known = actors(replica._actor_id.hex())
                if known["State"] == "ALIVE":
                    homes.setdefault(known["Address"]["NodeID"], []).append(shard)
        return homes

    def have_replaced(self, lost: str, connection: Connection) -> bool:
        return lost not in self.homes(connection) and self.all_serve(connection)

    def all_serve(self, connection: Connection) -> bool:
        calls = [replica.ping.remote() for replicas in connection.shards for replica in replicas]
        try:
            ray.get(calls, timeout=ANSWER_SECONDS)
        except RayError:
            return False
        return True

    def nodes(self) -> set[str]:
        """Ids of those that Ray believes alive."""
        return {node["NodeID"] for node in ray.nodes() if node["Alive"]}

    def kill_node(self, node_id: str | None = None) -> str:
        """SIGKILL all its processes at once: nothing is said to anybody. Never the head, where the tests are."""
        victims = [node for node in self._cluster.worker_nodes if node_id in (None, node.node_id)]
        victim = victims[0]
        for process in _family(victim):
            _kill(process)
        self._cluster.worker_nodes.remove(victim)
        return str(victim.node_id)

    def kill_head(self) -> None:
        """SIGKILL what starts and moves actors; nothing of this cluster can be started after it, nor ended well."""
        self._headless = True
        head: Any = self._cluster.head_node
        for process in head.all_processes["gcs_server"]:
            _kill(psutil.Process(process.process.pid))

    def restore(self) -> None:
        """Three nodes again, whatever a test did."""
        while len(self._cluster.worker_nodes) < 2:
            self.add_node()

    def close(self) -> None:
        """Raises when a process of the cluster is left; none is, afterwards."""
        family = [process for node in self._cluster.list_all_nodes() for process in _family(node)]
        ray.shutdown()
        self._cluster.shutdown()
        _, left = psutil.wait_procs(family, timeout=GONE_SECONDS)
        for process in left:
            _kill(process)
        assert self._headless or not left, f"{left} outlived the cluster."


def _node() -> dict[str, Any]:
    return {"num_cpus": CPUS, "object_store_memory": STORE_BYTES, "node_ip_address": ADDRESS}


def _family(node: Any) -> list[psutil.Process]:
    """A node's processes with their children: the raylet, its workers, its agents."""
    family = []
    for processes in node.all_processes.values():
        for started in processes:
            try:
                process = psutil.Process(started.process.pid)
                family += [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
    return family


def _kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        pass


@contextmanager
def three_nodes() -> Iterator[ThreeNodes]:
    """The cluster, in an environment and a folder of its own, both gone afterwards."""
    before = dict(os.environ)
    folder = tempfile.mkdtemp(prefix="hc-ray-")  # short, because sockets in it have long names already
    os.environ["RAY_TMPDIR"] = folder
    # The nodes read the fakes of the tests too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), before.get("PYTHONPATH"))))
    try:
        cluster = ThreeNodes()
        try:
            yield cluster
        finally:
            cluster.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)
