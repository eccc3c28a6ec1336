"""One audit with two processes of this machine, and the same with two cores of Ray on it, in turns.

Needs the extra [ray]. On one machine a cluster can only lose: this is what it costs before it gains.

    python -m benchmarks.cluster [--rounds 3] [--epochs 8]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import kdaudit

_DEMO = Path(kdaudit.__file__).parent / "demo_data"


def audit_seconds(cache: Path, epochs: int, *options: str) -> float:
    """Wall time of the demo's first audit with an empty cache."""
    models = [str(_DEMO / name) for name in ("teacher.onnx", "student-distilled.onnx")]
    data = ["--data", str(_DEMO / "eval.npz"), "--train-data", str(_DEMO / "train.npz")]
    run = ["--epochs", str(epochs), "--workers", "2", "--device", "cpu", "--quiet", "--exit-zero"]
    command = [
        sys.executable,
        "-m",
        "kdaudit",
        "check",
        *models,
        *data,
        *run,
        "--cache-dir",
        str(cache),
        *options,
    ]
    started = time.perf_counter()
    subprocess.run(command, cwd=cache, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Print each round, and the median of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    wanted = parser.parse_args()
    ratios = []
    for _ in range(wanted.rounds):
        load = os.getloadavg()[0]
        with TemporaryDirectory() as first, TemporaryDirectory() as second:
            here = audit_seconds(Path(first), wanted.epochs)
            ray = audit_seconds(Path(second), wanted.epochs, "--ray-address", "local")
        ratios.append(ray / here)
        print(f"here {here:.0f} s, Ray {ray:.0f} s, ratio {ratios[-1]:.2f}, load average before {load:.1f}")
    print(f"median of {len(ratios)} ratios: {median(ratios):.2f}")


if __name__ == "__main__":
    main()
