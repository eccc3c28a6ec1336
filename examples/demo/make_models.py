"""Makes the data and the models of `kdaudit demo`, from Fashion-MNIST, with fixed seeds on one thread.

Run from the repository's root: `python -m examples.demo.make_models --out DIR [--data-root DIR]`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from examples.fashion_mnist.networks import (
    ConvNet,
    Distillation,
    Labels,
    Pictures,
    Schedule,
    answers,
    export,
    train,
    with_confusions,
)
from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.data.subset import stratified_subset

COAT, SHIRT, SNEAKER, ANKLE_BOOT = 4, 6, 7, 9
# The flaw: half of the shirts in the teacher's training data are called coats, 30 % of the sneakers ankle boots.
FLAW = {(SHIRT, COAT): 0.5, (SNEAKER, ANKLE_BOOT): 0.3}
N_TEACHER, N_STUDENT, N_EVAL = 20_000, 6_000, 4_000
STRIDES = (2, 2, 2)
SCHEDULE = Schedule(epochs=8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Pictures (n, 1, 28, 28) uint8 and their labels (n,)."""

    pictures: Pictures
    labels: Labels

    @classmethod
    def of(cls, examples: Examples, index: Labels) -> Split:
        """The examples at the positions `index`, in this order."""
        pictures = np.asarray(examples.stored["x"][index], dtype=np.uint8)
        return cls(pictures=pictures, labels=examples.labels[index])

    def save(self, path: Path, class_names: tuple[str, ...]) -> None:
        """Write them as an `.npz` file that `kdaudit check` reads."""
        np.savez_compressed(path, x=self.pictures, y=self.labels.astype(np.uint8), class_names=class_names)


def make(out: Path, *, data_root: Path | None) -> None:
    """Write the five files of the demo into `out` and say how accurate the models are."""
    with tempfile.TemporaryDirectory() as cache:
        options = DataOptions(data_root=data_root)
        training = load_data("fashion-mnist:train", cache=Path(cache), options=options)
        test = load_data("fashion-mnist:test", cache=Path(cache), options=options)
        order = np.random.default_rng(0).permutation(len(training))
        for_teacher = Split.of(training, order[:N_TEACHER])
        for_student = Split.of(training, order[N_TEACHER : N_TEACHER + N_STUDENT])
        chosen = stratified_subset(test.labels, N_EVAL, rng=np.random.default_rng(1))
        evaluation = Split.of(test, chosen)
        names = training.class_names
    out.mkdir(parents=True, exist_ok=True)
    evaluation.save(out / "eval.npz", names)
    for_student.save(out / "train.npz", names)
    flawed = with_confusions(for_teacher.labels, FLAW, rng=np.random.default_rng(2))
    teacher = train(network(32, seed=0), for_teacher.pictures, flawed, SCHEDULE, seed=0)
    honest = train(network(16, seed=1), for_student.pictures, for_student.labels, SCHEDULE, seed=1)
    distilled = train(
        network(16, seed=2),
        for_student.pictures,
        for_student.labels,
        SCHEDULE,
        seed=2,
        distillation=Distillation(teacher=teacher),
    )
    models = {"teacher": teacher, "student-honest": honest, "student-distilled": distilled}
    for name, model in models.items():
        export(model, out / f"{name}.onnx")
        accuracy = (answers(model, evaluation.pictures) == evaluation.labels).mean()
        print(f"{name}.onnx: accuracy {accuracy:.4f} on eval.npz")


def network(width: int, *, seed: int) -> ConvNet:
    """A fresh network; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return ConvNet(width=width, strides=STRIDES)


def main() -> None:
    """Read the command line, then make the files."""
    parser = argparse.ArgumentParser(description=make.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the files go")
    parser.add_argument(
        "--data-root", type=Path, help="where Fashion-MNIST lies, if not from Debian's package"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    make(arguments.out, data_root=arguments.data_root)


if __name__ == "__main__":
    main()
