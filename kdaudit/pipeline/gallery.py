"""Inherited errors as they are shown: counts by class pair, and the most surprising ones with their inputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from kdaudit.data import Examples
from kdaudit.data.thumbnails import sound_picture, thumbnail
from kdaudit.pipeline.plan import Setup
from kdaudit.schema import AnswerCount, InheritedExample, InheritedPairRecord, InheritedRecord
from kdaudit.stats.inherited import most_surprising_first
from kdaudit.stats.sample import Sample
from kdaudit.types import Inherited, Int64, Panel, PartEvidence

_MOST_FEATURES = 64
_MOST_NAMED = 5


def inherited_record(setup: Setup, sample: Sample, listed: Inherited | None) -> InheritedRecord | None:
    """The list by pair of classes, and at most `--max-examples` examples, the most surprising first."""
    if listed is None:
        return None
    shown = most_surprising_first(listed)[: setup.spec.max_examples]
    return InheritedRecord(
        n=len(listed.listed),
        expected_by_chance=listed.expected_by_chance,
        fdr=listed.fdr,
        tau=listed.tau,
        sample_rate=setup.data.sample_rate,
        feature_names=setup.data.feature_names,
        pairs=tuple(
            InheritedPairRecord(
                label=pair.label, answer=pair.answer, n=pair.n, expected_by_chance=pair.expected_by_chance
            )
            for pair in listed.pairs
        ),
        examples=tuple(
            _example(setup, sample, int(listed.listed[k]), surprise=float(listed.surprise[k])) for k in shown
        ),
    )


def inherited_in(data: Examples, panel: Panel, positions: Int64, part: PartEvidence) -> tuple[str, ...]:
    """Ids of the first inherited errors, at these positions, of one part of the data; at most five."""
    inside = np.ones(len(positions), dtype=bool)
    if part.label is not None:
        inside &= panel.labels[positions] == part.label
    if part.answer is not None:
        inside &= panel.answers[0, positions] == part.answer
    if part.column:
        inside &= data.units.columns[part.column][positions] == part.value
    return tuple(str(data.units.ids[i]) for i in positions[inside][:_MOST_NAMED])


def _example(setup: Setup, sample: Sample, i: int, *, surprise: float) -> InheritedExample:
    panel = sample.panel
    controls = list(sample.independent)
    answers = Counter(panel.answers[controls, i].tolist())
    shown = _shown(setup.data, i) if setup.spec.images else _Shown()
    return InheritedExample(
        id=str(setup.data.units.ids[i]),
        label=int(panel.labels[i]),
        answer=int(panel.answers[0, i]),
        teacher_confidence=_share(panel.confidence[0, i]),
        student_confidence=_share(panel.confidence[list(sample.students), i].mean()),
        controls=tuple(AnswerCount(answer=a, n=n) for a, n in answers.most_common()),
        surprise=max(0.0, surprise),
        controls_confidence=_share(panel.confidence[controls, i].mean()),
        image=shown.image,
        text=shown.text,
        features=shown.features,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What an example looks like: a picture, a text or a few numbers, whichever it has."""

    image: str | None = None
    text: str | None = None
    features: tuple[float, ...] | None = None


def _shown(data: Examples, i: int) -> _Shown:
    """The input of answer `i`; of a text with a character for each place of a sequence, what comes before it."""
    units, row = data.units, int(data.units.rows[i])
    raw, text = data.raw(row), data.text(row)
    if text:
        place = None if units.places is None else int(units.places[i])
        if place is not None and data.labels.shape[1] >= len(text):
            text = text[: place + 1]
        return _Shown(text=text)
    if data.sample_rate is not None:
        return _Shown(image=sound_picture(raw))
    if len(raw) == 1:
        (values,) = raw.values()
        if values.ndim == 1 and len(values) <= _MOST_FEATURES:
            return _Shown(features=tuple(float(v) for v in np.asarray(values, dtype=np.float64)))
    return _Shown(image=thumbnail(raw))


def _share(value: float | np.floating) -> float:
    return float(min(1.0, max(0.0, value)))
