"""A model and examples in, logits out; what the model puts out is checked against what was stated."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kdaudit.errors import DataError, ModelError, NotFiniteError
from kdaudit.numerics import PROBABILITY_FLOOR
from kdaudit.types import (
    UNLABELLED,
    AnyArray,
    Batch,
    Bool,
    Float32,
    Float64,
    Int64,
    ModelRef,
    OutputKind,
    Predictions,
    ProgressEvent,
    TensorSpec,
)

if TYPE_CHECKING:
    from kdaudit.protocols import DataSource, Model, Progress

_ACTIVATION_BUDGET_BYTES = 256 << 20
_LARGEST_BATCH = 256
_SUM_TOLERANCE = 1e-3
_ROWS = 4096


def predict(ref: ModelRef, model: Model, data: DataSource, *, progress: Progress) -> Predictions:
    """Logits (N, C) float32 of an entered model on all examples, or all labelled positions of sequences.

    The batch size is what fits 256 MiB of activations, at most 256, or the only one that the file accepts.
    Probabilities p become log(max(p, 1e-12)); a single score z becomes the two classes [0, z].

    Raises:
        DataError: the data's inputs do not fit the model's by name, shape or type.
        ModelError: NaN or infinite outputs, outputs of a wrong shape, or not what was stated.
    """
    batch_size = model.fixed_batch or _batch_size(model, data, ref)
    logits: Float32 | None = None
    evidence = _OutputEvidence(ref)
    start, n_rows, began = 0, 0, time.monotonic()
    for batch in data.batches(batch_size):
        raw = _run(model, fit_inputs(batch, model.inputs, ref.path), len(batch.labels))
        rows = evidence.add(_asked(raw, batch.labels, ref), n_rows)
        if logits is None:
            logits = np.empty((_n_asked(data.labels), rows.shape[1]), dtype=np.float32)
        logits[n_rows : n_rows + len(rows)] = rows
        n_rows += len(rows)
        start += len(batch.labels)
        rate = start / max(time.monotonic() - began, 1e-9)
        progress(
            ProgressEvent(
                stage="predict", name=ref.name, done=start, total=len(data), examples_per_second=rate
            )
        )
    evidence.refuse_contradiction()
    if logits is None:
        raise DataError("expected examples to predict, found none")
    return Predictions(model=ref, data=data.ref, logits=logits, device=model.device, batch_size=batch_size)


def _asked(raw: AnyArray, labels: Int64, ref: ModelRef) -> AnyArray:
    """The outputs (N, C) that are asked for: one an example, or one a labelled position (n, T) of a sequence.

    Raises:
        ModelError: other outputs than labels.
    """
    if labels.ndim == 1 and raw.ndim == 3:
        raise ModelError(
            f"expected one row of outputs for each of {len(labels)} examples from {ref.path}, found {raw.shape}: a row "
            "for each position of a sequence",
            hint="save labels of shape (n, positions), -100 where nothing is asked; or export the one answer",
        )
    if raw.shape[: labels.ndim] != labels.shape or (labels.ndim == 2 and raw.ndim != 3):
        raise ModelError(
            f"expected outputs {(*labels.shape, 'classes')} from {ref.path}, one for each label, found {raw.shape}",
            hint="export the class scores of each example as one row"
            if labels.ndim == 1
            else "labels of shape (n, positions) ask for an answer at each position; of shape (n,) for one an example",
        )
    return raw if labels.ndim == 1 else raw[labels != UNLABELLED]


def _n_asked(labels: Int64) -> int:
    return len(labels) if labels.ndim == 1 else int((labels != UNLABELLED).sum())


def stated_logits(ref: ModelRef, outputs: AnyArray) -> Float32:
    """Logits (N, C) float32 of outputs that were saved, by the same checks as of a model that runs.

    Raises:
        ModelError: NaN or infinite outputs, outputs of a wrong shape, or not what was stated.
    """
    evidence = _OutputEvidence(ref)
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
        spec.name: _fit((batch.stored if _is_whole(spec) else batch.inputs)[sources[spec.name]], spec, path)
        for spec in wanted
    }


def _is_whole(spec: TensorSpec) -> bool:
    return np.dtype(spec.dtype).kind in "iub"


def _fit(array: AnyArray, spec: TensorSpec, path: str) -> AnyArray:
    found = array.shape[1:]
    fits = len(found) == len(spec.shape) and all(
        size in (None, there) for size, there in zip(spec.shape, found, strict=True)
    )
    if not fits:
        expected = " x ".join("any" if size is None else str(size) for size in spec.shape)
        there = " x ".join(map(str, found)) or "a single number"
        raise DataError(
            f"expected an example of shape {expected} for input {spec.name!r} of {path}, found {there} in the data",
            hint="pictures are stored as (n, channels, height, width)",
        )
    fitted = np.ascontiguousarray(array, dtype=spec.dtype)
    if _is_whole(spec):
        _require_unchanged(array, fitted, spec, path)
    return fitted


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


def _run(model: Model, inputs: Mapping[str, AnyArray], n: int) -> AnyArray:
    """One batch; a short one is filled up with its last example where the batch size is fixed."""
    if model.fixed_batch is None or n == model.fixed_batch:
        return model.run(inputs)
    missing = model.fixed_batch - n
    padded = {name: np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for name, a in inputs.items()}
    return model.run(padded)[:n]


class _OutputEvidence:
    """Turns raw outputs into logits and remembers whether all of them look like something else."""

    def __init__(self, ref: ModelRef) -> None:
        self._ref = ref
        self._all_like_probabilities = True
        self._n_columns: int | None = None

    def add(self, raw: AnyArray, start: int) -> Float32:
        """Logits (n, C >= 2) of raw outputs (n, C), (n, 1) or (n,)."""
        rows: Float64 = np.asarray(raw, dtype=np.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] == 0:
            raise ModelError(
                f"expected outputs of shape (n, classes) from {self._ref.path}, found {raw.shape}",
                hint="export the class scores of each example as one row",
            )
        bad = ~np.isfinite(rows).all(axis=1)
        if bad.any():
            raise NotFiniteError(
                f"expected finite outputs from {self._ref.path}, found NaN or infinity at example "
                f"{start + int(np.argmax(bad))}",
                hint="the weights or the inputs are broken, or half precision overflows",
            )
        self._n_columns = rows.shape[1]
        self._all_like_probabilities &= bool(_like_probabilities(rows).all())
        self._require_stated(rows, start)
        return self._by_class(_to_logits(rows, self._ref.output)).astype(np.float32)

    def _by_class(self, logits: Float64) -> Float64:
        """The outputs of the data's classes, in their order."""
        label_map = self._ref.label_map
        if label_map is None:
            return logits
        if logits.shape[1] != label_map.n_outputs:
            raise ModelError(
                f"expected {label_map.n_outputs} outputs from {self._ref.path}, as in its label map, "
                f"found {logits.shape[1]}"
            )
        return logits[:, label_map.columns]

    def refuse_contradiction(self) -> None:
        """A stated 'logits' output that was a distribution on every example is none.

        A control that was trained here puts out what its training took; a poor one's scores may all lie in [0, 1].

        Raises:
            ModelError: it was.
        """
        if self._ref.kind == "control":
            return
        if self._ref.output is OutputKind.LOGITS and self._all_like_probabilities:
            kind = "sigmoid" if self._n_columns == 1 else "probs"
            raise ModelError(
                f"expected logits from {self._ref.path}, found {_LOOKS[kind]} on every example",
                hint=f"save them as {kind}"
                if self._ref.kind == "predictions"
                else f"say --{self._ref.role.option_prefix}-output {kind}, or export without the last activation",
            )

    def _require_stated(self, rows: Float64, start: int) -> None:
        output, columns = self._ref.output, rows.shape[1]
        if output is OutputKind.LOGITS:
            return
        if (output is OutputKind.SIGMOID) != (columns == 1):
            expected = "one column" if output is OutputKind.SIGMOID else "two columns or more"
            raise ModelError(
                f"expected {expected} of {output} outputs from {self._ref.path}, found {columns}",
                hint="sigmoid is for one score of two classes; several independent labels cannot be audited",
            )
        good = _like_probabilities(rows)
        if not good.all():
            first = int(np.argmin(good))
            raise ModelError(
                f"expected {output} from {self._ref.path}, found {rows[first, :3].round(3).tolist()} "
                f"at example {start + first}, which is no distribution",
                hint="say logits if the model ends without softmax or sigmoid",
            )


_LOOKS = {
    "probs": "non-negative rows that sum to 1",
    "sigmoid": "single scores between 0 and 1",
}


def _like_probabilities(rows: Float64) -> Bool:
    inside: Bool = np.all((rows >= 0) & (rows <= 1 + _SUM_TOLERANCE), axis=1)
    if rows.shape[1] == 1:
        return inside
    sums_to_one: Bool = np.abs(rows.sum(axis=1) - 1) <= _SUM_TOLERANCE
    return inside & sums_to_one


def _to_logits(rows: Float64, output: OutputKind) -> Float64:
    if output is OutputKind.LOGITS:
        return rows if rows.shape[1] > 1 else np.concatenate([np.zeros_like(rows), rows], axis=1)
    if output is OutputKind.SIGMOID:
        rows = np.concatenate([1 - rows, rows], axis=1)
    logits: Float64 = np.log(np.maximum(rows, PROBABILITY_FLOOR))
    return logits
