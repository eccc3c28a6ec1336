"""The models of an audit as they are written down, with what was measured of each on the evaluation data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kdaudit.metrics import agreement, calibration
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.plan import Setup
from kdaudit.schema import CurveRecord, ModelRecord, ReliabilityBin
from kdaudit.stats.sample import BaseSample, Sample
from kdaudit.stats.shared import consistency


def model_records(
    setup: Setup, sample: BaseSample, controls: ControlSet, unfit: Mapping[str, str]
) -> Iterable[ModelRecord]:
    """One for each model of the panel, in its order; `unfit` gives the reasons of those that are left out."""
    for row, ref in enumerate(sample.panel.models):
        trained = controls.trained.get(ref.name)
        quality = _quality(sample, row) if isinstance(sample, Sample) else _Quality()
        yield ModelRecord(
            name=ref.name,
            role=ref.role.value,
            file=ref.path if trained is None else f"{ref.name} (trained by kdaudit)",
            sha256=ref.sha256,
            kind=ref.kind,
            output=ref.output.value,
            device=setup.device,
            accuracy=quality.accuracy,
            loss=quality.loss,
            ece=quality.ece,
            negative_flips=quality.negative_flips,
            error_consistency=quality.error_consistency,
            agreement_W=quality.agreement_W,
            agreement_R=quality.agreement_R,
            reliability=quality.reliability,
            fit=ref.name not in unfit,
            unfit_reason=unfit.get(ref.name, ""),
            seed="" if trained is None else f"{setup.spec.seed}:{ref.name}",
            preprocess=setup.preprocessing_of(ref),
            curve=()
            if trained is None
            else tuple(CurveRecord(epoch=p.epoch, loss=p.loss, accuracy=p.accuracy) for p in trained.curve),
            seconds=None if trained is None else trained.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quality:
    """What labels say of one model; as it stands where there are none."""

    accuracy: float | None = None
    loss: float | None = None
    ece: float | None = None
    negative_flips: float | None = None
    error_consistency: float | None = None
    agreement_W: float | None = None  # noqa: N815 - the method's names
    agreement_R: float | None = None  # noqa: N815
    reliability: tuple[ReliabilityBin, ...] = ()


def _quality(sample: Sample, row: int) -> _Quality:
    panel, wrong = sample.panel, sample.teacher_wrong
    bins = calibration.reliability(panel.confidence[row], panel.answers[row] == panel.labels)
    consistent = None if row == 0 else consistency(panel, row)
    return _Quality(
        accuracy=agreement.accuracy(panel, row),
        loss=agreement.loss(panel, row),
        ece=calibration.expected_calibration_error(bins),
        negative_flips=None if row == 0 else agreement.negative_flips(panel, row),
        error_consistency=None if consistent is None else float(consistent.mean()),
        agreement_W=agreement.agreement(panel, row, where=wrong),
        agreement_R=agreement.agreement(panel, row, where=~wrong),
        reliability=tuple(ReliabilityBin(confidence=b.confidence, accuracy=b.accuracy, n=b.n) for b in bins),
    )
