"""`audit.json`: the whole audit of one student, or of several seeds of one student."""

from __future__ import annotations

from typing import Literal

from kdaudit.schema.base import METHOD_VERSION, SCHEMA_VERSION, Document, EffectRecord, Share
from kdaudit.schema.comparison import BaselineRecord
from kdaudit.schema.plan import DesignRecord
from kdaudit.schema.policy import PolicyRecord
from kdaudit.types import Outcome, RuleStatus


class TransferRecord(EffectRecord):
    """A distance to the teacher, `p` Holm-corrected; `estimate`: the independent controls' mean less the student's."""

    p_independent: Share | None
    p_random: Share | None
    student: float
    independent: tuple[float, ...]
    random: tuple[float, ...]
    positive: tuple[float, ...]


class InheritedPairRecord(Document):
    """Inherited errors of one class taken for another."""

    label: int
    answer: int
    n: int
    expected_by_chance: float


class AnswerCount(Document):
    """How many controls gave this answer."""

    answer: int
    n: int


class InheritedExample(Document):
    """One inherited error: what it is and who says what, with which confidence.

    `image` is a picture as data URI, or a sound's waveform above its spectrogram; `text` what is read, up to the place
    that is asked for in a sequence; `features` the numbers of a row.
    `surprise`: the controls' mean negative log-probability of the shared answer, in nats.
    """

    id: str
    label: int
    answer: int
    teacher_confidence: Share
    student_confidence: Share
    controls: tuple[AnswerCount, ...]
    controls_confidence: Share
    surprise: float | None = None
    image: str | None = None
    text: str | None = None
    features: tuple[float, ...] | None = None


class InheritedRecord(Document):
    """Errors that only teacher and student make; `examples` are the most surprising ones first.

    `feature_names` names their numbers; `sample_rate`, in samples a second, says that their pictures are of sounds.
    """

    n: int
    expected_by_chance: float
    fdr: Share
    tau: int
    pairs: tuple[InheritedPairRecord, ...]
    examples: tuple[InheritedExample, ...]
    sample_rate: int | None = None
    feature_names: tuple[str, ...] = ()


class PartRecord(Document):
    """One class, pair of classes (label, the teacher's answer) or slice, and what the student does there.

    `repeated` counts the teacher errors that the student, and a control on average, makes too; `lost` is the
    student's error rate less the controls'. `q_*` are adjusted within the family (Benjamini-Hochberg); `inherited`
    names up to five inherited errors, the most surprising first.
    """

    family: Literal["class", "pair", "slice"]
    name: str
    label: int | None = None
    answer: int | None = None
    column: str = ""
    value: str = ""
    n: int
    n_W: int  # noqa: N815 - the method's name
    repeated: float | None = None
    repeated_by_controls: float | None = None
    accuracy: Share | None = None
    accuracy_of_controls: Share | None = None
    kappa_W: EffectRecord | None  # noqa: N815
    q_kappa_W: Share | None  # noqa: N815
    lost: EffectRecord | None
    q_lost: Share | None
    inherited: tuple[str, ...] = ()


class CurveRecord(Document):
    """One epoch of a training."""

    epoch: int
    loss: float | None
    accuracy: float | None


class ReliabilityBin(Document):
    """One of 15 equal-mass bins: mean confidence, accuracy, count."""

    confidence: Share
    accuracy: Share
    n: int


class ModelRecord(Document):
    """One model of the audit and what was measured of it on the evaluation data.

    `agreement_W`/`agreement_R`: share of the teacher's wrong/right answers that this model gives too;
    `error_consistency`: Cohen's kappa of right and wrong with the teacher. `preprocess`: what was done to its inputs.
    """

    name: str
    role: Literal["teacher", "student", "independent", "random", "positive", "alternate-teacher", "alternate"]
    file: str
    sha256: str
    kind: str
    output: str
    device: str
    accuracy: Share | None
    loss: float | None
    ece: Share | None
    negative_flips: Share | None
    error_consistency: float | None = None
    agreement_W: Share | None  # noqa: N815 - the method's name
    agreement_R: Share | None  # noqa: N815
    reliability: tuple[ReliabilityBin, ...] = ()
    fit: bool = True
    unfit_reason: str = ""
    seed: str = ""
    preprocess: str = ""
    curve: tuple[CurveRecord, ...] = ()
    seconds: float | None = None


