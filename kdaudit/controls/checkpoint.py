"""A trained network's weights to a safetensors file and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from kdaudit.errors import ModelError, TrainingError


def save_checkpoint(network: torch.nn.Module, path: Path) -> None:
    """Write all parameters and buffers to `path`, whole or not at all; equal weights give equal files.

    Raises:
        TrainingError: the file cannot be written.
    """
    # Copies: safetensors refuses tensors that share memory (tied weights) or are laid out channels-last.
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"cannot write the weights of a control to {path}: {error}",
            hint="free some space, or choose another place with --cache-dir",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(network: torch.nn.Module, path: Path) -> None:
    """Give `network`, freshly built, the weights in `path`.

    Raises:
        ModelError: the file cannot be read, or holds other tensors than the network.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"cannot read the weights of a control from {path}: {error}",
            hint="delete the file: the control is then trained anew",
        ) from error
    _require_same_tensors(network.state_dict(), tensors, path)
    network.load_state_dict(tensors)


def _require_same_tensors(
    expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], path: Path
) -> None:
    """Compare names, then shapes and types."""
    for what, names in (
        ("lacks", expected.keys() - found.keys()),
        ("holds the unknown", found.keys() - expected.keys()),
    ):
        if names:
            raise ModelError(
                f"expected {len(expected)} tensors in {path}, which {what} {sorted(names)[0]!r} "
                f"({len(names)} such)"
            )
    for name, tensor in expected.items():
        if (tensor.shape, tensor.dtype) != (found[name].shape, found[name].dtype):
            raise ModelError(
                f"expected {name!r} in {path} to be {tuple(tensor.shape)} {tensor.dtype}, "
                f"found {tuple(found[name].shape)} {found[name].dtype}"
            )
