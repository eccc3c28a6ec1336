"""The records that flow between stages. Imports numpy only.

Arrays are read-only on entry (`read_only`). Undefined is None with a status and a note, never NaN and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[np.generic]
_T = TypeVar("_T", bound=np.generic)


class Role(StrEnum):
    """Which part a model plays in the audit."""

    TEACHER = "teacher"
    STUDENT = "student"
    INDEPENDENT = "independent"
    RANDOM = "random"
    POSITIVE = "positive"


class OutputKind(StrEnum):
    """What the numbers are that a model puts out; stated by the user, checked on the data, never guessed."""

    LOGITS = "logits"
    PROBS = "probs"
    SIGMOID = "sigmoid"


class Outcome(StrEnum):
    """How the audit ended."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What must be equal for two models to count as the same architecture.

    `operators` counts the graph's operators (ONNX) or the parameters' shapes (PyTorch), sorted by name.
    """

    kind: Literal["onnx", "torch"]
    n_parameters: int
    operators: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output of a model: `shape` without the batch axis, None where it is dynamic."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """How to build the student's architecture with fresh weights; small, picklable, valid in any process.

    `model` is the file (or the architecture callable, where `model.arch` is set) to take the architecture from;
    `example_shapes` are the input shapes of one example by input name, needed to specialise dynamic axes.
    """

    model: ModelRef
    init_from: ModelRef | None = None
    reinsert_bn: Literal["auto", "always", "never"] = "auto"
    example_shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()


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
    network: NetworkSpec | None = None


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
    """Consecutive examples, preprocessed: inputs {name: (n, ...)}, labels (n,) int64."""

    inputs: dict[str, AnyArray]
    labels: Int64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """One model's logits (N, C) float32 on one data set, in the data's order, and where they were computed."""

    model: ModelRef
    data: DataRef
    logits: Float32
    device: str
    batch_size: int


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
class Fidelity:
    """How faithful the trainable network is to the audited student.

    `level`: exact (architecture callable) / bn-kept / bn-reinserted / converted (no BatchNorm to keep) .
    `sentence` is what the report says; `evidence` names what it rests on; `frozen` lists float initializers
    that are not trained.
    """

    level: Literal["exact", "bn-kept", "bn-reinserted", "converted"]
    sentence: str
    n_parameters: int
    n_file_parameters: int | None = None
    evidence: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """What the tests need of a teacher, its students and all controls, on the same N examples.

    Rows follow `models`; the teacher is row 0. A model's row of `roles` says what it is.

    answers (m, N): argmax of the logits, lowest index on ties.
    confidence (m, N): softmax probability of the answer.
    log_likelihood (m, N): log-softmax of the label.
    margin (m, N): logit of the label minus the best other logit; best_other (m, N): that other class.
    distances {activation, js, rank}: (m, N) distance of each model's output to the teacher's, per example.
    tied (m,): share of rows whose largest logit occurs more than once.
    """

    models: tuple[ModelRef, ...]
    n_classes: int
    labels: Int64
    groups: Int64 | None
    answers: Int32
    confidence: Float32
    log_likelihood: Float32
    margin: Float32
    best_other: Int32
    distances: dict[str, Float32]
    tied: Float64

    def rows(self, role: Role) -> list[int]:
        """Row numbers of the models of one role, in order."""
        return [i for i, model in enumerate(self.models) if model.role is role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One claim with its estimate, 90 % interval and one-sided p.

    `controls` is each control in turn as if it were the student, against the others. `status` is 'ok',
    'differences-only' (fewer than three controls: no test, no interval) or 'undefined' (with `note`).
    """

    procedure: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    n: int = 0
    n_controls: int = 0
    z: float | None = None
    cliffs_delta: float | None = None
    rank_p: float | None = None
    controls: tuple[float, ...] = ()
    status: Literal["ok", "differences-only", "undefined"] = "ok"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InheritedPair:
    """Inherited errors of one (label, shared answer) pair, and how many chance explains."""

    label: int
    answer: int
    n: int
    expected_by_chance: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inherited:
    """Errors that teacher and student share and at most `tau` controls make.

    `listed` are example positions; `fdr` the share expected by chance, 1 for an empty list; `p_value` that of a
    list as long as this against the controls' own.
    """

    listed: Int64
    tau: int
    expected_by_chance: float
    fdr: float
    p_value: float
    pairs: tuple[InheritedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A printed number of one model; `value` None where it is undefined."""

    metric: str
    model: str
    value: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """Whether the audit may speak at all: sanity of models and data, and of the controls.

    problems: sentences, each a violated sanity condition. unfit: independent controls left out, with the reason.
    headroom_W = n_W (1 - A_W(C)); gap = acc(S) - mean acc(C). None where there are no controls.
    """

    n_W: int  # noqa: N815 - the method's names
    n_R: int  # noqa: N815
    headroom_W: float | None  # noqa: N815
    n_controls: int
    n_trained_controls: int
    unfit: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unmatched: str = ""
    unmatched_allowed: bool = False
    no_controls_reason: str = ""
    n_duplicates: int = 0
    n_before_duplicates: int = 0
    duplicates_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """All evidence of one audit, as the rules read it.

    effects: Evidence by procedure (kappa_W, kappa_R, rrr, did, tilt, transfer.*, accuracy_gap, ...);
    transfer_holm: Holm-corrected p by measure. p_asymmetry = max(p(log RRR), p(kappa_W)).
    """

    fitness: Fitness
    effects: dict[str, Evidence]
    transfer_holm: dict[str, float]
    p_asymmetry: float | None
    inherited: Inherited | None
    sharpness: float | None
    positive: tuple[Evidence, ...] = ()
    n_repeated_W: int | None = None  # noqa: N815
    n_repeated_by_controls_W: float | None = None  # noqa: N815


class RuleStatus(StrEnum):
    """How one rule ended; the order is that of the report."""

    FAIL = "fail"
    UNDECIDED = "undecided"
    WARNING = "warning"
    NOT_JUDGED = "not_judged"
    WAIVED = "waived"
    FINDING = "finding"
    PASS = "pass"  # noqa: S105 - an outcome, not a password


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """One rule: what was observed, what was required, and the sentence that says so.

    `observed` is the number itself (a share, a ratio, a count); `unit` says how to print it.
    `fitness` marks rules whose violation makes the audit inconclusive.
    """

    rule: str
    title: str
    level: Literal["finding", "warn", "error"]
    status: RuleStatus
    required: str
    reason: str
    fitness: bool = False
    observed: float | None = None
    unit: Literal["share", "ratio", "count", "points"] = "count"
    low: float | None = None
    high: float | None = None
    n: int | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome, the sentence that gives the reason, and every rule."""

    outcome: Outcome
    reason: str
    asymmetry: Literal["negative", "absent", "undetermined"]
    attribution: Literal["this_teacher", "unproven"]
    rules: tuple[RuleOutcome, ...] = field(default=())


def read_only(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """The same array, no longer writable through this name."""
    view = array.view()
    view.flags.writeable = False
    return view
