"""Type-I error, power, coverage and verdicts where the truth is known, over size, controls and seed variance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kdaudit.cores import usable_cores
from kdaudit.errors import KDAuditError
from kdaudit.execute import LocalPool
from kdaudit.policy.deciding_rule import wrong_knowledge
from kdaudit.policy.limits import LIMITS
from kdaudit.protocols import Progress
from kdaudit.rng import stream
from kdaudit.stats import PROCEDURES
from kdaudit.stats.power import Design, design_of, fail_power
from kdaudit.stats.sample import Sample
from kdaudit.types import Assessment, Evidence, Fitness, RuleStatus
from validity.worlds import World, sample_from

CONTROLS = (3, 5, 10, 20)
_PROCEDURES = ("kappa_W", "rrr", "did", "net_harm_per_1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """`n_worlds` worlds of one kind, judged with several numbers of controls."""

    world: World
    n_worlds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What was found in the worlds of a cell with `n_controls`; shares of those with at least 20 teacher errors.

    n_judged: how many had; rejected {claim: shares with p <= .05 and p <= .01}; covered: how often the 90 % interval of
    kappa_W held the truth; outcomes: of KD201; planned: the planner's power to FAIL with their mean design.
    """

    world: World
    n_controls: int
    n_judged: int
    n_W: float  # noqa: N815 - the method's name
    rejected: dict[str, tuple[float, float]]
    covered: float
    outcomes: dict[str, float]
    planned: float | None


def simulate(cells: Sequence[Cell]) -> Iterator[Rates]:
    """The rates of all cells, each with every number of controls."""
    with LocalPool(usable_cores()) as pool:
        for rates in pool.map(rates_of, cells, progress=lambda _event: None):
            if isinstance(rates, KDAuditError):
                raise rates
            yield from rates


def rates_of(cell: Cell, progress: Progress) -> tuple[Rates, ...]:  # noqa: ARG001 - the pool hands it to every task
    """The rates of one cell."""
    rng = stream(0, repr(cell.world))
    found: dict[int, list[_Found]] = {k: [] for k in CONTROLS}
    for _ in range(cell.n_worlds):
        rows = cell.world.answers(rng)
        for k, those in found.items():
            sample = sample_from(rows, n_controls=k)
            if int(sample.teacher_wrong.sum()) >= LIMITS.min_stratum:
                those.append(_judge(sample))
    return tuple(_summary(cell.world, k, those) for k, those in found.items() if those)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    effects: dict[str, Evidence]
    status: RuleStatus
    design: Design | None

    def p_of(self, claim: str) -> float:
        """Asymmetry is claimed where the ratio and kappa_W both are."""
        values = [
            self.effects[name].p_value for name in (("rrr", "kappa_W") if claim == "asymmetry" else (claim,))
        ]
        return max(1.0 if p is None else p for p in values)


def _judge(sample: Sample) -> _Found:
    effects = {name: PROCEDURES[name](sample) for name in _PROCEDURES}
    n_w, k = int(sample.teacher_wrong.sum()), len(sample.independent)
    assessment = Assessment(
        fitness=Fitness(n_W=n_w, n_R=0, headroom_W=None, n_controls=k, n_trained_controls=k),
        effects=effects,
        transfer_holm={},
        p_asymmetry=None,
        inherited=None,
        sharpness=None,
    )
    status = wrong_knowledge(assessment, LIMITS).status
    return _Found(effects=effects, status=status, design=design_of(sample.stratum(wrong=True)))


def _summary(world: World, n_controls: int, found: Sequence[_Found]) -> Rates:
    truth = 0.0 if world.where == "right" else world.copied
    n = len(found)
    kappas = [each.effects["kappa_W"] for each in found]
    covered = [k.low is not None and k.high is not None and k.low <= truth <= k.high for k in kappas]
    claims = ("kappa_W", "asymmetry", "did", "net_harm_per_1000")
    designs = [each.design for each in found if each.design is not None]
    return Rates(
        world=world,
        n_controls=n_controls,
        n_judged=n,
        n_W=float(np.mean([k.n for k in kappas])),
        rejected={claim: (_share(found, claim, 0.05), _share(found, claim, 0.01)) for claim in claims},
        covered=sum(covered) / n,
        outcomes={
            name: sum(each.status is status for each in found) / n
            for name, status in (
                ("pass", RuleStatus.PASS),
                ("inconclusive", RuleStatus.UNDECIDED),
                ("fail", RuleStatus.FAIL),
            )
        },
        planned=fail_power(_mean(designs), truth, m_fail=LIMITS.m_fail) if designs and truth > 0 else None,
    )


def _share(found: Sequence[_Found], claim: str, alpha: float) -> float:
    return sum(each.p_of(claim) <= alpha for each in found) / len(found)


def _mean(designs: Sequence[Design]) -> Design:
    return replace(
        designs[0],
        n_W=round(float(np.mean([d.n_W for d in designs]))),
        agreement=float(np.mean([d.agreement for d in designs])),
        between_examples=float(np.mean([d.between_examples for d in designs])),
        between_seeds=max(0.0, float(np.mean([d.between_seeds for d in designs]))),
    )
