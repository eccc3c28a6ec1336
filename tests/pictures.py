"""Small coloured pictures of five classes and linear networks that were fitted to them in closed form, as ONNX files.

A network is fitted to the pictures as one preprocessing shows them; fed otherwise it is worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from kdaudit.data.prepared import prepared
from kdaudit.types import Int64, Preprocess

N_CLASSES = 5
SHAPE = (3, 6, 6)
# What the networks are fitted with, unless a test says otherwise.
RIGHT = Preprocess(scale=1 / 255, mean=(0.6, 0.4, 0.2), std=(0.1, 0.2, 0.3))
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """Pictures (n, 3, 6, 6) uint8 with labels (n,)."""

    x: npt.NDArray[np.uint8]
    labels: Int64

    def save(self, path: Path) -> str:
        """As an .npz; its path."""
        arrays: dict[str, Any] = {"x": self.x, "y": self.labels}
        np.savez(path, **arrays)
        return str(path)


def pictures(n: int, *, seed: int) -> Pictures:
    """Each class has a colour and a pattern; noise makes about one in five ambiguous."""
    templates = np.random.default_rng(7).uniform(0.0, 0.35, size=(N_CLASSES, *SHAPE))
    rng = np.random.default_rng(seed)
    labels = rng.integers(N_CLASSES, size=n)
    x = 0.25 + templates[labels] + rng.normal(0, 0.28, size=(n, *SHAPE))
    return Pictures(x=(np.clip(x, 0, 1) * 255).astype(np.uint8), labels=labels.astype(np.int64))


def save_linear(
    path: Path,
    train: Pictures,
    *,
    preprocess: Preprocess = RIGHT,
    shape: tuple[int | str, ...] = ("n", "c", "h", "w"),
    outputs: Int64 | None = None,
    seed: int = 0,
    **metadata: str,
) -> str:
    """An ONNX file of the ridge regression of labels on a bootstrap of the pictures, as `preprocess` shows them.

    `outputs` numbers the output of each class, where it is not its own number. Metadata keys have _ for their dot.
    """
    rows = np.random.default_rng(seed).integers(len(train.x), size=len(train.x))
    flat = prepared(train.x[rows], preprocess).astype(np.float64).reshape(len(rows), -1)
    columns = np.arange(N_CLASSES) if outputs is None else outputs
    targets = np.eye(int(columns.max()) + 1)[columns[train.labels[rows]]]
    design = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    gram = design.T @ design + _RIDGE * len(rows) * np.eye(design.shape[1])
    solution = (8 * np.linalg.solve(gram, design.T @ targets)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
        ],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", targets.shape[1]])],
        [numpy_helper.from_array(solution[:-1], "w"), numpy_helper.from_array(solution[-1], "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {key.replace("_", ".", 1): value for key, value in metadata.items()})
    onnx.save(model, path)
    return str(path)
