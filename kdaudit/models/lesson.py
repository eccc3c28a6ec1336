"""A few steps on one batch: how far the loss falls, and which parameters get no gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kdaudit.types import OutputKind

FALLEN = 0.8
_STEPS = 40
_SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """The first and the smallest later loss, and the parameters that no step gave a gradient."""

    first: float
    last: float
    without_gradient: tuple[str, ...]


def learn(
    network: nn.Module, batch: list[Tensor], labels: Tensor, *, output: OutputKind, step_size: float
) -> Lesson:
    """Steps of Adam until the loss has fallen and every parameter has had a gradient, at most _STEPS.

    Parameters behind a factor that starts at zero get theirs only after the first step.
    """
    waiting = {name: p for name, p in network.named_parameters() if p.requires_grad}
    optimizer = torch.optim.Adam(list(waiting.values()), lr=step_size)
    losses: list[float] = []
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss = functional.nll_loss(_log_probabilities(network(*batch), output), labels)
        losses.append(loss.item())
        loss.backward()  # type: ignore[no-untyped-call]
        waiting = {name: p for name, p in waiting.items() if p.grad is None or not p.grad.any()}
        if not np.isfinite(losses[-1]) or (not waiting and losses[-1] <= FALLEN * losses[0]):
            break
        optimizer.step()
    return Lesson(first=losses[0], last=min(losses[1:], default=losses[0]), without_gradient=tuple(waiting))


def _log_probabilities(raw: Tensor, output: OutputKind) -> Tensor:
    raw = raw.flatten(0, -2)
    if output is OutputKind.LOGITS:
        raw = raw if raw.shape[1] > 1 else torch.cat([torch.zeros_like(raw), raw], dim=1)
        return torch.log_softmax(raw, dim=1)
    probabilities = torch.cat([1 - raw, raw], dim=1) if raw.shape[1] == 1 else raw
    return probabilities.clamp_min(_SMALLEST_PROBABILITY).log()
