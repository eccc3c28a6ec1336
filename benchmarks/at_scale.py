"""An audit of the size of ImageNet, and of ten of them: how long its tests take, and how much memory its measures.

17 models, 1,000 classes; logits are drawn chunk by chunk from seeds when they are asked for, so that no file and no
array of them exists. Memory is the peak above what the process had before, less the results themselves (numbers per
model and example, which the tests read), each size in a process of its own. Needs Linux.

    python -m benchmarks.at_scale [--examples 50000] [--classes 1000] [--controls 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, fields

import numpy as np

from benchmarks.measures import reset_peak, status_mb
from kdaudit.metrics.panel import measure
from kdaudit.pipeline.assess import assess
from kdaudit.policy.limits import LIMITS
from kdaudit.stats.sample import Sample
from kdaudit.types import DataRef, Fitness, Float32, Int64, ModelRef, Panel, Predictions, Role

N_MODELS = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Of one size: seconds of one pass over all logits, of all tests; peak memory, and the results' share of it."""

    n_examples: int
    n_classes: int
    measure_seconds: float
    assess_seconds: float
    peak_mb: int
    results_mb: int
    load_average: float


class Drawn:
    """Logits (n, C) that come to be when rows are asked for: a teacher right in three of four, and models like it."""

    dtype = np.dtype(np.float32)

    def __init__(self, labels: Int64, n_classes: int, model: int) -> None:
        self.shape = (len(labels), n_classes)
        self._labels, self._model = labels, model

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Float32:
        teacher, y = 3 * self._noise(0, rows), self._labels[rows]
        known = np.flatnonzero(y % 4)
        teacher[known, y[known]] += 20
        return teacher if self._model == 0 else np.float32(0.7) * teacher + self._noise(self._model, rows)

    def _noise(self, model: int, rows: slice) -> Float32:
        size = (min(rows.stop, len(self)) - rows.start, self.shape[1])
        return np.random.default_rng([model, rows.start]).standard_normal(size, dtype=np.float32)


def run(n: int, n_classes: int, n_controls: int) -> Row:
    """Measure and test once."""
    load_average = os.getloadavg()[0]
    labels = np.random.default_rng(1).integers(0, n_classes, n)
    roles = [Role.TEACHER, Role.STUDENT, *[Role.INDEPENDENT] * n_controls]
    roles += [Role.RANDOM] * (N_MODELS - len(roles))
    data = DataRef(name="noise", kind="none", location="", sha256="", n=n)
    predictions = [
        Predictions(
            model=ModelRef(name=f"{role}/{i}", role=role, path="", kind="", sha256=""),
            data=data,
            logits=Drawn(labels, n_classes, i),  # type: ignore[arg-type]
            device="cpu",
            batch_size=1,
        )
        for i, role in enumerate(roles)
    ]
    reset_peak()
    before, started = status_mb("VmRSS"), time.perf_counter()
    panel = measure(predictions, labels)
    measured, peak = time.perf_counter(), status_mb("VmHWM")
    sample = Sample(
        panel=panel,
        students=(1,),
        independent=tuple(panel.rows(Role.INDEPENDENT)),
        random=tuple(panel.rows(Role.RANDOM)),
    )
    fitness = Fitness(n_W=0, n_R=0, headroom_W=None, n_controls=n_controls, n_trained_controls=n_controls)
    assess(sample, fitness, LIMITS, columns={}, class_names=())
    return Row(
        n_examples=n,
        n_classes=n_classes,
        measure_seconds=round(measured - started, 1),
        assess_seconds=round(time.perf_counter() - measured, 2),
        peak_mb=peak - before,
        results_mb=_n_bytes(panel) // 1_000_000,
        load_average=round(load_average, 2),
    )


def _n_bytes(panel: Panel) -> int:
    values = [getattr(panel, field.name) for field in fields(Panel)]
    arrays = [value for value in (*values, *panel.distances.values()) if isinstance(value, np.ndarray)]
    return sum(array.nbytes for array in arrays)


def main() -> None:
    """One process for each size, one figure a line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--controls", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="one size, as JSON")
    given = parser.parse_args()
    if given.json:
        print(json.dumps(asdict(run(given.examples, given.classes, given.controls))))
        return
    for n in (given.examples, 10 * given.examples):
        sizes = ["--examples", str(n), "--classes", str(given.classes), "--controls", str(given.controls)]
        command = [sys.executable, "-m", "benchmarks.at_scale", *sizes, "--json"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        for name, value in json.loads(done.stdout).items():
            print(f"{name.replace('_', ' '):20}{value}")
        print()


if __name__ == "__main__":
    main()
