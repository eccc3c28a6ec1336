"""The frame of the examples: a flawed teacher, a student distilled from it and an honest one, and their audits."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from examples.auditing import NOT_GUILTY, Audit, Setup, run_all
from examples.training import (
    Distillation,
    Inputs,
    Labels,
    Schedule,
    answers,
    export,
    train,
)

AUDITS = (
    Audit(teacher="teacher", student="honest", possible=NOT_GUILTY),
    Audit(teacher="teacher", student="distilled", possible=("fail",)),
)
TEACHER, HONEST, DISTILLED = 1, 2, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Examples, and what else the report shows of them: columns of the `.npz` file."""

    x: Inputs
    y: Labels
    more: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What students and teacher learn from, with the labels that the teacher was given, and what judges."""

    train: Part
    teacher_x: Inputs
    teacher_y: Labels
    evaluation: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example: where its data come from, its networks and their training."""

    title: str
    data: Callable[[], Data]
    teacher: Callable[[], nn.Module]
    student: Callable[[], nn.Module]
    schedule: Schedule
    alpha: float = 0.9
    temperature: float = 4.0
    options: tuple[str, ...] = ()


def main(example: Example) -> None:
    """Make data and models, audit both students, sum up.

    Raises:
        SystemExit: always; with 1 if a verdict is not possible, given how the models were made.
    """
    parser = argparse.ArgumentParser(description=example.title)
    parser.add_argument("--out", type=Path, required=True, help="where data, models and reports go")
    parser.add_argument("--reduced", action="store_true", help="no positive controls, as in the tests")
    known, more = parser.parse_known_args()
    known.out.mkdir(parents=True, exist_ok=True)
    make_models(example, known.out)
    schedule = example.schedule
    options = ["--data", str(known.out / "eval.npz"), "--train-data", str(known.out / "train.npz")]
    options += ["--optimizer", "sgd", "--schedule", "cosine"]
    options += ["--epochs", str(schedule.epochs), "--lr", str(schedule.lr)]
    options += ["--batch-size", str(schedule.batch_size), "--weight-decay", str(schedule.weight_decay)]
    options += ["--alpha", str(example.alpha), "--temperature", str(example.temperature)]
    options += [
        "--controls",
        "5",
        "--random-controls",
        "1",
        "--positive-controls",
        "0" if known.reduced else "2",
    ]
    reports = known.out / "reports"
    run_all(AUDITS, Setup(models=known.out, reports=reports, options=(*options, *example.options, *more)))


def make_models(example: Example, out: Path) -> None:
    """Write `train.npz`, `eval.npz` and the three ONNX files into `out`."""
    torch.set_num_threads(1)  # two wait for each other more than they help networks of this size
    data = example.data()
    for name, part in (("train", data.train), ("eval", data.evaluation)):
        np.savez_compressed(out / f"{name}.npz", x=part.x, y=part.y, **part.more)  # type: ignore[arg-type]
    teacher = train(
        _fresh(example.teacher, TEACHER), data.teacher_x, data.teacher_y, example.schedule, seed=TEACHER
    )
    distillation = Distillation(teacher=teacher, alpha=example.alpha, temperature=example.temperature)
    students = {
        name: train(
            _fresh(example.student, seed),
            data.train.x,
            data.train.y,
            example.schedule,
            seed=seed,
            distillation=taught,
        )
        for name, seed, taught in (("honest", HONEST, None), ("distilled", DISTILLED, distillation))
    }
    for name, network in {"teacher": teacher, **students}.items():
        export(network, data.train.x, out / f"{name}.onnx")
        right = answers(network, data.evaluation.x) == data.evaluation.y
        print(f"{name}.onnx: accuracy {right.mean():.4f}")


def _fresh(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return build()
