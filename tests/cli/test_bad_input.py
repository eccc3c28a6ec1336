"""Bad input ends with exit 2 or 4, one line that says what, where, expected and found, and a hint."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from tests.cli.conftest import Cli, check_args
from tests.planted import World, logits_of, write_selector, write_world


class _Evil:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
        return (Path.touch, (Path("ran"),))  # type: ignore[return-value]


def _truncated(world: World, tmp: Path) -> list[str]:
    (tmp / "cut.onnx").write_bytes(Path(world.path("teacher")).read_bytes()[:-40])
    return ["check", "cut.onnx", world.path("student"), "--data", world.data]


def _empty(world: World, tmp: Path) -> list[str]:
    (tmp / "empty.onnx").touch()
    return ["check", "empty.onnx", world.path("student"), "--data", world.data]


def _nan_weights(world: World, tmp: Path) -> list[str]:
    model = onnx.load(world.path("student"))
    weight = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[:] = np.nan
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight, "w"))
    onnx.save(model, tmp / "nan.onnx")
    return ["check", world.path("teacher"), "nan.onnx", "--data", world.data]


def _other_classes(world: World, tmp: Path) -> list[str]:
    n_features = np.load(world.data)["x"].shape[1]
    write_selector(tmp / "narrow.onnx", n_features, 0, 4)
    return ["check", world.path("teacher"), "narrow.onnx", "--data", world.data]


def _other_shape(world: World, tmp: Path) -> list[str]:
    write_selector(tmp / "shape.onnx", 7, 0, 5)
    return ["check", world.path("teacher"), "shape.onnx", "--data", world.data]


def _labels_out_of_range(world: World, tmp: Path) -> list[str]:
    loaded = np.load(world.data)
    np.savez(tmp / "d.npz", x=loaded["x"], y=loaded["y"] + 1)
    return ["check", world.path("teacher"), world.path("student"), "--data", "d.npz"]


def _unequal_lengths(world: World, tmp: Path) -> list[str]:
    loaded = np.load(world.data)
    np.savez(tmp / "d.npz", x=loaded["x"], y=loaded["y"][:-1])
    return ["check", world.path("teacher"), world.path("student"), "--data", "d.npz"]


def _no_examples(world: World, tmp: Path) -> list[str]:
    loaded = np.load(world.data)
    np.savez(tmp / "d.npz", x=loaded["x"][:0], y=loaded["y"][:0])
    return ["check", world.path("teacher"), world.path("student"), "--data", "d.npz"]


def _one_class(world: World, tmp: Path) -> list[str]:
    loaded = np.load(world.data)
    np.savez(tmp / "d.npz", x=loaded["x"], y=np.zeros_like(loaded["y"]))
    return ["check", world.path("teacher"), world.path("student"), "--data", "d.npz"]


def _nan_inputs(world: World, tmp: Path) -> list[str]:
    loaded = np.load(world.data)
    x = loaded["x"].copy()
    x[3, 0] = np.nan
    np.savez(tmp / "d.npz", x=x, y=loaded["y"])
    return ["check", world.path("teacher"), world.path("student"), "--data", "d.npz"]


def _object_arrays(world: World, tmp: Path) -> list[str]:
    np.savez(tmp / "d.npz", x=np.array([_Evil(), _Evil()], dtype=object), y=np.array([0, 1]))
    return ["check", world.path("teacher"), world.path("student"), "--data", "d.npz"]


def _pickle_that_runs_code(world: World, tmp: Path) -> list[str]:
    (tmp / "evil.pt").write_bytes(pickle.dumps(_Evil()))
    arch = ["--student-arch", "tests.trainable:dense", "--arch-args", '{"width": 3}']
    return ["check", world.path("teacher"), "evil.pt", "--data", world.data, *arch]


def _weights_without_architecture(world: World, tmp: Path) -> list[str]:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp / "s.pt")
    return ["check", world.path("teacher"), "s.pt", "--data", world.data]


def _weights_of_another_architecture(world: World, tmp: Path) -> list[str]:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp / "s.pt")
    arch = ["--student-arch", "tests.trainable:dense", "--arch-args", '{"width": 3}']
    return ["check", world.path("teacher"), "s.pt", "--data", world.data, *arch]


def _teacher_among_the_controls(world: World, tmp: Path) -> list[str]:
    return [*check_args(world), "--control", world.path("teacher")]


def _copy_of_a_control(world: World, tmp: Path) -> list[str]:
    model = onnx.load(world.path("control0"))
    model.doc_string = "another digest, the same function"
    onnx.save(model, tmp / "again.onnx")
    return [*check_args(world), "--control", "again.onnx"]


def _probabilities_as_logits(world: World, tmp: Path) -> list[str]:
    model = onnx.load(world.path("teacher"))
    model.graph.node[0].output[0] = "z"
    model.graph.node.append(onnx.helper.make_node("Softmax", ["z"], ["logits"], axis=1))
    onnx.save(model, tmp / "probs.onnx")
    return ["check", "probs.onnx", world.path("student"), "--data", world.data]


def _logits_as_probabilities(world: World, tmp: Path) -> list[str]:
    return [*check_args(world), "--teacher-output", "probs"]


def _unwritable(world: World, tmp: Path) -> list[str]:
    (tmp / "file").touch()
    return [*check_args(world), "--report-dir", "file/reports"]


def _foreign_report_folder(world: World, tmp: Path) -> list[str]:
    (tmp / "kdaudit-report" / "student").mkdir(parents=True)
    (tmp / "kdaudit-report" / "student" / "precious.txt").touch()
    return check_args(world)


def _config_key(world: World, tmp: Path) -> list[str]:
    (tmp / "kdaudit.toml").write_text("contrils = 3\n[recipe]\nepoch = 4\n")
    return check_args(world)


def _config_type(world: World, tmp: Path) -> list[str]:
    (tmp / "kdaudit.toml").write_text('controls = "many"\n')
    return check_args(world)


def _no_data(world: World, tmp: Path) -> list[str]:
    return ["check", world.path("teacher"), world.path("student")]


def _missing_data(world: World, tmp: Path) -> list[str]:
    return ["check", world.path("teacher"), world.path("student"), "--data", "imagenet-vall"]


def _no_imagenet(world: World, tmp: Path) -> list[str]:
    return ["check", world.path("teacher"), world.path("student"), "--data", "imagenet-val"]


def _report_format(world: World, tmp: Path) -> list[str]:
    return [*check_args(world), "--report", "pdf=x.pdf"]


def _no_cuda(world: World, tmp: Path) -> list[str]:
    return [*check_args(world), "--device", "cuda:7"]


def _time_limit(world: World, tmp: Path) -> list[str]:
    return [*check_args(world), "--time-limit", "soon"]


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (_truncated, 4, "expected an ONNX file, found bytes of another kind or cut off in cut.onnx"),
        (_empty, 4, "expected a model in empty.onnx, found an empty file"),
        (_nan_weights, 4, "expected finite outputs from nan.onnx, found NaN or infinity at example 0"),
        (_other_classes, 2, "narrow.onnx to have the teacher's 5 classes, found 4 outputs"),
        (_other_shape, 4, "expected an example of shape 7 for input 'x' of shape.onnx"),
        (_labels_out_of_range, 2, "expected labels from 0 to 4"),
        (_unequal_lengths, 4, "d.npz"),
        (_no_examples, 4, "d.npz"),
        (_one_class, 4, "class"),
        (_nan_inputs, 4, "example 3"),
        (_object_arrays, 4, "d.npz"),
        (_pickle_that_runs_code, 4, "would run code"),
        (_weights_without_architecture, 2, "expected an architecture for the weights in s.pt"),
        (_weights_of_another_architecture, 4, "expected the weights in s.pt to fit the architecture"),
        (_teacher_among_the_controls, 2, "equal to the teacher"),
        (_copy_of_a_control, 2, "again.onnx (independent) puts out what control0.onnx"),
        (
            _probabilities_as_logits,
            4,
            "expected logits from probs.onnx, found non-negative rows that sum to 1",
        ),
        (_logits_as_probabilities, 4, "expected probs from"),
        (_unwritable, 4, "expected to write reports to file/reports"),
        (_foreign_report_folder, 4, "to be empty or to hold an earlier audit"),
        (_config_key, 2, "did you mean controls?"),
        (_config_type, 2, "--controls"),
        (_no_data, 2, "expected labelled evaluation data"),
        (_missing_data, 4, "imagenet-vall"),
        (_no_imagenet, 4, "imagenet"),
        (_report_format, 2, "expected --report FORMAT=PATH"),
        (_no_cuda, 4, "expected cuda:7, found that"),
        (_time_limit, 2, "expected a time limit like 90m"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_bad_input(
    honest: World, cli: Cli, tmp_path: Path, make: Callable[[World, Path], list[str]], code: int, message: str
) -> None:
    """The code, the message, at most one hint, no traceback, no report, and no code that ran."""
    ended = cli(*make(honest, tmp_path))
    assert code == ended.code, ended.err
    lines = [line for line in ended.err.splitlines() if line.startswith(("kdaudit: ", "hint: "))]
    assert message in lines[0]
    assert len(lines) <= 2
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert list(tmp_path.glob("kdaudit-report/*/report.html")) == []
    assert not (tmp_path / "ran").exists()


def _without_teacher_errors(tmp: Path) -> World:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=300)
    noisy = {
        name: np.where(rng.random(300) < 0.2, (labels + 1) % 3, labels)
        for name in ("student", "c1", "c2", "c3")
    }
    answers = {"teacher": labels, **noisy}
    return write_world(tmp / "w", labels, {k: logits_of(v, 3, rng) for k, v in answers.items()})


def test_a_teacher_without_errors_is_inconclusive(cli: Cli, tmp_path: Path) -> None:
    """Exit 3 with a report that says why."""
    world = _without_teacher_errors(tmp_path)
    controls = [part for name in ("c1", "c2", "c3") for part in ("--control", world.path(name))]
    ended = cli("check", world.path("teacher"), world.path("student"), "--data", world.data, *controls)
    assert ended.code == 3, ended.err
    assert "The teacher gets 0 examples wrong" in ended.out


def test_no_training_data_still_compares(honest: World, cli: Cli, tmp_path: Path) -> None:
    """Exit 3 with a report: functions are compared, nothing is judged."""
    ended = cli("check", honest.path("teacher"), honest.path("student"), "--data", honest.data)
    assert ended.code == 3, ended.err
    assert "No training data was given" in ended.out
    assert (tmp_path / "kdaudit-report/student/report.html").exists()
    assert "distance to the teacher" in ended.out
    assert "other answers" in ended.out
