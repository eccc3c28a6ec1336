"""One pass over logits gives what the tests need."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import spatial, special, stats

from kdaudit.errors import AlignmentError
from kdaudit.metrics.panel import measure, measure_answers
from kdaudit.types import DataRef, Float32, Panel, Predictions, Role
from tests.panels import model_ref


def predictions(logits: Float32, name: str, role: Role, *, data: str = "d") -> Predictions:
    """Predictions of a model that has no file."""
    return Predictions(
        model=model_ref(name, role),
        data=DataRef(name="d", kind="none", location="", sha256=data, n=len(logits)),
        logits=logits,
        device="cpu",
        batch_size=1,
    )


def pair_panel(teacher: npt.ArrayLike, student: npt.ArrayLike, labels: npt.ArrayLike) -> Panel:
    """The panel of one teacher and one student."""
    t, s = np.asarray(teacher, dtype=np.float32), np.asarray(student, dtype=np.float32)
    return measure(
        [predictions(t, "t", Role.TEACHER), predictions(s, "s", Role.STUDENT)],
        np.asarray(labels, dtype=np.int64),
    )


TEACHER: list[list[float]] = [[2, 1, 0, -1], [0.5, 2.5, -0.5, 1], [-1, 0, 3, 2]]
STUDENT: list[list[float]] = [[1.5, 2, -0.5, -1], [0, 3, -1, 1], [0, -1, 2, 2.5]]


def test_four_distances_by_hand() -> None:
    """The second worked example: activation, JS, rank and prediction disagreement of three examples."""
    panel = pair_panel(TEACHER, STUDENT, [0, 1, 2])
    assert pytest.approx([0.45069342, 0.14184885, 0.47490911], abs=1e-6) == panel.distances["activation"][1]
    assert pytest.approx([0.061650107, 0.011994872, 0.067934274], abs=1e-6) == panel.distances["js"][1]
    assert panel.distances["rank"][1].tolist() == [0.5, 0.0, 1.0]
    assert (panel.answers[0] != panel.answers[1]).tolist() == [True, False, True]


def test_answers_without_labels_are_measured_by_hand_and_as_with_labels() -> None:
    """What needs no label is the same; what needs one is not there, rather than 0."""
    t, s = (np.asarray(logits, dtype=np.float32) for logits in (TEACHER, STUDENT))
    groups = np.array([0, 0, 1])
    models = [predictions(t, "t", Role.TEACHER), predictions(s, "s", Role.STUDENT)]
    plain = measure_answers(models, groups=groups)
    labelled = measure(models, np.array([0, 1, 2]), groups=groups)
    assert pytest.approx([0.45069342, 0.14184885, 0.47490911], abs=1e-6) == plain.distances["activation"][1]
    assert [[0, 1, 2], [1, 1, 3]] == plain.answers.tolist()
    assert 3 == plain.n
    for field in dataclasses.fields(plain):
        one, other = getattr(plain, field.name), getattr(labelled, field.name)
        np.testing.assert_equal(one, other)
    for name in ("labels", "log_likelihood", "margin", "best_other"):
        assert not hasattr(plain, name)


def test_models_that_cannot_be_compared_without_labels_invalid() -> None:
    """As with labels."""
    teacher = predictions(np.zeros((3, 4), dtype=np.float32), "t", Role.TEACHER)
    other = predictions(np.zeros((3, 5), dtype=np.float32), "s", Role.STUDENT)
    with pytest.raises(AlignmentError, match="expected s to have the teacher's 4 classes, found 5"):
        measure_answers([teacher, other])


def test_ties_take_the_lowest_index_by_hand() -> None:
    """Tied logits answer the lowest class, are counted, and rank by class index."""
    panel = pair_panel([[1, 1, 0], [0, 2, 1]], [[1, 1, 1], [0, 2, 1]], [0, 1])
    assert panel.answers.tolist() == [[0, 1], [0, 1]]
    assert panel.tied.tolist() == [0.5, 0.5]
    assert panel.distances["rank"][1].tolist() == [0.0, 0.0]


def test_the_probability_of_the_teachers_answer_against_scipy() -> None:
    """Each model's log-softmax at the teacher's answers 0, 1, 2, whatever the labels are."""
    panel = pair_panel(TEACHER, STUDENT, [3, 0, 0])
    for row, logits in enumerate((TEACHER, STUDENT)):
        expected = special.log_softmax(np.array(logits), axis=1)[[0, 1, 2], [0, 1, 2]]
        assert pytest.approx(expected, abs=1e-6) == panel.log_teacher_answer[row]


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float32, (7, 5), elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])),
    hnp.arrays(np.float32, (7, 5), elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])),
)
def test_distances_against_scipy(teacher: Float32, student: Float32) -> None:
    """Distances equal scipy's definitions, ties included; the teacher is at 0 from itself."""
    panel = pair_panel(teacher, student, [0, 1, 2, 3, 4, 0, 1])
    p, q = special.softmax(teacher.astype(float), axis=1), special.softmax(student.astype(float), axis=1)
    expected_js = [spatial.distance.jensenshannon(a, b) ** 2 for a, b in zip(p, q, strict=True)]
    ranks = [stats.rankdata(-z, method="ordinal", axis=1) for z in (teacher, student)]
    assert pytest.approx(np.linalg.norm(p - q, axis=1), abs=1e-6) == panel.distances["activation"][1]
    assert pytest.approx(np.nan_to_num(expected_js), abs=1e-6) == panel.distances["js"][1]
    assert pytest.approx((ranks[0] != ranks[1]).mean(axis=1), abs=1e-6) == panel.distances["rank"][1]
    assert not any(values[0].any() for values in panel.distances.values())


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The panel is the same whether the logits are read row by row or at once."""
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=(23, 6)) for _ in range(2)]
    whole = pair_panel(logits[0], logits[1], rng.integers(6, size=23))
    monkeypatch.setattr("kdaudit.metrics.panel.rows_per_chunk", lambda n_classes: 1)
    by_row = pair_panel(logits[0], logits[1], whole.labels)
    for name in ("answers", "confidence", "margin", "best_other", "log_likelihood", "log_teacher_answer"):
        assert np.array_equal(getattr(whole, name), getattr(by_row, name))
    for name, values in whole.distances.items():
        assert np.array_equal(values, by_row.distances[name])


def test_margin_decides_the_answer() -> None:
    """A positive margin means that the label is the answer; the best other class never is the label."""
    rng = np.random.default_rng(1)
    labels = rng.integers(4, size=50)
    panel = pair_panel(rng.normal(size=(50, 4)), rng.normal(size=(50, 4)), labels)
    assert np.array_equal(panel.margin > 0, panel.answers == labels)
    assert not np.any(panel.best_other == labels)


@pytest.mark.parametrize(
    ("student", "labels", "message"),
    [
        (np.zeros((3, 5)), [0, 1, 2], "teacher's 4 classes, found 5 outputs"),
        (np.zeros((2, 4)), [0, 1, 2], "to answer the teacher's examples"),
        (STUDENT, [0, 1], "expected 3 labels, found 2"),
        (STUDENT, [0, 1, 4], "labels from 0 to 3 .* found labels from 0 to 4"),
        (STUDENT, [0, -1, 2], "found labels from -1 to 2"),
    ],
)
def test_models_that_cannot_be_compared_invalid(
    student: npt.ArrayLike, labels: npt.ArrayLike, message: str
) -> None:
    """Different class counts, examples or labels are errors that say so."""
    with pytest.raises(AlignmentError, match=message):
        pair_panel(TEACHER, student, labels)


def test_teacher_comes_first_invalid() -> None:
    """The first predictions must be the teacher's."""
    logits = np.zeros((2, 3), dtype=np.float32)
    with pytest.raises(AlignmentError, match="expected the teacher first, found the student s"):
        measure([predictions(logits, "s", Role.STUDENT)], np.array([0, 1]))
