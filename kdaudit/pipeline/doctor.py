"""What of this machine works for audits, and what to install: versions, runtimes, GPU, cache."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from kdaudit.errors import SpecError
from kdaudit.installed import version_of
from kdaudit.models.runtimes import runtime_checks
from kdaudit.options import AuditSpec
from kdaudit.pipeline.store import cache_folder, open_store
from kdaudit.types import Check

_NEEDED = ("torch", "torchvision", "onnx", "numpy", "scipy", "safetensors")
_EXTRAS = {"transformers": "hf", "datasets": "hf", "timm": "timm", "pyarrow": "parquet"}
_LITTLE_SPACE = 2 * 1024**3


def examine(spec: AuditSpec) -> Iterator[Check]:
    """Each check as it is made; `spec.cache_dir` names the cache."""
    yield Check(
        what="Python",
        state="works",
        found=f"{platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    yield from (_needed(name) for name in _NEEDED)
    yield from runtime_checks()
    yield from (_extra(name, extra) for name, extra in _EXTRAS.items())
    yield cache_check(cache_folder(spec))


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
