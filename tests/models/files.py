"""Small ONNX files, written as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

from kdaudit.types import AnyArray, Float32

_DRAWN = np.random.default_rng(7)


def _drawn(*shape: int) -> Float32:
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


CONSTANTS = {
    "zero": np.float32(0),
    "two": np.float32(2),
    "first": np.int64(0),
    "step": np.int64(1),
    "hundred": np.float32(100),
    "tiny": np.float32(1e-9),
    "half": np.array([0.5], np.float32),
    "shift": np.array([0.1, -0.2, 0.3], np.float32).reshape(1, 3, 1, 1),
    "six": np.int64(6),
    "rest": np.array([-1]),
    "nought": np.array([0]),
    "one": np.array([1]),
    "many": np.array([100]),
    "swapped": np.array([2, 0]),
    "rows": np.array([[2], [0]]),
    "margins": np.array([0, 0, 1, 2, 0, 0, 0, 1]),
    "space": np.array([2, 3]),
    "rows_of_three": np.array([0, 3, -1]),
    "start": np.array([5]),
    "end": np.array([1]),
    "last": np.array([3]),
    "backwards": np.array([-2]),
    "kernel": _DRAWN.normal(size=(4, 3, 2, 3)).astype(np.float32),
    "kernel_bias": _DRAWN.normal(size=4).astype(np.float32),
    "kernel_back": _drawn(3, 4, 2, 3),
    "two_places": np.array([2]),
    "later": np.array([1, 2, 3]),
    "parts": np.array([1, 2]),
    "deepest": np.array([4]),
    "slope": np.array([0.1, 0.2, -0.3], np.float32).reshape(3, 1, 1),
    "whole": np.array([3, 0, 1, 1], np.float32),
    "rows_of_six": np.array([0, -1, 6]),
    "lstm_in": _drawn(2, 16, 6),
    "lstm_state": _drawn(2, 16, 4),
    "lstm_bias": _drawn(2, 32),
    "gru_in": _drawn(1, 12, 6),
    "gru_state": _drawn(1, 12, 4),
    "gru_bias": _drawn(1, 24),
    "rnn_in": _drawn(1, 4, 6),
    "rnn_in4": _drawn(1, 16, 6),
    "rnn_state4": _drawn(1, 16, 4),
    "rnn_state": 0.2 * _drawn(1, 4, 4),
    "mask": _drawn(6, 6),
    "nine_seven": np.array([9, 7]),
    "turns": _drawn(8, 2),
    "places": np.array([[0, 2, 1, 5, 7, 3]]),
    "twofold": np.array([1, 1, 2, 2], np.float32),
    "dense": _DRAWN.normal(size=(5, 108)).astype(np.float32),
    "dense_bias": _DRAWN.normal(size=5).astype(np.float32),
    "square": _DRAWN.normal(size=(6, 6)).astype(np.float32),
    "scale": _DRAWN.uniform(0.5, 1.5, 3).astype(np.float32),
    "offset": _DRAWN.normal(size=3).astype(np.float32),
    "mean": _DRAWN.normal(size=3).astype(np.float32),
    "variance": _DRAWN.uniform(0.5, 1.5, 3).astype(np.float32),
}


def write(body: str, path: Path, *, batch: str = "N", opset: int = 20) -> Path:
    """A file that makes h of examples x, by CONSTANTS, and gives it flattened as its output y."""
    text = f"""<ir_version: 9, opset_import: ["" : {opset}]>
    net (float[{batch}, 3, 6, 6] x) => (float[{batch}, C] y) {{ {body.replace("'", '"')}  y = Flatten (h) }}"""
    model = onnx.parser.parse_model(text)
    read = {name for node in model.graph.node for name in node.input}
    model.graph.initializer.extend(
        numpy_helper.from_array(np.asarray(array), name) for name, array in CONSTANTS.items() if name in read
    )
    onnx.save(model, path)
    return path


def add_weights(path: Path, **arrays: AnyArray) -> Path:
    """The file with further initializers."""
    model = onnx.load(path)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    onnx.save(model, path)
    return path


def numbers(*shape: int) -> Float32:
    """Drawn float32 numbers, always the same."""
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def drawn(n: int) -> Float32:
    """Drawn examples (n, 3, 6, 6)."""
    return np.random.default_rng(3).standard_normal((n, 3, 6, 6)).astype(np.float32)
