"""Two audits of one teacher on the same examples: what changed. Refuses audits that cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from kdaudit.data import Examples
from kdaudit.errors import AlignmentError
from kdaudit.pipeline.saved import SavedAudit
from kdaudit.schema import METHOD_VERSION, ChangedError
from kdaudit.stats.inherited import is_inherited
from kdaudit.stats.knowledge import kappa
from kdaudit.stats.paired import Side, Sides, accuracy_change, on_same_controls, rise
from kdaudit.stats.sample import MIN_CONTROLS, Sample, Stratum
from kdaudit.types import Bool, Change, Int32, Int64, Role, RuleStatus

FEWEST_COMMON = 100
MOST_OTHER_ANSWERS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What one audit says of its examples, as far as another can be compared with it.

    answers (m, n), the teacher's first; digests (m,) of the models; students and controls are rows, controls those
    that are independent and fit. unfit: why the audit was not fit for a verdict; '' if it was, or is not judged yet.
    """

    method_version: str
    class_names: tuple[str, ...]
    ids: npt.NDArray[np.str_]
    labels: Int64
    groups: Int64 | None
    answers: Int32
    digests: tuple[str, ...]
    students: tuple[int, ...]
    controls: tuple[int, ...]
    unfit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Common:
    """Positions of the examples of both audits, in the order of the new one, and how many others there are."""

    before: Int64
    after: Int64
    n_only_before: int
    n_only_after: int
    n_other_answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the students of one audit stand on the common examples, and against how many controls."""

    kappa_W: float | None  # noqa: N815 - the method's name
    accuracy: float
    n_controls: int
    n_inherited: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """What changed, in numbers and in inherited errors; `n_kept` of these are listed by both audits."""

    common: Common
    change: Change
    shared_controls: bool
    before: Standing
    after: Standing
    n_kept: int
    new_errors: tuple[ChangedError, ...]
    gone_errors: tuple[ChangedError, ...]


def answers_of(sample: Sample, data: Examples) -> Answers:
    """What an audit that is under way says of its examples."""
    panel = sample.panel
    return Answers(
        method_version=METHOD_VERSION,
        class_names=data.class_names,
        ids=data.units.ids,
        labels=panel.labels,
        groups=panel.groups,
        answers=panel.answers,
        digests=tuple(model.sha256 for model in panel.models),
        students=sample.students,
        controls=sample.independent,
    )


def saved_answers(saved: SavedAudit) -> Answers:
    """What a saved audit says of its examples.

    Raises:
        AlignmentError: it has no labels.
    """
    result = saved.result
    if saved.labels is None:
        raise AlignmentError(
            f"expected labels in both audits, found none in that of {', '.join(result.students)}",
            hint="what changed is counted in errors; audit on labelled data, without --unlabelled",
        )
    roles = [model.role if model.fit else "unfit" for model in result.models]
    unfit = [rule.reason for rule in result.rules if rule.fitness and rule.outcome is RuleStatus.UNDECIDED]
    return Answers(
        method_version=result.method_version,
        class_names=result.data.class_names,
        ids=saved.ids,
        labels=saved.labels,
        groups=saved.groups,
        answers=saved.answers,
        digests=tuple(model.sha256 for model in result.models),
        students=tuple(row for row, role in enumerate(roles) if role == Role.STUDENT.value),
        controls=tuple(row for row, role in enumerate(roles) if role == Role.INDEPENDENT.value),
        unfit=" ".join(unfit),
    )


def common_examples(before: Answers, after: Answers) -> Common:
    """The examples that both audits saw, by id, where the teacher gives the same answer in both.

    Raises:
        AlignmentError: the audits cannot be compared: another major version of the method, another teacher, other
            classes or labels, fewer than 100 common examples, or a teacher that answers over 1 % of them otherwise.
    """
    _require_one_setting(before, after)
    ids, at_before, at_after = np.intersect1d(before.ids, after.ids, return_indices=True)
    order = np.argsort(at_after)
    ids, at_before, at_after = ids[order], at_before[order], at_after[order]
    if len(ids) < FEWEST_COMMON:
        raise AlignmentError(
            f"expected at least {FEWEST_COMMON} examples of both audits, found {len(ids):,} of the "
            f"{len(before.ids):,} ids of the earlier one among the {len(after.ids):,} of the new one",
            hint="audit both students on the same data; examples are matched by their ids",
        )
    other = before.labels[at_before] != after.labels[at_after]
    if other.any():
        raise AlignmentError(
            f"expected the same labels in both audits, found other ones for {int(other.sum()):,} of {len(ids):,} "
            f"examples, such as {ids[other][0]}",
            hint="other labels make other teacher errors: audit the earlier student again on the new data",
        )
    same = before.answers[0, at_before] == after.answers[0, at_after]
    n_other = int((~same).sum())
    if n_other > MOST_OTHER_ANSWERS * len(ids):
        raise AlignmentError(
            f"expected the teacher to answer alike in both audits, found other answers to {n_other:,} of {len(ids):,} "
            "examples",
            hint="its inputs or their preprocessing changed: audit the earlier student again as they are now",
        )
    return Common(
        before=at_before[same].astype(np.int64),
        after=at_after[same].astype(np.int64),
        n_only_before=len(before.ids) - len(ids),
        n_only_after=len(after.ids) - len(ids),
        n_other_answers=n_other,
    )


def compared(before: Answers, after: Answers) -> Compared:
    """What changed from one audit to the other.

    Raises:
        AlignmentError: they cannot be compared; see `common_examples`.
    """
    common = common_examples(before, after)
    labels = after.labels[common.after]
    given = [before.answers[:, common.before], after.answers[:, common.after]]
    groups = _groups(before, after, common)
    wrong = given[1][0] != labels
    knowledge = on_same_controls(
        Sides(
            before=_side(before, given[0][:, wrong] == given[0][0, wrong], groups, wrong),
            after=_side(after, given[1][:, wrong] == given[1][0, wrong], groups, wrong),
        )
    )
    correct = Sides(
        before=_side(before, given[0] == labels, groups, None),
        after=_side(after, given[1] == labels, groups, None),
    )
    change = Change(
        n=len(labels),
        n_W=knowledge.after.stratum.n_units,
        before=_kappa(knowledge.before.stratum),
        after=_kappa(knowledge.after.stratum),
        rise=rise(knowledge),
        accuracy=accuracy_change(correct),
        unfit=before.unfit,
    )
    was, now = (_listed(side.stratum, wrong) for side in (knowledge.before, knowledge.after))
    return Compared(
        common=common,
        change=change,
        shared_controls=knowledge.before.controls == knowledge.after.controls,
        before=_standing(knowledge.before, correct.before, was),
        after=_standing(knowledge.after, correct.after, now),
        n_kept=len(np.intersect1d(was, now)),
        new_errors=tuple(_errors(before, after, common, np.setdiff1d(now, was))),
        gone_errors=tuple(_errors(before, after, common, np.setdiff1d(was, now))),
    )


def _require_one_setting(before: Answers, after: Answers) -> None:
    versions = [audit.method_version for audit in (before, after)]
    if versions[0].partition(".")[0] != versions[1].partition(".")[0]:
        raise AlignmentError(
            f"expected one version of the method, found {versions[0]} in the earlier audit and {versions[1]} in the "
            "new one",
            hint="audit the earlier student again with this version of kdaudit",
        )
    teachers = [audit.digests[0] for audit in (before, after)]
    if teachers[0] != teachers[1]:
        raise AlignmentError(
            f"expected the same teacher in both audits, found {teachers[0][:8]} in the earlier one and "
            f"{teachers[1][:8]} in the new one",
            hint="wrong knowledge is that of one teacher: audit the earlier student against the new teacher",
        )
    names = [audit.class_names for audit in (before, after)]
    if all(names) and names[0] != names[1]:
        first = next(pair for pair in zip_longest(*names, fillvalue="none") if pair[0] != pair[1])
        raise AlignmentError(
            f"expected the same classes in both audits, found {first[0]!r} in the earlier one where the new one has "
            f"{first[1]!r}",
            hint="audit the earlier student again on the new data",
        )


def _groups(before: Answers, after: Answers, common: Common) -> Int64 | None:
    """The clusters of the common examples, as the new audit has them, or else the earlier one."""
    if after.groups is not None:
        return after.groups[common.after]
    return None if before.groups is None else before.groups[common.before]


def _side(audit: Answers, rows: Bool, groups: Int64 | None, members: Bool | None) -> Side:
    """One audit's rows of the examples at `members`; None: of all."""
    return Side(
        stratum=Stratum(
            students=rows[list(audit.students)],
            controls=rows[list(audit.controls)],
            groups=groups if groups is None or members is None else groups[members],
        ),
        students=tuple(audit.digests[row] for row in audit.students),
        controls=tuple(audit.digests[row] for row in audit.controls),
    )


def _kappa(stratum: Stratum) -> float | None:
    return kappa("kappa_W", stratum).estimate


def _standing(knowledge: Side, correct: Side, listed: Int64) -> Standing:
    return Standing(
        kappa_W=_kappa(knowledge.stratum),
        accuracy=float(correct.stratum.students.mean()),
        n_controls=len(knowledge.controls),
        n_inherited=len(listed),
    )


def _listed(stratum: Stratum, wrong: Bool) -> Int64:
    """Positions of the inherited errors among the common examples; none where controls are too few to tell."""
    if len(stratum.controls) < MIN_CONTROLS:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(wrong)[is_inherited(stratum)]


def _errors(before: Answers, after: Answers, common: Common, positions: Int64) -> Iterator[ChangedError]:
    for was, now in zip(common.before[positions], common.after[positions], strict=True):
        yield ChangedError(
            id=str(after.ids[now]),
            label=int(after.labels[now]),
            answer=int(after.answers[0, now]),
            before=_commonest(before.answers[list(before.students), was]),
            after=_commonest(after.answers[list(after.students), now]),
        )


def _commonest(answers: Int32) -> int:
    return int(np.bincount(answers).argmax())
