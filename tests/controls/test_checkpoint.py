"""Weights on disk: the same when they are loaded for prediction, and a clear word where they cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kdaudit.controls.checkpoint import save_checkpoint
from kdaudit.errors import ModelError, TrainingError
from kdaudit.models.weights import fill, read_safetensors
from tests.controls.fakes import convolutional, dense


class Tied(torch.nn.Module):
    """Two layers that share one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(4, 4, bias=False)
        self.second = torch.nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight


@pytest.mark.parametrize("build", [dense, convolutional, Tied])
def test_a_network_comes_back_with_its_weights(build: Callable[[], torch.nn.Module], tmp_path: Path) -> None:
    """All parameters and buffers, also where they are laid out channels-last or tied."""
    network = build().to(memory_format=torch.channels_last)
    for value in network.state_dict().values():
        value.add_(1)
    path = tmp_path / "control.safetensors"
    save_checkpoint(network, path)
    loaded = fill(build(), read_safetensors(str(path)), str(path)).state_dict()
    assert network.state_dict().keys() == loaded.keys()
    for name, value in network.state_dict().items():
        assert torch.equal(value, loaded[name])


def test_equal_weights_give_equal_files_and_nothing_else_is_left(tmp_path: Path) -> None:
    """The digest of a control is that of its weights; the temporary file is gone."""
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        save_checkpoint(dense(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths == sorted(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_invalid(tmp_path: Path) -> None:
    """The place of the file is taken by a folder: the message says where, and no part of a file is left."""
    path = tmp_path / "control.safetensors"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(TrainingError) as caught:
        save_checkpoint(dense(), path)
    assert f"cannot write the weights of a control to {path}" in caught.value.message
    assert caught.value.hint is not None
    assert [path] == list(tmp_path.iterdir())


def cut(path: Path) -> None:
    """The second half is missing."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def garble(path: Path) -> None:
    """Not safetensors at all."""
    path.write_bytes(b"PK\x03\x04 a zip file" * 10)


@pytest.mark.parametrize("damage", [cut, garble, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_is_no_control_invalid(damage: Callable[[Path], object], tmp_path: Path) -> None:
    """Whoever loads it for prediction is told which file it is, and gets no weights."""
    path = tmp_path / "control.safetensors"
    save_checkpoint(dense(), path)
    damage(path)
    with pytest.raises(ModelError) as caught:
        read_safetensors(str(path))
    assert f"expected safetensors in {path}" in caught.value.message
