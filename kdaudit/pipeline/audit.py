"""The audit, top to bottom: predict what is given, train controls if a verdict is possible, measure, test, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kdaudit.metrics.panel import measure
from kdaudit.options import AuditSpec
from kdaudit.pipeline.assess import assess
from kdaudit.pipeline.assumptions import assumptions_of
from kdaudit.pipeline.changes import compared_with, named_baseline, require_comparable, verdict_record
from kdaudit.pipeline.control_set import ControlSet, TrainingPlan
from kdaudit.pipeline.describe import Findings, describe
from kdaudit.pipeline.given import predict_given, refuse_copies, same_architecture, unmatched
from kdaudit.pipeline.plan import Setup, prepare
from kdaudit.pipeline.policy import policy_assumptions, stated_policy, waiver_notices
from kdaudit.pipeline.pool import open_pool
from kdaudit.pipeline.sanity import problems_of, ties_notes, unfit_reason, weak_teacher
from kdaudit.pipeline.saved import SavedAudit
from kdaudit.pipeline.store import cache_folder, open_store
from kdaudit.policy import RULES
from kdaudit.policy.judge import judge
from kdaudit.policy.limits import Limits
from kdaudit.policy.policy import Policy
from kdaudit.protocols import Progress
from kdaudit.schema import AuditResult
from kdaudit.stats.sample import Sample
from kdaudit.types import Fitness, Int32, Int64, Panel, Predictions, ProgressEvent, Role, Skipped

Notice = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audited:
    """One audit's document, and the answers of every model on every example, which later audits compare with."""

    result: AuditResult
    models: tuple[str, ...]
    ids: npt.NDArray[np.str_]
    labels: Int64
    answers: Int32
    groups: Int64 | None
    columns: dict[str, npt.NDArray[np.str_]]


def _silent_progress(event: ProgressEvent) -> None:
    """Show nothing."""


def _silent_notice(text: str) -> None:
    """Say nothing."""


def audit(
    spec: AuditSpec,
    *,
    progress: Progress = _silent_progress,
    notice: Notice = _silent_notice,
    command: str = "",
) -> tuple[Audited, ...]:
    """Audit each student against the teacher; three or more students of one architecture are one audit.

    Args:
        spec: what to audit; see `options.AuditSpec`.
        progress: told about long work.
        notice: told once about each decision that the user may want to know, as a line of text.
        command: what the report gives as the way to reproduce it.

    Raises:
        KDAuditError: the audit cannot run; nothing was written but what the cache keeps.
    """
    clock, policy, baseline = _Clock(), stated_policy(spec), named_baseline(spec)
    with open_store(cache_folder(spec), keep=spec.cache, resume=spec.resume) as store:
        setup = prepare(spec, store, progress=progress)
        given = predict_given(setup, (setup.teacher, *setup.students, *setup.ready), progress=progress)
        refuse_copies(given)
        n_students = len(setup.students)
        teacher, students, ready = given[0], given[1 : 1 + n_students], given[1 + n_students :]
        with open_pool(setup) as pool:
            audits = []
            for group in same_architecture(setup, students):
                panel = measure((teacher, *group), setup.data.labels, groups=setup.data.groups)
                require_comparable(baseline, _sample(panel, {}), setup.data)
                stopped = _no_verdict_possible(setup, panel, policy.limits)
                controls = ControlSet(predictions=ready, stopped=stopped)
                if not ready and not stopped and setup.train is not None:
                    from kdaudit.pipeline.saved_controls import save_controls  # both load torch
                    from kdaudit.pipeline.training import ControlTrainer

                    trainer = ControlTrainer(setup, group[0].model, pool, progress=progress)
                    controls = trainer.provide(notice)
                    if spec.save_controls is not None:
                        folder = Path(spec.save_controls) / Path(group[0].model.name).stem
                        save_controls(controls, setup, folder, notice)
                predictions = (teacher, *group, *controls.predictions)
                audits.append(
                    _judged(setup, policy, baseline, predictions, controls, clock=clock, command=command)
                )
    for line in waiver_notices([audited.result.policy for audited in audits]):
        notice(line)
    return tuple(audits)


def training_plans(spec: AuditSpec, *, progress: Progress = _silent_progress) -> tuple[TrainingPlan, ...]:
    """What `audit` would train for each student, without training it."""
    stated_policy(spec)
    with open_store(cache_folder(spec), keep=spec.cache, resume=spec.resume) as store:
        setup = prepare(spec, store, progress=progress)
        if setup.ready or setup.train is None:
            return ()
        from kdaudit.pipeline.training import ControlTrainer

        with open_pool(setup) as pool:
            return tuple(
                ControlTrainer(setup, student, pool, progress=progress).plan() for student in setup.students
            )


