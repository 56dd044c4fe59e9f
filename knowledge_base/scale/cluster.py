"""This process's way into a Ray cluster, joined once. Who may join may run code there: never without a token."""

import os
import socket
import threading

import ray
import structlog

log = structlog.get_logger()

NAMESPACE = "humancloud"
REACH_SECONDS = 2.0

_JOINING = threading.Lock()


class ClusterUnprotected(Exception):
    """Who reaches the cluster may run code there. Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH on every node."""


class ClusterAway(Exception):
    """The cluster cannot be reached. Look at `ray status` on its head, and whether this machine runs a node of it."""


def join(address: str) -> None:
    """Become a driver of the cluster at `address` (host:port of its head), unless this process is one already.

    A node of the cluster must run on this machine (`ray start --address=… --num-cpus=0`). Raises
    ClusterUnprotected or ClusterAway.
    """
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise ClusterUnprotected
    with _JOINING:
        if ray.is_initialized():
            return
        _reach(address)
        try:
            ray.init(
                address=address,
                namespace=NAMESPACE,
                configure_logging=False,
                log_to_driver=False,
            )
        except (ConnectionError, RuntimeError) as fault:
            raise ClusterAway from fault
    log.info("cluster.joined", address=address)


def _reach(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACH_SECONDS).close()
    except (OSError, ValueError) as fault:
        raise ClusterAway from fault
