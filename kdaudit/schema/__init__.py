"""The documents on disk: each has a version and a published JSON Schema.

Undefined numbers are null with a note; JSON is written with `allow_nan=False`.
"""

from __future__ import annotations

from kdaudit.schema.audit import (
    AnswerCount,
    Assumption,
    AuditResult,
    CurveRecord,
    DataRecord,
    Environment,
    InheritedExample,
    InheritedPairRecord,
    InheritedRecord,
    ModelRecord,
    PartRecord,
    PlannerRow,
    ReliabilityBin,
    RuleRecord,
    SkippedRecord,
    TransferRecord,
)
from kdaudit.schema.base import METHOD_VERSION, SCHEMA_VERSION, Document, EffectRecord, Share
from kdaudit.schema.comparison import BaselineRecord, ChangedError, ComparedAudit, ComparisonResult
from kdaudit.schema.plan import DesignRecord, PlanLine, PlanProfile, PlanResult
from kdaudit.schema.policy import LevelChange, LimitChange, PolicyRecord, WaiverRecord

__all__ = [
    "METHOD_VERSION",
    "SCHEMA_VERSION",
    "AnswerCount",
    "Assumption",
    "AuditResult",
    "BaselineRecord",
    "ChangedError",
    "ComparedAudit",
    "ComparisonResult",
    "CurveRecord",
    "DataRecord",
    "DesignRecord",
    "Document",
    "EffectRecord",
    "Environment",
    "InheritedExample",
    "InheritedPairRecord",
    "InheritedRecord",
    "LevelChange",
    "LimitChange",
    "ModelRecord",
    "PartRecord",
    "PlanLine",
    "PlanProfile",
    "PlanResult",
    "PlannerRow",
    "PolicyRecord",
    "ReliabilityBin",
    "RuleRecord",
    "Share",
    "SkippedRecord",
    "TransferRecord",
    "WaiverRecord",
]
