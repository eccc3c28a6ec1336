"""`kdaudit judge`: the verdict on predictions that were made elsewhere."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from kdaudit.cli.check import finish, this_command
from kdaudit.cli.help import HelpCommand
from kdaudit.cli.log import open_log
from kdaudit.cli.options import Config, Isolated, Quiet, given_options, with_options
from kdaudit.cli.progress import told
from kdaudit.errors import EXIT_PASS, SpecError
from kdaudit.judge_options import JudgeSpec
from kdaudit.options import AuditSpec, OutputSpec

_FILES = {
    *("teacher", "student", "control", "random_control", "positive_control", "alternate_teacher"),
    *("alternate_control", "labels", "outputs", "controls_matched"),
}
_OTHERS = {
    *("slice", "unmatched_controls", "allow_weak_teacher", "preset", "waivers", "baseline", "unlabelled"),
    *("cache_dir", "cache", "resume", "max_examples"),
    *("report_dir", "format", "output", "report", "template_dir", "log_file", "exit_zero", "color"),
}


class ManyFiles(HelpCommand):
    """A repeatable option takes all values up to the next option, as shells write them for `control*.npz`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the option before each further value."""
        repeatable = {flag for p in self.params if getattr(p, "multiple", False) for flag in p.opts}
        return super().parse_args(ctx, list(_one_each(args, repeatable)))


def _one_each(args: Iterable[str], repeatable: Container[str]) -> Iterator[str]:
    option, n_values = "", 0
    for arg in args:
        if arg.startswith("-"):
            option, n_values = arg.partition("=")[0], int("=" in arg)
        elif option in repeatable:
            if n_values:
                yield option
            n_values += 1
        yield arg


@with_options(AuditSpec, OutputSpec, only=_OTHERS)
@with_options(JudgeSpec)
def judge(
    config: Config = None,
    isolated: Isolated = False,
    quiet: Quiet = False,
    **options: object,
) -> None:
    """Judge saved predictions: kdaudit judge --teacher T.npz --student S.npz --control C*.npz.

    Each is an .npz with logits or probs (examples, classes), and ids, labels, groups beside them where they are known;
    or a .csv or parquet table with id, label, logit_0, logit_1 ... `kdaudit predict` writes such files. Rows find each
    other by ids where all files have ids, else by position. Nothing is loaded or trained.

    Exit codes: 0 pass, 1 fail, 3 inconclusive; 2 usage, 4 could not run.
    """
    from kdaudit.cli.documents import check_writable
    from kdaudit.pipeline.judge_saved import judge_saved
    from kdaudit.spec import resolve

    given = given_options(options)
    files = _files({name: value for name, value in given.items() if name in _FILES})
    specs = resolve(
        {
            "teacher": files.teacher,
            "students": files.student,
            "data": files.labels or files.teacher,
            **{name: value for name, value in given.items() if name in _OTHERS},
        },
        config=None if config is None else Path(config),
        isolated=isolated,
        folder=Path.cwd(),
    )
    check_writable(specs.output)
    command = this_command()
    with open_log(specs.output.log_file, command) as log:
        with told("none", log, quiet=quiet) as tell:
            audits = judge_saved(files, specs.audit, notice=tell.notice, command=command)
        exit_code = finish(audits, specs, log, quiet=quiet)
    raise typer.Exit(EXIT_PASS if specs.output.exit_zero else exit_code)


def _files(given: dict[str, object]) -> JudgeSpec:
    missing = [name for name in ("teacher", "student") if name not in given]
    if missing:
        raise SpecError(
            f"expected predictions of a teacher and a student, found no --{missing[0]}",
            hint="kdaudit judge --teacher T.npz --student S.npz --control C1.npz C2.npz C3.npz",
        )
    values: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return JudgeSpec(**values)
