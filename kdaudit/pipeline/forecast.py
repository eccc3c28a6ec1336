"""What an audit would need and cost, before anything is trained: from the files, or from what an audit measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.given import predict_given
from kdaudit.pipeline.plan import TRAIN, Setup, n_alternate, prepare, stated_epochs
from kdaudit.pipeline.policy import stated_policy
from kdaudit.pipeline.pool import open_pool
from kdaudit.pipeline.records import design_record
from kdaudit.pipeline.store import cache_folder, open_store
from kdaudit.policy.limits import Limits
from kdaudit.protocols import Progress
from kdaudit.schema import AuditResult, PlanLine, PlanProfile, PlanResult
from kdaudit.stats.power import PROFILES, Design, needed_n_W, sharpness

_CONTROLS = (3, 5, 10, 20)
# Random controls train too, half as many as the independent ones.
_RANDOM_SHARE = 0.5
_POSITIVE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The share of wrong knowledge that an audit should find (`effect`), with which probability (`power`)."""

    effect: float
    power: float

    def __post_init__(self) -> None:
        for name, value, low in (("effect", self.effect, 0.0), ("power", self.power, 0.5)):
            if not low < value < 1:
                raise SpecError(f"expected --{name} above {low:g} and below 1, found {value:g}")


def forecast(spec: AuditSpec, wish: Wish, *, progress: Progress) -> PlanResult:
    """The teacher's errors counted, a training step measured if there is training data; reference designs.

    Raises:
        SpecError: the evaluation data is said to have no labels.
        KDAuditError: models, data or a policy that do not work.
    """
    if spec.unlabelled:
        raise SpecError(
            "expected labels to plan by, found --unlabelled",
            hint="a plan counts the teacher's errors; kdaudit check --unlabelled --dry-run says what would be trained",
        )
    limits = stated_policy(spec).limits
    with open_store(cache_folder(spec), keep=spec.cache, resume=spec.resume) as store:
        setup = prepare(spec, store, progress=progress)
        (teacher,) = predict_given(setup, (setup.teacher,), progress=progress)
        n_wrong = int(np.sum(teacher.logits.argmax(axis=1) != setup.data.units.labels))
        seconds = _seconds_per_control(setup, progress)
    per_epoch = seconds is not None and stated_epochs(spec) is None
    designs = {name: replace(design, n_W=n_wrong) for name, design in PROFILES.items()}
    return _result(
        designs,
        wish,
        limits,
        n=len(setup.data),
        n_W=n_wrong,
        seconds_per_control=seconds,
        per_epoch=per_epoch,
        n_networks_of_another=n_alternate(spec) + int(spec.alternate_teacher == TRAIN),
    )


def forecast_from(result: AuditResult, wish: Wish) -> PlanResult:
    """With the variances that an audit measured, the margins of its policy, and the time that its controls took.

    Raises:
        SpecError: the audit had too few controls to measure any.
    """
    if result.design is None or not result.n_W:
        raise SpecError(
            "expected an audit with three controls or more that leave room on the teacher's errors, found none",
            hint="plan from the models instead: kdaudit plan TEACHER STUDENT --data ...",
        )
    design = Design(n_W=result.n_W, n_controls=result.n_controls, **result.design.model_dump())
    seconds = [m.seconds for m in result.models if m.role == "independent" and m.seconds is not None]
    return _result(
        {"as this audit measured": design},
        wish,
        Limits(
            m_fail=result.policy.limits.get("m_fail", result.margin_fail),
            m_pass=result.policy.limits.get("m_pass", result.margin_pass),
        ),
        n=result.n,
        n_W=result.n_W,
        seconds_per_control=float(np.mean(seconds)) if seconds else None,
        per_epoch=False,
    )


def _seconds_per_control(setup: Setup, progress: Progress) -> float | None:
    if setup.train is None or setup.ready:
        return None
    from kdaudit.pipeline.training import ControlTrainer  # loads torch

    with open_pool(setup) as pool:
        return ControlTrainer(setup, setup.students[0], pool, progress=progress).seconds_per_control()


def _result(
    designs: Mapping[str, Design],
    wish: Wish,
    limits: Limits,
    *,
    n: int,
    n_W: int,
    seconds_per_control: float | None,
    per_epoch: bool,
    n_networks_of_another: int = 0,
) -> PlanResult:
    def line(design: Design, k: int) -> PlanLine:
        at = replace(design, n_controls=k)
        n_fail = needed_n_W(at, wish.effect, m_fail=limits.m_fail, wished=wish.power)
        n_pass = needed_n_W(at, 0.0, m_pass=limits.m_pass, wished=wish.power)
        n_trained = k + round(k * _RANDOM_SHARE) + _POSITIVE + n_networks_of_another
        return PlanLine(
            n_controls=k,
            n_W_fail=n_fail,
            n_fail=_examples(n_fail, n, n_W),
            n_W_pass=n_pass,
            n_pass=_examples(n_pass, n, n_W),
            sharpness=sharpness(at, m_fail=limits.m_fail, wished=wish.power) if n_W else None,
            training_seconds=None if seconds_per_control is None else seconds_per_control * n_trained,
        )

    return PlanResult(
        effect=wish.effect,
        power=wish.power,
        margin_fail=limits.m_fail,
        margin_pass=limits.m_pass,
        n=n,
        n_W=n_W,
        per_epoch=per_epoch,
        n_alternate=n_networks_of_another,
        profiles=tuple(
            PlanProfile(
                name=name,
                design=design_record(design),
                lines=tuple(line(design, k) for k in _CONTROLS),
            )
            for name, design in designs.items()
        ),
    )


def _examples(errors: int | None, n: int, n_W: int) -> int | None:
    """How many examples hold so many teacher errors, at the teacher's error rate here."""
    return None if errors is None or not n_W else math.ceil(errors * n / n_W)
