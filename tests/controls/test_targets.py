"""The losses against their formulas, written out in numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from kdaudit.controls.targets import LabelTargets, NoiseTargets, Targets, TeacherTargets
from kdaudit.types import Recipe
from tests.controls.fakes import SGD

STUDENT = np.array([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0], [0.0, 0.0, 3.0]], dtype=np.float32)
TEACHER = np.array([[9.0, 9.0, 9.0], [2.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, -1.0, 2.0]], dtype=np.float16)
LABELS = np.array([0, 2, 1])
INDEX = np.array([1, 2, 3])


def log_softmax(z: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Row by row, in float64."""
    shifted = z.astype(np.float64) - z.max(axis=1, keepdims=True)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def cross_entropy(smoothing: float) -> float:
    """Mean over examples of -sum_c q_c log p_c, q = (1 - s) one-hot + s / C."""
    q = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    return float(-(q * log_softmax(STUDENT)).sum(axis=1).mean())


def divergence(teacher: npt.NDArray[np.floating], temperature: float) -> float:
    """Mean over examples of KL(teacher_T || student_T)."""
    log_p, log_q = log_softmax(teacher / temperature), log_softmax(STUDENT / temperature)
    return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())


def loss(targets: Targets, recipe: Recipe, *, labels: npt.NDArray[np.int64] = LABELS, seed: int = 0) -> float:
    """The loss of the student's logits."""
    value = targets.loss(
        torch.from_numpy(STUDENT),
        torch.from_numpy(labels),
        INDEX,
        recipe=recipe,
        generator=torch.Generator().manual_seed(seed),
    )
    return float(value)


def test_labels_give_the_cross_entropy_by_hand() -> None:
    """With and without smoothed labels."""
    for smoothing in (0.0, 0.2):
        actual = loss(LabelTargets(), replace(SGD, label_smoothing=smoothing))
        np.testing.assert_allclose(actual, cross_entropy(smoothing), rtol=1e-6)


def test_a_teacher_gives_the_distillation_loss_by_hand() -> None:
    """(1 - a) CE + a T^2 KL with the teacher's rows of these examples."""
    recipe = replace(SGD, alpha=0.7, temperature=4.0, label_smoothing=0.1)
    expected = 0.3 * cross_entropy(0.1) + 0.7 * 16 * divergence(TEACHER[INDEX], 4.0)
    np.testing.assert_allclose(loss(TeacherTargets(TEACHER), recipe), expected, rtol=1e-5)


def test_a_teacher_with_the_students_logits_leaves_the_labels() -> None:
    """Nothing is left to learn from it."""
    same = TeacherTargets(np.concatenate([np.zeros((1, 3), np.float32), STUDENT]))
    np.testing.assert_allclose(loss(same, replace(SGD, alpha=0.9)), 0.1 * cross_entropy(0.0), rtol=1e-5)


def test_noise_gives_the_distillation_loss_at_temperature_one_by_hand() -> None:
    """The same draw of uniform logits, whatever the recipe's temperature."""
    noise = torch.rand((3, 3), generator=torch.Generator().manual_seed(5)).numpy()
    expected = 0.1 * cross_entropy(0.0) + 0.9 * divergence(noise, 1.0)
    actual = loss(NoiseTargets(), replace(SGD, alpha=0.9, temperature=4.0), seed=5)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_noise_is_drawn_anew_for_each_batch() -> None:
    """Two losses in a row differ."""
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.from_numpy(STUDENT), torch.from_numpy(LABELS)
    first, second = (
        NoiseTargets().loss(logits, labels, INDEX, recipe=SGD, generator=generator) for _ in range(2)
    )
    assert float(first) != float(second)


def test_noise_alone_ignores_the_labels() -> None:
    """At alpha 1 other labels give the same loss, at less they do not."""
    others = np.array([1, 0, 0])
    pure, mixed = replace(SGD, alpha=1.0), replace(SGD, alpha=0.9)
    assert loss(NoiseTargets(), pure) == loss(NoiseTargets(), pure, labels=others)
    assert loss(NoiseTargets(), mixed) != loss(NoiseTargets(), mixed, labels=others)


def test_gaussian_noise_gives_the_distillation_loss_by_hand() -> None:
    """As uniform noise, from N(0, 1)."""
    noise = torch.randn((3, 3), generator=torch.Generator().manual_seed(5)).numpy()
    actual = loss(NoiseTargets(kind="gaussian"), replace(SGD, alpha=1.0), seed=5)
    np.testing.assert_allclose(actual, divergence(noise, 1.0), rtol=1e-5)


def test_a_shuffled_teacher_says_what_it_says_of_other_examples() -> None:
    """With an order, example i learns the teacher's row order[i]."""
    recipe = replace(SGD, alpha=1.0)
    order = np.roll(np.arange(len(TEACHER)), 1)
    assert loss(TeacherTargets(TEACHER, order=order), recipe) == pytest.approx(
        loss(TeacherTargets(TEACHER[order]), recipe)
    )
    assert loss(TeacherTargets(TEACHER, order=order), recipe) != loss(TeacherTargets(TEACHER), recipe)


def test_a_shuffled_teacher_of_sequences_exchanges_single_answers_by_hand() -> None:
    """Sequences of two answers and one: the first learns those of answers 2 and 0, which no sequence has together."""
    recipe = replace(SGD, alpha=1.0)
    order, starts = np.array([2, 0, 1]), np.array([0, 2, 3])
    shuffled = TeacherTargets(TEACHER, order=order, starts=starts)
    logits, labels = torch.from_numpy(STUDENT[:2]), torch.from_numpy(LABELS[:2])
    draw = torch.Generator()
    first = shuffled.loss(logits, labels, np.array([0]), recipe=recipe, generator=draw)
    plain = TeacherTargets(TEACHER[[2, 0]])
    expected = plain.loss(logits, labels, np.array([0, 1]), recipe=recipe, generator=draw)
    torch.testing.assert_close(expected, first)
