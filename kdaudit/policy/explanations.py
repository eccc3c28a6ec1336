"""What each rule asks, how it is computed, what its violation does and what to do about it: `kdaudit explain`."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit.numbers import exactly
from kdaudit.policy.limits import LIMITS
from kdaudit.policy.phrases import at_most, bare


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One rule in words; its title and levels are `stated.rule_info`'s. `limits` names those that it reads."""

    asks: str
    computed: str
    violated: str
    advice: str
    limits: tuple[str, ...] = ()


_LOST = (
    f"Its error rate there less that of the controls, above {at_most(LIMITS.part_margin)}, at a false-discovery "
    f"rate of {exactly(LIMITS.false_discovery)} (Benjamini-Hochberg)."
)
_LOPSIDED = ("ratio", "absent_kappa", "min_stratum")
_PARTS = ("part_margin", "false_discovery")

EXPLANATIONS: dict[str, Explanation] = {
    "KD101": Explanation(
        asks="Is the student's function closer to the teacher's than that of networks without the teacher?",
        computed="Four distances to the teacher (activation, Jensen-Shannon, rank, prediction), student against "
        f"independent controls and, from {LIMITS.min_controls} on, random controls; Holm's correction over the "
        f"four; p ≤ {bare(LIMITS.alpha)} counts.",
        violated="Nothing: closeness is what distillation is for. It is reported as a finding.",
        advice="Read it beside KD201: closeness is harmless where the teacher is right.",
        limits=("alpha", "min_controls"),
    ),
    "KD201": Explanation(
        asks="Does the student repeat its teacher's errors more than networks without the teacher do?",
        computed="kappa_W = (A(S) - A(C)) / (1 - A(C)): A is the share of the teacher's errors that a model makes "
        "too, with the same wrong answer; S the student, C the mean of the controls. Fail: at least "
        f"{exactly(LIMITS.m_fail)} with p ≤ {bare(LIMITS.alpha)}. Pass: its 90 % interval, and that against controls "
        f"raised to the student's accuracy, ends below {exactly(LIMITS.m_pass)}. Otherwise undecided. The presets "
        "default and lenient weigh in what was gained: net harm is, per 1,000 examples, errors taken over less correct "
        "answers gained, beyond the controls. Net harm whose interval ends below 0, with asymmetry absent (KD202), "
        "passes whatever is repeated. By lenient, a fail moreover needs net harm above 0 with "
        f"p ≤ {bare(LIMITS.alpha)}, or a negative asymmetry. By margins and strict nothing excuses repeated errors. "
        f"For each point of accuracy by which the student lies on the teacher's side of its controls, "
        f"{LIMITS.gap_allowance:g} is added to what fails, and on the other side taken from what passes.",
        violated="The audit fails; undecided, it is inconclusive, at any level.",
        advice="Look at the inherited errors in section 6. Relabel what the teacher gets wrong, lower the weight "
        "of the teacher's term or the temperature, or filter its wrong answers, and distil again. Undecided: the "
        "report says how many examples and controls would settle it.",
        limits=("alpha", "m_fail", "m_pass", "gap_allowance", "max_gap_allowance", *_LOPSIDED),
    ),
    "KD202": Explanation(
        asks="Is wrong knowledge taken over more than right knowledge?",
        computed="RRR, about (1 - kappa_R) / (1 - kappa_W), tested on a log scale. A student that copies right and "
        f"wrong alike has 1. Negative: at least {LIMITS.ratio:g} with p ≤ {bare(LIMITS.alpha)}, kappa_W's too.",
        violated="A warning.",
        advice="The student pays for the teacher's knowledge with its errors: weigh the teacher's term less where "
        "the teacher is unsure, or where it disagrees with the label.",
        limits=("alpha", *_LOPSIDED),
    ),
    "KD203": Explanation(
        asks="Do the repeated errors come from this teacher?",
        computed=f"Three p, each ≤ {bare(LIMITS.alpha)}: that of kappa_W; that of the student's closeness to this "
        "teacher's errors beyond its closeness to each control's; the smallest of functional transfer (KD101). With "
        f"--alternate-teacher a fourth, from {LIMITS.min_controls} alternate controls on: that of kappa_W with "
        "students of another teacher in the controls' place. Without them a student more accurate than its controls is "
        "never traced to its teacher.",
        violated="Nothing: it is a finding. Unproven means that students of other teachers may share the errors.",
        advice="Where it is unproven, look for a common cause first: faulty labels make models err alike. Where it "
        "matters, add --alternate-teacher FILE, or train: students of another teacher are the best comparison.",
        limits=("alpha", "min_controls", "min_stratum"),
    ),
    "KD204": Explanation(
        asks="Are there more errors that only teacher and student make than chance explains?",
        computed="Teacher errors that the student repeats and no control makes (from 20 controls on: a tenth of "
        "them may), against the count when each control plays the student. Violated above twice that count with "
        f"p ≤ {bare(LIMITS.alpha)}.",
        violated="A warning.",
        advice="The list, with its false-discovery rate, stands in section 6: look through it before you ship.",
        limits=("alpha", "min_controls"),
    ),
    "KD205": Explanation(
        asks="Does the student take over more than that of an earlier audit of the same teacher did?",
        computed="The rise of kappa_W on the examples that both audits saw. Violated from "
        f"{at_most(LIMITS.m_rise)} with p ≤ {bare(LIMITS.alpha)}.",
        violated="The audit fails. Undecided, or without --baseline, it does not hold a verdict back.",
        advice="Compare the two lists of inherited errors: kdaudit compare says which are new.",
        limits=("alpha", "m_rise", "m_pass", "min_stratum"),
    ),
    "KD301": Explanation(
        asks="Are the controls a fair comparison?",
        computed="Each beats guessing, has the student's architecture, and their mean accuracy lies within "
        f"{at_most(LIMITS.max_accuracy_gap)} of the student's. At most {exactly(LIMITS.max_unfit_share)} may be unfit.",
        violated="The audit is inconclusive; but a student that fails is not excused by a lower accuracy.",
        advice="State the student's recipe (epochs, learning rate, augmentation, --init-from) or its complete "
        "training data; for ready-made controls use the student's architecture.",
        limits=("max_accuracy_gap", "max_unfit_share", "gap_allowance", "max_gap_allowance"),
    ),
    "KD302": Explanation(
        asks="Does the teacher make enough errors to learn from?",
        computed=f"At least {LIMITS.min_stratum} wrong and {LIMITS.min_stratum} right answers of the teacher, and "
        f"{LIMITS.min_headroom:g} errors that controls avoid. Below {LIMITS.advised_teacher_errors} errors it warns.",
        violated="The audit is inconclusive.",
        advice="Use more evaluation examples, above all some that the teacher finds hard.",
        limits=("min_stratum", "min_headroom", "advised_teacher_errors"),
    ),
    "KD303": Explanation(
        asks="Could this audit have seen transfer?",
        computed="kappa_W of freshly distilled students (positive controls), each as if it were the student; at "
        f"least one has p ≤ {bare(LIMITS.alpha)}.",
        violated="A warning; at level error the audit is inconclusive, without positive controls too.",
        advice="Two are trained unless --positive-controls says otherwise. If they show nothing, this recipe transfers "
        "nothing here.",
        limits=("alpha",),
    ),
    "KD304": Explanation(
        asks="How small a share taken over would this audit have found?",
        computed="The smallest kappa_W that 80 of 100 audits like this would find, from the examples, the controls "
        f"and their spread. At most {exactly(LIMITS.max_sharpness)}.",
        violated="A warning; at level error the audit is inconclusive.",
        advice="More evaluation examples help most, more controls after that.",
        limits=("max_sharpness", "m_fail", "min_controls"),
    ),
    "KD305": Explanation(
        asks="Are there enough independent controls?",
        computed=f"At least {LIMITS.min_controls}; below {LIMITS.advised_controls} it warns.",
        violated="The audit is inconclusive: differences are shown, nothing is tested.",
        advice="Give --train-data so that controls can be trained, raise --controls, or add --control FILE.",
        limits=("min_controls", "advised_controls"),
    ),
    "KD306": Explanation(
        asks="Are models and data what they should be?",
        computed="Teacher and student beat the commonest class, no output is constant, and the teacher is at least "
        "halfway from the commonest class to the controls; neither is more than two points below the accuracy that is "
        "stated for it, or answers in another order of classes; between training and evaluation inputs no feature's "
        "mean differs by half a deviation, nor do all deviations more than twice.",
        violated="The audit is inconclusive: misfed models would otherwise pass.",
        advice="Check preprocessing, the order of the classes and the files; the reason names what fits better.",
    ),
    "KD307": Explanation(
        asks="Is the evaluation data new to the student?",
        computed="The share of evaluation examples whose inputs occur in the training data; they are left out. "
        f"Above {exactly(LIMITS.advised_duplicate_share)} it warns.",
        violated=f"Above {exactly(LIMITS.max_duplicate_share)} the audit is inconclusive.",
        advice="Evaluate on data that was not trained on; where equal inputs are natural: --keep-duplicates.",
        limits=("advised_duplicate_share", "max_duplicate_share"),
    ),
    "KD401": Explanation(
        asks="Is the student less accurate than networks trained without the teacher?",
        computed=f"Its accuracy less the mean of the controls, below −{at_most(LIMITS.accuracy_margin)}.",
        violated="A warning.",
        advice="Distillation costs more than it gives here: change its weight or temperature, or leave it out.",
        limits=("accuracy_margin",),
    ),
    "KD402": Explanation(
        asks="Does the student lose correct answers of the teacher that controls keep?",
        computed="The share of examples that the teacher has right and the student wrong, less that of the "
        f"controls, above {at_most(LIMITS.flips_margin)}.",
        violated="A warning.",
        advice="Look at the classes that lost most (KD404); users of the teacher will notice.",
        limits=("flips_margin",),
    ),
    "KD403": Explanation(
        asks="Is the student's confidence worse than that of controls?",
        computed="The expected calibration error (15 bins of equal mass), less that of the controls, above "
        f"{at_most(LIMITS.calibration_margin)}.",
        violated="A warning.",
        advice="Refit the temperature of the student's outputs on held-out data.",
        limits=("calibration_margin",),
    ),
    "KD404": Explanation(
        asks="Are there classes in which the student is less accurate than controls?",
        computed=_LOST,
        violated="A warning.",
        advice="Look at these classes' examples and at what the teacher says about them.",
        limits=_PARTS,
    ),
    "KD405": Explanation(
        asks="Are there slices of the data in which the student is less accurate than controls?",
        computed=_LOST,
        violated="A warning.",
        advice="Name columns with --slice; look at the slices that lost most before you ship to them.",
        limits=_PARTS,
    ),
}
