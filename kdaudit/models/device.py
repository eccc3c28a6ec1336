"""Which device is used: asked for and there, or an error; 'auto' takes CUDA where both runtimes can."""

from __future__ import annotations

import re
import sys
from ctypes.util import find_library

from kdaudit.errors import DeviceError, SpecError

_FORM = re.compile(r"auto|cpu|cuda(:\d+)?")


def resolve_device(wanted: str) -> str:
    """'cpu' or 'cuda:N' for 'auto', 'cpu', 'cuda' or 'cuda:N'.

    Raises:
        SpecError: another form.
        DeviceError: CUDA is asked for, and torch or onnxruntime cannot use it.
    """
    if not _FORM.fullmatch(wanted):
        raise SpecError(f"expected a device of auto, cpu, cuda or cuda:N, found {wanted!r}")
    if wanted == "cpu":
        return "cpu"
    missing = _what_cuda_lacks(int(wanted.partition(":")[2] or 0))
    if missing and wanted == "auto":
        return "cpu"
    if missing:
        raise DeviceError(
            f"expected {wanted}, found that {missing}", hint="use --device cpu, or install CUDA"
        )
    return "cuda:0" if wanted in ("auto", "cuda") else wanted


def _what_cuda_lacks(index: int) -> str:
    # Asking torch takes seconds; without a driver there is nothing to ask for.
    if find_library("nvcuda" if sys.platform == "win32" else "cuda") is None:
        return "there is no CUDA driver on this machine"
    import torch

    if not torch.cuda.is_available():
        return "torch sees no CUDA device"
    if torch.cuda.device_count() <= index:
        return f"torch sees {torch.cuda.device_count()} CUDA devices"
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return "the installed onnxruntime has no CUDA provider (onnxruntime-gpu has)"
    return ""
