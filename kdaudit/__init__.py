"""kdaudit: did the student take over its teacher's mistakes?

    from kdaudit import AuditSpec, audit

    (audited,) = audit(AuditSpec(teacher="t.onnx", students=("s.onnx",), data="eval.npz", train_data="train.npz"))
    print(audited.result.verdict, audited.result.kappa_W)

The public names are loaded when they are first used: importing kdaudit loads neither torch, onnxruntime, scipy nor
numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kdaudit.errors import KDAuditError
    from kdaudit.options import AuditSpec, Waiver
    from kdaudit.pipeline.audit import audit
    from kdaudit.pipeline.judged import Audited
    from kdaudit.schema import AuditResult

__version__ = "0.1.0"
__all__ = ["AuditResult", "AuditSpec", "Audited", "KDAuditError", "Waiver", "__version__", "audit"]

_HOMES = {
    "AuditResult": "kdaudit.schema",
    "AuditSpec": "kdaudit.options",
    "Audited": "kdaudit.pipeline.judged",
    "KDAuditError": "kdaudit.errors",
    "Waiver": "kdaudit.options",
    "audit": "kdaudit.pipeline.audit",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'kdaudit' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
