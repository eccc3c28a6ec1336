"""Real ONNX files with planted answers: an example's features hold every model's logits, and a model picks its own.

So a test decides what each model answers, and onnxruntime, the loaders and the whole audit run for real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdaudit.types import Float32, Int64


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A folder with `eval.npz` and one `<name>.onnx` per model."""

    folder: Path
    names: tuple[str, ...]

    def path(self, name: str) -> str:
        """The file of a model."""
        return str(self.folder / f"{name}.onnx")

    @property
    def data(self) -> str:
        """The evaluation data."""
        return str(self.folder / "eval.npz")

    @property
    def controls(self) -> list[str]:
        """Files of the models whose names begin with 'control'."""
        return [self.path(name) for name in self.names if name.startswith("control")]


def logits_of(answers: Int64, n_classes: int, rng: np.random.Generator) -> Float32:
    """Logits (n, C) whose argmax is `answers`, by a clear margin and otherwise random."""
    logits = rng.normal(size=(len(answers), n_classes))
    logits[np.arange(len(answers)), answers] += 8.0
    return logits.astype(np.float32)


def write_world(
    folder: Path,
    labels: Int64,
    logits: Mapping[str, Float32],
    **columns: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> World:
    """Write the data and the models that put out these logits."""
    folder.mkdir(parents=True, exist_ok=True)
    x = np.concatenate(list(logits.values()), axis=1)
    arrays: dict[str, Any] = {"x": x, "y": labels, **columns}
    np.savez(folder / "eval.npz", **arrays)
    start = 0
    for name, columns_ in logits.items():
        write_selector(folder / f"{name}.onnx", x.shape[1], start, columns_.shape[1])
        start += columns_.shape[1]
    return World(folder=folder, names=tuple(logits))


def write_selector(path: Path, n_features: int, start: int, n_classes: int) -> None:
    """An ONNX file that puts out `n_classes` of its input's columns from `start` on."""
    weight = np.zeros((n_features, n_classes), dtype=np.float32)
    weight[np.arange(start, start + n_classes), np.arange(n_classes)] = 1.0
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["logits"])],
        "selector",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", n_features])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", n_classes])],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def flawed_world(
    folder: Path,
    *,
    n: int = 1500,
    n_classes: int = 5,
    n_controls: int = 10,
    copied: float = 0.0,
    teacher_error: float = 0.25,
    control_error: float = 0.25,
    seed: int = 0,
    **columns: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> World:
    """A teacher with errors, independent controls, and a student that is a control but for a share of copied answers.

    With probability `copied` the student repeats the teacher, right or wrong: kappa_W = kappa_R = `copied`. A second
    student, "copier", repeats half of the answers.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)

    def noisy(error: float) -> Int64:
        wrong = rng.random(n) < error
        shifted = (labels + rng.integers(1, n_classes, size=n)) % n_classes
        return np.where(wrong, shifted, labels)

    teacher = noisy(teacher_error)
    student = np.where(rng.random(n) < copied, teacher, noisy(control_error))
    copier = np.where(rng.random(n) < 0.5, teacher, noisy(control_error))
    answers = {"teacher": teacher, "student": student, "copier": copier}
    answers |= {f"control{k}": noisy(control_error) for k in range(n_controls)}
    logits = {name: logits_of(a, n_classes, rng) for name, a in answers.items()}
    return write_world(folder, labels, logits, **columns)
