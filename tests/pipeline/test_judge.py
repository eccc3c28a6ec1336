"""Predictions that were made elsewhere: the same verdict as of an audit, rows aligned, and no invented facts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import AlignmentError, DataError, ModelError, SpecError
from kdaudit.judge_options import JudgeSpec
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.pipeline.judge_saved import judge_saved
from kdaudit.pipeline.judged import Audited
from kdaudit.pipeline.predict_one import predict_one, save_predictions
from kdaudit.policy.explanations import EXPLANATIONS
from kdaudit.render import render
from kdaudit.schema import AuditResult
from kdaudit.types import Outcome, RuleStatus
from tests.planted import flawed_world
from tests.predictions import N_CLASSES, SavedWorld, saved_world, write_csv

Judge = Callable[..., AuditResult]
MATCHED = "same script, other seeds"


@pytest.fixture
def world(tmp_path: Path) -> SavedWorld:
    """A student that repeats half of its teacher's answers."""
    return saved_world(tmp_path / "saved", copied=0.5)


@pytest.fixture
def judged(world: SavedWorld, tmp_path: Path) -> Judge:
    """`judged(**files)`: the document of judging the world's files; what is given overrides."""

    def run(spec: dict[str, object] | None = None, **changed: object) -> AuditResult:
        (only,) = several(world, tmp_path, spec, **changed)
        return only.result

    return run


def several(
    world: SavedWorld, folder: Path, spec: dict[str, object] | None = None, **changed: object
) -> tuple[Audited, ...]:
    """All audits of a world's files."""
    files: dict[str, object] = {
        "teacher": world.path("teacher"),
        "student": (world.path("student"),),
        "control": tuple(world.paths("control")),
        "controls_matched": MATCHED,
        **changed,
    }
    values = {"teacher": "", "students": (), "data": "", "cache_dir": str(folder / "cache"), **(spec or {})}
    return judge_saved(JudgeSpec(**files), AuditSpec(**values))  # type: ignore[arg-type]


def test_the_document_says_what_each_rule_asks(judged: Judge) -> None:
    """And what to do, in the words of `kdaudit explain`: what reads the document needs no other."""
    said = {row.id: (row.asks, row.advice) for row in judged().rules}
    assert {rule: (EXPLANATIONS[rule].asks, EXPLANATIONS[rule].advice) for rule in said} == said


def test_predictions_of_an_audits_models_get_its_verdict(tmp_path: Path) -> None:
    """Saved by `predict`, judged by `judge`: the numbers of `check` to the last digit, slices and groups included."""
    site, groups = np.array(["a", "b"] * 500), np.arange(1000) // 2
    world = flawed_world(tmp_path / "w", copied=0.4, n=1000, n_controls=4, site=site, groups=groups)
    base = {"data": world.data, "cache_dir": str(tmp_path / "cache"), "device": "cpu", "slice": ("site",)}
    spec = AuditSpec(
        teacher=world.path("teacher"),
        students=(world.path("student"),),
        control=tuple(world.controls),
        **base,  # type: ignore[arg-type]
    )
    for name in world.names:
        one = dataclasses.replace(spec, students=(world.path(name),))
        save_predictions(predict_one(one, progress=lambda _event: None), tmp_path / f"{name}.npz")
    files = JudgeSpec(
        teacher=str(tmp_path / "teacher.npz"),
        student=(str(tmp_path / "student.npz"),),
        control=tuple(str(tmp_path / f"control{k}.npz") for k in range(4)),
        controls_matched=MATCHED,
    )
    ((checked,), (given,)) = audit(spec), judge_saved(files, spec)
    assert Outcome.FAIL == checked.result.verdict == given.result.verdict
    for name in ("kappa_W", "kappa_R", "rrr", "did", "transfer", "harm_per_1000", "sharpness"):
        assert getattr(checked.result, name) == getattr(given.result, name)
    assert [p.model_dump() for p in checked.result.parts] == [p.model_dump() for p in given.result.parts]
    assert [(r.id, r.outcome, r.observed) for r in checked.result.rules] == [
        (r.id, r.outcome, r.observed) for r in given.result.rules
    ]
    assert (checked.ids.tolist(), checked.answers.tolist()) == (given.ids.tolist(), given.answers.tolist())


def test_a_copier_fails_and_an_honest_student_passes_planted(tmp_path: Path) -> None:
    """The planted share is found; a student that is one more control passes."""
    (copier,) = several(saved_world(tmp_path / "a", copied=0.5), tmp_path)
    (honest,) = several(saved_world(tmp_path / "b", copied=0.0, n=3000), tmp_path)
    assert (Outcome.FAIL, Outcome.PASS) == (copier.result.verdict, honest.result.verdict)
    assert copier.result.kappa_W is not None
    assert 0.5 == pytest.approx(copier.result.kappa_W.estimate, abs=0.1)


