"""From this teacher? By a difference in differences (method, point 9), and against students of another teacher."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from kdaudit.stats import hybrid
from kdaudit.stats.hybrid import LEVEL
from kdaudit.stats.knowledge import kappa
from kdaudit.stats.sample import MIN_CONTROLS, Sample
from kdaudit.types import Evidence, Float64

_SMALLEST_SD = 1e-9


def did(sample: Sample) -> Evidence:
    """The student's excess agreement with the teacher over that with the controls, on W, over headroom.

    u_S = A(S; T) - mean_k A(S; c_k); u_j = A(c_j; T) - mean_{k != j} A(c_j; c_k);
    estimate = (u_S - mean_j u_j) / h_W. About 0 for students that are only "more consensus-like" than the controls.
    Several students: the mean of their u_S.
    Undefined when: kappa_W is, or fewer than three controls.
    """
    stratum = sample.stratum(wrong=True)
    k, room = len(stratum.controls), stratum.room
    if k < MIN_CONTROLS or not room:
        return hybrid.undefined("did", "three controls and room on W are needed", n=stratum.n, n_controls=k)
    answers = sample.panel.answers[:, sample.teacher_wrong]
    controls = answers[list(sample.independent)]
    u_controls = np.array(
        [
            stratum.control_agreement[j] - np.mean(_agreement(controls[j], np.delete(controls, j, axis=0)))
            for j in range(k)
        ]
    )
    u_student = float(
        np.mean(
            [
                agreement - np.mean(_agreement(answers[row], controls))
                for agreement, row in zip(stratum.student_agreement, sample.students, strict=True)
            ]
        )
    )
    difference = u_student - float(u_controls.mean())
    spread = max(float(np.std(u_controls, ddof=1)), _SMALLEST_SD) * np.sqrt(1 + 1 / k)
    half = float(stats.t.ppf(LEVEL, k - 1)) * spread
    return Evidence(
        procedure="did",
        estimate=difference / room,
        low=(difference - half) / room,
        high=(difference + half) / room,
        p_value=max(float(stats.t.sf(difference / spread, k - 1)), np.finfo(float).tiny),
        n=stratum.n,
        n_controls=k,
        controls=tuple((u - np.mean(np.delete(u_controls, i))) / room for i, u in enumerate(u_controls)),
    )


def atd(sample: Sample) -> Evidence:
    """The student's excess agreement with the teacher on W over students of another teacher; <= 1.

    (A_W(S) - mean A_W(c)) / (1 - mean A_W(c)) over the alternate controls c, distilled by the student's recipe, tested
    like kappa_W. About 0 for any other teacher's student, since what all distilled students share cancels.
    Undefined when: there is no such control, no teacher error, or they make every teacher error.
    """
    if not sample.alternate:
        return hybrid.undefined("atd", "no alternate control")
    return kappa("atd", replace(sample, independent=sample.alternate).stratum(wrong=True))


def _agreement(
    answers: np.ndarray[tuple[int], np.dtype[np.int32]],
    others: np.ndarray[tuple[int, int], np.dtype[np.int32]],
) -> Float64:
    rows: Float64 = (others == answers).mean(axis=1)
    return rows
