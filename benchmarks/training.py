"""How much faster controls train here than by a loop written by hand, in one run on this machine.

By hand: a Dataset of PIL pictures with torchvision transforms, a DataLoader, one seed after the other, one process
with as many threads as the machine has cores. Here: one control per single-threaded worker.

    python benchmarks/training.py [--rounds 5] [--epochs 1] [--examples 6000] [--precision fp32] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from kdaudit.controls.recipes import resolve_recipe
from kdaudit.controls.targets import LabelTargets
from kdaudit.controls.train import train_control
from kdaudit.errors import KDAuditError
from kdaudit.execute import LocalPool
from kdaudit.protocols import Progress
from kdaudit.types import AnyArray, Int64, OutputKind, Preprocess, ProgressEvent, Recipe

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
MEAN, STD = 0.2860, 0.3530
PREPROCESS = Preprocess(scale=1 / 255, mean=(MEAN,), std=(STD,))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pictures:
    """Fashion-MNIST, or noise of the same shape."""

    source: str
    stored: dict[str, AnyArray]
    labels: Int64
    preprocess: Preprocess = PREPROCESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One control to train; every process reads the data itself."""

    seed: int
    n_examples: int
    recipe: Recipe
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured, and where: medians over the rounds.

    `ratio` is the figure that counts: the two speeds of one round, divided.
    """

    by_hand_examples_per_second: float
    examples_per_second: float
    ratio: float
    by_hand_accuracy: float
    accuracy: float
    precision: str
    n_parameters: int
    data: str
    n_examples: int
    epochs: int
    n_controls: int
    n_rounds: int
    machine: str
    load_average: float


def load_pictures(n: int) -> Pictures:
    """The first `n` training pictures (n, 1, 28, 28) uint8."""
    if not FASHION_MNIST.is_dir():
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 10, n)
        pictures = rng.integers(0, 256, (n, 1, 28, 28), dtype=np.uint8)
        return Pictures(source="noise", stored={"x": pictures}, labels=labels)
    with gzip.open(FASHION_MNIST / "train-images-idx3-ubyte.gz") as file:
        pictures = np.frombuffer(file.read(16 + n * 784)[16:], np.uint8).reshape(n, 1, 28, 28)
    with gzip.open(FASHION_MNIST / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(8 + n)[8:], np.uint8).astype(np.int64)
    return Pictures(source="Fashion-MNIST", stored={"x": pictures}, labels=labels)


def build_network(seed: int) -> torch.nn.Module:
    """A convolutional network with about 100,000 parameters."""
    torch.manual_seed(seed)
    layers: list[torch.nn.Module] = []
    before = 1
    for width, stride in ((32, 1), (64, 2), (128, 2)):
        layers += [
            torch.nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False),
            torch.nn.BatchNorm2d(width),
            torch.nn.ReLU(),
        ]
        before = width
    return torch.nn.Sequential(
        *layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(128, 10)
    )


class PictureDataset(Dataset[tuple[torch.Tensor, int]]):
    """As torchvision's own data sets do it: a PIL picture for each example, transformed one by one."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures.stored["x"][:, 0]
        self._labels = pictures.labels
        self._transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self._transform(Image.fromarray(self._pictures[i])), int(self._labels[i])


def train_by_hand(work: Work) -> float:
    """The loop of a notebook; gives the accuracy of the last epoch on its training batches."""
    recipe = work.recipe
    loader = DataLoader(
        PictureDataset(load_pictures(work.n_examples)), batch_size=recipe.batch_size, shuffle=True
    )
    network = build_network(work.seed).train()
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.lr, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * len(loader))
    n_right = 0
    for _ in range(recipe.epochs):
        n_right = 0
        for inputs, labels in loader:
            optimizer.zero_grad()
            logits = network(inputs)
            torch.nn.functional.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            n_right += int((logits.argmax(dim=1) == labels).sum())
    return n_right / work.n_examples


def train_here(work: Work, progress: Progress) -> float:
    """A task for the pool: the same training by the package; gives the same accuracy."""
    training = train_control(
        build_network(work.seed),
        load_pictures(work.n_examples),
        work.recipe,
        LabelTargets(),
        output=OutputKind.LOGITS,
        rng=np.random.default_rng(work.seed),
        device="cpu",
        precision=work.precision,
        progress=progress,
        name=str(work.seed),
    )
    return training.curve[-1].accuracy


def ignore(event: ProgressEvent) -> None:
    """Nobody watches."""


def measure(n_examples: int, epochs: int, precision: str, n_rounds: int) -> Row:
    """Train one control per core by hand and here, in turns, so that other load meets both."""
    n_cores = os.cpu_count() or 1
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    recipe = usual_recipe(epochs)
    work = [Work(seed=s, n_examples=n_examples, recipe=recipe, precision=precision) for s in range(n_cores)]
    torch.set_num_threads(n_cores)
    by_hand_seconds, seconds = [], []
    with LocalPool(n_cores, initializer=partial(torch.set_num_threads, 1)) as pool:
        list(pool.map(train_here, work, progress=ignore))  # the import of torch is paid once an audit
        for _ in range(n_rounds):
            started = time.perf_counter()
            by_hand = [train_by_hand(one) for one in work]
            by_hand_seconds.append(time.perf_counter() - started)
            started = time.perf_counter()
            here = list(pool.map(train_here, work, progress=ignore))
            seconds.append(time.perf_counter() - started)
    n_trained = n_examples * epochs * len(work)
    return Row(
        by_hand_examples_per_second=round(n_trained / median(by_hand_seconds)),
        examples_per_second=round(n_trained / median(seconds)),
        ratio=round(median(h / s for h, s in zip(by_hand_seconds, seconds, strict=True)), 2),
        by_hand_accuracy=round(mean(by_hand), 4),
        accuracy=round(mean(a for a in here if not isinstance(a, KDAuditError)), 4),
        precision=precision,
        n_parameters=sum(p.numel() for p in build_network(0).parameters()),
        data=load_pictures(1).source,
        n_examples=n_examples,
        epochs=epochs,
        n_controls=len(work),
        n_rounds=n_rounds,
        machine=f"{n_cores} cores, {platform.machine()}, {platform.system()}, torch {torch.__version__}",
        load_average=round(load_average, 2),
    )


def usual_recipe(epochs: int) -> Recipe:
    """The default for networks with convolutions."""
    return resolve_recipe(
        family="convolution",
        epochs=epochs,
        batch_size=None,
        optimizer=None,
        lr=None,
        schedule=None,
        weight_decay=None,
        label_smoothing=None,
        augment=None,
        alpha=None,
        temperature=None,
    )


def main() -> None:
    """Print one row of a Markdown table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--examples", type=int, default=6000)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    row = asdict(measure(given.examples, given.epochs, given.precision, given.rounds))
    if given.json:
        print(json.dumps(row, indent=2))
        return
    print("| " + " | ".join(row) + " |")
    print("|" + "---|" * len(row))
    print(
        "| "
        + " | ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values())
        + " |"
    )


if __name__ == "__main__":
    main()
