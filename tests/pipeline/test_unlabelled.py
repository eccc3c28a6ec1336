"""Audits of evaluation data without labels: the transfer of the labelled audit, and nothing that labels would say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from kdaudit.errors import AlignmentError, DataError, ModelError, SpecError
from kdaudit.judge_options import JudgeSpec
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit, training_plans
from kdaudit.pipeline.changes import compare
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.forecast import Wish, forecast, forecast_from
from kdaudit.pipeline.judge_saved import judge_saved
from kdaudit.pipeline.judged import Audited
from kdaudit.pipeline.predict_one import predict_one, save_predictions
from kdaudit.pipeline.sanity import unfit_models
from kdaudit.pipeline.saved import AUDIT, EXAMPLES, read_audit, save_examples
from kdaudit.pipeline.verify import verify
from kdaudit.render import render
from kdaudit.schema import AuditResult, ModelRecord
from kdaudit.types import CurvePoint, Outcome, Role, RuleStatus, TrainedControl
from tests.metrics.test_panel import predictions
from tests.panels import model_ref
from tests.pipeline.conftest import Auditor
from tests.planted import World, flawed_world, logits_of, write_world
from tests.predictions import SavedWorld, saved_world
from tests.trainable import TrainableWorld, trainable_world, training_spec

# What only labels say of an audit, of a model, and of both.
OF_ERRORS = (
    *("n_W", "n_R", "headroom_W", "n_repeated_W", "n_repeated_R", "raw_gain_W", "raw_gain_R", "p_asymmetry"),
    *(
        "accuracy_gap",
        "negative_flips",
        "ece",
        "error_consistency",
        "information",
        "kappa_W",
        "kappa_R",
        "rrr",
    ),
    *(
        "did",
        "atd",
        "tilt",
        "harm_per_1000",
        "benefit_per_1000",
        "net_harm_per_1000",
        "inherited",
        "sharpness",
    ),
    *("design", "baseline"),
)
OF_A_MODEL = ("accuracy", "loss", "ece", "negative_flips", "error_consistency", "agreement_W", "agreement_R")
ASKED = "Which errors were taken over cannot be said: the data has no labels."


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A student that repeats 30 % of its teacher's answers, with groups."""
    return flawed_world(tmp_path_factory.mktemp("flawed"), copied=0.3, groups=np.arange(1500) // 3)


def without_labels(data: str, folder: Path) -> str:
    """The same examples without y."""
    with np.load(data) as arrays:
        path = folder / "field.npz"
        np.savez(path, **{name: arrays[name] for name in arrays.files if name != "y"})
    return str(path)


def require_nothing_about_errors(result: AuditResult) -> None:
    """None, not 0: in the document, in its models, and among its rules."""
    assert {None} == {getattr(result, name) for name in OF_ERRORS}
    assert ((), ()) == (result.parts, result.planner)
    for model in result.models:
        assert {None} == {getattr(model, name) for name in OF_A_MODEL}
        assert () == model.reliability
    assert {None} == set(result.accuracy.values())
    assert (False, None) == (result.data.has_labels, result.data.majority_share)
    assert (Outcome.INCONCLUSIVE, 3) == (result.verdict, result.exit_code)
    assert ("undetermined", "unproven") == (result.asymmetry, result.attribution)
    judged = {row.id for row in result.rules if row.outcome is not RuleStatus.NOT_JUDGED}
    assert judged <= {"KD101", "KD301", "KD305", "KD306", "KD307"}
    assert RuleStatus.NOT_JUDGED == next(row.outcome for row in result.rules if row.id == "KD201")


def test_transfer_is_that_of_the_labelled_audit(audited: Auditor, tmp_path: Path) -> None:
    """Same distances, same intervals, same p, to the last bit; everything else is not there."""
    site = np.random.default_rng(1).choice(["a", "b"], size=1500)
    world = flawed_world(tmp_path / "w", copied=0.3, groups=np.arange(1500) // 3, site=site)
    labelled = audited(world, slice=("site",))
    result = audited(world, data=without_labels(world.data, tmp_path), unlabelled=True, slice=("site",))
    assert 4 == len(result.transfer)
    assert labelled.transfer == result.transfer
    assert Outcome.FAIL == labelled.verdict
    require_nothing_about_errors(result)
    assert f"Closer to the teacher than its controls in 4 of 4 measures. {ASKED}" == result.reason
    assert (1500, 10) == (result.n, result.n_controls)
    assert "|nW:-|" in result.signature
    assert "|INCONCLUSIVE|kW:-|kR:-|RRR:-" in result.signature


def test_an_honest_student_is_not_closer_and_does_not_pass_null(audited: Auditor, tmp_path: Path) -> None:
    """That nothing was found of transfer is no verdict on errors either."""
    honest = flawed_world(tmp_path / "honest")
    assert Outcome.PASS == audited(honest).verdict
    result = audited(honest, data=without_labels(honest.data, tmp_path), unlabelled=True)
    require_nothing_about_errors(result)
    assert f"Closer to the teacher than its controls in none of 4 measures. {ASKED}" == result.reason


def test_missing_labels_stay_an_error_that_names_the_option(
    audited: Auditor, world: World, tmp_path: Path
) -> None:
    """And labels that are there are refused with it."""
    with pytest.raises(DataError, match=r"expected labels y in .*field\.npz, found x") as refused:
        audited(world, data=without_labels(world.data, tmp_path))
    assert "--unlabelled" in (refused.value.hint or "")
    with pytest.raises(DataError, match=r"expected no labels in .*eval\.npz, as --unlabelled says, found y"):
        audited(world, unlabelled=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"split_eval": 0.5, "control": ()},
            "expected no --split-eval with --unlabelled, found both: .* trains",
        ),
        ({"baseline": "x"}, "expected no --baseline with --unlabelled"),
        ({"alternate_teacher": "train", "control": ()}, "expected no --alternate-teacher with --unlabelled"),
        ({"expect_teacher_accuracy": 0.8}, "expected no --expect-teacher-accuracy with --unlabelled"),
        ({"expect_student_accuracy": 0.8}, "expected no --expect-student-accuracy with --unlabelled"),
    ],
)
def test_options_about_errors_are_refused_invalid(
    audited: Auditor, world: World, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    """Rather than ignored."""
    if "baseline" in options:
        audited_folder = save(
            run(world, tmp_path / "labelled", data=world.data, unlabelled=False), tmp_path / "b"
        )
        options = {"baseline": str(audited_folder)}
    with pytest.raises(SpecError, match=message):
        audited(world, data=without_labels(world.data, tmp_path), unlabelled=True, **options)


def run(world: World, folder: Path, **options: object) -> Audited:
    """An audit of the world's student with its answers; without labels unless the options say so."""
    folder.mkdir(exist_ok=True)
    values: dict[str, object] = {
        "teacher": world.path("teacher"),
        "students": (world.path("student"),),
        "control": tuple(world.controls),
        "cache_dir": str(folder / "cache"),
        "unlabelled": True,
        **options,
    }
    values["data"] = options.get("data") or without_labels(world.data, folder)
    (only,) = audit(AuditSpec(**values))  # type: ignore[arg-type]
    return only


def save(audited: Audited, folder: Path) -> Path:
    """As check does."""
    folder.mkdir()
    (folder / AUDIT).write_text(render(audited.result, "json"), encoding="utf-8")
    save_examples(audited, folder / EXAMPLES)
    return folder


def test_a_saved_audit_has_answers_but_no_labels_and_is_not_compared(world: World, tmp_path: Path) -> None:
    """Nor is a plan made from it, and it lets nothing ship."""
    audited = run(world, tmp_path / "run")
    folder = save(audited, tmp_path / "saved")
    saved = read_audit(folder)
    assert saved.labels is None
    np.testing.assert_array_equal(audited.answers, saved.answers)
    labelled = read_audit(save(run(world, tmp_path / "l", data=world.data, unlabelled=False), tmp_path / "s"))
    for before, after in ((saved, labelled), (labelled, saved)):
        with pytest.raises(
            AlignmentError, match=r"expected labels in both audits, found none in that of student"
        ):
            compare(before, after)
    with pytest.raises(SpecError, match="expected an audit with three controls or more that leave room"):
        forecast_from(saved.result, Wish(effect=0.2, power=0.8))
    verified = verify(folder / AUDIT, report_dir=folder, today=date(2026, 11, 1))
    assert (3, "the verdict on student.onnx is INCONCLUSIVE") == (verified.exit_code, verified.said)


def test_labels_beside_an_audit_that_has_none_are_not_its_own_invalid(world: World, tmp_path: Path) -> None:
    """Answers of another audit, or a document that was changed."""
    audited = run(world, tmp_path / "run")
    labelled = run(world, tmp_path / "l", data=world.data, unlabelled=False)
    folder = save(replace(audited, labels=labelled.labels), tmp_path / "saved")
    with pytest.raises(DataError, match=r"found labels of int64 \(1500,\) instead of whole numbers \(0,\)"):
        read_audit(folder)
    changed = audited.result.model_copy(update={"data": labelled.result.data})
    folder = save(replace(audited, result=changed), tmp_path / "changed")
    with pytest.raises(DataError, match=r"found labels of int64 \(0,\) instead of whole numbers \(1500,\)"):
        read_audit(folder)


def test_a_baseline_without_labels_is_refused_invalid(audited: Auditor, world: World, tmp_path: Path) -> None:
    """An audit on labels cannot be compared with one that has none."""
    folder = save(run(world, tmp_path / "run"), tmp_path / "saved")
    with pytest.raises(AlignmentError, match="expected labels in both audits"):
        audited(world, baseline=str(folder))


def test_a_constant_student_stops_the_training_and_a_constant_control_is_left_out(
    audited: Auditor, tmp_path: Path
) -> None:
    """The only fault of answers that shows without labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=400)
    still = np.zeros((400, 3), dtype=np.float32)
    still[:, 1] = 5.0
    logits = {
        name: logits_of(labels, 3, rng) for name in ("teacher", "student", *(f"control{k}" for k in range(4)))
    }
    world = write_world(tmp_path / "w", labels, {**logits, "control3": still})
    data = without_labels(world.data, tmp_path)
    result = audited(world, data=data, unlabelled=True)
    assert 3 == result.n_controls
    assert ["control3.onnx"] == [model.name for model in result.models if not model.fit]
    assert "control3.onnx gives the same answer to every example" in result.reason
    world = write_world(tmp_path / "v", labels, {**logits, "student": still})
    result = audited(world, data=without_labels(world.data, tmp_path), unlabelled=True)
    assert "The student student.onnx gives the same answer to every example" in result.reason
    assert result.reason.endswith(ASKED)
    require_nothing_about_errors(result)
    train = {"control": (), "train_data": world.data, "keep_duplicates": True}
    result = audited(world, data=without_labels(world.data, tmp_path), unlabelled=True, **train)
    assert ["No verdict is possible, so nothing was trained; --train-anyway trains all the same."] == [
        row.reason for row in result.skipped
    ]


@pytest.fixture(scope="module")
def trainable(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense teacher and student of noisy blobs."""
    return trainable_world(tmp_path_factory.mktemp("trainable"))


def trained_spec(trainable: TrainableWorld, folder: Path, **options: object) -> AuditSpec:
    """Three controls, trained in this process."""
    counts: dict[str, object] = {"controls": 3, "random_controls": 3, "positive_controls": 1}
    return training_spec(trainable, folder / "cache", **{**counts, **options})


def test_controls_are_trained_on_labels_and_compared_without(
    trainable: TrainableWorld, tmp_path: Path
) -> None:
    """The labelled audit trains them; the other trains nothing, names the classes, and finds the same transfer."""
    spec = trained_spec(trainable, tmp_path)
    (labelled,) = audit(spec)
    field = replace(spec, data=without_labels(spec.data, tmp_path), unlabelled=True)
    notices: list[str] = []
    (audited,) = audit(field, notice=notices.append)
    assert any("all 7 are kept from an earlier run" in line for line in notices)
    assert labelled.result.transfer == audited.result.transfer
    assert all(record.p_random is not None for record in audited.result.transfer.values())
    require_nothing_about_errors(audited.result)
    assert labelled.result.train_data == audited.result.train_data
    assert all(
        model.curve for model in audited.result.models if model.role in ("independent", "random", "positive")
    )
    (plan,) = training_plans(field)
    assert 7 == plan.n_kept


def test_controls_that_did_not_learn_are_unfit_without_labels_too(
    trainable: TrainableWorld, tmp_path: Path
) -> None:
    """A learning rate that ruins them shows in their training."""
    spec = trained_spec(trainable, tmp_path, lr=1e6, positive_controls=0, random_controls=0)
    field = replace(spec, data=without_labels(spec.data, tmp_path), unlabelled=True)
    (audited,) = audit(field)
    require_nothing_about_errors(audited.result)
    unfit = next(row for row in audited.result.rules if row.id == "KD301")
    assert RuleStatus.UNDECIDED == unfit.outcome
    assert "controls are unfit" in unfit.reason


def test_learning_is_better_than_the_commonest_class_of_the_training_data_by_hand() -> None:
    """Of 100 labels 60 are one class: 70 right are above chance at 95 % (bound 61.6 %), 68 are not (59.5 %)."""
    labels = np.repeat([0, 1], [60, 40])

    def control(name: str, accuracy: float) -> TrainedControl:
        point = CurvePoint(epoch=1, loss=1.0, accuracy=accuracy)
        return TrainedControl(
            model=model_ref(name, Role.INDEPENDENT),
            curve=(point,),
            seconds=0.0,
            device="cpu",
            precision="fp32",
        )

    controls = ControlSet(
        trained={"good": control("good", 0.70), "bad": control("bad", 0.68), "lost": control("lost", 0.9)},
        predictions=tuple(
            predictions(np.zeros((5, 2), dtype=np.float32), name, Role.INDEPENDENT)
            for name in ("good", "bad")
        ),
    )
    unfit = unfit_models(controls, None, Role.INDEPENDENT, trained_on=labels)
    assert {
        "bad": "bad is no better than the commonest class on its training data",
        "lost": "lost diverged",
    } == unfit


def test_class_names_are_those_of_the_training_data(trainable: TrainableWorld, tmp_path: Path) -> None:
    """Evaluation data without labels need not name them, and a label map may use these names."""
    spec = trained_spec(trainable, tmp_path, random_controls=0, positive_controls=0)
    assert spec.train_data is not None
    with np.load(spec.train_data) as arrays:
        n = int(arrays["y"].max()) + 1
        names = np.array([f"kind {i}" for i in range(n)])
        np.savez(tmp_path / "named.npz", **arrays, class_names=names)
    field = replace(
        spec,
        data=without_labels(spec.data, tmp_path),
        unlabelled=True,
        train_data=str(tmp_path / "named.npz"),
    )
    (audited,) = audit(field)
    assert tuple(names) == audited.result.data.class_names
    (tmp_path / "map.json").write_text(json.dumps([str(name) for name in names]), encoding="utf-8")
    (mapped,) = audit(replace(field, teacher_label_map=str(tmp_path / "map.json")))
    assert audited.result.transfer == mapped.result.transfer


def test_a_plan_needs_labels_invalid(trainable: TrainableWorld, tmp_path: Path) -> None:
    """It counts the teacher's errors."""
    spec = replace(trained_spec(trainable, tmp_path), unlabelled=True)
    with pytest.raises(SpecError, match="expected labels to plan by, found --unlabelled"):
        forecast(spec, Wish(effect=0.2, power=0.8), progress=lambda _event: None)


def test_outputs_at_every_position_need_labels_invalid(tmp_path: Path) -> None:
    """Which positions are asked, only labels say."""
    rng = np.random.default_rng(0)
    for name in ("teacher", "student"):
        table = rng.normal(size=(6, 6)).astype(np.float32)
        graph = helper.make_graph(
            [helper.make_node("Gather", ["table", "letters"], ["scores"])],
            "letters",
            [helper.make_tensor_value_info("letters", TensorProto.INT64, ["n", 4])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4, 6])],
            [numpy_helper.from_array(table, "table")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / f"{name}.onnx")
    np.savez(tmp_path / "x.npz", x=rng.integers(6, size=(20, 4)))
    spec = AuditSpec(
        teacher=str(tmp_path / "teacher.onnx"),
        students=(str(tmp_path / "student.onnx"),),
        data=str(tmp_path / "x.npz"),
        unlabelled=True,
        cache_dir=str(tmp_path / "cache"),
    )
    with pytest.raises(ModelError, match="a row for each position of a sequence") as refused:
        audit(spec)
    assert "without labels it is not known at which positions an answer is asked" in (
        refused.value.hint or ""
    )


