"""Students in every PyTorch format, audited from end to end with controls of their own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import transformers
from torch import nn

from kdaudit.errors import ModelError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.schema import AuditResult
from tests.trainable import TrainableWorld, dense, trainable_world

N_CONTROLS = 2
EXAMPLE = (torch.zeros(2, 8),)
Audit = Callable[..., AuditResult]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense student in every format."""
    world = trainable_world(tmp_path_factory.mktemp("formats"))
    student = dense(16)
    student.load_state_dict(torch.load(world.path("student.pt")))
    student.eval()
    free = ({0: torch.export.Dim("n")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated
        torch.jit.script(student).save(world.path("scripted"))  # type: ignore[no-untyped-call]
        torch.jit.trace(student, EXAMPLE).save(world.path("traced"))  # type: ignore[no-untyped-call]
        torch.jit.freeze(torch.jit.script(student)).save(world.path("frozen"))
    torch.export.save(torch.export.export(student, EXAMPLE, dynamic_shapes=free), world.path("free.pt2"))
    torch.export.save(torch.export.export(student, EXAMPLE), world.path("fixed.pt2"))
    torch.save(student, world.path("pickled"))
    return world


@pytest.fixture
def run(world: TrainableWorld, tmp_path: Path) -> Audit:
    """The audit of one student; options override."""

    def audited(student: str, **options: object) -> AuditResult:
        values: dict[str, object] = {
            "teacher": world.path("teacher.onnx"),
            "students": (world.path(student),),
            "data": world.path("eval.npz"),
            "train_data": world.path("train.npz"),
            "controls": N_CONTROLS,
            "random_controls": 0,
            "positive_controls": 0,
            "epochs": "3",
            "lr": 3e-3,
            "batch_size": 60,
            "workers": 0,
            "device": "cpu",
            "cache_dir": str(tmp_path / "cache"),
            **options,
        }
        (only,) = audit(AuditSpec(**values))  # type: ignore[arg-type]
        return only.result

    return audited


def accuracies(result: AuditResult, role: str) -> list[float]:
    """The accuracies of a role's models."""
    return [m.accuracy for m in result.models if m.role == role and m.accuracy is not None]


@pytest.mark.parametrize(
    ("student", "sentence"),
    [
        ("scripted", "own scripted network"),
        ("free.pt2", "own exported program"),
        pytest.param("pickled", "own pickled network", marks=pytest.mark.slow),
        pytest.param("traced", "was converted by way of ONNX", marks=pytest.mark.slow),
        pytest.param("fixed.pt2", "was converted by way of ONNX", marks=pytest.mark.slow),
    ],
)
def test_every_format_gets_the_controls_of_its_architecture(
    student: str, sentence: str, run: Audit, tmp_path: Path
) -> None:
    """The same answers of the student, and controls as those of the architecture's own code, draw by draw."""
    found = run(student, trust_pickle=True, save_controls=str(tmp_path / "saved"))
    own = run("student.pt", student_arch="tests.trainable:dense", arch_args='{"width": 16}')
    assert sentence in found.fidelity
    assert accuracies(own, "student") == pytest.approx(accuracies(found, "student"), abs=0.002)
    assert N_CONTROLS == len(accuracies(found, "independent"))
    assert accuracies(own, "independent") == pytest.approx(accuracies(found, "independent"), abs=0.002)
    assert N_CONTROLS == len(list((tmp_path / "saved").rglob("*.onnx")))


@pytest.mark.slow
def test_a_frozen_student_gets_controls(run: Audit) -> None:
    """Its BatchNorm is folded into dense layers, which leaves no trace."""
    found = run("frozen")
    assert all(accuracy > 0.5 for accuracy in accuracies(found, "independent"))
    assert "no trace of BatchNorm" in found.fidelity


def test_that_a_pickle_was_trusted_is_stated(run: Audit) -> None:
    """By name, in the report's assumptions; and not where there was nothing to trust."""
    found = run("pickled", trust_pickle=True, controls=0)
    (row,) = [a for a in found.assumptions if a.what == "Python objects"]
    assert ("stated", True) == (row.known_from, row.value.startswith("pickled: loaded with --trust-pickle"))
    assert not [
        a for a in run("scripted", trust_pickle=True, controls=0).assumptions if a.what == "Python objects"
    ]


def test_an_untrusted_pickle_invalid(run: Audit) -> None:
    """Refused before anything is computed."""
    with pytest.raises(
        ModelError, match=r"expected only tensors in .*pickled, found Python objects .*torch\.nn"
    ):
        run("pickled")


def pictures(path: Path, n: int, *, seed: int) -> None:
    """Noisy pictures of three classes."""
    centres = np.random.default_rng(5).normal(size=(3, 3, 16, 16)) * 0.15
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    np.savez(path, x=(centres[y] + rng.normal(size=(n, 3, 16, 16))).astype(np.float32), y=y)


def teach(
    network: nn.Module, path: Path, scores: Callable[[nn.Module, torch.Tensor], torch.Tensor]
) -> nn.Module:
    """Trains a little."""
    data = np.load(path)
    x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    optimizer = torch.optim.AdamW(network.train().parameters(), lr=3e-3)
    for rows in torch.arange(len(x)).reshape(-1, 50).repeat(3, 1):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(scores(network, x[rows]), y[rows]))
        optimizer.step()
    return network.eval()


@pytest.mark.slow
def test_hugging_face_and_timm(run: Audit, tmp_path: Path) -> None:
    """A teacher and a student in folders, a ready-made control in one, and a student of timm."""
    train, test = tmp_path / "train.npz", tmp_path / "eval.npz"
    pictures(train, 600, seed=1)
    pictures(test, 900, seed=2)
    torch.manual_seed(0)

    def resnet(width: int) -> nn.Module:
        config = transformers.ResNetConfig(  # type: ignore[call-arg]  # made at run time
            embedding_size=8, hidden_sizes=[8, width], depths=[1, 1], layer_type="basic", num_labels=3
        )
        made: nn.Module = transformers.ResNetForImageClassification(config)
        return teach(made, train, lambda net, x: net(pixel_values=x).logits)

    for name, width in (("teacher", 16), ("student", 8), ("control", 8)):
        resnet(width).save_pretrained(tmp_path / name)  # type: ignore[operator]
    arguments = {"num_classes": 3}
    residual = teach(timm.create_model("test_resnet", **arguments), train, lambda net, x: net(x))  # type: ignore[arg-type]
    torch.save(residual.state_dict(), tmp_path / "timm.pt")
    options = {
        "teacher": str(tmp_path / "teacher"),
        "data": str(test),
        "train_data": str(train),
        "epochs": "2",
    }
    audited = partial(run, **options)
    folder = audited(str(tmp_path / "student"))
    assert "as ResNetForImageClassification" in folder.fidelity
    assert N_CONTROLS == len(accuracies(folder, "independent"))
    named = audited(
        str(tmp_path / "timm.pt"), student_arch="timm:test_resnet", arch_args='{"num_classes": 3}'
    )
    assert "own architecture, timm:test_resnet" in named.fidelity
    assert N_CONTROLS == len(accuracies(named, "independent"))
    ready = audited(str(tmp_path / "student"), control=(str(tmp_path / "control"),))
    assert 1 == len(accuracies(ready, "independent"))
