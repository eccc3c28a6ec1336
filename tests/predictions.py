"""Saved predictions of planted models: a folder of `.npz` files that `judge` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kdaudit.types import Float32, Int64
from tests.planted import logits_of

N_CLASSES = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedWorld:
    """A folder with one `<name>.npz` per model, and what they hold."""

    folder: Path
    labels: Int64
    ids: npt.NDArray[np.str_]
    logits: dict[str, Float32]

    def path(self, name: str) -> str:
        """The file of a model."""
        return str(self.folder / f"{name}.npz")

    def paths(self, prefix: str) -> list[str]:
        """The files of all models whose names begin so."""
        return [self.path(name) for name in self.logits if name.startswith(prefix)]

    def save(self, name: str, **changed: Any) -> str:
        """Write a model's file anew; arrays that are None are left out."""
        arrays = {"logits": self.logits.get(name), "ids": self.ids, "labels": self.labels, **changed}
        np.savez(self.path(name), **{key: value for key, value in arrays.items() if value is not None})
        return self.path(name)

    @property
    def judge_args(self) -> list[str]:
        """A whole `judge` command."""
        return [
            *("judge", "--teacher", self.path("teacher"), "--student", self.path("student")),
            *("--control", *self.paths("control"), "--controls-matched", "same script, other seeds"),
        ]


def saved_world(
    folder: Path,
    *,
    copied: float = 0.0,
    of: str = "teacher",
    n: int = 1500,
    n_controls: int = 5,
    seed: int = 0,
) -> SavedWorld:
    """Two teachers that err alike, independent controls, and a student that repeats a share of one teacher's answers.

    `alternate0` ... are students of the other teacher, `another`, that repeat half of its answers.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(N_CLASSES, size=n)

    def noisy(base: Int64, error: float) -> Int64:
        shifted: Int64 = (base + rng.integers(1, N_CLASSES, size=n)) % N_CLASSES
        return np.where(rng.random(n) < error, shifted, base)

    hard = np.where(rng.random(n) < 0.2, (labels + 1) % N_CLASSES, labels)
    teachers = {"teacher": noisy(hard, 0.05), "another": noisy(hard, 0.05)}

    def taught(by: str, share: float) -> Int64:
        return np.where(rng.random(n) < share, teachers[by], noisy(labels, 0.2))

    answers = {**teachers, "student": taught(of, copied)}
    answers |= {f"control{k}": noisy(labels, 0.2) for k in range(n_controls)}
    answers |= {f"alternate{k}": taught("another", 0.5) for k in range(4)}
    world = SavedWorld(
        folder=folder,
        labels=labels,
        ids=np.array([f"e{i:05d}" for i in range(n)]),
        logits={name: logits_of(a, N_CLASSES, rng) for name, a in answers.items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in world.logits:
        world.save(name)
    return world


def write_csv(path: Path, columns: Mapping[str, Sequence[Any]]) -> str:
    """A table of these columns."""
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)