class RuleRecord(Document):
    """One rule of the gate; `waiver` goes on after "It is": until when and why it is waived, or no longer is.

    `asks` and `advice`: what it asks, and what to do about its violation.
    """

    id: str
    title: str
    level: Literal["finding", "warn", "error"]
    fitness: bool
    outcome: RuleStatus
    required: str
    reason: str
    observed: float | None
    unit: Literal["share", "ratio", "count", "points"]
    low90: float | None
    high90: float | None
    n: int | None
    p: Share | None
    waiver: str = ""
    asks: str = ""
    advice: str = ""


class Assumption(Document):
    """Something that was decided automatically, or is the user's word."""

    what: str
    value: str
    known_from: Literal["verified", "stated", "default", "unknown"]


class DataRecord(Document):
    """The examples used: `n` after `n_duplicates` that also occur in the training data were left out.

    `n_look_alikes` of them are pictures that look like a training picture; they stay in. Without labels answers are
    compared, and nothing is known of errors.
    """

    name: str
    kind: str
    location: str
    sha256: str
    n: int
    n_duplicates: int = 0
    n_look_alikes: int = 0
    n_classes: int | None = None
    class_names: tuple[str, ...] = ()
    majority_share: Share | None = None
    has_labels: bool = True


class PlannerRow(Document):
    """What it would take to decide, if the truth were `kappa_W`."""

    purpose: Literal["fail", "pass"]
    kappa_W: float  # noqa: N815
    n_W: int | None  # noqa: N815
    n: int | None
    n_controls: int


class Environment(Document):
    """Where and with what the audit ran."""

    kdaudit: str
    python: str
    platform: str
    device: str
    packages: dict[str, str]


class SkippedRecord(Document):
    """What could not be done and why."""

    what: str
    stage: str
    reason: str


class AuditResult(Document):
    """The whole audit of one student (or of several seeds of one student). The only thing that is rendered."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    method_version: str = METHOD_VERSION
    verdict: Outcome
    reason: str
    asymmetry: Literal["negative", "absent", "undetermined"]
    attribution: Literal["this_teacher", "unproven"]
    exit_code: Literal[0, 1, 3]

    teacher: str
    students: tuple[str, ...]
    rules: tuple[RuleRecord, ...]
    policy: PolicyRecord = PolicyRecord()
    baseline: BaselineRecord | None = None

    n: int
    n_W: int | None  # noqa: N815
    n_R: int | None  # noqa: N815
    headroom_W: float | None  # noqa: N815
    n_repeated_W: int | None  # noqa: N815
    n_repeated_R: int | None  # noqa: N815
    n_controls: int
    n_random: int
    n_positive: int
    n_alternate: int = 0
    accuracy: dict[str, float | None]
    accuracy_gap: EffectRecord | None
    negative_flips: EffectRecord | None = None
    ece: EffectRecord | None = None
    error_consistency: EffectRecord | None = None
    information: EffectRecord | None = None

    kappa_W: EffectRecord | None  # noqa: N815
    kappa_R: EffectRecord | None  # noqa: N815
    rrr: EffectRecord | None
    did: EffectRecord | None
    atd: EffectRecord | None = None
    tilt: EffectRecord | None
    harm_per_1000: EffectRecord | None
    benefit_per_1000: EffectRecord | None
    net_harm_per_1000: EffectRecord | None = None
    raw_gain_W: float | None  # noqa: N815
    raw_gain_R: float | None  # noqa: N815
    p_asymmetry: Share | None
    transfer: dict[Literal["activation", "js", "rank", "prediction"], TransferRecord]
    inherited: InheritedRecord | None
    parts: tuple[PartRecord, ...] = ()
    margin_fail: Share = 0.10
    margin_pass: float = 0.20
    sharpness: float | None
    planner: tuple[PlannerRow, ...] = ()
    design: DesignRecord | None = None

    models: tuple[ModelRecord, ...]
    data: DataRecord
    train_data: DataRecord | None
    recipe: dict[str, str | int | float] | None
    fidelity: str
    fidelity_level: Literal["exact", "bn-kept", "bn-reinserted", "converted", ""] = ""
    assumptions: tuple[Assumption, ...]
    skipped: tuple[SkippedRecord, ...]

    command: str
    seed: int
    started: str
    seconds: float
    environment: Environment
    signature: str
