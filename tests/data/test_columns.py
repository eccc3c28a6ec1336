"""Labels, ids, groups and class names: what is taken, and what is refused with which words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kdaudit.data.columns import groups_from, ids_from, labels_from, names_from
from kdaudit.errors import DataError
from kdaudit.types import AnyArray

WHERE = "eval.npz"


@pytest.mark.parametrize("dtype", ["u1", "i1", ">i2", "i4", "u4", "i8", "f4", "f8", "?"])
def test_whole_numbers_of_any_type_are_labels(dtype: str) -> None:
    """What matters is the value, not how it was saved."""
    found = labels_from(np.array([0, 1, 1]).astype(dtype), (), where=WHERE)
    assert np.int64 == found.dtype
    np.testing.assert_array_equal([0, 1, 1], found)


@given(hnp.arrays(np.int16, st.integers(2, 20), elements=st.integers(0, 5)))
def test_names_are_numbered_by_class_names(codes: AnyArray) -> None:
    """Names stand for their position among the class names."""
    names = ("cat", "dog", "fox", "owl", "eel", "emu")
    if len(set(codes.tolist())) > 1:
        by_name = np.array(names)[codes]
        np.testing.assert_array_equal(codes, labels_from(by_name, names, where=WHERE))
        np.testing.assert_array_equal(codes, labels_from(by_name.astype("S"), names, where=WHERE))


@pytest.mark.parametrize(
    ("y", "names", "message"),
    [
        (
            np.eye(3),
            (),
            "expected y of shape (n,), or whole numbers (n, positions) of sequences, in eval.npz, found float64 (3, 3)",
        ),
        (
            np.array([["a", "b"]]),
            ("a", "b"),
            "expected y of shape (n,), or whole numbers (n, positions) of sequences, in eval.npz, found <U1 (1, 2)",
        ),
        (
            np.full((2, 3), -100),
            (),
            "expected labels in eval.npz, found only -100, which marks places without one",
        ),
        (np.array([[0, 1], [-1, 1]]), (), "expected labels of 0 or more in eval.npz, found -1 at example 2"),
        (np.array([0, 1, -1]), (), "expected labels of 0 or more in eval.npz, found -1 at example 2"),
        (np.array([0, 0.5]), (), "expected whole numbers in y of eval.npz, found 0.5 at example 1"),
        (np.array([0, 1, np.nan]), (), "expected whole numbers in y of eval.npz, found nan at example 2"),
        (np.array([0, np.inf]), (), "expected whole numbers in y of eval.npz, found inf at example 1"),
        (np.array([1j, 0]), (), "expected whole numbers or names in y of eval.npz, found complex128"),
        (np.array([3, 3]), (), "expected at least two classes in eval.npz, found only 3"),
        (
            np.array([0, 2]),
            ("a", "b"),
            "expected labels below 2, the number of class_names in eval.npz, found 2 at example 1",
        ),
        (np.array(["a"]), (), "expected class_names beside the names in y of eval.npz, found none"),
        (
            np.array(["a", "c"]),
            ("a", "b"),
            "expected the names in y of eval.npz to be class_names, found 'c' at example 1",
        ),
        (
            np.array([b"\xff", b"a"]),
            ("a", "b"),
            "expected y of eval.npz to be text, found bytes that are not ASCII",
        ),
    ],
)
def test_labels_invalid(y: AnyArray, names: tuple[str, ...], message: str) -> None:
    """The message names the first example that is wrong."""
    with pytest.raises(DataError) as caught:
        labels_from(y, names, where=WHERE)
    assert message == caught.value.message


def test_ids_are_text() -> None:
    """Numbers become their digits."""
    assert ["3", "10"] == ids_from(np.array([3, 10]), where=WHERE).tolist()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array(["a", "b", "a"]), "expected different ids in eval.npz, found 'a' more than once"),
        (
            np.array([0.5]),
            "expected ids of shape (n,), text or whole numbers, in eval.npz, found float64 (1,)",
        ),
        (
            np.eye(2, dtype=int),
            "expected ids of shape (n,), text or whole numbers, in eval.npz, found int64 (2, 2)",
        ),
    ],
)
def test_ids_invalid(ids: AnyArray, message: str) -> None:
    """Ids name examples: they must be different."""
    with pytest.raises(DataError) as caught:
        ids_from(ids, where=WHERE)
    assert message == caught.value.message


@pytest.mark.parametrize("groups", [["b", "a", "b"], [7, -1, 7]])
def test_groups_become_codes_in_sorted_order(groups: list[str] | list[int]) -> None:
    """Only equality of groups matters."""
    np.testing.assert_array_equal([1, 0, 1], groups_from(np.array(groups), where=WHERE))


def test_groups_invalid() -> None:
    """Fractions are measurements, not groups."""
    with pytest.raises(
        DataError, match=r"expected groups of shape \(n,\).* in eval.npz, found float64 \(1,\)"
    ):
        groups_from(np.array([0.5]), where=WHERE)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (np.array(["a", "a"]), "expected different class_names in eval.npz, found 'a' more than once"),
        (
            np.array([1, 2]),
            "expected class_names to be text of one axis in eval.npz, found int64 (2,)",
        ),
    ],
)
def test_class_names_invalid(names: AnyArray, message: str) -> None:
    """Two classes of one name cannot be told apart in a report."""
    with pytest.raises(DataError) as caught:
        names_from(names, what="class_names", where=WHERE)
    assert message == caught.value.message
