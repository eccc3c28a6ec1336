"""The example folder: what it gives back, how subsets behave, and how it notices damage."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdaudit.data import Examples
from kdaudit.data.examples import Description, input_path, is_intact, write_examples
from kdaudit.errors import DataError
from kdaudit.types import AnyArray, Preprocess

from .factories import fed, labels, load, pixels, save_npz


def write(folder: Path, x: AnyArray, **description: object) -> Examples:
    """An example folder of one input, opened."""
    (folder / "inputs").mkdir(parents=True)
    np.save(input_path(folder, 0), x)
    complete = Description(name="d", kind="arrays", location="d.npz", **description)  # type: ignore[arg-type]
    write_examples(folder, complete, labels=np.arange(len(x)) % 2, groups=np.arange(len(x)) // 2)
    return Examples.open(folder)


def test_a_folder_gives_back_what_was_written(tmp_path: Path) -> None:
    """Inputs, labels, ids, groups and names survive the disk."""
    x = pixels()
    examples = write(tmp_path / "e", x, class_names=("cat", "dog"), assumptions=("x is uint8",))
    assert len(examples) == 6
    np.testing.assert_array_equal(x, examples.stored["x"])
    np.testing.assert_array_equal([0, 1, 0, 1, 0, 1], examples.labels)
    np.testing.assert_array_equal([0, 0, 1, 1, 2, 2], examples.groups)
    assert ["0", "1", "2", "3", "4", "5"] == examples.ids.tolist()
    assert ("cat", "dog") == examples.class_names
    assert ("x is uint8",) == examples.assumptions
    assert ("d", "arrays", "d.npz", 6) == (
        examples.ref.name,
        examples.ref.kind,
        examples.ref.location,
        examples.ref.n,
    )


def test_inputs_are_mapped_and_read_only(tmp_path: Path) -> None:
    """A large input is not read into memory, and nobody can change it."""
    examples = write(tmp_path / "e", pixels())
    assert isinstance(examples.stored["x"], np.memmap)
    assert not examples.stored["x"].flags.writeable
    assert not examples.labels.flags.writeable


def test_batches_are_scaled_then_normalised_by_hand(tmp_path: Path) -> None:
    """(x * scale - mean) / std for each channel, in float32, the last batch short."""
    x = pixels(5, (2, 3, 3))
    preprocess = Preprocess(scale=1 / 255, mean=(0.5, 0.25), std=(0.5, 2.0))
    examples = write(tmp_path / "e", x, preprocess=preprocess)
    assert [2, 2, 1] == [len(batch) for batch in examples.batches(2)]
    by_hand = np.stack([(x[:, 0] / 255 - 0.5) / 0.5, (x[:, 1] / 255 - 0.25) / 2.0], axis=1)
    np.testing.assert_allclose(by_hand, fed(examples, batch_size=2), atol=1e-6)


def test_one_mean_applies_to_every_channel_and_to_features(tmp_path: Path) -> None:
    """A single mean and std broadcast over axis 1 of a table too."""
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    examples = write(tmp_path / "e", x, preprocess=Preprocess(mean=(1.0,), std=(2.0,)))
    np.testing.assert_allclose((x - 1) / 2, fed(examples))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_tokens_pass_through_unchanged(tmp_path: Path, dtype: type[np.signedinteger]) -> None:
    """Token numbers are no measurements: neither scaled nor turned into floats."""
    x = np.arange(8, dtype=dtype).reshape(4, 2)
    found = next(write(tmp_path / "e", x, preprocess=Preprocess(scale=0.5)).batches(4)).inputs["x"]
    assert dtype == found.dtype
    np.testing.assert_array_equal(x, found)


def test_float16_becomes_float32(tmp_path: Path) -> None:
    """Half precision is a way to store, not a way to compute."""
    x = np.linspace(0, 1, 8, dtype=np.float16).reshape(4, 2)
    np.testing.assert_array_equal(x.astype(np.float32), fed(write(tmp_path / "e", x)))


@given(index=st.sets(st.integers(0, 5), min_size=1), seed=st.integers(0, 100))
def test_a_subset_is_sorted_and_keeps_rows_together(
    tmp_path_factory: pytest.TempPathFactory, index: set[int], seed: int
) -> None:
    """However the positions are ordered, inputs, labels, ids, groups and batches are those of the sorted rows."""
    examples = write(tmp_path_factory.mktemp("e") / "e", pixels())
    shuffled = np.random.default_rng(seed).permutation(sorted(index))
    part = examples.subset(shuffled)
    rows = sorted(index)
    assert [str(i) for i in rows] == part.ids.tolist()
    np.testing.assert_array_equal(examples.labels[rows], part.labels)
    np.testing.assert_array_equal(examples.stored["x"][rows], part.stored["x"])
    found = np.concatenate([batch.inputs["x"] for batch in part.batches(2)])
    np.testing.assert_array_equal(examples.stored["x"][rows].astype(np.float32), found)
    np.testing.assert_array_equal(examples.stored["x"][rows[-1]], part.raw(len(rows) - 1)["x"])


def test_a_subset_of_a_subset_is_the_subset_of_the_whole(tmp_path: Path) -> None:
    """Positions are those within the part, and equal parts have equal digests however they were reached."""
    examples = write(tmp_path / "e", pixels())
    nested = examples.subset(np.array([1, 3, 5])).subset(np.array([0, 2]))
    direct = examples.subset(np.array([1, 5]))
    assert ["1", "5"] == nested.ids.tolist()
    assert direct.ref == nested.ref
    assert examples.ref.sha256 != direct.ref.sha256
    assert examples.ref == examples.subset(np.arange(6)).ref


def test_examples_pickle_as_a_path(tmp_path: Path) -> None:
    """A worker gets the path and the positions, not the data."""
    part = write(tmp_path / "e", pixels(600)).subset(np.array([2, 4]))
    data = pickle.dumps(part)
    assert len(data) < 1000
    again = pickle.loads(data)  # noqa: S301 - what this test is about
    assert part.ref == again.ref
    np.testing.assert_array_equal(part.stored["x"], again.stored["x"])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([], "expected at least one position and each once, found 0"),
        ([1, 1], "expected at least one position and each once, found 2"),
        ([-1, 2], "expected positions in 0..5, found -1 to 2"),
        ([0, 6], "expected positions in 0..5, found 0 to 6"),
    ],
)
def test_subset_positions_invalid(tmp_path: Path, index: list[int], message: str) -> None:
    """Positions outside the data, twice or none at all are refused."""
    with pytest.raises(DataError) as caught:
        write(tmp_path / "e", pixels()).subset(np.array(index, dtype=np.int64))
    assert message == caught.value.message


@pytest.mark.parametrize("change", ["inputs", "labels", "preprocess", "class_names"])
def test_the_digest_covers_all_that_a_model_or_test_sees(tmp_path: Path, change: str) -> None:
    """One changed pixel, label, divisor or name is another data set."""
    x = pixels()
    original = write(tmp_path / "a", x)
    if change == "inputs":
        other = write(tmp_path / "b", np.where(np.arange(x.size).reshape(x.shape) == 7, 255 - x, x))
    elif change == "preprocess":
        other = write(tmp_path / "b", x, preprocess=Preprocess(scale=1 / 255))
    elif change == "class_names":
        other = write(tmp_path / "b", x, class_names=("a", "b"))
    else:
        other = write(tmp_path / "b", x)
        swapped = Description(name="d", kind="arrays", location="d.npz")
        write_examples(tmp_path / "b", swapped, labels=1 - labels(), groups=np.arange(6) // 2)
        other = Examples.open(tmp_path / "b")
    assert original.ref.sha256 != other.ref.sha256


def test_the_digest_does_not_depend_on_the_place(tmp_path: Path) -> None:
    """The same examples under another path are the same examples."""
    assert write(tmp_path / "a", pixels()).ref == write(tmp_path / "b", pixels()).ref


def test_opening_no_example_folder_invalid(tmp_path: Path) -> None:
    """An empty folder is named, with what to do."""
    with pytest.raises(
        DataError, match=r"expected an example folder with a meta\.json at .*found: FileNotFound"
    ):
        Examples.open(tmp_path)


def test_another_format_invalid(tmp_path: Path) -> None:
    """A cache of another version is refused, so that it can be rebuilt."""
    write(tmp_path / "e", pixels())
    meta = tmp_path / "e" / "meta.json"
    meta.write_text(meta.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(DataError, match=r"expected examples of format 1 .* found format 99"):
        Examples.open(tmp_path / "e")


@pytest.mark.parametrize("name", ["inputs/0.npy", "labels.npy", "meta.json"])
def test_a_truncated_or_missing_file_is_noticed(tmp_path: Path, name: str) -> None:
    """Damage that a full disk or a crash leaves makes the folder not intact."""
    write(tmp_path / "e", pixels())
    path = tmp_path / "e" / name
    assert is_intact(tmp_path / "e")
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_intact(tmp_path / "e")
    path.unlink()
    assert not is_intact(tmp_path / "e")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_batches_are_memory_of_their_own(tmp_path: Path, dtype: type[np.generic]) -> None:
    """Nothing that torch would warn of because it can only be read."""
    (batch,) = write(tmp_path / "e", pixels().astype(dtype)).batches(6)
    assert batch.inputs["x"].flags.writeable
    assert batch.stored["x"].flags.writeable


def test_pages_that_were_read_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each so many bytes; what is read then is the same again."""
    monkeypatch.setattr("kdaudit.data.mapped._MOST_MAPPED_BYTES", 100)
    x = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float32)
    examples = load(save_npz(tmp_path / "a.npz", x=x, y=labels(50)), tmp_path / "cache")
    for _ in range(2):
        np.testing.assert_array_equal(x, fed(examples, batch_size=7))
    view = examples.raw(3)["x"]
    for i in range(50):
        np.testing.assert_array_equal(x[i], examples.raw(i)["x"])
    np.testing.assert_array_equal(x[3], view)
