"""Training with or without a teacher, and export: plain PyTorch, as users of kdaudit write it themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

Inputs = npt.NDArray[Any]
Labels = npt.NDArray[np.int64]
Network = TypeVar("Network", bound=nn.Module)

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """SGD with Nesterov momentum, the learning rate falling along half a cosine to 0: kdaudit's default recipe."""

    epochs: int
    lr: float = 0.1
    batch_size: int = 128
    momentum: float = 0.9
    weight_decay: float = 5e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """(1 - alpha) CE + alpha T^2 KL(teacher_T || student_T)."""

    teacher: nn.Module
    alpha: float = 0.9
    temperature: float = 4.0

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch."""
        with torch.no_grad():
            teacher = by_answer(self.teacher(inputs))
        soft = functional.kl_div(
            functional.log_softmax(logits / self.temperature, dim=1),
            functional.log_softmax(teacher / self.temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        hard = functional.cross_entropy(logits, labels)
        return (1 - self.alpha) * hard + self.alpha * self.temperature**2 * soft


def train(
    network: Network,
    inputs: Inputs,
    labels: Labels,
    schedule: Schedule,
    *,
    seed: int,
    distillation: Distillation | None = None,
) -> Network:
    """Train `network` in place, from the labels alone or with a teacher; it is returned ready to be used."""
    order = torch.Generator().manual_seed(seed)
    x, y = torch.from_numpy(inputs), torch.from_numpy(labels)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=schedule.lr,
        momentum=schedule.momentum,
        nesterov=True,
        weight_decay=schedule.weight_decay,
    )
    n_steps = schedule.epochs * -(-len(x) // schedule.batch_size)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=n_steps)
    network.train()
    for _ in range(schedule.epochs):
        for index in torch.split(torch.randperm(len(x), generator=order), schedule.batch_size):
            batch, wanted = scaled(x[index]), y[index].flatten()
            logits = by_answer(network(batch))
            if distillation is None:
                loss = functional.cross_entropy(logits, wanted)
            else:
                loss = distillation.loss(logits, wanted, batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rates.step()
    return network.eval()


def scaled(inputs: torch.Tensor) -> torch.Tensor:
    """Pixels from 0 to 1; tokens and measurements as they are."""
    return inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs


def by_answer(logits: torch.Tensor) -> torch.Tensor:
    """A row for each answer: (n, classes), of sequences (n, positions, classes) one for each position."""
    return logits.flatten(0, -2)


def outputs(network: nn.Module, inputs: Inputs) -> npt.NDArray[np.float32]:
    """What the network puts out for the inputs."""
    with torch.no_grad():
        parts = [network(scaled(part)) for part in torch.split(torch.from_numpy(inputs), _BATCH)]
    numbers: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return numbers


def answers(network: nn.Module, inputs: Inputs) -> Labels:
    """The class that the network holds most likely, for each example or position."""
    most_likely: Labels = outputs(network, inputs).argmax(axis=-1)
    return most_likely


def with_confusions(
    labels: Labels, confusions: dict[tuple[int, int], float], *, rng: np.random.Generator
) -> Labels:
    """The labels with each class `a` relabelled `b` with the probability that `confusions[a, b]` gives."""
    changed = labels.copy()
    for (actual, wrong), share in confusions.items():
        changed[(labels == actual) & (rng.random(labels.shape) < share)] = wrong
    return changed


def export(network: nn.Module, example: Inputs, path: Path) -> None:
    """Write the network as an ONNX file as most people do: dynamic batch, BatchNorm folded by the exporter."""
    torch.onnx.export(
        network.eval().to(memory_format=torch.contiguous_format),
        (scaled(torch.from_numpy(example[:1])),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
