"""Whether saved audits still let models ship: their verdict, their waivers, and that the files are those audited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from kdaudit.errors import EXIT_FAIL, EXIT_PASS, DataError, KDAuditError
from kdaudit.models.identify import digest_as
from kdaudit.pipeline.saved import AUDIT, read_result
from kdaudit.schema import AuditResult, ModelRecord
from kdaudit.types import Outcome

_STUDENT = "student"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What is said of one file, in a sentence, and the exit code that it would give alone."""

    path: Path
    exit_code: int
    said: str


def verify(path: Path, *, report_dir: Path, today: date) -> Verified:
    """An audit.json, or a model, whose audit is looked for beside it and in `report_dir`.

    Raises:
        DataError: nothing is there, or an audit.json that cannot be read.
    """
    if not path.exists():
        raise DataError(
            f"expected a model or an audit.json at {path}, found nothing there", hint="check the path"
        )
    if path.suffix == ".json":
        return _verified_audit(path, today)
    audits = list(_audits_for(path, report_dir))
    for audit in audits:
        result = read_result(audit)
        if any(_is_file_of(model, path) for model in result.models if model.role == _STUDENT):
            found = _verified_audit(audit, today)
            return Verified(path=path, exit_code=found.exit_code, said=f"{found.said} ({audit})")
        if any(_is_file_of(model, path) for model in result.models):
            return Verified(path=path, exit_code=EXIT_PASS, said=f"not a student, but a model of {audit}")
    searched = ", ".join(str(audit) for audit in audits) or f"none in {report_dir} or beside it"
    return Verified(
        path=path,
        exit_code=EXIT_FAIL,
        said=f"no audit is of this file (found: {searched}); audit it with kdaudit check",
    )


def _verified_audit(path: Path, today: date) -> Verified:
    result = read_result(path)
    students = ", ".join(result.students)
    if result.verdict is not Outcome.PASS:
        said = f"the verdict on {students} is {result.verdict.value.upper()}"
        return Verified(path=path, exit_code=result.exit_code, said=said)
    problem = next(_problems(result, path, today), "")
    code = EXIT_FAIL if problem else EXIT_PASS
    return Verified(path=path, exit_code=code, said=problem or f"the verdict on {students} is PASS")


def _problems(result: AuditResult, path: Path, today: date) -> Iterator[str]:
    """Why a pass is none any more."""
    for waiver in result.policy.waivers:
        if waiver.state == "used" and waiver.expires < today:
            yield f"the waiver of {waiver.rule} ended on {waiver.expires}; audit again"
    for model in result.models:
        if model.role in ("teacher", _STUDENT):
            file = next(
                (place for place in (Path(model.file), path.parent / model.name) if place.exists()), None
            )
            if file is not None and not _is_file_of(model, file):
                yield f"{file} is not the {model.role} that was audited; audit again"


def _is_file_of(model: ModelRecord, path: Path) -> bool:
    """Whether the file is that model, byte for byte."""
    if Path(model.name).name != path.name:
        return False
    try:
        return digest_as(path, model.kind) == model.sha256
    except KDAuditError:
        return False


def _audits_for(path: Path, report_dir: Path) -> Sequence[Path]:
    """Where the audit of a model may lie: beside it, in a folder of its name, in the reports."""
    beside = (path.parent / AUDIT, path.parent / path.stem / AUDIT)
    return list(dict.fromkeys([*(p for p in beside if p.is_file()), *sorted(report_dir.glob(f"*/{AUDIT}"))]))
