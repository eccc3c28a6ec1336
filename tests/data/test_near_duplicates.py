"""Pictures that look like others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kdaudit.data import Examples
from kdaudit.data.near_duplicates import NearDuplicate, near_duplicates
from kdaudit.types import AnyArray

from .factories import load, save_npz

SIDE = 48


def scenes(n: int, seed: int) -> AnyArray:
    """Smooth pictures (n, 3, 48, 48), all different."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, size=(n, 6, 6, 3), dtype=np.uint8)
    large = [
        np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        for picture in coarse
    ]
    return np.moveaxis(np.stack(large), 3, 1)


def examples(folder: Path, name: str, x: AnyArray) -> Examples:
    """As data."""
    return load(save_npz(folder / f"{name}.npz", x=x, y=np.arange(len(x)) % 2), folder)


def found(tmp_path: Path, evaluation: AnyArray, training: AnyArray) -> list[tuple[int, int]]:
    """Pairs of positions."""
    pairs = near_duplicates(examples(tmp_path, "e", evaluation), examples(tmp_path, "t", training))
    return [(pair.evaluation, pair.training) for pair in pairs]


def changed(picture: AnyArray, how: str) -> AnyArray:
    """The picture as it may come again."""
    image = Image.fromarray(np.moveaxis(picture, 0, 2))
    if how == "scaled":
        image = image.resize((30, 30), Image.Resampling.BICUBIC).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC
        )
    if how == "brighter":
        image = image.point(lambda value: value * 0.8 + 40)
    values = np.moveaxis(np.asarray(image), 2, 0)
    if how == "noisy":
        noise = np.random.default_rng(1).integers(-6, 7, size=values.shape)
        values = np.clip(values.astype(int) + noise, 0, 255).astype(np.uint8)
    return values


@pytest.mark.parametrize("how", ["equal", "scaled", "brighter", "noisy"])
def test_a_picture_is_known_again(tmp_path: Path, how: str) -> None:
    """Copied, scaled down and up, brighter or noisier, among pictures that are others."""
    training, evaluation = scenes(40, 1), scenes(10, 2)
    evaluation[7] = changed(training[23], how)
    assert [(7, 23)] == found(tmp_path, evaluation, training)


def test_other_pictures_are_not_taken_for_known_ones(tmp_path: Path) -> None:
    """Four hundred scenes, none twice."""
    assert [] == found(tmp_path, scenes(200, 3), scenes(200, 4))


def test_an_empty_picture_looks_like_nothing(tmp_path: Path) -> None:
    """Two black pictures say nothing of leakage."""
    black = np.zeros((2, 1, 20, 20), np.uint8)
    assert [] == found(tmp_path, black, black)


@pytest.mark.parametrize(
    "x", [np.zeros((4, 1, 8, 8), np.uint8), np.zeros((4, 3, 20, 20), np.float32), np.zeros((4, 5))]
)
def test_only_pictures_are_compared(tmp_path: Path, x: AnyArray) -> None:
    """Small ones, floats and rows of numbers have no perceptual hash."""
    assert [] == found(tmp_path, x, x)


def test_positions_are_those_of_a_subset(tmp_path: Path) -> None:
    """What was left out is not counted."""
    training = scenes(6, 1)
    evaluation = examples(tmp_path, "e", scenes(6, 1)).subset(np.array([2, 4]))
    assert (NearDuplicate(0, 2), NearDuplicate(1, 4)) == near_duplicates(
        evaluation, examples(tmp_path, "t", training)
    )
