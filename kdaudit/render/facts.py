"""What sentences and charts read from an audit: its models by role, its rules by id, and the counts between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import stdtrit

from kdaudit.render.text import name
from kdaudit.schema import AuditResult, EffectRecord, ModelRecord, PartRecord, RuleRecord
from kdaudit.types import Outcome, RuleStatus

ModelRole = Literal[
    "teacher", "student", "independent", "random", "positive", "alternate-teacher", "alternate"
]
FEWEST_FOR_INTERVAL = 3
LARGEST_FDR = 0.5

# For audits that were written before there were policies.
FORMER_LIMITS = {
    "alpha": 0.05,
    "ratio": 1.25,
    "max_accuracy_gap": 0.05,
    "max_sharpness": 0.20,
    "advised_duplicate_share": 0.01,
    "max_duplicate_share": 0.20,
    "false_discovery": 0.10,
}
_OF_RULES = {
    "KD202": ("ratio",),
    "KD301": ("max_accuracy_gap",),
    "KD304": ("max_sharpness",),
    "KD307": ("advised_duplicate_share", "max_duplicate_share"),
}


NO_LABELS = "the data has no labels"
# Parts that need none.
_WITHOUT_LABELS = ("transfer", "control")


@dataclass(frozen=True, slots=True)
class Band:
    """An interval of a raw value."""

    low: float
    high: float


def models(result: AuditResult, role: ModelRole) -> tuple[ModelRecord, ...]:
    """The models of one role, in order, unfit ones left out."""
    return tuple(model for model in result.models if model.role == role and model.fit)


def unfit(result: AuditResult) -> tuple[ModelRecord, ...]:
    """The controls that were left out."""
    return tuple(model for model in result.models if not model.fit)


def rule(result: AuditResult, id: str) -> RuleRecord | None:
    """The rule of this id, or None where it was switched off."""
    return next((row for row in result.rules if row.id == id), None)


def status(result: AuditResult, id: str) -> RuleStatus | None:
    """How the rule of this id ended, or None where it was switched off."""
    row = rule(result, id)
    return None if row is None else row.outcome


def taken_over(result: AuditResult) -> bool:
    """Whether the student repeats its teacher's errors, whatever the level of that rule and its waivers."""
    return status(result, "KD201") in (RuleStatus.FAIL, RuleStatus.WARNING, RuleStatus.WAIVED)


def repeated(result: AuditResult) -> bool:
    """Whether errors are taken over beyond chance and the limit, whatever may excuse them."""
    effect = result.kappa_W
    if effect is None or effect.estimate is None or effect.p is None:
        return False
    return effect.p <= limit(result, "alpha") and effect.estimate >= result.margin_fail


def passed_by_gain(result: AuditResult) -> bool:
    """Whether KD201 passed because what was gained outweighs what was taken over, however much that is."""
    effect = result.kappa_W
    if status(result, "KD201") is not RuleStatus.PASS or effect is None or effect.high90 is None:
        return False
    return effect.high90 >= result.margin_pass


def is_unfit(row: RuleRecord) -> bool:
    """Whether this rule's violation makes the audit inconclusive, whatever the numbers."""
    return row.fitness and row.outcome in (RuleStatus.UNDECIDED, RuleStatus.FAIL)


def is_open(row: RuleRecord, result: AuditResult) -> bool:
    """Whether this rule leaves the audit without an answer.

    That is a rule of level error without a decision; one that was not judged only where the verdict is open, since
    a verdict was reached without it. The comparison with an earlier audit holds no verdict back.
    """
    if row.level != "error" or row.id == "KD205":
        return False
    unjudged = row.outcome is RuleStatus.NOT_JUDGED and result.verdict is Outcome.INCONCLUSIVE
    return unjudged or row.outcome is RuleStatus.UNDECIDED


def unfit_rules(result: AuditResult) -> tuple[RuleRecord, ...]:
    """The violated fitness rules."""
    return tuple(row for row in ordered_rules(result) if is_unfit(row))


def ordered_rules(result: AuditResult) -> tuple[RuleRecord, ...]:
    """The rules as reported: what makes the audit unfit, then the order of `RuleStatus`, then by id."""
    order = list(RuleStatus)
    return tuple(sorted(result.rules, key=lambda row: (not is_unfit(row), order.index(row.outcome), row.id)))