@pytest.fixture
def saved(tmp_path: Path) -> SavedWorld:
    """A student that repeats half of its teacher's answers."""
    return saved_world(tmp_path / "saved", copied=0.5)


def judge(saved: SavedWorld, folder: Path, **options: object) -> AuditResult:
    """The document of judging the world's files."""
    spec: dict[str, object] = {"teacher": "", "students": (), "data": "", "cache_dir": str(folder / "cache")}
    files: dict[str, object] = {
        "teacher": saved.path("teacher"),
        "student": (saved.path("student"),),
        "control": tuple(saved.paths("control")),
        "controls_matched": "same script",
    }
    for name, value in options.items():
        (spec if name in ("unlabelled", "baseline") else files)[name] = value
    (only,) = judge_saved(JudgeSpec(**files), AuditSpec(**spec))  # type: ignore[arg-type]
    return only.result


@pytest.mark.parametrize("ids", [True, False])
def test_saved_predictions_without_labels_are_judged_alike(
    saved: SavedWorld, tmp_path: Path, *, ids: bool
) -> None:
    """With ids and by position."""
    labelled = judge(saved, tmp_path)
    for name in saved.logits:
        saved.save(name, labels=None, **({} if ids else {"ids": None}))
    with pytest.raises(DataError, match=r"expected labels in .*teacher\.npz, found none") as refused:
        judge(saved, tmp_path)
    assert "--unlabelled" in (refused.value.hint or "")
    result = judge(saved, tmp_path, unlabelled=True)
    assert labelled.transfer == result.transfer
    require_nothing_about_errors(result)


