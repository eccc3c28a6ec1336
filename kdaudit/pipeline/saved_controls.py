"""Controls as files of their own, `--save-controls`: to be looked at, or given to a later audit with `--control`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from kdaudit.errors import DataError, ModelError
from kdaudit.models import load_model
from kdaudit.models.control_export import export_control
from kdaudit.models.predict import fit_inputs
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.plan import Setup
from kdaudit.types import AnyArray, TrainedControl

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
    saved = [control for control in controls.trained.values() if not control.diverged]
    failures = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for control in saved:
            target = folder / control.model.name.replace("/", "-")
            shutil.copyfile(control.model.path, target.with_suffix(".safetensors"))
            failures += _exported(control, setup, target.with_suffix(".onnx"))
    except OSError as failure:
        raise DataError(
            f"expected to save controls to {folder}, found: {failure.strerror or failure}",
            hint="free some space, or name another folder with --save-controls",
        ) from failure
    notice(f"controls: {len(saved)} saved to {folder}")
    for failure_ in failures:
        notice(failure_)


def _exported(control: TrainedControl, setup: Setup, target: Path) -> list[str]:
    """Why a control could not be written as ONNX: nothing, or one sentence."""
    unfinished = target.with_name(f".{target.name}")
    try:
        export_control(control.model, _examples(control, setup), unfinished)
        unfinished.replace(target)
    except ModelError as failure:
        return [f"{control.model.name} could not be saved as ONNX, only as safetensors: {failure.message}"]
    finally:
        unfinished.unlink(missing_ok=True)
    return []


def _examples(control: TrainedControl, setup: Setup) -> dict[str, AnyArray]:
    batch = next(setup.data.batches(_EXAMPLES_TO_COMPARE))
    with load_model(control.model, device="cpu") as opened:
        return fit_inputs(batch, opened.inputs, control.model.path)
