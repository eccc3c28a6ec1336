"""What of this machine works for audits, and what to install: versions, runtimes, GPU, cache."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from kdaudit.data.catalogue import DATA_SETS
from kdaudit.data.inventory import inventory
from kdaudit.errors import DeviceError, SpecError
from kdaudit.execute import RayCluster
from kdaudit.execute.raynodes import unfit
from kdaudit.installed import version_of
from kdaudit.models.runtimes import runtime_checks
from kdaudit.options import AuditSpec
from kdaudit.pipeline.cluster import check_ray_options, node_problems
from kdaudit.pipeline.store import cache_folder, open_store
from kdaudit.types import Check

_NEEDED = ("torch", "torchvision", "onnx", "numpy", "scipy", "safetensors")
_EXTRAS = {"transformers": "hf", "datasets": "hf", "timm": "timm", "pyarrow": "parquet", "ray": "ray"}
_LITTLE_SPACE = 2 * 1024**3


def examine(spec: AuditSpec) -> Iterator[Check]:
    """Each check as it is made.

    `spec.cache_dir` names the cache, `spec.data_root` the folder of data sets, `spec.ray_address` a cluster to look at.
    """
    yield Check(
        what="Python",
        state="works",
        found=f"{platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    yield from (_needed(name) for name in _NEEDED)
    yield from runtime_checks()
    yield from (_extra(name, extra) for name, extra in _EXTRAS.items())
    yield cache_check(cache_folder(spec))
    yield data_root_check(spec.data_root)
    if spec.ray_address is not None:
        check_ray_options(spec)
        yield from cluster_checks(spec.ray_address, cache_folder(spec))


def cache_check(folder: Path) -> Check:
    """Whether the cache can be made and written to, and has space for controls."""
    try:
        with open_store(folder, keep=True, resume=True):
            free = shutil.disk_usage(folder).free
    except SpecError as failure:
        return Check(what="cache", state="broken", found=failure.message, advice=failure.hint or "")
    found = f"{folder}, {free / 1e9:,.0f} GB free"
    if free < _LITTLE_SPACE:
        return Check(
            what="cache", state="note", found=found, advice="name a folder with more space: --cache-dir"
        )
    return Check(what="cache", state="works", found=found)


def data_root_check(data_root: str | None) -> Check:
    """Whether the folder of named data sets is there, and how many of them it holds."""
    what, advice = "data root", "kdaudit data ls says what lies where"
    if data_root is None:
        found = "not set: named data sets lie under --data-root or KDAUDIT_DATA_ROOT"
        return Check(what=what, state="note", found=found, advice=advice)
    if not Path(data_root).is_dir():
        return Check(what=what, state="broken", found=f"{data_root}, which is no folder", advice="name one")
    named = {row.record.name for row in inventory(Path(data_root)) if row.path is not None}
    found = f"{data_root}; {len(named)} of {len(DATA_SETS)} known data sets are found"
    return Check(what=what, state="works", found=found, advice=advice)


def cluster_checks(address: str, cache: Path) -> Iterator[Check]:
    """Whether each node of a Ray cluster can train what this machine would: its versions, and what it sees."""
    what, cluster = "Ray node", RayCluster(address, n_workers=None)
    try:
        with open_store(cache, keep=True, resume=True), cluster:
            for node, problem in node_problems(cluster, cache, models=()):
                found = f"{node.name}: {node.n_cpus} CPUs, {node.n_gpus} GPUs"
                if problem:
                    error = unfit(node.name, problem)
                    yield Check(
                        what=what, state="broken", found=f"{found}; {problem}", advice=error.hint or ""
                    )
                else:
                    yield Check(what=what, state="works", found=f"{found}; same versions, sees the cache")
    except (DeviceError, SpecError) as failure:
        yield Check(what="Ray cluster", state="broken", found=failure.message, advice=failure.hint or "")


def _package(name: str, otherwise: Check) -> Check:
    """The installed version, or what it means that there is none."""
    version = version_of(name)
    return otherwise if version is None else Check(what=name, state="works", found=version)


def _needed(name: str) -> Check:
    return _package(
        name, Check(what=name, state="broken", found="not installed", advice="pip install kdaudit, again")
    )


def _extra(name: str, extra: str) -> Check:
    advice = f"if needed: pip install 'kdaudit[{extra}]'"
    return _package(name, Check(what=name, state="note", found="not installed", advice=advice))
