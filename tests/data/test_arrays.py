"""`.npz` files, good and bad."""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kdaudit.data import DataOptions, Examples, Limit
from kdaudit.errors import DataError, SpecError
from kdaudit.types import AnyArray, Preprocess

from .factories import fed, labels, load, pixels, save_npz


def test_a_column_of_text_may_be_one_to_judge_by_invalid(tmp_path: Path) -> None:
    """The hint names the option, for whoever forgot it."""
    np.savez(tmp_path / "d.npz", x=X, y=Y, camera=np.array(["a"] * len(Y)))
    with pytest.raises(DataError, match="expected numbers in camera of") as refused:
        load(tmp_path / "d.npz", tmp_path / "cache")
    assert "--slice camera" in str(refused.value.hint)


def test_x_and_y_are_enough(tmp_path: Path) -> None:
    """uint8 pictures are divided by 255, and that is said."""
    x = pixels()
    examples = load(save_npz(tmp_path / "eval.npz", x=x, y=labels()), tmp_path)
    assert ("eval", "arrays", 6) == (examples.ref.name, examples.ref.kind, examples.ref.n)
    assert Preprocess(scale=1 / 255) == examples.preprocess
    assert ("x is uint8: divided by 255",) == examples.assumptions
    np.testing.assert_array_equal(x, examples.stored["x"])
    np.testing.assert_allclose(x / 255, fed(examples), rtol=1e-6)


def test_all_columns_are_read(tmp_path: Path) -> None:
    """Names in y, ids, groups and class names."""
    path = save_npz(
        tmp_path / "e.npz",
        x=np.zeros((3, 2), np.float32),
        y=np.array(["dog", "cat", "dog"]),
        ids=np.array(["p/1", "p/2", "../q"]),
        groups=np.array(["b", "a", "a"]),
        class_names=np.array(["cat", "dog"]),
    )
    examples = load(path, tmp_path)
    np.testing.assert_array_equal([1, 0, 1], examples.labels)
    assert ["p/1", "p/2", "../q"] == examples.ids.tolist()
    np.testing.assert_array_equal([1, 0, 0], examples.groups)
    assert ("cat", "dog") == examples.class_names


def test_several_inputs_keep_their_names_whatever_they_are(tmp_path: Path) -> None:
    """A model's input name may hold what a file name may not; nothing is written outside the cache."""
    names = ["input:0", "../../escape", "/abs", "X", "x", "n" * 300, "a\\b", "ü"]
    arrays = {name: np.full((4, 2), i, np.float32) for i, name in enumerate(names)}
    (tmp_path / "in").mkdir()
    examples = load(save_npz(tmp_path / "in" / "e.npz", y=labels(4), **arrays), tmp_path / "cache")
    assert set(names) == set(examples.stored)
    for i, name in enumerate(names):
        assert i == examples.stored[name][0, 0]
    assert {"in", "cache"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("f8", "float32"),
        (">f4", "float32"),
        ("f2", "float16"),
        ("?", "float32"),
        ("i2", "int64"),
        ("u4", "int64"),
        (">i4", "int32"),
        ("i8", "int64"),
    ],
)
def test_numbers_are_kept_in_few_types(tmp_path: Path, dtype: str, stored: str) -> None:
    """Floats as float32 or float16, tokens as int32 or int64, in this machine's byte order."""
    x = np.array([[0, 1], [1, 0]]).astype(dtype)
    found = load(save_npz(tmp_path / "e.npz", x=x, y=labels(2)), tmp_path).stored["x"]
    assert stored == found.dtype.name
    assert found.dtype.isnative
    np.testing.assert_array_equal(x, found)


def test_fortran_order_is_turned_into_rows(tmp_path: Path) -> None:
    """Reading one example must not touch the whole file."""
    x = np.asfortranarray(np.arange(24, dtype=np.float32).reshape(4, 3, 2))
    found = load(save_npz(tmp_path / "e.npz", x=x, y=labels(4)), tmp_path).stored["x"]
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(x, found)


