"""Options of an audit that cannot be: numbers out of range, and options that exclude each other."""

from __future__ import annotations

import re

from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.cluster import check_ray_options
from kdaudit.pipeline.label_options import refuse_with_unlabelled


def check_options(spec: AuditSpec) -> None:
    """Refuses what options alone tell, before any file is looked at.

    Raises:
        SpecError: a number out of its range, or options that exclude each other.
    """
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
    _check_split(spec)
    refuse_with_unlabelled(spec)
    check_ray_options(spec)
    for name in ("limit", "limit_train"):
        value = getattr(spec, name)
        if value is not None and value < 1:
            raise SpecError(f"expected --{name.replace('_', '-')} of at least 1, found {value}")
    for name in ("expect_teacher_accuracy", "expect_student_accuracy"):
        value = getattr(spec, name)
        if value is not None and not 0 < value <= 1:
            raise SpecError(
                f"expected --{name.replace('_', '-')} above 0 and at most 1, found {value:g}",
                hint="as a share: 0.95 for 95 %",
            )
    if spec.seed < 0:
        raise SpecError(f"expected --seed of at least 0, found {spec.seed}")
    if not re.fullmatch(r"auto|[1-9]\d*", spec.epochs):
        raise SpecError(f"expected --epochs auto or a number of at least 1, found {spec.epochs!r}")


def _check_split(spec: AuditSpec) -> None:
    if spec.split_eval is None:
        return
    if not 0 < spec.split_eval < 1:
        raise SpecError(
            f"expected --split-eval between 0 and 1, found {spec.split_eval:g}",
            hint="the share of the evaluation data to train controls on, such as 0.5",
        )
    for name in ("train_data", "control"):
        if getattr(spec, name):
            raise SpecError(
                f"expected no --split-eval with --{name.replace('_', '-')}, found both: the evaluation data are split "
                "where there is nothing else to train controls on"
            )
