"""UCI's Letter Recognition: `python -m examples.letter --out DIR [--reduced]`, from the repository's root."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from torch import nn

from examples.training import Inputs, Labels, Schedule, with_confusions
from examples.worked import Data, Example, Part, main
from kdaudit.data import DataOptions, load_data

N_CLASSES = 26
# Half of the Q are labelled O, and so on: letters that look alike.
FLAW = {("Q", "O"): 0.5, ("F", "P"): 0.5, ("I", "J"): 0.5, ("V", "Y"): 0.5}


def read(split: str) -> Part:
    """The bundled data: 16 numbers a letter, from 0 to 15, here with mean 0 and deviation 1."""
    with tempfile.TemporaryDirectory() as cache:
        found = load_data(f"letter:{split}", cache=Path(cache), options=DataOptions())
        x, y = np.array(found.stored["x"], dtype=np.float32), np.array(found.labels)
        more = {"class_names": np.array(found.class_names), "feature_names": np.array(found.feature_names)}
    return Part(x=x, y=y, more=more)


def letters() -> Data:
    """A quarter of the training letters for the students, the others, some mislabelled, for the teacher."""
    training, evaluation = read("train"), read("test")
    names = training.more["class_names"].tolist()
    flaw = {(names.index(a), names.index(b)): share for (a, b), share in FLAW.items()}
    order = np.random.default_rng(0).permutation(len(training.x))
    own, others = np.split(order, [len(order) // 4])
    flawed: Labels = with_confusions(training.y[others], flaw, rng=np.random.default_rng(0))
    mean, std = training.x.mean(axis=0), training.x.std(axis=0)

    def standardised(x: Inputs) -> Inputs:
        scaled: Inputs = ((x - mean) / std).astype(np.float32)
        return scaled

    return Data(
        train=Part(x=standardised(training.x[own]), y=training.y[own], more=training.more),
        teacher_x=standardised(training.x[others]),
        teacher_y=flawed,
        evaluation=Part(x=standardised(evaluation.x), y=evaluation.y, more=evaluation.more),
    )


def network(*widths: int) -> nn.Module:
    """Linear layers and ReLUs."""
    layers: list[nn.Module] = []
    for before, after in zip((16, *widths), widths, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], N_CLASSES))


LETTER = Example(
    title="Letter Recognition",
    data=letters,
    teacher=lambda: network(256, 256),
    student=lambda: network(96, 96),
    schedule=Schedule(epochs=30),
)

if __name__ == "__main__":
    main(LETTER)
