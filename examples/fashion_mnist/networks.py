"""A small convolutional network, its training with or without a teacher, and its export: plain PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

Pictures = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


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

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch."""
        with torch.no_grad():
            teacher = self.teacher(pictures)
        soft = functional.kl_div(
            functional.log_softmax(logits / self.temperature, dim=1),
            functional.log_softmax(teacher / self.temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        hard = functional.cross_entropy(logits, labels)
        return (1 - self.alpha) * hard + self.alpha * self.temperature**2 * soft


class ConvNet(nn.Module):
    """Three convolutions with BatchNorm, mean over the picture, one linear layer; input pixels / 255."""

    def __init__(self, *, width: int, strides: tuple[int, int, int], n_classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for i, stride in enumerate(strides):
            wider = width * 2**i
            layers += [
                nn.Conv2d(channels, wider, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(wider),
                nn.ReLU(),
            ]
            channels = wider
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, n_classes)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes) of pictures (n, 1, height, width)."""
        logits: torch.Tensor = self.classifier(self.features(pictures))
        return logits


def train(
    network: ConvNet,
    pictures: Pictures,
    labels: Labels,
    schedule: Schedule,
    *,
    seed: int,
    distillation: Distillation | None = None,
) -> ConvNet:
    """Train `network` in place, from the labels alone or with a teacher; it is returned ready to be used."""
    order = torch.Generator().manual_seed(seed)
    x, y = torch.from_numpy(pictures), torch.from_numpy(labels)
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
            batch = x[index].float() / 255
            logits = network(batch)
            if distillation is None:
                loss = functional.cross_entropy(logits, y[index])
            else:
                loss = distillation.loss(logits, y[index], batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rates.step()
    return network.eval()


def logits(network: nn.Module, pictures: Pictures) -> npt.NDArray[np.float32]:
    """What the network puts out (n, classes) for the pictures (n, 1, height, width)."""
    with torch.no_grad():
        parts = [network(part.float() / 255) for part in torch.split(torch.from_numpy(pictures), 1000)]
    numbers: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return numbers


def answers(network: nn.Module, pictures: Pictures) -> Labels:
    """The class that the network holds most likely, for each picture."""
    most_likely: Labels = logits(network, pictures).argmax(axis=1)
    return most_likely


def with_confusions(
    labels: Labels, confusions: dict[tuple[int, int], float], *, rng: np.random.Generator
) -> Labels:
    """The labels with each class `a` relabelled `b` with the probability that `confusions[a, b]` gives."""
    changed = labels.copy()
    for (actual, wrong), share in confusions.items():
        changed[(labels == actual) & (rng.random(len(labels)) < share)] = wrong
    return changed


def export(network: ConvNet, path: Path) -> None:
    """Write the network as an ONNX file as most people do: dynamic batch, BatchNorm folded by the exporter."""
    torch.onnx.export(
        network.eval().to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 1, 28, 28),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
