"""What a user states becomes a policy, or an error that names everything that is wrong with it."""

from __future__ import annotations

from datetime import date

import pytest

from kdaudit.errors import SpecError
from kdaudit.options import Waiver
from kdaudit.policy import RULES
from kdaudit.policy.limits import LIMITS, PRESET_LIMITS, PRESETS, limit_infos
from kdaudit.policy.policy import Policy
from kdaudit.policy.stated import policy_of, rule_info


def stated(
    preset: str = "default",
    rules: dict[str, object] | None = None,
    limits: dict[str, object] | None = None,
    waivers: tuple[Waiver, ...] = (),
) -> Policy:
    """The policy of these tables."""
    return policy_of(preset=preset, rules=rules or {}, limits=limits or {}, waivers=waivers)


def test_nothing_stated_is_the_default_preset() -> None:
    """A gain that is shown excuses."""
    assert Policy() == stated()


def test_limits_lie_on_top_of_the_preset() -> None:
    """A whole number is a number, and stays one where counts are meant."""
    policy = stated("strict", limits={"m_fail": 0.2, "min_headroom": 12, "min_controls": 5})
    assert (0.2, 0.10, 12.0, 5) == (
        policy.limits.m_fail,
        policy.limits.m_pass,
        policy.limits.min_headroom,
        policy.limits.min_controls,
    )
    assert isinstance(policy.limits.min_controls, int)


def test_levels_that_are_a_rules_own_change_nothing() -> None:
    """Only what differs is a change."""
    assert {"KD402": "error"} == stated(rules={"KD202": "warn", "KD301": "error", "KD402": "error"}).levels


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"preset": "stric"},
            r"expected a preset of default, lenient, margins, strict, found 'stric', did you mean strict\?",
        ),
        ({"rules": {"KD222": "warn"}}, r"unknown rule KD222 in \[rules\], did you mean KD202\?"),
        ({"rules": {"x": "warn"}}, r"unknown rule x in \[rules\]$"),
        ({"rules": {"KD202": "err"}}, r"off, warn, error for KD202 .*found 'err', did you mean error\?"),
        ({"rules": {"KD202": 3}}, "found 3"),
        (
            {"rules": {"KD201": "off"}},
            r"KD201 in \[rules\] to be warn or error, found off: it is what a pass",
        ),
        ({"rules": {"KD101": "error"}}, "KD101 in .* to be off, found error: it is a finding"),
        ({"limits": {"m_fial": 0.1}}, r"unknown limit m_fial in \[limits\], did you mean m_fail\?"),
        ({"limits": {"m_fail": 10}}, "m_fail in .* to be a number from 0 to 1, found 10"),
        ({"limits": {"m_fail": "0.1"}}, "found '0.1'"),
        ({"limits": {"m_fail": True}}, "found True"),
        ({"limits": {"m_fail": float("nan")}}, "found nan"),
        ({"limits": {"min_controls": 2}}, "min_controls in .* to be a whole number from 3 to 1000, found 2"),
        ({"limits": {"min_controls": 3.5}}, "whole number from 3"),
    ],
)
def test_wrong_tables_invalid(tables: dict[str, object], message: str) -> None:
    """Names, kinds and ranges, each with what was found."""
    with pytest.raises(SpecError, match=message):
        stated(**tables)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["KD301", "KD302", "KD305", "KD306", "KD307"])
@pytest.mark.parametrize("level", ["off", "warn"])
def test_rules_on_fitness_cannot_be_lowered_invalid(rule: str, level: str) -> None:
    """Else a broken set-up could pass."""
    with pytest.raises(
        SpecError, match=rf"expected {rule} .*to be error, found {level}: without it a broken"
    ):
        stated(rules={rule: level})


@pytest.mark.parametrize(
    ("rule", "reason", "message"),
    [
        ("KD301", "x", "KD301 cannot be waived: whether an audit is fit"),
        ("KD303", "x", "KD303 cannot be waived"),
        ("KD411", "x", r"unknown rule KD411 in a waiver, did you mean KD401\?"),
        ("KD202", " ", "expected a reason in the waiver of KD202, found none"),
    ],
)
def test_wrong_waivers_invalid(rule: str, reason: str, message: str) -> None:
    """Fitness cannot be waived, and nothing without a reason."""
    with pytest.raises(SpecError, match=message):
        stated(waivers=(Waiver(rule=rule, reason=reason, expires=date(2027, 1, 1)),))


def test_everything_that_is_wrong_is_said_at_once_invalid() -> None:
    """With where to look it up."""
    with pytest.raises(SpecError, match=r"KD999.*m_fial.*KD307 cannot be waived") as caught:
        stated(
            rules={"KD999": "warn"},
            limits={"m_fial": 1},
            waivers=(Waiver(rule="KD307", reason="x", expires=date(2027, 1, 1)),),
        )
    assert "kdaudit explain" in (caught.value.hint or "")


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_levels_and_a_reason_where_they_are_few(rule: str) -> None:
    """All three, or fewer with the reason."""
    info = rule_info(rule)
    assert bool(info.fixed_because) == (len(info.levels) < 3)
    assert info.title


def test_every_limit_lies_in_its_range_and_says_what_it_is() -> None:
    """Presets differ in the limits of the verdict only."""
    for info in limit_infos():
        for limits in PRESETS.values():
            assert info.low <= getattr(limits, info.name) <= info.high
        assert info.meaning
        assert (
            getattr(LIMITS, info.name) == getattr(PRESETS["strict"], info.name) or info.name in PRESET_LIMITS
        )
