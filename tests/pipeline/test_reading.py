"""What a spec says of its data reaches the reader, and both data sets mean the same classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import AlignmentError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.plan import Setup, prepare
from kdaudit.pipeline.store import Store
from tests.trainable import N_FEATURES, TrainableWorld, trainable_world

NAMES = ("ant", "bee", "cow", "dog")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """Models of eight numbers and four classes."""
    return trainable_world(tmp_path_factory.mktemp("world"))


def prepared(world: TrainableWorld, cache: Path, **options: object) -> Setup:
    """What an audit would start from."""
    values = {
        "teacher": world.path("teacher.onnx"),
        "students": (world.path("student.onnx"),),
        "device": "cpu",
    }
    store = Store(root=cache, resume=True)
    return prepare(AuditSpec(**{**values, **options}), store, progress=lambda _event: None)  # type: ignore[arg-type]


def table(path: Path, kinds: tuple[str, ...], *, seed: int = 0) -> str:
    """Rows of numbers, with a kind each in place of a label."""
    rng = np.random.default_rng(seed)
    header = [*(f"f{i}" for i in range(N_FEATURES)), "note", "kind"]
    rows = [[*rng.normal(size=N_FEATURES).round(3), "?", kinds[i % len(kinds)]] for i in range(24)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]), encoding="utf-8")
    return str(path)


def test_columns_and_names_of_tables_reach_the_reader(world: TrainableWorld, tmp_path: Path) -> None:
    """As the options state them, for both data sets."""
    (tmp_path / "names.txt").write_text("\n".join(reversed(NAMES)), encoding="utf-8")
    setup = prepared(
        world,
        tmp_path / "cache",
        data=table(tmp_path / "eval.csv", NAMES),
        train_data=table(tmp_path / "train.csv", NAMES[1:], seed=1),
        label_column="kind",
        input_columns=tuple(f"f{i}" for i in range(N_FEATURES)),
        class_names=str(tmp_path / "names.txt"),
    )
    assert tuple(reversed(NAMES)) == setup.data.class_names
    assert 3 == setup.data.labels[0]
    assert setup.train is not None
    assert 2 == setup.train.labels[0]
    assert (24, N_FEATURES) == setup.data.stored["x"].shape


def test_training_data_of_other_classes_invalid(world: TrainableWorld, tmp_path: Path) -> None:
    """A class that is missing there moves all that follow: refused, with the first that differs."""
    options = {
        "data": table(tmp_path / "eval.csv", NAMES),
        "label_column": "kind",
        "input_columns": tuple(f"f{i}" for i in range(N_FEATURES)),
    }
    for kinds, found in (
        (("ant", "cow", "dog"), "class 1 is 'cow' there, 'bee' here"),
        (NAMES[:3], "3 against 4"),
    ):
        train = table(tmp_path / "train.csv", kinds, seed=1)
        with pytest.raises(
            AlignmentError, match=f"expected the classes of .*, found others: {found}"
        ) as caught:
            prepared(world, tmp_path / "cache", train_data=train, **options)
        assert caught.value.hint is not None
        assert "--class-names" in caught.value.hint


def test_a_training_split_that_is_not_taken_unasked_is_named(world: TrainableWorld, tmp_path: Path) -> None:
    """The report says which it might be."""
    setup = prepared(world, tmp_path / "cache", data="letter")
    assert setup.train is None
    assert (
        "add --train-data letter:train, if that is what the student was trained on" in setup.no_train_reason
    )
