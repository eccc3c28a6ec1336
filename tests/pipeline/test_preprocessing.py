"""Each model takes the examples in its own way; one that is fed otherwise than it was trained is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from kdaudit.errors import DataError, SpecError
from kdaudit.options import AuditSpec
from kdaudit.pipeline.audit import audit
from kdaudit.pipeline.predict_one import predict_one
from kdaudit.schema import AuditResult
from kdaudit.types import Outcome, Preprocess, RuleStatus
from tests.pictures import RIGHT, pictures, save_linear
from tests.pipeline.test_broken_setups import outcome_of, reason_of

EVALUATION, TRAINING = pictures(1500, seed=2), pictures(1200, seed=1)
MEAN, STD = "0.6,0.4,0.2", "0.1,0.2,0.3"
TABLE = {"mean": [0.6, 0.4, 0.2], "std": [0.1, 0.2, 0.3]}
IMAGENET = Preprocess(scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def files(
    folder: Path, teacher: dict[str, Any] | None = None, student: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A teacher, a student and three controls like it, saved with the given differences; as options of an audit."""
    like_student: dict[str, Any] = student or {}
    return {
        "teacher": save_linear(folder / "teacher.onnx", TRAINING, seed=9, **(teacher or {})),
        "students": (save_linear(folder / "student.onnx", TRAINING, seed=8, **like_student),),
        "control": tuple(
            save_linear(folder / f"c{k}.onnx", TRAINING, seed=k, **like_student) for k in range(3)
        ),
        "data": EVALUATION.save(folder / "eval.npz"),
        "cache_dir": str(folder / "cache"),
        "device": "cpu",
    }


def audited(options: dict[str, Any], **more: object) -> AuditResult:
    """The only result of an audit."""
    (only,) = audit(AuditSpec(**{**options, **more}))
    return only.result


def sentence(result: AuditResult, what: str) -> str:
    """The value of an assumption."""
    return next(row.value for row in result.assumptions if row.what == what)


def test_each_model_is_fed_in_its_own_way(tmp_path: Path) -> None:
    """Teacher BGR and NHWC, student and controls otherwise: all as accurate as when they alone are asked."""
    odd = replace(RIGHT, channels="BGR", layout="NHWC", mean=(0.2, 0.4, 0.6), std=(0.3, 0.2, 0.1))
    options = files(tmp_path, {"preprocess": odd}, {"preprocess": IMAGENET})
    table = {"channels": "BGR", "layout": "NHWC", "mean": [0.2, 0.4, 0.6], "std": [0.3, 0.2, 0.1]}
    result = audited(options, teacher_preprocess=table, student_preprocess="imagenet")
    plain = audited(files(tmp_path), mean=MEAN, std=STD)
    for name in ("teacher.onnx", "student.onnx", "c0.onnx"):
        assert result.accuracy[name] == pytest.approx(plain.accuracy[name], abs=0.02)
    assert outcome_of(result, "KD306") == RuleStatus.PASS
    assert sentence(result, "Preprocessing of the teacher") == (
        "channels BGR, divided by 255, mean 0.2 0.4 0.6, std 0.3 0.2 0.1, axes NHWC; by --teacher-preprocess"
    )
    assert result.models[1].preprocess.endswith("by --student-preprocess imagenet")


def test_numbers_win_over_a_preset_and_a_models_own_option_over_numbers(tmp_path: Path) -> None:
    """From the most to the least particular."""
    options = files(tmp_path)
    numbers = audited(options, preprocess="imagenet", mean=MEAN, std=STD)
    assert "mean 0.6 0.4 0.2" in sentence(numbers, "Preprocessing of the teacher")
    own = audited(options, student_preprocess={"mean": [0.5], "std": [0.5]}, mean=MEAN, std=STD)
    assert "mean 0.6 0.4 0.2" in sentence(own, "Preprocessing of the teacher")
    assert "mean 0.5, std 0.5" in sentence(own, "Preprocessing of the student")


def test_a_file_that_says_how_it_is_fed_is_fed_so(tmp_path: Path) -> None:
    """By the table it carries; an option wins, and the contradiction is said."""
    said = {"kdaudit_preprocess": '{"mean": [0.6, 0.4, 0.2], "std": [0.1, 0.2, 0.3]}'}
    options = files(tmp_path, said, said)
    found = audited(options)
    assert (found.accuracy["teacher.onnx"] or 0) > 0.93
    assert sentence(found, "Preprocessing of the teacher").endswith("by kdaudit.preprocess of teacher.onnx")
    other = sentence(audited(options, preprocess="raw"), "Preprocessing of the student")
    assert "but: mean none, its file says 0.6 0.4 0.2" in other


