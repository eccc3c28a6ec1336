"""Trains two teachers and three students on Fashion-MNIST and exports them: the models that `run.py` audits.

Run from the repository's root: `python -m examples.fashion_mnist.train_models --out DIR [--data-root DIR] [--reduced]`.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from examples.demo.make_models import FLAW
from examples.fashion_mnist.networks import ConvNet, Pictures
from examples.training import Distillation, Schedule, answers, export, train, with_confusions
from kdaudit.data import DataOptions, Examples, Limit, load_data

TEACHER_WIDTH, STUDENT_WIDTH = 32, 16
STRIDES = (2, 2, 2)
SEED = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is trained, and on how many examples; None: all of them."""

    epochs: int
    n_train: int | None = None
    n_eval: int | None = None


COMPLETE = Size(epochs=5)
REDUCED = Size(epochs=4, n_train=6_000, n_eval=3_000)


def train_models(out: Path, *, size: Size, data_root: Path | None) -> None:
    """Write the five ONNX files into `out`, with the data beside them where only a part is used.

    Every model sees the same pictures. The flawed teacher's labels alone are spoilt; the students' never are.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        training = read("fashion-mnist:train", size.n_train, cache=Path(cache), data_root=data_root)
        evaluation = read("fashion-mnist:test", size.n_eval, cache=Path(cache), data_root=data_root)
        if size.n_train is not None:
            save(training, out / "train.npz")
            save(evaluation, out / "eval.npz")
        x, y = pictures(training), np.array(training.labels)
        flawed = with_confusions(y, FLAW, rng=np.random.default_rng(SEED))
        schedule = Schedule(epochs=size.epochs)
        clean_teacher = train(network(TEACHER_WIDTH, seed=1), x, y, schedule, seed=1)
        flawed_teacher = train(network(TEACHER_WIDTH, seed=2), x, flawed, schedule, seed=2)
        of_clean, of_flawed = (Distillation(teacher=teacher) for teacher in (clean_teacher, flawed_teacher))
        models = {
            "teacher-clean": clean_teacher,
            "teacher-flawed": flawed_teacher,
            "student-honest": train(network(STUDENT_WIDTH, seed=3), x, y, schedule, seed=3),
            "student-of-clean": train(
                network(STUDENT_WIDTH, seed=4), x, y, schedule, seed=4, distillation=of_clean
            ),
            "student-of-flawed": train(
                network(STUDENT_WIDTH, seed=5), x, y, schedule, seed=5, distillation=of_flawed
            ),
        }
        for name, model in models.items():
            export(model, x, out / f"{name}.onnx")
            accuracy = (answers(model, pictures(evaluation)) == evaluation.labels).mean()
            print(f"{name}.onnx: accuracy {accuracy:.4f}")


def read(location: str, n: int | None, *, cache: Path, data_root: Path | None) -> Examples:
    """One split, or a stratified random part of it."""
    limit = None if n is None else Limit(n=n, seed=SEED)
    return load_data(location, cache=cache, options=DataOptions(data_root=data_root, limit=limit))


def save(examples: Examples, path: Path) -> None:
    """Write examples as an `.npz` file that `kdaudit check` reads."""
    np.savez_compressed(
        path, x=pictures(examples), y=examples.labels, ids=examples.ids, class_names=examples.class_names
    )


def pictures(examples: Examples) -> Pictures:
    """All pictures (n, 1, 28, 28), in memory."""
    return np.array(examples.stored["x"], dtype=np.uint8)


def network(width: int, *, seed: int) -> ConvNet:
    """A fresh network; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return ConvNet(width=width, strides=STRIDES)


def main() -> None:
    """Read the command line, then train."""
    parser = argparse.ArgumentParser(description=train_models.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the models go")
    parser.add_argument(
        "--data-root", type=Path, help="where Fashion-MNIST lies, if not from Debian's package"
    )
    parser.add_argument("--reduced", action="store_true", help="a part of the data, in about a minute")
    arguments = parser.parse_args()
    size = REDUCED if arguments.reduced else COMPLETE
    train_models(arguments.out, size=size, data_root=arguments.data_root)


if __name__ == "__main__":
    main()
