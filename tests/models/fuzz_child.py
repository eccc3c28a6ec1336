"""Reads bad files one after another, as an audit would, and notes what came of each: one process for many.

`python -m tests.models.fuzz_child FOLDER KIND FIRST COUNT`: each file is written before it is tried and stays if
anything but a KDAuditError comes of it, so that a process that dies tells of which file.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import sys
import traceback
import warnings
from pathlib import Path
from random import Random

import numpy as np
import torch

from kdaudit.data import DataOptions, load_data
from kdaudit.errors import KDAuditError
from kdaudit.models import load_model
from kdaudit.models.checks import check_network
from kdaudit.models.identify import identify
from kdaudit.models.predict import fit_inputs, predict
from kdaudit.models.trainable import OnnxNetwork, open_network
from kdaudit.types import NetworkSpec, OutputKind, ProgressEvent, Role
from tests.models.mutations import mutated

ARCH = "tests.trainable:dense"
ARCH_ARGS = '{"width": 6}'
SECONDS = 60
_MEMORY_BYTES = 6 << 30
_CHECKED = 8


def main(folder: Path, kind: str, first: int, count: int) -> None:
    """Tries the cases `first` to `first + count - 1`; their outcomes are appended to KIND.outcomes."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    _limit_memory()
    names = sorted(path.name for path in (folder / kind).iterdir())
    seeds = [(folder / kind / name).read_bytes() for name in names]
    with (folder / f"{kind}.outcomes").open("a") as outcomes:
        for case in range(first, first + count):
            rng = Random(f"{kind}-{case}")
            chosen = rng.randrange(len(seeds))
            path = folder / f"{kind}-{case}"
            path.write_bytes(mutated(kind, seeds[chosen], seeds, rng))
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            outcome = _outcome(kind, path, folder / "data" / f"{names[chosen]}.npz", folder / "cache")
            faulthandler.cancel_dump_traceback_later()
            if not outcome.startswith("BUG"):
                path.unlink()
            outcomes.write(f"{case} {outcome}\n")
            outcomes.flush()


def _outcome(kind: str, path: Path, data: Path, cache: Path) -> str:
    try:
        if kind == "npz":
            examples = load_data(str(path), cache=cache, options=DataOptions())
            for batch in examples.batches(4):
                np.asarray(batch.labels)
            examples.raw(0)
        else:
            _audit(path, data, cache, is_onnx=kind == "onnx")
    except KDAuditError as refusal:
        return type(refusal).__name__
    except BaseException as failure:  # whatever else comes is what is looked for
        return f"BUG {type(failure).__name__} " + traceback.format_exc().replace("\n", "\\n")
    return "fine"


def _audit(path: Path, data: Path, cache: Path, *, is_onnx: bool) -> None:
    """Predicts, then trains: what an audit does with a student."""
    ref = identify(
        str(path),
        role=Role.STUDENT,
        name="student",
        output=OutputKind.LOGITS,
        arch=None if is_onnx else ARCH,
        arch_args=None if is_onnx else ARCH_ARGS,
    )
    examples = load_data(str(data), cache=cache, options=DataOptions())
    with load_model(ref, device="cpu") as model:
        inputs = fit_inputs(next(examples.batches(_CHECKED)), model.inputs, str(path))
        model.signature()
        refused: KDAuditError | None = None
        try:
            predict(ref, model, examples, progress=_ignore)
        except KDAuditError as refusal:  # the other reader sees the file too
            refused = refusal
    shapes = tuple((name, array.shape[1:]) for name, array in inputs.items())
    network = open_network(NetworkSpec(model=ref, example_shapes=shapes))
    network.build(0)
    if refused is not None:
        raise refused
    if isinstance(network, OnnxNetwork):
        with load_model(ref, device="cpu") as model:
            if model.fixed_batch is None:
                check_network(network, examples=inputs, expected=model.run(inputs))


def _ignore(event: ProgressEvent) -> None:
    del event


def _limit_memory() -> None:
    """What asks for more fails here and does not take the machine's memory."""
    with contextlib.suppress(ImportError):
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
        if pages:
            limit = pages * resource.getpagesize() + _MEMORY_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
