"""Evidence in, verdict out: the rules of the gate."""

from __future__ import annotations

from kdaudit.policy import (
    deciding_rule,
    fitness_rules,
    knowledge_rules,
    origin_rule,
    quality_rules,
    regression_rules,
)
from kdaudit.policy.judge import Rule

RULES: dict[str, Rule] = {
    "KD101": knowledge_rules.functional_transfer,
    "KD201": deciding_rule.wrong_knowledge,
    "KD202": knowledge_rules.negative_asymmetry,
    "KD203": origin_rule.origin,
    "KD204": knowledge_rules.inherited_errors,
    "KD205": regression_rules.no_regression,
    "KD301": fitness_rules.controls_fit,
    "KD302": fitness_rules.teacher_errors,
    "KD303": fitness_rules.positive_controls,
    "KD304": fitness_rules.sharp_enough,
    "KD305": fitness_rules.enough_controls,
    "KD306": fitness_rules.sane,
    "KD307": fitness_rules.no_leak,
    "KD401": quality_rules.accuracy,
    "KD402": quality_rules.negative_flips,
    "KD403": quality_rules.calibration,
    "KD404": quality_rules.classes,
    "KD405": quality_rules.slices,
}
