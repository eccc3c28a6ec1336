"""How long to train: the choice by hand, the split, the accuracy that it rests on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kdaudit.controls.epochs import BudgetAccuracy, choose_epochs, holdout_accuracy, holdout_split
from kdaudit.errors import DataError
from kdaudit.types import OutputKind
from tests.controls.fakes import Stored, blobs, dense, train


@pytest.mark.parametrize(
    ("accuracies", "chosen", "asked"),
    [
        ([0.80, 0.804], 5, [(5, 10)]),
        ([0.80, 0.70], 5, [(5, 10)]),
        ([0.80, 0.85, 0.852], 10, [(5, 10), (20,)]),
        ([0.90, 0.905, 0.9099], 10, [(5, 10), (20,)]),
        ([0.80, 0.85, 0.86, 0.87, 0.871], 40, [(5, 10), (20,), (40,), (60,)]),
        ([0.80, 0.85, 0.86, 0.87, 0.88], 60, [(5, 10), (20,), (40,), (60,)]),
        ([0.0, 0.0], 5, [(5, 10)]),
    ],
)
def test_the_last_budget_that_gained_half_a_point_is_chosen_by_hand(
    accuracies: list[float], chosen: int, asked: list[tuple[int, ...]]
) -> None:
    """The first two are asked for together; no budget is tried that the choice does not need."""
    budgets = (5, 10, 20, 40, 60)
    calls: list[tuple[int, ...]] = []

    def measure(wanted: tuple[int, ...]) -> list[float]:
        calls.append(wanted)
        return [accuracies[budgets.index(budget)] for budget in wanted]

    choice = choose_epochs(measure)
    assert chosen == choice.epochs
    assert asked == calls
    history = [
        BudgetAccuracy(epochs=b, accuracy=a)
        for b, a in zip(budgets[: len(accuracies)], accuracies, strict=True)
    ]
    assert history == list(choice.history)


def test_the_holdout_has_its_share_of_each_class() -> None:
    """Within one example of it; together the parts are all examples, each once."""
    labels = np.repeat([0, 1, 2, 3], [500, 250, 37, 3])
    labels = np.random.default_rng(1).permutation(labels)
    split = holdout_split(labels, rng=np.random.default_rng(0))
    assert list(range(790)) == sorted([*split.train.tolist(), *split.holdout.tolist()])
    assert sorted(split.train.tolist()) == split.train.tolist()
    assert abs(len(split.holdout) - 79) <= 1
    held_out = np.bincount(labels[split.holdout], minlength=4)
    assert (np.abs(held_out - [50, 25, 3.7, 0.3]) <= 1).all()


def test_the_holdout_depends_on_the_generator_alone() -> None:
    """Equal seeds hold out equal examples."""
    labels = np.arange(200) % 3
    first, again, other = (
        holdout_split(labels, rng=np.random.default_rng(seed)).holdout.tolist() for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_too_few_examples_to_hold_any_out_invalid() -> None:
    """The hint says how to do without."""
    with pytest.raises(DataError) as caught:
        holdout_split(np.array([0]), share=0.5, rng=np.random.default_rng(0))
    assert "expected enough training examples to hold out 50% of them, found 1" in caught.value.message
    assert caught.value.hint == "state how long to train: --epochs N"


def test_the_holdout_accuracy_is_a_share_by_hand() -> None:
    """A fixed network on eight examples in batches of three: six right."""
    points = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1], [5, 5]], np.float32)
    data = Stored(stored={"x": points}, labels=np.array([0, 0, 0, 1, 1, 1, 1, 0, 0]))
    accuracy = holdout_accuracy(
        torch.nn.Identity(), data, np.arange(8), output=OutputKind.LOGITS, device="cpu", batch_size=3
    )
    assert 6 / 8 == accuracy


def test_a_pilot_is_judged_in_evaluation_mode() -> None:
    """Dropout rests and BatchNorm takes its running means: twice the same answer, well above chance."""
    data = blobs()
    split = holdout_split(data.labels, rng=np.random.default_rng(0))
    network = train(dense(), data, examples=split.train).network
    first, second = (
        holdout_accuracy(network, data, split.holdout, output=OutputKind.LOGITS, device="cpu")
        for _ in range(2)
    )
    assert first == second
    assert first > 0.9
