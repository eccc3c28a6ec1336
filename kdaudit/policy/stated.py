"""From what the user states to a policy, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, cast

from kdaudit.errors import SpecError
from kdaudit.options import Level, Waiver
from kdaudit.policy import RULES
from kdaudit.policy.judge import DECIDING
from kdaudit.policy.limits import LIMITS, PRESETS, LimitInfo, Limits, limit_infos
from kdaudit.policy.policy import Policy
from kdaudit.policy.waivers import may_be_waived
from kdaudit.types import Assessment, Fitness, RuleOutcome

LEVELS: tuple[Level, ...] = ("off", "warn", "error")
_NOTHING = Assessment(
    fitness=Fitness(n_W=0, n_R=0, headroom_W=None, n_controls=0, n_trained_controls=0),
    effects={},
    transfer_holm={},
    p_asymmetry=None,
    inherited=None,
    sharpness=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """What a rule is before anything is measured, the levels that it may have, and why not the others."""

    rule: str
    title: str
    level: Literal["finding", "warn", "error"]
    fitness: bool
    levels: tuple[Level, ...]
    fixed_because: str


def blank_outcome(rule: str, limits: Limits) -> RuleOutcome:
    """What a rule says of itself, with these limits: each is total, so it can be asked about nothing."""
    return RULES[rule](_NOTHING, limits)


@cache
def rule_info(rule: str) -> RuleInfo:
    """What a rule is before anything is measured."""
    blank = blank_outcome(rule, LIMITS)
    levels, because = LEVELS, ""
    if blank.fitness:
        levels, because = ("error",), "without it a broken set-up could pass"
    elif rule == DECIDING:
        levels, because = ("warn", "error"), "it is what a pass means"
    elif blank.level == "finding":
        levels, because = ("off",), "it is a finding, and nothing can violate it"
    return RuleInfo(
        rule=rule,
        title=blank.title,
        level=blank.level,
        fitness=blank.fitness,
        levels=levels,
        fixed_because=because,
    )


def policy_of(
    *, preset: str, rules: Mapping[str, object], limits: Mapping[str, object], waivers: Sequence[Waiver]
) -> Policy:
    """The policy that was stated.

    Raises:
        SpecError: unknown rules, levels or limits (with the nearest known one), limits out of range, and levels or
            waivers that no rule on fitness may have; all at once.
    """
    problems = [*_level_problems(rules), *_limit_problems(limits), *_waiver_problems(waivers)]
    if preset not in PRESETS:
        problems.append(
            f"expected a preset of {', '.join(PRESETS)}, found {preset!r}{nearest(preset, PRESETS)}"
        )
    if problems:
        raise SpecError(
            "; ".join(problems), hint="kdaudit explain lists all rules, kdaudit schema config all limits"
        )
    whole = {info.name for info in limit_infos() if info.whole}
    changed: dict[str, Any] = {n: v if n in whole else float(cast("float", v)) for n, v in limits.items()}
    levels = {rule: cast("Level", level) for rule, level in rules.items()}
    return Policy(
        preset=preset,
        limits=replace(PRESETS[preset], **changed),
        levels={rule: level for rule, level in levels.items() if level != rule_info(rule).level},
        waivers=tuple(waivers),
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """The clause that names what was probably meant; '' where nothing is near."""
    near = get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""


def _level_problems(rules: Mapping[str, object]) -> Iterator[str]:
    for rule, level in rules.items():
        if rule not in RULES:
            yield f"unknown rule {rule} in [rules]{nearest(rule, RULES)}"
        elif level not in LEVELS:
            yield (
                f"expected a level of {', '.join(LEVELS)} for {rule} in [rules], "
                f"found {level!r}{nearest(str(level), LEVELS)}"
            )
        elif level not in rule_info(rule).levels:
            allowed = " or ".join(rule_info(rule).levels)
            yield f"expected {rule} in [rules] to be {allowed}, found {level}: {rule_info(rule).fixed_because}"


def _limit_problems(limits: Mapping[str, object]) -> Iterator[str]:
    infos = {info.name: info for info in limit_infos()}
    for name, value in limits.items():
        if name not in infos:
            yield f"unknown limit {name} in [limits]{nearest(name, infos)}"
        elif not _fits(infos[name], value):
            info = infos[name]
            kind = "a whole number" if info.whole else "a number"
            yield f"expected {name} in [limits] to be {kind} from {info.low:g} to {info.high:g}, found {value!r}"


def _fits(info: LimitInfo, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if info.whole else int | float):
        return False
    return info.low <= value <= info.high


def _waiver_problems(waivers: Sequence[Waiver]) -> Iterator[str]:
    for waiver in waivers:
        if waiver.rule not in RULES:
            yield f"unknown rule {waiver.rule} in a waiver{nearest(waiver.rule, RULES)}"
        elif not may_be_waived(waiver.rule):
            yield f"{waiver.rule} cannot be waived: whether an audit is fit to judge is not the student's fault"
        elif not waiver.reason.strip():
            yield f"expected a reason in the waiver of {waiver.rule}, found none"
