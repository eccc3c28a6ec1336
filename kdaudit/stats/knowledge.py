"""kappa_W, kappa_R, their ratio, and what they mean per 1,000 examples.

kappa_x = (A_x(S) - A_x(C)) / (1 - A_x(C)): the share of what the controls leave that the student takes over.
Uniform copying with probability lambda gives kappa_W = kappa_R = lambda and RRR = 1 exactly.

Method, "Estimands" and "Definitions, exactly", points 3, 4, 6 and 12.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from kdaudit.stats import hybrid, variance
from kdaudit.stats.quantity import difference
from kdaudit.stats.sample import MIN_CONTROLS, Sample, Stratum
from kdaudit.types import Evidence, Float64

MIN_STRATUM = 20


def kappa_W(sample: Sample) -> Evidence:  # noqa: N802 - the method's name
    """Share of the teacher errors that independent models do not make, which the student does make; <= 1.

    Undefined when: there is no control, no teacher error, or controls make every teacher error (H_W = 0).
    """
    return kappa("kappa_W", sample.stratum(wrong=True))


def kappa_R(sample: Sample) -> Evidence:  # noqa: N802 - the method's name
    """Share of the teacher's correct knowledge that controls lack, which the student has; <= 1.

    Undefined when: there is no control, fewer than 20 correct teacher answers, or no room (H_R = 0).
    """
    return kappa("kappa_R", sample.stratum(wrong=False), smallest=MIN_STRATUM)


def kappa(procedure: str, stratum: Stratum, *, smallest: int = 1) -> Evidence:
    """U = A_x / h_x with v_diff = vD_x / h_x^2, v_int = vI_x / h_x^2; h_x is taken as fixed."""
    reason = _no_room(stratum, smallest)
    room = stratum.room
    if reason or room is None:
        return hybrid.undefined(procedure, reason, n=stratum.n, n_controls=len(stratum.controls))
    enough = len(stratum.controls) >= MIN_CONTROLS
    return hybrid.evidence(
        procedure,
        stratum.student_agreement / room,
        stratum.control_agreement / room,
        v_diff=variance.student_difference(stratum) / room**2,
        v_int=variance.between_examples(stratum) / room**2 if enough else 0.0,
        n=stratum.n,
    )


def rrr(sample: Sample) -> Evidence:
    """Ratio of relative remaining disagreement, about (1 - kappa_R) / (1 - kappa_W): above 1, wrong is copied more.

    Tested on the log scale, returned as exp. D_x(m) = ((1 - A_x(m)) n_x + .5) / (n_x + 1), u = ln D_R - ln D_W.
    Undefined when: kappa_W or kappa_R is.
    """
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    reason = _no_room(wrong, 1) or _no_room(right, MIN_STRATUM)
    if reason or wrong.room is None or right.room is None:
        return hybrid.undefined("rrr", reason, n=wrong.n + right.n, n_controls=len(wrong.controls))
    v_diff = v_int = 0.0
    for stratum, room in ((wrong, wrong.room), (right, right.room)):
        left = max(1.0 - float(stratum.student_agreement.mean()), 0.5 / stratum.n)
        v_diff += variance.student_difference(stratum) / left**2
        if len(stratum.controls) >= MIN_CONTROLS:
            v_int += variance.between_examples(stratum) / room**2
    log = hybrid.evidence(
        "rrr",
        _log_disagreement(right, right.student_agreement) - _log_disagreement(wrong, wrong.student_agreement),
        _log_disagreement(right, right.control_agreement) - _log_disagreement(wrong, wrong.control_agreement),
        v_diff=v_diff,
        v_int=v_int,
        n=wrong.n + right.n,
    )
    return dataclasses.replace(
        log,
        estimate=_exp(log.estimate),
        low=_exp(log.low),
        high=_exp(log.high),
        controls=tuple(float(np.exp(u)) for u in log.controls),
    )


def per_1000(procedure: str, share: Evidence, stratum: Stratum, n: int) -> Evidence:
    """Harm (of kappa_W) or benefit (of kappa_R): examples in 1,000, 1000 (n_x / n) h_x times kappa and its ends."""
    if share.estimate is None or stratum.room is None:
        return hybrid.undefined(procedure, share.note, n=n, n_controls=share.n_controls)
    factor = 1000.0 * stratum.n / n * stratum.room
    return dataclasses.replace(
        share,
        procedure=procedure,
        estimate=share.estimate * factor,
        low=None if share.low is None else share.low * factor,
        high=None if share.high is None else share.high * factor,
        controls=tuple(u * factor for u in share.controls),
        n=n,
    )


def net_harm(sample: Sample) -> Evidence:
    """Harm less benefit per 1,000 examples: errors taken over beyond the controls, less correct answers gained.

    1000 (n_W A_W - n_R A_R) / n, the student's less the controls' mean: the mean of a per-example quantity that is
    1,000 where a model repeats an error of the teacher, -1,000 where it shares a correct answer, else 0.
    Undefined when: there is no control, or no example.
    """
    panel = sample.panel
    worth = np.where(sample.teacher_wrong, 1000.0, -1000.0).astype(np.float32)
    counted = (panel.answers == panel.answers[0]) * worth
    students, controls = counted[list(sample.students)], counted[list(sample.independent)]
    return difference("net_harm_per_1000", students, controls, panel.groups)


def _log_disagreement(stratum: Stratum, agreement: Float64) -> Float64:
    logs: Float64 = np.log(((1.0 - agreement) * stratum.n + 0.5) / (stratum.n + 1))
    return logs


def _no_room(stratum: Stratum, smallest: int) -> str:
    if len(stratum.controls) == 0:
        return "no independent control"
    if stratum.n < smallest:
        return f"{stratum.n} examples, at least {smallest} are needed"
    if not stratum.headroom:
        return "the controls give the teacher's answer everywhere: nothing is left to take over"
    return ""


def _exp(value: float | None) -> float | None:
    # Beyond e^50 a float says nothing; the report calls anything above 50 a near copy.
    return None if value is None else float(np.exp(min(value, 50.0)))
