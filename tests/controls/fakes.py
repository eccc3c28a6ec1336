"""Training data in memory, tiny networks and recipes for the tests of the controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from kdaudit.controls.targets import LabelTargets, Targets
from kdaudit.controls.train import Training, train_control
from kdaudit.protocols import Progress
from kdaudit.types import AnyArray, Int64, OutputKind, Preprocess, ProgressEvent, Recipe

SGD = Recipe(epochs=8, batch_size=32, optimizer="sgd", lr=0.1, schedule="cosine", weight_decay=5e-4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """What a data source offers to the training loop."""

    stored: dict[str, AnyArray]
    labels: Int64
    preprocess: Preprocess = field(default_factory=Preprocess)


def blobs(n: int = 300, n_classes: int = 3, seed: int = 0) -> Stored:
    """Points (n, 8) around one centre for each class, well apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    points = rng.normal(size=(n, 8)) + 4 * np.eye(8)[labels]
    return Stored(stored={"x": points.astype(np.float32)}, labels=labels)


def stripes(n: int = 200, seed: int = 0) -> Stored:
    """Pictures (n, 3, 8, 8) uint8 that are brighter above or below, by class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    pictures = rng.integers(0, 100, (n, 3, 8, 8))
    pictures[labels == 0, :, :4] += 120
    pictures[labels == 1, :, 4:] += 120
    preprocess = Preprocess(scale=1 / 255, mean=(0.4, 0.4, 0.4), std=(0.25, 0.25, 0.25))
    return Stored(stored={"picture": pictures.astype(np.uint8)}, labels=labels, preprocess=preprocess)


def dense(n_outputs: int = 3, seed: int = 0, last: torch.nn.Module | None = None) -> torch.nn.Sequential:
    """A network with BatchNorm and dropout for `blobs`."""
    torch.manual_seed(seed)
    layers = [
        torch.nn.Linear(8, 16),
        torch.nn.BatchNorm1d(16),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(16, n_outputs),
    ]
    return torch.nn.Sequential(*layers, last or torch.nn.Identity())


def convolutional(seed: int = 0) -> torch.nn.Sequential:
    """A network for `stripes`; sensitive to where things are."""
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 2),
    )


def ignore(event: ProgressEvent) -> None:
    """Nobody watches."""


def train(
    network: torch.nn.Module,
    data: Stored,
    recipe: Recipe = SGD,
    targets: Targets | None = None,
    *,
    output: OutputKind = OutputKind.LOGITS,
    seed: int = 0,
    precision: str = "fp32",
    progress: Progress = ignore,
    examples: Int64 | None = None,
) -> Training:
    """`train_control` on the CPU with labels, where a test does not care."""
    return train_control(
        network,
        data,
        recipe,
        targets or LabelTargets(),
        output=output,
        rng=np.random.default_rng(seed),
        device="cpu",
        precision=precision,
        progress=progress,
        name="control",
        examples=examples,
    )


class Watched(torch.nn.Module):
    """A network that shows its inputs to the test before it answers."""

    def __init__(self, network: torch.nn.Module, look: Callable[[tuple[torch.Tensor, ...]], None]) -> None:
        super().__init__()
        self.network = network
        self.look = look

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The network's answer."""
        self.look(inputs)
        answer: torch.Tensor = self.network(inputs[0])
        return answer
