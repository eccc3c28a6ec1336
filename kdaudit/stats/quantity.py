"""Any per-example quantity: the students' mean against the controls'. Method, "Definitions, exactly", point 5."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kdaudit.stats import hybrid, variance
from kdaudit.stats.sample import MIN_CONTROLS
from kdaudit.types import Evidence, Int64

_Rows = npt.NDArray[np.floating] | npt.NDArray[np.bool_]


def difference(procedure: str, students: _Rows, controls: _Rows, groups: Int64 | None) -> Evidence:
    """Mean of the quantity, students (M, n) less controls (K, n); p for "the students are above".

    Undefined when: there is no control, or no example.
    """
    n = students.shape[1]
    if not len(controls) or not n:
        return hybrid.undefined(
            procedure, "no example" if len(controls) else "no control", n=n, n_controls=len(controls)
        )
    of_students, of_controls = students.astype(np.float32), controls.astype(np.float32)
    v_diff = v_int = 0.0
    if len(controls) >= MIN_CONTROLS:
        v_diff, v_int = variance.of_quantity(of_students, of_controls, groups)
    return hybrid.evidence(
        procedure,
        of_students.mean(axis=1, dtype=np.float64),
        of_controls.mean(axis=1, dtype=np.float64),
        v_diff=v_diff,
        v_int=v_int,
        n=n,
    )
