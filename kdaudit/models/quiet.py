"""What torch says about itself, kept from the user; and what its errors say, in one line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def silent_torch() -> Iterator[None]:
    """Neither warnings nor log lines of torch, nor graphs on standard output: its errors say what matters."""
    before, log = logging.root.manager.disable, torch._C._jit_onnx_log
    logging.disable(logging.CRITICAL)
    # The exporter writes whole graphs to standard output where it fails, and cannot be told not to.
    torch._C._jit_onnx_log = lambda *_words: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        torch._C._jit_onnx_log = log


def first_line(failure: BaseException) -> str:
    """An error's kind and the first line of its text."""
    lines = str(failure).strip().splitlines()
    return f"{type(failure).__name__}: {lines[0]}" if lines else type(failure).__name__
