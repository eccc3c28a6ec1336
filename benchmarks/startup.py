"""How long `kdaudit --help` takes, against the help of a typer app that does nothing, in one run.

Also names the heavy libraries that it loads, of which there must be none.

    python benchmarks/startup.py [--rounds 20] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median

HEAVY = ("numpy", "onnx", "onnxruntime", "pydantic", "scipy", "torch", "torchvision")
BARE = """
import sys, typer
app = typer.Typer()
@app.command()
def work(name: str = typer.Option("x", help="A name.")) -> None:
    pass
@app.command()
def rest() -> None:
    pass
app()
"""
HERE = "from kdaudit.cli.main import main; main()"
LOADED = f"""
import atexit, sys
atexit.register(lambda: print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr))
{HERE}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Medians over the rounds; `ratio` is the figure that counts: the two times of one round, divided."""

    bare_ms: int
    ms: int
    ratio: float
    loads: tuple[str, ...]
    n_rounds: int
    machine: str
    load_average: float


def help_seconds(program: str) -> float:
    """Wall time of a new interpreter that prints the program's help."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def heavy_libraries() -> tuple[str, ...]:
    """Which of HEAVY are there when the help has been printed."""
    command = [sys.executable, "-c", LOADED, "--help"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return tuple(done.stderr.split())


def measure(n_rounds: int) -> Row:
    """The two in turns, so that other load meets both; the first of each, which fills caches, is left out."""
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    rounds = [(help_seconds(BARE), help_seconds(HERE)) for _ in range(n_rounds + 1)][1:]
    return Row(
        bare_ms=round(1000 * median(bare for bare, _ in rounds)),
        ms=round(1000 * median(here for _, here in rounds)),
        ratio=round(median(here / bare for bare, here in rounds), 2),
        loads=heavy_libraries(),
        n_rounds=n_rounds,
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        load_average=round(load_average, 2),
    )


def main() -> None:
    """Print one figure a line, or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    row = asdict(measure(given.rounds))
    if given.json:
        print(json.dumps(row, indent=2))
        return
    row["loads"] = ", ".join(row["loads"]) or "none"
    for name, value in row.items():
        print(f"{name.replace('_', ' '):26}{value}")


if __name__ == "__main__":
    main()
