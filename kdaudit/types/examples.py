"""Examples: where they came from and how they reach a model."""

from __future__ import annotations

from dataclasses import dataclass

from kdaudit.types.arrays import AnyArray, Int64


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRef:
    """Which examples: where they came from and what they are, by digest."""

    name: str
    kind: str
    location: str
    sha256: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """What is done to stored inputs before a model sees them: (x * scale - mean) / std, per channel (axis 1)."""

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def is_identity(self) -> bool:
        """Whether inputs reach the model as they are stored."""
        return self == Preprocess()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Consecutive examples: inputs {name: (n, ...)} preprocessed and as stored, labels (n,) int64.

    A model that takes whole numbers (pixels, tokens) gets what is stored: normalising is its own part then.
    """

    inputs: dict[str, AnyArray]
    stored: dict[str, AnyArray]
    labels: Int64
