"""Where the audit stops being right: by the student's accuracy, by teacher errors, headroom and right answers.

The bounds of the fitness rules stand where honest students FAIL in more than 5 %, or where a PASS is undeserved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from kdaudit.cores import usable_cores
from kdaudit.errors import KDAuditError
from kdaudit.execute import LocalPool
from kdaudit.protocols import Progress
from kdaudit.rng import stream
from kdaudit.types import Int64
from validity.audits import Audit, audit, panel_of
from validity.kinds import GAPS, Kinds
from validity.networks import Net, answers
from validity.real import PLANTED, Bench, Cell, Origin, Where
from validity.sets import data_set

Scarce = Literal["teacher errors", "headroom", "right answers"]
SIZES: dict[Scarce, tuple[int, ...]] = {
    "teacher errors": (10, 20, 40, 80, 160),
    "headroom": (3, 5, 10, 20, 40),
    "right answers": (10, 20, 50, 200),
}
_N_CONTROLS = 10
# A good teacher, and one so weak that students make its errors by themselves.
GAP_TEACHERS = ("clean", "small")


def gap_cells(kinds: Kinds, folder: Path) -> Iterator[Cell]:
    """Students trained longer, shorter, wider, narrower, on more and on fewer data, against the usual controls.

    Each honest, and with a share of .3 of the teacher's errors planted.
    """
    wheres: tuple[Where, ...] = ("", "wrong")
    for teacher in GAP_TEACHERS:
        bench = Bench(kinds=kinds, teacher=teacher, folder=folder)
        for change, factor in GAPS:
            students = kinds.gap(change, factor)
            for copied in wheres:
                origin: Origin = "planted" if copied else "honest"
                yield bench.cell(f"{change} x {factor:g}", origin, students, copied=copied)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarcity:
    """Independent students judged on part of the data, so that `what` is about `size`; `planted` as in `gap_cells`."""

    data: str
    teacher: Net
    students: tuple[Net, ...]
    what: Scarce
    size: int
    planted: float
    folder: Path


def scarcities(kinds: Kinds, folder: Path, teacher: str) -> Iterator[Scarcity]:
    """Everything that is made scarce, honest and planted."""
    for what, sizes in SIZES.items():
        for size in sizes:
            for planted in (0.0, PLANTED):
                yield Scarcity(
                    data=kinds.data.name,
                    teacher=kinds.teacher(teacher),
                    students=tuple(kinds.honest("independent")),
                    what=what,
                    size=size,
                    planted=planted,
                    folder=folder,
                )


def scarce_audits(scarce: Sequence[Scarcity]) -> Iterator[tuple[Audit, ...]]:
    """The audits of each, one a student, in order."""
    with LocalPool(usable_cores()) as pool:
        for found in pool.map(scarce_audits_of, scarce, progress=lambda _event: None):
            if isinstance(found, KDAuditError):
                raise found
            yield found


def scarce_audits_of(scarce: Scarcity, progress: Progress) -> tuple[Audit, ...]:  # noqa: ARG001 - as every task
    """One audit of each student, on examples drawn for it."""
    labels = data_set(scarce.data).test.labels
    teacher = answers(scarce.teacher, scarce.folder)
    nets = [answers(net, scarce.folder) for net in scarce.students]
    found = []
    for i, student in enumerate(nets):
        rng = stream(0, f"{scarce.what}/{scarce.size}/{scarce.planted}/{i}")
        others = rng.permutation([k for k in range(len(nets)) if k != i])
        controls, judges = others[:_N_CONTROLS], others[_N_CONTROLS:]
        agree = np.mean([nets[k].argmax(axis=1) == teacher.argmax(axis=1) for k in judges], axis=0)
        rows = _rows(scarce, labels != teacher.argmax(axis=1), agree, rng)
        copied = (teacher.argmax(axis=1) != labels) & (rng.random(len(labels)) < scarce.planted)
        logits = np.where(copied[:, None], teacher, student)
        panel = panel_of(labels[rows], teacher[rows], [logits[rows], *(nets[k][rows] for k in controls)])
        found.append(audit(panel, student=1, independent=range(2, 2 + len(controls))))
    return tuple(found)


def _rows(
    scarce: Scarcity,
    wrong: np.ndarray[tuple[int], np.dtype[np.bool_]],
    agree: np.ndarray[tuple[int], np.dtype[np.float64]],
    rng: np.random.Generator,
) -> Int64:
    """Which examples are judged: all, but for a drawn part of what is scarce.

    Headroom is made scarce by keeping the teacher errors that other networks make most: as many as sum up to it.
    """
    in_w, in_r = np.flatnonzero(wrong), np.flatnonzero(~wrong)
    if scarce.what == "teacher errors":
        in_w = rng.permutation(in_w)[: scarce.size]
    elif scarce.what == "right answers":
        in_r = rng.permutation(in_r)[: scarce.size]
    else:
        in_w = in_w[np.argsort(-agree[in_w], kind="stable")]
        in_w = in_w[: 1 + int(np.searchsorted(np.cumsum(1 - agree[in_w]), scarce.size))]
    rows: Int64 = np.sort(np.concatenate([in_w, in_r]))
    return rows
