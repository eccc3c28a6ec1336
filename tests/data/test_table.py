"""Tables: which column is what, and everything that is wrong with one is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, Examples
from kdaudit.data.roles import read_class_names
from kdaudit.errors import DataError, SpecError
from kdaudit.types import ProgressEvent

from .factories import fed, load, save_picture
from .sources import png_bytes


def table(tmp_path: Path, text: str | bytes, name: str = "t.csv") -> Path:
    """A table of this content."""
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def parquet(tmp_path: Path, columns: dict[str, object]) -> Path:
    """A parquet file of these columns."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def read(path: Path, tmp_path: Path, **options: object) -> Examples:
    """With these options."""
    return load(path, tmp_path / "cache", DataOptions(**options))  # type: ignore[arg-type]


def test_numbers_are_joined_in_their_order(tmp_path: Path) -> None:
    """Everything but label, id, group and slices; names of classes are numbered and said, texts are shown."""
    text = "\ufeffid;b;label;a;group;site;text\nr1;1.5;cat;2;g;x;hello\nr2;2.5;ant;3;g;y;you\n"
    examples = read(table(tmp_path, text), tmp_path, slices=("site",))
    np.testing.assert_array_equal([[1.5, 2], [2.5, 3]], fed(examples))
    assert (["r1", "r2"], [1, 0], ("ant", "cat")) == (
        examples.ids.tolist(),
        examples.labels.tolist(),
        examples.class_names,
    )
    assert ("b", "a") == examples.feature_names
    assert ["x", "y"] == examples.columns["site"].tolist()
    assert examples.groups is not None
    assert "hello" == examples.text(0)
    assert "the 2 columns of numbers are one input x, in their order" in examples.assumptions
    said = "classes are numbered by their names in alphabetical order (0 ant, 1 cat)"
    assert any(text.startswith(said) for text in examples.assumptions)


def test_options_name_columns_and_classes(tmp_path: Path) -> None:
    """In any order, and text labels as the models number them."""
    path = table(tmp_path, "a,b,c,kind\n1,2,3,dog\n4,5,6,cat\n")
    examples = read(
        path, tmp_path, input_columns=("c", "a"), label_column="kind", class_names=("dog", "eel", "cat")
    )
    np.testing.assert_array_equal([[3, 1], [6, 4]], fed(examples))
    assert [0, 2] == examples.labels.tolist()


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_row_numbers_of_pandas_are_no_input(tmp_path: Path, index: str) -> None:
    """`to_csv` writes them by default; whoever wants them names them."""
    path = table(tmp_path, f"{index},a,b,label\n0,1,2,0\n1,3,4,1\n")
    examples = read(path, tmp_path)
    np.testing.assert_array_equal([[1, 2], [3, 4]], fed(examples))
    assert any(said.startswith(f"column {index!r} holds row numbers") for said in examples.assumptions)
    wanted = read(path, tmp_path, input_columns=(index, "a"))
    np.testing.assert_array_equal([[0, 1], [1, 3]], fed(wanted))


@pytest.mark.parametrize("written", ["{}.0", "{}.", " {} "])
def test_whole_numbers_are_classes_however_they_are_written(tmp_path: Path, written: str) -> None:
    """What pandas makes of labels with gaps: as names 10.0 would come before 2.0."""
    rows = "".join(f"{i},{written.format(i)}\n" for i in range(12))
    examples = read(table(tmp_path, f"a,label\n{rows}"), tmp_path)
    assert (list(range(12)), ()) == (examples.labels.tolist(), examples.class_names)


def test_fractions_are_no_classes_unless_they_are_named_invalid(tmp_path: Path) -> None:
    """A column to predict, not of classes; versions may be names."""
    path = table(tmp_path, "a,label\n1,3.9\n2,3.10\n")
    with pytest.raises(
        DataError, match=r"expected classes in .*, found the label 3.9 in example 0"
    ) as refused:
        read(path, tmp_path)
    assert refused.value.hint
    assert "list them with --class-names" in refused.value.hint
    assert [0, 1] == read(path, tmp_path, class_names=("3.9", "3.10")).labels.tolist()


def test_lists_are_inputs_of_their_own(tmp_path: Path) -> None:
    """Token numbers stay whole; beside them a list of fractions."""
    rows = [{"input_ids": [5, 6, i], "weights": [0.5, i / 4], "y": i} for i in range(2)]
    examples = read(table(tmp_path, "\n".join(map(json.dumps, rows)), "t.jsonl"), tmp_path)
    assert {"input_ids": np.int64, "weights": np.float32} == {
        name: array.dtype for name, array in examples.stored.items()
    }
    assert "input_ids holds whole numbers: they are given as tokens" in examples.assumptions


def test_parquet_columns_of_every_kind(tmp_path: Path) -> None:
    """Floats, whole numbers, categories, lists; uint8 lists are pixels."""
    pa = pytest.importorskip("pyarrow")
    columns = {
        "x": pa.array([[0, 255], [51, 102]], type=pa.list_(pa.uint8())),
        "label": pa.array(["b", "a"]).dictionary_encode(),
    }
    examples = read(parquet(tmp_path, columns), tmp_path)
    np.testing.assert_allclose(fed(examples), np.array([[0, 1], [0.2, 0.4]]), rtol=1e-6)
    assert [1, 0] == examples.labels.tolist()


