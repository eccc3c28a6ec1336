"""Example folders in the cache: built once, whole or not at all, by one process at a time."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from kdaudit.data.examples import Examples, is_intact
from kdaudit.digest import record_digest
from kdaudit.errors import DataError
from kdaudit.locks import exclusive

_RESERVE_BYTES = 1 << 26


def cached_examples(cache: Path, key: str, build: Callable[[Path], None]) -> Examples:
    """The example folder `cache`/data/`key`, built by `build(folder)` if it is not there or damaged.

    The folder is filled under another name and renamed, so a build that was killed leaves nothing that looks whole;
    what it left is removed by the next build. A second process that wants the same folder waits.

    Raises:
        DataError: the cache cannot be written; or whatever `build` raises.
    """
    target = cache / "data" / key
    if is_intact(target):
        mark_used(target)
        return Examples.open(target)
    partial = target.with_name(f"{key}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(target.with_name(f"{key}.lock")):
            if not is_intact(target):
                _rebuild(target, partial, build)
    except OSError as failure:
        raise _unwritable(cache, failure) from failure
    return Examples.open(target)


def examples_by_content(cache: Path, build: Callable[[Path], None]) -> Examples:
    """The examples that `build(folder)` makes each time, kept once under the digest of what they are.

    Raises:
        DataError: the cache cannot be written; or whatever `build` raises.
    """
    parent = cache / "data"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(suffix=".partial", dir=parent, ignore_cleanup_errors=True) as name:
            made = Path(name) / "made"
            (made / "inputs").mkdir(parents=True)
            build(made)
            ref = Examples.open(made).ref
            target = parent / record_digest("content", ref.sha256, ref.location)
            with exclusive(target.with_name(f"{target.name}.lock")):
                if is_intact(target):
                    mark_used(target)
                else:
                    shutil.rmtree(target, ignore_errors=True)
                    made.rename(target)
    except OSError as failure:
        raise _unwritable(cache, failure) from failure
    return Examples.open(target)


def _unwritable(cache: Path, failure: OSError) -> DataError:
    return DataError(
        f"expected to write examples to the cache at {cache}, found: {failure.strerror or failure}",
        hint="free some space, name another folder with --cache-dir, or keep nothing with --no-cache",
    )


def mark_used(folder: Path) -> None:
    """Let an entry of the cache say that it was used now: by the time of its folder."""
    with suppress(OSError):  # a cache that is only read has no such times
        os.utime(folder)


def require_space(folder: Path, n_bytes: int, *, what: str) -> None:
    """Return if `n_bytes` and a small reserve fit on the disk of `folder`.

    Raises:
        DataError: they do not.
    """
    free, needed = shutil.disk_usage(folder).free, n_bytes + _RESERVE_BYTES
    if needed > free:
        raise DataError(
            f"expected {_size(needed)} of free disk space for {what}, found {_size(free)} at {folder}",
            hint="name another folder with --cache-dir, or take fewer examples with --limit or --limit-train",
        )


def take_space(path: Path) -> None:
    """Take the space of a new memory map from the disk now.

    Its file has holes. A disk that another program fills before they are filled kills the process (SIGBUS), where
    this raises an error.

    Raises:
        OSError: there is no space.
    """
    if sys.platform == "linux":
        with path.open("rb+") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)


def _rebuild(target: Path, partial: Path, build: Callable[[Path], None]) -> None:
    for old in (partial, target):
        if old.exists():
            shutil.rmtree(old)
    (partial / "inputs").mkdir(parents=True)
    try:
        build(partial)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"
