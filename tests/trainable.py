"""A small real task: noisy blobs, a dense teacher and student trained with torch and exported to ONNX."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from kdaudit.options import AuditSpec
from kdaudit.types import Float32, Int64

N_CLASSES, N_FEATURES = 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainableWorld:
    """Files of a task that controls can be trained on in a second."""

    folder: Path

    def path(self, name: str) -> str:
        """A file of the folder."""
        return str(self.folder / name)

    @property
    def check_args(self) -> list[str]:
        """A whole `check` command, without controls."""
        return [
            "check",
            self.path("teacher.onnx"),
            self.path("student.onnx"),
            "--data",
            self.path("eval.npz"),
            "--train-data",
            self.path("train.npz"),
        ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blobs:
    """Examples of overlapping classes."""

    x: Float32
    y: Int64


def blobs(n: int, seed: int) -> Blobs:
    """Four Gaussian blobs in eight dimensions that overlap: the best accuracy is about .8."""
    centres = np.random.default_rng(7).normal(size=(N_CLASSES, N_FEATURES)) * 0.75
    rng = np.random.default_rng(seed)
    y = rng.integers(N_CLASSES, size=n)
    return Blobs(x=(centres[y] + rng.normal(size=(n, N_FEATURES))).astype(np.float32), y=y)


def dense(width: int) -> nn.Sequential:
    """Two layers with BatchNorm."""
    return nn.Sequential(
        nn.Linear(N_FEATURES, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, N_CLASSES)
    )


def trained(width: int, data: Blobs, seed: int, epochs: int = 10) -> nn.Sequential:
    """A dense network trained on the data, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = dense(width)
        optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
        x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        for _ in range(epochs):
            for batch in torch.randperm(len(x)).reshape(-1, 60):
                optimizer.zero_grad()
                torch.autograd.backward(nn.functional.cross_entropy(network(x[batch]), y[batch]))
                optimizer.step()
    return network.eval()


def export(network: nn.Module, path: Path) -> None:
    """As a user exports: the TorchScript exporter, a dynamic batch."""
    torch.onnx.export(
        network,
        (torch.zeros(2, N_FEATURES),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["features"],
        output_names=["scores"],
        dynamic_axes={"features": {0: "n"}, "scores": {0: "n"}},
    )


def trainable_world(folder: Path) -> TrainableWorld:
    """A teacher of another training set, an honest student, 1,500 training and 1,500 evaluation examples."""
    folder.mkdir(parents=True, exist_ok=True)
    train, test = blobs(1500, seed=1), blobs(1500, seed=2)
    np.savez(folder / "train.npz", x=train.x, y=train.y)
    np.savez(folder / "eval.npz", x=test.x, y=test.y)
    teacher, student = trained(64, blobs(300, seed=3), seed=0), trained(16, train, seed=1)
    export(teacher, folder / "teacher.onnx")
    export(student, folder / "student.onnx")
    torch.save(student.state_dict(), folder / "student.pt")
    return TrainableWorld(folder=folder)


def training_spec(world: TrainableWorld, cache: Path, **options: object) -> AuditSpec:
    """A small audit that trains its controls in this process, long enough for all of them to be fit."""
    values: dict[str, object] = {
        "teacher": world.path("teacher.onnx"),
        "students": (world.path("student.onnx"),),
        "data": world.path("eval.npz"),
        "train_data": world.path("train.npz"),
        "epochs": "6",
        "lr": 3e-3,
        "batch_size": 60,
        "workers": 0,
        "device": "cpu",
        "cache_dir": str(cache),
        **options,
    }
    return AuditSpec(**values)  # type: ignore[arg-type]
