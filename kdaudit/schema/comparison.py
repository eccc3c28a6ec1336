"""What changed between two audits of one teacher: `compare`, and the `baseline` of an audit."""

from __future__ import annotations

from typing import Literal

from kdaudit.schema.base import METHOD_VERSION, SCHEMA_VERSION, Document, EffectRecord
from kdaudit.types import Outcome


class ComparedAudit(Document):
    """One of the two audits: what it was, and kappa_W, accuracy and inherited errors on the common examples.

    Audits that share a control are both held against the controls of either.
    """

    students: tuple[str, ...]
    sha256: tuple[str, ...]
    verdict: Outcome
    kappa_W: float | None  # noqa: N815 - the method's name
    accuracy: float
    n: int
    n_controls: int
    n_inherited: int
    started: str
    signature: str


class ChangedError(Document):
    """A teacher error that only one of the two audits lists as inherited: the answers to it.

    `answer` is the teacher's; `before` and `after` are the students', the commonest of several.
    """

    id: str
    label: int
    answer: int
    before: int
    after: int


class BaselineRecord(Document):
    """What changed since an earlier audit of the same teacher, on the `n` examples of both.

    `rise` is kappa_W of the new students less that of the earlier ones, `accuracy` the difference of their accuracies,
    each with its 90 % interval and the one-sided p of "it rose"; `n_kept` inherited errors are listed by both.
    `n_other_answers` more are common, but the teacher answered them otherwise in one audit than in the other.
    n_W counts their teacher errors, or the clusters of them where examples are grouped; no rise of `margin` or more is
    wanted.
    """

    outcome: Literal["regression", "no_regression", "inconclusive"]
    reason: str
    before: ComparedAudit
    n: int
    n_W: int  # noqa: N815
    n_only_before: int
    n_only_after: int
    n_other_answers: int
    controls: Literal["shared", "separate"]
    rise: EffectRecord
    margin: float
    accuracy: EffectRecord
    new_errors: tuple[ChangedError, ...]
    gone_errors: tuple[ChangedError, ...]
    n_kept: int


class ComparisonResult(BaselineRecord):
    """The whole comparison of two audits."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    method_version: str = METHOD_VERSION
    exit_code: Literal[0, 1]
    teacher: str
    data: str
    class_names: tuple[str, ...]
    after: ComparedAudit