class _Clock:
    """The only place where the time is read."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.started, self.day = now.isoformat(timespec="seconds"), now.date()
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the audit began."""
        return time.monotonic() - self._start


def _judged(
    setup: Setup,
    policy: Policy,
    baseline: SavedAudit | None,
    predictions: Sequence[Predictions],
    controls: ControlSet,
    *,
    clock: _Clock,
    command: str,
) -> Audited:
    panel = measure(predictions, setup.data.labels, groups=setup.data.groups)
    left_out = _unfit_ready(panel) | controls.unfit
    sample = _sample(panel, left_out)
    since = compared_with(baseline, sample, setup.data)
    assessment = replace(
        assess(
            sample,
            _fitness(setup, sample, controls, left_out),
            policy.limits,
            columns=setup.data.columns,
            class_names=setup.data.class_names,
        ),
        change=None if since is None else since.change,
    )
    students = [panel.models[row] for row in sample.students]
    verdict = judge(RULES, assessment, policy, students=students, on=clock.day)
    result = describe(
        Findings(
            setup=setup,
            sample=sample,
            controls=controls,
            unfit=left_out,
            assessment=assessment,
            verdict=verdict,
            policy=policy,
            baseline=verdict_record(since, baseline, verdict, policy.limits),
            assumptions=assumptions_of(setup, controls) + policy_assumptions(policy),
            skipped=_skipped(controls, left_out, panel),
            command=command,
            started=clock.started,
            seconds=clock.seconds,
        )
    )
    return Audited(
        result=result,
        models=tuple(model.name for model in panel.models),
        ids=setup.data.ids,
        labels=setup.data.labels,
        answers=panel.answers,
        groups=setup.data.groups,
        columns=setup.data.columns,
    )


def _sample(panel: Panel, left_out: Container[str]) -> Sample:
    return Sample(
        panel=panel,
        students=tuple(panel.rows(Role.STUDENT)),
        independent=tuple(
            row for row in panel.rows(Role.INDEPENDENT) if panel.models[row].name not in left_out
        ),
        random=tuple(panel.rows(Role.RANDOM)),
    )


def _no_verdict_possible(setup: Setup, panel: Panel, limits: Limits) -> str:
    """Why no control needs to be trained: the models at hand already forbid a verdict; '' if they do not."""
    if setup.spec.train_anyway:
        return ""
    n_wrong = int((panel.answers[0] != panel.labels).sum())
    problems = problems_of(panel, panel.rows(Role.STUDENT))
    few = min(n_wrong, len(panel.labels) - n_wrong) < limits.min_stratum
    if not problems and not few:
        return ""
    return "No verdict is possible, so nothing was trained; --train-anyway trains all the same."


def _fitness(setup: Setup, sample: Sample, controls: ControlSet, unfit: dict[str, str]) -> Fitness:
    panel = sample.panel
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    return Fitness(
        n_W=wrong.n_units,
        n_R=right.n_units,
        headroom_W=wrong.headroom,
        n_controls=len(sample.independent),
        n_trained_controls=len(sample.independent) + len(unfit),
        unfit=tuple(unfit.values()),
        problems=problems_of(panel, sample.students)
        + weak_teacher(panel, sample.independent, allowed=setup.spec.allow_weak_teacher),
        unmatched=unmatched(setup, panel.models[sample.students[0]]),
        unmatched_allowed=setup.spec.unmatched_controls == "ok",
        no_controls_reason=controls.stopped or setup.no_train_reason,
        n_duplicates=setup.n_duplicates,
        n_before_duplicates=setup.n_before_duplicates,
        duplicates_kept=setup.spec.keep_duplicates,
    )


def _unfit_ready(panel: Panel) -> dict[str, str]:
    """Ready-made controls that are no better than the majority class."""
    reasons = {panel.models[row].name: unfit_reason(panel, row) for row in panel.rows(Role.INDEPENDENT)}
    return {name: f"{name} is {reason}" for name, reason in reasons.items() if reason}


def _skipped(controls: ControlSet, unfit: dict[str, str], panel: Panel) -> tuple[Skipped, ...]:
    found = [Skipped(what=name, stage="controls", reason=reason) for name, reason in unfit.items()]
    if controls.stopped:
        found.append(Skipped(what="controls", stage="training", reason=controls.stopped))
    found += [Skipped(what="ties", stage="predict", reason=note) for note in ties_notes(panel)]
    return tuple(found)