def test_pixels_beside_floats_are_divided_when_stored(tmp_path: Path) -> None:
    """One division cannot fit both, so the pixels are stored as floats."""
    image, table = pixels(4), np.ones((4, 2), np.float32)
    examples = load(save_npz(tmp_path / "e.npz", image=image, table=table, y=labels(4)), tmp_path)
    assert examples.preprocess.is_identity
    assert ("image is uint8: divided by 255",) == examples.assumptions
    np.testing.assert_allclose(image / 255, fed(examples, "image"), rtol=1e-6)
    np.testing.assert_array_equal(table, fed(examples, "table"))


def test_mean_and_std_are_per_channel_and_make_other_examples(tmp_path: Path) -> None:
    """They are recorded, and belong to what the examples are."""
    path = save_npz(tmp_path / "e.npz", x=pixels(), y=labels())
    options = DataOptions(mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    plain, normalised = load(path, tmp_path), load(path, tmp_path, options)
    assert Preprocess(scale=1 / 255, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3)) == normalised.preprocess
    assert plain.ref.sha256 != normalised.ref.sha256


def test_a_limit_draws_the_same_stratified_subset(tmp_path: Path) -> None:
    """The same seed draws the same examples, another seed others, and each class keeps its share."""
    path = save_npz(tmp_path / "e.npz", x=pixels(60), y=np.repeat([0, 1, 2], [30, 20, 10]))
    first, again, other = (
        load(path, tmp_path, DataOptions(limit=Limit(n=12, seed=seed))) for seed in (1, 1, 2)
    )
    assert [6, 4, 2] == np.bincount(first.labels).tolist()
    assert first.ref == again.ref
    assert first.ids.tolist() != other.ids.tolist()


def test_compression_does_not_change_the_examples(tmp_path: Path) -> None:
    """The digest is that of the content."""
    x, y = pixels(), labels()
    np.savez(tmp_path / "plain.npz", x=x, y=y)
    np.savez_compressed(tmp_path / "small.npz", x=x, y=y)
    plain, small = (load(tmp_path / name, tmp_path) for name in ("plain.npz", "small.npz"))
    assert plain.ref.sha256 == small.ref.sha256


@given(x=hnp.arrays(np.float32, (3, 2), elements=st.floats(width=32)))
def test_a_float_input_is_finite_or_refused(tmp_path_factory: pytest.TempPathFactory, x: AnyArray) -> None:
    """Whatever the numbers: they come back, or the first bad example is named."""
    folder = tmp_path_factory.mktemp("e")
    path = save_npz(folder / "e.npz", x=x, y=labels(3))
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad) == 0:
        np.testing.assert_array_equal(x, load(path, folder).stored["x"])
    else:
        with pytest.raises(DataError) as caught:
            load(path, folder)
        expected = f"expected finite numbers in x of {path}, found NaN or infinity in example {bad[0]}"
        assert expected == caught.value.message


def test_a_double_that_no_float_holds_is_infinite(tmp_path: Path) -> None:
    """What overflows when stored is refused, not clipped."""
    path = save_npz(tmp_path / "e.npz", x=np.array([[1.0], [1e300]]), y=labels(2))
    with pytest.raises(DataError, match="found NaN or infinity in example 1"):
        load(path, tmp_path)


