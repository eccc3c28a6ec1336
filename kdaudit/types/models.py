"""Model files, what they are, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from kdaudit.types.arrays import Float16, Float32
from kdaudit.types.examples import DataRef


class Role(StrEnum):
    """Which part a model plays in the audit; alternate controls are students of the alternate teacher."""

    TEACHER = "teacher"
    STUDENT = "student"
    INDEPENDENT = "independent"
    RANDOM = "random"
    POSITIVE = "positive"
    ALTERNATE_TEACHER = "alternate-teacher"
    ALTERNATE = "alternate"

    @property
    def option_prefix(self) -> str:
        """How the options of a model of this role begin: controls are read as the student is."""
        return self.value if self in (Role.TEACHER, Role.ALTERNATE_TEACHER) else "student"


class OutputKind(StrEnum):
    """What the numbers are that a model puts out; stated by the user, checked on the data, never guessed."""

    LOGITS = "logits"
    PROBS = "probs"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What must be equal for two models to count as the same architecture.

    `operators` counts the operators that bend (ONNX) or the parameters' shapes (PyTorch), sorted by name. Two models
    of one kind are matched if all is equal, ONNX files as if BatchNorm were folded. Formats count differently
    (exporters fold BatchNorm into the layer before it and transpose matrices), so models of different kinds are matched
    if their `weights` are equal: the counted shapes of all weights with two axes or more.
    """

    kind: Literal["onnx", "torch"]
    n_parameters: int
    operators: tuple[tuple[str, int], ...]
    weights: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output of a model: `shape` without the batch axis, None where it is dynamic."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


Initialisation = Literal["torch", "xavier", "trunc02", "kaiming"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """How to build the student's architecture with fresh weights; small, picklable, valid in any process.

    `model` is the file (or the architecture callable, where `model.arch` is set) to take the architecture from;
    `example_shapes` are the input shapes of one example by input name, needed to specialise dynamic axes, and
    `example_dtypes` their types in the same order, needed where the file does not say them.
    `initialisation` is the scheme that fresh weights are drawn by, `dropout` the share that is dropped where an ONNX
    file does not say, `freeze` a regular expression of the arrays of an ONNX file that keep their numbers.
    """

    model: ModelRef
    init_from: ModelRef | None = None
    reinsert_bn: Literal["auto", "always", "never"] = "auto"
    initialisation: Initialisation = "torch"
    dropout: float | None = None
    freeze: str | None = None
    example_shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    example_dtypes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMap:
    """Where a model's outputs are not the data's classes: `columns` names the output of each class.

    `n_outputs` is how many the model has; the others are left out of its answers.
    """

    columns: tuple[int, ...]
    n_outputs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """A model file and how to read it. `kind` is a key of `models.LOADERS`."""

    name: str
    role: Role
    path: str
    kind: str
    sha256: str
    output: OutputKind = OutputKind.LOGITS
    arch: str | None = None
    arch_args: str | None = None
    label_map: LabelMap | None = None
    network: NetworkSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How faithful the trainable network is to the audited student.

    `level`: exact (the student's own code, configuration or network) / bn-kept / bn-reinserted / converted (there is no
    BatchNorm to keep).
    `sentence` is what the report says; `evidence` names what it rests on; `frozen` lists float initializers
    that are not trained.
    """

    level: Literal["exact", "bn-kept", "bn-reinserted", "converted"]
    sentence: str
    n_parameters: int
    n_file_parameters: int | None = None
    evidence: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """One model's logits (N, C) on one data set, in the data's order, and where they were computed.

    float32; float16 where controls learn from them.
    """

    model: ModelRef
    data: DataRef
    logits: Float32 | Float16
    device: str
    batch_size: int
