"""What the cache holds, and how to make it smaller: whole entries, the longest unused first, never under a run."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from kdaudit.data.description import META, meta_adapter
from kdaudit.errors import DataError, SpecError
from kdaudit.locks import at_once
from kdaudit.pipeline.store import IN_USE, RECORD, control_record, prediction_record

KINDS = ("data", "predictions", "controls", "numbers")
_PARTIAL, _LOCK = ".partial", ".lock"
_AGE = re.compile(r"(\d+(?:\.\d+)?) ?(m|h|d|w)")
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgt]?b)")
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One artefact: times in seconds since 1970, and for what it is, as far as it says."""

    kind: str
    key: str
    folder: Path
    n_bytes: int
    made: float
    used: float
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to go: what was not used for so long, and more until so much is left; of some kinds, or of all."""

    older_than_seconds: float | None = None
    max_bytes: int | None = None
    kinds: tuple[str, ...] = KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What went, or would: entries, and what killed runs left."""

    entries: tuple[Entry, ...]
    leftovers: tuple[Path, ...]
    n_bytes: int
    n_bytes_left: int


def entries(root: Path) -> tuple[Entry, ...]:
    """All entries of the cache at `root`, the last used first."""
    found = []
    for kind in KINDS:
        for folder in _folders(root / kind):
            if not _is_leftover(folder):
                with suppress(FileNotFoundError):  # a run replaces a damaged entry just now
                    found.append(_entry(kind, folder))
    return tuple(sorted(found, key=lambda entry: (-entry.used, entry.kind, entry.key)))


def prune(root: Path, wish: Wish, *, dry_run: bool) -> Pruned:
    """Remove what is wished, and always what killed runs left. `dry_run` only says what that would be.

    A folder is renamed before it is emptied: if this is killed, what is left looks like no entry, and goes next time.

    Raises:
        DataError: a run uses the cache, or it cannot be written.
    """
    if not root.is_dir():
        return Pruned(entries=(), leftovers=(), n_bytes=0, n_bytes_left=0)
    if dry_run:
        return _chosen(root, wish)
    try:
        with at_once(root / IN_USE) as free:
            if not free:
                raise DataError(
                    f"expected a cache that no run uses, found one that does at {root}",
                    hint="prune when it has ended; --dry-run says at any time what would go",
                )
            chosen = _chosen(root, wish)
            for entry in chosen.entries:
                _remove(entry.folder)
                (entry.folder.parent / f"{entry.key}{_LOCK}").unlink(missing_ok=True)
            for leftover in chosen.leftovers:
                _remove(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
            return chosen
    except OSError as failure:
        raise DataError(
            f"expected to remove entries of the cache at {root}, found: {failure.strerror or failure}",
            hint="check who owns the folder, or name another one with --cache-dir",
        ) from failure


def seconds_of_age(age: str) -> float:
    """Seconds of '30d', '12h', '2w'.

    Raises:
        SpecError: another form.

    >>> seconds_of_age("2w")
    1209600.0
    """
    match = _AGE.fullmatch(age.strip().lower())
    if match is None:
        raise SpecError(f"expected an age like 30d, 12h or 2w, found {age!r}")
    return float(match[1]) * _SECONDS[match[2]]


def bytes_of_size(size: str) -> int:
    """Bytes of '5GB', '500 MB'.

    Raises:
        SpecError: another form.

    >>> bytes_of_size("1.5GB")
    1500000000
    """
    match = _SIZE.fullmatch(size.strip().lower())
    if match is None:
        raise SpecError(f"expected a size like 5GB or 500MB, found {size!r}")
    return round(float(match[1]) * _BYTES[match[2]])


def _chosen(root: Path, wish: Wish) -> Pruned:
    leftovers = tuple(path for kind in KINDS for path in _leftovers(root / kind))
    longest_unused_first = entries(root)[::-1]
    left = sum(entry.n_bytes for entry in longest_unused_first)
    now, chosen = time.time(), []
    for entry in longest_unused_first:
        if entry.kind not in wish.kinds:
            continue
        is_old = wish.older_than_seconds is not None and now - entry.used > wish.older_than_seconds
        if is_old or (wish.max_bytes is not None and left > wish.max_bytes):
            chosen.append(entry)
            left -= entry.n_bytes
    n_bytes = sum(entry.n_bytes for entry in chosen) + sum(map(_size, leftovers))
    return Pruned(entries=tuple(chosen), leftovers=leftovers, n_bytes=n_bytes, n_bytes_left=left)


def _folders(parent: Path) -> Sequence[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


def _is_leftover(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.suffix == _PARTIAL


def _leftovers(parent: Path) -> Iterator[Path]:
    """Folders that a killed run was filling or removing, and locks of entries that are no more."""
    yield from (folder for folder in _folders(parent) if _is_leftover(folder))
    if parent.is_dir():
        locks = (path for path in sorted(parent.iterdir()) if path.suffix == _LOCK and path.is_file())
        yield from (path for path in locks if not path.with_suffix("").exists())


def _entry(kind: str, folder: Path) -> Entry:
    record = folder / (META if kind == "data" else RECORD)
    used = folder.stat().st_mtime
    return Entry(
        kind=kind,
        key=folder.name,
        folder=folder,
        n_bytes=_size(folder),
        made=record.stat().st_mtime if record.is_file() else used,
        used=used,
        about=_about(kind, record),
    )


def _about(kind: str, record: Path) -> str:
    """For which model and data; '' where the entry does not say."""
    try:
        text = record.read_bytes()
        if kind == "data":
            meta = meta_adapter().validate_json(text)
            return f"{meta.description.name}, {meta.ref.n:,} examples"
        if kind == "predictions":
            kept = prediction_record().validate_json(text)
            return f"{kept.model} on {kept.data}" if kept.model else ""
        if kind == "controls":
            control = control_record().validate_json(text)
            network = control.model.network
            of = f" of {network.model.name}" if network is not None else ""
            return f"{control.model.name}{of}, {len(control.curve)} epochs"
        return f"accuracy of a pilot: {float(text):.1%}"
    except (OSError, ValueError):
        return "damaged"


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _remove(folder: Path) -> None:
    hidden = Path(mkdtemp(prefix=".pruned-", dir=folder.parent))
    folder.rename(hidden / "entry")
    shutil.rmtree(hidden)