def test_a_files_layout_follows_from_its_input(tmp_path: Path) -> None:
    """An input (n, 6, 6, 3) takes its pictures channels last, unasked."""
    nhwc = {"preprocess": replace(RIGHT, layout="NHWC"), "shape": ("n", 6, 6, 3)}
    found = audited(files(tmp_path, nhwc), mean=MEAN, std=STD)
    assert (found.accuracy["teacher.onnx"] or 0) > 0.93
    assert "axes NHWC; by --mean and --std and its ONNX file" in sentence(
        found, "Preprocessing of the teacher"
    )


def test_what_a_file_says_of_pixels_is_not_done_to_numbers(tmp_path: Path) -> None:
    """Floats in an .npz were preprocessed already; that this is assumed is said."""
    said = {"kdaudit_preprocess": '{"mean": [0.6, 0.4, 0.2], "std": [0.1, 0.2, 0.3]}'}
    options = files(tmp_path, said, said)
    mean, std = (np.array(RIGHT.mean)[:, None, None], np.array(RIGHT.std)[:, None, None])
    x = ((EVALUATION.x / 255 - mean) / std).astype(np.float32)
    np.savez(options["data"], x=x, y=EVALUATION.labels)
    found = audited(options)
    assert (found.accuracy["teacher.onnx"] or 0) > 0.93
    assert "is not applied: the inputs are saved as numbers of their own" in sentence(
        found, "Preprocessing of the teacher"
    )


@pytest.mark.parametrize(
    ("trained", "hint"),
    [
        (IMAGENET, "with ImageNet's mean and std."),
        (Preprocess(scale=1 / 255, mean=(0.5,) * 3, std=(0.5,) * 3), "with mean .5 and std .5."),
        (replace(RIGHT, channels="BGR"), "with channels BGR."),
        (replace(RIGHT, layout="NHWC"), "with axes NHWC."),
        (replace(IMAGENET, channels="BGR"), "with channels BGR and "),
    ],
)
def test_a_misfed_teacher_is_told_what_it_was_trained_with(
    tmp_path: Path, trained: Preprocess, hint: str
) -> None:
    """Its accuracy as given and as it would be; nothing is corrected."""
    options = files(tmp_path, {"preprocess": trained})
    result = audited(options, mean=MEAN, std=STD, expect_teacher_accuracy=0.96)
    reason = reason_of(result, "KD306")
    assert Outcome.INCONCLUSIVE == result.verdict
    assert hint in reason
    assert 1 == reason.count("on 512 examples")
    assert "as given" in reason


def save_channels_last(options: dict[str, Any]) -> None:
    """The evaluation pictures as arrays (n, height, width, 3)."""
    np.savez(options["data"], x=EVALUATION.x.transpose(0, 2, 3, 1), y=EVALUATION.labels)


def test_arrays_with_their_channels_last_are_found_out(tmp_path: Path) -> None:
    """A network that takes any height and width answers to them too: badly, until it is said how they are stored."""
    options = files(tmp_path)
    save_channels_last(options)
    reason = reason_of(audited(options, expect_teacher_accuracy=0.96), "KD306")
    assert "with stored NHWC" in reason
    said = audited(options, preprocess={"stored": "NHWC", **TABLE}, expect_teacher_accuracy=0.96)
    assert (said.accuracy["teacher.onnx"] or 0) > 0.93
    assert outcome_of(said, "KD306") == RuleStatus.PASS
    assert sentence(said, "Preprocessing of the teacher").startswith("read as NHWC, divided by 255, mean 0.6")


