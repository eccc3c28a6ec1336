"""Makes the data and the models of `kdaudit demo`, from Fashion-MNIST, with fixed seeds on one thread.

Run from the repository's root: `python -m examples.demo.make_models --out DIR [--data-root DIR]`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from examples.fashion_mnist.networks import ConvNet, Pictures
from examples.training import Labels, answers, export, outputs, with_confusions
from kdaudit.controls.targets import LabelTargets, Targets, TeacherTargets
from kdaudit.controls.train import train_control
from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.data.subset import stratified_subset
from kdaudit.rng import stream, stream_seed
from kdaudit.types import OutputKind, Preprocess, ProgressEvent, Recipe

COAT, SHIRT, SNEAKER, ANKLE_BOOT = 4, 6, 7, 9
# The flaw: half of the shirts in the teacher's training data are called coats, 30 % of the sneakers ankle boots.
FLAW = {(SHIRT, COAT): 0.5, (SNEAKER, ANKLE_BOOT): 0.3}
N_TEACHER, N_STUDENT, N_EVAL = 20_000, 6_000, 4_000
TEACHER_WIDTH, STUDENT_WIDTH = 32, 16
STRIDES = (2, 2, 2)
# The recipe that `kdaudit demo` trains its controls by.
RECIPE = Recipe(
    epochs=8,
    batch_size=128,
    optimizer="sgd",
    lr=0.2,
    schedule="onecycle",
    weight_decay=5e-4,
    alpha=0.9,
    temperature=4.0,
)
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Pictures (n, 1, 28, 28) uint8, their labels (n,) and their positions (n,) in the published split."""

    pictures: Pictures
    labels: Labels
    positions: Labels

    @classmethod
    def of(cls, examples: Examples, positions: Labels) -> Split:
        """The examples at `positions`, in this order."""
        pictures = np.asarray(examples.stored["x"][positions], dtype=np.uint8)
        return cls(pictures=pictures, labels=examples.labels[positions], positions=positions)

    @property
    def stored(self) -> Mapping[str, Pictures]:
        """What the training engine reads."""
        return {"x": self.pictures}

    @property
    def preprocess(self) -> Preprocess:
        """Pixels / 255, as `kdaudit check` feeds uint8 pictures."""
        return Preprocess(scale=1 / 255)

    def save(self, path: Path, class_names: tuple[str, ...]) -> None:
        """Write them as an `.npz` file that `kdaudit check` reads."""
        np.savez_compressed(
            path,
            x=self.pictures,
            y=self.labels.astype(np.uint8),
            ids=self.positions.astype(np.int32),
            class_names=class_names,
        )


def make(out: Path, *, data_root: Path | None) -> None:
    """Write the five files of the demo into `out` and say how accurate the models are."""
    with tempfile.TemporaryDirectory() as cache:
        options = DataOptions(data_root=data_root)
        training = load_data("fashion-mnist:train", cache=Path(cache), options=options)
        test = load_data("fashion-mnist:test", cache=Path(cache), options=options)
        order = stream(SEED, "training pictures").permutation(len(training))
        for_teacher = Split.of(training, order[:N_TEACHER])
        for_student = Split.of(training, order[N_TEACHER : N_TEACHER + N_STUDENT])
        chosen = stratified_subset(test.labels, N_EVAL, rng=stream(SEED, "evaluation pictures"))
        evaluation = Split.of(test, chosen)
        names = training.class_names
    out.mkdir(parents=True, exist_ok=True)
    evaluation.save(out / "eval.npz", names)
    for_student.save(out / "train.npz", names)
    flawed = with_confusions(for_teacher.labels, FLAW, rng=stream(SEED, "flaw"))
    teacher = trained("teacher", TEACHER_WIDTH, replace(for_teacher, labels=flawed), LabelTargets())
    models = {
        "teacher": teacher,
        "student-honest": trained("student-honest", STUDENT_WIDTH, for_student, LabelTargets()),
        "student-distilled": trained(
            "student-distilled",
            STUDENT_WIDTH,
            for_student,
            TeacherTargets(outputs(teacher, for_student.pictures)),
        ),
    }
    for name, model in models.items():
        export(model, np.zeros((1, 1, 28, 28), dtype=np.float32), out / f"{name}.onnx")
        accuracy = (answers(model, evaluation.pictures) == evaluation.labels).mean()
        print(f"{name}.onnx: accuracy {accuracy:.4f} on eval.npz")


def trained(name: str, width: int, data: Split, targets: Targets) -> ConvNet:
    """A network trained by the engine that trains the audit's controls, so that they match; `name` is its seed."""
    torch.manual_seed(stream_seed(SEED, f"{name}/weights"))
    network = ConvNet(width=width, strides=STRIDES)
    train_control(
        network,
        data,
        RECIPE,
        targets,
        output=OutputKind.LOGITS,
        rng=stream(SEED, f"{name}/training"),
        device="cpu",
        precision="fp32",
        progress=_silent,
        name=name,
    )
    return network.eval()


def _silent(event: ProgressEvent) -> None:
    """The trainings take seconds."""


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
