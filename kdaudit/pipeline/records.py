"""Evidence as it is written down in audit.json."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kdaudit.data import Examples
from kdaudit.pipeline.gallery import inherited_in
from kdaudit.schema import DesignRecord, EffectRecord, PartRecord, TransferRecord
from kdaudit.stats.inherited import most_surprising_first
from kdaudit.stats.power import Design
from kdaudit.stats.sample import BaseSample, Sample
from kdaudit.stats.transfer import against, distance_rows
from kdaudit.types import Assessment, BaseAssessment, Evidence, Role


def effect_record(found: Evidence | None) -> EffectRecord | None:
    """Evidence as it is written down; None where it was not measured."""
    if found is None:
        return None
    return EffectRecord(
        estimate=found.estimate,
        low90=found.low,
        high90=found.high,
        p=found.p_value,
        z=found.z,
        cliffs_delta=found.cliffs_delta,
        rank_p=found.rank_p,
        controls=found.controls,
        status=found.status,
        note=found.note,
    )


def design_record(design: Design) -> DesignRecord:
    """What decides how sharp an audit is, as it is written down."""
    return DesignRecord(
        agreement=design.agreement,
        between_examples=design.between_examples,
        between_seeds=design.between_seeds,
    )


def part_records(data: Examples, sample: Sample, assessment: Assessment) -> Iterable[PartRecord]:
    """What was found by class, pair of classes and slice."""
    listed = assessment.inherited
    ordered = np.empty(0, dtype=np.int64) if listed is None else listed.listed[most_surprising_first(listed)]
    for part in assessment.parts:
        yield PartRecord(
            family=part.family,
            name=part.name,
            label=part.label,
            answer=part.answer,
            column=part.column,
            value=part.value,
            n=part.n,
            n_W=part.n_W,
            repeated=part.repeated,
            repeated_by_controls=part.repeated_by_controls,
            accuracy=part.accuracy,
            accuracy_of_controls=part.accuracy_of_controls,
            kappa_W=effect_record(part.kappa_W),
            q_kappa_W=part.q_kappa_W,
            lost=effect_record(part.lost),
            q_lost=part.q_lost,
            inherited=inherited_in(data, sample.panel, ordered, part),
        )


def transfer_records(sample: BaseSample, assessment: BaseAssessment) -> dict[str, TransferRecord]:
    """The functional distances by measure, with their means and Holm-corrected p."""
    records = {}
    for name, found in assessment.effects.items():
        if not name.startswith("transfer."):
            continue
        measure = name.removeprefix("transfer.")
        means = distance_rows(sample, measure).mean(axis=1, dtype=np.float64)
        random = against(sample, measure, sample.random)
        independent = against(sample, measure, sample.independent)
        effect = effect_record(found)
        if effect is None:
            continue
        records[measure] = TransferRecord(
            **{**effect.model_dump(), "p": assessment.transfer_holm.get(measure)},
            p_independent=independent.p_value,
            p_random=random.p_value,
            student=float(np.mean(means[list(sample.students)])),
            independent=tuple(means[list(sample.independent)].tolist()),
            random=tuple(means[list(sample.random)].tolist()),
            positive=tuple(means[sample.panel.rows(Role.POSITIVE)].tolist()),
        )
    return records
