"""The comparison of two audits, on its own or with the baseline of an audit, and how it is written down."""

from __future__ import annotations

from pathlib import Path

from kdaudit.data import Examples
from kdaudit.options import AuditSpec
from kdaudit.pipeline.compare import (
    Compared,
    Standing,
    answers_of,
    common_examples,
    compared,
    saved_answers,
)
from kdaudit.pipeline.records import effect_record
from kdaudit.pipeline.saved import SavedAudit, read_audit
from kdaudit.policy.limits import Limits
from kdaudit.policy.regression_rules import judged_change, regression
from kdaudit.policy.stated import policy_of
from kdaudit.schema import AuditResult, BaselineRecord, ComparedAudit, ComparisonResult
from kdaudit.stats.sample import Sample
from kdaudit.types import Outcome, RuleStatus, Verdict


def compare(before: SavedAudit, after: SavedAudit) -> ComparisonResult:
    """What changed between two saved audits, by the limits of the new one.

    Raises:
        AlignmentError: they cannot be compared.
    """
    new = saved_answers(after)
    found = compared(saved_answers(before), new)
    result = after.result
    record = baseline_record(
        found, before.result, verdict=result.verdict, unfit=new.unfit, limits=_limits(result)
    )
    return ComparisonResult(
        **record.model_dump(),
        exit_code=1 if record.outcome == "regression" else 0,
        teacher=result.teacher,
        data=result.data.name,
        class_names=result.data.class_names,
        after=_compared_audit(result, found.after),
    )


def named_baseline(spec: AuditSpec) -> SavedAudit | None:
    """The earlier audit that a spec names, if any.

    Raises:
        DataError: it cannot be read.
    """
    return None if spec.baseline is None else read_audit(Path(spec.baseline))


def require_comparable(baseline: SavedAudit | None, sample: Sample, data: Examples) -> None:
    """Look, before anything is trained, whether an audit can be compared with its baseline.

    Raises:
        AlignmentError: it cannot.
    """
    if baseline is not None:
        common_examples(saved_answers(baseline), answers_of(sample, data))


def compared_with(baseline: SavedAudit | None, sample: Sample, data: Examples) -> Compared | None:
    """What changed since the baseline; None without one."""
    return None if baseline is None else compared(saved_answers(baseline), answers_of(sample, data))


def verdict_record(
    found: Compared | None, baseline: SavedAudit | None, verdict: Verdict, limits: Limits
) -> BaselineRecord | None:
    """The record of what changed since the baseline; None without one."""
    if found is None or baseline is None:
        return None
    unfit = [o.reason for o in verdict.rules if o.fitness and o.status is RuleStatus.UNDECIDED]
    return baseline_record(
        found, baseline.result, verdict=verdict.outcome, unfit=" ".join(unfit), limits=limits
    )


def baseline_record(
    found: Compared, before: AuditResult, *, verdict: Outcome, unfit: str, limits: Limits
) -> BaselineRecord:
    """What changed since the audit `before`.

    Args:
        found: the comparison.
        before: the earlier audit.
        verdict: that of the new audit.
        unfit: why the new audit was not fit for a verdict; '' if it was.
        limits: those of the new audit.
    """
    change, common = found.change, found.common
    ended = regression(judged_change(change, limits), before=before.verdict, after=verdict, unfit=unfit)
    return BaselineRecord(
        outcome=ended.outcome,
        reason=ended.reason,
        before=_compared_audit(before, found.before),
        n=change.n,
        n_W=change.n_W,
        n_only_before=common.n_only_before,
        n_only_after=common.n_only_after,
        n_other_answers=common.n_other_answers,
        controls="shared" if found.shared_controls else "separate",
        rise=effect_record(change.rise),
        margin=limits.m_rise,
        accuracy=effect_record(change.accuracy),
        new_errors=found.new_errors,
        gone_errors=found.gone_errors,
        n_kept=found.n_kept,
    )


def _compared_audit(result: AuditResult, standing: Standing) -> ComparedAudit:
    students = [model for model in result.models if model.role == "student"]
    return ComparedAudit(
        students=tuple(model.name for model in students),
        sha256=tuple(model.sha256 for model in students),
        verdict=result.verdict,
        kappa_W=standing.kappa_W,
        accuracy=standing.accuracy,
        n=result.n,
        n_controls=standing.n_controls,
        n_inherited=standing.n_inherited,
        started=result.started,
        signature=result.signature,
    )


def _limits(result: AuditResult) -> Limits:
    """The limits by which an audit was judged: its preset's but for those that were changed."""
    changed = {each.name: _whole(each.value) for each in result.policy.changed_limits}
    return policy_of(preset=result.policy.preset, rules={}, limits=changed, waivers=()).limits


def _whole(value: float) -> int | float:
    """JSON does not tell 3.0 from 3."""
    return int(value) if value.is_integer() else value