def limit(result: AuditResult, name: str) -> float:
    """A limit by its name in the policy."""
    return result.policy.limits.get(name, FORMER_LIMITS[name])


def limits(result: AuditResult, id: str) -> tuple[float, ...]:
    """The limits of a rule that its printed numbers must stay on the right side of."""
    if id == "KD201":
        return (result.margin_fail, result.margin_pass)
    found = tuple(limit(result, name) for name in _OF_RULES.get(id, ()))
    return (*(-value for value in found), *found) if id == "KD301" else found


def known(values: Sequence[float | None]) -> list[float]:
    """The values that are defined."""
    return [value for value in values if value is not None]


def mean(values: Sequence[float | None]) -> float | None:
    """Mean of the defined values; None if there are none."""
    defined = known(values)
    return math.fsum(defined) / len(defined) if defined else None


def controls_repeat(result: AuditResult) -> float | None:
    """How many of the teacher's wrong answers a control gives too, on average."""
    agreement = mean([model.agreement_W for model in models(result, "independent")])
    return None if agreement is None or result.n_W is None else agreement * result.n_W


def controls_know(result: AuditResult) -> float | None:
    """How many of the teacher's right answers a control gives too, on average."""
    agreement = mean([model.agreement_R for model in models(result, "independent")])
    return None if agreement is None or result.n_R is None else agreement * result.n_R


def accuracy(result: AuditResult, role: ModelRole) -> float | None:
    """Mean accuracy of the models of one role."""
    return mean([model.accuracy for model in models(result, role)])


def training_seconds(result: AuditResult) -> float:
    """How long all trainings took together, those kept from earlier runs included."""
    return math.fsum(known([model.seconds for model in result.models]))


def tested_parts(result: AuditResult, family: str) -> list[PartRecord]:
    """The parts of one family, 'class', 'pair' or 'slice', in which kappa_W was tested."""
    return [part for part in result.parts if part.family == family and part.kappa_W is not None]


def gallery_anchors(result: AuditResult) -> dict[str, str]:
    """Where the page shows each inherited error, by the example's id; nothing where chance explains too many."""
    record = result.inherited
    if record is None or record.fdr > LARGEST_FDR:
        return {}
    return {example.id: gallery_anchor(place) for place, example in enumerate(record.examples)}


def gallery_anchor(place: int) -> str:
    """Where the page shows the inherited error at this place of the record."""
    return f"e-{place + 1}"


def measured(effect: EffectRecord | None) -> bool:
    """Whether there is an estimate."""
    return effect is not None and effect.estimate is not None


def tested(effect: EffectRecord | None) -> bool:
    """Whether there is an estimate with an interval."""
    return effect is not None and None not in (effect.estimate, effect.low90, effect.high90)


def class_name(result: AuditResult, index: int) -> str:
    """The name of a class, or its number where no names are known."""
    names = result.data.class_names
    return name(names[index]) if 0 <= index < len(names) else f"class {index}"


def predictive_band(values: Sequence[float | None]) -> Band | None:
    """Where one more value like these would fall in 95 of 100 cases; None below three values.

    mean -+ t(.975, K - 1) sd sqrt(1 + 1/K).
    """
    defined = known(values)
    size = len(defined)
    if size < FEWEST_FOR_INTERVAL:
        return None
    centre = math.fsum(defined) / size
    deviation = math.sqrt(math.fsum((value - centre) ** 2 for value in defined) / (size - 1))
    half = float(stdtrit(size - 1, 0.975)) * deviation * math.sqrt(1 + 1 / size)
    return Band(centre - half, centre + half)


def nothing_measured(result: AuditResult) -> bool:
    """Whether there is no number at all to show."""
    effects = (result.kappa_W, result.kappa_R, result.rrr, result.accuracy_gap)
    accuracies = [model.accuracy for model in result.models]
    return not any(measured(effect) for effect in effects) and not result.transfer and not known(accuracies)


def why_missing(result: AuditResult, what: str, otherwise: str) -> str:
    """Why a part is missing: the reason recorded for it, else the given one; labels come before everything else."""
    if not result.data.has_labels and what not in _WITHOUT_LABELS:
        return NO_LABELS
    skipped = next((row for row in result.skipped if what in row.what.lower() and row.stage != "data"), None)
    return otherwise if skipped is None else skipped.reason
