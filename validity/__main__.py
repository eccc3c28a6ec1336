"""Trains the networks, judges all students, simulates, and writes the tables of docs/validity.md: `make validity`.

Networks are kept, so that a run that was stopped goes on; the counts of each part, so that tables can be written anew.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from validity import simulated, tables
from validity.bounds import gap_cells, scarce_audits, scarcities
from validity.kinds import GAP_SETS, Kinds
from validity.networks import train_all
from validity.real import PLANTED, Cell, audits, cells
from validity.sets import SETS, data_set
from validity.summary import Summary, summary, write
from validity.worlds import World

_ROOT = Path(__file__).parent
NETWORKS, RESULTS = _ROOT / ".networks", _ROOT / ".results"
# Where errors are scarce in one set, in another way: a good teacher's with much data.
_SCARCE_SET, _SCARCE_TEACHER = "letter", "clean"


def main(arguments: list[str]) -> None:
    """Do what is asked for, in order."""
    parser = argparse.ArgumentParser(prog="python -m validity", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", help="simulate, train, judge, gaps, scarce, write; all by default"
    )
    parser.add_argument("--sets", nargs="*", default=list(SETS), help="of the data sets")
    stated = parser.parse_args(arguments)
    wanted = stated.parts or ["simulate", "train", "judge", "gaps", "scarce", "write"]
    started = time.monotonic()
    for part in wanted:
        if part == "write":
            tables.fill(_ROOT.parent / "docs" / "validity.md", RESULTS)
        elif part == "simulate":
            write(RESULTS / "simulated.jsonl", simulated.simulate(list(_worlds())))
        else:
            for name in stated.sets:
                _PARTS[part](name)
        print(f"{part}: done after {time.monotonic() - started:,.0f} s", flush=True)


def _train(name: str) -> None:
    nets = list(_kinds(name).everything())
    for i, net in enumerate(train_all(nets, NETWORKS, lambda _event: None), start=1):
        if i % 100 == 0:
            print(f"{name}: {i} of {len(nets)} networks, {net.kind}", flush=True)


def _judge(name: str) -> None:
    write(RESULTS / f"real-{name}.jsonl", _summaries(list(cells(_kinds(name), NETWORKS))))


def _gaps(name: str) -> None:
    if name in GAP_SETS:
        write(RESULTS / f"gaps-{name}.jsonl", _summaries(list(gap_cells(_kinds(name), NETWORKS))))


def _scarce(name: str) -> None:
    if name != _SCARCE_SET:
        return
    scarce = list(scarcities(_kinds(name), NETWORKS, _SCARCE_TEACHER))
    found = (
        summary(
            each,
            data=name,
            teacher=_SCARCE_TEACHER,
            kind=what.what,
            origin="planted" if what.planted else "honest",
            truth=what.planted,
            size=what.size,
        )
        for what, each in zip(scarce, scarce_audits(scarce), strict=True)
    )
    write(RESULTS / f"scarce-{name}.jsonl", found)


def _summaries(those: list[Cell]) -> Iterator[Summary]:
    for cell, found in zip(those, audits(those), strict=True):
        planted = PLANTED if cell.copied in ("all", "wrong") else 0.0
        yield summary(
            found, data=cell.data, teacher=cell.teacher, kind=cell.kind, origin=cell.origin, truth=planted
        )


def _kinds(name: str) -> Kinds:
    data = data_set(name)
    return Kinds(data=data, n_seeds=data.n_seeds)


def _worlds() -> Iterator[simulated.Cell]:
    """Null truth over size, seed variance and error rate; then planted truth."""
    for n, n_worlds in ((200, 400), (1000, 400), (5000, 300), (50_000, 40)):
        for seed_sd in (0.0, 0.1, 0.3):
            for error in (0.05, 0.1, 0.3):
                yield simulated.Cell(
                    world=World(n=n, n_controls=20, seed_sd=seed_sd, error=error), n_worlds=n_worlds
                )
    for n, n_worlds in ((500, 300), (2000, 300), (10_000, 150)):
        for where in ("all", "wrong", "right"):
            for copied in (0.1, 0.2, 0.4) if where != "right" else (0.3,):
                world = World(n=n, n_controls=20, seed_sd=0.1, copied=copied, where=where)
                yield simulated.Cell(world=world, n_worlds=n_worlds)


_PARTS = {"train": _train, "judge": _judge, "gaps": _gaps, "scarce": _scarce}

if __name__ == "__main__":
    main(sys.argv[1:])
