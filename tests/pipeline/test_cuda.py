"""Whole audits on CUDA: what they find there, and that nothing of it has to be found twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.schema import AuditResult
from kdaudit.types import Outcome, ProgressEvent
from tests.trainable import TrainableWorld, trainable_world, training_spec

pytestmark = pytest.mark.gpu
DEVICE = "cuda"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense teacher and student of noisy blobs."""
    return trainable_world(tmp_path_factory.mktemp("trainable"))


def audited(spec: AuditSpec) -> tuple[AuditResult, list[str]]:
    """What was found, and the stages that were gone through for it."""
    stages: list[str] = []

    def told(event: ProgressEvent) -> None:
        stages.append(event.stage)

    (found,) = audit(spec, progress=told)
    return found.result, stages


@pytest.mark.parametrize("workers", [0, 2])
def test_controls_learn_on_cuda_and_are_kept(world: TrainableWorld, tmp_path: Path, workers: int) -> None:
    """In this process and in others; the honest student does not fail, and the second audit trains nothing."""
    spec = training_spec(world, tmp_path / "cache", device=DEVICE, workers=workers, controls=5)
    found, stages = audited(spec)
    again, fewer = audited(spec)
    assert found.environment.device.startswith(DEVICE)
    assert Outcome.FAIL != found.verdict
    accuracies = [model.accuracy for model in found.models if model.role == "independent"]
    assert 5 == len(accuracies)
    assert all(accuracy is not None and accuracy > 0.6 for accuracy in accuracies)
    assert "train" in stages
    assert "train" not in fewer
    assert (found.verdict, found.kappa_W, found.accuracy) == (again.verdict, again.kappa_W, again.accuracy)


@pytest.mark.parametrize("student", ["student.onnx", "student.pt"])
def test_cuda_finds_what_the_processor_finds(world: TrainableWorld, tmp_path: Path, student: str) -> None:
    """The models answer alike to a rounding; controls are other networks of the same kind."""
    arch = {"student_arch": "tests.trainable:dense", "arch_args": '{"width": 16}'}
    options = {"students": (world.path(student),), "controls": 5, **(arch if student.endswith(".pt") else {})}
    there, _ = audited(training_spec(world, tmp_path / "cuda", device=DEVICE, **options))
    here, _ = audited(training_spec(world, tmp_path / "cpu", device="cpu", **options))
    names = (there.teacher, *there.students)
    assert [here.accuracy[name] for name in names] == pytest.approx(
        [there.accuracy[name] for name in names], abs=0.003
    )
    for one, other in ((here.kappa_W, there.kappa_W), (here.kappa_R, there.kappa_R)):
        assert one is not None
        assert other is not None
        assert other.estimate == pytest.approx(one.estimate, abs=0.15)
