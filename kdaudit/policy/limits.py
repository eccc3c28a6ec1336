"""The numbers of the verdict, what each may be, and the presets. Method, "Verdict"."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

_N = TypeVar("_N", int, float)
Loses = Literal["above", "below", "either", "never"]
# When correct answers gained excuse errors taken over, where copying is not lopsided: never; where they are shown to
# outweigh them; unless they are shown not to.
Gains = Literal["never", "if shown", "unless refuted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitInfo:
    """One limit: its default, what it is, its range, and on which side of a preset the published error rates end."""

    name: str
    default: float
    meaning: str
    low: float
    high: float
    loses: Loses

    @property
    def whole(self) -> bool:
        """Whether it is a count."""
        return isinstance(self.default, int)


def _limit(default: _N, meaning: str, *, low: float = 0, high: float = 1, loses: Loses = "never") -> _N:
    info = {"meaning": meaning, "low": low, "high": high, "loses": loses}
    return field(default=default, metadata=info)


_MANY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """alpha is one-sided; margins are on kappa_W; the rest are bounds of fitness and of warnings.

    `gains` comes with the preset: which hypothesis KD201 tests, and no number of the user's.
    """

    gains: Gains = "never"
    alpha: float = _limit(
        0.05,
        "largest p that counts; intervals, sharpness and planner stay at .05",
        low=0.0001,
        high=0.5,
        loses="either",
    )
    m_fail: float = _limit(0.10, "smallest kappa_W that fails", loses="either")
    m_pass: float = _limit(0.20, "the end of kappa_W's interval lies below it to pass", loses="either")
    m_rise: float = _limit(0.05, "smallest rise of kappa_W since an earlier audit that fails")
    ratio: float = _limit(1.25, "smallest ratio (RRR) that is a negative asymmetry", low=1, high=100)
    absent_kappa: float = _limit(0.10, "no asymmetry if the interval of kappa_W ends below it")

    min_controls: int = _limit(3, "fewest independent controls for a verdict", low=3, high=1000)
    advised_controls: int = _limit(10, "fewest independent controls without a warning", high=1000)
    min_stratum: int = _limit(
        20, "fewest wrong, and right, answers of the teacher", low=2, high=_MANY, loses="below"
    )
    advised_teacher_errors: int = _limit(200, "fewest errors of the teacher without a warning", high=_MANY)
    min_headroom: float = _limit(10.0, "fewest teacher errors that controls avoid", high=_MANY, loses="below")
    max_unfit_share: float = _limit(0.20, "largest share of unfit controls", loses="above")
    max_accuracy_gap: float = _limit(
        0.05, "largest distance of the student's accuracy from its controls'", loses="above"
    )
    gap_allowance: float = _limit(
        0.07, "what a point of accuracy, student less controls, may explain of kappa_W", loses="below"
    )
    max_gap_allowance: float = _limit(0.35, "what their accuracies may explain at most", loses="below")
    max_duplicate_share: float = _limit(
        0.20, "largest share of evaluation examples that occur in the training data", loses="above"
    )
    advised_duplicate_share: float = _limit(0.01, "the same without a warning")
    max_sharpness: float = _limit(0.20, "largest sharpness without a warning")

    accuracy_margin: float = _limit(0.025, "how far below its controls the student's accuracy may lie")
    flips_margin: float = _limit(
        0.01, "how many more correct answers than its controls it may lose, as a share"
    )
    calibration_margin: float = _limit(0.02, "how far above its controls its calibration error may lie")
    part_margin: float = _limit(0.05, "how far above its controls its error rate in a class or slice may lie")
    false_discovery: float = _limit(0.10, "largest false-discovery rate among classes, and among slices")


LIMITS = Limits()
PRESETS = {
    "default": replace(LIMITS, gains="if shown"),
    "lenient": replace(LIMITS, gains="unless refuted"),
    "margins": LIMITS,
    "strict": replace(LIMITS, m_pass=0.10),
}
DEFAULT_PRESET = "default"
# What presets differ in.
PRESET_LIMITS = ("m_fail", "m_pass")


def limit_infos() -> Iterator[LimitInfo]:
    """Every limit that has a number, in order."""
    for each in dataclasses.fields(Limits):
        if each.metadata:
            yield LimitInfo(name=each.name, default=getattr(LIMITS, each.name), **each.metadata)


def numbers_of(limits: Limits) -> dict[str, float]:
    """Every limit by name."""
    return {info.name: getattr(limits, info.name) for info in limit_infos()}
