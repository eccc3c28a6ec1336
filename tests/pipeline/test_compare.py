"""What changed between two audits, and which audits cannot be compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from kdaudit.errors import AlignmentError
from kdaudit.pipeline.changes import compare
from kdaudit.pipeline.saved import SavedAudit
from kdaudit.schema import LimitChange, PolicyRecord
from kdaudit.types import Int64, Outcome, RuleStatus
from tests.factories import rule
from tests.pipeline.saved_audits import saved
from tests.stats.test_paired import pair

N = 200


def rows_of(student: list[int]) -> Int64:
    """200 examples: the teacher is wrong on the first 60, four controls never; the student repeats those listed."""
    labels, teacher = np.zeros(N, dtype=np.int64), np.zeros(N, dtype=np.int64)
    teacher[:60] = 1
    answers, right = labels.copy(), labels.copy()
    answers[student] = 1
    controls = [right.copy() for _ in range(4)]
    for k, control in enumerate(controls):
        control[100 + k] = 2
    return np.array([labels, teacher, answers, *controls])


def audits(
    copied: tuple[float, float], *, same: bool = True, n: int = 2000, seed: int = 3
) -> list[SavedAudit]:
    """Two audits whose students copy so much, against ten controls."""
    rng = np.random.default_rng(seed)
    before, after = pair(rng, n=n, k=10, seed_sd=0.1, same=same, copied=copied)
    return [
        saved(before, student="old", controls="c" if same else "d"),
        saved(after, student="new", controls="c"),
    ]


def test_new_gone_and_kept_errors_by_hand() -> None:
    """Each with its label, the teacher's answer and both students'; the counts add up."""
    found = compare(
        saved(rows_of(list(range(10))), student="old"), saved(rows_of(list(range(5, 20))), student="new")
    )
    assert [str(i) for i in range(10, 20)] == [error.id for error in found.new_errors]
    assert [str(i) for i in range(5)] == [error.id for error in found.gone_errors]
    assert (5, 10, 15) == (found.n_kept, found.before.n_inherited, found.after.n_inherited)
    first = found.new_errors[0]
    assert (0, 1, 0, 1) == (first.label, first.answer, first.before, first.after)
    assert (10 / 60, 15 / 60) == pytest.approx((found.before.kappa_W, found.after.kappa_W))
    assert 5 / 60 == pytest.approx(found.rise.estimate)
    assert (N, 60) == (found.n, found.n_W)
    assert -5 / N == pytest.approx(found.accuracy.estimate)


@pytest.mark.parametrize("same", [True, False])
def test_a_student_that_copies_more_is_a_regression_planted(same: bool) -> None:
    """Exit 1, with the reason; the other way round it is none."""
    before, after = audits((0.0, 0.3), same=same)
    worse, better = compare(before, after), compare(after, before)
    assert ("regression", 1) == (worse.outcome, worse.exit_code)
    assert "more than another seed explains" in worse.reason
    assert ("shared" if same else "separate") == worse.controls
    assert ("no_regression", 0) == (better.outcome, better.exit_code)


@pytest.mark.parametrize("same", [True, False])
def test_two_honest_students_are_no_regression_null(same: bool) -> None:
    """Exit 0."""
    found = compare(*audits((0.0, 0.0), same=same))
    assert ("no_regression", 0) == (found.outcome, found.exit_code)
    assert "The verdict is PASS, as before." in found.reason


def test_examples_are_matched_by_id() -> None:
    """In another order, and with examples that only one audit saw: only the common ones count."""
    before, after = audits((0.0, 0.2))
    order = np.random.default_rng(1).permutation(2000)
    shuffled = _part(before, order)
    assert compare(before, after) == compare(shuffled, after)
    few = compare(_part(before, order[:1500]), _part(after, np.arange(1000, 2000)))
    common = set(order[:1500].tolist()) & set(range(1000, 2000))
    assert (len(common), 1500 - len(common), 1000 - len(common)) == (
        few.n,
        few.n_only_before,
        few.n_only_after,
    )


def test_examples_that_the_teacher_answers_otherwise_are_left_out() -> None:
    """Up to 1 % of them: another device rounds otherwise."""
    before, after = audits((0.0, 0.2))
    answers = before.answers.copy()
    answers[0, :20] = (answers[0, :20] + 1) % 4
    found = compare(dataclasses.replace(before, answers=answers), after)
    assert (1980, 20) == (found.n, found.n_other_answers)


def test_groups_of_either_audit_count() -> None:
    """Groups of 2,000 examples make the interval wider and teacher errors fewer; those of the new audit are taken."""
    before, after = audits((0.0, 0.2))
    groups = np.arange(2000) // 20
    plain = compare(before, after)
    by_old = compare(dataclasses.replace(before, groups=groups), after)
    by_new = compare(
        dataclasses.replace(before, groups=groups * 0), dataclasses.replace(after, groups=groups)
    )
    assert by_old == by_new
    assert by_old.n_W < plain.n_W


def test_a_worse_verdict_is_a_regression() -> None:
    """From pass to fail, whatever kappa_W does."""
    before, after = audits((0.0, 0.0))
    failed = dataclasses.replace(after, result=after.result.model_copy(update={"verdict": Outcome.FAIL}))
    found = compare(before, failed)
    assert ("regression", 1) == (found.outcome, found.exit_code)
    assert "The verdict went from PASS to FAIL." in found.reason


@pytest.mark.parametrize("which", ["earlier", "new"])
def test_an_unfit_audit_is_inconclusive(which: str) -> None:
    """Its numbers mean nothing; exit 0."""
    both = audits((0.0, 0.3))
    broken = rule(
        "KD306", RuleStatus.UNDECIDED, "Sane", "The teacher is constant.", level="error", fitness=True
    )
    position = ["earlier", "new"].index(which)
    result = both[position].result.model_copy(update={"rules": (broken,), "verdict": Outcome.INCONCLUSIVE})
    both[position] = dataclasses.replace(both[position], result=result)
    found = compare(*both)
    assert ("inconclusive", 0) == (found.outcome, found.exit_code)
    assert f"The {which} audit was not fit for a verdict: The teacher is constant." in found.reason


def test_two_controls_are_inconclusive() -> None:
    """No test, and no list of inherited errors."""
    before, after = audits((0.0, 0.3))
    found = compare(_part_models(before, 4), _part_models(after, 4))
    assert ("inconclusive", 0, ()) == (found.outcome, found.exit_code, found.new_errors)
    assert "2 controls: differences only" in found.reason


def test_controls_that_were_left_out_as_unfit_do_not_count() -> None:
    """As in the audit itself."""
    before, after = audits((0.0, 0.3))
    models = [m.model_copy(update={"fit": m.name != "c9"}) for m in after.result.models]
    result = after.result.model_copy(update={"models": tuple(models)})
    found = compare(_part_models(before, 11), dataclasses.replace(after, result=result))
    assert (9, 9) == (found.before.n_controls, found.after.n_controls)


def test_the_limits_are_those_of_the_new_audit() -> None:
    """A rise that its policy allows is none."""
    before, after = audits((0.0, 0.3))
    changes = (
        LimitChange(name="m_rise", value=0.6, preset=0.05),
        LimitChange(name="m_pass", value=1.0, preset=0.2),
        LimitChange(name="min_stratum", value=30.0, preset=20),
    )
    lenient = after.result.model_copy(update={"policy": PolicyRecord(changed_limits=changes)})
    assert "regression" == compare(before, after).outcome
    found = compare(before, dataclasses.replace(after, result=lenient))
    assert ("no_regression", 0.6) == (found.outcome, found.margin)


def _part(audit: SavedAudit, positions: Int64) -> SavedAudit:
    assert audit.labels is not None
    return dataclasses.replace(
        audit,
        ids=audit.ids[positions],
        labels=audit.labels[positions],
        answers=audit.answers[:, positions],
        result=audit.result.model_copy(update={"n": len(audit.ids)}),
    )


def _part_models(audit: SavedAudit, n_models: int) -> SavedAudit:
    return dataclasses.replace(
        audit,
        answers=audit.answers[:n_models],
        result=audit.result.model_copy(update={"models": audit.result.models[:n_models]}),
    )


def _other_teacher(audit: SavedAudit) -> SavedAudit:
    first, *others = audit.result.models
    models = (first.model_copy(update={"sha256": "f" * 64}), *others)
    return dataclasses.replace(audit, result=audit.result.model_copy(update={"models": models}))


def _other_classes(audit: SavedAudit) -> SavedAudit:
    data = audit.result.data.model_copy(update={"class_names": ("cat", "cow", "owl", "bat")})
    return dataclasses.replace(audit, result=audit.result.model_copy(update={"data": data}))


def _fewer_classes(audit: SavedAudit) -> SavedAudit:
    data = audit.result.data.model_copy(update={"class_names": ("cat", "dog", "owl")})
    return dataclasses.replace(audit, result=audit.result.model_copy(update={"data": data}))


def _other_method(audit: SavedAudit) -> SavedAudit:
    return dataclasses.replace(audit, result=audit.result.model_copy(update={"method_version": "2.0"}))


def _other_labels(audit: SavedAudit) -> SavedAudit:
    assert audit.labels is not None
    labels = audit.labels.copy()
    labels[7] = (labels[7] + 1) % 4
    return dataclasses.replace(audit, labels=labels)


def _other_ids(audit: SavedAudit) -> SavedAudit:
    return dataclasses.replace(
        audit, ids=np.array([f"x{i}" if i > 98 else str(i) for i in range(len(audit.ids))])
    )


def _other_inputs(audit: SavedAudit) -> SavedAudit:
    answers = audit.answers.copy()
    answers[0, :21] = (answers[0, :21] + 1) % 4
    return dataclasses.replace(audit, answers=answers)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            _other_method,
            "expected one version of the method, found 1.1 in the earlier audit and 2.0 in the new one",
        ),
        (
            _other_teacher,
            "expected the same teacher in both audits, found teacher in the earlier one and ffffffff",
        ),
        (_other_classes, "found 'dog' in the earlier one where the new one has 'cow'"),
        (_fewer_classes, "found 'bat' in the earlier one where the new one has 'none'"),
        (
            _other_labels,
            "expected the same labels in both audits, found other ones for 1 of 2,000 examples, such as 7",
        ),
        (
            _other_ids,
            "expected at least 100 examples of both audits, found 99 of the 2,000 ids of the earlier one",
        ),
        (
            _other_inputs,
            "expected the teacher to answer alike in both audits, found other answers to 21 of 2,000",
        ),
    ],
)
def test_audits_that_cannot_be_compared_are_refused_invalid(
    change: Callable[[SavedAudit], SavedAudit], said: str
) -> None:
    """With the reason and what to do; exit 2."""
    before, after = audits((0.0, 0.0))
    with pytest.raises(AlignmentError, match=said) as raised:
        compare(before, change(after))
    assert 2 == raised.value.exit_code
    assert "audit the earlier student" in str(raised.value.hint) or "the same data" in str(raised.value.hint)


def test_audits_without_class_names_can_be_compared() -> None:
    """Unknown names are not other names."""
    before, after = audits((0.0, 0.0))
    data = before.result.data.model_copy(update={"class_names": ()})
    unnamed = dataclasses.replace(before, result=before.result.model_copy(update={"data": data}))
    assert "no_regression" == compare(unnamed, after).outcome
