"""What was measured and tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kdaudit.types.arrays import Float32, Float64, Int32, Int64
from kdaudit.types.models import ModelRef, Role


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BasePanel:
    """What can be said of a teacher, its students and all controls on the same N examples without their labels.

    Rows follow `models`; the teacher is row 0. A model's role says what it is.

    answers (m, N): argmax of the logits, lowest index on ties.
    confidence (m, N): softmax probability of the answer.
    log_teacher_answer (m, N): log-softmax of the teacher's answer.
    distances {activation, js, rank}: (m, N) distance of each model's output to the teacher's, per example.
    tied (m,): share of rows whose largest logit occurs more than once.
    """

    models: tuple[ModelRef, ...]
    n_classes: int
    groups: Int64 | None
    answers: Int32
    confidence: Float32
    log_teacher_answer: Float32
    distances: dict[str, Float32]
    tied: Float64

    @property
    def n(self) -> int:
        """Number of examples."""
        return int(self.answers.shape[1])

    def rows(self, role: Role) -> list[int]:
        """Row numbers of the models of one role, in order."""
        return [i for i, model in enumerate(self.models) if model.role is role]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel(BasePanel):
    """What the tests need: the answers, and what labels (N,) make of them.

    log_likelihood (m, N): log-softmax of the label.
    margin (m, N): logit of the label minus the best other logit; best_other (m, N): that other class.
    """

    labels: Int64
    log_likelihood: Float32
    margin: Float32
    best_other: Int32


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One claim with its estimate, 90 % interval and one-sided p.

    `controls` is each control in turn as if it were the student, against the others. `status` is 'ok',
    'differences-only' (fewer than three controls: no test, no interval) or 'undefined' (with `note`).
    """

    procedure: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    n: int = 0
    n_controls: int = 0
    z: float | None = None
    cliffs_delta: float | None = None
    rank_p: float | None = None
    controls: tuple[float, ...] = ()
    status: Literal["ok", "differences-only", "undefined"] = "ok"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InheritedPair:
    """Inherited errors of one (label, shared answer) pair, and how many chance explains."""

    label: int
    answer: int
    n: int
    expected_by_chance: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inherited:
    """Errors that teacher and student share and at most `tau` controls make.

    `listed` are example positions; `surprise` (n,) is how improbable each is without this teacher: the controls' mean
    negative log-probability of the shared answer, in nats. `fdr` is the share expected by chance, 1 for an empty list;
    `p_value` that of a list as long as this against the controls' own.
    """

    listed: Int64
    surprise: Float64
    tau: int
    expected_by_chance: float
    fdr: float
    p_value: float
    pairs: tuple[InheritedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEvidence:
    """What was found within one part of the data.

    `family`: 'class' (examples of `label`), 'pair' (those of them that the teacher takes for `answer`) or 'slice'
    (`column` has `value`). `repeated`: how many of its `n_W` teacher errors the students, and the controls, make too
    (means). `kappa_W` is None below 20 teacher errors; `lost` is the students' error rate less the
    controls', None below 20 examples. `q_*`: their p adjusted within the family (Benjamini-Hochberg).
    """

    family: Literal["class", "pair", "slice"]
    name: str
    label: int | None = None
    answer: int | None = None
    column: str = ""
    value: str = ""
    n: int = 0
    n_W: int = 0  # noqa: N815 - the method's name
    repeated: float | None = None
    repeated_by_controls: float | None = None
    accuracy: float | None = None
    accuracy_of_controls: float | None = None
    kappa_W: Evidence | None = None  # noqa: N815
    lost: Evidence | None = None
    q_kappa_W: float | None = None  # noqa: N815
    q_lost: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed since an earlier audit of the same teacher, on the `n` examples that both saw.

    n_W counts their teacher errors, in clusters where examples are grouped. before, after: kappa_W of each audit's
    students on them, None where it is undefined; `rise` is the difference with its test, `accuracy` that of the
    accuracies. `unfit` says why the earlier audit was not fit for a verdict; '' if it was.
    """

    n: int
    n_W: int  # noqa: N815 - the method's name
    before: float | None
    after: float | None
    rise: Evidence
    accuracy: Evidence
    unfit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFitness:
    """What is known without labels of whether the audit may speak at all.

    problems: sentences, each a violated sanity condition. unfit: independent controls left out, with the reason.
    """

    n_controls: int
    n_trained_controls: int
    unfit: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unmatched: str = ""
    unmatched_allowed: bool = False
    no_controls_reason: str = ""
    n_duplicates: int = 0
    n_before_duplicates: int = 0
    duplicates_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness(BaseFitness):
    """Whether the audit may speak at all: sanity of models and data, and of the controls.

    n_W and n_R count clusters where examples are grouped, n_errors the teacher's errors themselves (None: n_W).
    headroom_W = n_W (1 - A_W(C)); gap = acc(S) - mean acc(C). None where there are no controls.
    """

    n_W: int  # noqa: N815 - the method's names
    n_R: int  # noqa: N815
    headroom_W: float | None  # noqa: N815
    n_errors: int | None = None

    @property
    def is_grouped(self) -> bool:
        """Whether several errors count as one."""
        return self.n_errors is not None and self.n_errors != self.n_W


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaseAssessment:
    """The evidence that needs no labels, as the rules read it.

    effects: Evidence by procedure (transfer.*); transfer_holm: Holm-corrected p by measure.
    """

    fitness: BaseFitness
    effects: dict[str, Evidence]
    transfer_holm: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment(BaseAssessment):
    """All evidence of one audit, as the rules read it.

    effects: Evidence by procedure (kappa_W, kappa_R, rrr, did, tilt, transfer.*, accuracy_gap, ...).
    p_asymmetry = max(p(log RRR), p(kappa_W)). teacher_gap: the teacher's accuracy less the controls' mean; None without
    controls.
    """

    fitness: Fitness
    p_asymmetry: float | None
    inherited: Inherited | None
    sharpness: float | None
    parts: tuple[PartEvidence, ...] = ()
    has_slices: bool = False
    positive: tuple[Evidence, ...] = ()
    unlike_positive: tuple[str, ...] = ()
    n_repeated_W: int | None = None  # noqa: N815
    n_repeated_by_controls_W: float | None = None  # noqa: N815
    change: Change | None = None
    teacher_gap: float | None = None