def test_alternate_controls_tell_this_teachers_student_from_anothers_planted(tmp_path: Path) -> None:
    """Both repeat this teacher's errors; only the one that learnt from it is said to have them from it."""
    origins = []
    for of in ("teacher", "another"):
        world = saved_world(tmp_path / of, copied=0.5, of=of)
        (found,) = several(
            world,
            tmp_path,
            alternate_control=tuple(world.paths("alternate")),
            alternate_teacher=world.path("another"),
        )
        assert Outcome.FAIL == found.result.verdict
        origins.append(found.result.attribution)
    assert ["this_teacher", "unproven"] == origins


def test_whether_controls_match_is_the_users_word(judged: Judge) -> None:
    """Without it the audit is inconclusive; with it, or --unmatched-controls ok, it is judged."""
    silent = judged(controls_matched=None)
    assert Outcome.INCONCLUSIVE == silent.verdict
    assert "say how with --controls-matched" in silent.reason
    assert Outcome.FAIL == judged(controls_matched=None, spec={"unmatched_controls": "ok"}).verdict
    stated = judged()
    assert Outcome.FAIL == stated.verdict
    assert MATCHED in [row.value for row in stated.assumptions]


def test_the_document_invents_nothing(judged: Judge) -> None:
    """No recipe, no curve, no device, no training data: what predictions do not show is not there."""
    result = judged()
    assert (None, None) == (result.recipe, result.train_data)
    assert "controls given as predictions" == result.fidelity
    assert all(not model.curve and model.seconds is None and not model.seed for model in result.models)
    assert {"models ran elsewhere"} == {model.device for model in result.models}
    page = render(result, "html")
    assert "networks that never saw the teacher, as the user states" in page
    assert "labels and schedule, trained without the teacher" not in page


def test_rows_find_each_other_by_ids(judged: Judge, world: SavedWorld) -> None:
    """In any order: the numbers do not change."""
    before = judged()
    order = np.random.default_rng(1).permutation(len(world.labels))
    for name in ("student", "control0"):
        world.save(name, logits=world.logits[name][order], ids=world.ids[order], labels=world.labels[order])
    after = judged()
    assert before.kappa_W == after.kappa_W
    assert "aligned by their ids" in [row.value for row in after.assumptions]


def test_without_ids_everywhere_rows_go_by_position(judged: Judge, world: SavedWorld) -> None:
    """Said in the report; equal lengths are needed."""
    world.save("control0", ids=None)
    result = judged()
    assert "aligned by position: not every file has ids" in [row.value for row in result.assumptions]
    world.save("control0", ids=None, labels=None, logits=world.logits["control0"][:-1])
    with pytest.raises(
        AlignmentError, match=r"expected 1,500 rows in .*control0.npz, as in .*teacher.npz, found 1,499"
    ):
        judged()


def test_ids_that_contradict_the_position_are_refused(judged: Judge, world: SavedWorld) -> None:
    """One file without ids takes alignment by ids away; then all orders must be equal."""
    world.save("control0", ids=None)
    world.save("student", ids=world.ids[::-1])
    with pytest.raises(AlignmentError, match=r"found 'e01499' instead of 'e00000' in row 0"):
        judged()


def test_missing_and_surplus_ids_are_refused_with_the_first_of_them(judged: Judge, world: SavedWorld) -> None:
    """How many, and which first, in both directions."""
    world.save("student", logits=world.logits["student"][2:], ids=world.ids[2:], labels=world.labels[2:])
    with pytest.raises(AlignmentError, match=r"found 2 of 1,500 ids missing, the first 'e00000'"):
        judged()
    world.save("student")
    fewer = str(world.folder / "fewer.npz")
    np.savez(fewer, y=world.labels[:-1], ids=world.ids[:-1])
    with pytest.raises(
        AlignmentError,
        match=r"of .*teacher.npz in .*fewer.npz, found 1 of 1,500 ids missing, the first 'e01499'",
    ):
        judged(labels=fewer)


def test_labels_come_from_a_file_of_their_own(judged: Judge, world: SavedWorld) -> None:
    """The evaluation data itself, or a table; the numbers are those with the teacher's labels."""
    before = judged()
    for name in world.logits:
        world.save(name, labels=None)
    table = write_csv(world.folder / "labels.csv", {"id": list(world.ids), "label": list(world.labels)})
    assert before.kappa_W == judged(labels=table).kappa_W
    with pytest.raises(DataError, match=r"expected labels in .*teacher.npz, found none"):
        judged()


def test_other_labels_beside_other_predictions_are_refused(judged: Judge, world: SavedWorld) -> None:
    """Rows that are of other examples show in their labels."""
    world.save("control1", labels=np.roll(world.labels, 1), ids=None)
    with pytest.raises(
        AlignmentError, match=r"expected the labels of .*teacher.npz in .*control1.npz, found"
    ):
        judged()


def test_probabilities_are_as_good_as_logits(judged: Judge, world: SavedWorld) -> None:
    """A softmax of the logits gives the same answers and the same kappa_W."""
    before = judged()
    z = world.logits["student"].astype(np.float64)
    probs = np.exp(z - z.max(axis=1, keepdims=True))
    world.save("student", logits=None, probs=probs / probs.sum(axis=1, keepdims=True))
    after = judged()
    assert before.kappa_W == after.kappa_W
    assert "probs" == next(model.output for model in after.models if model.role == "student")


