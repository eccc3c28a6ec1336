"""What predicting while pictures are decoded gains over one after the other, where another device answers.

The device is a stand-in: a network that waits for so long a picture, as a processor waits for an accelerator, and uses
no core meanwhile. Everything else is what `kdaudit predict` does with an empty cache: JPEG pictures of 500 x 375 in
class folders, decoded to 224 x 224, and kept logits. In sequence: `Ahead` switched off. The two take turns, and their
logits are compared. At best the longer of the two works hides the other; `bound` says what that would gain.

    python -m benchmarks.overlap [--pictures 2000] [--wait 2.0] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.prediction import make_pictures
from kdaudit.options import AuditSpec
from kdaudit.pipeline import plan
from kdaudit.pipeline.predict_one import predict_one
from kdaudit.types import Float32, ProgressEvent

_NETWORK = """
import time
import torch

class Waiting(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(3, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(len(x) * {seconds})
        return self.head(x.mean(dim=(2, 3)))
"""


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--wait", type=float, default=2.0, help="milliseconds a picture")
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = _spec(folder, wanted.pictures, wanted.wait / 1e3)
        sequence, overlapped, decoding = [], [], []
        for i in range(wanted.rounds):
            alone = _run(spec, folder / f"sequence{i}", ahead=False)
            ahead = _run(spec, folder / f"overlapped{i}", ahead=True)
            np.testing.assert_array_equal(alone.logits, ahead.logits)
            sequence.append(alone.seconds)
            overlapped.append(ahead.seconds)
            decoding.append(alone.decoding_seconds)
    waiting = wanted.pictures * wanted.wait / 1e3
    bounds = [whole / max(part, waiting) for whole, part in zip(sequence, decoding, strict=True)]
    for label, value in (
        ("decoding, s", median(decoding)),
        ("waiting for the device, s", waiting),
        ("in sequence, s", median(sequence)),
        ("overlapped, s", median(overlapped)),
        ("ratio", median(a / b for a, b in zip(sequence, overlapped, strict=True))),
        ("bound", median(bounds)),
        ("load average at the start", load),
    ):
        print(f"{label:28}{value:8.2f}")


def _spec(folder: Path, n: int, seconds: float) -> AuditSpec:
    """Pictures, and a network that waits."""
    root = make_pictures(folder, n, 20.0)
    code = folder / "waiting.py"
    code.write_text(_NETWORK.format(seconds=seconds), encoding="utf-8")
    torch.manual_seed(0)
    head = torch.nn.Linear(3, 10)
    torch.save({f"head.{name}": value for name, value in head.state_dict().items()}, folder / "waiting.pt")
    return AuditSpec(
        teacher="",
        students=(str(folder / "waiting.pt"),),
        student_arch=f"{code}:Waiting",
        data=str(root),
        preprocess="imagenet",
        device="cpu",
    )


class _Run:
    """One prediction with an empty cache."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.seconds = self.decoding_seconds = 0.0
        self.logits: Float32 = np.empty((0, 0), dtype=np.float32)

    def told(self, event: ProgressEvent) -> None:
        """Note when the last picture was decoded."""
        if event.stage == "decode":
            self.decoding_seconds = time.perf_counter() - self.began


def _run(spec: AuditSpec, cache: Path, *, ahead: bool) -> _Run:
    run = _Run()
    with patch.object(plan, "pays", lambda _device: ahead):  # as if this device were an accelerator, or not
        run.logits = predict_one(replace(spec, cache_dir=str(cache)), progress=run.told).logits
    run.seconds = time.perf_counter() - run.began
    return run


if __name__ == "__main__":
    main()
