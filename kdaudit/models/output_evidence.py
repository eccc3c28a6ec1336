"""Raw outputs into logits, and whether they are what was stated."""

from __future__ import annotations

import numpy as np

from kdaudit.errors import ModelError, NotFiniteError
from kdaudit.numerics import PROBABILITY_FLOOR
from kdaudit.types import AnyArray, Bool, Float32, Float64, ModelRef, OutputKind

_SUM_TOLERANCE = 1e-3


class OutputEvidence:
    """Turns raw outputs into logits and remembers whether all of them look like something else."""

    def __init__(self, ref: ModelRef) -> None:
        self._ref = ref
        self.all_like_probabilities = True
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
        self.all_like_probabilities &= bool(_like_probabilities(rows).all())
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
        if self._ref.output is OutputKind.LOGITS and self.all_like_probabilities:
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
