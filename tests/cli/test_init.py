"""`kdaudit init`: a configuration that is accepted as written and with all of it set, and workflows that are valid."""

from __future__ import annotations

import re
import shutil
import tomllib
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml

from kdaudit.cli.main import app
from kdaudit.cli.starter import STARTERS, starter_toml, starter_workflow
from kdaudit.controls import RECIPES
from kdaudit.controls.epochs import BUDGETS
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.spec import Specs, config_schema, option_helps, resolve
from tests.cli.conftest import Cli, check_args
from tests.planted import World
from tests.test_ci_files import ROOT, checked

GIVEN = {"teacher": "t.onnx", "students": ["s.onnx"], "data": "d.npz"}
STATED = {"data": "eval.npz", "train_data": "train data.npz"}
# Keys that one may uncomment; sentences have a blank after their "#".
KEY = re.compile(r"^#(?=[\w\[])", re.MULTILINE)
# What a single run says, and no project.
OF_A_RUN = {"dry_run", "exit_zero", "output", "log_file", "progress", "color"}


def resolved(folder: Path, text: str) -> Specs:
    """The specs of a run in a folder with this configuration."""
    (folder / "kdaudit.toml").write_text(text, encoding="utf-8")
    return resolve(GIVEN, config=None, isolated=False, folder=folder)


def test_what_is_written_changes_nothing_but_what_was_stated(tmp_path: Path) -> None:
    """Everything else is commented."""
    specs = resolved(tmp_path, starter_toml(STATED))
    assert (
        AuditSpec(teacher="t.onnx", students=("s.onnx",), data="d.npz", train_data="train data.npz")
        == specs.audit
    )
    assert OutputSpec() == specs.output
    assert STATED == {k: v for k, v in tomllib.loads(starter_toml(STATED)).items() if v}


def test_everything_may_be_uncommented(tmp_path: Path) -> None:
    """Every option of options.py stands there once, at its default where it has one, and all are accepted."""
    text = KEY.sub("", starter_toml({}))
    specs = resolved(tmp_path, text)
    document = tomllib.loads(text)
    default, schema = AuditSpec(**{**GIVEN, "students": ("s.onnx",)}), config_schema()  # type: ignore[arg-type]
    for cls, found, plain in ((AuditSpec, specs.audit, default), (OutputSpec, specs.output, OutputSpec())):
        for name, _ in option_helps(cls):
            if name in OF_A_RUN:
                assert name not in document
                continue
            assert name in document or name in document["recipe"], name
            if name != "waivers" and getattr(plain, name) not in (None, (), "d.npz"):
                assert getattr(plain, name) == getattr(found, name), name
    assert 1 == len(specs.audit.waivers)
    assert specs.audit.waivers[0].expires > date.today()
    assert set(schema["properties"]["limits"]["properties"]) == set(document["limits"])
    document["waivers"][0]["expires"] = str(document["waivers"][0]["expires"])
    jsonschema.validate(document, schema)


def test_comments_are_the_helps_of_the_options() -> None:
    """Each in full, so that they cannot be stale."""
    said = " ".join(line.removeprefix("# ") for line in starter_toml({}).splitlines())
    for cls in (AuditSpec, OutputSpec):
        for name, help_ in option_helps(cls):
            assert help_.text in said or name in OF_A_RUN | {"waivers"}, name


def test_it_says_what_is_assumed_of_a_recipe_that_is_not_stated() -> None:
    """As the trainer has it, by family, in the file and on the page about recipes."""
    written = starter_toml({})
    page = (ROOT / "docs" / "how-to" / "recipe.md").read_text(encoding="utf-8")
    for family, of in RECIPES.items():
        said = f"{of.optimizer}, lr {of.lr:g}, weight_decay {of.weight_decay:g}, batch_size {of.batch_size}"
        assert f"#   {family}: {said}\n" in written
        row = f"| {family} | {of.optimizer} | {of.lr:g} | {of.weight_decay:g} | {of.batch_size} | {of.schedule} |\n"
        assert row in page
        assert f"| {of.alpha:g} and {of.temperature:g}. " in page
        assert (0, "none") == (of.label_smoothing, of.augment)
    assert f"for {', '.join(map(str, BUDGETS))} epochs" in page


