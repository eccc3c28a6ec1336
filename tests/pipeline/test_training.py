"""The tool's own controls: trained, kept, shared, replaced, and not trained where that is no use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kdaudit.errors import ModelError, SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit, training_plans
from kdaudit.pipeline.judged import Audited
from kdaudit.schema import AuditResult
from kdaudit.types import Outcome, RuleStatus
from tests.trainable import TrainableWorld, trainable_world, training_spec

Run = Callable[..., AuditResult]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> TrainableWorld:
    """A dense teacher and student of noisy blobs."""
    return trainable_world(tmp_path_factory.mktemp("trainable"))


@pytest.fixture
def spec(world: TrainableWorld, tmp_path: Path) -> Callable[..., AuditSpec]:
    """A small audit in this process; options override."""

    def make(**options: object) -> AuditSpec:
        counts: dict[str, object] = {"controls": 4, "random_controls": 1, "positive_controls": 0}
        return training_spec(world, tmp_path / "cache", **{**counts, **options})

    return make


def only(audits: tuple[Audited, ...]) -> AuditResult:
    """The result of an audit of one student."""
    (audited,) = audits
    return audited.result


def test_controls_are_as_accurate_as_an_honest_student(spec: Callable[..., AuditSpec]) -> None:
    """Controls of an ONNX student learn the task; the honest student does not fail; everything is recorded."""
    result = only(audit(spec()))
    accuracies = [m.accuracy for m in result.models if m.role == "independent"]
    assert 4 == len(accuracies) == result.n_controls
    assert all(a is not None and a > 0.6 for a in accuracies)
    assert Outcome.FAIL != result.verdict
    assert all(len(m.curve) == 6 for m in result.models if m.role in ("independent", "random"))
    assert result.recipe is not None
    assert (6, "adamw", 3e-3) == (result.recipe["epochs"], result.recipe["optimizer"], result.recipe["lr"])
    assert "BatchNorm" in result.fidelity
    assert "bn-kept" == result.fidelity_level
    assert {"Architecture", "Recipe", "Epochs", "Training labels"} <= {a.what for a in result.assumptions}


def test_a_second_audit_trains_nothing(
    spec: Callable[..., AuditSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Controls and pilots are kept: with training made impossible, the second run gives the same numbers."""
    notices: list[str] = []
    first = only(audit(spec(epochs="auto")))
    from kdaudit.pipeline import training

    for task in ("train_task", "pilot_task", "step_seconds_task"):
        monkeypatch.setattr(training, task, None)
    second = only(audit(spec(epochs="auto"), notice=notices.append))
    assert first.kappa_W == second.kappa_W
    assert any("all 5 are kept" in line for line in notices)


def test_two_students_of_one_architecture_share_controls(
    world: TrainableWorld, spec: Callable[..., AuditSpec]
) -> None:
    """Another student of the same architecture has the same controls, by digest."""
    from tests.trainable import blobs, export, trained

    export(trained(16, blobs(1500, seed=1), seed=5), world.folder / "student2.onnx")
    first = only(audit(spec()))
    second = only(audit(spec(students=(world.path("student2.onnx"),))))
    digests = [[m.sha256 for m in r.models if m.role == "independent"] for r in (first, second)]
    assert digests[0] == digests[1]


def test_another_seed_trains_other_controls(spec: Callable[..., AuditSpec]) -> None:
    """The seed reaches weights and data order."""
    digests = [
        {m.sha256 for m in only(audit(spec(seed=s))).models if m.role == "independent"} for s in (0, 1)
    ]
    assert not digests[0] & digests[1]


