"""The policy of an audit: from the spec, into the document, and what the user is told about waivers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kdaudit.options import AuditSpec
from kdaudit.policy.limits import DEFAULT_PRESET, PRESETS, numbers_of
from kdaudit.policy.phrases import day
from kdaudit.policy.policy import Policy, changed_limits, lost_rates
from kdaudit.policy.stated import policy_of, rule_info
from kdaudit.schema import Assumption, LevelChange, LimitChange, PolicyRecord, WaiverRecord
from kdaudit.types import Verdict


def stated_policy(spec: AuditSpec) -> Policy:
    """The policy that a spec states.

    Raises:
        SpecError: everything that is wrong with it.
    """
    return policy_of(preset=spec.preset, rules=spec.rules, limits=spec.limits, waivers=spec.waivers)


def policy_record(policy: Policy, verdict: Verdict) -> PolicyRecord:
    """The policy as it is written down, with what came of its waivers."""
    limits, preset = numbers_of(policy.limits), numbers_of(PRESETS[policy.preset])
    return PolicyRecord(
        preset=policy.preset,
        limits=limits,
        changed_limits=tuple(
            LimitChange(name=name, value=limits[name], preset=preset[name]) for name in changed_limits(policy)
        ),
        changed_levels=tuple(
            LevelChange(rule=rule, level=level, default=rule_info(rule).level)
            for rule, level in sorted(policy.levels.items())
        ),
        waivers=tuple(
            WaiverRecord(
                rule=waiver.rule,
                reason=waiver.reason,
                expires=waiver.expires,
                student=waiver.student,
                state=state,
            )
            for waiver, state in zip(policy.waivers, verdict.waivers, strict=True)
        ),
        rates_lost=lost_rates(policy),
    )


def policy_assumptions(policy: Policy) -> tuple[Assumption, ...]:
    """The row of the assumptions table for a policy that is not the default; () for the default."""
    said = [] if policy.preset == DEFAULT_PRESET else [f"preset {policy.preset}"]
    said += [f"{name} {getattr(policy.limits, name):g}" for name in changed_limits(policy)]
    said += [f"{rule} {level}" for rule, level in sorted(policy.levels.items())]
    said += [f"waiver of {waiver.rule} until {day(waiver.expires)}" for waiver in policy.waivers]
    return (Assumption(what="Policy", value=", ".join(said), known_from="stated"),) if said else ()


def signature_part(policy: Policy) -> str:
    """What the signature says of a policy that is not the default: the preset, and * where more was changed."""
    changed = "*" if changed_limits(policy) or policy.levels or policy.waivers else ""
    return f"|P:{policy.preset}{changed}" if changed or policy.preset != DEFAULT_PRESET else ""


def waiver_notices(records: Sequence[PolicyRecord]) -> Iterator[str]:
    """A line for each waiver that lifted nothing in any of the audits of one run."""
    for waivers in zip(*(record.waivers for record in records), strict=True):
        states, waiver = {each.state for each in waivers}, waivers[0]
        what = f"the waiver of {waiver.rule}" + (f" for {waiver.student}" if waiver.student else "")
        if "used" in states:
            continue
        if "expired" in states:
            yield f"{what} ended on {day(waiver.expires)} and lifts nothing any more"
        elif "unused" in states:
            yield f"{what} is not needed: the rule is not violated"
        else:
            yield f"{what} is for a student that was not audited alone"