@pytest.mark.parametrize(
    ("ci", "path", "schema"),
    [
        ("github", ".github/workflows/kdaudit.yml", "vendor.github-workflows"),
        ("gitlab", ".gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_a_workflow_is_valid_and_names_the_models(cli: Cli, ci: str, path: str, schema: str) -> None:
    """By the schema of its service; names with blanks and quotes stay names."""
    ended = cli(
        "init", "models/the teacher.onnx", 'a"b.onnx', "--data", "e.npz", "--train-data", "t.npz", "--ci", ci
    )
    assert 0 == ended.code, ended.err
    assert f"wrote kdaudit.toml\nwrote {path}\n" in ended.out
    assert "set data" not in ended.out
    checked(schema, Path(path))
    document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    job = document["jobs"]["audit"]["env"] if ci == "github" else document["kdaudit"]["variables"]
    assert ("models/the teacher.onnx", 'a"b.onnx') == (job["TEACHER"], job["STUDENT"])
    steps = str(document["jobs"]["audit"]["steps"] if ci == "github" else document["kdaudit"]["script"])
    assert 1 == steps.count('pip install "$PACKAGE"')
    assert "kdaudit" == job["PACKAGE"]
    assert "@" not in re.sub(r"@v\d", "", Path(path).read_text(encoding="utf-8")), "no placeholder is left"


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
def test_a_workflow_calls_what_there_is(name: str) -> None:
    """Every option of its commands is one, and it neither shows pictures nor changes the exit code."""
    text = "\n".join(
        line for line in starter_workflow(name, {}).splitlines() if not line.lstrip().startswith("#")
    )
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {
        flag
        for command in (commands["check"], commands["cache"].commands["prune"])
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
    used = set(re.findall(r"(?<= )--?[a-z][a-z-]*(?= )", text))
    assert used - {"-m", "-c1-16"} <= known | {"-f", "-c"}
    assert {"--no-images", "--cache-dir", "--time-limit", "--report", "--log-file"} <= used
    assert "exit-zero" not in text
    assert "junit=" in text


def test_the_written_configuration_audits(cli: Cli, honest: World) -> None:
    """`check` reads it from there."""
    shutil.copy(honest.data, "eval.npz")
    assert 0 == cli("init", "--data", "eval.npz", "--ci", "none").code
    arguments = check_args(honest)
    position = arguments.index("--data")
    assert 0 == cli(*arguments[:position], *arguments[position + 2 :], "-q").code


def test_the_service_is_that_of_the_repository(cli: Cli, tmp_path: Path) -> None:
    """Its files first, then its remote, else GitHub."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text('[remote "origin"]\n\turl = git@gitlab.example.org:a/b.git\n')
    assert "wrote .gitlab-ci.yml" in cli("init").out
    Path("kdaudit.toml").unlink()
    Path(".gitlab-ci.yml").unlink()
    Path(".github").mkdir()
    assert "wrote .github/workflows/kdaudit.yml" in cli("init").out
    shutil.rmtree(".github")
    shutil.rmtree(".git")
    assert "wrote .github/workflows/kdaudit.yml" in cli("init", "--force").out


def test_a_pipeline_that_is_there_is_left_alone(cli: Cli) -> None:
    """Ours goes beside it, with what to include; not even --force touches it."""
    Path(".gitlab-ci.yml").write_text("build: {script: make}\n")
    for options in ([], ["--force"]):
        ended = cli("init", *options)
        assert 0 == ended.code, ended.err
        assert "wrote kdaudit.gitlab-ci.yml" in ended.out
        assert (
            "add to your .gitlab-ci.yml:\n\n    include:\n      - local: kdaudit.gitlab-ci.yml\n" in ended.out
        )
        assert "build: {script: make}\n" == Path(".gitlab-ci.yml").read_text()
    checked("vendor.gitlab-ci", Path("kdaudit.gitlab-ci.yml"))


def test_nothing_is_overwritten_unless_it_is_said_invalid(cli: Cli) -> None:
    """Exit 2, and neither file is touched."""
    Path("kdaudit.toml").write_text("seed = 7\n")
    ended = cli("init", "--ci", "github")
    assert 2 == ended.code
    assert "expected no kdaudit.toml here, found one" in ended.err
    assert "hint: --force overwrites it" in ended.err
    assert "seed = 7\n" == Path("kdaudit.toml").read_text()
    assert not Path(".github").exists()
    assert 0 == cli("init", "--force", "--ci", "none").code
    assert "#seed = 0" in Path("kdaudit.toml").read_text()


def test_workflows_are_for_the_root_invalid(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below it the services would not read them; the configuration may lie anywhere."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    ended = cli("init")
    assert 2 == ended.code
    assert f"expected the root of a repository, found a folder below {tmp_path}" in ended.err
    assert f"hint: cd {tmp_path}, or write kdaudit.toml alone with --ci none" in ended.err
    assert 0 == cli("init", "--ci", "none").code


def test_what_is_left_to_do_is_said(cli: Cli) -> None:
    """Data and models that were not named, and what git should ignore."""
    out = cli("init", "--ci", "github").out
    assert "next: set data and train_data in kdaudit.toml\n" in out
    assert "next: name your teacher and student in the workflow\n" in out
    assert "next: say in the workflow, as PACKAGE, where pip finds kdaudit\n" in out
    assert "next: state under [recipe] how the student was trained, at least its epochs" in out
    assert "next: let git ignore .kdaudit-cache/ and kdaudit-report/\n" in out


def test_a_folder_of_training_data_is_hashed_by_its_files(tmp_path: Path) -> None:
    """The name of the cache depends on them."""
    document = yaml.safe_load(starter_workflow("github.yml", {"train_data": str(tmp_path)}))
    assert f"{tmp_path}/**" == document["jobs"]["audit"]["env"]["TRAIN_FILES"]


def test_each_starter_is_used() -> None:
    """No other file lies there."""
    assert ["github.yml", "gitlab.yml"] == sorted(path.name for path in STARTERS.iterdir())
