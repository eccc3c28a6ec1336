"""Arrays that differ from what a model takes by an axis of length one are fed with it added or dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdaudit.errors import DataError
from kdaudit.schema import AuditResult
from kdaudit.types import AnyArray, Preprocess
from tests.pictures import Pictures, pictures, save_linear
from tests.pipeline.test_preprocessing import audited, sentence

BYTES = Preprocess(scale=1 / 255)
CHANNEL = (slice(None), 1)  # of three: the classes differ in it
TRAINING, EVALUATION = pictures(1200, seed=1), pictures(600, seed=2)


def grey(of: Pictures) -> Pictures:
    """One channel of the pictures, (n, 1, 6, 6)."""
    return Pictures(x=np.ascontiguousarray(of.x[CHANNEL][:, np.newaxis]), labels=of.labels)


def saved(path: Path, x: AnyArray, of: Pictures) -> str:
    """An .npz with the labels of the pictures; its path."""
    np.savez(path, x=x, y=of.labels)
    return str(path)


def files(folder: Path, teacher: tuple[int | str, ...], student: tuple[int | str, ...]) -> dict[str, Any]:
    """A teacher and a student whose files say these input shapes, and controls like the student."""

    def model(name: str, shape: tuple[int | str, ...], seed: int) -> str:
        return save_linear(folder / name, grey(TRAINING), preprocess=BYTES, shape=shape, seed=seed)

    return {
        "teacher": model("teacher.onnx", teacher, 9),
        "students": (model("student.onnx", student, 8),),
        "control": tuple(model(f"c{k}.onnx", student, k) for k in range(3)),
        "cache_dir": str(folder / "cache"),
        "device": "cpu",
    }


def accuracies(result: AuditResult) -> dict[str, float | None]:
    """Of every model by its name."""
    return dict(result.accuracy)


@pytest.mark.parametrize(
    ("shape", "step"),
    [
        (("n", 1, 6, 6), "an axis of length one added, divided by 255"),
        (("n", 1, "h", "w"), "an axis of length one added, divided by 255"),
        (("n", 6, 6, 1), "an axis of length one added, divided by 255, axes NHWC; by its ONNX file"),
        (("n", 6, 6), "divided by 255"),
    ],
)
def test_pictures_without_an_axis_of_channels(
    tmp_path: Path, shape: tuple[int | str, ...], step: str
) -> None:
    """(n, 6, 6) reaches a model as (n, 1, 6, 6) or (n, 6, 6, 1) does, whatever the other model takes."""
    options = files(tmp_path, ("n", 1, 6, 6), shape)
    x = grey(EVALUATION).x
    plain = audited(options, data=saved(tmp_path / "a.npz", x[:, 0], EVALUATION))
    whole = audited(
        files(tmp_path, ("n", 1, 6, 6), ("n", 1, 6, 6)), data=saved(tmp_path / "b.npz", x, EVALUATION)
    )
    assert accuracies(whole) == accuracies(plain)
    assert sentence(plain, "Preprocessing of the student") == step
    assert sentence(plain, "Preprocessing of the teacher").startswith("an axis of length one added")


def test_pictures_with_an_axis_that_a_model_does_not_take(tmp_path: Path) -> None:
    """(n, 1, 6, 6) reaches a model as (n, 6, 6) does."""
    options = files(tmp_path, ("n", 6, 6), ("n", 6, 6))
    x = grey(EVALUATION).x
    found = audited(options, data=saved(tmp_path / "a.npz", x, EVALUATION))
    assert accuracies(audited(options, data=saved(tmp_path / "b.npz", x[:, 0], EVALUATION))) == accuracies(
        found
    )
    assert sentence(found, "Preprocessing of the student") == "an axis of length one dropped, divided by 255"


def test_controls_are_trained_as_their_student_is_fed(tmp_path: Path) -> None:
    """Training data (n, 1, 6, 6) and evaluation data (n, 6, 6), for one input (n, 1, 6, 6)."""
    options = files(tmp_path, ("n", 6, 6), ("n", 1, 6, 6)) | {"control": ()}
    found = audited(
        options,
        data=saved(tmp_path / "a.npz", grey(EVALUATION).x[:, 0], EVALUATION),
        train_data=saved(tmp_path / "b.npz", grey(TRAINING).x, TRAINING),
        controls=2,
        random_controls=1,
        positive_controls=1,
        epochs="1",
    )
    assert 2 == found.n_controls
    assert not found.skipped


def test_an_axis_that_is_missing_in_tokens_is_not_invented(tmp_path: Path) -> None:
    """Whole numbers are names of things; the hint says what to save."""
    options = files(tmp_path, ("n", 1, 6, 6), ("n", 1, 6, 6))
    data = saved(tmp_path / "a.npz", grey(EVALUATION).x[:, 0].astype(np.int64), EVALUATION)
    with pytest.raises(DataError, match="expected an example of shape 1 x 6 x 6") as caught:
        audited(options, data=data)
    assert "save x.reshape(len(x), 1, 6, 6)" in (caught.value.hint or "")
