"""Evaluation data without labels: what is measured, how fit the audit is for it, and that there is no verdict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kdaudit.pipeline.assess import assess_unlabelled
from kdaudit.pipeline.checks import Checks
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.judgement import Judgement, Run, rows_by_role
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.sanity import problems_without_labels, unfit_without_labels
from kdaudit.policy.unlabelled_rules import judge_unlabelled
from kdaudit.stats.sample import BaseSample
from kdaudit.types import BaseFitness, BasePanel, Role


def judged_without_labels(
    run: Run, setup: Setup, panel: BasePanel, controls: ControlSet, checks: Checks
) -> Judgement:
    """Functional transfer, and every rule that needs labels not judged.

    Args:
        run: what all audits of the command share.
        setup: models and data.
        panel: the answers of the teacher, the students and all controls.
        controls: how the controls came about.
        checks: what is known of the models besides their answers.
    """
    constant = {
        panel.models[row].name: unfit_without_labels(panel, row) for row in panel.rows(Role.INDEPENDENT)
    }
    unfit = {name: f"{name} gives {why}" for name, why in constant.items() if why} | controls.unfit
    sample = BaseSample(panel=panel, **rows_by_role(panel, unfit))
    problems = problems_without_labels(panel, sample.students, checks)
    fitness = base_fitness(setup, sample, controls, unfit, problems=problems)
    assessment = assess_unlabelled(sample, fitness)
    students = [panel.models[row] for row in sample.students]
    verdict = judge_unlabelled(assessment, run.policy, students=students, on=run.day)
    return Judgement(
        sample=sample,
        unfit=unfit,
        assessment=assessment,
        verdict=verdict,
        inherited={"id": np.empty(0, dtype=np.str_)},
    )


def base_fitness(
    setup: Setup,
    sample: BaseSample,
    controls: ControlSet,
    unfit: Mapping[str, str],
    *,
    problems: tuple[str, ...],
) -> BaseFitness:
    """Whether the audit may speak at all, as far as no labels are needed; `problems` are violated conditions."""
    return BaseFitness(
        n_controls=len(sample.independent),
        n_trained_controls=len(sample.independent) + len(unfit),
        unfit=tuple(unfit.values()),
        problems=problems,
        unmatched=controls.unmatched,
        unmatched_allowed=setup.spec.unmatched_controls == "ok",
        no_controls_reason=controls.stopped or setup.no_train_reason,
        n_duplicates=setup.n_duplicates,
        n_before_duplicates=setup.n_before_duplicates,
        duplicates_kept=setup.spec.keep_duplicates,
    )
