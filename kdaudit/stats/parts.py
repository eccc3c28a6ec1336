"""Where in the data: kappa_W and lost accuracy by class, by pair of classes and by slice. Never decides a verdict.

Method, "Verdict", last points: hybrid t where a part holds 20 teacher errors, Benjamini-Hochberg within each family.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control

from kdaudit.stats.knowledge import MIN_STRATUM, kappa
from kdaudit.stats.quantity import difference
from kdaudit.stats.sample import Sample, Stratum, count_units
from kdaudit.types import Evidence, Float64, Int64, PartEvidence

_Column = npt.NDArray[np.str_]


def parts(
    sample: Sample, *, columns: Mapping[str, _Column], class_names: Sequence[str]
) -> tuple[PartEvidence, ...]:
    """Every class, every pair of classes and every value of each column that holds enough to be tested.

    A class or a slice is tested for lost accuracy from 20 examples and for kappa_W from 20 teacher errors, counted
    in groups where examples are grouped; a pair (label, the teacher's answer) for kappa_W alone.

    Args:
        sample: the audit's.
        columns: {name: (N,) values as text}.
        class_names: one for each class; empty where they are not known.
    """
    families = [_classes(sample, class_names), _pairs(sample, class_names)]
    families += [_slices(sample, name, column) for name, column in columns.items()]
    found: list[PartEvidence] = []
    for family in families:
        found += _adjusted([part for part in family if part.kappa_W or part.lost])
    return tuple(found)


def _classes(sample: Sample, names: Sequence[str]) -> Iterator[PartEvidence]:
    for label, members in _by_value(sample.panel.labels):
        yield _part(sample, members, PartEvidence(family="class", name=_name(names, label), label=label))


def _pairs(sample: Sample, names: Sequence[str]) -> Iterator[PartEvidence]:
    panel = sample.panel
    wrong = np.flatnonzero(sample.teacher_wrong)
    codes = panel.labels[wrong] * panel.n_classes + panel.answers[0, wrong]
    for code, members in _by_value(codes):
        if len(members) < MIN_STRATUM:
            continue  # thousands of pairs, of which few can be tested
        label, answer = divmod(code, panel.n_classes)
        name = f"{_name(names, label)} \u2192 {_name(names, answer)}"
        stratum = sample.stratum(wrong=True, within=wrong[members])
        part = PartEvidence(family="pair", name=name, label=label, answer=answer, n=stratum.n)
        yield _with_errors(part, stratum)


def _slices(sample: Sample, column: str, values: _Column) -> Iterator[PartEvidence]:
    known, codes = np.unique(values, return_inverse=True)
    for code, members in _by_value(codes.astype(np.int64)):
        value = str(known[code])
        part = PartEvidence(family="slice", name=f"{column} = {value}", column=column, value=value)
        yield _part(sample, members, part)


def _by_value(codes: Int64) -> Iterator[tuple[int, Int64]]:
    """Each value with the positions that have it, ascending."""
    if len(codes) == 0:
        return
    order = np.argsort(codes, kind="stable")
    values, starts = np.unique(codes[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, starts[1:]), strict=True)


def _part(sample: Sample, members: Int64, part: PartEvidence) -> PartEvidence:
    panel = sample.panel
    groups = None if panel.groups is None else panel.groups[members]
    wrong = panel.answers[:, members] != panel.labels[members]
    students, controls = wrong[list(sample.students)], wrong[list(sample.independent)]
    enough = count_units(len(members), groups) >= MIN_STRATUM
    return dataclasses.replace(
        _with_errors(part, sample.stratum(wrong=True, within=members)),
        n=len(members),
        accuracy=float((~students).mean()),
        accuracy_of_controls=float((~controls).mean()) if len(controls) else None,
        lost=_tested(difference("lost", students, controls, groups)) if enough else None,
    )


def _with_errors(part: PartEvidence, stratum: Stratum) -> PartEvidence:
    """The part with what became of the teacher's errors in it."""
    enough = stratum.n_units >= MIN_STRATUM
    return dataclasses.replace(
        part,
        n_W=stratum.n,
        repeated=_repeated(stratum.student_agreement, stratum.n),
        repeated_by_controls=_repeated(stratum.control_agreement, stratum.n),
        kappa_W=_tested(kappa("kappa_W", stratum)) if enough else None,
    )


def _repeated(agreement: Float64, n: int) -> float | None:
    return float(agreement.mean()) * n if agreement.size else None


def _tested(found: Evidence) -> Evidence | None:
    """Evidence with a test, without the controls' own values: a thousand classes need not hold them."""
    return None if found.p_value is None else dataclasses.replace(found, controls=())


def _name(names: Sequence[str], index: int) -> str:
    return names[index] if index < len(names) else f"class {index}"


def _adjusted(family: list[PartEvidence]) -> list[PartEvidence]:
    of_kappa = _q_values([part.kappa_W for part in family])
    of_lost = _q_values([part.lost for part in family])
    return [
        dataclasses.replace(part, q_kappa_W=q_kappa, q_lost=q_lost)
        for part, q_kappa, q_lost in zip(family, of_kappa, of_lost, strict=True)
    ]


def _q_values(evidence: Sequence[Evidence | None]) -> list[float | None]:
    """The adjusted p of what was tested, None elsewhere."""
    p_values = {i: found.p_value for i, found in enumerate(evidence) if found and found.p_value is not None}
    if not p_values:
        return [None] * len(evidence)
    adjusted = dict(zip(p_values, false_discovery_control(list(p_values.values())).tolist(), strict=True))
    return [adjusted.get(i) for i in range(len(evidence))]
