"""From evidence and verdict to the document: nothing is computed here that decides anything."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import kdaudit
from kdaudit.data import Examples
from kdaudit.installed import version_of
from kdaudit.metrics import agreement, calibration
from kdaudit.pipeline.control_set import ControlSet
from kdaudit.pipeline.gallery import inherited_record
from kdaudit.pipeline.plan import Setup
from kdaudit.pipeline.planner import planner_rows
from kdaudit.pipeline.policy import policy_record, signature_part
from kdaudit.pipeline.records import design_record, effect_record, part_records, transfer_records
from kdaudit.policy.allowance import allowing
from kdaudit.policy.explanations import EXPLANATIONS
from kdaudit.policy.policy import Policy
from kdaudit.schema import (
    Assumption,
    AuditResult,
    BaselineRecord,
    CurveRecord,
    DataRecord,
    Environment,
    ModelRecord,
    ReliabilityBin,
    RuleRecord,
    SkippedRecord,
)
from kdaudit.stats.power import design_of
from kdaudit.stats.sample import Sample
from kdaudit.stats.sanity import majority_share
from kdaudit.stats.shared import consistency
from kdaudit.types import (
    Assessment,
    Float64,
    Outcome,
    Panel,
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
    sample: Sample
    controls: ControlSet
    unfit: dict[str, str]
    assessment: Assessment
    verdict: Verdict
    policy: Policy
    baseline: BaselineRecord | None
    assumptions: tuple[Assumption, ...]
    skipped: tuple[Skipped, ...]
    command: str
    started: str
    seconds: float


def describe(found: Findings) -> AuditResult:
    """The document of one audit."""
    sample, assessment, verdict = found.sample, found.assessment, found.verdict
    panel, effects = sample.panel, assessment.effects
    limits = allowing(assessment, found.policy.limits)
    wrong, right = sample.stratum(wrong=True), sample.stratum(wrong=False)
    models = tuple(_models(found))
    n_repeated = [round(float(s.student_agreement.mean()) * s.n) if s.n else None for s in (wrong, right)]
    raw_gain = [
        float(s.student_agreement.mean() - s.control_agreement.mean()) if s.n and len(s.controls) else None
        for s in (wrong, right)
    ]
    setup = found.setup
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
        baseline=found.baseline,
        n=len(panel.labels),
        n_W=wrong.n,
        n_R=right.n,
        headroom_W=wrong.headroom,
        n_repeated_W=n_repeated[0],
        n_repeated_R=n_repeated[1],
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
        atd=effect_record(effects["atd"]) if sample.alternate else None,
        tilt=effect_record(effects.get("tilt")),
        harm_per_1000=effect_record(effects.get("harm_per_1000")),
        benefit_per_1000=effect_record(effects.get("benefit_per_1000")),
        net_harm_per_1000=effect_record(effects.get("net_harm_per_1000")),
        raw_gain_W=raw_gain[0],
        raw_gain_R=raw_gain[1],
        p_asymmetry=assessment.p_asymmetry,
        transfer=transfer_records(sample, assessment),
        inherited=inherited_record(setup, sample, assessment.inherited),
        parts=tuple(part_records(found.setup.data, sample, assessment)),
        margin_fail=limits.m_fail,
        margin_pass=limits.m_pass,
        sharpness=assessment.sharpness,
        planner=planner_rows(sample, effects["kappa_W"], limits)
        if verdict.outcome is Outcome.INCONCLUSIVE
        else (),
        design=None if (design := design_of(wrong)) is None else design_record(design),
        models=models,
        data=_data(setup.data, panel, n_duplicates=setup.n_duplicates, n_look_alikes=len(setup.look_alikes)),
        train_data=None if setup.train is None else _data(setup.train, None, n_duplicates=0),
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


def _models(found: Findings) -> Iterable[ModelRecord]:
    panel = found.sample.panel
    correct = panel.answers == panel.labels
    wrong = found.sample.teacher_wrong
    for row, ref in enumerate(panel.models):
        trained = found.controls.trained.get(ref.name)
        bins = calibration.reliability(panel.confidence[row], correct[row])
        unfit = found.unfit.get(ref.name, "")
        yield ModelRecord(
            name=ref.name,
            role=ref.role.value,
            file=ref.path if trained is None else f"{ref.name} (trained by kdaudit)",
            sha256=ref.sha256,
            kind=ref.kind,
            output=ref.output.value,
            device=found.setup.device,
            accuracy=agreement.accuracy(panel, row),
            loss=agreement.loss(panel, row),
            ece=calibration.expected_calibration_error(bins),
            negative_flips=None if row == 0 else agreement.negative_flips(panel, row),
            error_consistency=None if row == 0 else _mean(consistency(panel, row)),
            agreement_W=agreement.agreement(panel, row, where=wrong),
            agreement_R=agreement.agreement(panel, row, where=~wrong),
            reliability=tuple(
                ReliabilityBin(confidence=b.confidence, accuracy=b.accuracy, n=b.n) for b in bins
            ),
            fit=not unfit,
            unfit_reason=unfit,
            seed="" if trained is None else f"{found.setup.spec.seed}:{ref.name}",
            preprocess=found.setup.preprocessing_of(ref),
            curve=()
            if trained is None
            else tuple(CurveRecord(epoch=p.epoch, loss=p.loss, accuracy=p.accuracy) for p in trained.curve),
            seconds=None if trained is None else trained.seconds,
        )


def _mean(values: Float64 | None) -> float | None:
    return None if values is None else float(values.mean())


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


def _data(data: Examples, panel: Panel | None, *, n_duplicates: int, n_look_alikes: int = 0) -> DataRecord:
    return DataRecord(
        name=data.ref.name,
        kind=data.ref.kind,
        location=data.ref.location,
        sha256=data.ref.sha256,
        n=len(data.units),
        n_duplicates=n_duplicates,
        n_look_alikes=n_look_alikes,
        n_classes=None if panel is None else panel.n_classes,
        class_names=data.class_names,
        majority_share=majority_share(data.units.labels),
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
    sample, effects = found.sample, found.assessment.effects
    panel = sample.panel

    def number(name: str) -> str:
        effect = effects[name]
        if effect.estimate is None:
            return "-"
        ends = "" if effect.low is None or effect.high is None else f"[{effect.low:.2f},{effect.high:.2f}]"
        return f"{effect.estimate:.2f}{ends}"

    students = "+".join(panel.models[row].sha256[:8] for row in sample.students)
    return (
        f"kdaudit:{kdaudit.__version__}|T:{panel.models[0].sha256[:8]}|S:{students}"
        f"|D:{found.setup.data.ref.sha256[:8]}|n:{len(panel.labels)}|nW:{int(sample.teacher_wrong.sum())}"
        f"|IND:{len(sample.independent)}|RCD:{len(sample.random)}|POS:{len(panel.rows(Role.POSITIVE))}"
        f"{f'|ATD:{len(sample.alternate)}' if sample.alternate else ''}"
        f"|a:{found.policy.limits.alpha:g}{signature_part(found.policy)}|seed:{found.setup.spec.seed}"
        f"|{found.verdict.outcome.upper()}"
        f"|kW:{number('kappa_W')}|kR:{number('kappa_R')}|RRR:{number('rrr')}"
    )
