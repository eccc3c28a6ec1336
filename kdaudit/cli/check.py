"""`kdaudit check`: the audit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdaudit.cli.console import say, wants_color, width_of
from kdaudit.cli.log import Log, open_log
from kdaudit.cli.options import Config, Isolated, Quiet, given_options, with_options
from kdaudit.cli.progress import told
from kdaudit.cli.text_report import text_report, verdict_line
from kdaudit.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS
from kdaudit.numbers import duration
from kdaudit.options import AuditSpec, OutputSpec

if TYPE_CHECKING:
    from kdaudit.pipeline.control_set import TrainingPlan
    from kdaudit.pipeline.judged import Audited
    from kdaudit.spec import Specs

# The worst first: with several students the gate is as good as its worst verdict.
_WORST_FIRST = (EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS)


@with_options(AuditSpec, OutputSpec)
def check(  # noqa: PLR0917 - typer calls it by name
    teacher: Annotated[
        str, typer.Argument(help="The teacher: ONNX, PyTorch weights or programs, or a Hugging Face folder.")
    ],
    students: Annotated[list[str], typer.Argument(help="The student; more for seeds of the same recipe.")],
    config: Config = None,
    isolated: Isolated = False,
    quiet: Quiet = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="More notices; -vv: tracebacks.")
    ] = 0,
    **options: object,
) -> None:
    """Audit STUDENTS against TEACHER: train controls, compare, test, judge, report.

    Exit codes: 0 pass, 1 fail, 3 inconclusive; 2 usage, 4 could not run.

    Each option below Options is also a key of kdaudit.toml and an environment variable: --train-data is train_data
    (options of the recipe stand under [recipe]) and KDAUDIT_TRAIN_DATA.
    """
    from kdaudit.spec import resolve

    specs = resolve(
        {"teacher": teacher, "students": students, **given_options(options)},
        config=None if config is None else Path(config),
        isolated=isolated,
        folder=Path.cwd(),
    )
    if verbose and specs.config is not None:
        say(f"configuration: {specs.config}")
    if specs.output.dry_run:
        _show_plans(specs)
        return
    exit_code = run(specs, quiet=quiet)
    raise typer.Exit(EXIT_PASS if specs.output.exit_zero else exit_code)


def run(specs: Specs, *, quiet: bool, command: str = "") -> int:
    """Audit, write all documents, show the one that was asked for; the worst exit code of all students."""
    from kdaudit.cli.documents import check_writable
    from kdaudit.pipeline.audit import audit

    check_writable(specs.output)
    command = command or this_command()
    with open_log(specs.output.log_file, command) as log:
        try:
            with told(specs.output.progress, log, quiet=quiet) as tell:
                audits = audit(specs.audit, progress=tell.progress, notice=tell.notice, command=command)
        except KeyboardInterrupt:
            say("kdaudit: interrupted; finished controls are kept, the same command goes on from there")
            raise
        return finish(audits, specs, log, quiet=quiet)


def this_command() -> str:
    """The command line, as a shell takes it."""
    return f"kdaudit {shlex.join(sys.argv[1:])}"


def finish(audits: Sequence[Audited], specs: Specs, log: Log, *, quiet: bool) -> int:
    """Write all documents, show the one that was asked for, log the verdicts; the worst exit code of all students.

    Where standard output shows no verdict in words, standard error ends with it, unless `quiet`.
    """
    from kdaudit.cli.documents import write_documents

    write_documents(audits, specs.output, shown=lambda audited, path: _text(audited, specs, path))
    output = specs.output
    shown = output.output is None and output.format == "text"
    for audited in audits:
        log.take(text_report(audited.result, color=False, report=""))
        if not shown and not quiet:
            say(verdict_line(audited.result))
    return worst(audited.result.exit_code for audited in audits)


def worst(exit_codes: Iterable[int]) -> int:
    """The exit code of several audits: that of the worst verdict."""
    codes = set(exit_codes)
    return next(code for code in _WORST_FIRST if code in codes)


def _text(audited: Audited, specs: Specs, path: Path) -> str:
    if specs.output.output is not None:
        return text_report(audited.result, color=False, report=str(path))
    color = wants_color(specs.output.color, sys.stdout)
    return text_report(audited.result, color=color, report=str(path), width=width_of(sys.stdout))


def _show_plans(specs: Specs) -> None:
    from kdaudit.pipeline.audit import training_plans

    plans = training_plans(specs.audit)
    if not plans:
        typer.echo("Nothing would be trained: the controls are ready-made, or there is no training data.")
    for plan in plans:
        epochs = "auto (a pilot chooses)" if plan.pilot else str(plan.recipe.epochs)
        typer.echo(
            f"{plan.n_independent} independent, {plan.n_random} random and {plan.n_positive} positive controls"
            f"{_alternates(plan)}, {plan.n_train:,} examples, epochs {epochs}, "
            f"{plan.recipe.optimizer} at {plan.recipe.lr:g}, batch {plan.recipe.batch_size}; {_cost(plan)}"
        )


def _cost(plan: TrainingPlan) -> str:
    """What is left to train takes; nothing where an earlier run has trained all."""
    if not plan.n_bytes:
        return "all are kept from an earlier run: nothing would be trained."
    kept = "none is" if not plan.n_kept else f"{plan.n_kept} {'is' if plan.n_kept == 1 else 'are'}"
    return (
        f"{kept} kept from an earlier run. {'The others take' if plan.n_kept else 'They take'} about "
        f"{duration(plan.seconds)}{' an epoch' if plan.pilot else ''} {plan.place} "
        f"and {plan.n_bytes / 1e6:,.1f} MB of disk."
    )


def _alternates(plan: TrainingPlan) -> str:
    if not plan.n_alternate:
        return ""
    teacher = "another teacher, which is trained too" if plan.trains_teacher else "the other teacher"
    return f", {plan.n_alternate} alternate controls of {teacher}"
