"""Saved outputs: arrays and tables say the same, and what is wrong with a file is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdaudit.data.outputs import Columns, read_columns, read_outputs
from kdaudit.errors import DataError, SpecError
from kdaudit.types import OutputKind
from tests.predictions import write_csv

LOGITS = np.array([[1.5, -2.0], [0.25, 3.0], [-1.0, 1.0]])
IDS, LABELS = ["a", "007", "c"], [0, 1, 1]


def npz(path: Path, **arrays: Any) -> str:
    """An `.npz` file."""
    np.savez(path, **arrays)
    return str(path)


def parquet(path: Path, **columns: Any) -> str:
    """A parquet file."""
    pyarrow = pytest.importorskip("pyarrow")
    from importlib import import_module

    import_module("pyarrow.parquet").write_table(pyarrow.table(columns), path)
    return str(path)


def numbered(kind: str = "logit") -> dict[str, list[float]]:
    """The outputs as numbered columns, the second first."""
    return {f"{kind}_1": LOGITS[:, 1].tolist(), f"{kind}_0": LOGITS[:, 0].tolist()}


def every_form(folder: Path) -> list[str]:
    """The same predictions in four forms."""
    return [
        npz(folder / "a.npz", logits=LOGITS, ids=np.array(IDS), labels=np.array(LABELS), site=np.array(IDS)),
        write_csv(folder / "b.csv", {"id": IDS, "label": LABELS, "site": IDS, **numbered()}),
        parquet(folder / "c.parquet", id=IDS, label=LABELS, site=IDS, **numbered()),
        parquet(folder / "d.parquet", ids=IDS, labels=LABELS, site=IDS, logits=LOGITS.tolist()),
    ]


def test_every_form_says_the_same(tmp_path: Path) -> None:
    """Outputs, ids (007 is not 7), labels and slices of arrays, text tables and parquet."""
    for path in every_form(tmp_path):
        columns, outputs = read_columns(path, ["site"]), read_outputs(path, None)
        assert columns.ids is not None
        assert columns.labels is not None
        assert (IDS, LABELS, 3) == (columns.ids.tolist(), columns.labels.tolist(), columns.n)
        assert IDS == columns.slices["site"].tolist()
        assert OutputKind.LOGITS == outputs.kind
        assert LOGITS.tolist() == outputs.values.tolist()


def test_probabilities_and_groups_by_their_names(tmp_path: Path) -> None:
    """prob_0 ... are probs; group holds codes."""
    path = write_csv(tmp_path / "p.csv", {"group": ["x", "y", "x"], **numbered("prob")})
    assert OutputKind.PROBS == read_outputs(path, None).kind
    groups = read_columns(path, []).groups
    assert groups is not None
    assert [0, 1, 0] == groups.tolist()


def test_the_evaluation_data_is_a_file_of_labels(tmp_path: Path) -> None:
    """The array x is not looked at; y are the labels, class names number them."""
    names = np.array(["cat", "dog"])
    path = npz(tmp_path / "eval.npz", x=np.zeros((3, 9)), y=names[LABELS], class_names=names)
    found: Columns = read_columns(path, [])
    assert found.labels is not None
    assert (LABELS, ("cat", "dog"), None) == (found.labels.tolist(), found.class_names, found.ids)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1, 2]}, r"expected logits, probs or labels in .*, found none"),
        (
            {"label": [0, 1], "logit_1": [0.5, 0.5]},
            r"expected the columns logit_0 to logit_1 in .*, found no logit_0",
        ),
        ({"logit_0": [0.5, "much"], "logit_1": [1, 2]}, r"expected numbers in logit_0 of .*, found"),
        (
            {"id": ["a", "a"], "logit_0": [1, 2], "logit_1": [1, 2]},
            r"expected different ids in .*'a' more than once",
        ),
        ({"label": ["cat", "dog"]}, r"expected class_names beside the names in y"),
    ],
)
def test_tables_that_say_nothing_invalid(tmp_path: Path, columns: dict[str, list[Any]], message: str) -> None:
    """Each with what is missing, and where."""
    with pytest.raises(DataError, match=message):
        read_columns(write_csv(tmp_path / "t.csv", columns), [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,id\n1,2\n", "expected columns of different names .* found a column twice"),
        ("id,label\n", "found no row below the header"),
        ("", "found no row below the header"),
        ("id,label\n1\n", "expected 2 values in line 2 of .*, found 1"),
        ('id,label\n"1\n', "expected a table in .*, found: unexpected end of data"),
        ("\udcff", "expected a table in .*, found: .*utf-8"),
    ],
)
def test_damaged_text_tables_invalid(tmp_path: Path, text: str, message: str) -> None:
    """Each with the line or the reason."""
    (tmp_path / "t.csv").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(DataError, match=message):
        read_columns(str(tmp_path / "t.csv"), [])


def test_arrays_of_different_lengths_invalid(tmp_path: Path) -> None:
    """Named with their lengths."""
    path = npz(tmp_path / "a.npz", logits=LOGITS, labels=np.array([0, 1]))
    with pytest.raises(
        DataError, match=r"expected one row per example in all of .*, found 2 labels, 3 logits"
    ):
        read_columns(path, [])


def test_no_outputs_invalid(tmp_path: Path) -> None:
    """A file of labels is no model's."""
    with pytest.raises(DataError, match=r"expected logits or probs in .*, found labels"):
        read_outputs(npz(tmp_path / "a.npz", labels=np.array(LABELS)), None)