def test_outputs_that_are_not_what_they_are_called_are_refused(judged: Judge, world: SavedWorld) -> None:
    """By the same checks as of a model that runs."""
    even = np.full((1500, N_CLASSES), 1 / N_CLASSES)
    world.save("student", logits=even)
    with pytest.raises(
        ModelError, match=r"expected logits from .*student.npz, found non-negative rows"
    ) as caught:
        judged()
    assert "save them as probs" == caught.value.hint
    world.save("student", logits=None, probs=world.logits["student"])
    with pytest.raises(
        ModelError, match=r"expected probs from .*student.npz, found .* which is no distribution"
    ):
        judged()
    world.save("student", probs=even)
    with pytest.raises(SpecError, match=r"expected logits or probs in .*student.npz, found both"):
        judged()
    world.save("student")
    with pytest.raises(SpecError, match=r"expected probs in .*teacher.npz, as --outputs says, found logits"):
        judged(outputs="probs")
    broken = world.logits["student"].copy()
    broken[7, 1] = np.nan
    world.save("student", logits=broken)
    with pytest.raises(
        ModelError, match=r"expected finite outputs from .*student.npz, found NaN .* at example 7"
    ):
        judged()


def test_other_classes_are_refused(judged: Judge, world: SavedWorld) -> None:
    """Every model puts out one column a class."""
    world.save("control2", logits=world.logits["control2"][:, :4])
    with pytest.raises(
        AlignmentError, match=r"expected control2.npz to have the teacher's 5 classes, found 4"
    ):
        judged()


def test_one_model_twice_is_refused(judged: Judge, world: SavedWorld) -> None:
    """One file under two roles, and one model's outputs in two files."""
    with pytest.raises(AlignmentError, match=r"expected different models, found .*teacher.npz equal to"):
        judged(control=(world.path("control0"), world.path("teacher")))
    world.save("control1", logits=world.logits["control0"] + 1)
    with pytest.raises(AlignmentError, match=r"control1.npz \(independent\) puts out what control0.npz"):
        judged()


def test_three_students_are_seeds_and_two_are_not(world: SavedWorld, tmp_path: Path) -> None:
    """Three are one audit; each of two is an audit of its own."""
    rng = np.random.default_rng(3)
    for k in range(3):
        noise = rng.normal(scale=2.0, size=world.logits["student"].shape).astype(np.float32)
        world.logits[f"seed{k}"] = world.logits["student"] + noise
        world.save(f"seed{k}")
    (together,) = several(world, tmp_path, student=tuple(world.paths("seed")))
    assert ("seed0.npz", "seed1.npz", "seed2.npz") == together.result.students
    assert "seeds of one recipe, judged together" in [row.value for row in together.result.assumptions]
    assert 2 == len(several(world, tmp_path, student=tuple(world.paths("seed")[:2])))


def test_files_of_one_name_are_told_apart(world: SavedWorld, tmp_path: Path) -> None:
    """teacher/logits.npz and student/logits.npz are named by their paths."""
    places = {}
    for name in ("teacher", "student"):
        (tmp_path / name).mkdir()
        places[name] = str(Path(world.path(name)).rename(tmp_path / name / "logits.npz"))
    (found,) = several(world, tmp_path, teacher=places["teacher"], student=(places["student"],))
    assert (places["teacher"], (places["student"],)) == (found.result.teacher, found.result.students)


def test_a_slice_column_lies_beside_the_labels(world: SavedWorld, tmp_path: Path) -> None:
    """--slice names it; without it there the error says where to store it."""
    world.save("teacher", site=np.array(["a", "b", "c"] * 500))
    (found,) = several(world, tmp_path, spec={"slice": ("site",)})
    assert {"a", "b", "c"} <= {part.value for part in found.result.parts if part.family == "slice"}
    with pytest.raises(
        SpecError, match=r"expected a column 'shift' in .*teacher.npz for --slice, found none"
    ):
        several(world, tmp_path, spec={"slice": ("shift",)})


def test_too_few_controls_are_inconclusive(world: SavedWorld, judged: Judge) -> None:
    """Two controls: differences only."""
    result = judged(control=tuple(world.paths("control")[:2]))
    assert Outcome.INCONCLUSIVE == result.verdict
    assert RuleStatus.UNDECIDED == next(r.outcome for r in result.rules if r.id == "KD305")


def test_controls_that_know_nothing_are_left_out_and_named(world: SavedWorld, tmp_path: Path) -> None:
    """Independent ones count as unfit; alternate ones are named and nothing depends on them."""
    world.save("alternate0", logits=np.roll(world.logits["alternate0"], 1, axis=1))
    (found,) = several(world, tmp_path, alternate_control=tuple(world.paths("alternate")))
    assert (3, Outcome.FAIL) == (found.result.n_alternate, found.result.verdict)
    assert "alternate0.npz" in [row.what for row in found.result.skipped]
    world.save("control0", logits=np.roll(world.logits["control0"], 1, axis=1))
    (unfit,) = several(world, tmp_path)
    assert 4 == unfit.result.n_controls
    assert "control0.npz" in [model.name for model in unfit.result.models if not model.fit]
