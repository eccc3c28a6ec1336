"""The networks of the proof, trained by kdaudit's own engine, many at once; each keeps its answers on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kdaudit.controls.feed import Feed
from kdaudit.controls.targets import LabelTargets, NoiseTargets, Targets, TeacherTargets
from kdaudit.controls.train import TRAINING_VERSION, train_control
from kdaudit.cores import usable_cores
from kdaudit.digest import record_digest
from kdaudit.errors import KDAuditError
from kdaudit.execute import LocalPool
from kdaudit.pipeline.tasks import warm_up
from kdaudit.protocols import Progress
from kdaudit.rng import stream, stream_seed
from kdaudit.types import Float32, OutputKind, Recipe
from validity.sets import Split, data_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """One network: what it learns from and by which recipe. `teacher` names its teacher; `noise`: a random control.

    labels: 'none', 'noisy' or 'confused' (see `DataSet.labelled`); n_train: the first examples of the training data.
    """

    data: str
    kind: str
    seed: int
    width: int
    n_train: int
    recipe: Recipe
    labels: str = "none"
    teacher: Net | None = None
    noise: bool = False

    @property
    def name(self) -> str:
        """Which random streams it has."""
        return f"{self.kind}/{self.seed}"

    @property
    def digest(self) -> str:
        """What its answers depend on."""
        return record_digest(TRAINING_VERSION, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Train a network and keep its answers in `folder`."""

    net: Net
    folder: Path


def answers(net: Net, folder: Path) -> Float32:
    """Logits (n, C) of a trained network on the test data."""
    logits: Float32 = np.load(_path(net, folder))
    return logits


def train_all(nets: Sequence[Net], folder: Path, progress: Progress) -> Iterator[Net]:
    """Train what the folder lacks, teachers first; each network as it is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    teachers = list(dict.fromkeys(net.teacher for net in nets if net.teacher is not None))
    rest = [net for net in dict.fromkeys(nets) if net not in set(teachers)]
    with LocalPool(usable_cores(), initializer=warm_up) as pool:
        for some in (teachers, rest):
            missing = [net for net in some if not _path(net, folder).exists()]
            yield from (net for net in some if net not in set(missing))
            tasks = [Training(net=net, folder=folder) for net in missing]
            for net, result in zip(missing, pool.map(train, tasks, progress=progress), strict=True):
                if isinstance(result, KDAuditError):
                    raise result
                yield net


def train(task: Training, progress: Progress) -> None:
    """Train one network and write its logits on the test data, and on the training data if it is a teacher."""
    net, data = task.net, data_set(task.net.data)
    torch.manual_seed(stream_seed(0, f"{net.name}/weights"))
    network = data.network(net.width)
    train_control(
        network,
        data.labelled(net.labels).first(net.n_train),
        net.recipe,
        _targets(net, task.folder),
        output=OutputKind.LOGITS,
        rng=stream(0, net.name),
        device="cpu",
        precision="fp32",
        progress=progress,
        name=net.name,
    )
    network.eval()
    if net.kind.startswith("teacher"):
        _write(_path(net, task.folder, of="train"), _logits(network, data.train))
    _write(_path(net, task.folder), _logits(network, data.test))


def _targets(net: Net, folder: Path) -> Targets:
    if net.noise:
        return NoiseTargets()
    if net.teacher is None:
        return LabelTargets()
    return TeacherTargets(np.load(_path(net.teacher, folder, of="train")).astype(np.float16))


def _logits(network: torch.nn.Module, split: Split) -> Float32:
    feed, n = Feed(split, device="cpu"), len(split.labels)
    with torch.no_grad():
        parts = [network(*feed.inputs(np.arange(start, min(start + 1000, n)))) for start in range(0, n, 1000)]
    logits: Float32 = torch.cat(parts).numpy()
    return logits


def _path(net: Net, folder: Path, *, of: str = "test") -> Path:
    return folder / f"{net.data}-{net.digest}-{of}.npy"


def _write(path: Path, logits: Float32) -> None:
    """Whole or not at all, so that a killed run can go on."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as file:
        np.save(file, logits)
    unfinished.replace(path)
