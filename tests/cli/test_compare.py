"""`kdaudit compare` and `kdaudit check --baseline`, from models to exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from kdaudit.schema import AuditResult, ComparisonResult
from kdaudit.types import Int64
from tests.cli.conftest import Cli, control_options
from tests.planted import World, logits_of, write_world

N, N_CLASSES = 5000, 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A flawed teacher, two honest students, one that copies less than what fails, and one that copies half."""
    rng = np.random.default_rng(5)
    labels = rng.integers(N_CLASSES, size=N)

    def noisy() -> Int64:
        shifted = (labels + rng.integers(1, N_CLASSES, size=N)) % N_CLASSES
        return np.where(rng.random(N) < 0.3, shifted, labels)

    teacher = noisy()
    shares = {"honest": 0.0, "other": 0.0, "slight": 0.08, "copier": 0.5}
    answers = {"teacher": teacher} | {
        name: np.where(rng.random(N) < share, teacher, noisy()) for name, share in shares.items()
    }
    answers |= {f"control{k}": noisy() for k in range(10)}
    logits = {name: logits_of(a, N_CLASSES, rng) for name, a in answers.items()}
    return write_world(tmp_path_factory.mktemp("compare"), labels, logits)


def check(world: World, student: str, *more: str) -> list[str]:
    """`kdaudit check` of one student against all controls."""
    models = [world.path("teacher"), world.path(student)]
    return ["check", *models, "--data", world.data, *control_options(world), "-q", *more]


def test_a_rise_that_passes_by_itself_fails_against_the_baseline_planted(cli: Cli, world: World) -> None:
    """Exit 0 alone, exit 1 with the baseline, and both documents and the page say why."""
    assert 0 == cli(*check(world, "honest")).code
    alone = cli(*check(world, "slight"))
    assert 0 == alone.code, alone.out
    compared = cli("compare", "kdaudit-report/honest", "kdaudit-report/slight/audit.json")
    assert (1, True) == (compared.code, compared.out.startswith("REGRESSION: "))
    assert "The verdict is PASS, as before." in compared.out
    gated = cli(*check(world, "slight", "--baseline", "kdaudit-report/honest", "--report-dir", "gated"))
    assert 1 == gated.code
    assert "KD205  The share of the teacher’s errors taken over went from" in gated.out
    folder = Path("gated/slight")
    audit = AuditResult.model_validate_json((folder / "audit.json").read_text(encoding="utf-8"))
    assert audit.baseline is not None
    assert ("regression", "fail", "honest.onnx") == (
        audit.baseline.outcome,
        audit.verdict.value,
        audit.baseline.before.students[0],
    )
    assert ["KD205"] == [rule.id for rule in audit.rules if rule.outcome.value == "fail"]
    assert "Since the earlier audit (honest.onnx" in (folder / "report.html").read_text(encoding="utf-8")
    saved = json.loads(cli("compare", "kdaudit-report/honest", "gated", "-f", "json").out)
    gate = audit.baseline.model_dump(mode="json")
    assert gate == {name: saved[name] for name in gate}


def test_another_honest_student_passes_against_the_baseline_null(cli: Cli, world: World) -> None:
    """Exit 0 both ways; the same student, too."""
    assert 0 == cli(*check(world, "honest")).code
    for student in ("other", "honest"):
        ended = cli(*check(world, student, "--baseline", "kdaudit-report/honest", "--report-dir", "again"))
        assert 0 == ended.code, ended.out
        shown = cli("compare", "kdaudit-report/honest", f"again/{student}", "-f", "json")
        jsonschema.validate(json.loads(shown.out), ComparisonResult.model_json_schema())
        assert (0, "no_regression") == (shown.code, json.loads(shown.out)["outcome"])


def test_undecided_controls_hold_back_no_verdict(cli: Cli, world: World) -> None:
    """Two controls before, ten now: they share controls, so the comparison has ten; the earlier audit was unfit."""
    few = ["check", world.path("teacher"), world.path("honest"), "--data", world.data, "-q"]
    assert 3 == cli(*few, *control_options(world, n=2), "--report-dir", "few").code
    ended = cli(*check(world, "other", "--baseline", "few"))
    assert 0 == ended.code, ended.out
    assert "Undecided  KD205  The earlier audit was not fit for a verdict" in ended.out
    shown = cli("compare", "few", "kdaudit-report")
    assert (0, True) == (shown.code, shown.out.startswith("INCONCLUSIVE: "))


def test_a_baseline_of_other_data_is_refused_before_anything_is_written_invalid(
    cli: Cli, world: World, honest: World
) -> None:
    """Exit 2, with the reason; `compare` says the same."""
    assert 0 == cli(*check(world, "honest")).code
    args = [honest.path("teacher"), honest.path("student"), "--data", honest.data, *control_options(honest)]
    ended = cli("check", *args, "-q", "--baseline", "kdaudit-report/honest", "--report-dir", "refused")
    assert (2, "") == (ended.code, ended.out)
    assert "expected the same teacher in both audits" in ended.err
    assert not any(Path("refused").iterdir())
    assert 0 == cli("check", *args, "-q", "--report-dir", "foreign").code
    compared = cli("compare", "kdaudit-report/honest", "foreign")
    assert (2, "") == (compared.code, compared.out)
    assert ended.err == compared.err


def test_a_missing_or_damaged_audit_is_4_invalid(cli: Cli, world: World) -> None:
    """As --baseline and as an argument, without a traceback."""
    ended = cli(*check(world, "honest", "--baseline", "nowhere"))
    assert (4, True) == (ended.code, ended.err.startswith("kdaudit: expected an audit.json at nowhere"))
    assert 0 == cli(*check(world, "honest")).code
    shutil.copytree("kdaudit-report/honest", "damaged")
    Path("damaged/examples.npz").write_bytes(b"PK")
    ended = cli("compare", "damaged", "kdaudit-report/honest")
    assert 4 == ended.code
    assert 2 == len(ended.err.splitlines()), ended.err


def test_a_comparison_can_be_written_to_a_file(cli: Cli, world: World) -> None:
    """The exit code stays that of the comparison; its schema is published."""
    for student in ("honest", "copier"):
        cli(*check(world, student))
    ended = cli(
        "compare", "kdaudit-report/honest", "kdaudit-report/copier", "-f", "markdown", "-o", "out/compare.md"
    )
    assert (1, "") == (ended.code, ended.out)
    assert "REGRESSION" in Path("out/compare.md").read_text(encoding="utf-8")
    schema = cli("schema", "comparison")
    assert (0, ComparisonResult.model_json_schema()) == (schema.code, json.loads(schema.out))
