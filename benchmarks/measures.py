"""How much faster, and in how much less memory, the measures come here than by whole arrays in one run.

By hand: numpy and scipy on whole arrays, one student after the other, what belongs to the teacher computed once;
ranks by double argsort, scipy's Jensen-Shannon distance. Here: `kdaudit.metrics.panel.measure`, which takes the
same logits in chunks, with one and with two threads. Memory is the peak above that of the logits, each in a process
of its own, for n and for three times n examples.

    python benchmarks/measures.py [--examples 2000] [--classes 1000] [--models 17] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
from scipy import special
from scipy.spatial.distance import jensenshannon

from kdaudit.metrics.panel import measure
from kdaudit.types import DataRef, Float32, Float64, Int64, ModelRef, Panel, Predictions, Role

MODES = ("by hand", "here")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Logits:
    """Of a teacher, which comes first, and of models that agree with it in part."""

    models: list[Float32]
    labels: Int64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByHand:
    """What a notebook keeps of one model."""

    answers: Int64
    confidence: Float64
    log_likelihood: Float64
    margin: Float64
    activation: Float64
    js: Float64
    rank: Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds; `ratio_*` is the figure that counts: two times of one round, divided.

    `ratio_cpu` divides the CPU times of one thread, which other load changes less than the wall times.
    """

    by_hand_ns_per_logit: float
    ns_per_logit_1_thread: float
    ns_per_logit_2_threads: float
    ratio_1_thread: float
    ratio_2_threads: float
    ratio_cpu: float
    by_hand_peak_mb: int
    by_hand_peak_mb_3n: int
    peak_mb: int
    peak_mb_3n: int
    n_examples: int
    n_classes: int
    n_models: int
    n_rounds: int
    machine: str
    load_average: float


def draw(n: int, n_classes: int, n_models: int) -> Logits:
    """Logits (n, C) float32 of each model."""
    rng = np.random.default_rng(0)

    def noise() -> Float32:
        return rng.standard_normal((n, n_classes), dtype=np.float32)

    teacher = 3 * noise()
    others = [np.float32(0.7) * teacher + noise() for _ in range(n_models - 1)]
    return Logits(models=[teacher, *others], labels=rng.integers(0, n_classes, n))


def measure_by_hand(logits: Logits) -> list[ByHand]:
    """One model after the other, on whole arrays."""
    teacher = logits.models[0]
    p, teacher_ranks = special.softmax(teacher.astype(np.float64), axis=1), ranks(teacher)
    each = np.arange(len(teacher))
    done = []
    for z in logits.models:
        log_q = special.log_softmax(z.astype(np.float64), axis=1)
        q = np.exp(log_q)
        others = z.copy()
        others[each, logits.labels] = -np.inf
        done.append(
            ByHand(
                answers=z.argmax(axis=1),
                confidence=q.max(axis=1),
                log_likelihood=log_q[each, logits.labels],
                margin=z[each, logits.labels] - others.max(axis=1),
                activation=np.linalg.norm(p - q, axis=1),
                js=jensenshannon(p, q, axis=1) ** 2,
                rank=(ranks(z) != teacher_ranks).mean(axis=1),
            )
        )
    return done


def ranks(z: Float32) -> Int64:
    """Of each class in its row, ties by class."""
    return np.argsort(np.argsort(-z, axis=1, kind="stable"), axis=1)


def measure_here(logits: Logits) -> Panel:
    """The same by the package."""
    data = DataRef(name="noise", kind="none", location="", sha256="", n=len(logits.labels))
    predictions = [
        Predictions(
            model=ModelRef(
                name=str(i), role=Role.INDEPENDENT if i else Role.TEACHER, path="", kind="", sha256=""
            ),
            data=data,
            logits=z,
            device="cpu",
            batch_size=1,
        )
        for i, z in enumerate(logits.models)
    ]
    return measure(predictions, logits.labels)


