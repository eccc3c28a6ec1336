"""From what the user says to what there is: models by digest, data by digest, and device."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kdaudit.data import DataOptions, Examples, Limit, load_data
from kdaudit.data.duplicates import duplicate_positions
from kdaudit.data.subset import limited
from kdaudit.errors import AlignmentError, DataError, SpecError
from kdaudit.models.device import resolve_device
from kdaudit.models.identify import identify
from kdaudit.options import AuditSpec
from kdaudit.pipeline.label_map import read_label_map
from kdaudit.pipeline.store import Store
from kdaudit.protocols import Progress
from kdaudit.types import ModelRef, OutputKind, Role

# The training split that lies beside a named evaluation split.
TRAINING_SPLITS = {"imagenet-val": "imagenet-train", "fashion-mnist:test": "fashion-mnist:train"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
TRAIN = "train"
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that an audit starts from; `alternate_teacher` is None where none is given as a file."""

    spec: AuditSpec
    store: Store
    teacher: ModelRef
    students: tuple[ModelRef, ...]
    ready: tuple[ModelRef, ...]
    alternate_teacher: ModelRef | None
    data: Examples
    train: Examples | None
    no_train_reason: str
    n_before_duplicates: int
    n_duplicates: int
    device: str
    precision: str
    time_limit_seconds: float


def prepare(spec: AuditSpec, store: Store, *, progress: Progress) -> Setup:
    """Look at every file and refuse what cannot be audited, before anything is computed.

    Raises:
        KDAuditError: models, data, device or options that do not work, each with what to do.
    """
    _check(spec)
    time_limit_seconds = seconds_of(spec.time_limit)
    device = resolve_device(spec.device)
    teacher, students, ready, alternate = _models(spec)
    data = load_data(spec.data, cache=store.root, options=_data_options(spec), progress=progress)
    _require_slices(spec, data)
    (teacher,) = _aligned((teacher,), spec.teacher_label_map, data)
    students, ready = (_aligned(models, spec.student_label_map, data) for models in (students, ready))
    train, no_train_reason = _training_data(spec, store, progress)
    n_before, duplicates = 0, np.empty(0, dtype=np.int64)
    if train is not None:
        n_before, duplicates = len(data), duplicate_positions(data, train.whole)
        if len(duplicates) and not spec.keep_duplicates:
            data = _without(data, duplicates, train)
    data = _limited(spec, data)  # not while reading: what is left out as a duplicate must not count
    return Setup(
        spec=spec,
        store=store,
        teacher=teacher,
        students=students,
        ready=ready,
        alternate_teacher=alternate,
        data=data,
        train=train,
        no_train_reason="" if ready else no_train_reason,
        n_before_duplicates=n_before,
        n_duplicates=len(duplicates),
        device=device,
        precision=_precision(spec, device),
        time_limit_seconds=time_limit_seconds,
    )


def prepare_one(spec: AuditSpec, store: Store, *, progress: Progress) -> tuple[ModelRef, Examples, str]:
    """The first student, the evaluation data and the device: what it takes to predict with one model.

    Raises:
        KDAuditError: model, data, device or options that do not work, each with what to do.
    """
    _check(spec)
    device = resolve_device(spec.device)
    model = _like_student(spec, spec.students[0], Role.STUDENT)
    data = load_data(spec.data, cache=store.root, options=_data_options(spec), progress=progress)
    _require_slices(spec, data)
    return _aligned((model,), spec.student_label_map, data)[0], _limited(spec, data), device


def _limited(spec: AuditSpec, data: Examples) -> Examples:
    if spec.limit is None or spec.limit >= len(data):
        return data
    return data.subset(limited(data.labels, Limit(n=spec.limit, seed=spec.seed)))


def seconds_of(duration: str) -> float:
    """Seconds of '90m', '12h', '30s', '1.5d'; a bare number is hours.

    Raises:
        SpecError: another form.

    >>> seconds_of("90m")
    5400.0
    """
    match = _DURATION.fullmatch(duration.strip())
    if match is None:
        raise SpecError(f"expected a time limit like 90m, 12h or 2d, found {duration!r}")
    return float(match[1]) * _UNIT_SECONDS[match[2] or "h"]


def stated_epochs(spec: AuditSpec) -> int | None:
    """How many epochs controls are trained for; None where a pilot is to choose."""
    return None if spec.epochs == "auto" else int(spec.epochs)


def _check(spec: AuditSpec) -> None:
    for name, least in (
        ("controls", 0),
        ("random_controls", 0),
        ("positive_controls", 0),
        ("alternate_controls", 0),
        ("max_examples", 0),
        ("workers", 0),
    ):
        if getattr(spec, name) is not None and getattr(spec, name) < least:
            raise SpecError(
                f"expected --{name.replace('_', '-')} of at least {least}, found {getattr(spec, name)}"
            )
    for name in ("limit", "limit_train"):
        value = getattr(spec, name)
        if value is not None and value < 1:
            raise SpecError(f"expected --{name.replace('_', '-')} of at least 1, found {value}")
    if spec.seed < 0:
        raise SpecError(f"expected --seed of at least 0, found {spec.seed}")
    if not re.fullmatch(r"auto|[1-9]\d*", spec.epochs):
        raise SpecError(f"expected --epochs auto or a number of at least 1, found {spec.epochs!r}")


