"""A control that kdaudit trained goes in; an ONNX file with which onnxruntime gives the same outputs comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from kdaudit.digest import file_digest
from kdaudit.errors import ModelError
from kdaudit.models.onnx_export import export_onnx
from kdaudit.models.onnxrt import OnnxModel
from kdaudit.models.predict import fit_inputs
from kdaudit.models.pytorch import load_control
from kdaudit.types import Batch, ModelRef

_TOLERANCE = 1e-4


def export_control(ref: ModelRef, batch: Batch, file: Path) -> None:
    """Write a control that kdaudit trained to an ONNX file with which onnxruntime gives the same outputs.

    Args:
        ref: the control.
        batch: two real examples or more.
        file: where to.

    Raises:
        ModelError: torch cannot export it, or onnxruntime gives other outputs.
    """
    with load_control(ref, device="cpu") as control:
        examples = fit_inputs(batch, control.inputs, ref.path)
        expected = control.run(examples)
        tensors = {name: torch.from_numpy(np.array(array[:2])) for name, array in examples.items()}
        export_onnx(control.network, tensors, file, free_batch=True)
    sha256 = file_digest(file, error=ModelError, what="the exported control")
    exported = ModelRef(name=ref.name, role=ref.role, path=str(file), kind="onnx", sha256=sha256)
    with OnnxModel(exported, device="cpu") as found:
        difference = float(np.abs(np.subtract(found.run(examples), expected)).max())
    if not difference <= _TOLERANCE * float(np.abs(expected).max()):
        raise ModelError(f"onnxruntime gives other outputs, by up to {difference:.2g}")
