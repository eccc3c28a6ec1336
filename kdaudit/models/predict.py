"""A model and examples in, logits out; what the model puts out is checked against what was stated."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from kdaudit.errors import DataError, ModelError
from kdaudit.models.output_evidence import OutputEvidence
from kdaudit.types import (
    UNLABELLED,
    AnyArray,
    Batch,
    Conversions,
    Float32,
    Int64,
    ModelRef,
    Predictions,
    ProgressEvent,
    TensorSpec,
)

if TYPE_CHECKING:
    from kdaudit.protocols import DataSource, Model, Progress

_ACTIVATION_BUDGET_BYTES = 256 << 20
_LARGEST_BATCH = 256
_ROWS = 4096
_SAVE_POSITIONS = "save labels of shape (n, positions), -100 where nothing is asked; or export the one answer"
_WHICH_POSITIONS = (
    "without labels it is not known at which positions an answer is asked; export the one answer"
)


class Answers:
    """An entered model's answers to batches, as logits, checked as they come.

    Args:
        ref: the model.
        model: it, entered.
        like_probabilities: whether all earlier answers, of a run that goes on here, looked like probabilities.
    """

    def __init__(self, ref: ModelRef, model: Model, *, like_probabilities: bool = True) -> None:
        self.ref = ref
        self.model = model
        self._evidence = OutputEvidence(ref)
        self._evidence.all_like_probabilities = like_probabilities

    def batch_size(self, data: DataSource) -> int:
        """What fits 256 MiB of activations, at most 256, or the only size that the file accepts."""
        return self.model.fixed_batch or _batch_size(self.model, data, self.ref)

    def logits(self, batch: Batch, start: int) -> Float32:
        """Rows (n, C) for a batch whose first row is number `start`; see `predict`."""
        raw = _run(self.model, fit_inputs(batch, self.model.inputs, self.ref.path), batch)
        if batch.labels is None:
            _require_rows(raw, len(batch), self.ref, hint=_WHICH_POSITIONS)
            return self._evidence.add(raw, start)
        return self._evidence.add(_asked(raw, batch.labels, self.ref), start)

    @property
    def like_probabilities(self) -> bool:
        """Whether every answer so far could be a distribution."""
        return self._evidence.all_like_probabilities

    def refuse_contradiction(self) -> None:
        """A stated 'logits' output that was a distribution on every example is none.

        Raises:
            ModelError: it was.
        """
        self._evidence.refuse_contradiction()


def predict(ref: ModelRef, model: Model, data: DataSource, *, progress: Progress) -> Predictions:
    """Logits (N, C) float32 of an entered model on all examples, or all labelled positions of sequences.

    The batch size is what fits 256 MiB of activations, at most 256, or the only one that the file accepts.
    Probabilities p become log(max(p, 1e-12)); a single score z becomes the two classes [0, z].

    Raises:
        DataError: the data's inputs do not fit the model's by name, shape or type.
        ModelError: NaN or infinite outputs, outputs of a wrong shape, or not what was stated.
    """
    answers = Answers(ref, model)
    size = answers.batch_size(data)
    parts = [part.rows[0] for part in answer([answers], data, batch_size=size, progress=progress)]
    answers.refuse_contradiction()
    if not parts:
        raise DataError("expected examples to predict, found none")
    logits = np.concatenate(parts)
    return Predictions(model=ref, data=data.ref, logits=logits, device=model.device, batch_size=size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One batch's rows (n, C) of each model, after which `n_examples` are answered."""

    rows: tuple[Float32, ...]
    n_examples: int


