"""Per-example distances of outputs to a teacher's. Method, "Definitions, exactly", point 7."""

from __future__ import annotations

import numpy as np

from kdaudit.types import Bool, Float32, Float64, Int64


class Softmax:
    """Softmax outputs (n, C) in float64 of models with the same examples, one model after the other.

    `probs` and `log_probs` stay where they are: the next model overwrites them. Taking fresh memory for each
    model would cost more time than all additions and multiplications.
    """

    def __init__(self, n: int, n_classes: int) -> None:
        self.probs: Float64 = np.empty((n, n_classes))
        self.log_probs: Float64 = np.empty((n, n_classes))
        self.entropy: Float64 = np.empty(n)

    def compute(self, logits: Float32) -> None:
        """Log p = z - max z - ln sum exp(z - max z); entropy -sum p ln p per example (n,), in nats."""
        np.subtract(logits, logits.max(axis=1, keepdims=True), out=self.log_probs, dtype=np.float64)
        np.exp(self.log_probs, out=self.probs)
        total = self.probs.sum(axis=1, keepdims=True)
        self.probs /= total
        self.log_probs -= np.log(total)
        # ln p is finite where p underflows to 0, so that 0 ln 0 = 0 comes out by itself.
        np.einsum("ij,ij->i", self.probs, self.log_probs, out=self.entropy)
        np.negative(self.entropy, out=self.entropy)


class Distances:
    """Distances of other models' outputs to one teacher's, per example (n,); all are 0 for equal outputs.

    Args:
        teacher_logits: (n, C).
        teacher: their softmax, which stays as it is.
    """

    def __init__(self, teacher_logits: Float32, teacher: Softmax) -> None:
        n, n_classes = teacher_logits.shape
        self._teacher = teacher
        self._order = stable_order(teacher_logits)
        self._places = self._order + n_classes * np.arange(n)[:, None]
        self._middle: Float64 = np.empty((n, n_classes))
        self._logs: Float64 = np.empty((n, n_classes))
        self._ranked: Float32 = np.empty((n, n_classes), dtype=np.float32)
        self._ordered: Float32 = np.empty((n, n_classes), dtype=np.float32)

    def activation(self, student: Softmax) -> Float64:
        """||p - q||_2; in [0, sqrt 2], symmetric."""
        difference = np.subtract(self._teacher.probs, student.probs, out=self._middle)
        distance: Float64 = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        return distance

    def jensen_shannon(self, student: Softmax) -> Float64:
        """JS divergence in nats, the divergence and not its root; in [0, ln 2], symmetric.

        H(m) - (H(p) + H(q)) / 2 with m = (p + q) / 2, which equals 1/2 KL(p || m) + 1/2 KL(q || m).
        """
        middle = np.add(self._teacher.probs, student.probs, out=self._middle)
        middle *= 0.5
        logs = np.maximum(middle, np.finfo(np.float64).tiny, out=self._logs)
        np.log(logs, out=logs)
        divergence = -np.einsum("ij,ij->i", middle, logs) - 0.5 * (self._teacher.entropy + student.entropy)
        clipped: Float64 = np.clip(divergence, 0.0, np.log(2.0))
        return clipped

    def rank_disagreement(self, student_logits: Float32) -> Float64:
        """(1/C) #{c: rank_c(S) != rank_c(T)}, ties ranked by class; in [0, 1].

        Sort-compare: class c stands at the same rank j in both exactly if the student's j-th largest logit is the
        logit of the teacher's j-th class. Only rows with tied logits need the student's own order.
        """
        np.copyto(self._ranked, student_logits)
        self._ranked.sort(axis=1)
        in_teachers_order = student_logits.ravel().take(self._places, out=self._ordered, mode="clip")
        same: Bool = self._ranked[:, ::-1] == in_teachers_order
        tied = _tied_rows(self._ranked)
        if tied.any():
            same[tied] = stable_order(student_logits[tied]) == self._order[tied]
        disagreement: Float64 = 1.0 - same.mean(axis=1)
        return disagreement


def stable_order(logits: Float32) -> Int64:
    """Classes by descending logit (n, C), ties by lower class index.

    >>> stable_order(np.array([[0.0, 2.0, 2.0, 1.0]], dtype=np.float32)).tolist()
    [[1, 2, 3, 0]]
    """
    ascending = -logits
    # The sort that is not stable takes half the time, and few rows have ties.
    order: Int64 = np.argsort(ascending, axis=1)
    tied = _tied_rows(np.take_along_axis(ascending, order, axis=1))
    if tied.any():
        order[tied] = np.argsort(ascending[tied], axis=1, kind="stable")
    return order


def _tied_rows(ranked: Float32) -> Bool:
    """Rows of `ranked`, which are sorted, in which a value occurs twice."""
    tied: Bool = np.any(ranked[:, 1:] == ranked[:, :-1], axis=1)
    return tied
