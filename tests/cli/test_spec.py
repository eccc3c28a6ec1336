"""Command line > environment > file > default; wrong keys and values are found at once and named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jsonschema
import pytest

from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.spec import config_schema, option_helps, resolve
from tests.cli.conftest import Cli, check_args
from tests.planted import World

GIVEN = {"teacher": "t.onnx", "students": ["s.onnx"], "data": "d.npz"}


def test_the_command_line_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    """Each layer overrides the one below; [recipe] holds the recipe."""
    (tmp_path / "kdaudit.toml").write_text("controls = 4\nseed = 7\n[recipe]\nlr = 0.5\n")
    specs = resolve({**GIVEN, "seed": 9}, config=None, isolated=False, folder=tmp_path)
    assert (4, 9, 0.5, 5) == (
        specs.audit.controls,
        specs.audit.seed,
        specs.audit.lr,
        specs.audit.random_controls,
    )
    assert tmp_path / "kdaudit.toml" == specs.config


def test_the_nearest_file_upwards_is_read_and_isolated_reads_none(tmp_path: Path) -> None:
    """A pyproject.toml counts only with a [tool.kdaudit] table."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.kdaudit]\ncontrols = 6\n")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert 6 == resolve(GIVEN, config=None, isolated=False, folder=below).audit.controls
    assert 10 == resolve(GIVEN, config=None, isolated=True, folder=below).audit.controls


def test_all_unknown_keys_are_named_with_the_nearest_invalid(tmp_path: Path) -> None:
    """Two wrong keys, one message."""
    (tmp_path / "kdaudit.toml").write_text("contrils = 3\n[recipe]\nepoch = 4\n")
    with pytest.raises(
        SpecError, match=r"contrils.*did you mean controls\?.*recipe\.epoch.*recipe\.epochs\?"
    ):
        resolve(GIVEN, config=None, isolated=False, folder=tmp_path)


def test_a_key_in_the_wrong_table_is_found_in_the_right_one_invalid(tmp_path: Path) -> None:
    """A recipe's key at the top, and the other way round."""
    (tmp_path / "kdaudit.toml").write_text("lr = 0.1\n[recipe]\ncontrols = 4\n")
    with pytest.raises(
        SpecError, match=r"lr .*did you mean recipe\.lr\?.*recipe\.controls .*mean controls\?"
    ) as failure:
        resolve(GIVEN, config=None, isolated=False, folder=tmp_path)
    assert "kdaudit schema config" in str(failure.value.hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("controls = [", "expected TOML in"),
        ("recipe = 3", r"expected a table \[recipe\]"),
        ('controls = "many"', "--controls: .*found 'many'"),
        ('reinsert_bn = "perhaps"', "--reinsert-bn"),
    ],
)
def test_wrong_files_invalid(tmp_path: Path, text: str, message: str) -> None:
    """Broken TOML, wrong tables, types and choices."""
    (tmp_path / "kdaudit.toml").write_text(text)
    with pytest.raises(SpecError, match=message):
        resolve(GIVEN, config=None, isolated=False, folder=tmp_path)


def test_a_named_file_must_be_there_invalid(tmp_path: Path) -> None:
    """--config names a file that does not exist."""
    with pytest.raises(SpecError, match="expected a configuration file at"):
        resolve(GIVEN, config=tmp_path / "none.toml", isolated=False, folder=tmp_path)


def test_every_option_has_help_and_stands_in_the_schema() -> None:
    """No option without help; the JSON Schema of kdaudit.toml knows all of them, and the tables of the policy."""
    schema = config_schema()
    known = {*schema["properties"], *schema["properties"]["recipe"]["properties"]}
    for cls in (AuditSpec, OutputSpec):
        fields = {field.name for field in dataclasses.fields(cls)} - {"teacher", "students"}
        assert fields - {"rules", "limits"} == {name for name, _ in option_helps(cls)}
        assert fields <= known
    jsonschema.validate({"controls": 3, "recipe": {"lr": 0.1}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"contrils": 3}, schema)


def test_the_environment_sets_options(honest: World, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """KDAUDIT_EXIT_ZERO turns an inconclusive audit's exit code into 0; the verdict stays."""
    monkeypatch.setenv("KDAUDIT_EXIT_ZERO", "1")
    ended = cli(*check_args(honest, n=2))
    assert (0, True) == (ended.code, "INCONCLUSIVE" in ended.out)


def test_more_reports_are_written_beside_the_folder(honest: World, cli: Cli, tmp_path: Path) -> None:
    """--report FORMAT=PATH, repeated; -o sends the document to a file and leaves standard output empty."""
    ended = cli(
        *check_args(honest), "--report", "junit=r/j.xml", "--report", "markdown=r/m.md", "-o", "out.txt", "-q"
    )
    assert (0, "") == (ended.code, ended.out)
    assert (tmp_path / "r" / "j.xml").read_text(encoding="utf-8").startswith("<?xml")
    assert (tmp_path / "r" / "m.md").exists()
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").startswith("PASS")


def test_a_saved_audit_renders_again(honest: World, cli: Cli, tmp_path: Path) -> None:
    """`report` gives the page that `check` wrote; a file that is no audit is refused."""
    cli(*check_args(honest), "-q")
    folder = tmp_path / "kdaudit-report" / "student"
    ended = cli("report", str(folder / "audit.json"))
    assert 0 == ended.code
    assert (folder / "report.html").read_text(encoding="utf-8") == ended.out
    (tmp_path / "x.json").write_text('{"verdict": "pass"}')
    refused = cli("report", "x.json")
    assert 4 == refused.code
    assert "expected an audit of kdaudit in x.json" in refused.err
