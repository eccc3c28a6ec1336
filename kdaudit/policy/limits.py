"""The numbers of the verdict. Method, "Verdict"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """alpha is one-sided; margins are on kappa_W; the rest are bounds of fitness and of warnings."""

    alpha: float = 0.05
    m_fail: float = 0.10
    m_pass: float = 0.20
    ratio: float = 1.25
    absent_kappa: float = 0.10

    min_controls: int = 3
    advised_controls: int = 10
    min_stratum: int = 20
    advised_teacher_errors: int = 200
    min_headroom: float = 10.0
    max_unfit_share: float = 0.20
    max_accuracy_gap: float = 0.05
    max_duplicate_share: float = 0.20
    advised_duplicate_share: float = 0.01
    max_sharpness: float = 0.20

    accuracy_margin: float = 0.025
    flips_margin: float = 0.01
    calibration_margin: float = 0.02
    part_margin: float = 0.05
    false_discovery: float = 0.10


LIMITS = Limits()
