"""All procedures on one Panel: what the rules read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from kdaudit.metrics.calibration import expected_calibration_error, reliability
from kdaudit.policy.allowance import allowing
from kdaudit.policy.limits import Limits
from kdaudit.stats import PROCEDURES, hybrid
from kdaudit.stats.inherited import inherited
from kdaudit.stats.knowledge import per_1000
from kdaudit.stats.parts import parts
from kdaudit.stats.power import design_of, sharpness
from kdaudit.stats.quantity import difference
from kdaudit.stats.reproduction import unlike_positive
from kdaudit.stats.sample import BaseSample, Sample
from kdaudit.stats.transfer import holm, measures, transfer
from kdaudit.types import Assessment, BaseAssessment, BaseFitness, Bool, Evidence, Fitness, Float64, Role

_TRANSFER = "transfer."


def assess(
    sample: Sample,
    fitness: Fitness,
    limits: Limits,
    *,
    columns: Mapping[str, npt.NDArray[np.str_]],
    class_names: Sequence[str],
) -> Assessment:
    """Every procedure's evidence, Holm over the distances, inherited errors, parts of the data, sharpness.

    `columns` {name: (N,)} are those to slice by; `class_names` may be empty.
    """
    effects = {
        name: procedure(sample) for name, procedure in PROCEDURES.items() if not name.startswith(_TRANSFER)
    }
    effects |= _transfers(sample)
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    n = len(sample.panel.labels)
    effects["harm_per_1000"] = per_1000("harm_per_1000", effects["kappa_W"], wrong, n)
    effects["benefit_per_1000"] = per_1000("benefit_per_1000", effects["kappa_R"], right, n)
    effects |= _against_controls(sample)
    design = design_of(wrong)
    student_w, controls_w = wrong.student_agreement, wrong.control_agreement
    found = Assessment(
        fitness=fitness,
        teacher_gap=_teacher_gap(sample),
        effects=effects,
        transfer_holm=_holm(effects),
        p_asymmetry=_larger(effects["rrr"].p_value, effects["kappa_W"].p_value),
        inherited=inherited(sample),
        sharpness=None,
        parts=parts(sample, columns=columns, class_names=class_names),
        has_slices=bool(columns),
        positive=_positive(sample),
        unlike_positive=unlike_positive(sample),
        n_repeated_W=round(float(student_w.mean()) * wrong.n) if student_w.size else None,
        n_repeated_by_controls_W=float(controls_w.mean()) * wrong.n if controls_w.size else None,
    )
    margin = allowing(found, limits).m_fail
    return replace(found, sharpness=None if design is None else sharpness(design, m_fail=margin))


def assess_unlabelled(sample: BaseSample, fitness: BaseFitness) -> BaseAssessment:
    """Functional transfer, with Holm over the distances: what needs no labels."""
    effects = _transfers(sample)
    return BaseAssessment(fitness=fitness, effects=effects, transfer_holm=_holm(effects))


def _transfers(sample: BaseSample) -> dict[str, Evidence]:
    return {f"{_TRANSFER}{measure}": transfer(measure)(sample) for measure in measures(sample)}


def _against_controls(sample: Sample) -> dict[str, Evidence]:
    """Quality of the students less that of their controls: accuracy, negative flips, calibration error."""
    panel = sample.panel
    correct = panel.answers == panel.labels
    return {
        "accuracy_gap": _difference("accuracy_gap", sample, correct),
        "negative_flips": _difference("negative_flips", sample, correct[0] & ~correct),
        "ece": _ece(sample, correct),
    }


def _teacher_gap(sample: Sample) -> float | None:
    """The teacher's accuracy less the controls' mean."""
    if not sample.independent:
        return None
    return float(sample.accuracy((0,))[0] - sample.accuracy(sample.independent).mean())


def _difference(name: str, sample: Sample, quantity: Bool) -> Evidence:
    """Mean of a per-example quantity: students less independent controls."""
    students, controls = quantity[list(sample.students)], quantity[list(sample.independent)]
    return difference(name, students, controls, sample.panel.groups)


def _ece(sample: Sample, correct: Bool) -> Evidence:
    """Calibration error: no per-example quantity, so the controls' spread alone gives the interval."""
    if not sample.independent:
        return hybrid.undefined("ece", "no independent control")

    def errors(rows: Sequence[int]) -> Float64:
        confidence = sample.panel.confidence
        return np.array([expected_calibration_error(reliability(confidence[r], correct[r])) for r in rows])

    return hybrid.evidence(
        "ece", errors(sample.students), errors(sample.independent), v_diff=0.0, v_int=0.0, n=correct.shape[1]
    )


def _positive(sample: Sample) -> tuple[Evidence, ...]:
    """kappa_W of each positive control, as if it were the student."""
    rows = sample.panel.rows(Role.POSITIVE)
    return tuple(PROCEDURES["kappa_W"](replace(sample, students=(row,))) for row in rows)


def _holm(effects: dict[str, Evidence]) -> dict[str, float]:
    raw = {
        name.removeprefix(_TRANSFER): found.p_value
        for name, found in effects.items()
        if name.startswith(_TRANSFER) and found.p_value is not None
    }
    return holm(raw)


def _larger(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else max(a, b)
