"""KD3xx: whether this audit may speak. A violated fitness rule makes the audit inconclusive."""

from __future__ import annotations

from kdaudit.numbers import exactly, percent, percent_with_range
from kdaudit.numerics import listing
from kdaudit.policy.allowance import NAMED, allowance, side
from kdaudit.policy.deciding_rule import wrong_knowledge
from kdaudit.policy.evidence import effect
from kdaudit.policy.limits import Limits
from kdaudit.types import Assessment, BaseAssessment, BaseFitness, Fitness, RuleOutcome, RuleStatus


def controls_fit(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD301: controls are fit, of the student's architecture, and about as accurate as the student.

    A gap above 5 points either way blocks PASS; a more accurate student cannot FAIL either. A less accurate one never
    escapes FAIL by its gap, which may be the teacher's doing; but the margins allow for it (`allowance`).
    """
    fitness = assessment.fitness
    gap = effect(assessment, "accuracy_gap")
    status, reason = RuleStatus.PASS, ""
    blocked = blocked_controls(fitness, limits)
    fails = wrong_knowledge(assessment, limits).status is RuleStatus.FAIL
    if blocked is not None:
        status, reason = blocked
    elif gap.estimate is not None and abs(gap.estimate) > limits.max_accuracy_gap:
        below_but_failing = gap.estimate < 0 and fails
        status = RuleStatus.WARNING if below_but_failing else RuleStatus.UNDECIDED
        reason = (
            f"The student is {abs(gap.estimate) * 100:.1f} points "
            f"{'more' if gap.estimate > 0 else 'less'} accurate than its controls."
        )
        if below_but_failing:
            reason += " A lower accuracy does not excuse taken-over errors."
    else:
        reason = f"Their accuracy is near the student’s.{_allowed_for(assessment, limits)}{left_out(fitness)}"
    return RuleOutcome(
        rule="KD301",
        title="Controls are fit",
        level="error",
        fitness=True,
        status=status,
        observed=gap.estimate,
        unit="points",
        low=gap.low,
        high=gap.high,
        required=f"same architecture, within {limits.max_accuracy_gap * 100:g} points",
        n=fitness.n_controls,
        reason=reason,
    )


def blocked_controls(fitness: BaseFitness, limits: Limits) -> tuple[RuleStatus, str] | None:
    """Why KD301 has no answer, whatever the accuracies are; None where it may have one."""
    unfit_share = len(fitness.unfit) / max(1, fitness.n_trained_controls)
    if fitness.n_controls == 0 and not fitness.unfit:
        return RuleStatus.NOT_JUDGED, "There is no independent control."
    if unfit_share > limits.max_unfit_share:
        found = f"{len(fitness.unfit)} of {fitness.n_trained_controls} controls are unfit"
        return RuleStatus.UNDECIDED, f"{found}: {fitness.unfit[0]}."
    if fitness.unmatched and not fitness.unmatched_allowed:
        guilty = "An honest student can look guilty against such controls."
        return RuleStatus.UNDECIDED, f"{fitness.unmatched} {guilty}"
    return None


def left_out(fitness: BaseFitness) -> str:
    """Which controls KD301 left out, and those that it let pass; '' where there are none, else after a blank."""
    said = f" Left out: {'; '.join(fitness.unfit)}." if fitness.unfit else ""
    if fitness.unmatched:
        said += f" {fitness.unmatched} Judged all the same, as --unmatched-controls ok asks."
    return said


def _allowed_for(assessment: Assessment, limits: Limits) -> str:
    """What the margins, which `limits` has moved already, allow for the accuracies; '' below a percent."""
    where = side(assessment)
    if allowance(assessment, limits) < NAMED or not where:
        return ""
    if where == "nearer":
        return (
            " The student’s is on the teacher’s side of theirs: such networks repeat more of its answers by "
            f"themselves, so it fails from {exactly(limits.m_fail)}."
        )
    return (
        " The student’s is farther from the teacher’s than theirs: such networks repeat fewer of its answers by "
        f"themselves, so it passes below {exactly(limits.m_pass)}."
    )


def _counted(n: int, fitness: Fitness) -> str:
    """Examples, or those of so many groups where several may count as one."""
    return f"examples of {n} groups" if fitness.is_grouped else f"{n} examples"


def teacher_errors(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD302: teacher errors, correct answers and headroom for a verdict; below 200 errors it warns."""
    fitness = assessment.fitness
    status, reason = RuleStatus.PASS, ""
    required = f"at least {limits.min_stratum}"
    if fitness.n_W < limits.min_stratum:
        status = RuleStatus.UNDECIDED
        found = f"The teacher gets {_counted(fitness.n_W, fitness)} wrong"
        reason = f"{found}; below {limits.min_stratum} nothing can be said."
    elif fitness.n_R < limits.min_stratum:
        status = RuleStatus.UNDECIDED
        found = f"The teacher gets {_counted(fitness.n_R, fitness)} right"
        reason = f"{found}; below {limits.min_stratum} nothing can be said."
    elif fitness.headroom_W is not None and fitness.headroom_W < limits.min_headroom:
        status = RuleStatus.UNDECIDED
        reason = (
            f"Of {fitness.n_errors or fitness.n_W} teacher errors the controls avoid {fitness.headroom_W:.1f}: "
            f"below {limits.min_headroom:g} there is nothing to take over."
        )
    elif fitness.n_W < limits.advised_teacher_errors:
        status = RuleStatus.WARNING
        required = f"at least {limits.advised_teacher_errors}"
        reason = (
            f"The teacher gets {_counted(fitness.n_W, fitness)} wrong: intervals are wide. Use more examples."
        )
    else:
        required = f"at least {limits.advised_teacher_errors}"
    return RuleOutcome(
        rule="KD302",
        title="Enough teacher errors",
        level="error",
        fitness=True,
        status=status,
        observed=float(fitness.n_W),
        unit="count",
        required=required,
        n=fitness.n_W + fitness.n_R,
        reason=reason,
    )


def positive_controls(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD303: whether freshly distilled students show wrong knowledge: this audit could have seen it."""
    found = assessment.positive
    shown = [e for e in found if e.p_value is not None and e.p_value <= limits.alpha]
    if not found:
        status = RuleStatus.NOT_JUDGED
        reason = "There is no positive control. Add some: --positive-controls 2, or --positive-control FILE to judge."
    else:
        status = RuleStatus.PASS if shown else RuleStatus.WARNING
        shares = listing(
            [percent_with_range(e.estimate, e.low, e.high) for e in found if e.estimate is not None]
        )
        they, them = "Freshly distilled students take", "them"
        if len(found) == 1:
            they, them = "A freshly distilled student takes", "it"
        reason = f"{they} over {shares or 'nothing measurable'} of the wrong knowledge."
        if not shown:
            reason += " This recipe transfers nothing here: that the student took over little says little."
        if assessment.unlike_positive:
            reason += (
                f" The student is unlike {them} in {listing(assessment.unlike_positive)}: "
                "its recipe was not reproduced, or it was not distilled."
            )
    return RuleOutcome(
        rule="KD303",
        title="This audit could have seen transfer",
        level="warn",
        status=status,
        observed=float(len(shown)) if found else None,
        unit="count",
        required="at least 1",
        n=len(found) or None,
        reason=reason,
    )


def sharp_enough(assessment: Assessment, limits: Limits) -> RuleOutcome:
    """KD304: the smallest share that this audit would have found in 80 of 100 cases."""
    found = assessment.sharpness
    if found is None:
        status = (
            RuleStatus.NOT_JUDGED
            if assessment.fitness.n_controls < limits.min_controls
            else RuleStatus.WARNING
        )
        reason = "No share below 100 % would have been found in 80 of 100 audits like this."
        if status is RuleStatus.NOT_JUDGED:
            reason = f"Needs at least {limits.min_controls} independent controls."
    else:
        status = RuleStatus.PASS if found <= limits.max_sharpness else RuleStatus.WARNING
        start = "An" if status is RuleStatus.PASS else "Only an"
        reason = (
            f"{start} inheritance of {percent(found)} or more would be found in 80 of 100 audits like this."
        )
    return RuleOutcome(
        rule="KD304",
        title="The audit is sharp enough",
        level="warn",
        status=status,
        observed=found,
        unit="share",
        required=f"at most {exactly(limits.max_sharpness)}",
        n=assessment.fitness.n_W,
        reason=reason,
    )


def enough_controls(assessment: BaseAssessment, limits: Limits) -> RuleOutcome:
    """KD305: below three independent controls no verdict; below ten a warning."""
    fitness = assessment.fitness
    k = fitness.n_controls
    status, reason = RuleStatus.PASS, ""
    if k < limits.min_controls:
        status = RuleStatus.UNDECIDED
        reason = fitness.no_controls_reason or f"{k} controls: differences only, no test."
    elif k < limits.advised_controls:
        status = RuleStatus.WARNING
        reason = f"{k} are acceptable, {limits.advised_controls} are advised."
    return RuleOutcome(
        rule="KD305",
        title="Enough controls",
        level="error",
        fitness=True,
        status=status,
        observed=float(k),
        unit="count",
        required=f"at least {limits.min_controls if k < limits.min_controls else limits.advised_controls}",
        reason=reason,
    )


def sane(assessment: Assessment, limits: Limits) -> RuleOutcome:  # noqa: ARG001 - every rule has the same form
    """KD306: models and data are what they should be."""
    problems = assessment.fitness.problems
    return RuleOutcome(
        rule="KD306",
        title="Models and data are sane",
        level="error",
        fitness=True,
        status=RuleStatus.UNDECIDED if problems else RuleStatus.PASS,
        observed=float(len(problems)),
        unit="count",
        required="no problem",
        n=assessment.fitness.n_W + assessment.fitness.n_R,
        reason=" ".join(problems),
    )


def no_leak(assessment: BaseAssessment, limits: Limits) -> RuleOutcome:
    """KD307: evaluation examples whose inputs occur in the training data."""
    fitness = assessment.fitness
    if not fitness.n_before_duplicates:
        return RuleOutcome(
            rule="KD307",
            title="Evaluation data is new",
            level="error",
            fitness=True,
            status=RuleStatus.NOT_JUDGED,
            required=f"at most {exactly(limits.advised_duplicate_share)}",
            reason="Without training data it is not known whether evaluation examples occur in it.",
        )
    share = fitness.n_duplicates / fitness.n_before_duplicates
    kept = "kept, as --keep-duplicates asks" if fitness.duplicates_kept else "left out"
    status, reason = RuleStatus.PASS, ""
    if fitness.n_duplicates:
        reason = (
            f"{fitness.n_duplicates:,} of {fitness.n_before_duplicates:,} evaluation examples occur in the "
            f"training data; they were {kept}."
        )
    if share > limits.max_duplicate_share and not fitness.duplicates_kept:
        status = RuleStatus.UNDECIDED
    elif share > limits.advised_duplicate_share:
        status = RuleStatus.WARNING
    return RuleOutcome(
        rule="KD307",
        title="Evaluation data is new",
        level="error",
        fitness=True,
        status=status,
        observed=share,
        unit="share",
        required=f"at most {exactly(limits.advised_duplicate_share)}",
        n=fitness.n_before_duplicates,
        reason=reason,
    )
