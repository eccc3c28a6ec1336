"""`kdaudit plan`: from models, from an audit, and what cannot be planned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, check_args
from tests.planted import World
from tests.trainable import trainable_world


def test_a_plan_from_models_counts_errors_and_times_training(cli: Cli, tmp_path: Path) -> None:
    """The teacher's errors here, both reference teachers, training from measured steps; nothing is kept as trained."""
    world = trainable_world(tmp_path / "world")
    arguments = ["plan", *world.check_args[1:], "--epochs", "3", "--workers", "0", "--device", "cpu"]
    ended = cli(*arguments, "-f", "json")
    assert 0 == ended.code, ended.err
    plan = json.loads(ended.out)
    assert 0 < plan["n_W"] < plan["n"]
    assert 2 == len(plan["profiles"])
    for profile in plan["profiles"]:
        seconds = [line["training_seconds"] for line in profile["lines"]]
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
        needed = [line["n_W_fail"] for line in profile["lines"] if line["n_W_fail"] is not None]
        assert needed == sorted(needed, reverse=True), "more controls need fewer errors"
    assert not plan["per_epoch"]
    assert not (tmp_path / "cache" / "controls").exists()
    text = cli(*arguments)
    assert f"The teacher gets {plan['n_W']:,} of {plan['n']:,} examples wrong." in text.out
    assert max(map(len, text.out.splitlines())) <= 120


def test_a_plan_has_the_limits_of_the_configuration(cli: Cli, tmp_path: Path) -> None:
    """A pass below 10 % (strict) needs more errors than one below 20 %."""
    world = trainable_world(tmp_path / "world")
    models = [*world.check_args[1:3], "--data", world.check_args[world.check_args.index("--data") + 1]]
    needed = {}
    for preset in ("margins", "strict"):
        Path("kdaudit.toml").write_text(f'preset = "{preset}"\n')
        plan = json.loads(cli("plan", *models, "-f", "json").out)
        needed[preset] = plan["profiles"][0]["lines"][2]["n_W_pass"]
    assert needed["margins"] < needed["strict"]


def test_a_plan_from_an_audit_uses_what_it_measured(cli: Cli, honest: World) -> None:
    """No model is needed: the controls' variances stand in audit.json."""
    assert 0 == cli(*check_args(honest)).code
    audit = json.loads(Path("kdaudit-report/student/audit.json").read_text(encoding="utf-8"))
    assert audit["design"] is not None
    ended = cli("plan", "--from", "kdaudit-report/student/audit.json", "-f", "json", "--effect", "0.3")
    assert 0 == ended.code, ended.err
    plan = json.loads(ended.out)
    (profile,) = plan["profiles"]
    assert audit["design"] == profile["design"]
    assert (0.3, audit["n_W"]) == (plan["effect"], plan["n_W"])
    at_ten = next(line for line in profile["lines"] if line["n_controls"] == 10)
    assert at_ten["n_W_fail"] < audit["n_W"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected a teacher and a student to plan for"),
        (["--from", "nothing.json"], "expected an audit.json at nothing.json"),
        (["--effect", "1.5", "--from", "x.json"], "expected --effect above 0 and below 1"),
        (["--power", "0.2", "--from", "x.json"], "expected --power above 0.5 and below 1"),
        (["t.onnx", "--from", "x.json"], "expected models or --from AUDIT, found both"),
    ],
)
def test_what_cannot_be_planned_is_said_invalid(cli: Cli, arguments: list[str], said: str) -> None:
    """Usage errors with their reason; no traceback."""
    ended = cli("plan", *arguments)
    assert ended.code in (2, 4)
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_an_audit_of_two_controls_measured_nothing_invalid(cli: Cli, honest: World) -> None:
    """No variance to plan with: the way out is named."""
    assert 3 == cli(*check_args(honest, n=2)).code
    ended = cli("plan", "--from", "kdaudit-report/student/audit.json")
    assert 2 == ended.code
    assert "three controls or more" in ended.err
    assert "hint: plan from the models instead" in ended.err


def test_a_dry_run_says_what_is_left_to_train(cli: Cli, tmp_path: Path) -> None:
    """All of it, two controls more than an earlier run has trained, or nothing."""
    world = trainable_world(tmp_path / "world")
    command = [
        *world.check_args,
        "--epochs",
        "1",
        "--workers",
        "0",
        "--device",
        "cpu",
        "--positive-controls",
        "0",
    ]
    command += ["--random-controls", "0"]
    assert (
        "none is kept from an earlier run. They take about"
        in cli(*command, "--controls", "3", "--dry-run").out
    )
    cli(*command, "--controls", "3")
    assert (
        "3 are kept from an earlier run. The others take about"
        in cli(*command, "--controls", "5", "--dry-run").out
    )
    all_kept = cli(*command, "--controls", "3", "--dry-run").out
    assert all_kept.endswith("all are kept from an earlier run: nothing would be trained.\n")
