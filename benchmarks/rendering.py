"""How large the HTML report is and how long it takes: of 1,000 classes, and of 48 pictures; both in the worst case.

python -m benchmarks.rendering [--rounds 10] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np

from kdaudit.data.thumbnails import thumbnail
from kdaudit.render import render
from kdaudit.schema import AuditResult
from tests.factories import audit_result

N_PICTURES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`first_ms` also compiles the templates; `ms` is the median of the later ones."""

    report: str
    kib: float
    first_ms: int
    ms: int
    n_rounds: int
    machine: str
    load_average: float


def with_pictures() -> AuditResult:
    """A FAIL with 48 pictures of noise, which no format compresses: photographs are smaller."""
    rng = np.random.default_rng(0)
    result = audit_result("fail")
    if result.inherited is None:
        raise ValueError("expected an audit with inherited errors")
    smooth = rng.integers(0, 256, size=(N_PICTURES, 3, 96, 96), dtype=np.uint8)
    example = result.inherited.examples[0]
    examples = tuple(
        example.model_copy(update={"id": str(k), "image": thumbnail({"x": picture})})
        for k, picture in enumerate(smooth)
    )
    changed = result.inherited.model_copy(update={"examples": examples})
    return result.model_copy(update={"inherited": changed})


def measure(name: str, result: AuditResult, n_rounds: int) -> Row:
    """Render it again and again."""
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    seconds, page = [], ""
    for _ in range(n_rounds + 1):
        started = time.perf_counter()
        page = render(result, "html")
        seconds.append(time.perf_counter() - started)
    return Row(
        report=name,
        kib=round(len(page.encode()) / 1024, 1),
        first_ms=round(1000 * seconds[0]),
        ms=round(1000 * median(seconds[1:])),
        n_rounds=n_rounds,
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        load_average=round(load_average, 2),
    )


def main() -> None:
    """Print a table, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cases = {"1,000 classes": audit_result("many-classes"), f"{N_PICTURES} pictures": with_pictures()}
    rows = [asdict(measure(name, result, given.rounds)) for name, result in cases.items()]
    if given.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