def test_a_network_that_takes_one_shape_says_how_to_say_the_other(tmp_path: Path) -> None:
    """The key and its value."""
    fixed = {"shape": ("n", 3, 6, 6)}
    options = files(tmp_path, fixed, fixed)
    save_channels_last(options)
    with pytest.raises(DataError, match="expected an example of shape 3 x 6 x 6") as caught:
        audited(options)
    assert 'the channels of the data come last: say stored = "NHWC" in a table' in (caught.value.hint or "")
    with pytest.raises(SpecError, match="expected 6 values in --mean and --std") as numbers:
        audited(options, mean=MEAN, std=STD)
    assert 'say stored = "NHWC", mean and std in a table' in (numbers.value.hint or "")
    with pytest.raises(
        SpecError, match="expected 6 values in mean and std of --preprocess cifar10"
    ) as preset:
        audited(options, preprocess="cifar10")
    assert 'the channels of the data come last: say stored = "NHWC"' in (preset.value.hint or "")
    assert outcome_of(audited(options, preprocess={"stored": "NHWC", **TABLE}), "KD306") == RuleStatus.PASS


def test_the_datas_own_mean_and_std_are_tried(tmp_path: Path) -> None:
    """As they are measured on 512 examples, in the message."""
    scaled = EVALUATION.x / 255
    own = Preprocess(
        scale=1 / 255, mean=tuple(scaled.mean(axis=(0, 2, 3))), std=tuple(scaled.std(axis=(0, 2, 3)))
    )
    result = audited(files(tmp_path, {"preprocess": own}), mean=MEAN, std=STD, expect_teacher_accuracy=0.96)
    assert "the data's own" in reason_of(result, "KD306")


def test_an_accuracy_that_nothing_explains_is_inconclusive(tmp_path: Path) -> None:
    """What was tried does no better: the file or the data is another."""
    result = audited(files(tmp_path), mean=MEAN, std=STD, expect_student_accuracy=0.99)
    reason = reason_of(result, "KD306")
    assert RuleStatus.UNDECIDED == outcome_of(result, "KD306")
    assert "below the 99.0% of --expect-student-accuracy. No other preprocessing" in reason


def test_an_accuracy_that_is_met_says_nothing(tmp_path: Path) -> None:
    """Within two points, or by chance."""
    options = files(tmp_path)
    plain = audited(options, mean=MEAN, std=STD)
    expected = (plain.accuracy["teacher.onnx"] or 0) + 0.015
    assert plain.rules == audited(options, mean=MEAN, std=STD, expect_teacher_accuracy=expected).rules


def test_a_files_accuracy_counts_only_with_an_explanation(tmp_path: Path) -> None:
    """It may be of other data; beside a preprocessing that fits better it is a finding."""
    said = {"kdaudit_accuracy": "0.99"}
    fine = audited(files(tmp_path, said), mean=MEAN, std=STD)
    assert outcome_of(fine, "KD306") == RuleStatus.PASS
    expected = sentence(fine, "Expected accuracy of the teacher teacher.onnx")
    assert expected == "99.0% by kdaudit.accuracy of teacher.onnx"
    misfed = audited(files(tmp_path, {**said, "preprocess": IMAGENET}), mean=MEAN, std=STD)
    assert "of kdaudit.accuracy of teacher.onnx" in reason_of(misfed, "KD306")


def test_a_background_class_that_the_labels_do_not_count(tmp_path: Path) -> None:
    """Outputs 1 to 5 for classes 0 to 4: shifted by one, named."""
    outputs = {"outputs": np.arange(1, 6)}
    result = audited(files(tmp_path, outputs, outputs), mean=MEAN, std=STD)
    assert Outcome.INCONCLUSIVE == result.verdict
    assert "the labels look shifted by +1" in reason_of(result, "KD306")


def test_permuted_outputs_are_judged_on_examples_that_they_were_not_found_on(tmp_path: Path) -> None:
    """Four classes in another order."""
    outputs = {"outputs": np.array([0, 2, 3, 4, 1])}
    result = audited(files(tmp_path, outputs), mean=MEAN, std=STD)
    reason = reason_of(result, "KD306")
    assert "the classes look permuted" in reason
    assert "found on one half of the examples and judged on the other" in reason
    assert "on 512 examples" not in reason, "what is still worse than the commonest class is no explanation"


def test_training_inputs_unlike_the_evaluation_inputs_violate_sanity(tmp_path: Path) -> None:
    """Saved as floats from 0 to 255 for the one and from 0 to 1 for the other; equal ones say nothing."""
    options = files(tmp_path)
    np.savez(options["data"], x=(EVALUATION.x / 255).astype(np.float32), y=EVALUATION.labels)
    train = tmp_path / "train.npz"
    np.savez(train, x=TRAINING.x.astype(np.float32), y=TRAINING.labels)
    unlike = audited(options, train_data=str(train))
    assert "Training and evaluation inputs differ: 3 of 3 features of x" in reason_of(unlike, "KD306")
    np.savez(train, x=(TRAINING.x / 255).astype(np.float32), y=TRAINING.labels)
    assert "Training and evaluation" not in reason_of(audited(options, train_data=str(train)), "KD306")


