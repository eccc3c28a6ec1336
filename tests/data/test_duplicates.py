"""Evaluation examples inside the training data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kdaudit.data.duplicates import duplicate_positions

from .factories import labels, load, pixels, save_npz


def test_copies_are_found_and_neighbours_are_not_planted(tmp_path: Path) -> None:
    """Two copied pictures, under other labels and positions, and one that differs in one pixel."""
    evaluation, training = pixels(8, seed=1), pixels(20, seed=2)
    training[[3, 17]] = evaluation[[5, 0]]
    training[4] = evaluation[2]
    training[4, 0, 0, 0] ^= 1
    a = load(save_npz(tmp_path / "a.npz", x=evaluation, y=labels(8)), tmp_path)
    b = load(save_npz(tmp_path / "b.npz", x=training, y=labels(20)), tmp_path)
    assert [0, 5] == duplicate_positions(a, b).tolist()
    parts = a.subset(np.array([2, 5])), b.subset(np.array([3, 4]))
    assert [1] == duplicate_positions(*parts).tolist()


def test_all_inputs_must_be_equal(tmp_path: Path) -> None:
    """One shared input of two is no copy; the order in which inputs were saved plays no part."""
    rng = np.random.default_rng(0)
    u, v, w = (rng.normal(size=(4, 2)).astype(np.float32) for _ in range(3))
    evaluation = load(save_npz(tmp_path / "a.npz", u=u, v=v, y=labels(4)), tmp_path)
    same = load(save_npz(tmp_path / "b.npz", v=v, u=u, y=labels(4)), tmp_path)
    half = load(save_npz(tmp_path / "c.npz", u=u, v=w, y=labels(4)), tmp_path)
    assert [0, 1, 2, 3] == duplicate_positions(evaluation, same).tolist()
    assert [] == duplicate_positions(evaluation, half).tolist()
