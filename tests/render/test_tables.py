"""Tables that spreadsheets and notebooks read back: nothing runs, nothing is lost, what is missing is said."""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import RenderError, SpecError
from kdaudit.render.tables import require_table, write_table

IDS = ("plain", "a,b", 'say "so"', "two\nlines", "=HYPERLINK(0)", "-1", "猫")
COLUMNS = {
    "id": np.array(IDS),
    "label": np.arange(7),
    "surprise": np.array([0.123456789, 2, 3, 4, 5, 6, -1.5]),
    "share": np.full(7, 0.1, dtype=np.float32),
}


def test_csv_is_quoted_and_runs_no_formula_by_hand(tmp_path: Path) -> None:
    """Commas, quotes and line breaks are quoted; a formula becomes text; numbers, negative ones too, stay numbers."""
    write_table(COLUMNS, tmp_path / "t.csv", "csv")
    text = (tmp_path / "t.csv").read_bytes().decode()
    assert text.startswith(
        'id,label,surprise,share\nplain,0,0.123457,0.1\n"a,b",1,2,0.1\n"say ""so""",2,3,0.1\n'
    )
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert ["plain", "a,b", 'say "so"', "two\nlines", "'=HYPERLINK(0)", "'-1", "猫"] == [
        r[0] for r in rows[1:]
    ]
    assert "-1.5" == rows[-1][2]


def test_parquet_holds_what_the_columns_held(tmp_path: Path) -> None:
    """Text unchanged, types kept; an empty table keeps them too."""
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(COLUMNS, tmp_path / "t.parquet", "parquet")
    table = parquet.read_table(tmp_path / "t.parquet")
    assert list(COLUMNS) == table.column_names
    assert list(IDS) == table["id"].to_pylist()
    assert COLUMNS["surprise"].tolist() == table["surprise"].to_pylist()
    write_table({name: values[:0] for name, values in COLUMNS.items()}, tmp_path / "0.parquet", "parquet")
    assert table.schema == parquet.read_table(tmp_path / "0.parquet").schema


def test_parquet_without_pyarrow_is_refused_with_the_way_to_get_it_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is computed, and with the extra's name."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    place = tmp_path / "t.parquet"
    for refused in (partial(require_table, "parquet"), partial(write_table, COLUMNS, place, "parquet")):
        with pytest.raises(RenderError, match="expected the package pyarrow for a parquet file") as error:
            refused()
        assert "pip install 'kdaudit[parquet]'" in str(error.value.hint)
    require_table("csv")


def test_another_format_is_refused_invalid(tmp_path: Path) -> None:
    """With those that there are."""
    with pytest.raises(SpecError, match="expected a table format out of csv, parquet; found 'xlsx'"):
        write_table(COLUMNS, tmp_path / "t.xlsx", "xlsx")
