"""The verdict on predictions that were made elsewhere: no model is loaded and nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kdaudit.judge_options import JudgeSpec
from kdaudit.options import AuditSpec
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.given import FEWEST_SEEDS, refuse_copies
from kdaudit.pipeline.judged import Audited, begin, judged
from kdaudit.pipeline.label_options import refuse_with_unlabelled
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.policy import waiver_notices
from kdaudit.pipeline.saved_predictions import ELSEWHERE, Judged, read_predictions
from kdaudit.pipeline.store import Store, cache_folder, open_store
from kdaudit.schema import Assumption
from kdaudit.types import Predictions, Role

_CONTROLS = (Role.INDEPENDENT, Role.RANDOM, Role.POSITIVE, Role.ALTERNATE_TEACHER, Role.ALTERNATE)
_LEARNT = {
    Role.RANDOM: ("Random controls", "noise"),
    Role.POSITIVE: ("Positive controls", "this teacher"),
    Role.ALTERNATE: ("Alternate controls", "another teacher"),
}


def judge_saved(
    files: JudgeSpec,
    spec: AuditSpec,
    *,
    notice: Callable[[str], None] = lambda _line: None,
    command: str = "",
) -> tuple[Audited, ...]:
    """Judge saved predictions as `audit` judges those that it made; three or more students are one audit.

    Args:
        files: whose predictions lie where.
        spec: the policy, slices and cache; what models and recipes it names is not looked at.
        notice: told once about each decision that the user may want to know, as a line of text.
        command: what the report gives as the way to reproduce it.

    Raises:
        KDAuditError: a file cannot be read, or does not go with the others.
    """
    refuse_with_unlabelled(spec, files)
    run = begin(spec, command)
    with open_store(cache_folder(spec), keep=spec.cache, resume=spec.resume) as store:
        given = read_predictions(files, spec, store)
        refuse_copies(given.predictions)
        controls = ControlSet(
            predictions=given.of(*_CONTROLS),
            unmatched=_unmatched(files),
            fidelity="controls given as predictions",
        )
        setup = _setup(spec, store, given)
        assumptions = tuple(_assumptions(files, spec, given))
        audits = tuple(
            judged(
                run,
                setup,
                (*given.of(Role.TEACHER), *group, *controls.predictions),
                controls,
                assumptions,
            )
            for group in _groups(given.of(Role.STUDENT))
        )
    for line in waiver_notices([audited.result.policy for audited in audits]):
        notice(line)
    return audits


def _groups(students: tuple[Predictions, ...]) -> Sequence[tuple[Predictions, ...]]:
    return [students] if len(students) >= FEWEST_SEEDS else [(student,) for student in students]


def _unmatched(files: JudgeSpec) -> str:
    """Why the controls may be no fair comparison: predictions do not show whose they are."""
    if files.controls_matched or not files.control:
        return ""
    return (
        "Predictions do not show whether the controls have the student's architecture, labels and schedule: if they "
        "do, say how with --controls-matched."
    )


def _setup(spec: AuditSpec, store: Store, given: Judged) -> Setup:
    alternate = next((p.model for p in given.of(Role.ALTERNATE_TEACHER)), None)
    (teacher,) = given.of(Role.TEACHER)
    return Setup(
        spec=spec,
        store=store,
        teacher=teacher.model,
        students=tuple(p.model for p in given.of(Role.STUDENT)),
        ready=tuple(p.model for p in given.of(Role.INDEPENDENT)),
        alternate_teacher=alternate,
        data=given.data,
        train=None,
        no_train_reason="",
        n_before_duplicates=0,
        n_duplicates=0,
        device=ELSEWHERE,
        precision="",
        time_limit_seconds=0.0,
    )


def _assumptions(files: JudgeSpec, spec: AuditSpec, given: Judged) -> Iterator[Assumption]:
    kinds = sorted({p.model.output.value for p in given.predictions})
    yield Assumption(
        what="Outputs", value=f"{' and '.join(kinds)}, as the files name them", known_from="verified"
    )
    yield Assumption(
        what="Examples",
        value="aligned by their ids" if given.by_ids else "aligned by position: not every file has ids",
        known_from="verified" if given.by_ids else "stated",
    )
    if given.of(Role.INDEPENDENT):
        yield Assumption(
            what="Controls",
            value="given as predictions; that they saw no teacher is the user's word",
            known_from="stated",
        )
        yield Assumption(
            what="Match of the controls",
            value=files.controls_matched or "not stated",
            known_from="stated" if files.controls_matched else "unknown",
        )
    for role, (what, source) in _LEARNT.items():
        if given.of(role):
            yield Assumption(
                what=what,
                value=f"given as predictions; that they learnt from {source} is the user's word",
                known_from="stated",
            )
    if len(given.of(Role.STUDENT)) >= FEWEST_SEEDS:
        yield Assumption(what="Students", value="seeds of one recipe, judged together", known_from="stated")
    if spec.allow_weak_teacher:
        yield Assumption(what="Weak teacher", value="accepted: --allow-weak-teacher", known_from="stated")
