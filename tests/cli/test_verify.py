"""`kdaudit verify`: passes that still hold, and everything that ends one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kdaudit.schema import AuditResult, WaiverRecord
from kdaudit.types import Outcome
from tests.cli.conftest import Cli, check_args
from tests.planted import World


@pytest.fixture
def audited(cli: Cli, honest: World) -> Path:
    """A folder with a pass, in a work tree that holds the models in `models`."""
    shutil.copytree(Path(honest.path("student")).parent, "models")
    arguments = [
        part.replace(str(Path(honest.path("student")).parent), "models") for part in check_args(honest)
    ]
    assert 0 == cli(*arguments, "-q").code
    return Path("kdaudit-report/student")


def changed(folder: Path, **fields: object) -> Path:
    """The audit with other fields."""
    path = folder / "audit.json"
    result = AuditResult.model_validate_json(path.read_bytes()).model_copy(update=fields)
    path.write_text(result.model_dump_json(), encoding="utf-8")
    return path


def waiver(expires: str) -> dict[str, object]:
    """A policy with a waiver that was needed."""
    record = WaiverRecord.model_validate(
        {"rule": "KD201", "reason": "known", "expires": expires, "state": "used"}
    )
    return {"waivers": (record,)}


def test_a_pass_holds_for_the_audit_and_for_its_student(cli: Cli, audited: Path) -> None:
    """Both are named with the verdict; a teacher is no student, and needs no pass of its own."""
    ended = cli("verify", str(audited / "audit.json"), "models/student.onnx", "models/teacher.onnx")
    assert 0 == ended.code, ended.out
    assert [
        "ok    kdaudit-report/student/audit.json: the verdict on student.onnx is PASS",
        "ok    models/student.onnx: the verdict on student.onnx is PASS (kdaudit-report/student/audit.json)",
        "ok    models/teacher.onnx: not a student, but a model of kdaudit-report/student/audit.json",
    ] == ended.out.splitlines()
    assert "" == cli("verify", "-q", "models/student.onnx").out


def test_an_audit_may_lie_beside_its_model(cli: Cli, audited: Path) -> None:
    """In the model's folder, or in one of its name there."""
    for place in (Path("models"), Path("models/student")):
        place.mkdir(exist_ok=True)
        shutil.copy(audited / "audit.json", place / "audit.json")
        ended = cli("verify", "models/student.onnx", "--report-dir", "elsewhere")
        assert (0, True) == (ended.code, f"({place / 'audit.json'})" in ended.out)
        (place / "audit.json").unlink()
    assert 1 == cli("verify", "models/student.onnx", "--report-dir", "elsewhere").code


def test_a_changed_student_has_no_audit(cli: Cli, audited: Path) -> None:
    """One byte is enough: the model has none, and the audit is of another file."""
    with Path("models/student.onnx").open("ab") as stream:
        stream.write(b"\x00")
    ended = cli("verify", "models/student.onnx", str(audited / "audit.json"))
    assert 1 == ended.code
    of_model, of_audit = ended.out.splitlines()
    assert (
        "FAIL  models/student.onnx: no audit is of this file (found: kdaudit-report/student/audit.json"
        in of_model
    )
    assert of_audit.endswith("models/student.onnx is not the student that was audited; audit again")


def test_a_changed_teacher_ends_a_pass(cli: Cli, audited: Path) -> None:
    """The student was compared with another one."""
    shutil.copy("models/control0.onnx", "models/teacher.onnx")
    ended = cli("verify", "models/student.onnx")
    assert (1, True) == (ended.code, "is not the teacher that was audited" in ended.out)


def test_models_that_are_not_here_are_not_compared(cli: Cli, audited: Path) -> None:
    """An audit alone is a verdict still."""
    shutil.rmtree("models")
    assert 0 == cli("verify", str(audited / "audit.json")).code


@pytest.mark.parametrize(("verdict", "code"), [("fail", 1), ("inconclusive", 3)])
def test_another_verdict_is_the_exit_code(cli: Cli, audited: Path, verdict: str, code: int) -> None:
    """As that of check."""
    path = changed(audited, verdict=Outcome(verdict), exit_code=code)
    ended = cli("verify", str(path))
    assert (code, True) == (ended.code, f"is {verdict.upper()}" in ended.out)


def test_an_ended_waiver_ends_the_pass(cli: Cli, audited: Path) -> None:
    """It holds on its last day and not after it."""
    policy = AuditResult.model_validate_json((audited / "audit.json").read_bytes()).policy
    path = changed(audited, policy=policy.model_copy(update=waiver("2999-01-01")))
    assert 0 == cli("verify", str(path)).code
    changed(audited, policy=policy.model_copy(update=waiver("2020-01-31")))
    ended = cli("verify", str(path))
    assert 1 == ended.code
    assert "the waiver of KD201 ended on 2020-01-31; audit again" in ended.out


def test_what_is_not_there_or_no_audit_invalid(cli: Cli) -> None:
    """Exit 4."""
    ended = cli("verify", "nothing.onnx")
    assert (4, True) == (ended.code, "expected a model or an audit.json at nothing.onnx" in ended.err)
    Path("x.json").write_text("{}")
    ended = cli("verify", "x.json")
    assert (4, True) == (ended.code, "expected an audit of kdaudit in x.json" in ended.err)
