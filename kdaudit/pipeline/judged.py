"""From everybody's predictions to the document: measure, test, judge, describe. The only way to a verdict."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from kdaudit.metrics.panel import measure, measure_answers
from kdaudit.options import AuditSpec
from kdaudit.pipeline.assess import assess
from kdaudit.pipeline.changes import compared_with, named_baseline, verdict_record
from kdaudit.pipeline.checks import Checks
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.describe import Findings, describe
from kdaudit.pipeline.inherited_table import inherited_table
from kdaudit.pipeline.judgement import Judgement, Run, rows_by_role
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.policy import policy_assumptions, stated_policy
from kdaudit.pipeline.sanity import problems_of, ties_notes, unfit_reason, weak_teacher
from kdaudit.pipeline.skipped import skipped_examples
from kdaudit.pipeline.unlabelled import base_fitness, judged_without_labels
from kdaudit.policy import RULES
from kdaudit.policy.judge import judge
from kdaudit.schema import Assumption, AuditResult
from kdaudit.stats.sample import Sample
from kdaudit.types import AnyArray, BasePanel, Fitness, Int32, Int64, Panel, Predictions, Role, Skipped


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audited:
    """One audit's document, and the answers of every model on every example, which later audits compare with.

    `inherited` is the complete list of inherited errors, as columns.
    """

    result: AuditResult
    models: tuple[str, ...]
    ids: npt.NDArray[np.str_]
    labels: Int64 | None
    answers: Int32
    groups: Int64 | None
    columns: dict[str, npt.NDArray[np.str_]]
    inherited: dict[str, AnyArray]


def begin(spec: AuditSpec, command: str) -> Run:
    """The policy and the earlier audit that a spec names.

    Raises:
        SpecError: everything that is wrong with the policy.
        DataError: the earlier audit cannot be read.
    """
    return Run(policy=stated_policy(spec), baseline=named_baseline(spec), command=command)


def judged(
    run: Run,
    setup: Setup,
    predictions: Sequence[Predictions],
    controls: ControlSet,
    assumptions: tuple[Assumption, ...],
    *,
    checks: Checks | None = None,
) -> Audited:
    """The audit of one group of students.

    Args:
        run: what all audits of the command share.
        setup: models and data.
        predictions: of the teacher, the students and all controls, in this order.
        controls: how the controls came about.
        assumptions: what was decided automatically, or is the user's word.
        checks: what is known of the models besides their answers; nothing where only those are given.

    Raises:
        AlignmentError: models differ in examples or classes.
    """
    units, known = setup.data.units, checks or Checks()
    if units.labels is None:
        answers = measure_answers(predictions, groups=units.groups)
        found = judged_without_labels(run, setup, answers, controls, known)
    else:
        measured = measure(predictions, units.labels, groups=units.groups)
        found = _judged_by_labels(run, setup, measured, controls, known)
    panel = found.sample.panel
    result = describe(
        Findings(
            setup=setup,
            judgement=found,
            controls=controls,
            policy=run.policy,
            assumptions=assumptions + policy_assumptions(run.policy),
            skipped=(*_skipped(controls, found.unfit, panel), *skipped_examples(setup)),
            command=run.command,
            started=run.began.isoformat(timespec="seconds"),
            seconds=run.seconds,
        )
    )
    return Audited(
        result=result,
        models=tuple(model.name for model in panel.models),
        ids=units.ids,
        labels=units.labels,
        answers=panel.answers,
        groups=units.groups,
        columns=units.columns,
        inherited=found.inherited,
    )


def _judged_by_labels(
    run: Run, setup: Setup, panel: Panel, controls: ControlSet, checks: Checks
) -> Judgement:
    left_out = _unfit(panel, Role.INDEPENDENT) | controls.unfit
    aside = _unfit(panel, Role.ALTERNATE) | controls.aside
    sample = sample_of(panel, left_out | aside)
    since = compared_with(run.baseline, sample, setup.data)
    policy = run.policy
    assessment = replace(
        assess(
            sample,
            _fitness(setup, sample, controls, left_out, checks),
            policy.limits,
            columns=setup.data.units.columns,
            class_names=setup.data.class_names,
        ),
        change=None if since is None else since.change,
    )
    students = [panel.models[row] for row in sample.students]
    verdict = judge(RULES, assessment, policy, students=students, on=run.day)
    return Judgement(
        sample=sample,
        unfit=left_out | aside,
        assessment=assessment,
        verdict=verdict,
        baseline=verdict_record(since, run.baseline, verdict, policy.limits),
        inherited=inherited_table(setup.data, sample, assessment.inherited),
    )


def sample_of(panel: Panel, left_out: Container[str] = ()) -> Sample:
    """The students and their controls, but for those of these names."""
    return Sample(panel=panel, **rows_by_role(panel, left_out))


def _fitness(
    setup: Setup, sample: Sample, controls: ControlSet, unfit: dict[str, str], checks: Checks
) -> Fitness:
    panel = sample.panel
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    problems = problems_of(panel, sample.students, checks)
    allowed = setup.spec.allow_weak_teacher
    weak = weak_teacher(panel, sample.independent, checks, allowed=allowed, said=problems)
    base = base_fitness(setup, sample, controls, unfit, problems=problems + weak)
    return Fitness(
        **{field.name: getattr(base, field.name) for field in fields(base)},
        n_W=wrong.n_units,
        n_R=right.n_units,
        headroom_W=wrong.headroom,
        n_errors=wrong.n,
    )


def _unfit(panel: Panel, role: Role) -> dict[str, str]:
    """Controls that are no better than the majority class."""
    reasons = {panel.models[row].name: unfit_reason(panel, row) for row in panel.rows(role)}
    return {name: f"{name} is {reason}" for name, reason in reasons.items() if reason}


def _skipped(controls: ControlSet, unfit: Mapping[str, str], panel: BasePanel) -> tuple[Skipped, ...]:
    found = [Skipped(what=name, stage="controls", reason=reason) for name, reason in unfit.items()]
    if controls.stopped:
        found.append(Skipped(what="controls", stage="training", reason=controls.stopped))
    found += [Skipped(what="ties", stage="predict", reason=note) for note in ties_notes(panel)]
    return tuple(found)