def test_workers_change_nothing(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """Controls trained in a worker process are those that are trained here."""
    here = only(audit(spec(controls=3, random_controls=0)))
    there = only(audit(spec(controls=3, random_controls=0, workers=2, cache_dir=str(tmp_path / "other"))))
    assert here.kappa_W is not None
    assert there.kappa_W is not None
    assert here.kappa_W.estimate == pytest.approx(there.kappa_W.estimate, abs=0.02)


def test_a_damaged_control_is_trained_again(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """Weights that are not what was kept count as absent."""
    first = only(audit(spec()))
    damaged = next((tmp_path / "cache" / "controls").glob("*/weights.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-7] + b"damaged")
    record = next((tmp_path / "cache" / "controls").glob("*/record.json"))
    record.write_text("{", encoding="utf-8")
    second = only(audit(spec()))
    assert [m.sha256 for m in first.models] == [m.sha256 for m in second.models]


def test_too_long_a_training_is_not_started(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """Above --time-limit: inconclusive, with the estimate and the ways out, and no control is trained."""
    result = only(audit(spec(time_limit="0s")))
    assert 3 == result.exit_code
    reason = next(row.reason for row in result.rules if row.id == "KD305")
    for way_out in ("--time-limit", "--controls", "--epochs", "--control FILE", "--limit-train"):
        assert way_out in reason
    assert [] == list((tmp_path / "cache").glob("controls/*"))


def test_positive_controls_take_over_wrong_knowledge(spec: Callable[..., AuditSpec]) -> None:
    """Networks distilled from the teacher share its errors more than independent ones: the audit could have seen it."""
    result = only(audit(spec(positive_controls=2, epochs="10")))
    rule = next(row for row in result.rules if row.id == "KD303")
    assert RuleStatus.NOT_JUDGED != rule.outcome
    by_role = {
        role: [m.agreement_W for m in result.models if m.role == role] for role in ("independent", "positive")
    }
    assert min(a or 0 for a in by_role["positive"]) > max(a or 1 for a in by_role["independent"])


def test_controls_that_diverge_are_unfit_and_no_verdict_is_drawn(spec: Callable[..., AuditSpec]) -> None:
    """A hopeless learning rate: each control is trained once more, then left out and named; inconclusive."""
    result = only(audit(spec(optimizer="sgd", lr=1e6, controls=3, random_controls=0)))
    assert 3 == result.exit_code
    assert 0 == result.n_controls
    rule = next(row for row in result.rules if row.id == "KD301")
    assert "3 of 3 controls are unfit" in rule.reason
    assert 3 == sum(s.stage == "controls" for s in result.skipped)
    assert all("again" in s.what for s in result.skipped if s.stage == "controls")


def test_pytorch_weights_with_their_architecture(
    world: TrainableWorld, spec: Callable[..., AuditSpec]
) -> None:
    """A state_dict and a callable: the exact architecture, and the same function as the ONNX export."""
    options = {
        "students": (world.path("student.pt"),),
        "student_arch": "tests.trainable:dense",
        "arch_args": '{"width": 16}',
    }
    torch_student, onnx_student = only(audit(spec(**options))), only(audit(spec()))
    assert torch_student.accuracy["student.pt"] == pytest.approx(
        onnx_student.accuracy["student.onnx"], abs=0.002
    )
    assert "own architecture" in torch_student.fidelity


def test_init_from_starts_controls_at_those_weights(
    world: TrainableWorld, spec: Callable[..., AuditSpec]
) -> None:
    """Controls that start from the student's own weights, of ONNX or of torch, lose less than those drawn anew."""
    fresh = only(audit(spec(epochs="1")))
    started = [
        only(audit(spec(epochs="1", init_from=world.path(name)))) for name in ("student.onnx", "student.pt")
    ]
    losses = [next(m.curve[0].loss for m in r.models if m.role == "independent") for r in (fresh, *started)]
    assert all(loss is not None and losses[0] is not None and loss < losses[0] for loss in losses[1:]), losses


def test_another_file_of_the_students_network_is_named(
    spec: Callable[..., AuditSpec], world: TrainableWorld
) -> None:
    """--student-train-as: the report says whose architecture the controls have."""
    result = only(audit(spec(epochs="1", controls=3, student_train_as=world.path("teacher.onnx"))))
    assert result.fidelity.startswith("The architecture is that of teacher.onnx, as --student-train-as asks.")


def test_the_plan_trains_nothing(spec: Callable[..., AuditSpec], tmp_path: Path) -> None:
    """--dry-run: what would be trained, and nothing in the cache but the data."""
    (plan,) = training_plans(spec())
    assert (4, 1, 0, 0, 1500, False) == (
        plan.n_independent,
        plan.n_random,
        plan.n_positive,
        plan.n_kept,
        plan.n_train,
        plan.pilot,
    )
    assert plan.seconds > 0
    network = 4 * (8 * 16 + 16 * 5 + 16 * 4 + 4)  # about: two dense layers and a BatchNorm of float32
    assert 5 * network < plan.n_bytes < 5 * (4 * network + 4 * 4 * 2000)
    assert [] == list((tmp_path / "cache").glob("controls/*"))


def test_a_plan_of_what_is_kept_costs_nothing(spec: Callable[..., AuditSpec]) -> None:
    """After the audit nothing is missing: no time and no disk."""
    audit(spec(epochs="1"))
    (plan,) = training_plans(spec(epochs="1"))
    assert (5, 0.0, 0) == (plan.n_kept, plan.seconds, plan.n_bytes)


def test_duplicates_are_found_in_all_training_data(
    spec: Callable[..., AuditSpec], world: TrainableWorld, tmp_path: Path
) -> None:
    """--limit-train draws what controls train on; the student saw the rest too."""
    evaluation, training = np.load(world.path("eval.npz")), np.load(world.path("train.npz"))
    x = np.concatenate([evaluation["x"][:-40], training["x"][:40]])
    y = np.concatenate([evaluation["y"][:-40], training["y"][:40]])
    np.savez(tmp_path / "leaky.npz", x=x, y=y)
    result = only(audit(spec(data=str(tmp_path / "leaky.npz"), limit_train=300, epochs="1")))
    assert 40 == result.data.n_duplicates


def test_limits_draw_subsets(spec: Callable[..., AuditSpec]) -> None:
    """--limit and --limit-train use stratified random subsets, the same for the same seed."""
    first, second = (only(audit(spec(limit=600, limit_train=500))) for _ in range(2))
    assert 600 == first.n
    assert first.train_data is not None
    assert 500 == first.train_data.n
    assert first.data.sha256 == second.data.sha256


def test_training_data_in_the_evaluation_data_is_left_out(
    world: TrainableWorld, spec: Callable[..., AuditSpec]
) -> None:
    """Evaluation examples that occur in the training data are left out and counted; too many make it inconclusive."""
    import numpy as np

    train, test = np.load(world.path("train.npz")), np.load(world.path("eval.npz"))
    mixed = world.folder / "mixed.npz"
    np.savez(
        mixed,
        x=np.concatenate([test["x"], train["x"][:900]]),
        y=np.concatenate([test["y"], train["y"][:900]]),
    )
    result = only(audit(spec(data=str(mixed))))
    assert (1500, 900) == (result.n, result.data.n_duplicates)
    assert 3 == result.exit_code
    assert RuleStatus.UNDECIDED == next(row.outcome for row in result.rules if row.id == "KD307")
    kept = only(audit(spec(data=str(mixed), keep_duplicates=True)))
    assert 2400 == kept.n


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": "many"}, "expected --epochs auto or a number"),
        ({"epochs": "0"}, "expected --epochs auto or a number"),
        ({"controls": -1}, "expected --controls of at least 0"),
        ({"limit": 0}, "expected --limit of at least 1"),
        ({"seed": -1}, "expected --seed of at least 0"),
        ({"mean": "a,b"}, "expected numbers for --mean"),
        ({"lr": -1.0}, "lr"),
        ({"device": "tpu"}, "expected a device of auto, cpu, cuda"),
        ({"arch_args": "[1]", "student_arch": "tests.trainable:dense"}, "--arch-args to be a JSON object"),
    ],
)
def test_wrong_options_invalid(
    spec: Callable[..., AuditSpec], options: dict[str, object], message: str
) -> None:
    """Each is refused before anything is computed."""
    with pytest.raises(SpecError, match=message):
        audit(spec(**options))


def test_an_unknown_architecture_invalid(spec: Callable[..., AuditSpec], world: TrainableWorld) -> None:
    """A callable that is not there is named."""
    with pytest.raises(ModelError, match="expected a callable named 'sparse'"):
        audit(spec(students=(world.path("student.pt"),), student_arch="tests.trainable:sparse"))


def test_positive_controls_are_told_from_the_others_planted(spec: Callable[..., AuditSpec]) -> None:
    """Freshly distilled students are closer to the teacher; its outputs are kept once, in half precision."""
    result = only(audit(spec(positive_controls=2, alpha=0.9)))
    transfer = result.transfer["activation"]
    assert max(transfer.positive) < min(transfer.independent)
    (rule,) = [rule for rule in result.rules if rule.id == "KD303"]
    assert 2 == rule.n
    assert any(row.what == "Positive controls" for row in result.assumptions)


@pytest.mark.parametrize("kind", ["gaussian", "shuffled"])
def test_random_controls_of_another_kind(spec: Callable[..., AuditSpec], kind: str) -> None:
    """They train, are stated, and are no other kind's; only the shuffled ones need the teacher's outputs."""
    plain = only(audit(spec(epochs="2", controls=3)))
    result = only(audit(spec(epochs="2", controls=3, random_kind=kind)))
    (row,) = [row for row in result.assumptions if row.what == "Random controls"]
    assert ("shuffled" == kind) == ("of other examples" in row.value)
    accuracy = [[m.loss for m in r.models if m.role == "random"] for r in (plain, result)]
    assert accuracy[0] != accuracy[1]
    assert plain.kappa_W == result.kappa_W
    for found in (plain, result):
        assert all(m.accuracy is not None for m in found.models)


def test_the_teachers_outputs_on_the_training_data_are_kept_in_half(
    spec: Callable[..., AuditSpec], tmp_path: Path
) -> None:
    """Once, float16; a second run reads them."""
    only(audit(spec(positive_controls=1, epochs="1")))
    kept = [np.load(path, mmap_mode="r") for path in (tmp_path / "cache").glob("predictions/*/logits.npy")]
    assert 1 == sum(array.dtype == np.float16 for array in kept)
    assert only(audit(spec(positive_controls=1, epochs="1"))).n_positive == 1
