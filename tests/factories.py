"""Realistic audits for tests: `audit_result("fail")`. Every number, name and digest in here is invented."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable
from typing import Literal

from kdaudit.schema import (
    AnswerCount,
    Assumption,
    AuditResult,
    CurveRecord,
    DataRecord,
    EffectRecord,
    Environment,
    InheritedExample,
    InheritedPairRecord,
    InheritedRecord,
    ModelRecord,
    PartRecord,
    PlannerRow,
    PolicyRecord,
    ReliabilityBin,
    RuleRecord,
    SkippedRecord,
    TransferRecord,
)
from kdaudit.types import Outcome, RuleStatus

Kind = Literal[
    "fail",
    "pass",
    "inconclusive",
    "unfit",
    "empty",
    "two-classes",
    "many-classes",
    "hostile",
    "no-gallery",
    "differences-only",
    "unlabelled",
]
Role = Literal["teacher", "student", "independent", "random", "positive"]

CLASSES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
# Where the mean of ten controls is 0 and their deviation 1.
SPREAD = (-0.34, 0.98, -1.72, 1.94, -0.02, -1.12, 1.44, 0.28, -0.66, 0.54)
HOSTILE_NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "]]></testcase><!-- -->",
    "a|b`c`*d*_e_[f](g)",
    "line\r\nbreak\tand\x00nul\x1b[31m",
    "حذاء رياضي",
    "\u202eelppa\u202c",
    "👟🏿‍👩‍👩‍👧",
    "x" * 300,
    "{{ 7 * 7 }}{% raw %}::error::%0A@all #1 https://example.org/",
)


def audit_result(kind: Kind) -> AuditResult:
    """One invented audit of the given kind."""
    return _BUILDERS[kind]()


def kinds() -> tuple[Kind, ...]:
    """All kinds, for parametrised tests."""
    return tuple(_BUILDERS)


def effect(estimate: float | None, low: float | None, high: float | None, p: float | None) -> EffectRecord:
    """An estimate with its interval and the ten controls around 0."""
    half = 0.0 if low is None or high is None else (high - low) / 4
    tested = estimate is not None and half > 0
    return EffectRecord(
        estimate=estimate,
        low90=low,
        high90=high,
        p=p,
        z=round(estimate / half, 1) if estimate is not None and half > 0 else None,
        cliffs_delta=0.8 if tested else None,
        rank_p=1 / 11 if tested else None,
        controls=tuple(round(half * step, 4) for step in SPREAD),
    )


def rule(
    id: str,
    outcome: RuleStatus,
    title: str,
    reason: str,
    *,
    level: Literal["finding", "warn", "error"] = "warn",
    unit: Literal["share", "ratio", "count", "points"] = "count",
    observed: float | None = None,
    low: float | None = None,
    high: float | None = None,
    required: str = "",
    n: int | None = None,
    p: float | None = None,
    fitness: bool = False,
    waiver: str = "",
) -> RuleRecord:
    """One rule of the gate."""
    return RuleRecord(
        id=id,
        title=title,
        level=level,
        fitness=fitness,
        outcome=outcome,
        required=required,
        reason=reason,
        observed=observed,
        unit=unit,
        low90=low,
        high90=high,
        n=n,
        p=p,
        waiver=waiver,
    )


def picture(seed: int, size: int = 28) -> str:
    """A small grey PNG as a data URI, different for every seed."""
    rows = b"".join(
        b"\x00" + bytes((x * y * (seed + 3) // 7 + 40 * ((x + seed) % 5)) % 256 for x in range(size))
        for y in range(size)
    )

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _bins(surplus: float) -> tuple[ReliabilityBin, ...]:
    """15 bins of a model whose confidence lies `surplus` above its accuracy where it is unsure."""
    sure = (0.34, 0.45, 0.54, 0.62, 0.69, 0.76, 0.82, 0.87, 0.91, 0.94, 0.965, 0.98, 0.99, 0.996, 0.999)
    return tuple(
        ReliabilityBin(confidence=c, accuracy=round(min(max(c - surplus * 4 * c * (1 - c), 0), 1), 4), n=666)
        for c in sure
    )


def _curve(end: float, epochs: int = 30) -> tuple[CurveRecord, ...]:
    return tuple(
        CurveRecord(
            epoch=epoch,
            loss=round(1.4 * 0.86**epoch + 0.25, 4),
            accuracy=round(end - 0.16 * 0.8**epoch + 0.002 * ((epoch * 7) % 3 - 1) * 0.9**epoch, 4),
        )
        for epoch in range(1, epochs + 1)
    )


def _model(
    name: str,
    role: Role,
    accuracy: float,
    *,
    wrong: float,
    right: float,
    surplus: float = 0.01,
    ece: float = 0.024,
    trained: bool = False,
) -> ModelRecord:
    return ModelRecord(
        name=name,
        role=role,
        file=name if "." in name else f"{name}.safetensors",
        sha256=_digest(name),
        kind="onnx" if "." in name else "torch",
        output="logits",
        device="cpu",
        accuracy=accuracy,
        loss=round(0.9 - 0.68 * accuracy, 3),
        ece=ece,
        negative_flips=round(1 - right, 4) if role != "teacher" else 0.0,
        error_consistency=round(0.9 * wrong, 4) if role != "teacher" else None,
        agreement_W=wrong,
        agreement_R=right,
        reliability=_bins(surplus),
        seed=name if trained else "",
        curve=_curve(accuracy) if trained else (),
        seconds=82.0 if trained else None,
    )


def _models(
    *,
    teacher: str,
    student: str,
    accuracies: tuple[float, float, float],
    wrong: tuple[float, float],
    right: tuple[float, float],
    n_controls: int = 10,
    n_random: int = 5,
    n_positive: int = 2,
) -> tuple[ModelRecord, ...]:
    """Teacher, student and controls; pairs are (student, mean of the controls)."""
    teacher_accuracy, student_accuracy, controls = accuracies
    models = [
        _model(teacher, "teacher", teacher_accuracy, wrong=1, right=1, surplus=0.015, ece=0.019),
        _model(
            student, "student", student_accuracy, wrong=wrong[0], right=right[0], surplus=-0.06, ece=0.052
        ),
    ]
    centre = sum(SPREAD[:n_controls]) / max(n_controls, 1)
    for index in range(n_controls):
        step = SPREAD[index] - centre
        models.append(
            _model(
                f"independent/{index}",
                "independent",
                round(controls + 0.002 * step, 4),
                wrong=round(wrong[1] + 0.01 * step, 4),
                right=round(right[1] + 0.002 * step, 4),
                surplus=0.01 + 0.003 * step,
                ece=round(0.024 + 0.002 * step, 4),
                trained=True,
            )
        )
    for index in range(n_random):
        accuracy = round(controls - 0.025 + 0.004 * SPREAD[index], 4)
        models.append(
            _model(f"random/{index}", "random", accuracy, wrong=0.35, right=0.92, surplus=-0.2, trained=True)
        )
    for index in range(n_positive):
        accuracy = round(controls - 0.003 + 0.002 * index, 4)
        taken = wrong[1] + (0.42 - 0.04 * index) * (1 - wrong[1])
        models.append(
            _model(
                f"positive/{index}", "positive", accuracy, wrong=round(taken, 4), right=0.951, trained=True
            )
        )
    return tuple(models)


def _transfer(
    closer: float, p: float, *, n_controls: int = 10, n_random: int = 5, n_positive: int = 2
) -> dict[Literal["activation", "js", "rank", "prediction"], TransferRecord]:
    """Four measures of a student that lies `closer` (a share of the distance) to its teacher than controls do."""
    means = {"activation": 0.142, "js": 0.038, "rank": 0.55, "prediction": 0.0984}
    records = {}
    for measure, centre in means.items():
        spread = centre * 0.025
        gap = centre * closer
        records[measure] = TransferRecord(
            estimate=round(gap, 5),
            low90=round(gap - 1.83 * spread, 5),
            high90=round(gap + 1.83 * spread, 5),
            p=p,
            z=round(gap / spread * 0.914, 1),
            cliffs_delta=1.0,
            rank_p=1 / (n_controls + 1),
            p_independent=p / 4,
            p_random=0.0001 if n_random else None,
            student=round(centre - gap, 5),
            independent=tuple(round(centre + spread * step, 5) for step in SPREAD[:n_controls]),
            random=tuple(round(centre * 1.9 + 2 * spread * step, 5) for step in SPREAD[:n_random]),
            positive=(round(centre * 0.64, 5), round(centre * 0.66, 5))[:n_positive],
        )
    return records  # type: ignore[return-value]


def _example(index: int, label: int, answer: int, *, image: bool = True) -> InheritedExample:
    sure = max(0.98 - 0.009 * index, 0.3)
    return InheritedExample(
        id=str(921 + 613 * index),
        label=label,
        answer=answer,
        teacher_confidence=round(sure, 3),
        student_confidence=round(sure - 0.04, 3),
        controls=(AnswerCount(answer=label, n=9), AnswerCount(answer=(label + 1) % 10, n=1)),
        controls_confidence=round(sure - 0.2, 3),
        surprise=round(9.2 - 0.4 * index, 2),
        image=picture(index) if image else None,
    )


def _inherited(*, n: int = 96, expected: float = 11.0, n_examples: int = 12) -> InheritedRecord:
    pairs: tuple[tuple[int, int, int, float], ...]
    pairs = ((6, 4, 52, 1.6), (6, 2, 11, 2.1), (0, 6, 8, 1.8), (2, 4, 7, 1.4), (6, 3, 5, 0.8), (4, 2, 4, 1.1))
    pairs += ((3, 4, 3, 0.5), (7, 9, 2, 0.5), (9, 7, 2, 0.5), (1, 3, 2, 0.7))
    scale = n / 96
    return InheritedRecord(
        n=n,
        expected_by_chance=expected,
        fdr=round(min(expected / n, 1.0), 4),
        tau=0,
        pairs=tuple(
            InheritedPairRecord(label=a, answer=b, n=max(round(k * scale), 1), expected_by_chance=chance)
            for a, b, k, chance in pairs
        ),
        examples=tuple(_example(i, pairs[i % 5][0], pairs[i % 5][1]) for i in range(n_examples)),
    )


def _parts(names: tuple[str, ...], *, n: int, slices: tuple[str, ...] = ()) -> tuple[PartRecord, ...]:
    """Classes of decreasing shares, pairs of neighbours, and slices of the column "light"."""

    def part(index: int, total: int, family: Literal["class", "pair", "slice"], name: str) -> PartRecord:
        share = 0.62 - 0.7 * index / total
        n_errors = max(140 - index, 20)
        return PartRecord(
            family=family,
            name=name,
            n=n,
            n_W=n_errors,
            repeated=n_errors * (0.4 + 0.3 * max(share, 0.0)),
            repeated_by_controls=n_errors * 0.4,
            accuracy=None if family == "pair" else 0.84,
            accuracy_of_controls=None if family == "pair" else 0.87,
            kappa_W=effect(share, share - 0.11, share + 0.11, min(1.0, 0.0004 + index / total)),
            q_kappa_W=min(1.0, 0.0004 + 1.4 * index / total),
            lost=None if family == "pair" else effect(0.03, 0.01, 0.05, 0.01),
            q_lost=None if family == "pair" else 0.04,
            inherited=tuple(str(921 + 613 * (index + step)) for step in (0, 1, 40)),
        )

    total = len(names)
    return (
        *(part(i, total, "class", name) for i, name in enumerate(names)),
        *(part(i, 4, "pair", f"{names[i % total]} → {names[(i + 1) % total]}") for i in range(3)),
        *(part(i, 4, "slice", f"light = {value}") for i, value in enumerate(slices)),
    )


def _data(name: str, n: int, classes: tuple[str, ...] = CLASSES) -> DataRecord:
    return DataRecord(
        name=name,
        kind="arrays",
        location=f"{name}.npz",
        sha256=_digest(name),
        n=n,
        n_classes=len(classes) or None,
        class_names=classes,
        majority_share=0.1,
    )


def _assumptions() -> tuple[Assumption, ...]:
    return (
        Assumption(
            what="Architecture", value="the student’s own graph, weights drawn anew", known_from="verified"
        ),
        Assumption(what="Training labels", value="fashion-train, 60,000 labels", known_from="verified"),
        Assumption(what="Schedule", value="30 epochs, SGD, cosine, batch 128", known_from="stated"),
        Assumption(what="Initialisation", value="random; not taken from the teacher", known_from="stated"),
        Assumption(what="Data augmentation", value="none", known_from="default"),
    )


def _fail_rules() -> tuple[RuleRecord, ...]:
    passed, warned = RuleStatus.PASS, RuleStatus.WARNING
    return (
        rule(
            "KD101",
            RuleStatus.FINDING,
            "Functional transfer",
            "Closer than the controls in 4 of 4 measures.",
            level="finding",
            observed=4,
            required="at least 1",
            n=10000,
            p=0.0001,
        ),
        rule(
            "KD201",
            RuleStatus.FAIL,
            "Wrong knowledge taken over",
            "Where the teacher is wrong, the student gives the same wrong answer in 516 of 880 cases; "
            "independent controls do so in 352.",
            level="error",
            unit="share",
            observed=0.3106,
            low=0.26,
            high=0.36,
            required="fail from 10 %, p ≤ .05",
            n=880,
            p=0.0002,
        ),
        rule(
            "KD202",
            warned,
            "Negative asymmetry",
            "The ratio and the wrong knowledge are both above chance.",
            unit="ratio",
            observed=1.39,
            low=1.18,
            high=1.64,
            required="warn from 1.25, p ≤ .05",
            n=10000,
            p=0.002,
        ),
        rule(
            "KD203",
            RuleStatus.FINDING,
            "Attribution to this teacher",
            "Wrong knowledge, closeness to this teacher rather than to other models, and transfer are above chance.",
            level="finding",
            unit="share",
            observed=0.24,
            low=0.17,
            high=0.31,
            required="each p ≤ .05",
            n=880,
            p=0.0004,
        ),
        rule(
            "KD204",
            warned,
            "Inherited errors above chance",
            "96 examples, no control agrees; 11 are expected by chance.",
            observed=96,
            low=81,
            high=111,
            required="at most twice the expected",
            n=880,
        ),
        rule(
            "KD301",
            passed,
            "Controls fit and matched",
            "Their accuracy is near the student’s.",
            level="error",
            fitness=True,
            unit="points",
            observed=-0.003,
            low=-0.007,
            high=0.0,
            required="within 5 points",
            n=10,
        ),
        rule(
            "KD302",
            passed,
            "Teacher errors and headroom",
            "",
            level="error",
            fitness=True,
            observed=880,
            required="at least 200",
            n=10000,
        ),
        rule(
            "KD303",
            passed,
            "Positive controls show transfer",
            "Two freshly distilled students show 42 % and 38 %.",
            observed=2,
            required="at least 1",
            n=2,
        ),
        rule(
            "KD304",
            passed,
            "Sharpness",
            "An inheritance of 7 % or more would be found in 80 of 100 audits.",
            unit="share",
            observed=0.07,
            required="at most 20 %",
            n=880,
        ),
        rule(
            "KD305",
            passed,
            "Number of controls",
            "",
            level="error",
            fitness=True,
            observed=10,
            required="at least 10",
        ),
        rule("KD306", passed, "Models and data are sane", "", level="error", fitness=True),
        rule(
            "KD307",
            passed,
            "Evaluation data inside the training data",
            "No duplicates.",
            unit="share",
            observed=0.0,
            required="at most 1 %",
            n=10000,
        ),
        rule(
            "KD401",
            passed,
            "Accuracy",
            "As accurate as the controls.",
            unit="points",
            observed=-0.003,
            low=-0.007,
            high=0.0,
            required="at least −2.5 points",
            n=10000,
        ),
        rule(
            "KD402",
            passed,
            "Negative flips",
            "438 answers that the teacher has right; controls lose 456.",
            unit="share",
            observed=0.0438,
            low=0.04,
            high=0.0475,
            required="at most 5.5 %",
            n=10000,
        ),
        rule(
            "KD403",
            RuleStatus.WAIVED,
            "Calibration",
            "Its calibration error is 2.8 points above that of networks without the teacher.",
            level="error",
            unit="share",
            observed=0.052,
            low=0.047,
            high=0.057,
            required="at most controls + 2 points",
            n=10000,
            p=0.0001,
            waiver="waived until 31 March 2027: Temperature is refitted when the model is served. "
            "Otherwise it would fail",
        ),
        rule(
            "KD404",
            warned,
            "Classes",
            "shirt: recall 66.8 %, controls 70.9 %.",
            unit="points",
            observed=-0.041,
            low=-0.065,
            high=-0.017,
            required="warn from −3 points",
            n=1000,
            p=0.004,
        ),
        rule(
            "KD405",
            RuleStatus.NOT_JUDGED,
            "Slices",
            "The data has no slice column. Name one with --slice COLUMN.",
        ),
    )


def _fail() -> AuditResult:
    models = _models(
        teacher="cnn-large.onnx",
        student="cnn-small.onnx",
        accuracies=(0.912, 0.896, 0.899),
        wrong=(0.5864, 0.4),
        right=(0.952, 0.95),
    )
    return AuditResult(
        verdict=Outcome.FAIL,
        reason="The student took over 31 % of the teacher's errors that controls avoid; the limit is 10 %.",
        asymmetry="negative",
        attribution="this_teacher",
        exit_code=1,
        teacher="cnn-large.onnx",
        students=("cnn-small.onnx",),
        rules=_fail_rules(),
        n=10000,
        n_W=880,
        n_R=9120,
        headroom_W=528.0,
        n_repeated_W=516,
        n_repeated_R=8682,
        n_controls=10,
        n_random=5,
        n_positive=2,
        accuracy={model.name: model.accuracy for model in models},
        accuracy_gap=effect(-0.003, -0.007, 0.0, 0.9),
        negative_flips=effect(0.002, -0.001, 0.005, 0.2),
        ece=effect(0.028, 0.024, 0.032, 0.0001),
        error_consistency=effect(0.168, 0.151, 0.185, 0.0001),
        information=effect(0.0414, 0.036, 0.0468, 0.0001),
        kappa_W=effect(0.3106, 0.26, 0.36, 0.0002),
        kappa_R=effect(0.04, -0.05, 0.12, 0.21),
        rrr=effect(1.39, 1.18, 1.64, 0.002),
        did=effect(0.24, 0.17, 0.31, 0.0004),
        tilt=None,
        harm_per_1000=effect(16.4, 13.7, 19.0, 0.0002),
        benefit_per_1000=effect(1.8, -2.1, 5.7, 0.21),
        raw_gain_W=0.1864,
        raw_gain_R=0.002,
        p_asymmetry=0.002,
        transfer=_transfer(0.3, 0.0004),
        inherited=_inherited(),
        parts=_parts(CLASSES, n=1000, slices=("day", "dusk", "night")),
        sharpness=0.07,
        models=models,
        data=_data("Fashion-MNIST", 10000),
        train_data=_data("Fashion-MNIST train", 60000),
        recipe={"epochs": 30, "optimizer": "sgd", "schedule": "cosine", "batch_size": 128, "lr": 0.1},
        fidelity="The controls have the student's own graph, with BatchNorm kept",
        assumptions=_assumptions(),
        policy=PolicyRecord(preset="default"),
        skipped=(SkippedRecord(what="slices", stage="policy", reason="the data has no slice column"),),
        command="kdaudit check cnn-large.onnx cnn-small.onnx --data fashion-test.npz --train-data fashion-train.npz",
        seed=7,
        started="2025-11-24T14:05:00+00:00",
        seconds=31.0,
        environment=Environment(
            kdaudit="0.1.0",
            python="3.11",
            platform="Linux x86_64",
            device="one GPU, float32",
            packages={"torch": "2.5", "onnxruntime": "1.20", "numpy": "2.1"},
        ),
        signature="kdaudit:0.1.0|T:91c2e07b|S:0b7e94d1|n:10000|nW:880|IND:10|RCD:5|POS:2|seed:7|FAIL|kW:.31[.26,.36]",
    )


def _changed(result: AuditResult, **fields: object) -> AuditResult:
    """The same audit with other fields, validated again."""
    return AuditResult.model_validate(
        {**{name: getattr(result, name) for name in type(result).model_fields}, **fields}
    )


def _pass() -> AuditResult:
    models = _models(
        teacher="cnn-large-v2.onnx",
        student="cnn-small-v2.onnx",
        accuracies=(0.924, 0.91, 0.905),
        wrong=(0.4316, 0.42),
        right=(0.954, 0.948),
    )
    rules = {row.id: row for row in _fail_rules()}
    changed = (
        rules["KD201"].model_copy(
            update={
                "outcome": RuleStatus.PASS,
                "observed": 0.02,
                "low90": -0.03,
                "high90": 0.07,
                "p": 0.25,
                "n": 760,
                "required": "interval ends below 20 %",
                "reason": "The student repeats 328 of the teacher's 760 errors; independent controls repeat 319.",
            }
        ),
        rules["KD202"].model_copy(
            update={"outcome": RuleStatus.PASS, "observed": 0.9, "low90": 0.81, "high90": 1.0, "p": 0.95}
        ),
        rules["KD203"].model_copy(
            update={
                "outcome": RuleStatus.NOT_JUDGED,
                "observed": None,
                "low90": None,
                "high90": None,
                "p": None,
                "n": None,
                "reason": "Nothing was taken over beyond chance, so there is nothing to attribute.",
            }
        ),
        *(rules[id] for id in ("KD301", "KD302", "KD303", "KD305", "KD306", "KD401")),  # noqa: A001
        rules["KD304"].model_copy(update={"observed": 0.08}),
    )
    return _changed(
        _fail(),
        verdict=Outcome.PASS,
        reason="The interval of the wrong knowledge ends below 20 %.",
        asymmetry="absent",
        attribution="unproven",
        exit_code=0,
        teacher="cnn-large-v2.onnx",
        students=("cnn-small-v2.onnx",),
        rules=changed,
        n_W=760,
        n_R=9240,
        headroom_W=441.0,
        n_repeated_W=328,
        n_repeated_R=8818,
        accuracy={model.name: model.accuracy for model in models},
        accuracy_gap=effect(0.005, 0.002, 0.009, 0.01),
        negative_flips=effect(-0.006, -0.009, -0.003, 0.99),
        ece=effect(0.001, -0.003, 0.005, 0.3),
        error_consistency=effect(0.01, -0.01, 0.03, 0.2),
        information=effect(0.0012, -0.004, 0.0064, 0.34),
        kappa_W=effect(0.02, -0.03, 0.07, 0.25),
        kappa_R=effect(0.12, 0.05, 0.19, 0.01),
        rrr=effect(0.9, 0.81, 1.0, 0.95),
        did=effect(0.01, -0.05, 0.07, 0.4),
        tilt=effect(0.04, -0.01, 0.09, 0.1),
        harm_per_1000=effect(0.9, -1.3, 3.1, 0.25),
        benefit_per_1000=effect(5.8, 2.4, 9.1, 0.01),
        raw_gain_W=0.0118,
        raw_gain_R=0.006,
        p_asymmetry=0.95,
        transfer=_transfer(0.01, 0.31),
        inherited=_inherited(n=14, expected=12.3, n_examples=4),
        sharpness=0.08,
        models=models,
        skipped=(),
        signature="kdaudit:0.1.0|T:aa10|S:bb20|n:10000|nW:760|PASS|kW:.02[-.03,.07]",
    )


def _inconclusive() -> AuditResult:
    models = _models(
        teacher="cnn-large-v3.onnx",
        student="cnn-small-v3.onnx",
        accuracies=(0.944, 0.923, 0.921),
        wrong=(0.488, 0.405),
        right=(0.958, 0.9534),
        n_controls=5,
        n_positive=0,
    )
    rules = {row.id: row for row in _fail_rules()}
    undecided = {"outcome": RuleStatus.UNDECIDED}
    changed = (
        rules["KD201"].model_copy(
            update={
                **undecided,
                "observed": 0.14,
                "low90": -0.02,
                "high90": 0.30,
                "p": 0.07,
                "n": 84,
                "required": "fail from 10 %, p ≤ .05; pass if the interval ends below 20 %",
                "reason": "The interval covers both 0 and 20 %.",
            }
        ),
        rules["KD202"].model_copy(
            update={**undecided, "observed": 1.06, "low90": 0.8, "high90": 1.4, "p": 0.35, "n": 1500}
        ),
        rules["KD302"].model_copy(
            update={
                "outcome": RuleStatus.WARNING,
                "observed": 84.0,
                "n": 1500,
                "reason": "84 teacher errors are few.",
            }
        ),
        rules["KD304"].model_copy(
            update={
                "outcome": RuleStatus.WARNING,
                "observed": 0.23,
                "n": 84,
                "reason": "Only 23 % or more is found.",
            }
        ),
        rules["KD305"].model_copy(
            update={
                "outcome": RuleStatus.WARNING,
                "observed": 5.0,
                "reason": "5 are acceptable, 10 are advised.",
            }
        ),
        rules["KD405"],
        rules["KD301"],
        rules["KD401"].model_copy(update={"observed": 0.002, "low90": -0.009, "high90": 0.013, "n": 1500}),
    )
    return _changed(
        _fail(),
        verdict=Outcome.INCONCLUSIVE,
        reason="The interval of the wrong knowledge is too wide: it holds 0 and 20 %.",
        asymmetry="undetermined",
        attribution="unproven",
        exit_code=3,
        teacher="cnn-large-v3.onnx",
        students=("cnn-small-v3.onnx",),
        rules=changed,
        n=1500,
        n_W=84,
        n_R=1416,
        headroom_W=50.0,
        n_repeated_W=41,
        n_repeated_R=1356,
        n_controls=5,
        n_random=5,
        n_positive=0,
        accuracy={model.name: model.accuracy for model in models},
        accuracy_gap=effect(0.002, -0.009, 0.013, 0.4),
        kappa_W=effect(0.14, -0.02, 0.30, 0.07),
        kappa_R=effect(0.09, -0.09, 0.27, 0.2),
        rrr=effect(1.06, 0.8, 1.4, 0.35),
        did=effect(0.08, -0.1, 0.26, 0.2),
        harm_per_1000=effect(4.7, -0.7, 10.0, 0.07),
        benefit_per_1000=effect(4.0, -4.0, 11.9, 0.2),
        raw_gain_W=0.083,
        raw_gain_R=0.0042,
        p_asymmetry=0.35,
        transfer=_transfer(0.05, 0.09, n_controls=5, n_positive=0),
        inherited=_inherited(n=9, expected=5.1, n_examples=2),
        sharpness=0.23,
        planner=(
            PlannerRow(purpose="fail", kappa_W=0.14, n_W=180, n=3200, n_controls=10),
            PlannerRow(purpose="pass", kappa_W=0.0, n_W=85, n=1500, n_controls=10),
            PlannerRow(purpose="pass", kappa_W=0.10, n_W=None, n=None, n_controls=10),
        ),
        models=models,
        data=_data("Fashion-MNIST", 1500),
        signature="kdaudit:0.1.0|T:cc30|S:dd40|n:1500|nW:84|INCONCLUSIVE|kW:.14[-.02,.30]",
    )


def _as_measured(row: RuleRecord) -> RuleRecord:
    """A rule on what was taken over as an unfit audit leaves it; other rules as they are."""
    if not row.id.startswith("KD2"):
        return row
    said = "As measured; this audit is not fit for a verdict (KD301), so it decides nothing."
    title = "Whether the student repeats its teacher’s errors" if row.id == "KD201" else row.title
    outcome = row.outcome if row.outcome is RuleStatus.FINDING else RuleStatus.UNDECIDED
    return row.model_copy(update={"outcome": outcome, "title": title, "reason": said})


def _unfit() -> AuditResult:
    """Three of five controls diverged: a fitness rule is violated."""
    base = _fail()
    broken = tuple(
        model.model_copy(
            update={
                "fit": False,
                "unfit_reason": "the loss is not a number after epoch 3",
                "accuracy": None,
                "loss": None,
                "ece": None,
                "agreement_W": None,
                "agreement_R": None,
                "reliability": (),
            }
        )
        if model.name in ("independent/3", "independent/4", "independent/5")
        else model
        for model in base.models
    )
    rules = tuple(
        row.model_copy(
            update={
                "outcome": RuleStatus.UNDECIDED,
                "observed": 3.0,
                "unit": "count",
                "low90": None,
                "high90": None,
                "required": "at most 20 % unfit",
                "reason": "3 of 10 independent controls are unfit: their training diverged.",
            }
        )
        if row.id == "KD301"
        else _as_measured(row)
        for row in base.rules
    )
    return _changed(
        base,
        verdict=Outcome.INCONCLUSIVE,
        reason="3 of 10 independent controls are unfit.",
        asymmetry="undetermined",
        attribution="unproven",
        exit_code=3,
        rules=rules,
        n_controls=7,
        models=broken,
    )


def _empty() -> AuditResult:
    base = _fail()
    quality = dict.fromkeys(("ece", "negative_flips", "error_consistency"))
    nothing = {"accuracy": None, "loss": None, "agreement_W": None, **quality}
    models = tuple(
        model.model_copy(update={**nothing, "agreement_R": None, "reliability": (), "curve": ()})
        for model in base.models[:2]
    )
    rules = (
        rule(
            "KD201",
            RuleStatus.NOT_JUDGED,
            "Wrong knowledge taken over",
            "Nothing was measured.",
            level="error",
        ),
        rule(
            "KD306",
            RuleStatus.UNDECIDED,
            "Models and data are sane",
            "The teacher's output is constant",
            level="error",
            fitness=True,
        ),
    )
    return _changed(
        base,
        verdict=Outcome.INCONCLUSIVE,
        reason="the teacher's output is constant",
        asymmetry="undetermined",
        attribution="unproven",
        exit_code=3,
        rules=rules,
        n=0,
        n_W=None,
        n_R=None,
        headroom_W=None,
        n_repeated_W=None,
        n_repeated_R=None,
        n_controls=0,
        n_random=0,
        n_positive=0,
        accuracy={},
        accuracy_gap=None,
        information=None,
        **quality,
        kappa_W=None,
        kappa_R=None,
        rrr=None,
        did=None,
        harm_per_1000=None,
        benefit_per_1000=None,
        raw_gain_W=None,
        raw_gain_R=None,
        p_asymmetry=None,
        transfer={},
        parts=(),
        inherited=None,
        sharpness=None,
        models=models,
        data=_data("nothing", 0, ()),
        train_data=None,
        recipe=None,
        fidelity="",
        assumptions=(),
        skipped=(
            SkippedRecord(what="controls", stage="train", reason="no training data was given"),
            SkippedRecord(what="transfer", stage="assess", reason="there are no controls"),
        ),
        signature="",
    )


def _two_classes() -> AuditResult:
    """Two classes: rank equals prediction and is left out; the student is almost a copy."""
    base = _fail()
    transfer = {name: record for name, record in base.transfer.items() if name != "rank"}
    return _changed(
        base,
        transfer=transfer,
        kappa_W=effect(0.97, 0.93, 1.01, 0.0001),
        kappa_R=effect(0.2, -1.4, 1.8, 0.3),
        rrr=effect(61.0, 20.0, 186.0, 0.0001),
        n_repeated_W=864,
        harm_per_1000=effect(151.2, 140.0, 162.0, 0.0001),
        benefit_per_1000=effect(-3.2, -9.0, 2.6, 0.8),
        inherited=InheritedRecord(
            n=312,
            expected_by_chance=0.6,
            fdr=0.002,
            tau=0,
            pairs=(
                InheritedPairRecord(label=0, answer=1, n=300, expected_by_chance=0.4),
                InheritedPairRecord(label=1, answer=0, n=12, expected_by_chance=0.2),
            ),
            examples=tuple(
                _example(i, i % 2, 1 - i % 2, image=False).model_copy(
                    update={
                        "features": tuple(round(0.37 * (i + 1) * step, 3) for step in SPREAD),
                        "controls": (AnswerCount(answer=i % 2, n=10),),
                    }
                )
                for i in range(6)
            ),
        ),
        parts=_parts(("stays", "leaves"), n=5000),
        data=_data("churn", 10000, ("stays", "leaves")),
    )


def _many_classes() -> AuditResult:
    """1,000 classes, 400 pairs, 200 epochs, no pictures."""
    base = _fail()
    names = tuple(f"class of birds and beasts, number {index}" for index in range(1000))
    pairs = tuple(
        InheritedPairRecord(
            label=i, answer=(i * 37 + 5) % 1000, n=max(40 - i // 5, 1), expected_by_chance=0.3
        )
        for i in range(400)
    )
    inherited = InheritedRecord(n=5200, expected_by_chance=120.0, fdr=0.0231, tau=3, pairs=pairs, examples=())
    models = tuple(
        model.model_copy(update={"curve": _curve(model.accuracy or 0, 200)}) if model.curve else model
        for model in base.models
    )
    return _changed(
        base,
        inherited=inherited,
        parts=_parts(names, n=50),
        models=models,
        data=_data("ImageNet-like", 50000, names),
        n=50000,
    )


def _no_gallery() -> AuditResult:
    """A failing audit of 40 controls whose examples carry no pictures; three students."""
    base = _fail()
    inherited = base.inherited
    assert inherited is not None
    examples = tuple(example.model_copy(update={"image": None}) for example in inherited.examples)
    extra = tuple(
        base.models[2 + index % 10].model_copy(update={"name": f"independent/{index}", "curve": ()})
        for index in range(10, 40)
    )
    students = tuple(
        base.models[1].model_copy(update={"name": f"cnn-small-{seed}.onnx", "accuracy": 0.894 + seed / 500})
        for seed in range(3)
    )
    return _changed(
        base,
        inherited=inherited.model_copy(update={"examples": examples, "tau": 4}),
        models=(base.models[0], *students, *base.models[2:], *extra),
        students=tuple(student.name for student in students),
        n_controls=40,
    )


def _differences_only() -> AuditResult:
    """Two controls: differences, but no test and no interval."""
    base = _fail()

    def bare(record: EffectRecord | None) -> EffectRecord | None:
        tests = dict.fromkeys(("low90", "high90", "p", "z", "cliffs_delta", "rank_p"))
        update = {**tests, "status": "differences-only"}
        return (
            None if record is None else record.model_copy(update={**update, "controls": record.controls[:2]})
        )

    effects = (
        *("accuracy_gap", "negative_flips", "ece", "error_consistency", "information"),
        *("kappa_W", "kappa_R", "rrr", "did", "harm_per_1000", "benefit_per_1000"),
    )
    transfer = {
        name: record.model_copy(
            update={
                **dict.fromkeys(
                    ("low90", "high90", "p", "z", "cliffs_delta", "p_independent", "p_random", "rank_p")
                ),
                "status": "differences-only",
                "independent": record.independent[:2],
                "random": (),
                "positive": (),
            }
        )
        for name, record in base.transfer.items()
    }
    rules = tuple(
        row.model_copy(
            update={
                "outcome": RuleStatus.UNDECIDED,
                "observed": 2.0,
                "required": "at least 3",
                "reason": "2 controls allow no test.",
            }
        )
        if row.id == "KD305"
        else row.model_copy(
            update={
                "outcome": RuleStatus.NOT_JUDGED,
                "low90": None,
                "high90": None,
                "p": None,
                "reason": "There are too few controls for a test.",
            }
        )
        if row.id in ("KD101", "KD201", "KD202", "KD203", "KD204", "KD303", "KD304", "KD401")
        else row
        for row in base.rules
    )
    return _changed(
        base,
        verdict=Outcome.INCONCLUSIVE,
        reason="2 controls allow no test; at least 3 are needed.",
        asymmetry="undetermined",
        attribution="unproven",
        exit_code=3,
        rules=rules,
        n_controls=2,
        n_random=0,
        n_positive=0,
        p_asymmetry=None,
        inherited=None,
        parts=(),
        sharpness=None,
        transfer=transfer,
        models=base.models[:4],
        recipe=None,
        **{name: bare(getattr(base, name)) for name in effects},
    )


def _hostile() -> AuditResult:
    """Every name that a user or a file can choose is an attack or a nuisance."""
    base = _fail()
    bad = HOSTILE_NAMES
    rules = tuple(
        row.model_copy(
            update={"reason": f"{row.reason} {bad[index % len(bad)]}", "title": bad[index % len(bad)]}
        )
        for index, row in enumerate(base.rules)
    )
    models = tuple(
        model.model_copy(
            update={
                "name": f"{bad[index % len(bad)]}{index}",
                "file": bad[(index + 1) % len(bad)],
                "device": bad[0],
            }
        )
        for index, model in enumerate(base.models)
    )
    inherited = base.inherited
    assert inherited is not None
    examples = tuple(
        example.model_copy(
            update={
                "id": bad[index % len(bad)],
                "label": index % len(bad),
                "answer": (index + 1) % len(bad),
                "image": (None, 'data:image/svg+xml,<svg onload="alert(3)">', picture(index))[index % 3],
            }
        )
        for index, example in enumerate(inherited.examples)
    )
    return _changed(
        base,
        reason=" ".join(bad),
        teacher=bad[0],
        students=(bad[5],),
        rules=rules,
        models=models,
        accuracy={bad[1]: 0.9},
        data=_data(bad[6], 10000, bad),
        inherited=inherited.model_copy(update={"examples": examples}),
        parts=_parts(bad, n=1000, slices=bad),
        fidelity=bad[2],
        recipe={bad[0]: bad[1]},
        assumptions=tuple(Assumption(what=text, value=text, known_from="stated") for text in bad),
        skipped=tuple(SkippedRecord(what=text, stage=text, reason=text) for text in bad),
        command=" ".join(bad),
        started="yesterday <b>noon</b>",
        environment=Environment(
            kdaudit=bad[0], python=bad[1], platform=bad[2], device=bad[3], packages={bad[4]: bad[5]}
        ),
        signature=bad[1],
    )


def _unlabelled() -> AuditResult:
    """The failed audit without labels: its transfer, and nothing else."""
    failed, why = _fail(), "The data has no labels."
    found = "Closer to the teacher than its controls in 4 of 4 measures."
    reason = f"{found} Which errors were taken over cannot be said: the data has no labels."
    nothing: dict[str, object] = {"observed": None, "low90": None, "high90": None, "n": None, "p": None}
    rules = [
        row
        if row.id in ("KD101", "KD305", "KD307")
        else row.model_copy(
            update={
                "outcome": RuleStatus.NOT_JUDGED,
                "reason": reason if row.id == "KD201" else why,
                "waiver": "",
                **nothing,
            }
        )
        for row in failed.rules
    ]
    of_quality = {
        **dict.fromkeys(("accuracy", "loss", "ece", "negative_flips", "error_consistency")),
        **dict.fromkeys(("agreement_W", "agreement_R")),
        "reliability": (),
    }
    models = [model.model_copy(update=of_quality) for model in failed.models]
    empty = (
        *(
            "n_W",
            "n_R",
            "headroom_W",
            "n_repeated_W",
            "n_repeated_R",
            "accuracy_gap",
            "negative_flips",
            "ece",
        ),
        *("error_consistency", "information", "kappa_W", "kappa_R", "rrr", "did", "tilt", "harm_per_1000"),
        *("benefit_per_1000", "raw_gain_W", "raw_gain_R", "p_asymmetry", "inherited", "sharpness"),
    )
    return _changed(
        failed,
        **dict.fromkeys(empty),
        verdict=Outcome.INCONCLUSIVE,
        reason=reason,
        exit_code=3,
        asymmetry="undetermined",
        attribution="unproven",
        rules=tuple(rules),
        accuracy={model.name: None for model in models},
        models=tuple(models),
        parts=(),
        data=failed.data.model_copy(update={"has_labels": False, "majority_share": None}),
        command="kdaudit check cnn-large.onnx cnn-small.onnx --data field.npz --unlabelled --train-data train.npz",
        signature="kdaudit:0.1.0|T:91c2e07b|S:0b7e94d1|n:10000|nW:-|IND:10|RCD:5|POS:2|seed:7|INCONCLUSIVE|kW:-",
    )


_BUILDERS: dict[Kind, Callable[[], AuditResult]] = {
    "fail": _fail,
    "pass": _pass,
    "inconclusive": _inconclusive,
    "unfit": _unfit,
    "empty": _empty,
    "two-classes": _two_classes,
    "many-classes": _many_classes,
    "hostile": _hostile,
    "no-gallery": _no_gallery,
    "differences-only": _differences_only,
    "unlabelled": _unlabelled,
}
