"""Models that predict while the examples are still being decoded, so that neither work waits for the other.

What they answered by the time that all examples are there is left as unfinished predictions, with which
`predict_tasks` goes on. Decoding begins once the models are loaded and waits for none of their answers; what goes wrong
here is said there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Condition
from types import TracebackType
from typing import Self

from kdaudit.data import Examples
from kdaudit.data.request import Follow
from kdaudit.digest import record_digest
from kdaudit.errors import KDAuditError
from kdaudit.models import load_model
from kdaudit.models.predict import Answers, answer
from kdaudit.pipeline.predicting import TOGETHER, PredictTask, alone, kept_predictions
from kdaudit.pipeline.store import Store
from kdaudit.pipeline.taken import Taken
from kdaudit.pipeline.unfinished import Unfinished
from kdaudit.types import Batch, DataRef, ModelRef, Preprocess, ProgressEvent

# Errors that are met again, and said, where all examples are predicted. Not so a full device, a RuntimeError of torch:
# there fewer models run at once.
_MET_AGAIN = (KDAuditError, OSError, RuntimeError)


def pays(device: str) -> bool:
    """Whether anything is gained: nothing on the CPU, where both need the same cores."""
    return device != "cpu"


class Ahead:
    """Given models, each with how it takes the examples, that predict on `device` while these are decoded."""

    def __init__(self, models: Sequence[tuple[ModelRef, Taken]], *, device: str, store: Store) -> None:
        self._models = models
        self._device = device
        self._store = store
        self._begun: list[_Begun] = []

    def __enter__(self) -> Self:
        """Nothing is loaded before there is something to read."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was answered of examples that nobody got."""
        for begun in self._begun:
            begun.unfinished.forget()
        self._begun.clear()

    def follow(self, taken: Taken) -> Follow | None:
        """Who follows the reading of examples as `taken` says: the models for which they are read in that way."""
        alike = [pair for pair in self._models if pair[1].is_read_as(taken)]
        return partial(self._follow, alike[:TOGETHER]) if alike else None

    def leave(self, examples: Examples) -> None:
        """Leave what was answered to those who predict on these examples, all of which are there now.

        Raises:
            DataError: the cache cannot be written.
        """
        for begun in self._begun:
            data = begun.taken.view(examples)
            task = PredictTask(model=begun.answers.ref, data=data, device=self._device, store=self._store)
            with alone(self._store, task.key):
                # Where some could not be read there are fewer rows than the file has room for.
                if len(examples) == begun.n_expected and kept_predictions(task) is None:
                    begun.unfinished.leave(self._store, task.key)
                else:
                    begun.unfinished.forget()
        self._begun.clear()

    @contextmanager
    def _follow(
        self, models: Sequence[tuple[ModelRef, Taken]], folder: Path
    ) -> Iterator[Callable[[int], None]]:
        examples, arrived = Examples.open(folder), _Arrived()
        with ExitStack() as stack:
            passes: dict[tuple[Preprocess, int | None], list[_Begun]] = {}
            for ref, taken in models:
                if (begun := self._begin(ref, taken, examples, stack)) is not None:
                    alike = (begun.preprocess, begun.answers.model.fixed_batch)
                    passes.setdefault(alike, []).append(begun)
            threads = stack.enter_context(ThreadPoolExecutor(max(1, len(passes)), "ahead"))
            running = [
                threads.submit(_answer, begun, _Arriving(data=examples.under(preprocess), arrived=arrived))
                for (preprocess, _), begun in passes.items()
            ]
            try:
                yield arrived.told
            finally:
                arrived.end()
            for one in running:
                one.result()

    def _begin(self, ref: ModelRef, taken: Taken, examples: Examples, stack: ExitStack) -> _Begun | None:
        """A model on its device; None where something is wrong with it."""
        try:
            model = stack.enter_context(load_model(ref, device=self._device))
            preprocess = taken.view(examples).preprocess
        except _MET_AGAIN:
            return None
        # Nobody else decodes these at the same time. What a killed run left of them is removed.
        key = f"ahead-{record_digest(ref.sha256, examples.folder.name)}"
        anew = replace(self._store, resume=False)
        begun = _Begun(
            answers=Answers(ref, model),
            taken=taken,
            preprocess=preprocess,
            n_expected=len(examples),
            unfinished=Unfinished(anew, key, n_rows=len(examples)),
        )
        self._begun.append(begun)
        return begun


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Begun:
    """One model's answers to as many examples as there are to be, and how it takes them.

    Not the examples: these are mapped, and Windows moves no folder of a file that is.
    """

    answers: Answers
    taken: Taken
    preprocess: Preprocess
    n_expected: int
    unfinished: Unfinished


class _Arrived:
    """How many examples are there."""

    def __init__(self) -> None:
        self._n, self._ended = 0, False
        self._changed = Condition()

    def told(self, n_examples: int) -> None:
        """There are so many now."""
        with self._changed:
            self._n = n_examples
            self._changed.notify_all()

    def end(self) -> None:
        """Nobody is to answer more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait(self, n_examples: int) -> bool:
        """Whether so many are there, once they are, or it ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._n >= n_examples)
            return not self._ended


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Arriving:
    """Examples as they arrive, in full batches only: a last, short one belongs to those who have all of them."""

    data: Examples
    arrived: _Arrived

    @property
    def ref(self) -> DataRef:
        """Where they come from; without a digest as yet."""
        return self.data.ref

    @property
    def n_answers(self) -> int:
        """One an example."""
        return len(self.data)

    @property
    def preprocess(self) -> Preprocess:
        """What is applied to them."""
        return self.data.preprocess

    def __len__(self) -> int:
        """How many there are to be."""
        return len(self.data)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Each as soon as it is there; none after the end."""
        batches = self.data.batches(batch_size)
        for stop in range(batch_size, len(self.data) + 1, batch_size):
            if not self.arrived.wait(stop):
                return
            yield next(batches)


def _answer(alike: Sequence[_Begun], data: _Arriving) -> None:
    """What models that take the examples in one way answer, until it ends."""
    answers = [each.answers for each in alike]
    if not data.arrived.wait(1):
        return
    try:
        size = min(each.batch_size(data) for each in answers)
        for part in answer(answers, data, batch_size=size, progress=_nobody):
            for each, rows in zip(alike, part.rows, strict=True):
                each.unfinished.add(rows, part.n_examples, like_probabilities=each.answers.like_probabilities)
    except _MET_AGAIN:
        for each in alike:
            each.unfinished.forget()


def _nobody(event: ProgressEvent) -> None:
    """Told to nobody: decoding is what is shown."""
