"""What a control learns from: labels alone, noise in a teacher's place, or the teacher itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch.nn import functional

from kdaudit.types import AnyArray, Int64, Recipe


class Targets(Protocol):
    """Gives the loss of one batch."""

    def loss(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        index: Int64,
        *,
        recipe: Recipe,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Mean loss of logits (m, C) for labels (m,), all that is asked of the examples at positions `index` (b,)."""


@dataclass(frozen=True, slots=True)
class LabelTargets:
    """Independent control: cross-entropy with the labels, nothing else."""

    def loss(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        index: Int64,  # noqa: ARG002
        *,
        recipe: Recipe,
        generator: torch.Generator,  # noqa: ARG002
    ) -> torch.Tensor:
        """CE(student, y), labels smoothed by `recipe.label_smoothing`."""
        return functional.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)


@dataclass(frozen=True, slots=True)
class NoiseTargets:
    """Random control: all of distillation's regularisation and none of its knowledge; 'uniform' or 'gaussian' noise."""

    kind: str = "uniform"

    def loss(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        index: Int64,  # noqa: ARG002
        *,
        recipe: Recipe,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """The distillation loss at T = 1 with teacher logits U(0, 1) or N(0, 1), drawn anew for each batch."""
        draw = torch.randn if self.kind == "gaussian" else torch.rand
        noise = draw(logits.shape, generator=generator, device=logits.device)
        return distillation_loss(logits, labels, noise, recipe=recipe, temperature=1.0)


@dataclass(frozen=True, slots=True, eq=False)
class TeacherTargets:
    """Positive control: freshly distilled from the teacher; `logits` (N, C) are its answers on all training examples.

    With `order` (N,), a permutation, answer i learns what the teacher says in answer order[i]: a random control that
    has the teacher's confidence and none of its knowledge. `starts` (n + 1,) tells where each example's answers begin
    and end, where examples are sequences; `order` is then of answers too, not of sequences: a sequence that lent its
    answers whole would keep what the teacher knows of places, such as how texts begin.
    """

    logits: AnyArray
    order: Int64 | None = None
    starts: Int64 | None = None

    def loss(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        index: Int64,
        *,
        recipe: Recipe,
        generator: torch.Generator,  # noqa: ARG002
    ) -> torch.Tensor:
        """The distillation loss with the teacher's logits of these examples."""
        rows = index if self.starts is None else _ranges(self.starts[index], self.starts[index + 1])
        rows = rows if self.order is None else self.order[rows]
        teacher = torch.from_numpy(self.logits[rows].astype("float32")).to(logits.device)
        return distillation_loss(logits, labels, teacher, recipe=recipe, temperature=recipe.temperature)


def _ranges(first: Int64, last: Int64) -> Int64:
    """The numbers from each of `first` to before each of `last`, one range after the other."""
    return np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])


def distillation_loss(
    logits: torch.Tensor,
    labels: torch.Tensor,
    teacher_logits: torch.Tensor,
    *,
    recipe: Recipe,
    temperature: float,
) -> torch.Tensor:
    """(1 - a) CE(student, y) + a T^2 KL(teacher_T || student_T), mean over the batch; a = `recipe.alpha`.

    Source: Hinton, Vinyals and Dean (2015), section 2, with the weight on the soft part called a.
    """
    hard = functional.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
    soft = functional.kl_div(
        functional.log_softmax(logits / temperature, dim=1),
        functional.log_softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - recipe.alpha) * hard + recipe.alpha * temperature**2 * soft
