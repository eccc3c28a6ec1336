"""Locks on files that the operating system gives back when their process dies."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import IO


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Waits until nobody else holds a lock on the file, and holds one.

    Raises:
        OSError: the file cannot be made or locked.
    """
    with path.open("a+b") as stream:
        _lock(stream)
        yield


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Holds a lock that others may share; it waits for an exclusive one.

    Who cannot write the file, or is on a file system without locks, goes without.
    """
    try:
        stream = path.open("a+b")
    except OSError:
        yield
        return
    with stream:
        with suppress(OSError):
            _share(stream)
        yield


@contextmanager
def at_once(path: Path) -> Iterator[bool]:
    """An exclusive lock if nobody holds one now; whether that is so.

    Raises:
        OSError: the file cannot be made or locked.
    """
    with path.open("a+b") as stream:
        yield _try_lock(stream)


if sys.platform == "win32":
    import msvcrt

    # Windows locks ranges of bytes, for one holder each: who shares takes one byte, who excludes takes them all.
    _ALL_BYTES = 1 << 30

    def _lock(stream: IO[bytes]) -> None:
        while not _taken(stream, msvcrt.LK_LOCK, 0, _ALL_BYTES):
            pass

    def _share(stream: IO[bytes]) -> None:
        while not _taken(stream, msvcrt.LK_LOCK, SystemRandom().randrange(_ALL_BYTES), 1):
            pass

    def _try_lock(stream: IO[bytes]) -> bool:
        return _taken(stream, msvcrt.LK_NBLCK, 0, _ALL_BYTES)

    def _taken(stream: IO[bytes], mode: int, start: int, n_bytes: int) -> bool:
        try:
            stream.seek(start)
            msvcrt.locking(stream.fileno(), mode, n_bytes)
        except OSError as failure:
            if failure.errno not in {errno.EDEADLK, errno.EACCES}:  # it gives up after ten seconds
                raise
            return False
        return True

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX)

    def _share(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_SH)

    def _try_lock(stream: IO[bytes]) -> bool:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as failure:
            if failure.errno not in {errno.EACCES, errno.EAGAIN}:
                raise
            return False
        return True
