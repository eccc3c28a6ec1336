"""The nodes of a Ray cluster: reached, and compared with this machine before one is trusted with a control.

Equal controls need equal packages, and tasks name files by path: a node must have the versions of this machine and see
its working directory. Ray is imported here and nowhere else, and only when a cluster is asked for.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from kdaudit.errors import DeviceError, said_by
from kdaudit.execute.work import THREAD_VARIABLES, environment
from kdaudit.installed import required

if TYPE_CHECKING:
    from types import ModuleType

# A new instance on this machine; and the cluster that this machine belongs to, or that Ray's own variable names.
LOCAL, AUTO = "local", "auto"
# Tasks name files by path, and relative ones by this.
FOLDER = "the working directory"
# What the numbers of a control depend on.
_PACKAGES = ("kdaudit", "torch", "torchvision", "numpy", "onnx")
_SECONDS_TO_CONNECT = 10.0
_SECONDS_TO_ANSWER = 120.0
_START_ONE = (
    "docs/how-to/cluster.md says how to start a cluster, and of one that asks for a token; without --ray-address this "
    "machine trains"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine of the cluster that can run tasks, and why none may run there, if so."""

    id: str
    name: str
    n_cpus: int
    n_gpus: int
    problems: tuple[str, ...] = ()


def connect(address: str, *, n_cpus: int) -> ModuleType:
    """Ray, connected to the cluster at `address`, or to a new instance of `n_cpus` on this machine for 'local'.

    Raises:
        DeviceError: Ray is not installed, or no cluster answers there.
    """
    ray = required("ray", extra="ray", needed_for="--ray-address", error=DeviceError)
    require_answer(address)
    own: dict[str, Any] = {"num_cpus": n_cpus, "include_dashboard": False} if address == LOCAL else {}
    try:
        with environment({"RAY_USAGE_STATS_ENABLED": "0"}):
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": dict.fromkeys(THREAD_VARIABLES, "1")},
                **own,
            )
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as failure:
        raise _no_cluster(address, str(failure)) from failure
    # Ray tells of dead workers on standard output, where the report goes; the error of their task tells it too.
    ray._private.worker._worker_logs_enabled = False
    return ray


def nodes_of(ray: ModuleType, here: Mapping[str, str]) -> tuple[Node, ...]:
    """All nodes that can run tasks, by name, each compared with what `found_here` gave on this machine."""
    alive = [node_of(record) for record in ray.nodes() if record["Alive"]]
    able = sorted((node for node in alive if node.n_cpus or node.n_gpus), key=lambda node: node.name)
    this_module = sys.modules[__name__]
    ray.cloudpickle.register_pickle_by_value(this_module)  # a node may have no such module
    try:
        remote = ray.remote(found_here)
        asked = [remote.options(**on_node(node)).remote(here[FOLDER]) for node in able]
    finally:
        ray.cloudpickle.unregister_pickle_by_value(this_module)
    return tuple(_compared(ray, node, answer, here) for node, answer in zip(able, asked, strict=True))


def on_node(node: Node) -> dict[str, Any]:
    """The options of a task that asks a node something; it takes no core from those that train."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": where}


def found_here(folder: str) -> dict[str, str]:
    """What must be the same on all nodes, by what it is; runs where this package may be missing."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "nothing"
    found[FOLDER] = folder if os.path.isdir(folder) else "nothing"  # noqa: PTH112 - as the others, a string
    return found


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> tuple[str, ...]:
    """What is another thing on a node than on this machine, as sentences."""
    return tuple(
        f"expected {what} {here[what]}, found {there[what]}" for what in here if here[what] != there[what]
    )


def unfit(node: str, problem: str) -> DeviceError:
    """What is said of a node that cannot train what this machine would."""
    return DeviceError(
        f"the Ray node {node}: {problem}",
        hint="all nodes need the same versions and one shared file system for the working directory, the cache and the "
        "models: docs/how-to/cluster.md",
    )


def require_answer(address: str) -> None:
    """Return if something listens at the address; Ray itself tries for minutes.

    Raises:
        DeviceError: nothing does.
    """
    named = os.environ.get("RAY_ADDRESS", AUTO) if address == AUTO else address  # as Ray reads it
    if named in (LOCAL, AUTO):
        return
    host, _, port = named.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_CONNECT).close()
    except (OSError, ValueError) as failure:
        raise _no_cluster(named, str(failure)) from failure


def _no_cluster(address: str, found: str) -> DeviceError:
    reason = found.strip().splitlines()[0] if found.strip() else "nothing"
    return DeviceError(f"expected a Ray cluster at {address}, found: {reason}", hint=_START_ONE)


def node_of(record: Mapping[str, Any]) -> Node:
    """A node as Ray tells of it."""
    resources = record["Resources"]
    return Node(
        id=record["NodeID"],
        name=f"{record['NodeManagerHostname']} ({record['NodeManagerAddress']})",
        n_cpus=int(resources.get("CPU", 0)),
        n_gpus=int(resources.get("GPU", 0)),
    )


def _compared(ray: ModuleType, node: Node, answer: object, here: Mapping[str, str]) -> Node:
    try:
        problems = differences(here, ray.get(answer, timeout=_SECONDS_TO_ANSWER))
    except ray.exceptions.RayError as failure:
        problems = (f"expected an answer, found: {said_by(failure)}",)
    return Node(id=node.id, name=node.name, n_cpus=node.n_cpus, n_gpus=node.n_gpus, problems=problems)