def test_both_outputs_need_a_word_and_the_word_must_be_true(tmp_path: Path) -> None:
    """--outputs chooses between two, and is refused where it contradicts the only one."""
    path = npz(tmp_path / "a.npz", logits=LOGITS, probs=np.full((3, 2), 0.5))
    assert OutputKind.PROBS == read_outputs(path, "probs").kind
    with pytest.raises(SpecError, match="found both"):
        read_outputs(path, None)
    with pytest.raises(SpecError, match=r"expected probs in .*, as --outputs says, found logits"):
        read_outputs(npz(tmp_path / "b.npz", logits=LOGITS), "probs")


def test_a_missing_file_and_a_damaged_archive_invalid(tmp_path: Path) -> None:
    """Both are named."""
    with pytest.raises(DataError, match=r"expected saved predictions at .*nowhere.npz, found: No such file"):
        read_columns(str(tmp_path / "nowhere.npz"), [])
    whole = Path(npz(tmp_path / "a.npz", logits=LOGITS)).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:100])
    with pytest.raises(DataError, match=r"expected a whole .npz file at"):
        read_columns(str(tmp_path / "cut.npz"), [])


def test_damaged_and_uneven_parquet_invalid(tmp_path: Path) -> None:
    """A cut file, lists of several lengths, and values that are missing."""
    whole = Path(parquet(tmp_path / "a.parquet", id=IDS)).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(DataError, match="expected a whole parquet file at"):
        read_columns(str(tmp_path / "cut.parquet"), [])
    uneven = parquet(tmp_path / "u.parquet", logits=[[1.0, 2.0], [1.0]])
    with pytest.raises(DataError, match=r"expected lists of one length in logits of .*, found several"):
        read_outputs(uneven, None)
    absent = parquet(tmp_path / "n.parquet", id=["a", None], label=[0, 1])
    with pytest.raises(
        DataError, match=r"expected text or numbers in id of .*, found other or missing values"
    ):
        read_columns(absent, [])


def test_parquet_without_its_package_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named."""

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("kdaudit.installed.import_module", missing)
    with pytest.raises(DataError, match="expected the package pyarrow for") as caught:
        read_columns(str(tmp_path / "a.parquet"), [])
    assert "pip install 'kdaudit[parquet]'" == caught.value.hint
