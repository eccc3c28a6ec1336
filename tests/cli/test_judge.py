"""`judge` and `predict` on the command line: lists as shells write them, exit codes, documents, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Cli, process
from tests.planted import World
from tests.predictions import SavedWorld, saved_world


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> SavedWorld:
    """A student that repeats half of its teacher's answers."""
    return saved_world(tmp_path_factory.mktemp("copied"), copied=0.5)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> SavedWorld:
    """A student that is one more control."""
    return saved_world(tmp_path_factory.mktemp("honest"), n=3000)


def test_processes_end_with_the_verdict_or_one_line(copied: SavedWorld, tmp_path: Path) -> None:
    """1 for a fail; 4 for a file that is not there, with a hint and never a traceback."""
    failed = process(*copied.judge_args, cwd=tmp_path)
    assert (1, "") == (failed.returncode, failed.stderr)
    assert failed.stdout.startswith("FAIL: The student has taken over its teacher’s mistakes.")
    missing = process(*copied.judge_args, "--labels", "nowhere.csv", cwd=tmp_path)
    assert (4, "") == (missing.returncode, missing.stdout)
    lines = missing.stderr.splitlines()
    assert "kdaudit: expected saved predictions at nowhere.csv, found: No such file or directory" == lines[0]
    assert (2, True) == (len(lines), lines[1].startswith("hint: "))


def test_exit_codes_are_those_of_check(cli: Cli, copied: SavedWorld, honest: SavedWorld) -> None:
    """0 pass; 3 where nobody says that the controls match; 2 for what contradicts; --exit-zero is explicit."""
    assert 0 == cli(*honest.judge_args).code
    unmatched = cli(*honest.judge_args[:-2])
    assert 3 == unmatched.code
    assert "--controls-matched" in unmatched.out
    assert 0 == cli(*copied.judge_args, "--exit-zero").code
    said = cli(*copied.judge_args, "--outputs", "probs")
    assert 2 == said.code
    assert "as --outputs says, found logits" in said.err


def test_lists_are_read_up_to_the_next_option(cli: Cli, copied: SavedWorld) -> None:
    """--control a b c, --control=a b c and --control a --control b --control c are one."""
    files = copied.paths("control")
    before = ["judge", "--teacher", copied.path("teacher"), "--student", copied.path("student")]
    forms = (
        ["--control", *files],
        [f"--control={files[0]}", *files[1:]],
        [part for path in files for part in ("--control", path)],
    )
    documents = []
    for form in forms:
        ended = cli(*before, *form, "--controls-matched", "yes", "-f", "json")
        assert 1 == ended.code
        documents.append(json.loads(ended.out)["kappa_W"])
    assert documents[0] == documents[1] == documents[2]


def test_a_value_of_no_option_is_refused(cli: Cli, copied: SavedWorld) -> None:
    """A teacher is one file: a second value after it is nobody's."""
    ended = cli("judge", "--teacher", copied.path("teacher"), copied.path("another"))
    assert 2 == ended.code
    assert "unexpected extra argument" in ended.err


@pytest.mark.parametrize("left_out", ["teacher", "student"])
def test_teacher_and_student_are_needed(cli: Cli, copied: SavedWorld, left_out: str) -> None:
    """The hint shows a whole command."""
    given = "student" if left_out == "teacher" else "teacher"
    ended = cli("judge", f"--{given}", copied.path(given))
    assert 2 == ended.code
    assert f"found no --{left_out}" in ended.err
    assert "hint: kdaudit judge --teacher T.npz" in ended.err


def test_policy_reports_and_baseline_are_those_of_check(cli: Cli, copied: SavedWorld, tmp_path: Path) -> None:
    """[rules], waivers, --report and --baseline work on given predictions as on models."""
    Path("kdaudit.toml").write_text('[rules]\nKD201 = "warn"\n', encoding="utf-8")
    assert 0 == cli(*copied.judge_args, "--report", "junit=j.xml").code
    assert Path("j.xml").exists()
    saved = Path("kdaudit-report/student")
    assert {"audit.json", "examples.npz", "inherited.csv", "report.html"} == {
        path.name for path in saved.iterdir()
    }
    saved.rename(tmp_path / "old")
    again = cli(*copied.judge_args, "--baseline", str(tmp_path / "old"), "-f", "json")
    assert 0.0 == pytest.approx(json.loads(again.out)["baseline"]["rise"]["estimate"], abs=1e-9)