def test_a_missing_picture_counts_as_one_that_cannot_be_read(tmp_path: Path) -> None:
    """Named with its path, relative to the table."""
    save_picture(tmp_path / "a.png")
    save_picture(tmp_path / "b.png", seed=1)
    path = table(tmp_path, "path,label\na.png,0\nb.png,1\nnowhere.png,1\n")
    with pytest.raises(DataError, match=r"expected a whole picture in .*nowhere\.png, found: No such file"):
        read(path, tmp_path)
    examples = read(path, tmp_path, max_skipped=1)
    assert ["nowhere.png"] == [skipped.what for skipped in examples.skipped]
    assert ["a.png", "b.png"] == examples.ids.tolist()


def test_progress_counts_rows(tmp_path: Path) -> None:
    """A long table says how far it is."""
    from kdaudit.data import load_data

    events: list[ProgressEvent] = []
    path = table(tmp_path, "a,label\n" + "".join(f"{i},{i % 2}\n" for i in range(3000)))
    load_data(str(path), cache=tmp_path, options=DataOptions(), progress=events.append)
    assert [2048, 3000] == [event.done for event in events]


LATIN = "a,label\n1,Caf\u00e9\n2,x\n".encode("latin-1")
BAD = {
    "utf16": ("a,label\n1,0\n".encode("utf-16"), "expected UTF-8 text in .*, found UTF-16"),
    "binary": (b"\0\1\2", "expected UTF-8 text in .*, found bytes that are no text"),
    "latin": (LATIN, "expected UTF-8 text in .*, found byte 0xe9 in line 2"),
    "empty": (b"", "expected a header row of different names in .*, found ''"),
    "one": (b"label\n1\n", "expected columns of inputs beside 'label' in .*, found label"),
    "twice": (b"a,a,label\n1,2,0\n", "expected a header row of different names in .*, found 'a, a, label'"),
    "short": (b"a,b,label\n1,2,0\n1,2\n", "expected 3 values in line 3 of .*, as in its header, found 2"),
    "quote": (b'a,label\n"1,0\n', "expected a table in .*, found in line 2: unexpected end of data"),
    "header only": (b"a,label\n", "expected at least one example in .*, found none"),
    "no label": (b"a,b\n1,2\n", "expected a column of labels in .*, found a, b"),
    "no input": (b"id,label\n1,2\n", "expected columns of inputs beside 'label' in .*, found id, label"),
    "text": (b"a,label\n1,0\nred,1\n", "expected numbers in column a of .*, found 'red' in example 1"),
    "gap": (b"a,label\n1,0\n,1\n", "expected numbers in column a of .*, found '' in example 1"),
    "nan": (
        b"a,label\n1,0\nnan,1\n",
        "expected finite numbers in x of .*, found a missing or infinite one in example 1",
    ),
    "no class": (b"a,label\n1,\n2,x\n", "expected a label for each example in .*, found none for example 0"),
    "nan class": (
        b"a,label\n1,0\n2,1\n3,nan\n",
        "expected a label for each example in .*, found 'nan' for example 2",
    ),
    "header of one number twice": (
        b"2,2,1\n2,3,0\n",
        "expected a header row of different names in .*, found '2, 2, 1'",
    ),
    "pipes": (
        b"a|label\n1|0\n",
        "expected columns split by commas, semicolons or tabs in .*, found 'a|label'",
    ),
    "json array": (b'[{"a": 1, "label": 0}]', "expected one JSON object a line in .*, found a JSON array"),
    "one class": (b"a,label\n1,x\n2,x\n", "expected at least two classes in .*, found only 0"),
    "alike": (b"a,label\n1,x\n2,x \n", "expected different class names in .*, found 'x' 2 times"),
    "same id": (b"a,label,id\n1,0,r\n2,1,r\n", "expected different ids in .*, found 'r' more than once"),
    "numbers as paths": (
        b'{"path": 1, "label": 0}\n{"path": 2, "label": 1}',
        "expected paths of pictures or sounds in column path of",
    ),
    "no pictures": (b"path,label\n", "expected at least one example in .*, found none"),
    "json": (b'{"a": 1, "label": 0}\n{"a": ', "expected a JSON object in line 2 of .*, found: "),
    "json list": (b'{"a": 1, "label": 0}\n[1]', "expected a JSON object in line 2 of .*, found list"),
    "deep": (b'{"a": 1, "label": 0}\n' + b"[" * 100_000, "expected a JSON object in line 2 of"),
    "key": (
        b'{"a": 1, "label": 0}\n{"a": 2}',
        "expected 'label' in every line of .*, found none in example 1",
    ),
    "null": (
        b'{"a": 1, "label": 0}\n{"a": null, "label": 1}',
        "expected text, numbers or arrays of one shape in a of .*, found NoneType in example 1",
    ),
    "mixed": (b'{"a": 1, "label": 0}\n{"a": "b", "label": 1}', "found str in example 1"),
    "ragged": (
        b'{"a": [1], "label": 0}\n{"a": [1, 2], "label": 1}',
        "expected arrays of one shape in a of .*, found several from example 0 on",
    ),
    "x twice": (
        b'{"x": [1], "a": 1, "label": 0}\n{"x": [2], "a": 1, "label": 1}',
        "expected no column x of arrays beside columns of single numbers",
    ),
    "words": (
        b'{"a": ["u"], "label": 0}\n{"a": ["v"], "label": 1}',
        "expected text, numbers or arrays of one shape in a of .*, found list in example 0",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_tables_that_cannot_be_examples_invalid(content: bytes, message: str, tmp_path: Path) -> None:
    """Each with the file, and the line, column or example."""
    with pytest.raises(DataError, match=message):
        read(table(tmp_path, content), tmp_path)


def test_a_line_without_an_end_invalid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be read into memory whole."""
    monkeypatch.setattr("kdaudit.data.table_files._LONGEST_LINE", 100)
    with pytest.raises(DataError, match=r"found a longer one: line 2"):
        read(table(tmp_path, "a,label\n" + "1" * 200), tmp_path)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (
            [0.5, 1.5],
            "expected int64 in x of .*, as in the first examples, found float64 from example 2048 on",
        ),
        (
            [1, 2, 3],
            r"expected arrays of shape \(2,\) in x of .*, as the first, found \(3,\) from example 2048 on",
        ),
    ],
)
def test_rows_that_change_their_form_far_below_invalid(
    later: list[float], message: str, tmp_path: Path
) -> None:
    """What the first rows are, all must be."""
    rows = [{"x": [1, 2], "label": i % 2} for i in range(2048)] + [{"x": later, "label": 0}]
    with pytest.raises(DataError, match=message):
        read(table(tmp_path, "\n".join(map(json.dumps, rows)), "t.jsonl"), tmp_path)


def test_parquet_that_cannot_be_examples_invalid(tmp_path: Path) -> None:
    """Dates, missing values, lists of several lengths, lists of text, and a file that was cut."""
    pa = pytest.importorskip("pyarrow")
    for column, message in (
        (pa.array([1, 2], type=pa.timestamp("s")), r"found timestamp\[\w+\]"),
        (pa.array([1, None]), "expected a value in each row of column x of .*, found none in example 1"),
        (
            pa.array([[1], [1, 2]]),
            "expected lists of one length in column x of .*, found several from example 0",
        ),
        (
            pa.array([{"a": 1}, {"a": 2}]),
            "expected numbers, text or lists of numbers in column x of .*, found struct",
        ),
    ):
        with pytest.raises(DataError, match=message):
            read(parquet(tmp_path, {"x": column, "label": [0, 1]}), tmp_path)
    path = parquet(tmp_path, {"x": [1, 2], "label": [0, 1]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="expected a whole parquet file at"):
        read(path, tmp_path)


def test_a_row_without_a_picture_is_one_that_cannot_be_read(tmp_path: Path) -> None:
    """In a parquet file of pictures."""
    pa = pytest.importorskip("pyarrow")
    pictures = pa.array([png_bytes(0), png_bytes(1), None], type=pa.binary())
    path = parquet(tmp_path, {"image": pictures, "label": [0, 1, 1]})
    with pytest.raises(
        DataError, match=r"expected a whole picture in row 2 of .*, found: no bytes in this row"
    ):
        read(path, tmp_path)
    assert 2 == len(read(path, tmp_path, max_skipped=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_columns": ("q",)}, "expected a column 'q' in .*, found a, label"),
        ({"label_column": "q"}, "expected a column 'q' in .*, found a, label"),
        ({"input_columns": ("a",), "label_column": "a"}, "expected the label column 'a' to be no input"),
        ({"image_size": 8}, "expected no --image-size with .*, found 8"),
    ],
)
def test_options_that_do_not_fit_invalid(options: dict[str, object], message: str, tmp_path: Path) -> None:
    """Before the rows are read."""
    with pytest.raises(SpecError, match=message):
        read(table(tmp_path, "a,label\n1,0\n2,1\n"), tmp_path, **options)


def test_class_names_are_lines(tmp_path: Path) -> None:
    """In the order of the outputs."""
    assert ("b", "a c") == read_class_names(str(table(tmp_path, "b\na c\n\n", "names.txt")))


@pytest.mark.parametrize("content", [b"", b"a\n", b"a\na\n", b"a\n\nb\n"])
def test_class_names_that_are_none_invalid(content: bytes, tmp_path: Path) -> None:
    """Fewer than two, one twice, an empty line between."""
    with pytest.raises(SpecError, match="expected two or more different class names in"):
        read_class_names(str(table(tmp_path, content, "names.txt")))
    with pytest.raises(SpecError, match="expected a text file of class names at"):
        read_class_names(str(tmp_path / "nowhere.txt"))


def test_a_table_that_is_gone_invalid(tmp_path: Path) -> None:
    """Between the question what it is and reading it."""
    from kdaudit.data.table_files import open_table

    with pytest.raises(DataError, match=r"expected a table at .*, found: No such file"):
        open_table(tmp_path / "nowhere.csv")
