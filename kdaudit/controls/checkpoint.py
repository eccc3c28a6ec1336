"""A trained network's weights to a safetensors file; `models/` loads it for prediction."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from kdaudit.errors import TrainingError


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