def require_equal(by_hand: list[ByHand], here: Panel) -> None:
    """A faster way to other numbers is none; scipy gives NaN for some equal outputs.

    Raises:
        AssertionError: the two ways differ by more than float32 shows.
    """
    for i, model in enumerate(by_hand):
        np.testing.assert_array_equal(model.answers, here.answers[i])
        np.testing.assert_allclose(model.log_likelihood, here.log_likelihood[i], rtol=1e-5)
        np.testing.assert_allclose(np.nan_to_num(model.js), here.distances["js"][i], atol=1e-6)
        np.testing.assert_allclose(model.activation, here.distances["activation"][i], atol=1e-6)
        np.testing.assert_allclose(model.rank, here.distances["rank"][i], atol=1e-6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Of one call."""

    wall: float
    cpu: float


def seconds(work: Callable[[Logits], object], logits: Logits) -> Seconds:
    """Wall time, and CPU time of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(logits)
    return Seconds(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def with_threads(n: int) -> Callable[[Logits], Panel]:
    """`measure_here` on a machine that says it has `n` cores."""

    def work(logits: Logits) -> Panel:
        with mock.patch("os.cpu_count", return_value=n):
            return measure_here(logits)

    return work


def peak_mb(mode: str, n: int, n_classes: int, n_models: int) -> int:
    """Peak memory above that of the logits, in a process of its own that does only this."""
    command = [sys.executable, __file__, "--peak", mode]
    sizes = ["--examples", str(n), "--classes", str(n_classes), "--models", str(n_models)]
    done = subprocess.run([*command, *sizes], capture_output=True, check=True, text=True)
    return int(done.stdout)


def print_peak(mode: str, n: int, n_classes: int, n_models: int) -> None:
    """In that process; what counts begins once the logits are there."""
    logits = draw(n, n_classes, n_models)
    work = measure_by_hand if mode == "by hand" else with_threads(2)
    work(draw(8, n_classes, n_models))  # libraries and threads are loaded before it counts
    reset_peak()
    before = status_mb("VmRSS")
    work(logits)
    print(status_mb("VmHWM") - before)


def reset_peak() -> None:
    """The kernel's count of this process's peak memory starts anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def status_mb(name: str) -> int:
    """A line of the kernel's status of this process, in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) // 1000


def measure_all(n: int, n_classes: int, n_models: int, n_rounds: int) -> Row:
    """All ways in turns, so that other load meets each."""
    load_average = os.getloadavg()[0]
    logits = draw(n, n_classes, n_models)
    require_equal(measure_by_hand(logits), measure_here(logits))
    rounds = [
        [seconds(work, logits) for work in (measure_by_hand, with_threads(1), with_threads(2))]
        for _ in range(n_rounds)
    ]
    by_hand, one, two = (
        1e9 * median(call.wall for call in calls) / (n * n_classes * n_models)
        for calls in zip(*rounds, strict=True)
    )
    peaks = [peak_mb(mode, k * n, n_classes, n_models) for mode in MODES for k in (1, 3)]
    return Row(
        by_hand_ns_per_logit=round(by_hand, 1),
        ns_per_logit_1_thread=round(one, 1),
        ns_per_logit_2_threads=round(two, 1),
        ratio_1_thread=round(median(calls[0].wall / calls[1].wall for calls in rounds), 1),
        ratio_2_threads=round(median(calls[0].wall / calls[2].wall for calls in rounds), 1),
        ratio_cpu=round(median(calls[0].cpu / calls[1].cpu for calls in rounds), 1),
        by_hand_peak_mb=peaks[0],
        by_hand_peak_mb_3n=peaks[1],
        peak_mb=peaks[2],
        peak_mb_3n=peaks[3],
        n_examples=n,
        n_classes=n_classes,
        n_models=n_models,
        n_rounds=n_rounds,
        machine=f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, numpy {np.__version__}",
        load_average=round(load_average, 2),
    )


def main() -> None:
    """Print one figure a line, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--models", type=int, default=17)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", choices=MODES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        print_peak(given.peak, given.examples, given.classes, given.models)
        return
    row = asdict(measure_all(given.examples, given.classes, given.models, given.rounds))
    if given.json:
        print(json.dumps(row, indent=2))
        return
    for name, value in row.items():
        print(f"{name.replace('_', ' '):26}{value}")


if __name__ == "__main__":
    main()
