"""Verdicts on real networks of known origin: honest, planted copiers, students of this and of another teacher."""

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
from kdaudit.types import Float32
from validity.audits import Audit, audit, panel_of
from validity.kinds import ALPHAS, OWN_CONTROLS, PLAIN_CONTROLS, SAME_LABELS, TEACHERS, TEMPERATURES, Kinds
from validity.networks import Net, answers
from validity.sets import data_set

N_CONTROLS, N_RANDOM, N_POSITIVE = 10, 5, 2
PLANTED = 0.3
Origin = Literal["honest", "planted", "distilled", "other teacher", "unmatched"]
Where = Literal["", "all", "wrong", "right"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Students of one kind against one teacher. `pool`: the kind their controls are drawn from.

    `positive`: what the positive controls are drawn from: students of this teacher, by the recipe that is stated.

    `copied`: where a share of .3 of the answers is overwritten by the teacher's: on 'all' examples, on those that it
    gets 'wrong' or 'right', or nowhere ('').
    """

    data: str
    teacher: str
    kind: str
    origin: Origin
    students: tuple[Net, ...]
    pool: tuple[Net, ...]
    random: tuple[Net, ...]
    positive: tuple[Net, ...]
    teacher_net: Net
    folder: Path
    n_controls: int = N_CONTROLS
    copied: Where = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Makes the cells of students against one teacher."""

    kinds: Kinds
    teacher: str
    folder: Path

    def cell(
        self,
        kind: str,
        origin: Origin,
        students: Sequence[Net],
        *,
        pool: Sequence[Net] | None = None,
        positive: Sequence[Net] | None = None,
        copied: Where = "",
    ) -> Cell:
        """The students, against plain controls if no `pool` is given; the stated recipe is a = .9, T = 4 if none is."""
        stated = self.kinds.distilled(self.teacher, 0.9, 4.0) if positive is None else positive
        return Cell(
            data=self.kinds.data.name,
            teacher=self.teacher,
            kind=kind,
            origin=origin,
            students=tuple(students),
            pool=tuple(self.kinds.honest("independent") if pool is None else pool),
            random=tuple(self.kinds.random()),
            positive=tuple(stated),
            teacher_net=self.kinds.teacher(self.teacher),
            folder=self.folder,
            copied=copied,
        )


def cells(kinds: Kinds, folder: Path) -> Iterator[Cell]:
    """Every cell of one data set."""
    for teacher in TEACHERS:
        bench = Bench(kinds=kinds, teacher=teacher, folder=folder)
        yield from _honest(bench)
        for kind in ("wider", "narrower"):
            yield bench.cell(f"{kind}, plain controls", "unmatched", kinds.honest(kind))
        yield from planted(bench)
        for alpha in (0.5, 0.9):
            students = kinds.distilled("other", alpha, 4.0)
            yield bench.cell(f"a = {alpha:g}, T = 4", "other teacher", students)
        for alpha in ALPHAS:
            for temperature in TEMPERATURES:
                students = kinds.distilled(teacher, alpha, temperature)
                yield bench.cell(
                    f"a = {alpha:g}, T = {temperature:g}", "distilled", students, positive=students
                )


def planted(bench: Bench) -> Iterator[Cell]:
    """Independent students whose answers are overwritten by the teacher's, on all examples or part of them."""
    plain = bench.kinds.honest("independent")
    yield bench.cell("copies all alike", "planted", plain, copied="all")
    yield bench.cell("copies wrong answers", "planted", plain, copied="wrong")
    yield bench.cell("copies right answers", "planted", plain, copied="right")


def _honest(bench: Bench) -> Iterator[Cell]:
    kinds = bench.kinds
    for kind in OWN_CONTROLS:
        yield bench.cell(kind, "honest", kinds.honest(kind), pool=kinds.honest(kind))
    for kind in PLAIN_CONTROLS:
        yield bench.cell(kind, "honest", kinds.honest(kind))
    if bench.teacher in SAME_LABELS:
        own = kinds.honest(f"same labels {bench.teacher}")
        yield bench.cell("same defective labels", "honest", own, pool=own)


def audits(cells_: Sequence[Cell]) -> Iterator[tuple[Audit, ...]]:
    """The audits of each cell, one a student, in the cells' order."""
    with LocalPool(usable_cores()) as pool:
        for found in pool.map(audits_of, cells_, progress=lambda _event: None):
            if isinstance(found, KDAuditError):
                raise found
            yield found


def audits_of(cell: Cell, progress: Progress) -> tuple[Audit, ...]:  # noqa: ARG001 - the pool hands it to all tasks
    """One audit of each student, against controls drawn for it: never itself."""
    teacher = answers(cell.teacher_net, cell.folder)
    models = list(dict.fromkeys((*cell.students, *cell.pool, *cell.random, *cell.positive)))
    rows = {net: i for i, net in enumerate(models, start=1)}
    logits = {net: answers(net, cell.folder) for net in models}
    judged = [_copied(cell, logits[net], teacher, net.name) for net in cell.students]
    panel = panel_of(data_set(cell.data).test.labels, teacher, [*logits.values(), *judged])
    found = []
    for row, student in enumerate(cell.students, start=1 + len(models)):
        rng = stream(0, f"{cell.teacher}/{cell.kind}/{student.name}")
        others = [net for net in cell.pool if net != student]
        independent = rng.choice(len(others), size=cell.n_controls, replace=False)
        random = rng.choice(len(cell.random), size=N_RANDOM, replace=False)
        like = [net for net in cell.positive if net != student]
        positive = rng.choice(len(like), size=N_POSITIVE, replace=False)
        found.append(
            audit(
                panel,
                student=row,
                independent=[rows[others[i]] for i in independent],
                random=[rows[cell.random[i]] for i in random],
                positive=[rows[like[i]] for i in positive],
            )
        )
    return tuple(found)


def _copied(cell: Cell, logits: Float32, teacher: Float32, name: str) -> Float32:
    """The student's logits, with the teacher's on the share that it copies."""
    if not cell.copied:
        return logits
    labels = data_set(cell.data).test.labels
    wrong = teacher.argmax(axis=1) != labels
    may = {"all": np.ones_like(wrong), "wrong": wrong, "right": ~wrong}[cell.copied]
    drawn = stream(0, f"copied/{cell.teacher}/{cell.kind}/{name}").random(len(labels)) < PLANTED
    result: Float32 = np.where((may & drawn)[:, None], teacher, logits)
    return result
