"""What the network sees: preprocessing, augmentation, and batches."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from kdaudit.controls.feed import Feed, augmented, preprocessed, shuffled_epochs, split_batches
from kdaudit.data.prepared import prepared
from kdaudit.errors import SpecError
from kdaudit.types import Preprocess
from tests.controls.fakes import Stored, blobs, stripes


def generator(seed: int = 0) -> torch.Generator:
    """A seeded stream."""
    return torch.Generator().manual_seed(seed)


def numbered_pictures(n: int = 64) -> torch.Tensor:
    """Pictures (n, 2, 6, 7) uint8, each pixel above zero and unlike its neighbours."""
    return torch.arange(1, 85, dtype=torch.uint8).reshape(1, 2, 6, 7).repeat(n, 1, 1, 1)


def test_pictures_are_preprocessed_by_hand() -> None:
    """(x * scale - mean) / std per channel, gathered by position, laid out channels-last."""
    data = stripes()
    index = np.array([7, 3, 150])
    (actual,) = Feed(data, device="cpu").inputs(index)
    expected = (data.stored["picture"][index].astype(np.float64) / 255 - 0.4) / 0.25
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert torch.float32 == actual.dtype
    assert actual.is_contiguous(memory_format=torch.channels_last)


def test_channels_have_their_own_mean_by_hand() -> None:
    """Axis 1 of features, too."""
    x = torch.tensor([[10.0, 20.0], [30.0, 40.0]])
    actual = preprocessed(x, Preprocess(scale=0.1, mean=(1.0, 2.0), std=(2.0, 4.0)))
    torch.testing.assert_close(torch.tensor([[0.0, 0.0], [1.0, 0.5]]), actual)


def test_numbers_that_name_things_stay_integers() -> None:
    """Token numbers reach an embedding as they are; float64 measurements become float32; order is as stored."""
    tokens, measured = np.array([[1, 2], [3, 4]]), np.array([[0.5], [1.5]])
    data = Stored(stored={"tokens": tokens, "measured": measured}, labels=np.array([0, 1]))
    first, second = Feed(data, device="cpu").inputs(np.array([1]))
    assert (torch.int64, [[3, 4]]) == (first.dtype, first.tolist())
    assert (torch.float32, [[1.5]]) == (second.dtype, second.tolist())


def test_labels_follow_the_positions() -> None:
    """In the order asked for."""
    data = Stored(stored={"x": np.zeros((3, 1))}, labels=np.array([5, 6, 7]))
    feed = Feed(data, device="cpu")
    assert [7, 5] == feed.labels(np.array([2, 0])).tolist()
    assert 7 == feed.largest_label


def test_what_is_stored_is_not_changed() -> None:
    """Augmenting and preprocessing work on copies of what is stored, which may be read-only."""
    data = stripes()
    data.stored["picture"].flags.writeable = False
    before = data.stored["picture"].copy()
    Feed(data, device="cpu", augment="crop-flip", generator=generator()).inputs(np.arange(50))
    assert np.array_equal(before, data.stored["picture"])


def test_flip_mirrors_about_half_of_the_pictures_by_hand() -> None:
    """Each is as it was or exactly its mirror image, and both happen."""
    pictures = numbered_pictures()
    mirrored = pictures.flip(3)
    actual = augmented(pictures, augment="flip", generator=generator())
    assert (pictures.shape, pictures.dtype) == (actual.shape, actual.dtype)
    as_before = (actual == pictures).flatten(1).all(dim=1)
    as_mirrored = (actual == mirrored).flatten(1).all(dim=1)
    assert (as_before ^ as_mirrored).all()
    assert 16 < int(as_mirrored.sum()) < 48


def test_crop_flip_moves_each_picture_by_up_to_four_by_hand() -> None:
    """Every result is found among all 81 moves of the padded picture or of its mirror image."""
    pictures = numbered_pictures(32)
    actual = augmented(pictures, augment="crop-flip", generator=generator())
    padded = torch.nn.functional.pad(pictures[0], [4] * 4)
    moved = [padded[:, i : i + 6, j : j + 7] for i in range(9) for j in range(9)]
    possible = moved + [crop.flip(2) for crop in moved]
    places = [next(k for k, crop in enumerate(possible) if torch.equal(crop, picture)) for picture in actual]
    assert len(set(places)) > 10
    assert min(places) < 81 <= max(places)


def test_equal_generators_augment_equally() -> None:
    """And a later batch of the same stream differs."""
    one = generator(3)
    first = augmented(numbered_pictures(), augment="crop-flip", generator=one)
    again = augmented(numbered_pictures(), augment="crop-flip", generator=generator(3))
    later = augmented(numbered_pictures(), augment="crop-flip", generator=one)
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


def test_augmentation_of_what_is_no_picture_invalid() -> None:
    """The message shows the shapes that were found."""
    with pytest.raises(SpecError) as caught:
        Feed(blobs(), device="cpu", augment="crop-flip", generator=generator())
    assert "--augment crop-flip needs one picture input" in caught.value.message
    assert "(300, 8)" in caught.value.message
    assert caught.value.hint == "train without: --augment none"


@pytest.mark.parametrize(
    ("n", "size", "sizes"),
    [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (8, 4, [4, 4]), (3, 4, [3]), (5, 4, [5]), (3, 2, [3])],
)
def test_no_batch_is_left_with_one_example(n: int, size: int, sizes: list[int]) -> None:
    """A last one joins the batch before; all examples are there, in order."""
    batches = split_batches(np.arange(n), size)
    assert sizes == [len(batch) for batch in batches]
    assert list(range(n)) == np.concatenate(batches).tolist()


def test_every_epoch_visits_all_examples_in_a_new_order() -> None:
    """Only the chosen ones, each once."""
    chosen = np.array([2, 3, 5, 7, 11, 13, 17])
    first, second = (
        np.concatenate(batches).tolist()
        for batches in islice(shuffled_epochs(chosen, 3, np.random.default_rng(0)), 2)
    )
    assert chosen.tolist() == sorted(first) == sorted(second)
    assert first != second


def test_networks_are_fed_in_their_channel_order_and_layout_by_hand() -> None:
    """BGR before mean and std, NHWC after them, as for a saved model."""
    x = torch.arange(24.0).reshape(1, 3, 2, 4)
    preprocess = Preprocess(
        scale=0.5, mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0), channels="BGR", layout="NHWC"
    )
    expected = prepared(x.numpy(), preprocess).astype(np.float64)
    np.testing.assert_allclose(expected, preprocessed(x, preprocess).numpy(), rtol=1e-6)


@pytest.mark.parametrize("augment", ["none", "crop-flip"])
def test_arrays_with_their_channels_last_are_learnt_from_as_others(augment: str) -> None:
    """The same tensors as of the same pictures channels first, moved alike."""
    x = np.random.default_rng(0).integers(0, 256, (6, 3, 8, 7)).astype(np.uint8)
    usual = Preprocess(scale=0.5, mean=(1.0, 2.0, 3.0), std=(2.0, 4.0, 8.0), channels="BGR")
    first, last = (
        Feed(
            Stored(stored={"x": array}, labels=np.arange(6), preprocess=preprocess),
            device="cpu",
            augment=augment,
            generator=generator(),
        ).inputs(np.array([4, 1]))[0]
        for array, preprocess in (
            (x, usual),
            (np.ascontiguousarray(x.transpose(0, 2, 3, 1)), replace(usual, stored="NHWC")),
        )
    )
    torch.testing.assert_close(first, last, rtol=0, atol=0)
