"""Progress on standard error, and the log file: what a run of hours tells to whoever watches or comes back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from kdaudit.cli.log import Log
from kdaudit.cli.progress import Tracker, told
from kdaudit.types import ProgressEvent
from tests.cli.conftest import Cli, check_args
from tests.planted import World
from tests.trainable import trainable_world

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ")


class Clock:
    """Stands still until it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("kdaudit.cli.progress.time.monotonic", lambda: self.now)


def step(done: int, name: str = "independent/0") -> ProgressEvent:
    """One event of a control's training, of 100 steps in 4 epochs."""
    return ProgressEvent(
        stage="train",
        name=name,
        done=done,
        total=100,
        epoch=1 + done // 26,
        epochs=4,
        loss=0.5,
        examples_per_second=1234.0,
    )


def test_a_line_of_training_says_how_far_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a control of ten in a minute: nine and a half take nineteen."""
    clock, tracker = Clock(monkeypatch), Tracker()
    tracker.take(ProgressEvent(stage="controls", done=0, total=10))
    clock.now += 60
    tracker.take(step(50))
    assert (
        "train independent/0, 0 of 10 controls done, epoch 2 of 4, loss 0.500, 1,234 examples/s, 19 minutes left"
        == tracker.line
    )
    assert "train 0/10, epoch 2/4, loss 0.500, 1,234/s, 19 minutes left" == tracker.short
    assert 0.05 == pytest.approx(tracker.fraction)


def test_controls_that_are_kept_took_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With eight of ten kept, one more in a minute leaves a minute."""
    clock, tracker = Clock(monkeypatch), Tracker()
    tracker.take(ProgressEvent(stage="controls", done=8, total=10))
    clock.now += 60
    tracker.take(step(100))
    assert tracker.line.endswith(", 60 seconds left")
    tracker.take(ProgressEvent(stage="controls", name="independent/0", done=9, total=10))
    assert "controls: 9 of 10 done, independent/0 finished" == tracker.line
    assert 0.9 == tracker.fraction


def test_other_stages_say_their_rate_and_the_time_left_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is done since they began, or as they say it themselves."""
    clock, tracker = Clock(monkeypatch), Tracker()
    event = ProgressEvent(stage="predict", name="t.onnx", done=0, total=4000, examples_per_second=100.0)
    tracker.take(event)
    clock.now += 10
    tracker.take(
        ProgressEvent(stage="predict", name="t.onnx", done=1000, total=4000, examples_per_second=100.0)
    )
    assert "predict t.onnx, 1,000 of 4,000, 100 examples/s, 30 seconds left" == tracker.line
    tracker.take(ProgressEvent(stage="decode", done=5, total=10, seconds_left=7200.0))
    assert "decode, 5 of 10, 2 hours left" == tracker.line


def test_lines_come_with_news_and_else_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stage that begins and a control that is finished are news; a step is not."""
    clock = Clock(monkeypatch)
    with told("plain", Log(), quiet=False) as tell:
        tell.progress(ProgressEvent(stage="controls", done=0, total=2))
        for done in range(10, 100, 10):
            clock.now += 3
            tell.progress(step(done))
        tell.progress(ProgressEvent(stage="controls", name="independent/0", done=1, total=2))
    lines = capsys.readouterr().err.splitlines()
    assert "controls: 0 of 2 done" == lines[0]
    assert ["epoch 1", "epoch 2", "epoch 4"] == [re.findall("epoch .", line)[0] for line in lines[1:-1]]
    assert "controls: 1 of 2 done, independent/0 finished" == lines[-1]