def n_alternate(spec: AuditSpec) -> int:
    """How many controls learn from the alternate teacher."""
    return 0 if spec.alternate_teacher is None else spec.alternate_controls


def _models(
    spec: AuditSpec,
) -> tuple[ModelRef, tuple[ModelRef, ...], tuple[ModelRef, ...], ModelRef | None]:
    teacher = identify(
        spec.teacher,
        role=Role.TEACHER,
        name=Path(spec.teacher).name,
        output=OutputKind(spec.teacher_output),
        arch=spec.teacher_arch,
        arch_args=spec.teacher_arch_args,
        trust_pickle=spec.trust_pickle,
    )
    students = tuple(_like_student(spec, path, Role.STUDENT) for path in spec.students)
    ready = tuple(_like_student(spec, path, Role.INDEPENDENT) for path in spec.control)
    alternate = _alternate_teacher(spec)
    refuse_one_file_twice((teacher, *students, *ready, *(() if alternate is None else (alternate,))))
    return teacher, students, ready, alternate


def refuse_one_file_twice(models: Iterable[ModelRef]) -> None:
    """Models must differ by their digests.

    Raises:
        AlignmentError: two are one file.
    """
    seen: dict[str, str] = {}
    for model in models:
        if model.sha256 in seen:
            raise AlignmentError(
                f"expected different models, found {model.path} equal to {seen[model.sha256]}",
                hint="an audit needs a teacher, a student and controls that were trained apart from each other",
            )
        seen[model.sha256] = f"the {model.role} {model.path}"


def _alternate_teacher(spec: AuditSpec) -> ModelRef | None:
    if spec.alternate_teacher is None:
        return None
    if spec.control:
        raise SpecError(
            "expected no --alternate-teacher with --control, found both: with ready-made controls nothing is trained",
            hint="leave --control out, or train alternate controls elsewhere too and give predictions to kdaudit judge",
        )
    if spec.alternate_teacher == TRAIN:
        return None
    return identify(
        spec.alternate_teacher,
        role=Role.ALTERNATE_TEACHER,
        name=Path(spec.alternate_teacher).name,
        output=OutputKind(spec.alternate_teacher_output),
        arch=spec.alternate_teacher_arch,
        arch_args=None,
        trust_pickle=spec.trust_pickle,
    )


def _aligned(models: tuple[ModelRef, ...], path: str | None, data: Examples) -> tuple[ModelRef, ...]:
    if path is None:
        return models
    label_map = read_label_map(Path(path), data.class_names)
    return tuple(replace(model, label_map=label_map) for model in models)


def _like_student(spec: AuditSpec, path: str, role: Role) -> ModelRef:
    name = Path(path).name
    return identify(
        path,
        role=role,
        name=name,
        output=OutputKind(spec.student_output),
        arch=spec.student_arch,
        arch_args=spec.arch_args,
        trust_pickle=spec.trust_pickle,
    )


def _data_options(spec: AuditSpec) -> DataOptions:
    return DataOptions(
        image_size=spec.image_size,
        mean=_numbers(spec.mean, "--mean"),
        std=_numbers(spec.std, "--std"),
        data_root=None if spec.data_root is None else Path(spec.data_root),
        slices=spec.slice,
    )


def _require_slices(spec: AuditSpec, data: Examples) -> None:
    if missing := [name for name in spec.slice if name not in data.columns]:
        raise SpecError(
            f"expected a column {missing[0]!r} in {spec.data} for --slice, found none",
            hint="store it in the .npz beside x and y: one text or whole number for each example",
        )


def _numbers(text: str | None, option: str) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as failure:
        raise SpecError(f"expected numbers for {option}, like .485,.456,.406, found {text!r}") from failure


def _training_data(spec: AuditSpec, store: Store, progress: Progress) -> tuple[Examples | None, str]:
    limit = None if spec.limit_train is None else Limit(n=spec.limit_train, seed=spec.seed)
    options = replace(_data_options(spec), limit=limit)
    location = spec.train_data or TRAINING_SPLITS.get(spec.data)
    if location is None:
        return None, "No training data was given: add --train-data, or ready-made controls with --control."
    try:
        train = load_data(location, cache=store.root, options=options, progress=progress)
    except DataError as failure:
        if spec.train_data is not None:
            raise
        return None, f"The training split {location} is not there: {failure.message}."
    return train, ""


def _without(
    data: Examples, duplicates: np.ndarray[tuple[int], np.dtype[np.int64]], train: Examples
) -> Examples:
    left = np.setdiff1d(np.arange(len(data)), duplicates)
    if len(left) == 0:
        raise DataError(
            f"expected evaluation data that is not training data, found every one of {len(data):,} examples "
            f"of {data.ref.location} in {train.ref.location}",
            hint="give held-out data with --data, or --keep-duplicates where equal inputs are natural",
        )
    return data.subset(left)


def _precision(spec: AuditSpec, device: str) -> str:
    if spec.precision != "auto":
        return spec.precision
    if device == "cpu":
        return "fp32"
    from kdaudit.controls.step import default_precision

    return default_precision(device)
