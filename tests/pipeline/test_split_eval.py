"""Controls trained on a part of the evaluation data, and pictures that look like training pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.assumptions import assumptions_of
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.plan import Setup, prepare
from kdaudit.pipeline.store import Store
from tests.data.test_near_duplicates import scenes
from tests.planted import flawed_world


def prepared(tmp_path: Path, **options: object) -> Setup:
    """What an audit of a planted world would start from."""
    groups = np.repeat(np.arange(150), 10)
    world = flawed_world(tmp_path / "world", groups=groups)
    values: dict[str, object] = {
        "teacher": world.path("teacher"),
        "students": (world.path("student"),),
        "data": world.data,
        "device": "cpu",
        **options,
    }
    store = Store(root=tmp_path / "cache", resume=True)
    return prepare(AuditSpec(**values), store, progress=lambda _event: None)  # type: ignore[arg-type]


def test_the_parts_share_no_example_and_no_group(tmp_path: Path) -> None:
    """Both together are the evaluation data; what that costs is said."""
    setup = prepared(tmp_path, split_eval=0.4)
    assert setup.train is not None
    assert (600, 900) == (len(setup.train), len(setup.data))
    assert set() == set(setup.train.ids) & set(setup.data.ids)
    assert set() == {*setup.train.groups} & {*setup.data.groups}  # type: ignore[misc]
    assert 0 == setup.n_duplicates
    said = {a.what: a.value for a in assumptions_of(setup, ControlSet())}
    assert said["Split"].startswith(
        "600 evaluation examples train the controls, 900 others judge (--split-eval)."
    )
    assert "Training labels" not in said


def test_limits_apply_to_each_part(tmp_path: Path) -> None:
    """The same split, of which some examples are taken."""
    whole = prepared(tmp_path, split_eval=0.5)
    part = prepared(tmp_path, split_eval=0.5, limit=100, limit_train=50)
    assert part.train is not None
    assert whole.train is not None
    assert (50, 100) == (len(part.train), len(part.data))
    assert set(part.train.ids) <= set(whole.train.ids)
    assert set(part.data.ids) <= set(whole.data.ids)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 50.0])
def test_no_share_invalid(tmp_path: Path, share: float) -> None:
    """Both parts need examples."""
    with pytest.raises(SpecError, match="expected --split-eval between 0 and 1, found"):
        prepared(tmp_path, split_eval=share)


@pytest.mark.parametrize("name", ["train_data", "control"])
def test_a_split_beside_other_controls_invalid(tmp_path: Path, name: str) -> None:
    """Which of both was meant is not guessed."""
    value: object = "train.npz" if name == "train_data" else ("c.onnx",)
    with pytest.raises(
        SpecError, match=f"expected no --split-eval with --{name.replace('_', '-')}, found both"
    ):
        prepared(tmp_path, split_eval=0.5, **{name: value})


def test_pictures_that_look_alike_are_counted_and_said(tmp_path: Path) -> None:
    """They stay in."""
    training, evaluation = scenes(20, 1), scenes(12, 2)
    evaluation[3] = training[7] // 2 + 60
    for name, x in (("t", training), ("e", evaluation)):
        np.savez(tmp_path / f"{name}.npz", x=x, y=np.arange(len(x)) % 2)
    setup = prepared(tmp_path, data=str(tmp_path / "e.npz"), train_data=str(tmp_path / "t.npz"))
    assert (("3", "7"),) == setup.look_alikes
    assert 12 == len(setup.data)
    (said,) = (a.value for a in assumptions_of(setup, ControlSet()) if a.what == "Look-alikes")
    assert said.startswith("1 of 12 evaluation pictures look like a training picture")
    assert "#3 like #7" in said
