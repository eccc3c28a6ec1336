"""What the words of each section mean, with this audit's numbers: shown on demand below its figures."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit import numbers
from kdaudit.numerics import plural
from kdaudit.render import facts, shares, words
from kdaudit.schema import AuditResult, EffectRecord

_DISTANCES: dict[words.Distance, str] = {
    "activation": "Euclidean length of the difference between two rows of probabilities: 0 where they are equal, 1.41 "
    "at most.",
    "js": "How far both rows of probabilities are from their mean, in nats (natural logarithms): 0 where they are "
    "equal, 0.69 at most. The divergence, not its root.",
    "rank": "Share of the classes that stand at another place when each model orders them by score.",
    "prediction": "Share of the examples that get another answer.",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """A term of the method: `symbol` is its letter with `index` as subscript, empty where it has none."""

    term: str
    meaning: str
    symbol: str = ""
    index: str = ""


def definitions(result: AuditResult) -> dict[int, tuple[Definition, ...]]:
    """The definitions that sections 4 to 9 need, by the section's number; () where it shows no figure."""
    return {
        4: (*_of_transfer(result), *(_SIZES[:1] if _with_sizes(result) else ())),
        5: _of_asymmetry(result),
        6: _of_inherited(result),
        7: _of_controls(result),
        8: _of_quality(result),
        9: _of_tests(result),
    }


def _with_sizes(result: AuditResult) -> bool:
    """Whether section 4 names an effect size."""
    return any(record.z is not None for record in result.transfer.values())


def _of_transfer(result: AuditResult) -> tuple[Definition, ...]:
    if not result.transfer:
        return ()
    return (
        Definition(
            "Distance",
            "Between a model’s answer to an example and the teacher’s; shown is the mean over all examples. "
            "Probabilities are the softmax of the models’ outputs.",
        ),
        *(
            Definition(words.DISTANCES[name], meaning)
            for name, meaning in _DISTANCES.items()
            if name in result.transfer
        ),
        Definition(
            "p",
            "How probable it is that one more control would be as close. The larger of two: against the independent "
            "and against the random controls, where there are enough. Then Holm’s correction, since several measures "
            "ask the same question: the smallest p is multiplied by their number, the next by one less, and so on.",
        ),
    )


def _of_asymmetry(result: AuditResult) -> tuple[Definition, ...]:
    if result.kappa_W is None:
        return ()
    return (
        Definition(
            "Wrong knowledge",
            "Agreement of the student with the teacher on W, where the teacher is wrong, less that of the controls, "
            f"divided by what the controls leave{_worked(result, 'W', result.kappa_W)}. 0: like a control; 1: repeats "
            "every teacher error.",
            "κ",
            "W",
        ),
        Definition(
            "Right knowledge",
            f"The same on R, where the teacher is right{_worked(result, 'R', result.kappa_R)}.",
            "κ",
            "R",
        ),
        Definition(
            "Asymmetry",
            "About (1 − right knowledge) / (1 − wrong knowledge), computed on a log scale with half a count added. "
            "A student that copies equally often, whether the teacher is right or wrong, has exactly 1.",
            "RRR",
        ),
        Definition(
            "Raw gain",
            "The student’s agreement with the teacher less that of the controls, in points of all examples of W or R. "
            "On R controls agree nearly always, which leaves little to gain.",
        ),
    )


def _of_inherited(result: AuditResult) -> tuple[Definition, ...]:
    if result.inherited is None:
        return ()
    tau = result.inherited.tau
    others = "none of the controls does" if tau == 0 else f"at most {plural(tau, 'control')} does"
    return (
        Definition("Inherited error", f"Teacher and student give the same wrong answer and {others}."),
        Definition("By chance", "The count when each control in turn plays the student; the mean of all."),
        Definition(
            "Surprise",
            "How improbable the shared answer is to networks without this teacher: the mean of the controls’ "
            "negative logarithms of its probability, written as 1 in so many.",
        ),
        Definition(
            "p of classes, pairs and slices",
            "Adjusted by Benjamini and Hochberg’s rule, since so many are looked at: of the rows set in bold, on "
            "average at most one in ten is there by chance.",
        ),
        *_of_alternates(result),
    )


def _of_alternates(result: AuditResult) -> tuple[Definition, ...]:
    if result.atd is None:
        return ()
    return (
        Definition(
            "Another teacher",
            "Wrong knowledge measured against alternate controls, students that learnt from another teacher by the "
            "same recipe, instead of independent ones. What every distilled student shares cancels; one other teacher "
            "stands for all others. It decides where errors come from, never the verdict.",
        ),
    )


