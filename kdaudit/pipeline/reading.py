"""Evaluation and training data, read once for each size of pictures that the models want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from kdaudit.data import DataOptions, Examples, Limit, load_data
from kdaudit.data.duplicates import duplicate_positions
from kdaudit.data.names import training_split_of
from kdaudit.data.near_duplicates import near_duplicates
from kdaudit.data.options import numbers_of
from kdaudit.data.roles import read_class_names
from kdaudit.data.split import Split, split
from kdaudit.errors import AlignmentError, DataError, SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.ahead import Ahead
from kdaudit.pipeline.store import Store
from kdaudit.pipeline.taken import Taken
from kdaudit.protocols import Progress
from kdaudit.rng import stream
from kdaudit.types import Int64, ModelRef

# Training splits that are taken without being named: with these sets nobody trains on anything else.
_TAKEN_UNASKED = frozenset({"imagenet-train", "fashion-mnist:train"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """The examples as the first student takes them; `views` as each model does, by its digest.

    `train` and `train_views` are None and empty without training data, for the reason given. `look_alikes` are ids of
    evaluation pictures, each with that of a training picture that it looks like.
    """

    data: Examples
    train: Examples | None
    no_train_reason: str
    n_before_duplicates: int
    n_duplicates: int
    look_alikes: tuple[tuple[str, str], ...] = ()
    views: Mapping[str, Examples] = field(default_factory=dict)
    train_views: Mapping[str, Examples] = field(default_factory=dict)


class Reader:
    """Reads what a spec names; each location once for each size of pictures.

    Models that are `ahead` predict on the evaluation examples while these are decoded.
    """

    def __init__(
        self, spec: AuditSpec, store: Store, *, progress: Progress, ahead: Ahead | None = None
    ) -> None:
        self._spec = spec
        self._store = store
        self._progress = progress
        self._ahead = ahead
        self._split: Split | None = None
        self._read: dict[tuple[str, DataOptions], Examples] = {}

    def evaluation(self, taken: Taken) -> Examples:
        """All evaluation examples as a model takes them.

        Raises:
            DataError: they cannot be read.
            SpecError: an option does not fit them.
        """
        data = self._load(self._spec.data, taken, None, unlabelled=self._spec.unlabelled, ahead=self._ahead)
        if (parts := self._parts(data)) is not None:
            data = data.subset(parts.evaluation)
        if missing := [name for name in self._spec.slice if name not in data.columns]:
            raise SpecError(
                f"expected a column {missing[0]!r} in {self._spec.data} for --slice, found none",
                hint="store it in the .npz beside x and y: one text or whole number for each example",
            )
        return taken.view(data)

    def limited(self, data: Examples) -> Examples:
        """The random subset that --limit leaves."""
        limit = self._spec.limit
        return data if limit is None else data.limited(Limit(n=limit, seed=self._spec.seed))

    def all(self, main: ModelRef, taken: Mapping[str, Taken]) -> Given:
        """Evaluation and training examples as `main` and every other model takes them.

        Args:
            main: the student that the examples are shown and counted as seen by.
            taken: how each model takes its inputs, by its digest.

        Raises:
            DataError: they cannot be read, or nothing is left of them.
            AlignmentError: pictures of another size are not the same examples; the training data names other classes.
        """
        data = self.evaluation(taken[main.sha256])
        train, reason = self._training(taken[main.sha256])
        n_before, duplicates = 0, np.empty(0, dtype=np.int64)
        if train is not None:
            _require_same_classes(data, train)
            learnt_from = _train_part(train.whole, self._parts(train.whole))
            n_before, duplicates = len(data), duplicate_positions(data, learnt_from)
            if len(duplicates) and not self._spec.keep_duplicates:
                data = _without(data, duplicates, train)
        data = self.limited(data)  # not while reading: what is left out as a duplicate must not count
        views = {sha256: _same(self.evaluation(how), data) for sha256, how in taken.items()}
        train_views = {}
        for sha256, how in taken.items():
            other, _ = self._training(how)
            if other is not None and train is not None:
                train_views[sha256] = _same(other, train)
        return Given(
            data=data,
            train=train,
            no_train_reason=reason,
            n_before_duplicates=n_before,
            n_duplicates=len(duplicates),
            look_alikes=() if train is None else _look_alikes(data, train),
            views=views,
            train_views=train_views,
        )

    def _training(self, taken: Taken) -> tuple[Examples | None, str]:
        """The training examples as a model takes them, or why there are none."""
        spec = self._spec
        limit = None if spec.limit_train is None else Limit(n=spec.limit_train, seed=spec.seed)
        if spec.split_eval is not None:
            whole = self._load(spec.data, taken, None)
            train = _train_part(whole, self._parts(whole))
            return taken.view(train.limited(limit)), ""
        beside = training_split_of(spec.data)
        location = spec.train_data or (beside if beside in _TAKEN_UNASKED else None)
        if location is None:
            name = "" if beside is None else f" {beside}, if that is what the student was trained on"
            return (
                None,
                f"No training data was given: add --train-data{name}, or ready-made controls with --control.",
            )
        try:
            train = self._load(location, taken, limit)
        except DataError as failure:
            if spec.train_data is not None:
                raise
            return None, f"The training split {location} is not there: {failure.message}."
        return taken.view(train), ""

    def _parts(self, data: Examples) -> Split | None:
        """The two parts of the evaluation data, if controls are trained on one of them."""
        share = self._spec.split_eval
        if share is not None and self._split is None:  # at every size of pictures the examples are the same
            self._split = split(data.labels, data.groups, share, rng=stream(self._spec.seed, "split"))
        return self._split

    def _load(
        self,
        location: str,
        taken: Taken,
        limit: Limit | None,
        *,
        unlabelled: bool = False,
        ahead: Ahead | None = None,
    ) -> Examples:
        options = replace(
            _options(self._spec),
            geometry=taken.geometry,
            text=taken.text,
            sound=taken.sound,
            limit=limit,
            unlabelled=unlabelled,
        )
        key = (location, options)
        if key not in self._read:
            self._read[key] = load_data(
                location,
                cache=self._store.root,
                options=options,
                progress=self._progress,
                follow=None if ahead is None else ahead.follow(taken),
            )
            if ahead is not None:
                ahead.leave(self._read[key])
        return self._read[key]


def _options(spec: AuditSpec) -> DataOptions:
    return DataOptions(
        image_size=spec.image_size,
        mean=numbers_of(spec.mean, "--mean"),
        std=numbers_of(spec.std, "--std"),
        data_root=None if spec.data_root is None else Path(spec.data_root),
        slices=spec.slice,
        max_skipped=spec.max_skipped,
        input_columns=spec.input_columns,
        label_column=spec.label_column,
        class_names=None if spec.class_names is None else read_class_names(spec.class_names),
        download=spec.download,
    )


def _require_same_classes(data: Examples, train: Examples) -> None:
    """Names that are numbered by themselves are numbered otherwise where one is missing."""
    here, there = data.class_names, train.class_names
    if not here or not there or here == there or "named" in (data.ref.kind, train.ref.kind):
        return
    i = next((i for i, pair in enumerate(zip(here, there, strict=False)) if pair[0] != pair[1]), None)
    found = (
        f"{len(there)} against {len(here)}"
        if i is None
        else f"class {i} is {there[i]!r} there, {here[i]!r} here"
    )
    raise AlignmentError(
        f"expected the classes of {data.ref.location} in {train.ref.location}, found others: {found}",
        hint="state one order for both with --class-names FILE; class folders may be empty, but must all be there",
    )


def _same(view: Examples, data: Examples) -> Examples:
    """The examples of `data`, as another view of the same source has them, under the digest of `data`.

    Raises:
        AlignmentError: it has other ones.
    """
    if view.folder == data.folder:
        return data.under(view.preprocess)
    if len(view.whole) != len(data.whole) or not np.array_equal(view.whole.ids, data.whole.ids):
        raise AlignmentError(
            f"expected the same examples of {data.ref.location} at every size of pictures, found {len(view.whole):,} "
            f"and {len(data.whole):,} that do not go together",
            hint="the files changed while they were read; run again",
        )
    return view.whole.subset(data.positions).sharing(data.ref)


def _train_part(whole: Examples, parts: Split | None) -> Examples:
    return whole if parts is None else whole.subset(parts.train)


def _look_alikes(data: Examples, train: Examples) -> tuple[tuple[str, str], ...]:
    pairs = near_duplicates(data, train)
    return tuple((str(data.ids[pair.evaluation]), str(train.ids[pair.training])) for pair in pairs)


def _without(data: Examples, duplicates: Int64, train: Examples) -> Examples:
    left = np.setdiff1d(np.arange(len(data)), duplicates)
    if len(left) == 0:
        raise DataError(
            f"expected evaluation data that is not training data, found every one of {len(data):,} examples "
            f"of {data.ref.location} in {train.ref.location}",
            hint="give held-out data with --data, or --keep-duplicates where equal inputs are natural",
        )
    return data.subset(left)
