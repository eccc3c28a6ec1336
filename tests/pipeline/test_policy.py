"""The policy of a spec, as a library is given it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kdaudit import AuditSpec, Waiver
from kdaudit.errors import SpecError
from kdaudit.pipeline.audit import training_plans
from tests.pipeline.conftest import Auditor
from tests.planted import flawed_world


def test_a_spec_states_preset_levels_limits_and_waivers(audited: Auditor, tmp_path: Path) -> None:
    """All of it stands in the result."""
    result = audited(
        flawed_world(tmp_path / "w", copied=0.5),
        preset="strict",
        rules={"KD404": "off"},
        limits={"min_stratum": 30},
        waivers=(Waiver(rule="KD201", reason="A test.", expires=date(9999, 12, 31)),),
    )
    policy = result.policy
    assert ("pass", 0.10, "strict") == (result.verdict, result.margin_pass, policy.preset)
    assert (30, "KD404", "used") == (
        policy.limits["min_stratum"],
        policy.changed_levels[0].rule,
        policy.waivers[0].state,
    )
    assert () == policy.rates_lost


def test_too_few_errors_by_the_policy_train_nothing(audited: Auditor, tmp_path: Path) -> None:
    """The limit decides before training as it does after."""
    world = flawed_world(tmp_path / "w", n=400)
    result = audited(world, limits={"min_stratum": 200})
    assert "so nothing was trained" in result.skipped[0].reason
    assert "inconclusive" == result.verdict


@pytest.mark.parametrize("stated", [{"rules": {"KD301": "off"}}, {"limits": {"m_fail": 5}}])
def test_a_wrong_policy_is_refused_before_anything_else_invalid(
    audited: Auditor, tmp_path: Path, stated: dict[str, object]
) -> None:
    """Also where only the plan was asked for."""
    world = flawed_world(tmp_path / "w", n=50)
    with pytest.raises(SpecError, match=r"expected (KD301|m_fail)"):
        audited(world, **stated)
    with pytest.raises(SpecError, match=r"expected (KD301|m_fail)"):
        training_plans(AuditSpec(teacher="none", students=("none",), data="none", **stated))  # type: ignore[arg-type]


def test_margins_and_sharpness_allow_for_the_students_accuracy(audited: Auditor, tmp_path: Path) -> None:
    """A student as inaccurate as a weak teacher fails later, and the document says from where."""
    world = flawed_world(tmp_path, n=3000, teacher_error=0.35, control_error=0.25, copied=0.3)
    result = audited(world)
    assert result.accuracy_gap is not None
    gap = result.accuracy_gap.estimate or 0.0
    assert -0.05 < gap < -0.01, "30 % of a teacher 10 points below"
    assert result.margin_fail == pytest.approx(0.10 + round(-7 * gap, 2))
    assert 0.20 == result.margin_pass
    assert (result.sharpness or 0.0) >= result.margin_fail
    (row,) = [row for row in result.rules if row.id == "KD301"]
    assert f"so it fails from {result.margin_fail * 100:g}\u00a0%" in row.reason
