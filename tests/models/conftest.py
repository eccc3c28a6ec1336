"""Exports of the zoo, made once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from tests.models.zoo import Export, export


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Export], Path]:
    """The file of an export, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("zoo")

    def get(way: Export) -> Path:
        path = folder / f"{way}.onnx"
        return path if path.exists() else export(way, path)

    return get
