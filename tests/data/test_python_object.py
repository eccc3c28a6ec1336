"""Examples from the user's own code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions
from kdaudit.errors import DataError

from .factories import fed, load

HEAD = """
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

x = torch.arange(12.0).reshape(6, 2)
y = torch.tensor([0, 1, 0, 1, 0, 1])
picture = Image.fromarray(np.arange(96, dtype=np.uint8).reshape(4, 8, 3))
"""
GOOD = {
    "dataset": "return TensorDataset(x, y)",
    "loader": "return DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True)",
    "generator": "yield from zip(x, y)",
    "dicts": "return [{'values': a.tolist(), 'label': int(b)} for a, b in zip(x, y)]",
}


def code(tmp_path: Path, body: str) -> str:
    """A function of this body."""
    (tmp_path / "mine.py").write_text(f"{HEAD}\ndef make():\n    {body}\n", encoding="utf-8")
    return f"{tmp_path}/mine.py:make"


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD)
def test_every_kind_of_iterable_gives_the_same(body: str, tmp_path: Path) -> None:
    """Datasets in their own order, whatever a loader does with it; no batches."""
    examples = load(code(tmp_path, body), tmp_path / "cache")
    (name,) = examples.stored
    np.testing.assert_array_equal(np.arange(12.0).reshape(6, 2), fed(examples, name))
    assert [0, 1, 0, 1, 0, 1] == examples.labels.tolist()
    assert "make" == examples.ref.name


def test_a_module_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python imports it."""
    code(tmp_path, GOOD["dataset"])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert 6 == len(load("mine:make", tmp_path / "cache"))


def test_pictures_are_sized_as_those_in_files(tmp_path: Path) -> None:
    """Of 8 x 4 as they are; resized and cropped with a size."""
    location = code(tmp_path, "return [(picture, i % 2) for i in range(4)]")
    assert (4, 3, 4, 8) == load(location, tmp_path / "cache").stored["x"].shape
    sized = load(location, tmp_path / "cache", DataOptions(image_size=3))
    assert (4, 3, 3, 3) == sized.stored["x"].shape


def test_ids_groups_and_slices_are_carried(tmp_path: Path) -> None:
    """By their names in dicts."""
    body = "return [{'x': a, 'y': b, 'id': f'i{a[0]:.0f}', 'group': int(b), 'site': 'uv'[b]} for a, b in zip(x, y)]"
    examples = load(code(tmp_path, body), tmp_path / "cache", DataOptions(slices=("site",)))
    assert "i2" == examples.ids[1]
    assert ["u", "v"] == sorted(set(examples.columns["site"].tolist()))
    assert examples.groups is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", r"expected .*:make to give a Dataset or an iterable, found int"),
        ("return []", r"expected at least one example from .*:make, found none"),
        ("return [(1, 2, 3)]", r"expected \(x, y\) or a dict from .*:make, found tuple as example 0"),
        ("raise ValueError('no disk')", r"expected .*:make to give examples, found ValueError: no disk"),
        (
            "yield from [(a, 0) for a in x] * 40; raise OSError('gone')",
            "to give examples, found OSError: gone",
        ),
        (
            "return [{'x': 1, 'y': 0}, {'x': 2}]",
            r"expected 'y' in every example of .*, found none in example 1",
        ),
        ("return [(a, 0) for a in x] + [(x, 1)]", "expected arrays of one shape in x of"),
        (
            "return [(picture, 0), (x, 1)]",
            r"expected a picture in x of example 1 of .*, as in the first, found Tensor",
        ),
        (
            "return [(picture.convert('L'), 0), (picture, 1)]",
            "expected a greyscale picture in x of example 1 of",
        ),
    ],
)
def test_code_that_gives_no_examples_invalid(body: str, message: str, tmp_path: Path) -> None:
    """Named with the callable, and the example where there is one."""
    with pytest.raises(DataError, match=message):
        load(code(tmp_path, body), tmp_path / "cache")


def test_code_that_is_not_there_invalid(tmp_path: Path) -> None:
    """The file, the name in it, or the module."""
    code(tmp_path, "return 3")
    for location, message in (
        (f"{tmp_path}/other.py:make", r"expected the file of data .*other\.py, found nothing there"),
        (f"{tmp_path}/mine.py:other", "expected a callable named 'other' in"),
        (
            "no.such.module:make",
            r"expected to import the module 'no\.such\.module', found ModuleNotFoundError",
        ),
    ):
        with pytest.raises(DataError, match=message):
            load(location, tmp_path / "cache")


def test_code_that_ends_the_program_is_no_verdict_invalid(tmp_path: Path) -> None:
    """A script that is imported; what it has is named where a name is not there."""
    with pytest.raises(DataError, match="found SystemExit: 3"):
        load(code(tmp_path, "raise SystemExit(3)"), tmp_path / "cache")
    with pytest.raises(DataError) as refused:
        load(f"{tmp_path}/mine.py:other", tmp_path / "cache")
    assert "make" in str(refused.value.hint)


def test_a_full_cache_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    """As for every other source."""
    (tmp_path / "cache").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(DataError, match="expected to write examples to the cache at"):
        load(code(tmp_path, GOOD["dataset"]), tmp_path / "cache")
