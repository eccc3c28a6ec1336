"""The demo's files hold what examples/demo/README.md says of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import kdaudit.demo_data
from kdaudit.digest import array_digest
from kdaudit.types import AnyArray

FOLDER = Path(kdaudit.demo_data.__file__).parent
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def arrays(name: str) -> dict[str, AnyArray]:
    """All arrays of a bundled file."""
    with np.load(FOLDER / name, allow_pickle=False) as archive:
        return dict(archive)


@pytest.mark.parametrize(("name", "n"), [("eval.npz", 4000), ("train.npz", 6000)])
def test_arrays_have_the_stated_shapes(name: str, n: int) -> None:
    """Pictures as bytes, one label and one position each, ten class names."""
    found = {key: (array.shape, array.dtype.kind) for key, array in arrays(name).items()}
    assert {
        "x": ((n, 1, 28, 28), "u"),
        "y": ((n,), "u"),
        "ids": ((n,), "i"),
        "class_names": ((10,), "U"),
    } == found


@pytest.mark.parametrize(
    ("name", "pictures", "labels"),
    [
        ("eval.npz", "50e2f99a32dd79e8", "4c1ffc9d2081121a"),
        ("train.npz", "d864484b0f0a589d", "ddf335e55553ecc1"),
    ],
)
def test_pictures_and_labels_are_those_of_the_stated_figures(name: str, pictures: str, labels: str) -> None:
    """Other pictures would need other figures wherever the demo's are stated."""
    found = arrays(name)
    assert (pictures, labels) == (array_digest(found["x"])[:16], array_digest(found["y"])[:16])


def test_everything_together_is_below_six_megabytes() -> None:
    """What each installed copy carries."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 6_000_000


@pytest.mark.parametrize(
    ("model", "stated"), [("teacher", 0.8465), ("student-distilled", 0.8320), ("student-honest", 0.8503)]
)
def test_models_are_as_accurate_as_stated(model: str, stated: float) -> None:
    """To within what another processor may change; input is pixels / 255 and nothing else."""
    data = arrays("eval.npz")
    session = onnxruntime.InferenceSession(FOLDER / f"{model}.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"input": data["x"].astype(np.float32) / np.float32(255)})
    assert pytest.approx(stated, abs=0.001) == (logits.argmax(axis=1) == data["y"]).mean()


@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason="needs Debian's dataset-fashion-mnist")
@pytest.mark.parametrize(("name", "split"), [("eval.npz", "t10k"), ("train.npz", "train")])
def test_ids_are_positions_in_the_published_split(name: str, split: str) -> None:
    """Whoever finds an inherited error can look the picture up."""
    found = arrays(name)
    packed = gzip.decompress((FASHION_MNIST / f"{split}-images-idx3-ubyte.gz").read_bytes())
    published = np.frombuffer(packed, dtype=np.uint8, offset=16).reshape(-1, 1, 28, 28)
    np.testing.assert_array_equal(published[found["ids"]], found["x"])
