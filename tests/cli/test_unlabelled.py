"""`--unlabelled` on the command line, in the environment and in a configuration: never a pass, always said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import kdaudit.demo_data
from kdaudit.cli.demo import _RECIPE
from tests.planted import World

from .conftest import Cli, control_options

DEMO = Path(kdaudit.demo_data.__file__).parent


def field(data: Path, folder: Path) -> Path:
    """The same inputs without labels."""
    with np.load(data) as arrays:
        np.savez(folder / "field.npz", x=arrays["x"])
    return folder / "field.npz"


def check(world: World, data: Path) -> list[str]:
    """An audit of the world's student on other data."""
    models = [world.path("teacher"), world.path("student")]
    return ["check", *models, "--data", str(data), *control_options(world)]


def test_an_audit_without_labels_ends_with_3(cli: Cli, honest: World, tmp_path: Path) -> None:
    """Of an honest student, too; the last line says inconclusive."""
    command = check(honest, field(Path(honest.data), tmp_path))
    refused = cli(*command)
    assert 4 == refused.code
    assert "expected labels y in" in refused.err
    assert "to compare answers alone, say --unlabelled" in refused.err
    ended = cli(*command, "--unlabelled")
    assert 3 == ended.code
    assert ended.out.startswith("INCONCLUSIVE: Without labels it cannot be said whether")
    assert ended.out.splitlines()[-1].startswith("INCONCLUSIVE (student.onnx)")
    folder = tmp_path / "kdaudit-report" / "student"
    assert not json.loads((folder / "audit.json").read_text(encoding="utf-8"))["data"]["has_labels"]
    assert "id\n" == (folder / "inherited.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("way", ["environment", "configuration"])
def test_it_may_be_said_elsewhere(
    cli: Cli, honest: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """As every option."""
    if way == "environment":
        monkeypatch.setenv("KDAUDIT_UNLABELLED", "1")
    else:
        (tmp_path / "kdaudit.toml").write_text("unlabelled = true\n", encoding="utf-8")
    assert 3 == cli(*check(honest, field(Path(honest.data), tmp_path)), "-f", "json").code


def test_labels_that_are_there_are_4(cli: Cli, honest: World) -> None:
    """Nobody loses them by an option."""
    ended = cli(*check(honest, Path(honest.data)), "--unlabelled")
    assert 4 == ended.code
    assert "leave out --unlabelled: labels that are there are never ignored" in ended.err


@pytest.mark.parametrize("preset", ["default", "lenient", "margins", "strict"])
def test_exit_zero_and_presets_make_no_pass(cli: Cli, honest: World, tmp_path: Path, preset: str) -> None:
    """The exit code may be silenced; the verdict is what it is, in every document."""
    documents = ["--report", "metrics=m.json", "--report", "badge=b.svg", "--report", "junit=j.xml"]
    command = check(honest, field(Path(honest.data), tmp_path))
    ended = cli(*command, "--unlabelled", "--exit-zero", "--preset", preset, *documents)
    assert 0 == ended.code
    assert "INCONCLUSIVE" in ended.out
    assert 0 == json.loads((tmp_path / "m.json").read_text(encoding="utf-8"))["kdaudit/passed"]
    assert "INCONCLUSIVE" in (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "<error" in (tmp_path / "j.xml").read_text(encoding="utf-8")
    assert 3 == cli("verify", "kdaudit-report/student/audit.json").code


def test_predictions_without_labels_are_judged(cli: Cli, honest: World, tmp_path: Path) -> None:
    """`predict --unlabelled`, then `judge --unlabelled`."""
    data = str(field(Path(honest.data), tmp_path))
    for name in ("teacher", "student", "control0", "control1", "control2"):
        made = cli("predict", honest.path(name), "--data", data, "--unlabelled", "-o", f"{name}.npz")
        assert 0 == made.code, made.err
    command = ["judge", "--teacher", "teacher.npz", "--student", "student.npz", "--controls-matched", "same"]
    command += ["--control", "control0.npz", "control1.npz", "control2.npz"]
    assert 4 == cli(*command).code
    assert 3 == cli(*command, "--unlabelled").code


def test_plan_needs_labels(cli: Cli, honest: World, tmp_path: Path) -> None:
    """It counts errors; what would be trained, check says."""
    data = str(field(Path(honest.data), tmp_path))
    models = [honest.path("teacher"), honest.path("student")]
    ended = cli("plan", *models, "--data", data, "--unlabelled")
    assert 2 == ended.code
    assert "expected labels to plan by, found --unlabelled" in ended.err


@pytest.mark.slow
def test_the_demo_without_labels_has_the_transfer_of_the_demo(cli: Cli, tmp_path: Path) -> None:
    """Both students: the same distances and p to the last digit, from the same controls, and no verdict."""
    recipe = {**_RECIPE, "epochs": "4"}
    (tmp_path / "demo.toml").write_text(
        "[recipe]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in recipe.items()),
        encoding="utf-8",
    )
    data = field(DEMO / "eval.npz", tmp_path)
    few = ["--controls", "3", "--random-controls", "3", "--positive-controls", "0", "--config", "demo.toml"]
    for student in ("student-distilled", "student-honest"):
        models = [str(DEMO / "teacher.onnx"), str(DEMO / f"{student}.onnx")]
        given = ["check", *models, "--train-data", str(DEMO / "train.npz"), *few]
        cli(*given, "--data", str(DEMO / "eval.npz"), "--report-dir", "labelled")
        ended = cli(*given, "--data", str(data), "--unlabelled", "--report-dir", "field")
        assert 3 == ended.code
        assert "all 6 are kept from an earlier run" in ended.err
        labelled, found = (
            json.loads((tmp_path / run / student / "audit.json").read_text(encoding="utf-8"))
            for run in ("labelled", "field")
        )
        assert labelled["transfer"] == found["transfer"]
        assert labelled["data"]["class_names"] == found["data"]["class_names"]
        assert {None} == {found[name] for name in ("kappa_W", "kappa_R", "rrr", "n_W", "inherited", "ece")}
        assert all(model["accuracy"] is None for model in found["models"])
        assert "not_judged" == next(row["outcome"] for row in found["rules"] if row["id"] == "KD201")
