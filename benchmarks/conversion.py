"""Converted networks against the networks they came from: seconds to convert, and the time of a training step.

Both step in turns, on one thread, in one process; the ratio of the medians is the figure that counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torch import nn
from torch.onnx import TrainingMode

from kdaudit.digest import file_digest
from kdaudit.errors import ModelError
from kdaudit.models.quiet import silent_torch
from kdaudit.models.trainable import open_network
from kdaudit.types import ModelRef, NetworkSpec, Role

BATCH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A network and the shape of one of its examples."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]


CASES = (
    Case(name="resnet18", make=lambda: torchvision.models.resnet18(num_classes=10), shape=(3, 64, 64)),
    Case(name="resnet50", make=lambda: torchvision.models.resnet50(num_classes=10), shape=(3, 64, 64)),
    Case(
        name="mobilenet_v3_small",
        make=lambda: torchvision.models.mobilenet_v3_small(num_classes=10),
        shape=(3, 64, 64),
    ),
    Case(
        name="vit, 6 layers of 128",
        make=lambda: torchvision.models.VisionTransformer(
            image_size=64,
            patch_size=8,
            num_layers=6,
            num_heads=4,
            hidden_dim=128,
            mlp_dim=256,
            num_classes=10,
        ),
        shape=(3, 64, 64),
    ),
    Case(
        name="mlp",
        make=lambda: nn.Sequential(
            nn.Linear(256, 512),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, 10),
        ),
        shape=(256,),
    ),
)


def exported(case: Case, network: nn.Module, folder: Path) -> ModelRef:
    """The network as an ONNX file with an open batch, BatchNorm kept."""
    path = folder / f"{case.name}.onnx"
    with silent_torch():
        torch.onnx.export(
            network.eval(),
            (torch.randn(2, *case.shape),),
            str(path),
            dynamo=False,
            training=TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["x"],
            output_names=["scores"],
            dynamic_axes={"x": {0: "n"}, "scores": {0: "n"}},
        )
    sha256 = file_digest(path, error=ModelError, what="a model")
    return ModelRef(name=case.name, role=Role.STUDENT, path=str(path), kind="onnx", sha256=sha256)


def stepper(network: nn.Module, shape: tuple[int, ...]) -> Callable[[], float]:
    """A function that makes one step of SGD and says how many seconds it took."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    x, y = torch.randn(BATCH, *shape), torch.randint(10, (BATCH,))

    def step() -> float:
        started = time.perf_counter()
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(network(x), y))
        optimizer.step()
        return time.perf_counter() - started

    return step


def main() -> None:
    """Print one row a network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=15, help="Steps of each network, in turns.")
    n_steps = parser.parse_args().steps
    torch.set_num_threads(1)
    print(f"load average {os.getloadavg()[0]:.1f}, torch {torch.__version__}, {BATCH} examples a step")
    print(
        "| network | conversion, s | native, ms a step | converted, ms a step | ratio |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            native = case.make()
            ref = exported(case, native, Path(folder))
            started = time.perf_counter()
            factory = open_network(
                NetworkSpec(model=ref, example_shapes=(("x", case.shape),), example_dtypes=("float32",))
            )
            seconds = time.perf_counter() - started
            steps = (stepper(native, case.shape), stepper(factory.build(0), case.shape))
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(n_steps + 2):
                for taken, step in zip(times, steps, strict=True):
                    taken.append(step())
            one, other = (statistics.median(taken[2:]) for taken in times)
            print(
                f"| {case.name} | {seconds:.2f} | {one * 1e3:.1f} | {other * 1e3:.1f} | {other / one:.2f} |"
            )


if __name__ == "__main__":
    main()
