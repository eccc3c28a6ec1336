"""The audit, top to bottom: predict what is given, train controls if a verdict is possible, measure, test, judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdaudit.metrics.panel import measure, measure_answers
from kdaudit.options import AuditSpec
from kdaudit.pipeline.assumptions import assumptions_of
from kdaudit.pipeline.changes import require_comparable
from kdaudit.pipeline.checks import Checks, checks_of
from kdaudit.pipeline.control_set import TrainingPlan
from kdaudit.pipeline.given import predict_given, ready_controls, refuse_copies, same_architecture
from kdaudit.pipeline.judged import Audited, begin, judged, sample_of
from kdaudit.pipeline.judgement import Run
from kdaudit.pipeline.plan import Setup, prepare
from kdaudit.pipeline.policy import stated_policy, waiver_notices
from kdaudit.pipeline.pool import open_pool
from kdaudit.pipeline.sanity import problems_of, problems_without_labels
from kdaudit.pipeline.skipped import skipped_notices
from kdaudit.pipeline.store import cache_folder, open_store
from kdaudit.policy.limits import Limits
from kdaudit.protocols import Progress
from kdaudit.types import Panel, Predictions, ProgressEvent, Role

Notice = Callable[[str], None]


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
    run = begin(spec, command)
    with open_store(cache_folder(spec), keep=spec.cache, resume=spec.resume) as store:
        setup = prepare(spec, store, progress=progress, predicts=True)
        for line in skipped_notices(setup):
            notice(line)
        with open_pool(setup, notice) as pool:
            given = _given(setup, progress)
            checks = checks_of(setup)
            audits = []
            for group in same_architecture(setup, given.students):
                at_hand = (given.teacher, *group, *given.alternate)
                stopped = _why_stop(run, setup, at_hand, checks)
                controls = ready_controls(setup, group[0].model, given.ready, stopped)
                if not given.ready and not stopped and setup.train is not None:
                    from kdaudit.pipeline.saved_controls import save_controls  # both load torch
                    from kdaudit.pipeline.training import ControlTrainer

                    trainer = ControlTrainer(setup, group[0].model, pool, progress=progress)
                    controls = trainer.provide(notice, given.alternate)
                    if spec.save_controls is not None:
                        folder = Path(spec.save_controls) / Path(group[0].model.name).stem
                        save_controls(controls, setup.of_student(group[0].model), folder, notice)
                everybody = (given.teacher, *group, *controls.predictions)
                decided = assumptions_of(setup, controls)
                audits.append(judged(run, setup, everybody, controls, decided, checks=checks))
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Given:
    """Predictions of the models at hand; `alternate` is empty or of one."""

    teacher: Predictions
    students: tuple[Predictions, ...]
    ready: tuple[Predictions, ...]
    alternate: tuple[Predictions, ...]


def _given(setup: Setup, progress: Progress) -> _Given:
    predictions = predict_given(setup, setup.given, progress=progress)
    refuse_copies(predictions)
    of_role = {role: tuple(p for p in predictions if p.model.role is role) for role in Role}
    return _Given(
        teacher=predictions[0],
        students=of_role[Role.STUDENT],
        ready=of_role[Role.INDEPENDENT],
        alternate=of_role[Role.ALTERNATE_TEACHER],
    )


def _why_stop(run: Run, setup: Setup, at_hand: Sequence[Predictions], checks: Checks) -> str:
    """Why no control needs to be trained: the models at hand already say that nothing can be said; '' if they do not.

    Raises:
        AlignmentError: the audit cannot be compared with its baseline.
    """
    units = setup.data.units
    if units.labels is None:
        answers = measure_answers(at_hand, groups=units.groups)
        hopeless = bool(problems_without_labels(answers, answers.rows(Role.STUDENT), checks))
    else:
        panel = measure(at_hand, units.labels, groups=units.groups)
        require_comparable(run.baseline, sample_of(panel), setup.data)
        hopeless = _is_hopeless(panel, run.policy.limits, checks)
    if setup.spec.train_anyway or not hopeless:
        return ""
    return "No verdict is possible, so nothing was trained; --train-anyway trains all the same."


def _is_hopeless(panel: Panel, limits: Limits, checks: Checks) -> bool:
    """Whether the models at hand already forbid a verdict."""
    n_wrong = int((panel.answers[0] != panel.labels).sum())
    few = min(n_wrong, panel.n - n_wrong) < limits.min_stratum
    return few or bool(problems_of(panel, panel.rows(Role.STUDENT), checks))
