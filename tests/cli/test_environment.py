"""Variables of the environment: each option has one, and a slip is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from kdaudit.cli.environment import known_variables, unknown_variables
from kdaudit.cli.main import app
from kdaudit.options import AuditSpec, OutputSpec
from kdaudit.spec import option_helps
from tests.cli.conftest import Cli, check_args
from tests.planted import World

KNOWN = known_variables(typer.main.get_command(app))


def test_each_option_has_a_variable() -> None:
    """Of its name, in capitals; and there are no others but that of --config and those of judge."""
    ours = {f"KDAUDIT_{name.upper()}" for cls in (AuditSpec, OutputSpec) for name, _ in option_helps(cls)}
    assert ours <= KNOWN
    of_judge = {"KDAUDIT_TEACHER", "KDAUDIT_STUDENT", "KDAUDIT_LABELS", "KDAUDIT_OUTPUTS"}
    others = {"KDAUDIT_RANDOM_CONTROL", "KDAUDIT_POSITIVE_CONTROL", "KDAUDIT_ALTERNATE_CONTROL"}
    assert {"KDAUDIT_CONFIG", "KDAUDIT_CONTROLS_MATCHED", *of_judge, *others} == KNOWN - ours


def test_a_slip_is_named_with_the_nearest() -> None:
    """What resembles nothing is named alone; what is not ours is none of our business."""
    found = unknown_variables(
        ["KDAUDIT_CONTROL_S", "KDAUDIT_XYZZY", "KDAUDIT_SEED", "HOME", "_KDAUDIT_COMPLETE"], KNOWN
    )
    assert [
        "kdaudit: no option reads KDAUDIT_CONTROL_S, did you mean KDAUDIT_CONTROLS?",
        "kdaudit: no option reads KDAUDIT_XYZZY",
    ] == list(found)


def test_a_slip_is_said_and_stops_nothing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, unless it is to be quiet."""
    monkeypatch.setenv("KDAUDIT_PRESETS", "strict")
    ended = cli("explain", "KD201")
    assert 0 == ended.code
    assert "no option reads KDAUDIT_PRESETS, did you mean KDAUDIT_PRESET?" in ended.err
    assert "KDAUDIT_PRESETS" not in cli("cache", "ls", "-q").err + cli("explain").out


def test_a_configuration_may_be_named_there(
    honest: World, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KDAUDIT_CONFIG."""
    Path("else.toml").write_text("contrils = 3\n")
    monkeypatch.setenv("KDAUDIT_CONFIG", "else.toml")
    ended = cli(*check_args(honest))
    assert (2, True) == (ended.code, "unknown key contrils in else.toml" in ended.err)
