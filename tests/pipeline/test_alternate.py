"""Students of another teacher, trained or asked for: they decide where errors come from, never the verdict."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import AlignmentError, SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit, training_plans
from kdaudit.pipeline.judged import Audited
from kdaudit.types import Float32
from tests.planted import World, flawed_world, logits_of, write_world
from tests.trainable import TrainableWorld, blobs, export, trainable_world, trained, training_spec

Spec = Callable[..., AuditSpec]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense teacher and student of noisy blobs, and another teacher of other blobs."""
    made = trainable_world(tmp_path_factory.mktemp("alternate"))
    export(trained(64, blobs(300, seed=4), seed=5), Path(made.path("another.onnx")))
    return made


@pytest.fixture
def spec(world: TrainableWorld, tmp_path: Path) -> Spec:
    """A small audit in this process; options override."""

    def make(**options: object) -> AuditSpec:
        counts: dict[str, object] = {
            "controls": 3,
            "random_controls": 0,
            "positive_controls": 1,
            "alternate_controls": 3,
        }
        return training_spec(world, tmp_path / "cache", **{**counts, **options})

    return make


def agreement(audited: Audited, one: str, other: str) -> float:
    """In how many answers the models of two roles agree, on average over all pairs."""
    role = {model.name: model.role for model in audited.result.models}
    rows = [[i for i, name in enumerate(audited.models) if role[name] == wanted] for wanted in (one, other)]
    return float(
        np.mean([audited.answers[i] == audited.answers[j] for i in rows[0] for j in rows[1] if i != j])
    )


def test_alternate_controls_learn_from_the_other_teacher(spec: Spec, world: TrainableWorld) -> None:
    """They answer like that teacher; it, its accuracy and its agreement with the audited one are recorded."""
    (audited,) = audit(spec(alternate_teacher=world.path("another.onnx")))
    result = audited.result
    assert agreement(audited, "alternate", "alternate-teacher") > agreement(
        audited, "independent", "alternate-teacher"
    )
    assert (3, 3) == (result.n_alternate, result.n_controls)
    assert result.atd is not None
    assert result.atd.p is not None
    (teacher,) = [model for model in result.models if model.role == "alternate-teacher"]
    assert "another.onnx" == teacher.name
    assert teacher.accuracy is not None
    assert teacher.agreement_W is not None
    assert "|ATD:3|" in result.signature
    assert {"Alternate teacher", "Alternate controls"} <= {row.what for row in result.assumptions}


def test_the_other_teacher_can_be_trained_and_everything_is_kept(spec: Spec) -> None:
    """train: a network like a control, but none of them, teaches; a second run finds all of it."""
    (audited,) = audit(spec(alternate_teacher="train"))
    roles = [model.role for model in audited.result.models]
    assert (3, 1, 3) == tuple(roles.count(role) for role in ("independent", "alternate-teacher", "alternate"))
    assert agreement(audited, "alternate", "alternate-teacher") > agreement(
        audited, "alternate", "independent"
    )
    (plan,) = training_plans(spec(alternate_teacher="train"))
    assert (8, 0.0, 3, True) == (plan.n_kept, plan.seconds, plan.n_alternate, plan.trains_teacher)


def test_the_verdict_does_not_depend_on_them(spec: Spec) -> None:
    """With and without alternate controls every number but theirs is the same."""
    (without,), (with_them,) = audit(spec()), audit(spec(alternate_teacher="train"))
    assert without.result.verdict == with_them.result.verdict
    assert without.result.kappa_W == with_them.result.kappa_W
    assert without.result.did == with_them.result.did
    assert without.result.transfer == with_them.result.transfer


def test_a_plan_counts_what_is_not_trained_yet(spec: Spec) -> None:
    """Nothing is kept: three independent, a positive, the other teacher and its three students are missing."""
    (plan,) = training_plans(spec(alternate_teacher="train"))
    assert (0, 3) == (plan.n_kept, plan.n_alternate)
    assert plan.seconds > 0


def test_another_other_teacher_has_other_controls(spec: Spec, world: TrainableWorld) -> None:
    """The other teacher is part of the key: controls of one are not taken for those of the other."""
    audit(spec(alternate_teacher="train", epochs="1"))
    (plan,) = training_plans(spec(alternate_teacher=world.path("another.onnx"), epochs="1"))
    assert 4 == plan.n_kept


def test_an_other_teacher_that_knows_nothing_is_left_out_and_named(
    spec: Spec, world: TrainableWorld, tmp_path: Path
) -> None:
    """Nothing is distilled from it; the audit goes on without."""
    shifted = blobs(300, seed=6)
    mistaught = trained(64, dataclasses.replace(shifted, y=(shifted.y + 1) % 4), seed=7)
    export(mistaught, tmp_path / "ignorant.onnx")
    (audited,) = audit(spec(alternate_teacher=str(tmp_path / "ignorant.onnx"), epochs="1"))
    result = audited.result
    assert (0, None) == (result.n_alternate, result.atd)
    assert "ignorant.onnx is no better than the commonest class" in [row.reason for row in result.skipped]
    assert result.kappa_W is not None
    assert result.kappa_W.p is not None


def test_the_teacher_as_the_other_teacher_is_refused(
    spec: Spec, world: TrainableWorld, tmp_path: Path
) -> None:
    """By its digest, whatever it is called."""
    shutil.copy(world.path("teacher.onnx"), tmp_path / "copy.onnx")
    with pytest.raises(
        AlignmentError, match=r"expected different models, found .*copy.onnx equal to the teacher"
    ):
        audit(spec(alternate_teacher=str(tmp_path / "copy.onnx")))


def test_the_teachers_answers_under_another_digest_are_refused(tmp_path: Path) -> None:
    """Equal predictions: one network in two files."""
    world = two_teachers(tmp_path, classes=5, same=True)
    with pytest.raises(
        AlignmentError, match=r"another.onnx \(alternate-teacher\) puts out what teacher.onnx"
    ):
        audit(planted_spec(world, tmp_path))


def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    """Before anything is trained."""
    world = two_teachers(tmp_path, classes=4, same=False)
    with pytest.raises(
        AlignmentError, match=r"expected another.onnx to have the teacher's 5 classes, found 4"
    ):
        audit(planted_spec(world, tmp_path))


def test_ready_made_controls_leave_nothing_to_distil(tmp_path: Path) -> None:
    """--control says that nothing is trained."""
    world = flawed_world(tmp_path, n=300)
    with pytest.raises(SpecError, match="expected no --alternate-teacher with --control, found both"):
        audit(planted_spec(world, tmp_path, control=tuple(world.controls), alternate_teacher="train"))


def two_teachers(folder: Path, *, classes: int, same: bool) -> World:
    """A planted world with a second teacher, of so many classes, or that answers as the first does."""
    rng = np.random.default_rng(0)
    labels = rng.integers(classes, size=300)
    teacher: Float32 = logits_of(np.where(rng.random(300) < 0.2, (labels + 1) % classes, labels), 5, rng)
    another = teacher + 1 if same else logits_of(labels, classes, rng)
    student = logits_of(labels, 5, rng)
    return write_world(folder, labels, {"teacher": teacher, "student": student, "another": another})


def planted_spec(world: World, folder: Path, **options: object) -> AuditSpec:
    """An audit of a planted world."""
    values: dict[str, object] = {
        "teacher": world.path("teacher"),
        "students": (world.path("student"),),
        "data": world.data,
        "alternate_teacher": world.path("another") if "another" in world.names else None,
        "device": "cpu",
        "cache_dir": str(folder / "cache"),
        **options,
    }
    return AuditSpec(**values)  # type: ignore[arg-type]
