"""One map from what a network puts out to logits (n, C), for losses and accuracies in torch."""

from __future__ import annotations

import torch

from kdaudit.errors import ModelError
from kdaudit.types import UNLABELLED, OutputKind

# Below this a probability counts as this: log 0 is not a number to learn from.
SMALLEST_PROBABILITY = 1e-12


def class_logits(raw: torch.Tensor, output: OutputKind) -> torch.Tensor:
    """Logits (n, C), C >= 2, float32, whose softmax is what the network says; of sequences (n, T, C): (n T, C).

    Logits (n, 1) z become [0, z]; probabilities (n, C) become log(max(p, 1e-12)); sigmoid scores (n, 1) are
    the probabilities [1 - p, p].

    Raises:
        ModelError: not a row an example or a position, or a number of columns that does not fit `output`.
    """
    if not isinstance(raw, torch.Tensor) or raw.ndim not in {2, 3}:
        found = tuple(raw.shape) if isinstance(raw, torch.Tensor) else type(raw).__name__
        raise ModelError(
            f"expected an output of shape (n, classes), or (n, positions, classes) of sequences, from the network in "
            f"training, found {found}"
        )
    raw = raw.flatten(0, -2).float()
    columns = raw.shape[1]
    if output is OutputKind.LOGITS:
        return raw if columns > 1 else torch.cat([torch.zeros_like(raw), raw], dim=1)
    if (columns == 1) is not (output is OutputKind.SIGMOID):
        expected = "one column" if output is OutputKind.SIGMOID else "two columns or more"
        raise ModelError(
            f"expected {expected} of {output} output from the network in training, found {columns}"
        )
    if output is OutputKind.SIGMOID:
        raw = torch.cat([1 - raw, raw], dim=1)
    return raw.clamp_min(SMALLEST_PROBABILITY).log()


def asked(logits: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, C) and labels (N,) of what is asked: all examples (n,), or the labelled positions of (n, T).

    Raises:
        ModelError: not as many answers as labels.
    """
    if len(logits) != labels.numel():
        raise ModelError(
            f"expected an answer for each of {labels.numel()} labels {tuple(labels.shape)} from the network in "
            f"training, found {len(logits)}",
            hint="labels (n,) belong to outputs (n, classes), labels (n, positions) to (n, positions, classes)",
        )
    if labels.ndim == 1:
        return logits, labels
    labels = labels.flatten()
    wanted = labels != UNLABELLED
    return logits[wanted], labels[wanted]