def answer(
    models: Sequence[Answers],
    data: DataSource,
    *,
    batch_size: int,
    progress: Progress,
    n_examples: int = 0,
    n_rows: int = 0,
) -> Iterator[Part]:
    """What all of the models say, batch by batch: each batch is read and put on a device once.

    Args:
        models: they take the examples in the same way.
        data: the examples to answer.
        batch_size: of all but the last batch.
        progress: whom to tell, once a part was taken.
        n_examples: how many examples before these are answered already.
        n_rows: how many rows those came to.
    """
    name, began, before = " and ".join(each.ref.name for each in models), time.monotonic(), n_examples
    total = before + len(data)
    for batch in _ahead(data.batches(batch_size)):
        rows = tuple(each.logits(batch, n_rows) for each in models)
        n_examples, n_rows = n_examples + len(batch), n_rows + len(rows[0])
        yield Part(rows=rows, n_examples=n_examples)
        rate = (n_examples - before) / max(time.monotonic() - began, 1e-9)
        progress(
            ProgressEvent(stage="predict", name=name, done=n_examples, total=total, examples_per_second=rate)
        )


def _ahead(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches; the next one is read and preprocessed in a thread of its own while the last is used."""
    each = iter(batches)
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting = pool.submit(next, each, None)
        while (batch := waiting.result()) is not None:
            waiting = pool.submit(next, each, None)
            yield batch


def _asked(raw: AnyArray, labels: Int64, ref: ModelRef) -> AnyArray:
    """The outputs (N, C) that are asked for: one an example, or one a labelled position (n, T) of a sequence.

    Raises:
        ModelError: other outputs than labels.
    """
    if labels.ndim == 1:
        _require_rows(raw, len(labels), ref, hint=_SAVE_POSITIONS)
        return raw
    if raw.ndim != 3 or raw.shape[:2] != labels.shape:
        wanted = ", ".join(map(str, labels.shape))
        raise ModelError(
            f"expected outputs ({wanted}, classes) from {ref.path}, one row for each label, found {raw.shape}",
            hint="labels of shape (n, positions) ask for an answer at each position, of shape (n,) for one an example; "
            "of several labels an example, audit one at a time",
        )
    asked: AnyArray = raw[labels != UNLABELLED]
    return asked


def _require_rows(raw: AnyArray, n: int, ref: ModelRef, *, hint: str) -> None:
    """One row of outputs an example; `hint` says what to do about those of each position."""
    expected = f"expected one row of outputs for each of {n} examples from {ref.path}"
    if raw.ndim == 3:
        raise ModelError(f"{expected}, found {raw.shape}: a row for each position of a sequence", hint=hint)
    if len(raw) != n:
        raise ModelError(
            f"{expected}, found {len(raw)}", hint="export the class scores of each example as one row"
        )


def stated_logits(ref: ModelRef, outputs: AnyArray) -> Float32:
    """Logits (N, C) float32 of outputs that were saved, by the same checks as of a model that runs.

    Raises:
        ModelError: NaN or infinite outputs, outputs of a wrong shape, or not what was stated.
    """
    evidence = OutputEvidence(ref)
    parts = [evidence.add(outputs[start : start + _ROWS], start) for start in range(0, len(outputs), _ROWS)]
    evidence.refuse_contradiction()
    return np.concatenate(parts)


def fit_inputs(batch: Batch, wanted: tuple[TensorSpec, ...], path: str) -> dict[str, AnyArray]:
    """The data's arrays under the model's names, in its order and types. One input fits whatever it is called.

    An input of whole numbers (pixels as uint8, tokens) gets the data as it is stored, any other the preprocessed data.

    Raises:
        DataError: names, shapes, types or values that do not fit.
    """
    if not wanted:
        return dict(batch.inputs)
    names = [spec.name for spec in wanted]
    found = dict.fromkeys(batch.inputs)
    sources = {name: name for name in names}
    if len(names) == 1 and len(found) == 1:
        sources = dict(zip(names, found, strict=True))
    if missing := [name for name in names if sources[name] not in found]:
        raise DataError(
            f"expected inputs {', '.join(names)} for {path}, found {', '.join(found)} in the data",
            hint=f"store one array per input in the .npz, by name; missing: {', '.join(missing)}",
        )
    return {
        spec.name: _fit(
            (batch.stored if _is_whole(spec) else batch.inputs)[sources[spec.name]],
            spec,
            path,
            batch.conversions,
        )
        for spec in wanted
    }


def _is_whole(spec: TensorSpec) -> bool:
    return np.dtype(spec.dtype).kind in "iub"


def _fit(array: AnyArray, spec: TensorSpec, path: str, shared: Conversions) -> AnyArray:
    found = array.shape[1:]
    if not _has_shape(spec, found):
        expected = " x ".join("any" if size is None else str(size) for size in spec.shape)
        there = " x ".join(map(str, found)) or "a single number"
        raise DataError(
            f"expected an example of shape {expected} for input {spec.name!r} of {path}, found {there} in the data",
            hint=_shape_hint(spec, found),
        )
    fitted = shared.once(array, spec.dtype, lambda found: np.ascontiguousarray(found, dtype=spec.dtype))
    if _is_whole(spec):
        _require_unchanged(array, fitted, spec, path)
    return fitted


def _has_shape(spec: TensorSpec, found: tuple[int, ...]) -> bool:
    return len(found) == len(spec.shape) and all(
        size in (None, there) for size, there in zip(spec.shape, found, strict=True)
    )


def _shape_hint(spec: TensorSpec, found: tuple[int, ...]) -> str:
    """How to say that pictures lie otherwise than they are kept, or are taken otherwise, where that explains it."""
    say = "in a table [preprocess], or the file of --preprocess, or for one model alone --student-preprocess"
    if _has_shape(spec, (*found[-1:], *found[:-1])):
        return f'the channels of the data come last: say stored = "NHWC" {say}'
    if _has_shape(spec, (*found[1:], *found[:1])):
        return f'this input takes channels last: say layout = "NHWC" {say}'
    sizes = [size for size in spec.shape if size is not None]
    if len(sizes) == len(spec.shape) and prod(sizes) == prod(found):
        return f"these are as many numbers, in other axes: save x.reshape({', '.join(map(str, ('len(x)', *sizes)))})"
    if len(spec.shape) == len(found) == 3:
        return "pictures are stored as (n, channels, height, width); --image-size S resizes those in files to S x S"
    return f"save it as ({', '.join(['n', *('any' if size is None else str(size) for size in spec.shape)])})"


def _require_unchanged(array: AnyArray, fitted: AnyArray, spec: TensorSpec, path: str) -> None:
    """Whole numbers must be stored as such and fit: a cast would cut them off or wrap them around."""
    if array.dtype.kind not in "iu":
        raise DataError(
            f"expected {spec.dtype} for input {spec.name!r} of {path}, found {array.dtype} in the data",
            hint="save whole numbers as integers: pixels as uint8, tokens as int64",
        )
    changed = array != fitted
    if changed.any():
        raise DataError(
            f"expected numbers that {spec.dtype} holds for input {spec.name!r} of {path}, "
            f"found {array[changed][0]} in the data",
            hint="check that the array is meant for this input",
        )


def _batch_size(model: Model, data: DataSource, ref: ModelRef) -> int:
    first = fit_inputs(next(data.batches(1)), model.inputs, ref.path)
    return int(np.clip(_ACTIVATION_BUDGET_BYTES // max(1, model.bytes_per_example(first)), 1, _LARGEST_BATCH))


def _run(model: Model, inputs: Mapping[str, AnyArray], batch: Batch) -> AnyArray:
    """One batch; a short one is filled up with its last example where the batch size is fixed."""
    fixed = model.fixed_batch
    if fixed is None or len(batch) == fixed:
        return model.run(inputs, batch.conversions)
    missing = fixed - len(batch)

    def filled(array: AnyArray) -> AnyArray:
        return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])

    padded = {name: batch.conversions.once(a, f"{fixed} rows", filled) for name, a in inputs.items()}
    return model.run(padded, batch.conversions)[: len(batch)]
