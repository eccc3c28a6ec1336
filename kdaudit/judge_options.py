"""The options of `kdaudit judge` that no other command has, in the form of `options.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from kdaudit.options import Help


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """Predictions that were made elsewhere: whose they are, in files that `data.outputs` reads. Options of `judge`."""

    teacher: Annotated[str, Help("The teacher's predictions: .npz, .csv or parquet.", "Predictions")]
    student: Annotated[
        tuple[str, ...],
        Help("The student's; three or more are seeds of one recipe, judged together.", "Predictions"),
    ]
    control: Annotated[
        tuple[str, ...], Help("Of independent controls: the student's recipe, no teacher.", "Predictions")
    ] = ()
    random_control: Annotated[
        tuple[str, ...], Help("Of random controls: distilled from noise.", "Predictions")
    ] = ()
    positive_control: Annotated[
        tuple[str, ...], Help("Of positive controls: distilled from this teacher again.", "Predictions")
    ] = ()
    alternate_teacher: Annotated[str | None, Help("Of another teacher.", "Predictions")] = None
    alternate_control: Annotated[
        tuple[str, ...], Help("Of alternate controls: distilled from another teacher.", "Predictions")
    ] = ()
    labels: Annotated[
        str | None,
        Help("File with the labels, and groups and slices. Default: the teacher's file.", "Predictions"),
    ] = None
    outputs: Annotated[
        Literal["logits", "probs"] | None,
        Help("What the files hold, where they hold both; else as it is named there.", "Predictions"),
    ] = None
    controls_matched: Annotated[
        str | None,
        Help(
            "How the controls match the student (architecture, labels, schedule), in your words: for the report.",
            "Predictions",
        ),
    ] = None
