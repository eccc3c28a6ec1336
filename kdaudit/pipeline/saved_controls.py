"""Controls as files of their own, `--save-controls`: to be looked at, or given to a later audit with `--control`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kdaudit.errors import DataError, ModelError
from kdaudit.models.control_export import export_control
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.plan import Setup
from kdaudit.types import Batch, ModelRef

_EXAMPLES_TO_COMPARE = 64


def save_controls(controls: ControlSet, setup: Setup, folder: Path, notice: Callable[[str], None]) -> None:
    """Every control that did not diverge, as `<role>-<n>.safetensors` and, where torch can export it, as ONNX.

    An ONNX file is there only if onnxruntime gives the outputs that the control gave.

    Args:
        controls: trained ones.
        setup: the audit's.
        folder: where to; it is made, files of these names are replaced.
        notice: told where they are, and which could not be exported, with the reason.

    Raises:
        DataError: a file cannot be written.
    """
    saved = [control.model for control in controls.trained.values() if not control.diverged]
    batch = next(setup.data.batches(_EXAMPLES_TO_COMPARE))
    reasons = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for model in saved:
            target = folder / model.name.replace("/", "-")
            shutil.copyfile(model.path, target.with_suffix(".safetensors"))
            reasons += _exported(model, batch, target.with_suffix(".onnx"))
    except OSError as failure:
        raise DataError(
            f"expected to save controls to {folder}, found: {failure.strerror or failure}",
            hint="free some space, or name another folder with --save-controls",
        ) from failure
    for line in (f"controls: {len(saved)} saved to {folder}", *reasons):
        notice(line)


def _exported(model: ModelRef, batch: Batch, target: Path) -> list[str]:
    """Why a control could not be written as ONNX: nothing, or one sentence."""
    unfinished = target.with_name(f".{target.name}")
    try:
        export_control(model, batch, unfinished)
        unfinished.replace(target)
    except ModelError as failure:
        return [f"{model.name} could not be saved as ONNX, only as safetensors: {failure.message}"]
    finally:
        unfinished.unlink(missing_ok=True)
    return []
