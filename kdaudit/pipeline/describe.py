"""From evidence and verdict to the document: nothing is computed here that decides anything."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import kdaudit
from kdaudit.data import Examples
from kdaudit.installed import version_of
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.gallery import inherited_record
from kdaudit.pipeline.judgement import Judgement
from kdaudit.pipeline.model_records import model_records
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.planner import planner_rows
from kdaudit.pipeline.policy import policy_record, signature_part
from kdaudit.pipeline.records import design_record, effect_record, part_records, transfer_records
from kdaudit.policy.allowance import allowing
from kdaudit.policy.explanations import EXPLANATIONS
from kdaudit.policy.limits import Limits
from kdaudit.policy.policy import Policy
from kdaudit.schema import (
    Assumption,
    AuditResult,
    DataRecord,
    DesignRecord,
    Environment,
    InheritedRecord,
    PartRecord,
    PlannerRow,
    RuleRecord,
    SkippedRecord,
)
from kdaudit.stats.power import design_of
from kdaudit.stats.sample import Sample
from kdaudit.stats.sanity import majority_share
from kdaudit.types import (
    Assessment,
    BasePanel,
    Outcome,
    Role,
    Skipped,
    Verdict,
)

_PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "onnx", "numpy", "scipy")
_EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Findings:
    """What one audit found, before it is written down."""

    setup: Setup
    judgement: Judgement
    controls: ControlSet
    policy: Policy
    assumptions: tuple[Assumption, ...]
    skipped: tuple[Skipped, ...]
    command: str
    started: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfErrors:
    """What is written down of errors; as it stands where the data has no labels."""

    n_W: int | None = None  # noqa: N815 - the method's names
    n_R: int | None = None  # noqa: N815
    headroom_W: float | None = None  # noqa: N815
    n_repeated_W: int | None = None  # noqa: N815
    n_repeated_R: int | None = None  # noqa: N815
    raw_gain_W: float | None = None  # noqa: N815
    raw_gain_R: float | None = None  # noqa: N815
    p_asymmetry: float | None = None
    inherited: InheritedRecord | None = None
    parts: tuple[PartRecord, ...] = ()
    sharpness: float | None = None
    planner: tuple[PlannerRow, ...] = ()
    design: DesignRecord | None = None


def _of_errors(found: Findings, sample: Sample, assessment: Assessment, limits: Limits) -> _OfErrors:
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    n_repeated = [round(float(s.student_agreement.mean()) * s.n) if s.n else None for s in (wrong, right)]
    raw_gain = [
        float(s.student_agreement.mean() - s.control_agreement.mean()) if s.n and len(s.controls) else None
        for s in (wrong, right)
    ]
    is_open = found.judgement.verdict.outcome is Outcome.INCONCLUSIVE
    return _OfErrors(
        n_W=wrong.n,
        n_R=right.n,
        headroom_W=wrong.headroom,
        n_repeated_W=n_repeated[0],
        n_repeated_R=n_repeated[1],
        raw_gain_W=raw_gain[0],
        raw_gain_R=raw_gain[1],
        p_asymmetry=assessment.p_asymmetry,
        inherited=inherited_record(found.setup, sample, assessment.inherited),
        parts=tuple(part_records(found.setup.data, sample, assessment)),
        sharpness=assessment.sharpness,
        planner=planner_rows(sample, assessment.effects["kappa_W"], limits) if is_open else (),
        design=None if (design := design_of(wrong)) is None else design_record(design),
    )


def describe(found: Findings) -> AuditResult:
    """The document of one audit."""
    judgement, setup = found.judgement, found.setup
    sample, assessment, verdict = judgement.sample, judgement.assessment, judgement.verdict
    panel, effects = sample.panel, assessment.effects
    limits, errors = found.policy.limits, _OfErrors()
    if isinstance(sample, Sample) and isinstance(assessment, Assessment):
        limits = allowing(assessment, limits)
        errors = _of_errors(found, sample, assessment, limits)
    models = tuple(model_records(setup, sample, found.controls, judgement.unfit))
    return AuditResult(
        verdict=verdict.outcome,
        reason=verdict.reason,
        asymmetry=verdict.asymmetry,
        attribution=verdict.attribution,
        exit_code=_EXIT_CODES[verdict.outcome],
        teacher=panel.models[0].name,
        students=tuple(panel.models[row].name for row in sample.students),
        rules=tuple(_rules(verdict)),
        policy=policy_record(found.policy, verdict),
        baseline=judgement.baseline,
        n=panel.n,
        n_W=errors.n_W,
        n_R=errors.n_R,
        headroom_W=errors.headroom_W,
        n_repeated_W=errors.n_repeated_W,
        n_repeated_R=errors.n_repeated_R,
        n_controls=len(sample.independent),
        n_random=len(panel.rows(Role.RANDOM)),
        n_positive=len(panel.rows(Role.POSITIVE)),
        n_alternate=len(sample.alternate),
        accuracy={model.name: model.accuracy for model in models},
        accuracy_gap=effect_record(effects.get("accuracy_gap")),
        negative_flips=effect_record(effects.get("negative_flips")),
        ece=effect_record(effects.get("ece")),
        error_consistency=effect_record(effects.get("error_consistency")),
        information=effect_record(effects.get("information")),
        kappa_W=effect_record(effects.get("kappa_W")),
        kappa_R=effect_record(effects.get("kappa_R")),
        rrr=effect_record(effects.get("rrr")),
        did=effect_record(effects.get("did")),
        atd=effect_record(effects.get("atd")) if sample.alternate else None,
        tilt=effect_record(effects.get("tilt")),
        harm_per_1000=effect_record(effects.get("harm_per_1000")),
        benefit_per_1000=effect_record(effects.get("benefit_per_1000")),
        net_harm_per_1000=effect_record(effects.get("net_harm_per_1000")),
        raw_gain_W=errors.raw_gain_W,
        raw_gain_R=errors.raw_gain_R,
        p_asymmetry=errors.p_asymmetry,
        transfer=transfer_records(sample, assessment),
        inherited=errors.inherited,
        parts=errors.parts,
        margin_fail=limits.m_fail,
        margin_pass=limits.m_pass,
        sharpness=errors.sharpness,
        planner=errors.planner,
        design=errors.design,
        models=models,
        data=_evaluation_data(setup, panel),
        train_data=None if setup.train is None else _data(setup.train),
        recipe=None if found.controls.recipe is None else asdict(found.controls.recipe),
        fidelity=_fidelity(found),
        fidelity_level="" if found.controls.network is None else found.controls.network.fidelity.level,
        assumptions=found.assumptions,
        skipped=tuple(SkippedRecord(what=s.what, stage=s.stage, reason=s.reason) for s in found.skipped),
        command=found.command,
        seed=setup.spec.seed,
        started=found.started,
        seconds=found.seconds,
        environment=_environment(setup.device),
        signature=_signature(found),
    )


def _rules(verdict: Verdict) -> Iterable[RuleRecord]:
    for o in verdict.rules:
        yield RuleRecord(
            id=o.rule,
            title=o.title,
            level=o.level,
            fitness=o.fitness,
            outcome=o.status,
            required=o.required,
            reason=o.reason,
            observed=o.observed,
            unit=o.unit,
            low90=o.low,
            high90=o.high,
            n=o.n,
            p=o.p_value,
            waiver=o.waiver,
            asks=EXPLANATIONS[o.rule].asks,
            advice=EXPLANATIONS[o.rule].advice,
        )


def _evaluation_data(setup: Setup, panel: BasePanel) -> DataRecord:
    return _data(setup.data).model_copy(
        update={
            "n_duplicates": setup.n_duplicates,
            "n_look_alikes": len(setup.look_alikes),
            "n_classes": panel.n_classes,
            "class_names": setup.class_names,
        }
    )


def _data(data: Examples) -> DataRecord:
    labels = data.units.labels
    return DataRecord(
        name=data.ref.name,
        kind=data.ref.kind,
        location=data.ref.location,
        sha256=data.ref.sha256,
        n=len(data.units),
        class_names=data.class_names,
        has_labels=labels is not None,
        majority_share=None if labels is None else majority_share(labels),
    )


def _fidelity(found: Findings) -> str:
    if found.controls.network is not None:
        other = found.setup.spec.student_train_as
        source = (
            f"The architecture is that of {Path(other).name}, as --student-train-as asks. " if other else ""
        )
        return source + found.controls.network.fidelity.sentence
    return found.controls.fidelity


def _environment(device: str) -> Environment:
    versions = {name: version_of(name) for name in _PACKAGES}
    return Environment(
        kdaudit=kdaudit.__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        device=device,
        packages={name: version for name, version in versions.items() if version is not None},
    )


def _signature(found: Findings) -> str:
    """One line for papers and tickets: what was compared, by digest, and what came out."""
    sample, effects = found.judgement.sample, found.judgement.assessment.effects
    panel = sample.panel
    n_wrong = int(sample.teacher_wrong.sum()) if isinstance(sample, Sample) else "-"

    def number(name: str) -> str:
        effect = effects.get(name)
        if effect is None or effect.estimate is None:
            return "-"
        ends = "" if effect.low is None or effect.high is None else f"[{effect.low:.2f},{effect.high:.2f}]"
        return f"{effect.estimate:.2f}{ends}"

    students = "+".join(panel.models[row].sha256[:8] for row in sample.students)
    return (
        f"kdaudit:{kdaudit.__version__}|T:{panel.models[0].sha256[:8]}|S:{students}"
        f"|D:{found.setup.data.ref.sha256[:8]}|n:{panel.n}|nW:{n_wrong}"
        f"|IND:{len(sample.independent)}|RCD:{len(sample.random)}|POS:{len(panel.rows(Role.POSITIVE))}"
        f"{f'|ATD:{len(sample.alternate)}' if sample.alternate else ''}"
        f"|a:{found.policy.limits.alpha:g}{signature_part(found.policy)}|seed:{found.setup.spec.seed}"
        f"|{found.judgement.verdict.outcome.upper()}"
        f"|kW:{number('kappa_W')}|kR:{number('kappa_R')}|RRR:{number('rrr')}"
    )