def test_quiet_and_none_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A notice is shown without progress, and not when it is to be quiet."""
    for quiet in (False, True):
        with told("none", Log(), quiet=quiet) as tell:
            tell.progress(step(10))
            tell.notice("decided")
    assert "decided\n" == capsys.readouterr().err


def test_a_bar_shows_the_line_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole at 80 columns; on a terminal that is too narrow it ends in dots instead of wrapping."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    whole = "train 0/10, epoch 2/4, loss 0.500, 1,234/s, 19 minutes left"
    clock = Clock(monkeypatch)
    for columns, is_whole in ((80, True), (60, False)):
        monkeypatch.setenv("COLUMNS", str(columns))
        with told("bar", Log(), quiet=False) as tell:
            tell.progress(ProgressEvent(stage="controls", done=0, total=10))
            clock.now += 60
            tell.progress(step(50))
        shown = capsys.readouterr().err
        assert "train 0/10, epoch" in shown
        assert (is_whole, not is_whole) == (whole in shown, "…" in shown)


def test_a_run_can_be_followed_in_its_log(cli: Cli, tmp_path: Path) -> None:
    """Command, stages, control k of K with loss and rate, notices, the rules, and the verdict on the last line."""
    torch.set_num_threads(1)  # two wait for each other on a busy machine
    world = trainable_world(tmp_path / "world")
    options = ["--controls", "3", "--random-controls", "0", "--positive-controls", "0", "--epochs", "2"]
    arguments = [*world.check_args, *options, "--workers", "0", "--device", "cpu", "-q"]
    ended = cli(*arguments, "--log-file", "run.log")
    text = Path("run.log").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert all(STAMP.match(line) for line in lines)
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f]*", text), "no control characters but line ends"
    said = [line.partition(" ")[2] for line in lines]
    assert said[0].startswith("started: kdaudit check ")
    assert any(line.startswith("predict teacher.onnx") and "examples/s" in line for line in said)
    assert any(re.match(r"train .*, epoch \d of 2, loss \d\.\d{3}, [\d,]+ examples/s", line) for line in said)
    assert ["0", "1", "2", "3"] == [line[10] for line in said if re.match(r"controls: \d of 3 done", line)]
    assert any(line.startswith("controls: 3 of 3 to train") for line in said), "notices, although it is quiet"
    assert ended.out.splitlines()[-1] == said[-1]
    cli(*arguments, "--log-file", "run.log")
    again = Path("run.log").read_text(encoding="utf-8")
    assert again.startswith(text), "appended"
    assert "controls: all 3 are kept from an earlier run" in again.removeprefix(text)


def test_a_log_says_why_there_is_no_verdict(cli: Cli, honest: World) -> None:
    """The error on its last line."""
    assert 2 == cli(*check_args(honest), "--control", honest.path("teacher"), "--log-file", "run.log").code
    last = Path("run.log").read_text(encoding="utf-8").splitlines()[-1]
    assert "ended without a verdict: " in last
    assert "equal to the teacher" in last


def test_a_log_that_cannot_be_written_is_said_before_anything_runs_invalid(cli: Cli, honest: World) -> None:
    """Exit 4, and no model was asked."""
    ended = cli(*check_args(honest), "--log-file", "nowhere/run.log")
    assert 4 == ended.code
    assert "expected to write a log to nowhere/run.log, found: No such file" in ended.err
    assert "hint: name another file with --log-file" in ended.err
    assert not Path("cache").exists()


def test_a_log_on_a_full_disk_does_not_end_the_audit(cli: Cli, honest: World) -> None:
    """It is said once."""
    ended = cli(*check_args(honest), "--log-file", "/dev/full")
    assert 0 == ended.code, ended.err
    assert 1 == ended.err.count("the log file takes no more lines: No space left on device")


def test_a_log_holds_no_control_characters(tmp_path: Path) -> None:
    """A name of a model can hold anything; each of its lines has a time before it."""
    with (tmp_path / "log").open("wb") as stream:
        Log(stream).take("a\x1b[31mred\x07\u2028b\nsecond")
    lines = (tmp_path / "log").read_text(encoding="utf-8").split("\n")
    assert ["a [31mred", "b", "second", ""] == [line.partition(" ")[2] for line in lines]