def test_predictions_are_saved_as_judge_reads_them(cli: Cli, copier: World) -> None:
    """Predict for each model, then judge: the share of check, and its exit code."""
    for name in ("teacher", "student", *(f"control{k}" for k in range(3))):
        assert 0 == cli("predict", copier.path(name), "--data", copier.data, "-o", f"{name}.npz", "-q").code
    ended = cli("predict", copier.path("teacher"), "--data", copier.data, "-o", "teacher.npz")
    assert ("", "teacher.npz: 1,500 examples, 5 classes") == (ended.out, ended.err.splitlines()[-1])
    with np.load("teacher.npz") as saved:
        assert {"logits", "ids", "labels"} == set(saved.files)
        assert np.float32 == saved["logits"].dtype
    given = ("--control", *(f"control{k}.npz" for k in range(3)), "--controls-matched", "yes")
    judged = cli("judge", "--teacher", "teacher.npz", "--student", "student.npz", *given)
    controls = [part for k in range(3) for part in ("--control", copier.path(f"control{k}"))]
    checked = cli(
        "check", copier.path("teacher"), copier.path("student"), "--data", copier.data, *controls, "-q"
    )
    assert (1, 1) == (judged.code, checked.code)
    assert judged.out.splitlines()[3:6] == checked.out.splitlines()[3:6]


def test_predict_needs_a_place_and_a_model(cli: Cli, copier: World) -> None:
    """Both errors say what to add; nothing is written."""
    ended = cli("predict", copier.path("student"), "--data", copier.data)
    assert 2 == ended.code
    assert "expected a file to save the predictions in, found none" in ended.err
    assert 4 == cli("predict", "nowhere.onnx", "--data", copier.data, "-o", "p.npz").code
    assert not Path("p.npz").exists()


def test_what_was_decided_while_data_was_read_is_said(cli: Cli, copier: World) -> None:
    """There is no report that would say it: here how names of classes were numbered; -q is silent."""
    with np.load(copier.data) as found:
        n_features, labels = found["x"].shape[1], found["y"]
        rows = [",".join([*map(str, x), f"kind-{y}"]) for x, y in zip(found["x"], labels, strict=True)]
    header = ",".join([*(f"f{i}" for i in range(n_features)), "label"])
    Path("t.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    ended = cli("predict", copier.path("student"), "--data", "t.csv", "-o", "p.npz")
    assert 0 == ended.code, ended.err
    said = "t.csv: classes are numbered by their names in alphabetical order (0 kind-0, 1 kind-1"
    assert any(line.startswith(said) for line in ended.err.splitlines())
    assert "" == cli("predict", copier.path("student"), "--data", "t.csv", "-o", "p.npz", "-q").err


def test_predictions_without_an_output_for_each_label_are_refused(cli: Cli, copier: World) -> None:
    """A model of five classes on data of more: nobody could judge the file."""
    data = dict(np.load(copier.data))
    np.savez("more.npz", **{**data, "y": data["y"] + 2})
    ended = cli("predict", copier.path("student"), "--data", "more.npz", "-o", "p.npz")
    assert 2 == ended.code
    assert (
        "expected labels from 0 to 4 (the model has 5 outputs), found labels up to 6 in more.npz" in ended.err
    )
    assert not Path("p.npz").exists()
    names = ["Cat", "cat", "dog", "emu", "fox", "gnu"]
    np.savez("case.npz", **{**data, "y": np.arange(len(data["y"])) % 6, "class_names": names})
    ended = cli("predict", copier.path("student"), "--data", "case.npz", "-o", "p.npz")
    assert (2, True) == (ended.code, "differ only by case" in ended.err), "what made one class too many"


def test_groups_class_names_and_slices_are_saved_too(cli: Cli, copier: World, tmp_path: Path) -> None:
    """What the data knows reaches the file; --limit saves its subset with the ids of the whole."""
    data = dict(np.load(copier.data))
    n = len(data["y"])
    data |= {"groups": np.arange(n) // 3, "class_names": np.array([*"abcde"]), "site": np.array(["x"] * n)}
    np.savez(tmp_path / "eval.npz", **data)
    args = ("--data", str(tmp_path / "eval.npz"), "--slice", "site", "--limit", "300", "-o", "p.npz", "-q")
    assert 0 == cli("predict", copier.path("student"), *args).code
    with np.load("p.npz") as saved:
        assert (300, 5) == saved["logits"].shape
        assert [*"abcde"] == saved["class_names"].tolist()
        assert ["x"] * 300 == saved["site"].tolist()
        assert (saved["ids"].astype(int) // 3).tolist() == saved["groups"].tolist()
