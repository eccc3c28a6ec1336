"""From what the user says to what there is: models by digest, data by digest, and device."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kdaudit.data import Examples
from kdaudit.errors import AlignmentError, SpecError
from kdaudit.models.device import resolve_device
from kdaudit.models.identify import identify
from kdaudit.options import AuditSpec
from kdaudit.pipeline.ahead import Ahead, pays
from kdaudit.pipeline.label_map import read_label_map
from kdaudit.pipeline.option_checks import check_options
from kdaudit.pipeline.reading import Reader
from kdaudit.pipeline.store import Store
from kdaudit.pipeline.taken import Taken, taken_by
from kdaudit.protocols import Progress
from kdaudit.types import ModelRef, OutputKind, Role

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)?")
TRAIN = "train"
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that an audit starts from; `alternate_teacher` is None where none is given as a file.

    `data` and `train` are the examples as the first student takes them, `views` and `train_views` as every given model
    does, by its digest; `taken` says why. Models that are trained here take them as their student.
    """

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
    look_alikes: tuple[tuple[str, str], ...] = ()
    device: str
    precision: str
    time_limit_seconds: float
    taken: Mapping[str, Taken] = field(default_factory=dict)
    views: Mapping[str, Examples] = field(default_factory=dict)
    train_views: Mapping[str, Examples] = field(default_factory=dict)

    @property
    def given(self) -> tuple[ModelRef, ...]:
        """Every model that is a file."""
        alternate = () if self.alternate_teacher is None else (self.alternate_teacher,)
        return (self.teacher, *self.students, *self.ready, *alternate)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; of evaluation data without labels those of the training data."""
        return _class_names(self.data, self.train)

    def seen_by(self, model: ModelRef) -> Examples:
        """The evaluation examples as a model takes them."""
        return self.views.get(model.sha256, self.data)

    def preprocessing_of(self, model: ModelRef) -> str:
        """What is done to the inputs of a given model and who said so; '' where that was done elsewhere."""
        taken = self.taken.get(model.sha256)
        return "" if taken is None else taken.sentence(self.seen_by(model))

    def of_student(self, student: ModelRef) -> Setup:
        """The same, with everything as this student takes it: what its controls start from."""
        return replace(
            self,
            data=self.seen_by(student),
            train=self.train_views.get(student.sha256, self.train),
        )


def prepare(spec: AuditSpec, store: Store, *, progress: Progress, predicts: bool = False) -> Setup:
    """Look at every file and refuse what cannot be audited, before any control is trained.

    Args:
        spec: what to audit.
        store: what earlier runs kept.
        progress: whom to tell.
        predicts: whether all given models are to predict on the evaluation data: they begin while it is decoded.

    Raises:
        KDAuditError: models, data, device or options that do not work, each with what to do.
    """
    check_options(spec)
    time_limit_seconds = seconds_of(spec.time_limit)
    device = resolve_device(spec.device)
    teacher, students, ready, alternate = _models(spec)
    models = (teacher, *students, *ready, *filter(None, (alternate,)))
    taken = {model.sha256: taken_by(spec, model) for model in models}
    with _ahead(spec, store, [(m, taken[m.sha256]) for m in models] if predicts else [], device) as ahead:
        given = Reader(spec, store, progress=progress, ahead=ahead).all(students[0], taken)
    names = _class_names(given.data, given.train)
    (teacher,) = _aligned((teacher,), spec.teacher_label_map, names)
    students, ready = (_aligned(models, spec.student_label_map, names) for models in (students, ready))
    return Setup(
        spec=spec,
        store=store,
        teacher=teacher,
        students=students,
        ready=ready,
        alternate_teacher=alternate,
        data=given.data,
        train=given.train,
        no_train_reason="" if ready else given.no_train_reason,
        n_before_duplicates=given.n_before_duplicates,
        n_duplicates=given.n_duplicates,
        look_alikes=given.look_alikes,
        device=device,
        precision=_precision(spec, device),
        time_limit_seconds=time_limit_seconds,
        taken=taken,
        views=given.views,
        train_views=given.train_views,
    )


def prepare_one(spec: AuditSpec, store: Store, *, progress: Progress) -> tuple[ModelRef, Examples, str]:
    """The first student, the evaluation data and the device: what it takes to predict with one model.

    Raises:
        KDAuditError: model, data, device or options that do not work, each with what to do.
    """
    check_options(spec)
    device = resolve_device(spec.device)
    model = _like_student(spec, spec.students[0], Role.STUDENT)
    taken = taken_by(spec, model)
    with _ahead(spec, store, [(model, taken)], device) as ahead:
        reader = Reader(spec, store, progress=progress, ahead=ahead)
        data = reader.evaluation(taken)
    return _aligned((model,), spec.student_label_map, data.class_names)[0], reader.limited(data), device


def _ahead(spec: AuditSpec, store: Store, models: Sequence[tuple[ModelRef, Taken]], device: str) -> Ahead:
    """The models that predict while the evaluation data is decoded.

    None where only a part of the data is wanted, or where classes are renamed, for which their names must be known.
    """
    known_later = (spec.limit, spec.split_eval, spec.teacher_label_map, spec.student_label_map)
    if not pays(device) or not store.resume or any(option is not None for option in known_later):
        models = ()
    return Ahead(models, device=device, store=store)


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


def _class_names(data: Examples, train: Examples | None) -> tuple[str, ...]:
    return data.class_names or (() if data.has_labels or train is None else train.class_names)


def _aligned(
    models: tuple[ModelRef, ...], path: str | None, class_names: tuple[str, ...]
) -> tuple[ModelRef, ...]:
    if path is None:
        return models
    label_map = read_label_map(Path(path), class_names)
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


def _precision(spec: AuditSpec, device: str) -> str:
    if spec.precision != "auto":
        return spec.precision
    if device == "cpu":
        return "fp32"
    from kdaudit.controls.step import default_precision

    return default_precision(device)
