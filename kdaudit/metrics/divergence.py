"""Per-example distances between two outputs. Method, "Definitions, exactly", point 7."""

from __future__ import annotations

import numpy as np

from kdaudit.types import Bool, Float32, Float64, Int64


def activation(teacher_probs: Float64, student_probs: Float64) -> Float64:
    """||p - q||_2 per example (n,); in [0, sqrt 2], 0 for equal outputs, symmetric.

    >>> activation(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(4).tolist()
    [1.4142]
    """
    difference = teacher_probs - student_probs
    distance: Float64 = np.sqrt(np.einsum("ij,ij->i", difference, difference))
    return distance


def jensen_shannon(
    teacher_probs: Float64, student_probs: Float64, teacher_entropy: Float64, student_entropy: Float64
) -> Float64:
    """JS divergence per example (n,), in nats, the divergence and not its root; in [0, ln 2], symmetric.

    H(m) - (H(p) + H(q)) / 2 with m = (p + q) / 2, which equals 1/2 KL(p || m) + 1/2 KL(q || m).
    """
    middle = teacher_probs + student_probs
    middle *= 0.5
    divergence = entropy_of(middle) - 0.5 * (teacher_entropy + student_entropy)
    clipped: Float64 = np.clip(divergence, 0.0, np.log(2.0))
    return clipped


def entropy_of(probs: Float64) -> Float64:
    """-sum p ln p per example (n,), in nats; 0 ln 0 = 0."""
    logs = np.log(np.maximum(probs, np.finfo(np.float64).tiny))
    entropy: Float64 = -np.einsum("ij,ij->i", probs, logs)
    return entropy


def stable_order(logits: Float32) -> Int64:
    """Classes by descending logit (n, C), ties by lower class index."""
    order: Int64 = np.argsort(-logits, axis=1, kind="stable")
    return order


def rank_disagreement(teacher_order: Int64, student_logits: Float32) -> Float64:
    """(1/C) #{c: rank_c(S) != rank_c(T)} per example (n,); in [0, 1], 0 for equal orders.

    Sort-compare: class c stands at the same rank j in both exactly if the student's j-th largest logit is the logit of
    the teacher's j-th class. Only rows with tied logits need the student's own order.

    Args:
        teacher_order: `stable_order` of the teacher's logits.
        student_logits: (n, C).
    """
    ranked = np.sort(student_logits, axis=1)[:, ::-1]
    same = ranked == np.take_along_axis(student_logits, teacher_order, axis=1)
    tied: Bool = np.any(ranked[:, 1:] == ranked[:, :-1], axis=1)
    if tied.any():
        same[tied] = stable_order(student_logits[tied]) == teacher_order[tied]
    disagreement: Float64 = 1.0 - same.mean(axis=1)
    return disagreement