X = np.zeros((3, 2), np.float32)
Y = np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "expected labels y in {path}, found x"),
        ({}, "expected labels y in {path}, found no array"),
        ({"y": Y, "ids": Y}, "expected x, or one array per model input, in {path}, found y, ids"),
        ({"x": X[:2], "y": Y}, "expected 3 examples in x of {path}, as in y, found 2"),
        ({"x": X, "y": Y, "ids": Y[:1]}, "expected 3 examples in ids of {path}, as in y, found 1"),
        ({"x": X, "y": Y, "groups": Y[:1]}, "expected 3 examples in groups of {path}, as in y, found 1"),
        ({"x": X[:0], "y": Y[:0]}, "expected at least one example in x of {path}, found shape (0, 2)"),
        (
            {"x": np.float32(1), "y": Y},
            "expected one row per example in x of {path}, found a single value (0-d array)",
        ),
        (
            {"x": X, "y": np.int64(1)},
            "expected one row per example in y of {path}, found a single value (0-d array)",
        ),
        ({"x": X.astype(object), "y": Y}, "expected numbers or text in x of {path}, found Python objects"),
        ({"x": X, "y": Y.astype(object)}, "expected numbers or text in y of {path}, found Python objects"),
        ({"x": X.astype(str), "y": Y}, "expected numbers in x of {path}, found <U32"),
        ({"x": X.astype(complex), "y": Y}, "expected numbers in x of {path}, found complex128"),
    ],
)
def test_arrays_that_are_no_examples_invalid(
    tmp_path: Path, arrays: dict[str, AnyArray], message: str
) -> None:
    """One line that says what is wrong in which array of which file, and nothing stays in the cache."""
    path = save_npz(tmp_path / "e.npz", **arrays)
    with pytest.raises(DataError) as caught:
        load(path, tmp_path)
    assert message.format(path=path) == caught.value.message
    assert [] == [entry for entry in (tmp_path / "data").iterdir() if entry.is_dir()]


def test_a_file_that_would_run_code_is_not_run(tmp_path: Path) -> None:
    """Object arrays are refused from their header: the pickle inside is never touched."""
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (marker.touch, ())

    path = save_npz(tmp_path / "e.npz", x=np.array([Trap(), Trap()]), y=labels(2))
    with pytest.raises(DataError, match="found Python objects") as caught:
        load(path, tmp_path)
    assert caught.value.hint is not None
    assert "can run code" in caught.value.hint
    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"not a zip at all", b"PK\x03\x04 cut"])
def test_a_file_that_is_no_npz_invalid(tmp_path: Path, content: bytes) -> None:
    """Empty, text, or cut off after the signature."""
    path = tmp_path / "e.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"expected a whole \.npz file at .*e\.npz, found: ") as caught:
        load(path, tmp_path)
    assert caught.value.hint is not None
    assert "numpy.savez" in caught.value.hint


@given(position=st.integers(0, 10_000), cut=st.booleans())
def test_damage_anywhere_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, position: int, cut: bool
) -> None:
    """A flipped or missing byte never ends in a traceback, and never in other examples."""
    folder = tmp_path_factory.mktemp("e")
    path = save_npz(folder / "e.npz", x=pixels(), y=labels())
    whole = load(path, folder / "whole")
    data = bytearray(path.read_bytes())
    position %= len(data)
    data[position] ^= 0x55
    path.write_bytes(data[:position] if cut else data)
    found: Examples | None = None
    with contextlib.suppress(DataError):
        found = load(path, folder / "damaged")
    assert found is None or whole.ref == found.ref


def test_an_entry_that_is_no_array_invalid(tmp_path: Path) -> None:
    """A member with the right name and the wrong content."""
    path = save_npz(tmp_path / "e.npz", y=labels())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x09\x00rubbish")
    with pytest.raises(DataError, match=r"expected a numpy array in x of .*, found: "):
        load(path, tmp_path)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"x": X}, DataOptions(image_size=32), "expected no --image-size with {path}, found 32"),
        (
            {"x": pixels(3)},
            DataOptions(mean=(0.5, 0.5), std=(1.0, 1.0)),
            "expected 3 values in --mean and --std, one for each channel of x (3, 3, 4, 5), found 2",
        ),
        (
            {"a": X, "b": X},
            DataOptions(mean=(0.5,), std=(1.0,)),
            "expected one input that --mean and --std apply to, found 2: a, b",
        ),
        (
            {"x": X.astype(int)},
            DataOptions(mean=(0.5,), std=(1.0,)),
            "expected one input that --mean and --std apply to, found 0: none",
        ),
    ],
)
def test_options_that_do_not_fit_invalid(
    tmp_path: Path, arrays: dict[str, AnyArray], options: DataOptions, message: str
) -> None:
    """An option is never ignored in silence."""
    path = save_npz(tmp_path / "e.npz", y=Y, **arrays)
    with pytest.raises(SpecError) as caught:
        load(path, tmp_path, options)
    assert message.format(path=path) == caught.value.message
