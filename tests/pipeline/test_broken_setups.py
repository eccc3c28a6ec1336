"""Every broken set-up ends inconclusive, or is refused; without these rules all of them would pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from kdaudit.errors import AlignmentError
from kdaudit.schema import AuditResult
from kdaudit.types import Int64, Outcome, RuleStatus
from tests.pipeline.conftest import Auditor
from tests.planted import World, flawed_world, logits_of, write_world


def outcome_of(result: AuditResult, rule: str) -> RuleStatus:
    """How a rule ended."""
    return next(row.outcome for row in result.rules if row.id == rule)


def reason_of(result: AuditResult, rule: str) -> str:
    """What a rule says."""
    return next(row.reason for row in result.rules if row.id == rule)


def rewired(world: World, name: str, change: object) -> World:
    """The world with the columns of one model's weight changed by `change(weight)`."""
    model = onnx.load(world.path(name))
    weight = numpy_helper.to_array(model.graph.initializer[0]).copy()
    changed = change(weight)  # type: ignore[operator]
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(changed, "w"))
    onnx.save(model, world.path(name))
    return world


def test_an_honest_student_passes(audited: Auditor, tmp_path: Path) -> None:
    """The reference: nothing is broken."""
    result = audited(flawed_world(tmp_path / "w", n=3000))
    assert result.verdict == Outcome.PASS, result.reason
    assert result.exit_code == 0


def test_a_misfed_teacher_is_inconclusive(audited: Auditor, tmp_path: Path) -> None:
    """A teacher that sees its inputs negated answers at random: no pass, and the hint says where to look."""
    result = audited(rewired(flawed_world(tmp_path / "w"), "teacher", lambda w: -w))
    assert Outcome.INCONCLUSIVE == result.verdict
    assert RuleStatus.UNDECIDED == outcome_of(result, "KD306")
    assert "less than halfway" in reason_of(result, "KD306")
    assert 1 == reason_of(result, "KD306").count("Check the teacher's preprocessing, class order and file.")


def test_a_weak_teacher_is_inconclusive_unless_it_is_allowed(audited: Auditor, tmp_path: Path) -> None:
    """Less than halfway from the majority class to the controls; --allow-weak-teacher lifts it."""
    world = flawed_world(tmp_path / "w", teacher_error=0.55, control_error=0.1)
    assert outcome_of(audited(world), "KD306") == RuleStatus.UNDECIDED
    assert outcome_of(audited(world, allow_weak_teacher=True), "KD306") == RuleStatus.PASS


def test_permuted_classes_are_inconclusive_and_named(audited: Auditor, tmp_path: Path) -> None:
    """The student's classes in another order: the hint names the permutation."""
    world = rewired(flawed_world(tmp_path / "w"), "student", lambda w: w[:, [1, 0, 3, 4, 2]])
    result = audited(world)
    assert result.verdict == Outcome.INCONCLUSIVE
    assert "permuted" in reason_of(result, "KD306")


def test_shifted_labels_are_named(audited: Auditor, tmp_path: Path) -> None:
    """Labels off by one for all models: the hint says so."""
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=800)
    off = labels + 1
    answers = {
        n: np.where(rng.random(800) < 0.1, 0, off) for n in ("teacher", "student", "control0", "control1")
    }
    logits = {n: logits_of(a, 5, rng) for n, a in answers.items()}
    result = audited(write_world(tmp_path / "w", labels, logits))
    assert result.verdict == Outcome.INCONCLUSIVE
    assert "shifted by +1" in reason_of(result, "KD306")


def test_labels_numbered_as_text_are_named_though_some_keep_their_number(
    audited: Auditor, tmp_path: Path
) -> None:
    """0, 1, 10, 11, 2 ...: all models beat the commonest class by two classes of twelve, and would pass."""
    rng = np.random.default_rng(0)
    labels = rng.integers(12, size=1500)
    as_text = np.argsort([str(c) for c in range(12)], kind="stable")
    answers = {
        n: np.where(rng.random(1500) < 0.1, rng.integers(12, size=1500), labels)
        for n in ("teacher", "student", "control0", "control1", "control2")
    }
    logits = {n: logits_of(a, 12, rng) for n, a in answers.items()}
    assert audited(write_world(tmp_path / "right", labels, logits)).verdict == Outcome.PASS
    result = audited(write_world(tmp_path / "w", as_text[labels], logits))
    assert result.verdict == Outcome.INCONCLUSIVE
    assert "The teacher teacher.onnx is right in 13.5%. Hint: the classes look permuted" in reason_of(
        result, "KD306"
    )