_KINDS = {
    "independent": (
        "Independent control",
        "The student’s network, trained anew from other random weights on the labels alone. What it shares with the "
        "teacher, any network would.",
    ),
    "random": (
        "Random control",
        "The same, distilled from noise instead of the teacher: all that distillation does to a network, and none "
        "of what the teacher knows.",
    ),
    "positive": (
        "Positive control",
        "The same, distilled from this teacher here: what the audit would see if the student had been. It decides "
        "nothing.",
    ),
    "alternate": (
        "Alternate control",
        "The same, distilled from another teacher. It decides where errors come from, never the verdict.",
    ),
}


def _of_controls(result: AuditResult) -> tuple[Definition, ...]:
    roles = {model.role for model in result.models}
    kinds = tuple(Definition(*said) for role, said in _KINDS.items() if role in roles)
    if not kinds:
        return ()
    if not result.data.has_labels:
        return kinds
    return (
        *kinds,
        Definition(
            "Fit",
            "A control that is better than always naming the commonest class. One that is not is trained again with "
            "another seed, and else left out.",
        ),
    )


def _of_quality(result: AuditResult) -> tuple[Definition, ...]:
    if not result.n_controls or not result.n:
        return ()
    if not result.data.has_labels:
        return _SIZES
    return (
        Definition("Confidence", "The probability that a model gives to its own answer."),
        Definition(
            "Expected calibration error",
            "Mean gap between confidence and accuracy, over 15 bins of equally many answers in the order of their "
            "confidence.",
        ),
        Definition("Log loss", "Mean negative natural logarithm of the probability of the label."),
        Definition(
            "Teacher’s right answers lost",
            "Share of all examples that the teacher has right and the model has not (negative flips).",
        ),
        Definition(
            "Error consistency",
            "How much more often than by chance a model and the teacher are right, or wrong, on the same examples "
            "(Cohen’s kappa). 0: by chance; 1: always.",
        ),
        Definition(
            "Information shared beyond the label",
            "How much the student’s answer tells of the teacher’s once the label is known: conditional mutual "
            "information, corrected for its bias (Miller and Madow).",
        ),
        *_SIZES,
    )


_SIZES = (
    Definition(
        "Effect size z",
        "The difference in standard deviations of the controls (at least what examples alone explain), with "
        "Hedges’ correction for their small number.",
    ),
    Definition("Cliff’s delta", "1 where the student lies above all controls, −1 below all."),
    Definition(
        "Rank p",
        "The student’s place among the controls. It cannot fall below 1 / (controls + 1), so nothing is decided "
        "by it.",
    ),
)


def _of_tests(result: AuditResult) -> tuple[Definition, ...]:
    return (Definition("Intervals and p", _intervals(result)), Definition("Verdict", _verdict(result)))


def _intervals(result: AuditResult) -> str:
    if result.kappa_W is not None and result.kappa_W.status == "differences-only":
        few = plural(result.n_controls, "control")
        return f"None: {few} cannot show how far controls differ by chance. Three are needed for a test."
    controls = plural(result.n_controls, "control") if result.n_controls else "independent controls"
    return (
        f"A predictive t-test of the student against {controls}, which takes account of seeds and of "
        f"examples (Crawford and Howell 1998, with a floor). Intervals are 90{numbers.NBSP}%: each end is a "
        f"one-sided 95{numbers.NBSP}% bound, the one that decides. p is one-sided: how probable a difference as "
        "large, in this direction, would be if the student were one more control."
    )


def _verdict(result: AuditResult) -> str:
    if not result.data.has_labels:
        return "Without labels always inconclusive: a fail and a pass are about errors."
    fail, passed = numbers.exactly(result.margin_fail), numbers.exactly(result.margin_pass)
    alpha = f"{facts.limit(result, 'alpha'):g}".removeprefix("0")
    excuse = shares.EXCUSES.get(result.policy.preset)
    return (
        f"Fail: p ≤ {alpha} and at least {fail} of the wrong knowledge. Pass: its interval ends below {passed}. "
        f"{f'{excuse} (preset {result.policy.preset}). ' if excuse else ''}"
        "Otherwise, or where the audit is not fit: inconclusive."
    )


def _worked(result: AuditResult, stratum: str, effect: EffectRecord | None) -> str:
    """The definition with this audit's numbers."""
    if effect is None or effect.estimate is None:
        return ""
    field = "agreement_W" if stratum == "W" else "agreement_R"
    student = facts.mean([getattr(model, field) for model in facts.models(result, "student")])
    controls = facts.mean([getattr(model, field) for model in facts.models(result, "independent")])
    if student is None or controls is None:
        return ""
    s, c, share = (numbers.bare(value, 3) for value in (student, controls, effect.estimate))
    return f": ({s} − {c}) / (1 − {c}) = {share}"
