"""`--epochs auto`: how long to train, found without a look at the student or at the evaluation data.

A pilot network, which is no control, trains on nine tenths of the training data; the other tenth tells when
more epochs no longer pay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kdaudit.controls.feed import Feed
from kdaudit.controls.outputs import asked, class_logits
from kdaudit.controls.step import enough_memory
from kdaudit.errors import DataError
from kdaudit.protocols import TrainingData
from kdaudit.types import Int64, OutputKind

BUDGETS = (5, 10, 20, 40, 60)
SMALLEST_GAIN = 0.005
HOLDOUT_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAccuracy:
    """Accuracy on the held-out training examples after a whole training of `epochs`."""

    epochs: int
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochChoice:
    """The chosen number of epochs, and all budgets that were tried for it."""

    epochs: int
    history: tuple[BudgetAccuracy, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HoldoutSplit:
    """Sorted positions of the training examples: those to train on, those held out."""

    train: Int64
    holdout: Int64


def choose_epochs(
    accuracies: Callable[[tuple[int, ...]], Sequence[float]],
    *,
    budgets: tuple[int, ...] = BUDGETS,
    smallest_gain: float = SMALLEST_GAIN,
) -> EpochChoice:
    """The last budget that still gained `smallest_gain` accuracy over the one before; the first if none did.

    Args:
        accuracies: gives the holdout accuracy of a training of each budget; a diverged one counts as 0. It is
            asked for the first two together, which can be trained side by side, then for one at a time.
        budgets: at least two numbers of epochs, ascending.
        smallest_gain: in accuracy, from 0 to 1.

    >>> choose_epochs(lambda budgets: [{5: 0.80, 10: 0.85, 20: 0.853}[b] for b in budgets]).epochs
    10
    """
    first = accuracies(budgets[:2])
    history = [BudgetAccuracy(epochs=b, accuracy=a) for b, a in zip(budgets[:2], first, strict=True)]
    for budget in budgets[2:]:
        if not _gained(history, smallest_gain):
            break
        (accuracy,) = accuracies((budget,))
        history.append(BudgetAccuracy(epochs=budget, accuracy=accuracy))
    chosen = history[-1] if _gained(history, smallest_gain) else history[-2]
    return EpochChoice(epochs=chosen.epochs, history=tuple(history))


def _gained(history: Sequence[BudgetAccuracy], smallest_gain: float) -> bool:
    """Accuracies are fractions: exactly half a point must not fall to rounding."""
    return round(history[-1].accuracy - history[-2].accuracy, 9) >= smallest_gain


def holdout_split(labels: Int64, *, share: float = HOLDOUT_SHARE, rng: np.random.Generator) -> HoldoutSplit:
    """Hold out `share` of the examples, of each class within one of its share; of sequences any.

    Raises:
        DataError: so few examples that one part is empty.
    """
    by_class = rng.permutation(len(labels))
    if labels.ndim == 1:
        by_class = by_class[np.argsort(labels[by_class], kind="stable")]
    # Walk through the classes with a step of 1 / share from a random start: systematic sampling.
    passed = np.floor(np.arange(len(labels) + 1) * share + rng.random())
    held_out = np.diff(passed) > 0
    if held_out.all() or not held_out.any():
        raise DataError(
            f"expected enough training examples to hold out {share:.0%} of them, found {len(labels)}",
            hint="state how long to train: --epochs N",
        )
    return HoldoutSplit(train=np.sort(by_class[~held_out]), holdout=np.sort(by_class[held_out]))


@enough_memory()
def holdout_accuracy(
    network: torch.nn.Module,
    data: TrainingData,
    examples: Int64,
    *,
    output: OutputKind,
    device: str,
    batch_size: int = 256,
) -> float:
    """Share of the examples at positions `examples` that `network`, put into evaluation mode, gets right."""
    network.eval()
    feed = Feed(data, device=device)
    n_right = n_asked = 0
    with torch.inference_mode():
        for start in range(0, len(examples), batch_size):
            index = examples[start : start + batch_size]
            logits, labels = asked(class_logits(network(*feed.inputs(index)), output), feed.labels(index))
            n_right += int((logits.argmax(dim=1) == labels).sum())
            n_asked += len(labels)
    return n_right / n_asked
