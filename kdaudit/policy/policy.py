"""What a user may state: the level of each rule, the limits, and waivers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kdaudit.options import Level, Waiver
from kdaudit.policy.limits import DEFAULT_PRESET, PRESETS, Limits, limit_infos


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """By what an audit is judged; made by `stated.policy_of`.

    `limits` are those of the preset but for the changed ones; `levels` holds the rules whose level was changed.
    """

    preset: str = DEFAULT_PRESET
    limits: Limits = PRESETS[DEFAULT_PRESET]
    levels: Mapping[str, Level] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()


def lost_rates(policy: Policy) -> tuple[str, ...]:
    """Why the published error rates do not hold under this policy, each as a clause; () where they do.

    They hold for a preset's limits, for fitness limits that are stricter, and where KD201 alone decides.
    """
    return (*_by_levels(policy.levels), *_by_limits(policy))


def changed_limits(policy: Policy) -> tuple[str, ...]:
    """The names of the limits that are not the preset's."""
    preset = PRESETS[policy.preset]
    names = (info.name for info in limit_infos())
    return tuple(name for name in names if getattr(policy.limits, name) != getattr(preset, name))


def _by_levels(levels: Mapping[str, Level]) -> Iterator[str]:
    for rule, level in levels.items():
        if level == "error" and rule[:3] in ("KD2", "KD4"):
            yield f"{rule} can fail the audit"
        elif rule == "KD201":
            yield "KD201 only warns"


def _by_limits(policy: Policy) -> Iterator[str]:
    preset, changed = PRESETS[policy.preset], changed_limits(policy)
    for info in limit_infos():
        value, usual = getattr(policy.limits, info.name), getattr(preset, info.name)
        lost = {"above": value > usual, "below": value < usual, "either": True, "never": False}[info.loses]
        if info.name in changed and lost:
            yield f"{info.name} is {value:g} instead of {usual:g}"
