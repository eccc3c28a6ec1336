"""Sections 9 and 10: what was compared and how, what this audit cannot say, and how to get the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import listing, plural
from kdaudit.render import facts, stated, text
from kdaudit.schema import AuditResult, DataRecord
from kdaudit.types import Outcome

_DIGEST = 12
_POLICY = "Policy"


@dataclass(frozen=True, slots=True)
class NotDone:
    """What could not be done, where, and why."""

    what: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class MethodView:
    """Section 9."""

    finding: str
    compared: str
    limits: tuple[str, ...]
    skipped: tuple[NotDone, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A model or data file and its digest."""

    what: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class ReproduceView:
    """Section 10."""

    command: str
    policy: tuple[str, ...]
    files: tuple[FileRow, ...]
    seeds: str
    software: str
    hardware: str
    signature: str
    version: str


def method(result: AuditResult) -> MethodView:
    """What was compared in an audit, and its limits."""
    finding = (
        "What a pass means here, and what it does not."
        if result.verdict is Outcome.PASS
        else "What was compared, and what this audit cannot say."
    )
    skipped = tuple(
        NotDone(text.one_line(row.what), text.one_line(row.stage), text.opening(row.reason))
        for row in result.skipped
    )
    return MethodView(finding, _compared(result), _limits(result), skipped)


def _compared(result: AuditResult) -> str:
    students = (
        "one student" if len(result.students) == 1 else f"{len(result.students)} students of one recipe"
    )
    if not result.n_controls or not result.n:
        return (
            f"{students.capitalize()} and one teacher were to be compared with independent controls: the student’s "
            "network, labels and schedule, trained without the teacher. There was nothing to compare."
        )
    controls = "the student’s network, labels and schedule, trained without the teacher"
    if all(model.kind == "predictions" for model in result.models):
        controls = "networks that never saw the teacher, as the user states, since predictions do not show it"
    labelled = "labelled " if result.data.has_labels else ""
    said = (
        f"One teacher and {students} are compared with {plural(result.n_controls, 'independent control')}: "
        f"{controls}. All models answer the same {plural(result.n, f'{labelled}example')}."
    )
    if not result.data.has_labels:
        return f"{said} These have no labels: answers are compared, and which of them are wrong is not known."
    if result.n_W is None or result.n_R is None:
        return said
    wrong, right = numbers.count(result.n_W), numbers.count(result.n_R)
    return (
        f"{said} The examples are split by the teacher: W, where it is wrong ({wrong}), and R, where it is right "
        f"({right})."
    )


def _limits(result: AuditResult) -> tuple[str, ...]:
    limits = [stated.rates_lost(result)] if result.policy.rates_lost else []
    limits += _moved_margins(result)
    if len(result.students) == 1:
        limits.append("One student: another seed of the same recipe may differ.")
    unverified = [
        _lower(row.what)
        for row in result.assumptions
        if row.known_from != "verified" and row.what != _POLICY  # the policy assumes nothing about the models
    ]
    if unverified:
        limits.append(
            f"Stated or assumed, not verified: {listing(list(dict.fromkeys(unverified)))}. "
            "Controls of another recipe can make an honest student look guilty."
        )
    if result.verdict is Outcome.PASS and result.sharpness is not None:
        found = numbers.percent(result.sharpness)
        limits.append(
            f"An inheritance of less than {found} would have been missed in more than 20 of 100 such audits."
        )
    elif result.sharpness is not None:
        found = numbers.percent(result.sharpness)
        limits.append(
            f"The smallest inheritance that would be found in 80 of 100 audits like this is {found}."
        )
    if not result.data.has_labels:
        limits.append(
            "Without labels it is not known whether the models work on this data, nor whether its classes are in the "
            "models’ order. Closeness is what distillation is for; whether errors came along, only labels can say."
        )
        return tuple(limits)
    limits.append(
        "“This teacher” means: closer to it than to the models at hand. Another teacher trained on the same faulty "
        "labels would look alike."
    )
    limits.append(
        "Errors that controls make too are not counted as inherited, even if the student did copy them."
    )
    return tuple(limits)


def _moved_margins(result: AuditResult) -> list[str]:
    """Why a margin is not that of the policy: the student's accuracy is not its controls'."""
    policy, exactly = result.policy.limits, numbers.exactly
    if result.margin_fail > policy.get("m_fail", result.margin_fail):
        return [
            f"The limit from which it fails is {exactly(result.margin_fail)} here, not {exactly(policy['m_fail'])}: "
            "its accuracy lies on the teacher’s side of its controls’, and such networks repeat more of the teacher’s "
            "errors by themselves."
        ]
    if result.margin_pass < policy.get("m_pass", result.margin_pass):
        return [
            f"The limit below which it passes is {exactly(result.margin_pass)} here, not {exactly(policy['m_pass'])}: "
            "its accuracy is farther from the teacher’s than its controls’, and such networks repeat fewer of the "
            "teacher’s errors by themselves."
        ]
    return []


def _lower(what: str) -> str:
    line = text.one_line(what)
    return line[:1].lower() + line[1:] if line[1:2].islower() else line


def reproduce(result: AuditResult) -> ReproduceView:
    """How to get the same numbers again."""
    files = [
        FileRow(model.role, text.name(_base_name(model.file)), model.sha256[:_DIGEST])
        for model in result.models
        if model.role in ("teacher", "student", "alternate-teacher") and not model.seed
    ]
    files += [_data("data", result.data)]
    files += [_data("training data", result.train_data)] if result.train_data is not None else []
    packages = ", ".join(f"{name} {version}" for name, version in result.environment.packages.items())
    software = f"kdaudit {result.environment.kdaudit}, Python {result.environment.python}"
    hardware = [f"{result.environment.device}, {result.environment.platform}"]
    seconds = facts.training_seconds(result)
    if seconds > 0:
        hardware.append(f"all trainings together took {numbers.duration(seconds)}")
    hardware.append(f"this run took {numbers.duration(result.seconds)}")
    return ReproduceView(
        command=text.clean(result.command),
        policy=stated.policy_lines(result) or ("The default preset.",),
        files=tuple(files),
        seeds=f"{result.seed}; one named stream for each task",
        software=text.one_line(f"{software}, {packages}" if packages else software),
        hardware=text.one_line("; ".join(hardware)),
        signature=text.clean(result.signature),
        version=f"kdaudit {text.one_line(result.environment.kdaudit)} · report schema {result.schema_version} · "
        f"method {text.one_line(result.method_version)}",
    )


def _base_name(path: str) -> str:
    """The last part of a path of any operating system: where it lay is no reader's business."""
    return path.replace("\\", "/").rpartition("/")[2]


def _data(what: str, record: DataRecord) -> FileRow:
    left_out = f", {plural(record.n_duplicates, 'duplicate')} left out" if record.n_duplicates else ""
    name = f"{text.name(record.name)}, {plural(record.n, 'example')}{left_out}"
    return FileRow(what, name, record.sha256[:_DIGEST])
