"""What the rules read, invented: an honest student but for what a test changes."""

from __future__ import annotations

from datetime import date

import numpy as np

from kdaudit.policy import RULES
from kdaudit.policy.judge import judge
from kdaudit.policy.policy import Policy
from kdaudit.types import Assessment, Evidence, Fitness, Inherited, Verdict


def evidence(name: str, estimate: float, low: float, high: float, p: float) -> Evidence:
    """Evidence of 10 controls on 500 examples."""
    return Evidence(procedure=name, estimate=estimate, low=low, high=high, p_value=p, n=500, n_controls=10)


def assessment(
    *,
    kappa: tuple[float, float, float, float] = (0.01, -0.02, 0.04, 0.4),
    ratio: tuple[float, float, float, float] = (1.0, 0.9, 1.1, 0.5),
    gap: float = 0.0,
    teacher_gap: float | None = None,
    tilt: Evidence | None = None,
    net: tuple[float, float, float, float] = (0.0, -4.0, 4.0, 0.5),
    did_p: float = 0.5,
    transfer_p: float = 0.5,
    sharpness: float | None = 0.1,
    listed: int = 5,
    **fitness: object,
) -> Assessment:
    """An honest student's assessment, but for what is given."""
    facts: dict[str, object] = {
        "n_W": 500,
        "n_R": 4500,
        "headroom_W": 300.0,
        "n_controls": 10,
        "n_trained_controls": 10,
        "n_before_duplicates": 5000,
        **fitness,
    }
    effects = {
        "kappa_W": evidence("kappa_W", *kappa),
        "kappa_R": evidence("kappa_R", 0.0, -0.1, 0.1, 0.5),
        "rrr": evidence("rrr", *ratio),
        "net_harm_per_1000": evidence("net_harm_per_1000", *net),
        "did": evidence("did", 0.1, 0.0, 0.2, did_p),
        "accuracy_gap": evidence("accuracy_gap", gap, gap - 0.01, gap + 0.01, 0.5),
        "negative_flips": evidence("negative_flips", 0.0, -0.01, 0.01, 0.5),
        "ece": evidence("ece", 0.0, -0.01, 0.01, 0.5),
        "transfer.activation": evidence("transfer.activation", 0.0, -0.01, 0.01, transfer_p),
    }
    if tilt is not None:
        effects["tilt"] = tilt
    return Assessment(
        fitness=Fitness(**facts),  # type: ignore[arg-type]
        effects=effects,
        transfer_holm={"activation": transfer_p},
        p_asymmetry=max(ratio[3], kappa[3]),
        inherited=Inherited(
            listed=np.arange(listed),
            surprise=np.ones(listed),
            tau=0,
            expected_by_chance=4.0,
            fdr=0.8,
            p_value=0.3 if listed < 10 else 0.001,
            pairs=(),
        ),
        sharpness=sharpness,
        teacher_gap=teacher_gap,
        n_repeated_W=200,
        n_repeated_by_controls_W=198.0,
    )


EMPTY = Assessment(
    fitness=Fitness(n_W=0, n_R=0, headroom_W=None, n_controls=0, n_trained_controls=0),
    effects={},
    transfer_holm={},
    p_asymmetry=None,
    inherited=None,
    sharpness=None,
)
POLICY = Policy()
GUILTY = (0.3, 0.2, 0.4, 0.001)


def judged(found: Assessment, policy: Policy = POLICY) -> Verdict:
    """The verdict on a day on which nothing expires."""
    return judge(RULES, found, policy, students=(), on=date(2026, 1, 1))
