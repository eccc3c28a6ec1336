"""Inherited errors as they are shown: counts by class pair, and the surest examples with their inputs."""

from __future__ import annotations

from collections import Counter

import numpy as np

from kdaudit.data.thumbnails import thumbnail
from kdaudit.pipeline.plan import Setup
from kdaudit.schema import AnswerCount, InheritedExample, InheritedPairRecord, InheritedRecord
from kdaudit.stats.sample import Sample
from kdaudit.types import Inherited

_MOST_FEATURES = 64


def inherited_record(setup: Setup, sample: Sample, listed: Inherited | None) -> InheritedRecord | None:
    """The list by pair of classes, and at most `--max-examples` examples, those where the student is surest."""
    if listed is None:
        return None
    panel, spec = sample.panel, setup.spec
    confidence = panel.confidence[list(sample.students)].mean(axis=0)
    surest = listed.listed[np.argsort(-confidence[listed.listed], kind="stable")][: spec.max_examples]
    return InheritedRecord(
        n=len(listed.listed),
        expected_by_chance=listed.expected_by_chance,
        fdr=listed.fdr,
        tau=listed.tau,
        pairs=tuple(
            InheritedPairRecord(
                label=pair.label, answer=pair.answer, n=pair.n, expected_by_chance=pair.expected_by_chance
            )
            for pair in listed.pairs
        ),
        examples=tuple(_example(setup, sample, int(i), float(confidence[i])) for i in surest),
    )


def _example(setup: Setup, sample: Sample, i: int, student_confidence: float) -> InheritedExample:
    panel = sample.panel
    controls = list(sample.independent)
    answers = Counter(panel.answers[controls, i].tolist())
    raw = setup.data.raw(i)
    features = None
    if len(raw) == 1:
        (values,) = raw.values()
        if values.ndim == 1 and len(values) <= _MOST_FEATURES:
            features = tuple(float(v) for v in np.asarray(values, dtype=np.float64))
    return InheritedExample(
        id=str(setup.data.ids[i]),
        label=int(panel.labels[i]),
        answer=int(panel.answers[0, i]),
        teacher_confidence=_share(panel.confidence[0, i]),
        student_confidence=_share(student_confidence),
        controls=tuple(AnswerCount(answer=a, n=n) for a, n in answers.most_common()),
        controls_confidence=_share(panel.confidence[controls, i].mean()),
        image=thumbnail(raw) if setup.spec.images else None,
        features=features,
    )


def _share(value: float | np.floating) -> float:
    return float(min(1.0, max(0.0, value)))
