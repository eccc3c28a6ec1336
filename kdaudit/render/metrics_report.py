"""The audit's numbers as flat JSON, for experiment trackers: `mlflow.log_metrics(numbers)`, `wandb.log(numbers)`.

Keys are our own words, `kdaudit/kappa_W_low90`: no name that a user or a file chose is part of one, so that every
tracker takes them and two audits have the same. What is undefined is left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from kdaudit.render import facts
from kdaudit.schema import AuditResult, EffectRecord
from kdaudit.types import Outcome, RuleStatus

_EFFECTS = (
    *("kappa_W", "kappa_R", "rrr", "did", "atd", "tilt"),
    *("harm_per_1000", "benefit_per_1000", "net_harm_per_1000"),
    *("accuracy_gap", "negative_flips", "ece", "error_consistency", "information"),
)
_PLAIN = (
    *("exit_code", "n", "n_W", "n_R", "headroom_W", "n_repeated_W", "n_repeated_R"),
    *("n_controls", "n_random", "n_positive", "n_alternate"),
    *("raw_gain_W", "raw_gain_R", "p_asymmetry", "margin_fail", "margin_pass", "sharpness", "seconds"),
)
_ACCURACIES: dict[facts.ModelRole, str] = {
    "teacher": "teacher",
    "student": "student",
    "independent": "independent_controls",
    "random": "random_controls",
    "positive": "positive_controls",
    "alternate": "alternate_controls",
}


def render_metrics(result: AuditResult) -> str:
    """All numbers of the audit as one JSON object of finite numbers, the verdict first."""
    numbers = {f"kdaudit/{key}": value for key, value in _all(result) if value is not None}
    return json.dumps(numbers, indent=1, allow_nan=False) + "\n"


def _all(result: AuditResult) -> Iterator[tuple[str, float | None]]:
    yield "passed", int(result.verdict is Outcome.PASS)
    for name in _PLAIN:
        yield name, getattr(result, name)
    for role, word in _ACCURACIES.items():
        yield f"accuracy/{word}", facts.accuracy(result, role)
    for name in _EFFECTS:
        yield from _effect(name, getattr(result, name))
    for measure, record in result.transfer.items():
        yield from _effect(f"transfer/{measure}", record)
    inherited = result.inherited
    if inherited is not None:
        yield "inherited/n", inherited.n
        yield "inherited/expected_by_chance", inherited.expected_by_chance
        yield "inherited/fdr", inherited.fdr
    counts = Counter(row.outcome for row in result.rules)
    for status in RuleStatus:
        yield f"rules/{status.value}", counts[status]


def _effect(name: str, record: EffectRecord | None) -> Iterator[tuple[str, float | None]]:
    if record is None:
        return
    yield name, record.estimate
    for part in ("low90", "high90", "p"):
        yield f"{name}_{part}", getattr(record, part)
