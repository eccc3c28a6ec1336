"""Predictions are made in one pass for models that see the same, kept once, and gone on with where a run was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kdaudit.data import DataOptions, Examples, load_data
from kdaudit.errors import DataError, ModelError, NotFiniteError
from kdaudit.models.identify import identify
from kdaudit.models.predict import Answers
from kdaudit.pipeline import predicting, unfinished
from kdaudit.pipeline.predicting import PredictTask, predict_task, predict_tasks, try_predict_task
from kdaudit.pipeline.store import Store
from kdaudit.types import Batch, ModelRef, OutputKind, Preprocess, ProgressEvent, Role
from tests.pictures import RIGHT, pictures, save_linear

PICTURES = pictures(400, seed=3)


def silent(_event: ProgressEvent) -> None:
    """Show nothing."""


def refused(event: ProgressEvent) -> None:
    """Nothing is to be predicted."""
    raise AssertionError(event)


def data_in(folder: Path) -> Examples:
    """The pictures, read."""
    return load_data(PICTURES.save(folder / "d.npz"), cache=folder, options=DataOptions())


def model_in(folder: Path, name: str, shape: tuple[int | str, ...] = ("n", 3, 6, 6)) -> ModelRef:
    """A linear network."""
    path = save_linear(folder / name, PICTURES, seed=len(name), shape=shape)
    return identify(path, role=Role.STUDENT, name=name, output=OutputKind.LOGITS, arch=None, arch_args=None)


def tasks_in(folder: Path, *models: ModelRef, data: Examples | None = None) -> list[PredictTask]:
    """To predict with each of them."""
    store = Store(root=folder / "cache")
    return [PredictTask(model=m, data=data or data_in(folder), device="cpu", store=store) for m in models]


def test_together_is_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same logits; batches that two models share are read once; a fixed batch size goes its own way."""
    read: list[int] = []
    original = Examples.batches

    def counted(self: Examples, batch_size: int) -> object:
        read.append(batch_size)
        return original(self, batch_size)

    monkeypatch.setattr(Examples, "batches", counted)
    models = [
        model_in(tmp_path, "a.onnx"),
        model_in(tmp_path, "bb.onnx"),
        model_in(tmp_path, "ccc.onnx", (7, 3, 6, 6)),
    ]
    together = predict_tasks(tasks_in(tmp_path, *models), silent)
    passes = [size for size in read if size > 1]  # one example is looked at to choose the size
    alone = [
        predict_task(task, silent) for task in tasks_in(tmp_path / "other", *models, data=data_in(tmp_path))
    ]
    assert sorted(passes) == [7, 256]
    for one, other in zip(together, alone, strict=True):
        assert one.model == other.model
        np.testing.assert_allclose(one.logits, other.logits, rtol=1e-5, atol=1e-5)


def test_what_is_kept_is_mapped_and_depends_on_the_preprocessing(tmp_path: Path) -> None:
    """A second run computes nothing; other arithmetic is other predictions."""
    model = model_in(tmp_path, "a.onnx")
    (task,) = tasks_in(tmp_path, model)
    first, again = predict_task(task, silent), predict_task(task, refused)
    assert isinstance(again.logits, np.memmap)
    np.testing.assert_array_equal(first.logits, again.logits)
    (other,) = tasks_in(tmp_path, model, data=task.data.under(RIGHT))
    assert not np.allclose(first.logits, predict_task(other, silent).logits)
    assert [] == [
        path.name for path in (tmp_path / "cache" / "predictions").iterdir() if path.suffix == ".part"
    ]


def test_a_failed_prediction_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was answered is not asked again, and the whole is as if nothing had happened."""
    monkeypatch.setattr(unfinished, "_PART", 100)
    model = model_in(tmp_path, "a.onnx", (50, 3, 6, 6))
    (task,) = tasks_in(tmp_path, model)
    whole = predict_task(tasks_in(tmp_path / "other", model, data=task.data)[0], silent)
    original = Answers.logits
    asked: list[int] = []

    def failing(self: Answers, batch: Batch, start: int) -> object:
        if start >= 250 and len(asked) < 6:
            raise ModelError("expected power, found none")
        asked.append(start)
        return original(self, batch, start)

    monkeypatch.setattr(Answers, "logits", failing)
    with pytest.raises(ModelError):
        predict_task(task, silent)
    assert [0, 50, 100, 150, 200] == asked
    asked += [0]
    found = predict_task(task, silent)
    assert [200, 250, 300, 350] == asked[6:]
    np.testing.assert_array_equal(whole.logits, found.logits)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.pipeline import test_predicting as t
from kdaudit.pipeline import predicting, unfinished
unfinished._PART = 50
def die(event):
    if event.done >= 200:
        os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
predicting.predict_task(t.tasks_in(folder, t.model_in(folder, "a.onnx", (50, 3, 6, 6)))[0], die)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_a_killed_prediction_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """By SIGKILL, in the middle."""
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert -signal.SIGKILL == died.returncode
    done: list[int] = []
    (task,) = tasks_in(tmp_path, model_in(tmp_path, "a.onnx", (50, 3, 6, 6)))
    found = predict_task(task, lambda event: done.append(event.done))
    assert [250, 300, 350, 400] == done
    other = predict_task(tasks_in(tmp_path / "other", task.model, data=task.data)[0], silent)
    np.testing.assert_array_equal(other.logits, found.logits)


def test_nan_is_the_controls_affair(tmp_path: Path) -> None:
    """None for a control; an error for everybody else."""
    model = model_in(tmp_path, "a.onnx")
    nan = Preprocess(scale=1e36)
    (task,) = tasks_in(tmp_path, model, data=data_in(tmp_path).under(nan))
    with pytest.raises(NotFiniteError):
        predict_task(task, silent)
    assert try_predict_task(task, silent) is None


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the place of its folder."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "predictions").write_text("")
    with pytest.raises(DataError, match="expected to keep predictions in the cache at"):
        predict_tasks(tasks_in(tmp_path, model_in(tmp_path, "a.onnx")), silent)


def test_predictions_that_go_away_meanwhile_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program empties the cache between two looks."""
    (task,) = tasks_in(tmp_path, model_in(tmp_path, "a.onnx"))
    made = predict_task(task, silent)
    looks = iter([made, None])
    monkeypatch.setattr(predicting, "kept_predictions", lambda _task: next(looks))
    with pytest.raises(DataError, match=r"expected the predictions of a\.onnx in the cache at"):
        predict_tasks([task], silent)
