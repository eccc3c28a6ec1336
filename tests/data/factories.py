"""Small files in every form that kdaudit.data reads."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.types import AnyArray, Float32, Int64


def load(path: Path | str, cache: Path, options: DataOptions | None = None) -> Examples:
    """What load_data gives with default options."""
    return load_data(str(path), cache=cache, options=options or DataOptions())


def save_npz(path: Path, **arrays: AnyArray) -> Path:
    """An .npz of the arrays."""
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def pixels(n: int = 6, shape: tuple[int, ...] = (3, 4, 5), *, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Random uint8 pictures."""
    return np.random.default_rng(seed).integers(0, 256, size=(n, *shape)).astype(np.uint8)


def labels(n: int = 6) -> Int64:
    """0, 1, 0, 1 ..."""
    return np.arange(n) % 2


def save_picture(
    path: Path, *, size: tuple[int, int] = (8, 6), mode: str = "RGB", seed: int = 0
) -> Image.Image:
    """A random picture of (width, height) under `path`, in the format of its suffix."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.random.default_rng(seed).integers(0, 256, size=(size[1], size[0], channels)).astype(np.uint8)
    picture = Image.frombytes(mode, size, values.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return picture


def save_classes(
    root: Path, *, per_class: int = 2, size: tuple[int, int] = (8, 6), mode: str = "RGB"
) -> Path:
    """Two class folders, bird and cat, of PNG pictures."""
    for c, name in enumerate(("bird", "cat")):
        for i in range(per_class):
            save_picture(root / name / f"{i}.png", size=size, mode=mode, seed=10 * c + i)
    return root


def save_idx(path: Path, array: AnyArray) -> Path:
    """A gzipped idx file of unsigned bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))
    return path


def fed(examples: Examples, name: str = "x", *, batch_size: int = 100) -> Float32:
    """What a model is given, all batches together; fails if it is not float32."""
    batches = [batch.inputs[name] for batch in examples.batches(batch_size)]
    assert {np.dtype(np.float32)} == {batch.dtype for batch in batches}
    return np.concatenate(batches).astype(np.float32)
