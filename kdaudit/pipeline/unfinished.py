"""Predictions that are being made: the first rows of logits on the disk, and how many examples they answer.

They stand in `predictions/.<key>.part`. A run that was killed goes on from there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np

from kdaudit.data.cache import take_space
from kdaudit.errors import DataError
from kdaudit.pipeline.store import LOGITS, Store
from kdaudit.types import Float16, Float32

# Examples after which it is written down how far a prediction is.
_PART = 2048
_STATE = "state.json"
_Mapped: TypeAlias = "np.memmap[tuple[int, ...], np.dtype[np.float32 | np.float16]]"


class Unfinished:
    """Logits (n_rows, C) on the disk of which the first ones are there.

    Args:
        store: where they are kept; one that does not resume has them begun anew.
        key: what they depend on.
        n_rows: how many there will be.
        half: whether they are kept as float16.
    """

    def __init__(self, store: Store, key: str, *, n_rows: int, half: bool = False) -> None:
        self._folder = _folder(store, key)
        self._n_rows_in_all, self._half = n_rows, half
        self._logits: _Mapped | None = None
        self.n_examples, self.n_rows, self.like_probabilities = 0, 0, True
        self._saved = 0
        if store.resume:
            self._go_on()
        if self._logits is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def file(self) -> Path:
        """Where they are."""
        return self._folder / LOGITS

    def add(self, rows: Float32, done: int, *, like_probabilities: bool) -> None:
        """Write down the next rows, after which `done` examples are answered.

        Raises:
            OSError: they cannot be written.
        """
        logits = self._begun(rows.shape[1]) if self._logits is None else self._logits
        stop = self.n_rows + len(rows)
        logits[self.n_rows : stop] = _halved(rows) if self._half else rows
        self.n_examples, self.n_rows, self.like_probabilities = done, stop, like_probabilities
        if done - self._saved >= _PART:
            self._save(logits)

    def complete(self) -> Float32 | Float16:
        """All of them.

        Raises:
            DataError: there was nothing to predict.
        """
        if self._logits is None:
            raise DataError("expected examples to predict, found none")
        self._logits.flush()
        return cast("Float32 | Float16", self._logits)

    def forget(self) -> None:
        """Remove what is left once they are kept, or are not wanted."""
        self._logits = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def leave(self, store: Store, key: str) -> None:
        """Leave what is there to whoever makes the predictions of that key, unless somebody began them already."""
        target = _folder(store, key)
        if self._logits is None or target.exists():
            self.forget()
            return
        self._save(self._logits)
        self._logits = None
        self._folder.rename(target)

    def _begun(self, n_classes: int) -> _Mapped:
        self._folder.mkdir(parents=True, exist_ok=True)
        dtype = np.float16 if self._half else np.float32
        shape = (self._n_rows_in_all, n_classes)
        self._logits = np.lib.format.open_memmap(self.file, mode="w+", dtype=dtype, shape=shape)
        take_space(self.file)
        return self._logits

    def _save(self, logits: _Mapped) -> None:
        """The rows first, then how many there are: what is said to be there is there."""
        logits.flush()
        state = [self.n_examples, self.n_rows, self.like_probabilities]
        temporary = self._folder / f"{_STATE}.new"
        temporary.write_text(json.dumps(state), encoding="utf-8")
        temporary.replace(self._folder / _STATE)
        self._saved = self.n_examples

    def _go_on(self) -> None:
        try:
            n_examples, n_rows, like = _state(self._folder)
            logits = np.lib.format.open_memmap(self.file, mode="r+")
        except (OSError, ValueError, TypeError):
            return
        self._logits = logits
        self.n_examples, self.n_rows, self.like_probabilities = n_examples, n_rows, like
        self._saved = n_examples


def n_answered(store: Store, key: str) -> int:
    """How many examples the unfinished predictions of that key answer."""
    try:
        return _state(_folder(store, key))[0] if store.resume else 0
    except (OSError, ValueError, TypeError):
        return 0


def _folder(store: Store, key: str) -> Path:
    return store.root / "predictions" / f".{key}.part"


def _state(folder: Path) -> tuple[int, int, bool]:
    n_examples, n_rows, like = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    return n_examples, n_rows, like


def _halved(logits: Float32 | Float16) -> Float16:
    """float16; what it cannot hold becomes its largest number."""
    largest = np.finfo(np.float16).max
    return np.clip(logits, -largest, largest).astype(np.float16)
