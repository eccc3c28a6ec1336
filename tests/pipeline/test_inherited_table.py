"""The complete list of inherited errors, as a table."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from kdaudit.cli.documents import check_writable, write_documents
from kdaudit.errors import RenderError, SpecError
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.pipeline.audit import audit
from kdaudit.pipeline.judged import Audited
from tests.planted import World, flawed_world


def audited(world: World, **options: object) -> Audited:
    """The audit of a world's student against its ready-made controls."""
    spec = AuditSpec(
        teacher=world.path("teacher"),
        students=(world.path("student"),),
        data=world.data,
        control=tuple(world.controls),
        cache=False,
        workers=0,
        **options,  # type: ignore[arg-type]
    )
    (found,) = audit(spec)
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_all_inherited_errors_stand_in_the_files_planted(tmp_path: Path) -> None:
    """Of several hundred none is left out, whatever the gallery shows; answers and names are those of the models."""
    n = 1500
    light = np.where(np.arange(n) % 2, "=night", "day")
    names = np.array(["ant", "bee", "cat", "dog", "eel"])
    world = flawed_world(
        tmp_path / "w", n=n, copied=0.9, light=light, class_names=names, groups=np.arange(n) // 2
    )
    found = audited(world, slice=("light",), max_examples=3)
    output = OutputSpec(
        report_dir=str(tmp_path / "out"),
        report=(f"csv={tmp_path / 'more.csv'}", f"parquet={tmp_path / 'more.parquet'}"),
    )
    write_documents([found], output, shown=lambda _audited, _path: "")
    rows = rows_of(tmp_path / "out" / "student" / "inherited.csv")
    record = found.result.inherited
    assert record is not None
    assert record.n == len(rows) > 100
    assert [example.id for example in record.examples] == [row["id"] for row in rows[:3]]
    surprises = [float(row["surprise"]) for row in rows]
    assert sorted(surprises, reverse=True) == surprises
    assert found.labels is not None
    for row in rows[:20]:
        i = int(row["id"])
        assert found.labels[i] == int(row["label"])
        assert names[int(row["label"])] == row["label_name"]
        assert row["teacher_answer"] == row["student_answer"] != row["label"]
        assert found.answers[0, i] == int(row["teacher_answer"])
        assert names[found.answers[0, i]] == row["student_answer_name"]
        assert found.answers[11, i] == int(row["independent_9_answer"])
        assert 0.5 < float(row["independent_9_confidence"]) <= 1
        assert ("0", str(i // 2)) == (row["n_controls_agreeing"], row["group"])
        assert {"day": "day", "=night": "'=night"}[light[i]] == row["slice:light"]
    assert rows == rows_of(tmp_path / "more.csv")
    parquet = pytest.importorskip("pyarrow.parquet")
    assert [row["id"] for row in rows] == parquet.read_table(tmp_path / "more.parquet")["id"].to_pylist()


def test_without_a_list_only_the_columns_stand_undefined(tmp_path: Path) -> None:
    """Two controls: a header and no row, so that nothing of an earlier audit stays."""
    world = flawed_world(tmp_path / "w", copied=0.9)
    output = OutputSpec(report_dir=str(tmp_path / "out"))
    path = tmp_path / "out" / "student" / "inherited.csv"
    for world_, n_controls in ((world, 10), (flawed_world(tmp_path / "few", copied=0.9, n_controls=2), 2)):
        found = audited(world_)
        write_documents([found], output, shown=lambda _audited, _path: "")
        assert (n_controls > 2) == bool(rows_of(path))
    assert path.read_text(encoding="utf-8").startswith(
        "id,label,label_name,n_controls_agreeing,surprise,teacher_answer,"
    )


def test_formats_are_checked_before_anything_is_trained_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown one, and parquet without its package."""
    place = str(tmp_path / "out")
    with pytest.raises(SpecError, match=r"with a format of json, .*, csv, parquet, found 'xls=a'"):
        check_writable(OutputSpec(report_dir=place, report=("xls=a",)))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(RenderError, match="expected the package pyarrow"):
        check_writable(OutputSpec(report_dir=place, report=(f"parquet={tmp_path / 'a'}",)))
