"""Training: the recipe, what came of it, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kdaudit.types.models import ModelRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How the controls are trained; every field is decided, nothing is left to 'auto'."""

    epochs: int
    batch_size: int
    optimizer: Literal["sgd", "adamw"]
    lr: float
    schedule: Literal["cosine", "onecycle", "constant"]
    weight_decay: float
    momentum: float = 0.9
    label_smoothing: float = 0.0
    augment: Literal["none", "flip", "crop-flip"] = "none"
    alpha: float = 0.9
    temperature: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One epoch of a training: mean loss and accuracy on the training batches as they were trained."""

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedControl:
    """A finished training: the weights as a ModelRef, the learning curve, and whether it diverged."""

    model: ModelRef
    curve: tuple[CurvePoint, ...]
    seconds: float
    device: str
    precision: str
    diverged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """One step of long work, for whoever shows it. Unknown fields are None."""

    stage: str
    name: str = ""
    done: int | None = None
    total: int | None = None
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    examples_per_second: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What could not be done, at which stage, and why. It reaches the report."""

    what: str
    stage: str
    reason: str
