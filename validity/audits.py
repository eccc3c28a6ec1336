"""Audits of the proof: a student of known origin, judged by the package's own measures, tests and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from kdaudit.metrics.panel import measure
from kdaudit.pipeline.assess import assess
from kdaudit.pipeline.judged import sample_of
from kdaudit.pipeline.sanity import problems_of, weak_teacher
from kdaudit.policy import RULES
from kdaudit.policy.allowance import allowing
from kdaudit.policy.deciding_rule import wrong_knowledge
from kdaudit.policy.fitness_rules import positive_controls
from kdaudit.policy.judge import judge
from kdaudit.policy.limits import LIMITS, PRESETS
from kdaudit.policy.policy import Policy
from kdaudit.stats.sample import Sample
from kdaudit.types import (
    DataRef,
    Evidence,
    Fitness,
    Float32,
    Int64,
    ModelRef,
    Outcome,
    Panel,
    Predictions,
    Role,
    RuleStatus,
)

_DAY = date(2026, 1, 1)
_UNBOUNDED = {
    RuleStatus.PASS: Outcome.PASS.value,
    RuleStatus.UNDECIDED: Outcome.INCONCLUSIVE.value,
    RuleStatus.FAIL: Outcome.FAIL.value,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What one audit found: evidence by procedure, how far controls and data go, the outcome by preset.

    Beside the presets, "unbounded" is `margins` without any rule on fitness, and "bare" moreover without the allowance
    for accuracy: what the numbers alone would say.
    """

    n_W: int  # noqa: N815 - the method's name
    headroom_W: float  # noqa: N815
    gap: float
    effects: Mapping[str, Evidence]
    outcomes: Mapping[str, str]
    asymmetry: str
    attribution: str
    positive_shown: bool
    unlike_positive: bool


def panel_of(labels: Int64, teacher: Float32, models: Sequence[Float32]) -> Panel:
    """What the tests need of a teacher and of any models, by logits (n, C); the models' roles are given later."""
    roles = [Role.TEACHER, *[Role.INDEPENDENT] * len(models)]
    logits = (teacher, *models)
    return measure(
        [_predictions(z, role, i) for i, (z, role) in enumerate(zip(logits, roles, strict=True))], labels
    )


def audit(
    panel: Panel,
    *,
    student: int,
    independent: Sequence[int],
    random: Sequence[int] = (),
    positive: Sequence[int] = (),
) -> Audit:
    """Judge a student by each preset. All are rows of the panel, whose row 0 is the teacher."""
    sample = _sample(
        panel,
        [
            (0, Role.TEACHER),
            (student, Role.STUDENT),
            *((row, Role.INDEPENDENT) for row in independent),
            *((row, Role.RANDOM) for row in random),
            *((row, Role.POSITIVE) for row in positive),
        ],
    )
    assessment = assess(sample, _fitness(sample), LIMITS, columns={}, class_names=())
    verdicts = {
        name: judge(
            RULES,
            assessment,
            Policy(preset=name, limits=limits),
            students=[sample.panel.models[1]],
            on=_DAY,
        )
        for name, limits in PRESETS.items()
    }
    usual = next(iter(verdicts.values()))
    fitness = assessment.fitness
    return Audit(
        n_W=fitness.n_W,
        headroom_W=fitness.headroom_W or 0.0,
        gap=assessment.effects["accuracy_gap"].estimate or 0.0,
        effects=assessment.effects,
        outcomes={name: verdict.outcome.value for name, verdict in verdicts.items()}
        | {
            "unbounded": _UNBOUNDED[wrong_knowledge(assessment, allowing(assessment, LIMITS)).status],
            "bare": _UNBOUNDED[wrong_knowledge(assessment, LIMITS).status],
        },
        asymmetry=usual.asymmetry,
        attribution=usual.attribution,
        positive_shown=positive_controls(assessment, LIMITS).status is RuleStatus.PASS,
        unlike_positive=bool(assessment.unlike_positive),
    )


def _sample(panel: Panel, members: Sequence[tuple[int, Role]]) -> Sample:
    """The panel of these rows alone, each in its role."""
    rows = [row for row, _ in members]
    part = replace(
        panel,
        models=tuple(replace(panel.models[row], role=role) for row, role in members),
        answers=panel.answers[rows],
        confidence=panel.confidence[rows],
        log_likelihood=panel.log_likelihood[rows],
        log_teacher_answer=panel.log_teacher_answer[rows],
        margin=panel.margin[rows],
        best_other=panel.best_other[rows],
        distances={name: values[rows] for name, values in panel.distances.items()},
        tied=panel.tied[rows],
    )
    return sample_of(part)


def _predictions(logits: Float32, role: Role, number: int) -> Predictions:
    name = f"model {number}"
    model = ModelRef(name=name, role=role, path=name, kind="none", sha256=name)
    data = DataRef(name="", kind="none", location="", sha256="", n=len(logits))
    return Predictions(model=model, data=data, logits=logits, device="cpu", batch_size=1)


def _fitness(sample: Sample) -> Fitness:
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    panel, n_controls = sample.panel, len(sample.independent)
    problems = problems_of(panel, sample.students)
    weak = weak_teacher(panel, sample.independent, allowed=False, said=problems)
    return Fitness(
        n_W=wrong.n_units,
        n_R=right.n_units,
        headroom_W=wrong.headroom,
        n_controls=n_controls,
        n_trained_controls=n_controls,
        problems=problems + weak,
    )
