"""Is each given model fed as it was trained? Its accuracy against the known one, and what would fit better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from kdaudit.data import Examples, Limit
from kdaudit.data.alternatives import Alternative, arithmetics, arrangements
from kdaudit.errors import KDAuditError
from kdaudit.models import load_model
from kdaudit.models.declared_accuracy import declared_accuracy
from kdaudit.models.predict import predict
from kdaudit.pipeline.plan import Setup
from kdaudit.protocols import Model
from kdaudit.stats.sanity import (
    Features,
    accuracy_lower_bound,
    clearly_better,
    majority_share,
    shifted_features,
    times_wider,
)
from kdaudit.types import Bool, ModelRef, ProgressEvent, Role

_SEARCHED = 512
_COMPARED = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The accuracy that somebody stated; only what the user states is a condition by itself."""

    accuracy: float
    source: str
    by_user: bool


def _nothing(_model: ModelRef) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What is known of the given models besides their answers; without any, where only answers are given.

    `expected`: accuracies by digest. `search`: what preprocessing fits a model better, as a sentence; '' if none does.
    `shifted`: how training and evaluation inputs differ, as sentences.
    """

    expected: dict[str, Expected] = field(default_factory=dict)
    search: Callable[[ModelRef], str] = _nothing
    shifted: tuple[str, ...] = ()


def checks_of(setup: Setup) -> Checks:
    """What the user and the models' files state, and a search that runs each model at most once.

    Raises:
        ModelError: a file states an accuracy that is none.
    """
    found: dict[str, str] = {}

    def search(model: ModelRef) -> str:
        if model.sha256 not in found:
            found[model.sha256] = better_preprocessing(setup, model)
        return found[model.sha256]

    expected = {
        m.sha256: e for m in (setup.teacher, *setup.students) if (e := expected_of(setup, m)) is not None
    }
    return Checks(expected=expected, search=search, shifted=tuple(_shifted(setup)))


def better_preprocessing(setup: Setup, model: ModelRef) -> str:
    """What a model answers on 512 examples under other preprocessings, if one is clearly better; else ''.

    One under which it is still no better than the commonest class explains nothing.
    """
    view = setup.seen_by(model)
    sample = view.limited(Limit(n=_SEARCHED, seed=setup.spec.seed))
    with load_model(model, device=setup.device) as opened:
        trial = _Trial(model, opened, sample)
        given = Alternative(name="", preprocess=sample.preprocess)
        plain = trial.right(given)
        labels = sample.units.labels
        if plain is None or labels is None:
            return ""
        tried = trial.all([*arithmetics(sample, given), *arrangements(sample, given)])
        best = max(tried, key=_accuracy, default=None)
        if best is not None and clearly_better(plain, best[1], n_tried=len(tried)):
            tried += trial.all([*arithmetics(sample, best[0]), *arrangements(sample, best[0])])
            best = max(tried, key=_accuracy)
    if best is None or not clearly_better(plain, best[1], n_tried=len(tried)):
        return ""
    if accuracy_lower_bound(int(best[1].sum()), len(plain)) <= majority_share(labels):
        return ""
    return (
        f"on {len(sample):,} examples {plain.mean():.1%} as given, {best[1].mean():.1%} with {best[0].name}"
    )


def _accuracy(tried: tuple[Alternative, Bool]) -> float:
    return float(tried[1].mean())


class _Trial:
    """One opened model on the same examples under several preprocessings."""

    def __init__(self, ref: ModelRef, model: Model, sample: Examples) -> None:
        self._ref = ref
        self._model = model
        self._sample = sample
        self._seen = [sample.preprocess]

    def all(self, alternatives: Iterable[Alternative]) -> list[tuple[Alternative, Bool]]:
        """Those that are new and that the model can take, with what it gets right."""
        tried = []
        for alternative in alternatives:
            if alternative.preprocess not in self._seen:
                self._seen.append(alternative.preprocess)
                right = self.right(alternative)
                if right is not None:
                    tried.append((alternative, right))
        return tried

    def right(self, alternative: Alternative) -> Bool | None:
        """Which answers (n,) are right; None where the model cannot take such inputs, or there are no labels."""
        labels = self._sample.units.labels
        if labels is None:
            return None
        try:
            found = predict(
                self._ref, self._model, self._sample.under(alternative.preprocess), progress=_silent
            )
        except KDAuditError:
            return None
        right: Bool = found.logits.argmax(axis=1) == labels
        return right


def _silent(_event: ProgressEvent) -> None:
    """Show nothing."""


def expected_of(setup: Setup, model: ModelRef) -> Expected | None:
    """The accuracy that the user, or else the model's files, state.

    Raises:
        ModelError: a file states an accuracy that is none.
    """
    name = f"expect_{'teacher' if model.role is Role.TEACHER else 'student'}_accuracy"
    stated: float | None = getattr(setup.spec, name)
    if stated is not None:
        return Expected(accuracy=stated, source=f"--{name.replace('_', '-')}", by_user=True)
    declared = declared_accuracy(model)
    return None if declared is None else Expected(accuracy=declared[0], source=declared[1], by_user=False)


def _shifted(setup: Setup) -> Iterator[str]:
    """Inputs that differ between training and evaluation: means by more than half a deviation, per channel or column.

    Or deviations, in every channel or column, more than twice.

    On 2,048 examples of each, as the student takes them; tokens are names and have no means.
    """
    train, data = setup.train, setup.data
    if train is None:
        return
    for name, shape in data.shapes.items():
        if train.shapes.get(name, ())[1:] != shape[1:]:
            continue  # the network will refuse one of them
        both = (_features(train, name, setup.spec.seed), _features(data, name, setup.spec.seed))
        shifted = shifted_features(*both)
        if len(shifted):
            worst = int(shifted[0])
            trained_on, evaluated_on = (f"{part.means[:, worst].mean():.3g}" for part in both)
            yield (
                f"Training and evaluation inputs differ: {len(shifted):,} of {both[0].means.shape[1]:,} features of "
                f"{name} have means more than half a deviation apart, such as number {worst}: {trained_on} in "
                f"{train.ref.name}, {evaluated_on} in {data.ref.name}. Preprocess both alike."
            )
        elif times := times_wider(*both):
            trained_on, evaluated_on = (f"{part.deviations.mean():.3g}" for part in both)
            yield (
                f"Training and evaluation inputs differ: every feature of {name} varies at least {times:.1f} times as "
                f"much in one as in the other, with a deviation of {trained_on} in {_stored(train, name)}, "
                f"{evaluated_on} in {_stored(data, name)}. Preprocess both alike."
            )


def _stored(examples: Examples, name: str) -> str:
    """The data's name, and what becomes of its bytes, which fractions are spared."""
    scaled = examples.stored[name].dtype == np.uint8 and examples.preprocess.scale != 1.0
    return f"{examples.ref.name}{' (bytes, scaled)' if scaled else ''}"


def _features(examples: Examples, name: str, seed: int) -> Features:
    """Channels of pictures and signals (axis 1 as stored), or columns of a table, as the model takes them."""
    sample = examples.limited(Limit(n=_COMPARED, seed=seed))
    last = sample.preprocess.layout == "NHWC"
    means, squares = [], []
    for batch in sample.batches(256):
        values = batch.inputs[name].astype(np.float64)
        values = np.moveaxis(values, -1, 1) if last else values
        rows = values.reshape(len(values), values.shape[1] if values.ndim > 1 else 1, -1)
        means.append(rows.mean(axis=2))
        squares.append((rows**2).mean(axis=2))
    each = np.concatenate(means)
    variance = np.concatenate(squares).mean(axis=0) - each.mean(axis=0) ** 2
    return Features(means=each, deviations=np.sqrt(np.maximum(variance, 0.0)))
