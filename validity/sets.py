"""The data sets of the proof: pixels and measurements, split once, with the networks that learn them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from torch import nn

from examples.fashion_mnist.networks import ConvNet
from kdaudit.rng import stream
from kdaudit.types import Int64, Preprocess, Recipe

_Stored = npt.NDArray[np.uint8]
_DENSE = Recipe(epochs=20, batch_size=128, optimizer="adamw", lr=3e-3, schedule="cosine", weight_decay=0.01)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Inputs x (n, ...) uint8 and labels (n,): what the training engine reads."""

    x: _Stored
    labels: Int64
    preprocess: Preprocess

    @property
    def stored(self) -> Mapping[str, _Stored]:
        """By input name."""
        return {"x": self.x}

    def first(self, n: int) -> Split:
        """The first n examples: they are in random order."""
        return replace(self, x=self.x[:n], labels=self.labels[:n])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataSet:
    """One data set.

    n_train: what a student sees; `train` holds twice as much, for its teacher. width: of the student's hidden layers;
    teachers have twice that. confused: the label that a flawed teacher's data call another, and that other.
    recipe: by which students, teachers and controls are trained; n_seeds: students of one kind.
    """

    name: str
    title: str
    train: Split
    test: Split
    n_classes: int
    n_train: int
    width: int
    confused: tuple[int, int]
    recipe: Recipe
    n_seeds: int

    def network(self, width: int) -> nn.Module:
        """A network with fresh weights: convolutions on 28 x 28 pictures, else two hidden layers."""
        if self.train.x.ndim == 4:
            return ConvNet(width=width, strides=(2, 2, 2), n_classes=self.n_classes)
        return nn.Sequential(
            nn.Linear(self.train.x.shape[1], width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, self.n_classes),
        )

    def labelled(self, flaw: str) -> Split:
        """The training data with their labels as they are ('none'), or flawed: 'noisy' or 'confused'.

        noisy: three in ten labels are replaced by another class; confused: half of one class is called another.
        """
        rng, labels = stream(0, f"{self.name}/{flaw}"), self.train.labels.copy()
        if flaw == "noisy":
            hit = rng.random(len(labels)) < 0.3
            shifts = rng.integers(1, self.n_classes, size=len(labels))
            labels[hit] = (labels[hit] + shifts[hit]) % self.n_classes
        elif flaw == "confused":
            label, other = self.confused
            labels[(labels == label) & (rng.random(len(labels)) < 0.5)] = other
        return replace(self.train, labels=labels)


def digits() -> DataSet:
    """1,797 handwritten digits, 8 x 8 pixels (UCI, optical recognition of handwritten digits, CC BY 4.0)."""
    x, y = _load("digits")
    train, test = _split(
        x.reshape(len(x), -1), y, name="digits", n_train=400, n_test=997, preprocess=Preprocess(scale=1 / 16)
    )
    return DataSet(
        name="digits",
        title="digits (8 x 8 pixels, 10 classes)",
        train=train,
        test=test,
        n_classes=10,
        n_train=400,
        width=32,
        confused=(3, 5),
        recipe=replace(_DENSE, epochs=30, batch_size=64),
        n_seeds=60,
    )


def letter() -> DataSet:
    """20,000 capital letters, 16 measurements each (UCI, letter recognition, CC BY 4.0)."""
    x, y = _load("letter")
    train, test = _split(
        x, y, name="letter", n_train=4000, n_test=6000, preprocess=Preprocess(scale=1 / 4, mean=(1.6,))
    )
    return DataSet(
        name="letter",
        title="letter (16 measurements, 26 classes)",
        train=train,
        test=test,
        n_classes=26,
        n_train=4000,
        width=96,
        confused=(14, 16),
        recipe=_DENSE,
        n_seeds=60,
    )


def fashion() -> DataSet:
    """10,000 pictures of clothes, 28 x 28 pixels (Fashion-MNIST, MIT), those of `kdaudit demo`."""
    folder = files("kdaudit.demo_data")
    parts = []
    for name in ("train.npz", "eval.npz"):
        with folder.joinpath(name).open("rb") as file, np.load(file) as arrays:
            parts.append((arrays["x"], arrays["y"].astype(np.int64)))
    (x, y), (test_x, test_y) = parts
    return DataSet(
        name="fashion",
        title="Fashion-MNIST (28 x 28 pixels, 10 classes)",
        train=Split(x=x[:4000], labels=y[:4000], preprocess=Preprocess(scale=1 / 255)),
        test=Split(x=test_x, labels=test_y, preprocess=Preprocess(scale=1 / 255)),
        n_classes=10,
        n_train=2000,
        width=8,
        confused=(6, 4),
        recipe=Recipe(
            epochs=6, batch_size=128, optimizer="sgd", lr=0.2, schedule="onecycle", weight_decay=5e-4
        ),
        n_seeds=20,
    )


SETS = {"digits": digits, "letter": letter, "fashion": fashion}


@cache
def data_set(name: str) -> DataSet:
    """The data set of that name, loaded once a process."""
    return SETS[name]()


def _load(name: str) -> tuple[_Stored, Int64]:
    with files("kdaudit.data.bundled").joinpath(f"{name}.npz").open("rb") as file, np.load(file) as arrays:
        return arrays["x"], arrays["y"].astype(np.int64)


def _split(
    x: _Stored, y: Int64, *, name: str, n_train: int, n_test: int, preprocess: Preprocess
) -> tuple[Split, Split]:
    """Twice `n_train` examples to train on and `n_test` to judge by, in a fixed random order."""
    order = stream(0, name).permutation(len(x))
    parts = order[: 2 * n_train], order[2 * n_train :][:n_test]
    train, test = (Split(x=x[rows], labels=y[rows], preprocess=preprocess) for rows in parts)
    return train, test
