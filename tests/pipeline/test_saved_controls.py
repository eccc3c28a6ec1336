"""Controls as files: onnxruntime gives their answers, and a later audit takes them as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kdaudit.errors import DataError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from tests.trainable import TrainableWorld, trainable_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense teacher and student of noisy blobs."""
    return trainable_world(tmp_path_factory.mktemp("trainable"))


@pytest.fixture
def spec(world: TrainableWorld, tmp_path: Path) -> Callable[..., AuditSpec]:
    """A small audit that saves its controls; options override."""
    base = AuditSpec(
        teacher=world.path("teacher.onnx"),
        students=(world.path("student.onnx"),),
        data=world.path("eval.npz"),
        train_data=world.path("train.npz"),
        controls=3,
        random_controls=1,
        positive_controls=0,
        epochs="2",
        lr=3e-3,
        batch_size=60,
        workers=0,
        device="cpu",
        save_controls=str(tmp_path / "saved"),
        cache_dir=str(tmp_path / "cache"),
    )
    return lambda **options: replace(base, **options)


def test_saved_controls_give_the_same_audit(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """Trained, saved as ONNX, and given to a second audit with --control: the same numbers, nothing is trained.

    They match the student, whose file has its BatchNorm folded.
    """
    notices: list[str] = []
    (trained,) = audit(spec(), notice=notices.append)
    folder = tmp_path / "saved" / "student"
    names = [f"independent-{k}" for k in range(3)] + ["random-0"]
    assert sorted(f"{n}.{kind}" for n in names for kind in ("onnx", "safetensors")) == sorted(
        p.name for p in folder.iterdir()
    )
    assert f"controls: 4 saved to {folder}" in notices
    ready = tuple(str(folder / f"independent-{k}.onnx") for k in range(3))
    (given,) = audit(spec(control=ready, save_controls=None))
    assert trained.result.kappa_W is not None
    assert given.result.kappa_W is not None
    assert trained.result.kappa_W.estimate == pytest.approx(given.result.kappa_W.estimate)
    assert trained.result.kappa_W.p == pytest.approx(given.result.kappa_W.p)


def test_controls_that_were_kept_are_saved_too(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """A second run trains nothing and saves all the same."""
    audit(spec(save_controls=None))
    audit(spec())
    assert 8 == len(list((tmp_path / "saved" / "student").iterdir()))


def test_a_place_that_cannot_be_written_is_said_invalid(
    spec: Callable[..., AuditSpec], tmp_path: Path
) -> None:
    """With the folder and the way out; the controls are kept in the cache."""
    (tmp_path / "saved").write_text("a file")
    with pytest.raises(DataError, match=r"expected to save controls to .*saved") as caught:
        audit(spec())
    assert "--save-controls" in str(caught.value.hint)
    assert 4 == len(list((tmp_path / "cache" / "controls").iterdir()))
