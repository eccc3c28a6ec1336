"""Every option once: its name, type, default and help. Read by the command line and by the configuration.

A field is the option `--field-name`, the environment variable `KDAUDIT_FIELD_NAME` and the key `field_name` in
kdaudit.toml (recipe options under `[recipe]`). Nothing heavy is imported here: `--help` reads this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal


@dataclass(frozen=True, slots=True)
class Help:
    """What an option does, in one line, and under which heading `--help` shows it."""

    text: str
    panel: str = "Audit"


DEFAULT_MAX_SKIPPED = 0.01
Output = Literal["logits", "probs", "sigmoid"]
RandomKind = Literal["uniform", "gaussian", "shuffled"]
Level = Literal["off", "warn", "error"]
DocumentFormat = Literal[
    "text", "json", "markdown", "html", "junit", "github", "sarif", "badge", "model-card", "metrics"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A violated rule that is accepted, why, and up to which day (that day included).

    `student`: the only student that it is for, by file name or by the first 8 or more digits of its SHA-256.
    """

    rule: str
    reason: str
    expires: date
    student: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSpec:
    """What is audited, against what, and how: everything that can change a number of the result."""

    teacher: str
    students: tuple[str, ...]

    data: Annotated[
        str, Help("Labelled evaluation data: a file, a folder, a name (kdaudit data ls) or code.", "Data")
    ]
    unlabelled: Annotated[
        bool, Help("The evaluation data has no labels: compare answers only, without a verdict.", "Data")
    ] = False
    train_data: Annotated[str | None, Help("The student's training data, to train controls on.", "Data")] = (
        None
    )
    data_root: Annotated[str | None, Help("Where named data sets lie.", "Data")] = None
    image_size: Annotated[
        int | None, Help("Pictures: resize and crop to this many pixels a side.", "Data")
    ] = None
    mean: Annotated[str | None, Help("Pictures: mean to subtract, per channel, e.g. .5,.5,.5.", "Data")] = (
        None
    )
    std: Annotated[str | None, Help("Pictures: deviation to divide by, per channel.", "Data")] = None
    preprocess: Annotated[
        str | Mapping[str, object] | None,
        Help(
            "How models take their inputs: imagenet, cifar10, clip, inception, raw, or a TOML file.", "Data"
        ),
    ] = None
    teacher_preprocess: Annotated[
        str | Mapping[str, object] | None, Help("The same for the teacher alone.", "Data")
    ] = None
    student_preprocess: Annotated[
        str | Mapping[str, object] | None, Help("The same for the student and its controls.", "Data")
    ] = None
    input_columns: Annotated[
        tuple[str, ...], Help("Tables: a column of inputs; repeat for more.", "Data")
    ] = ()
    label_column: Annotated[str | None, Help("Tables: the column of labels.", "Data")] = None
    class_names: Annotated[str | None, Help("Text file: the classes' names, a line each.", "Data")] = None
    max_skipped: Annotated[
        float, Help("Unreadable pictures or sounds to leave out: a share, or a number.", "Data")
    ] = DEFAULT_MAX_SKIPPED
    download: Annotated[bool, Help("Fetch a named data set that is not there.", "Data")] = False
    limit: Annotated[int | None, Help("Use a stratified random subset of N evaluation examples.", "Data")] = (
        None
    )
    limit_train: Annotated[
        int | None, Help("Train controls on a stratified random subset of N examples.", "Data")
    ] = None
    slice: Annotated[
        tuple[str, ...],
        Help("A column of the data to judge parts of it by; repeat for more.", "Data"),
    ] = ()
    split_eval: Annotated[
        float | None,
        Help("Without training data: train controls on this share of the evaluation data.", "Data"),
    ] = None
    keep_duplicates: Annotated[
        bool, Help("Keep evaluation examples whose inputs occur in the training data.", "Data")
    ] = False

    teacher_output: Annotated[Output, Help("What the teacher puts out.", "Models")] = "logits"
    student_output: Annotated[Output, Help("What the student puts out.", "Models")] = "logits"
    expect_teacher_accuracy: Annotated[
        float | None,
        Help("The teacher's known accuracy, as a share: 2 points below it something is wrong.", "Models"),
    ] = None
    expect_student_accuracy: Annotated[float | None, Help("The same for the student.", "Models")] = None
    teacher_label_map: Annotated[
        str | None,
        Help(
            "JSON list: the class of each of the teacher's outputs, or null. Default: the n-th is class n.",
            "Models",
        ),
    ] = None
    student_label_map: Annotated[str | None, Help("The same for the student and its controls.", "Models")] = (
        None
    )
    teacher_arch: Annotated[
        str | None,
        Help("The teacher's architecture: module:callable, file.py:callable or timm:NAME.", "Models"),
    ] = None
    teacher_arch_args: Annotated[
        str | None, Help("Keyword arguments of --teacher-arch, as JSON.", "Models")
    ] = None
    student_arch: Annotated[
        str | None,
        Help("The student's architecture: module:callable, file.py:callable or timm:NAME.", "Models"),
    ] = None
    arch_args: Annotated[str | None, Help("Keyword arguments of --student-arch, as JSON.", "Models")] = None
    student_train_as: Annotated[
        str | None,
        Help("Another file of the student's network, to take the controls' architecture from.", "Models"),
    ] = None
    init_from: Annotated[
        str | None,
        Help("Model file whose weights the student started from; controls start there too.", "Models"),
    ] = None
    trust_pickle: Annotated[
        bool, Help("Load models saved as whole Python objects: runs the code that the file names.", "Models")
    ] = False
    reinsert_bn: Annotated[
        Literal["auto", "always", "never"], Help("Put back BatchNorm that the export folded away.", "Models")
    ] = "auto"
    student_init: Annotated[
        Literal["torch", "xavier", "trunc02", "kaiming"],
        Help("How the fresh weights of an ONNX student's controls are drawn.", "Models"),
    ] = "torch"
    dropout: Annotated[
        float | None,
        Help("Dropout of an ONNX student's controls; without it only what the file kept.", "Models"),
    ] = None
    freeze: Annotated[
        str | None,
        Help("Arrays of an ONNX student that its controls keep: a regular expression of names.", "Models"),
    ] = None

    controls: Annotated[int, Help("Independent controls to train (no teacher).", "Controls")] = 10
    random_controls: Annotated[int, Help("Random controls to train (a noise teacher).", "Controls")] = 5
    random_kind: Annotated[
        RandomKind,
        Help("What a random control's teacher puts out: noise, or its own answers shuffled.", "Controls"),
    ] = "uniform"
    positive_controls: Annotated[
        int, Help("Positive controls to train (distilled from this teacher).", "Controls")
    ] = 2
    control: Annotated[
        tuple[str, ...],
        Help("A ready-made independent control; repeat for more. Nothing is trained.", "Controls"),
    ] = ()
    alternate_teacher: Annotated[
        str | None,
        Help(
            "Another teacher, to ask whether errors come from this one: a model file, or train to train one.",
            "Controls",
        ),
    ] = None
    alternate_teacher_output: Annotated[Output, Help("What --alternate-teacher puts out.", "Controls")] = (
        "logits"
    )
    alternate_teacher_arch: Annotated[
        str | None, Help("The architecture of --alternate-teacher, as --teacher-arch.", "Controls")
    ] = None
    alternate_controls: Annotated[
        int, Help("Controls to distil from --alternate-teacher; none without it.", "Controls")
    ] = 5
    save_controls: Annotated[
        str | None,
        Help("Folder to save the trained controls in, as safetensors and ONNX, by student.", "Controls"),
    ] = None
    unmatched_controls: Annotated[
        Literal["refuse", "ok"], Help("Judge by ready-made controls of another architecture?", "Controls")
    ] = "refuse"
    allow_weak_teacher: Annotated[
        bool, Help("Judge although the teacher is far less accurate than the controls.", "Controls")
    ] = False
    train_anyway: Annotated[bool, Help("Train controls although no verdict is possible.", "Controls")] = False

    preset: Annotated[
        Literal["default", "lenient", "margins", "strict"],
        Help(
            "What a pass needs. By default a gain that is shown excuses repeated errors; by margins nothing does; "
            "strict also wants them below the limit from which they fail.",
            "Policy",
        ),
    ] = "default"
    waivers: Annotated[
        tuple[Waiver, ...],
        Help("TOML file of waivers, instead of those of the configuration; repeat for more.", "Policy"),
    ] = ()
    baseline: Annotated[
        str | None,
        Help("An earlier audit, its audit.json or folder: fail if more is taken over than there.", "Policy"),
    ] = None
    # The tables [rules] and [limits] of a configuration: levels by rule id, numbers by the names of policy/limits.py.
    rules: Mapping[str, Level] = field(default_factory=dict)
    limits: Mapping[str, int | float] = field(default_factory=dict)

    epochs: Annotated[str, Help("Epochs, or auto: chosen on the training data alone.", "Recipe")] = "auto"
    batch_size: Annotated[int | None, Help("Examples a training step.", "Recipe")] = None
    optimizer: Annotated[Literal["sgd", "adamw"] | None, Help("Optimizer.", "Recipe")] = None
    lr: Annotated[float | None, Help("Largest learning rate.", "Recipe")] = None
    schedule: Annotated[
        Literal["cosine", "onecycle", "constant"] | None, Help("Learning-rate schedule.", "Recipe")
    ] = None
    weight_decay: Annotated[float | None, Help("Weight decay.", "Recipe")] = None
    label_smoothing: Annotated[
        float | None, Help("Label smoothing of the independent controls.", "Recipe")
    ] = None
    augment: Annotated[
        Literal["none", "flip", "crop-flip"] | None, Help("Augmentation of pictures.", "Recipe")
    ] = None
    alpha: Annotated[
        float | None, Help("Weight of the teacher's term in distilled and random controls.", "Recipe")
    ] = None
    temperature: Annotated[
        float | None, Help("Distillation temperature of distilled controls.", "Recipe")
    ] = None

    seed: Annotated[int, Help("Every random number follows from it.", "Run")] = 0
    device: Annotated[str, Help("auto, cpu, cuda or cuda:N.", "Run")] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Help("Precision of training; auto: fp32 on CPU, mixed on CUDA.", "Run"),
    ] = "auto"
    workers: Annotated[
        int | None, Help("Controls trained at once; default: one per core. 0: in this process.", "Run")
    ] = None
    ray_address: Annotated[str | None, Help("Train on a Ray cluster: HOST:PORT, auto, local.", "Run")] = None
    time_limit: Annotated[str, Help("Train nothing if it would take longer: 90m, 12h.", "Run")] = "12h"
    cache_dir: Annotated[str | None, Help("Where controls and predictions are kept.", "Run")] = None
    cache: Annotated[bool, Help("Keep controls and predictions for the next run.", "Run")] = True
    resume: Annotated[bool, Help("Use what an earlier run has kept.", "Run")] = True

    max_examples: Annotated[int, Help("Inherited errors shown with their input.", "Report")] = 12
    images: Annotated[
        bool, Help("Put the inputs of inherited errors into the report: pictures, texts, numbers.", "Report")
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """What is shown and written, where; none of it changes a number or the exit code (but --exit-zero)."""

    report_dir: Annotated[
        str, Help("Folder for audit.json, examples.npz, inherited.csv and report.html.", "Report")
    ] = "kdaudit-report"
    format: Annotated[DocumentFormat, Help("The document on standard output.", "Report")] = "text"
    output: Annotated[str | None, Help("Write that document to a file instead.", "Report")] = None
    report: Annotated[
        tuple[str, ...],
        Help("One more: FORMAT=PATH; csv and parquet are the inherited errors. Repeatable.", "Report"),
    ] = ()
    template_dir: Annotated[
        str | None,
        Help("Folder of templates that replace the HTML report's own of the same names.", "Report"),
    ] = None
    log_file: Annotated[
        str | None,
        Help("Append stages, progress, notices and the verdict to this file, a time on each line.", "Run"),
    ] = None
    dry_run: Annotated[bool, Help("Show what would be trained, then stop.", "Run")] = False
    exit_zero: Annotated[bool, Help("Exit 0 whatever the verdict is.", "Report")] = False
    progress: Annotated[
        Literal["auto", "bar", "plain", "none"], Help("How progress is shown on standard error.", "Report")
    ] = "auto"
    color: Annotated[Literal["auto", "always", "never"], Help("Colour of the text report.", "Report")] = (
        "auto"
    )


RECIPE_PANEL = "Recipe"