def test_training_inputs_of_another_width_violate_sanity(tmp_path: Path) -> None:
    """The same mean, and the deviation left out on one side."""
    options = files(tmp_path)
    centred = [(part.x / 255 - 0.42).astype(np.float32) for part in (EVALUATION, TRAINING)]
    np.savez(options["data"], x=centred[0] / np.float32(0.25), y=EVALUATION.labels)
    train = tmp_path / "train.npz"
    np.savez(train, x=centred[1], y=TRAINING.labels)
    reason = reason_of(audited(options, train_data=str(train)), "KD306")
    assert "every feature of x varies at least 4.0 times as much in one as in the other" in reason
    np.savez(train, x=centred[1] / np.float32(0.25), y=TRAINING.labels)
    assert "Training and evaluation" not in reason_of(audited(options, train_data=str(train)), "KD306")


@pytest.mark.parametrize("value", [0.0, 95.0])
def test_expected_accuracies_invalid(tmp_path: Path, value: float) -> None:
    """A share."""
    with pytest.raises(SpecError, match="expected --expect-teacher-accuracy above 0 and at most 1, found"):
        audited(files(tmp_path), expect_teacher_accuracy=value)


def test_predict_feeds_a_model_as_the_student_is_fed(tmp_path: Path) -> None:
    """By the same options."""
    options = files(tmp_path)
    spec = AuditSpec(**{**options, "control": (), "student_preprocess": TABLE})
    found = predict_one(spec, progress=lambda _event: None)
    assert np.mean(found.logits.argmax(axis=1) == EVALUATION.labels) > 0.93


def test_controls_are_trained_as_their_student_is_fed(tmp_path: Path) -> None:
    """BGR and NHWC, the teacher otherwise: controls learn, and answer as accurately as the student."""
    odd = replace(RIGHT, channels="BGR", mean=(0.2, 0.4, 0.6), std=(0.3, 0.2, 0.1), layout="NHWC")
    options = files(tmp_path, None, {"preprocess": odd, "shape": ("n", 6, 6, 3)})
    table = {"channels": "BGR", "layout": "NHWC", "mean": [0.2, 0.4, 0.6], "std": [0.3, 0.2, 0.1]}
    result = audited(
        {**options, "control": ()},
        teacher_preprocess=TABLE,
        student_preprocess=table,
        train_data=TRAINING.save(tmp_path / "train.npz"),
        controls=2,
        random_controls=0,
        positive_controls=1,
        epochs="20",
        workers=0,
    )
    assert result.n_controls == 2, result.reason
    trained = [m for m in result.models if m.role in {"independent", "positive"}]
    assert all((m.accuracy or 0) > 0.7 for m in trained), [m.accuracy for m in trained]


def test_pictures_of_two_sizes_are_two_copies(tmp_path: Path) -> None:
    """The teacher sees them larger than the student: the same examples, decoded twice, judged together."""
    root = tmp_path / "pictures"
    for i, (pixels, label) in enumerate(zip(EVALUATION.x[:300], EVALUATION.labels[:300], strict=True)):
        (root / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(root / str(label) / f"{i:03}.png")
    options = {**files(tmp_path), "data": str(root)}
    plain = audited(options, mean=MEAN, std=STD)
    large = {**TABLE, "resize": [12, 12], "interpolation": "nearest"}
    back = tmp_path / "halving.onnx"
    model = onnx.load(options["teacher"])
    half = [
        onnx.helper.make_node("AveragePool", ["large"], ["x"], kernel_shape=[2, 2], strides=[2, 2]),
        *model.graph.node,
    ]
    del model.graph.node[:]
    model.graph.node.extend(half)
    model.graph.input[0].name = "large"
    onnx.save(model, back)
    found = audited({**options, "teacher": str(back)}, teacher_preprocess=large, student_preprocess=TABLE)
    assert found.accuracy["halving.onnx"] == plain.accuracy["teacher.onnx"]
    assert found.accuracy["student.onnx"] == plain.accuracy["student.onnx"]
    assert "resized to 12 x 12 (nearest)" in sentence(found, "Preprocessing of the teacher")
