"""What each extension point must offer. Frameworks appear here only for the type checker."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from kdaudit.errors import KDAuditError
from kdaudit.types import (
    AnyArray,
    Batch,
    Conversions,
    DataRef,
    Fidelity,
    Int64,
    Preprocess,
    ProgressEvent,
    Signature,
    TensorSpec,
)

if TYPE_CHECKING:
    import torch

    from kdaudit.schema import AuditResult

T = TypeVar("T")
R = TypeVar("R")


class Model(Protocol):
    """A model that answers. Cheap to make; takes its device on enter and gives it back on exit."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Names, shapes without the batch axis, and dtypes of what `run` takes; () if the file does not say."""

    @property
    def fixed_batch(self) -> int | None:
        """The only batch size that the file accepts, or None."""

    @property
    def device(self) -> str:
        """The device really used, for the report: 'cpu', 'cuda:0 NVIDIA ...'."""

    def __enter__(self) -> Self:
        """Load the weights onto the device."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the device back."""

    def run(self, inputs: Mapping[str, AnyArray], shared: Conversions | None = None) -> AnyArray:
        """The raw output (n, C) or (n, 1) for inputs {name: (n, ...)} of exactly the declared dtypes.

        Arrays that a model before this one put on the same device are taken from `shared`, and left as they are.
        """

    def bytes_per_example(self, inputs: Mapping[str, AnyArray]) -> int:
        """Upper estimate of the memory that one example's activations take; `inputs` {name: (1, ...)}."""

    def signature(self) -> Signature:
        """What must be equal for two models to count as one architecture."""


class NetworkFactory(Protocol):
    """The student's architecture, ready to be built with fresh weights."""

    @property
    def spec_digest(self) -> str:
        """Digest of the architecture and of every setting derived from the weights; equal for equal networks."""

    @property
    def family(self) -> str:
        """'convolution', 'attention', 'recurrent' or 'dense': picks the default recipe."""

    @property
    def fidelity(self) -> Fidelity:
        """How faithful the trainable network is to the audited file."""

    def build(self, seed: int) -> torch.nn.Module:
        """A network with weights drawn anew from `seed` (or taken from `init_from`), in training mode.

        Its forward takes the inputs in the order of the model's input names and gives raw outputs (n, C).
        """


class DataSource(Protocol):
    """Examples in a fixed order."""

    @property
    def ref(self) -> DataRef:
        """Where they came from, and their digest."""

    @property
    def n_answers(self) -> int:
        """How many answers are asked for: one an example, or one a labelled position of its sequences."""

    @property
    def preprocess(self) -> Preprocess:
        """What `batches` applies to the stored inputs."""

    def __len__(self) -> int:
        """Number of examples."""

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Preprocessed batches in order; the last may be short."""


class TrainingData(Protocol):
    """Random access to stored inputs for the training loop; inputs {name: (n, ...)} as stored."""

    @property
    def labels(self) -> Int64:
        """Labels (n,)."""

    @property
    def preprocess(self) -> Preprocess:
        """What the loop must apply on the device."""

    @property
    def stored(self) -> Mapping[str, AnyArray]:
        """Memory-mapped inputs {name: (n, ...)}, uint8, float or integer, not preprocessed."""


class Progress(Protocol):
    """Whoever shows how far long work is."""

    def __call__(self, event: ProgressEvent, /) -> None:
        """Take notice of one event; must be cheap."""


class Executor(Protocol):
    """Runs picklable tasks, in order of results."""

    @property
    def n_workers(self) -> int:
        """How many tasks run at the same time."""

    @property
    def place(self) -> str:
        """Where tasks run, as the end of a sentence."""

    def map(
        self, function: Callable[[T, Progress], R], tasks: Sequence[T], *, progress: Progress
    ) -> Iterator[R | KDAuditError]:
        """One result per task, in order, as they finish; a task's KDAuditError is its result.

        `function` stands at the top level of a module and is called with the task and with whom to tell. Where a worker
        is lost its task is done again, so it must come to the same each time.
        """


class Renderer(Protocol):
    """Turns an audit into a document. Pure: the same result gives the same text."""

    def __call__(self, result: AuditResult, /) -> str:
        """The document."""
