"""Ready-made controls are matched with the student by what they are, not by their format."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdaudit.errors import AlignmentError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.schema import AuditResult
from tests.trainable import TrainableWorld, blobs, trainable_world, trained

WIDTH = 16  # of the student of a trainable world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense ONNX student, and PyTorch controls of its width and of another."""
    made = trainable_world(tmp_path_factory.mktemp("given"))
    for width in (WIDTH, 2 * WIDTH):
        for k in range(3):
            control = trained(width, blobs(1500, seed=1), seed=10 + k)
            torch.save({"state_dict": control.state_dict()}, made.path(f"control{width}-{k}.pt"))
    return made


def audited(world: TrainableWorld, cache: Path, *controls: str, width: int = WIDTH) -> AuditResult:
    """The audit of the student against these controls."""
    (only,) = audit(
        AuditSpec(
            teacher=world.path("teacher.onnx"),
            students=(world.path("student.onnx"),),
            data=world.path("eval.npz"),
            control=tuple(world.path(name) for name in controls),
            student_arch="tests.trainable:dense",
            arch_args=f'{{"width": {width}}}',
            device="cpu",
            cache_dir=str(cache),
        )
    )
    return only.result


def reason(result: AuditResult, rule: str) -> str:
    """What a rule says."""
    return next(row.reason for row in result.rules if row.id == rule)


def fit_reason(world: TrainableWorld, width: int, cache: Path) -> str:
    """What the rule on controls says of controls of this width."""
    controls = [f"control{width}-{k}.pt" for k in range(3)]
    return reason(audited(world, cache, *controls, width=width), "KD301")


def test_pytorch_controls_match_an_onnx_student_of_their_architecture(
    world: TrainableWorld, tmp_path: Path
) -> None:
    """Although its BatchNorm is folded away."""
    assert ".pt has" not in fit_reason(world, WIDTH, tmp_path)


def test_pytorch_controls_of_another_width_are_unmatched(world: TrainableWorld, tmp_path: Path) -> None:
    """The reason names the control and the student."""
    expected = f"control{2 * WIDTH}-0.pt has weights of other shapes than student.onnx"
    assert expected in fit_reason(world, 2 * WIDTH, tmp_path)


def test_the_student_in_another_format_is_no_control(world: TrainableWorld, tmp_path: Path) -> None:
    """Its answers differ by rounding alone."""
    with pytest.raises(AlignmentError, match=r"student\.pt \(independent\) puts out what student\.onnx"):
        audited(world, tmp_path, "control16-0.pt", "control16-1.pt", "student.pt")


def test_two_controls_are_too_few_and_not_too_little_data(world: TrainableWorld, tmp_path: Path) -> None:
    """Nobody who brings controls is asked for training data."""
    result = audited(world, tmp_path, "control16-0.pt", "control16-1.pt")
    assert "2 controls: differences only, no test." == reason(result, "KD305")
