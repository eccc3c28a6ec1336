"""`kdaudit plan`: what an audit would need and cost, before anything is trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kdaudit import numbers
from kdaudit.cli.options import Quiet, given_options, with_options
from kdaudit.errors import SpecError
from kdaudit.options import AuditSpec, OutputSpec

# Of the plan's table: together at most 76, so that it fits a terminal of 80.
_COLUMNS = (10, 17, 17, 18, 14)

if TYPE_CHECKING:
    from kdaudit.pipeline.forecast import Wish
    from kdaudit.schema import PlanResult


@with_options(OutputSpec, only=frozenset({"progress", "log_file"}))
@with_options(AuditSpec)
def plan(  # noqa: PLR0917 - typer calls it by name
    teacher: Annotated[
        str | None, typer.Argument(help="The teacher: an ONNX file or PyTorch weights.")
    ] = None,
    students: Annotated[list[str] | None, typer.Argument(help="The student.")] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Plan with what this audit.json measured; no model is needed."),
    ] = None,
    effect: Annotated[float, typer.Option(help="Share of wrong knowledge that should be found.")] = 0.2,
    power: Annotated[float, typer.Option(help="In how many of 100 audits, as a share.")] = 0.8,
    format_: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", help="The document on standard output.")
    ] = "text",
    quiet: Quiet = False,
    **options: object,
) -> None:
    """How many teacher errors, examples and controls a verdict needs, and what they cost; trains nothing."""
    from kdaudit.cli.console import fitted, width_of
    from kdaudit.cli.documents import emit
    from kdaudit.pipeline.forecast import Wish, forecast_from
    from kdaudit.pipeline.saved import read_result

    wish = Wish(effect=effect, power=power)
    if from_ is not None:
        if teacher is not None:
            raise SpecError("expected models or --from AUDIT, found both")
        result = forecast_from(read_result(Path(from_)), wish)
    elif teacher is None or not students:
        raise SpecError(
            "expected a teacher and a student to plan for, found none",
            hint="kdaudit plan TEACHER STUDENT --data ..., or kdaudit plan --from audit.json",
        )
    else:
        given = {"teacher": teacher, "students": students, **given_options(options)}
        result = _of_models(given, wish, quiet=quiet)
    if format_ == "json":
        emit(result.model_dump_json(indent=1) + "\n")
    else:
        emit(fitted(text_plan(result), width_of(sys.stdout)))


def _of_models(given: dict[str, object], wish: Wish, *, quiet: bool) -> PlanResult:
    from kdaudit.cli.check import this_command
    from kdaudit.cli.log import open_log
    from kdaudit.cli.progress import told
    from kdaudit.pipeline.forecast import forecast
    from kdaudit.spec import resolve

    specs = resolve(given, config=None, isolated=False, folder=Path.cwd())
    with (
        open_log(specs.output.log_file, this_command()) as log,
        told(specs.output.progress, log, quiet=quiet) as tell,
    ):
        return forecast(specs.audit, wish, progress=tell.progress)


def text_plan(result: PlanResult) -> str:
    """The plan as text: one table for each expectation of how the controls behave."""
    share, chances = numbers.percent(result.effect), round(result.power * 100)
    lines = [
        f"The teacher gets {result.n_W:,} of {result.n:,} examples wrong.",
        f"To find that {share} of its wrong knowledge were taken over (fail), or that none was (pass), "
        f"in {chances} of 100 audits:",
    ]
    for profile in result.profiles:
        lines += [
            "",
            f"  {profile.name}",
            _row("controls", "to fail", "to pass", "found with these", "training"),
        ]
        lines += [
            _row(
                str(line.n_controls),
                _needed(line.n_W_fail, line.n_fail),
                _needed(line.n_W_pass, line.n_pass),
                "nothing" if line.sharpness is None else f"{numbers.percent(line.sharpness)} or more",
                "" if line.training_seconds is None else numbers.duration(line.training_seconds),
            )
            for line in profile.lines
        ]
    lines += [
        "",
        "  to fail, to pass: teacher errors (examples, at this teacher's error rate); –: no number is enough",
    ]
    if any(line.training_seconds is not None for profile in result.profiles for line in profile.lines):
        unit = ", one epoch of it: a pilot chooses how many" if result.per_epoch else ""
        other = f" and {result.n_alternate} networks of another teacher" if result.n_alternate else ""
        lines.append(
            f"  training: of these independent, half as many random and two positive controls{other}{unit}"
        )
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "    " + "".join(f"{cell:<{n}}" for cell, n in zip(cells, _COLUMNS, strict=True)).rstrip()


def _needed(errors: int | None, examples: int | None) -> str:
    if errors is None:
        return numbers.NONE
    return f"{errors:,}" if examples is None else f"{errors:,} ({examples:,})"