def test_a_constant_student_is_inconclusive(audited: Auditor, tmp_path: Path) -> None:
    """The same answer to everything."""

    def constant(weight: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
        return np.zeros_like(weight)

    result = audited(rewired(flawed_world(tmp_path / "w"), "student", constant))
    assert result.verdict == Outcome.INCONCLUSIVE
    assert "the same answer to every example" in reason_of(result, "KD306")


def test_a_random_student_is_inconclusive(audited: Auditor, tmp_path: Path) -> None:
    """No better than the commonest class."""
    world = rewired(
        flawed_world(tmp_path / "w"), "student", lambda w: w[np.random.default_rng(1).permutation(len(w))]
    )
    result = audited(world)
    assert result.verdict == Outcome.INCONCLUSIVE
    assert "no better than always giving the commonest class" in reason_of(result, "KD306")


def test_the_teacher_among_the_controls_is_refused(audited: Auditor, tmp_path: Path) -> None:
    """By equal predictions, whatever the file's digest is."""
    world = flawed_world(tmp_path / "w")
    model = onnx.load(world.path("teacher"))
    model.doc_string = "renamed"
    onnx.save(model, world.path("control0"))
    with pytest.raises(AlignmentError, match="puts out what teacher"):
        audited(world)


def test_unfit_controls_are_left_out_and_too_many_are_a_violation(audited: Auditor, tmp_path: Path) -> None:
    """One of ten random controls is left out and named; three of ten make the audit inconclusive."""
    world = flawed_world(tmp_path / "w", n=3000)
    scramble = np.random.default_rng(2)
    rewired(world, "control0", lambda w: w[scramble.permutation(len(w))])
    one = audited(world)
    assert one.n_controls == 9
    assert outcome_of(one, "KD301") == RuleStatus.PASS
    assert "control0.onnx" in reason_of(one, "KD301")
    assert [m.name for m in one.models if not m.fit] == ["control0.onnx"]
    for name in ("control1", "control2"):
        rewired(world, name, lambda w: w[scramble.permutation(len(w))])
    three = audited(world)
    assert three.verdict == Outcome.INCONCLUSIVE
    assert "3 of 10 controls are unfit" in reason_of(three, "KD301")


def test_controls_of_another_size_are_unmatched(audited: Auditor, tmp_path: Path) -> None:
    """A control with more parameters makes the set unmatched, unless that is accepted; the banner then says so."""
    world = flawed_world(tmp_path / "w", n=3000)
    model = onnx.load(world.path("control3"))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((1, 5), dtype=np.float32), "b"))
    model.graph.node[0].output[0] = "z"
    model.graph.node.append(onnx.helper.make_node("Add", ["z", "b"], ["logits"]))
    onnx.save(model, world.path("control3"))
    refused, accepted = audited(world), audited(world, unmatched_controls="ok")
    assert refused.verdict == Outcome.INCONCLUSIVE
    assert "control3.onnx has" in reason_of(refused, "KD301")
    assert accepted.verdict == Outcome.PASS
    assert "--unmatched-controls ok" in reason_of(accepted, "KD301")


@pytest.mark.parametrize(
    ("copied", "student_error", "verdict"),
    [
        (0.0, 0.05, Outcome.INCONCLUSIVE),  # far more accurate: neither pass nor fail
        (0.0, 0.40, Outcome.INCONCLUSIVE),  # far less accurate: no pass
        (0.6, 0.60, Outcome.FAIL),  # far less accurate, and it copies: the gap excuses nothing
    ],
)
def test_accuracy_gaps(
    audited: Auditor, tmp_path: Path, copied: float, student_error: float, verdict: Outcome
) -> None:
    """A gap above five points blocks PASS; a more accurate student cannot FAIL; a less accurate one can."""
    rng = np.random.default_rng(4)
    n, n_classes = 3000, 5
    labels = rng.integers(n_classes, size=n)

    def noisy(error: float) -> Int64:
        return np.where(
            rng.random(n) < error, (labels + rng.integers(1, n_classes, size=n)) % n_classes, labels
        )

    teacher = noisy(0.3)
    answers = {"teacher": teacher, "student": np.where(rng.random(n) < copied, teacher, noisy(student_error))}
    answers |= {f"control{k}": noisy(0.2) for k in range(10)}
    logits = {name: logits_of(a, n_classes, rng) for name, a in answers.items()}
    result = audited(write_world(tmp_path / "w", labels, logits))
    assert verdict == result.verdict, result.reason


def test_few_teacher_errors_stop_before_any_training(tmp_path: Path) -> None:
    """Below 20 teacher errors nothing is trained: the result says so, and what would do it all the same."""
    from kdaudit.options import AuditSpec
    from kdaudit.pipeline.audit import audit

    world = flawed_world(tmp_path / "w", n=300, teacher_error=0.03)
    other = flawed_world(tmp_path / "train", n=200, seed=9)
    spec = AuditSpec(
        teacher=world.path("teacher"),
        students=(world.path("student"),),
        data=world.data,
        train_data=other.data,
        cache_dir=str(tmp_path / "cache"),
        device="cpu",
    )
    (only,) = audit(spec)
    assert only.result.exit_code == 3
    assert "nothing was trained" in reason_of(only.result, "KD305")
    assert only.result.n_controls == 0


def test_groups_reach_the_tests(audited: Auditor, tmp_path: Path) -> None:
    """Examples that are copies of each other, named by `groups`, do not make the audit surer."""
    plain = flawed_world(tmp_path / "a", n=1000, copied=0.2)
    loaded = np.load(plain.data)
    groups = np.repeat(np.arange(100), 10)
    np.savez(plain.folder / "eval.npz", x=loaded["x"], y=loaded["y"], groups=groups)
    wide = audited(plain)
    np.savez(plain.folder / "eval.npz", x=loaded["x"], y=loaded["y"])
    narrow = audited(plain)
    assert wide.n_W is not None
    assert wide.kappa_W is not None
    assert narrow.kappa_W is not None
    assert wide.kappa_W.estimate == pytest.approx(narrow.kappa_W.estimate)
    assert wide.kappa_W.low90 != narrow.kappa_W.low90


def test_a_second_run_gives_the_same_numbers(audited: Auditor, tmp_path: Path) -> None:
    """Same inputs, same seed: everything but the times is equal, whether predictions were kept or not."""
    world = flawed_world(tmp_path / "w")
    first, second = audited(world), audited(world, resume=False)
    times = {"started": "", "seconds": 0.0}
    assert first.model_copy(update=times) == second.model_copy(update=times)
