"""The records that flow between stages. Imports numpy only.

Arrays are read-only on entry (`read_only`). Undefined is None with a status and a note, never NaN and never 0.
"""

from __future__ import annotations

from kdaudit.types.arrays import AnyArray, Bool, Float16, Float32, Float64, Int32, Int64, read_only
from kdaudit.types.checks import Check
from kdaudit.types.conversions import Conversions
from kdaudit.types.evidence import (
    Assessment,
    BaseAssessment,
    BaseFitness,
    BasePanel,
    Change,
    Evidence,
    Fitness,
    Inherited,
    InheritedPair,
    Panel,
    PartEvidence,
)
from kdaudit.types.examples import (
    UNLABELLED,
    Batch,
    ChannelOrder,
    DataRef,
    Geometry,
    InputType,
    Interpolation,
    Layout,
    Preprocess,
    SoundForm,
    StatedPreprocess,
    TextForm,
    n_asked,
)
from kdaudit.types.models import (
    Fidelity,
    Initialisation,
    LabelMap,
    ModelRef,
    NetworkSpec,
    OutputKind,
    Predictions,
    Role,
    Signature,
    TensorSpec,
)
from kdaudit.types.training import CurvePoint, ProgressEvent, Recipe, Skipped, TrainedControl
from kdaudit.types.verdict import Outcome, RuleOutcome, RuleStatus, Verdict, WaiverState

__all__ = [
    "UNLABELLED",
    "AnyArray",
    "Assessment",
    "BaseAssessment",
    "BaseFitness",
    "BasePanel",
    "Batch",
    "Bool",
    "Change",
    "ChannelOrder",
    "Check",
    "Conversions",
    "CurvePoint",
    "DataRef",
    "Evidence",
    "Fidelity",
    "Fitness",
    "Float16",
    "Float32",
    "Float64",
    "Geometry",
    "Inherited",
    "InheritedPair",
    "Initialisation",
    "InputType",
    "Int32",
    "Int64",
    "Interpolation",
    "LabelMap",
    "Layout",
    "ModelRef",
    "NetworkSpec",
    "Outcome",
    "OutputKind",
    "Panel",
    "PartEvidence",
    "Predictions",
    "Preprocess",
    "ProgressEvent",
    "Recipe",
    "Role",
    "RuleOutcome",
    "RuleStatus",
    "Signature",
    "Skipped",
    "SoundForm",
    "StatedPreprocess",
    "TensorSpec",
    "TextForm",
    "TrainedControl",
    "Verdict",
    "WaiverState",
    "n_asked",
    "read_only",
]
