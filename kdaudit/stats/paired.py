"""Two audits on the same examples: did the share of wrong knowledge taken over rise, did the accuracy change?

Both students answer the same examples, so what is hard for both cancels. Their seeds do not: two students of one
recipe differ as two controls do, and with one student a side the controls are the only estimate of that. A test on
the examples alone would find a rise in up to 38 % of pairs of honest students (simulated). Every difference here is a
sum over models,

    estimate = sum_m w_m A(m),    V = sum_m w_m^2 s2_m + max(0, v_diff - sum_m w_m^2 v_int_m)

with w = 1/(M h) for each of M new students and -1/(K h) for each of their K controls, the opposite sign for the
earlier audit, and the sum of its weights for a model of both; h the audit's room, taken as fixed;
s2_m = max(var_k A(c_k), v_int, 1e-15) over the controls of m's audit (over the students themselves where there are
three); v_int what examples alone explain of it; v_diff the variance over examples, or clusters, of sum_m w_m Y_mi.
One student each against the same controls: the controls cancel and V = 2 s2 / h^2 + max(0, v_diff - 2 v_int / h^2),
twice the variance between seeds and the paired part of the examples. Degrees of freedom: V^2 / sum_s V_s^2 / df_s over
the parts V_s of V that each s2 gives (Satterthwaite 1946).

With one audit only this is the test of `hybrid`. Method, "Definitions, exactly", points 2, 3, 4, 13 and 14.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from kdaudit.stats import hybrid, variance
from kdaudit.stats.hybrid import MAX_DF, TINY, TTest
from kdaudit.stats.sample import MIN_CONTROLS, Stratum
from kdaudit.types import Evidence, Float64

_FEWEST_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One of two audits on the examples of both: what its models answer, and which models they are.

    stratum: agreement with the teacher on W, or correctness on all examples; students (M,), controls (K,): each row's
    model by its digest, which is equal in both audits for a model of both.
    """

    stratum: Stratum
    students: tuple[str, ...]
    controls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Two audits on the same examples, the earlier one first."""

    before: Side
    after: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seeds:
    """How much the values of models of one recipe vary, and how well that is known."""

    s2: float
    v_int: float
    df: int


def on_same_controls(sides: Sides) -> Sides:
    """Both with all controls of either, if they share one: these are of one recipe then. Else as they are."""
    before, after = sides.before, sides.after
    if not set(before.controls) & set(after.controls):
        return sides
    added = [row for row, name in enumerate(before.controls) if name not in after.controls]
    names = (*after.controls, *(before.controls[row] for row in added))
    rows = np.vstack([after.stratum.controls, before.stratum.controls[added]])
    return Sides(before=_with_controls(before, names, rows), after=_with_controls(after, names, rows))


def rise(sides: Sides) -> Evidence:
    """kappa_W of the new students less that of the earlier ones, at most 1 in size or below -1; p for "it rose".

    The strata are W. Audits that share a control are both held against the controls of either.
    Undefined when: an audit has no control, there is no teacher error, or controls make each of them (h = 0).
    """
    sides = on_same_controls(sides)
    before, after = sides.before.stratum.room, sides.after.stratum.room
    if not before or not after:
        note = "no teacher error that controls avoid is common to both audits"
        return hybrid.undefined("rise", note, n=sides.after.stratum.n)
    return _tested("rise", [(sides.after, 1 / after), (sides.before, -1 / before)], over_controls=True)


def accuracy_change(sides: Sides) -> Evidence:
    """Accuracy of the new students less that of the earlier ones, from -1 to 1; p for "it rose".

    The strata are all examples, with correctness for agreement.
    """
    sides = on_same_controls(sides)
    return _tested("accuracy_change", [(sides.after, 1.0), (sides.before, -1.0)], over_controls=False)


def _tested(procedure: str, signed: list[tuple[Side, float]], *, over_controls: bool) -> Evidence:
    """The test of sum_sides factor (mean of students - mean of controls, if over them)."""
    strata = [(side.stratum, factor) for side, factor in signed]
    per_example = np.zeros(strata[0][0].n)
    for stratum, factor in strata:
        per_example += factor * stratum.students.mean(axis=0)
        if over_controls:
            per_example -= factor * stratum.controls.mean(axis=0)
    estimate, n = float(per_example.mean()), len(per_example)
    k = min(len(side.controls) for side, _ in signed)
    if k < MIN_CONTROLS:
        return hybrid.differences_only(procedure, estimate, n=n, n_controls=k)
    v_diff = variance.of_mean(per_example, strata[0][0].groups)
    test = _t_test(estimate, v_diff, list(_loads(signed, over_controls=over_controls)))
    return Evidence(
        procedure=procedure,
        estimate=estimate,
        low=estimate - test.half_width,
        high=estimate + test.half_width,
        p_value=test.p_value,
        n=n,
        n_controls=k,
    )


def _t_test(estimate: float, v_diff: float, loads: list[tuple[_Seeds, float]]) -> TTest:
    """`loads`: for each source of seed variance, the sum of w_m^2 over its models."""
    parts = [(seeds.s2 * load, seeds.df) for seeds, load in loads]
    floor = sum(seeds.v_int * load for seeds, load in loads)
    total = sum(part for part, _ in parts) + max(0.0, v_diff - floor)
    spread = sum(part**2 / df for part, df in parts)
    return TTest(
        estimate=estimate,
        variance=max(total, TINY),
        df=min(total**2 / spread, MAX_DF) if spread else MAX_DF,
        control_variance=loads[0][0].s2,
    )


def _loads(signed: list[tuple[Side, float]], *, over_controls: bool) -> Iterator[tuple[_Seeds, float]]:
    """Each source of seed variance with the sum of w_m^2 over the models whose variance it gives.

    The same controls, or the same students, in both audits are one source.
    """
    weights: defaultdict[str, float] = defaultdict(float)
    seeds: dict[tuple[str, ...], _Seeds] = {}
    members: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for side, factor in signed:
        v_int = variance.between_examples(side.stratum)
        seeds[side.controls] = _seeds(side.stratum.control_agreement, v_int)
        source = side.controls
        if len(side.students) >= _FEWEST_SEEDS:
            source = side.students
            seeds[source] = _seeds(side.stratum.student_agreement, v_int)
        members[source] |= set(side.students)
        for name in side.students:
            weights[name] += factor / len(side.students)
        if over_controls:
            members[side.controls] |= set(side.controls)
            for name in side.controls:
                weights[name] -= factor / len(side.controls)
    for source, names in members.items():
        yield seeds[source], sum(weights[name] ** 2 for name in names)


def _seeds(values: Float64, v_int: float) -> _Seeds:
    return _Seeds(s2=max(float(np.var(values, ddof=1)), v_int, TINY), v_int=v_int, df=len(values) - 1)


def _with_controls(
    side: Side, names: tuple[str, ...], rows: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
) -> Side:
    return replace(side, stratum=replace(side.stratum, controls=rows), controls=names)
