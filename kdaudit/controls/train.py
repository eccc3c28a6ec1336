"""The training loop: a network, training data and a recipe in; the trained network and its curve out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from math import isfinite

import numpy as np
import torch

from kdaudit.controls.feed import Feed, shuffled_epochs, split_batches
from kdaudit.controls.step import Stepper, StepSums, enough_memory
from kdaudit.controls.targets import Targets
from kdaudit.errors import DataError
from kdaudit.protocols import Progress, TrainingData
from kdaudit.types import CurvePoint, Int64, OutputKind, ProgressEvent, Recipe

# Changes when the same seed no longer gives the same control, so that kept controls are trained anew.
TRAINING_VERSION = "1"

_SECONDS_BETWEEN_EVENTS = 0.3
# Reading a sum waits for the GPU: there, look for divergence now and then only.
_STEPS_BETWEEN_LOOKS = {"cpu": 1, "cuda": 16}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Training:
    """A finished training. `network` stays on its device, in training mode; `curve` holds whole epochs."""

    network: torch.nn.Module
    curve: tuple[CurvePoint, ...]
    seconds: float
    examples_per_second: float
    diverged: bool


@enough_memory()
def train_control(
    network: torch.nn.Module,
    data: TrainingData,
    recipe: Recipe,
    targets: Targets,
    *,
    output: OutputKind,
    rng: np.random.Generator,
    device: str,
    precision: str,
    progress: Progress,
    name: str,
    examples: Int64 | None = None,
) -> Training:
    """Train `network`, whose weights are fresh, in place by `recipe`.

    The order of the data, the noise of random controls, the augmentation and the network's dropout have
    streams of their own, all from `rng`.

    Args:
        network: takes the inputs in the order of `data.stored`, gives (n, C) or (n, 1), or (n, T, C) of sequences.
        data: training data; `examples` are the positions to train on, all when None.
        recipe: every epoch visits each example once.
        targets: what is learned: labels, noise or a teacher.
        output: what the network's numbers are.
        rng: not to be used again by the caller.
        device: as torch names it.
        precision: 'fp32', 'bf16' or 'fp16'; the weights are float32 in all of them.
        progress: told a few times a second.
        name: the control's name in the events.
        examples: sorted positions (m,), or None.

    Returns:
        The trained network; `diverged` as soon as a loss is not finite, or if a weight is not at the end.

    Raises:
        SpecError: an augmentation that does not fit the data.
        DataError: fewer than two examples, or a label for which the network has no output.
        ModelError: an output of the wrong shape.
        TrainingError: nothing to train, or no memory.
    """
    run = _prepare(
        network,
        data,
        recipe,
        targets,
        output=output,
        rng=rng,
        device=device,
        precision=precision,
        examples=examples,
    )
    meter = _Meter(progress, name=name, epochs=recipe.epochs, n_steps=recipe.epochs * run.n_batches)
    curve: list[CurvePoint] = []
    with _torch_stream(run.layers_seed, device):
        for epoch, batches in enumerate(islice(run.epochs, recipe.epochs), start=1):
            point = _train_epoch(run.stepper, batches, epoch, device=device, meter=meter)
            if point is None:
                break
            curve.append(point)
    return Training(
        network=network,
        curve=tuple(curve),
        seconds=meter.seconds,
        examples_per_second=meter.examples_per_second,
        diverged=len(curve) < recipe.epochs or not _is_finite(network),
    )


@enough_memory()
def measure_step_seconds(
    network: torch.nn.Module,
    data: TrainingData,
    recipe: Recipe,
    targets: Targets,
    *,
    output: OutputKind,
    rng: np.random.Generator,
    device: str,
    precision: str,
    examples: Int64 | None = None,
    n_steps: int = 50,
    limit_seconds: float = 60.0,
) -> float:
    """Mean seconds of a training step here and now, from up to `n_steps` of them; spoils `network`.

    The first step, which sets things up, is made but not counted. Stops after `limit_seconds`.

    Raises:
        TrainingError: no memory; and what `train_control` raises.
    """
    run = _prepare(
        network,
        data,
        replace(recipe, schedule="constant"),  # the others end with the last epoch
        targets,
        output=output,
        rng=rng,
        device=device,
        precision=precision,
        examples=examples,
    )
    batches = chain.from_iterable(run.epochs)
    with _torch_stream(run.layers_seed, device):
        float(run.stepper.step(next(batches)).loss)
        started = time.perf_counter()
        seconds, n_done = 0.0, 0
        while n_done == 0 or (n_done < n_steps and seconds < limit_seconds):
            float(run.stepper.step(next(batches)).loss)  # reading it waits for the GPU
            seconds, n_done = time.perf_counter() - started, n_done + 1
    return seconds / n_done


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Run:
    """All that a training needs; `epochs` goes on without end."""

    stepper: Stepper
    epochs: Iterator[list[Int64]]
    n_batches: int
    layers_seed: int


def _prepare(
    network: torch.nn.Module,
    data: TrainingData,
    recipe: Recipe,
    targets: Targets,
    *,
    output: OutputKind,
    rng: np.random.Generator,
    device: str,
    precision: str,
    examples: Int64 | None,
) -> _Run:
    chosen = np.arange(len(data.labels)) if examples is None else examples
    if len(chosen) < 2:
        raise DataError(f"expected at least two examples to train on, found {len(chosen)}")
    order, noise, augmentation, layers = rng.spawn(4)
    n_batches = len(split_batches(chosen, recipe.batch_size))
    stepper = Stepper(
        network,
        Feed(data, device=device, augment=recipe.augment, generator=_torch_generator(augmentation, device)),
        recipe,
        targets,
        output=output,
        n_steps=recipe.epochs * n_batches,
        noise=_torch_generator(noise, device),
        device=device,
        precision=precision,
    )
    return _Run(
        stepper=stepper,
        epochs=shuffled_epochs(chosen, recipe.batch_size, order),
        n_batches=n_batches,
        layers_seed=_seed(layers),
    )


def _train_epoch(
    stepper: Stepper, batches: list[Int64], epoch: int, *, device: str, meter: _Meter
) -> CurvePoint | None:
    """One epoch; None as soon as the loss is seen not to be finite."""
    total = StepSums.zero(device)
    mean_loss = 0.0
    look_every = _STEPS_BETWEEN_LOOKS.get(torch.device(device).type, 1)
    for i, batch in enumerate(batches, start=1):
        total += stepper.step(batch)
        meter.count(len(batch))
        if i % look_every == 0 or i == len(batches):
            mean_loss = float(total.loss) / total.n_asked
            if not isfinite(mean_loss):
                return None
            meter.tell(epoch, mean_loss)
    return CurvePoint(epoch=epoch, loss=mean_loss, accuracy=int(total.n_right) / total.n_asked)


class _Meter:
    """Counts steps and examples, and tells about them now and then and at the end."""

    def __init__(self, progress: Progress, *, name: str, epochs: int, n_steps: int) -> None:
        self._progress = progress
        self._name, self._epochs, self._n_steps = name, epochs, n_steps
        self._n_steps_done = self._n_examples = 0
        self._started = time.perf_counter()
        self._last_told = -_SECONDS_BETWEEN_EVENTS

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._started

    @property
    def examples_per_second(self) -> float:
        """Mean since the start."""
        return self._n_examples / max(self.seconds, 1e-9)

    def count(self, n_examples: int) -> None:
        """Take note of one step with `n_examples`."""
        self._n_steps_done += 1
        self._n_examples += n_examples

    def tell(self, epoch: int, loss: float) -> None:
        """Pass the state on, unless that was done a moment ago and there is more to come."""
        is_last = self._n_steps_done == self._n_steps
        if not is_last and self.seconds - self._last_told < _SECONDS_BETWEEN_EVENTS:
            return
        self._last_told = self.seconds
        self._progress(
            ProgressEvent(
                stage="train",
                name=self._name,
                done=self._n_steps_done,
                total=self._n_steps,
                epoch=epoch,
                epochs=self._epochs,
                loss=loss,
                examples_per_second=self.examples_per_second,
            )
        )


@contextmanager
def _torch_stream(seed: int, device: str) -> Iterator[None]:
    """Inside, torch's global stream (dropout draws from it) starts at `seed`; after it, all is as before."""
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _torch_generator(rng: np.random.Generator, device: str) -> torch.Generator:
    return torch.Generator(device).manual_seed(_seed(rng))


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**63))


def _is_finite(network: torch.nn.Module) -> bool:
    values = (v for v in network.state_dict().values() if v.is_floating_point())
    return all(bool(v.isfinite().all()) for v in values)