def test_labels_in_any_of_the_files_are_refused_invalid(saved: SavedWorld, tmp_path: Path) -> None:
    """They are there, so they count."""
    for name in saved.logits:
        if name != "control2":
            saved.save(name, labels=None)
    with pytest.raises(DataError, match=r"as --unlabelled says, found some in .*control2\.npz"):
        judge(saved, tmp_path, unlabelled=True)


def test_students_of_another_teacher_are_about_errors_invalid(saved: SavedWorld, tmp_path: Path) -> None:
    """They ask where errors come from."""
    with pytest.raises(SpecError, match="expected no --alternate-control with --unlabelled"):
        judge(saved, tmp_path, unlabelled=True, alternate_control=tuple(saved.paths("alternate")))


def test_predictions_are_saved_without_labels(world: World, tmp_path: Path) -> None:
    """As judge reads them."""
    spec = AuditSpec(
        teacher=world.path("teacher"),
        students=(world.path("teacher"),),
        data=without_labels(world.data, tmp_path),
        unlabelled=True,
        limit=100,
        cache_dir=str(tmp_path / "cache"),
    )
    save_predictions(predict_one(spec, progress=lambda _event: None), tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as arrays:
        assert {"logits", "ids", "groups"} == set(arrays.files)
        assert 100 == len(arrays["logits"])


def test_the_records_of_a_model_say_nothing_of_quality(world: World, tmp_path: Path) -> None:
    """All fields that labels decide are named in this test."""
    labelled = run(world, tmp_path / "l", data=world.data, unlabelled=False).result.models[1]
    plain = run(world, tmp_path / "u").result.models[1]
    of_labels = {name for name in ModelRecord.model_fields if getattr(labelled, name) != getattr(plain, name)}
    assert {*OF_A_MODEL, "reliability"} == of_labels
