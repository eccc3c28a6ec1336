"""`kdaudit verify`: whether saved audits still let models ship; for commit hooks and release jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kdaudit.cli.check import worst
from kdaudit.cli.options import given_options, with_options
from kdaudit.options import OutputSpec


@with_options(OutputSpec, only=frozenset({"report_dir"}))
def verify(
    files: Annotated[list[str], typer.Argument(help="Models, or audit.json files that check wrote.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong.")] = False,
    **options: object,
) -> None:
    """Say whether saved audits are passes, of just these files; loads and trains nothing.

    An audit.json must be a pass whose waivers still hold, of the teacher and student that lie where it found them or
    beside it. A model must be the student of such an audit, which is looked for beside it and in --report-dir.

    Exit codes: 0 all are passes, 1 one is not, or a file has no audit, 3 one is inconclusive; 2 usage, 4 unreadable.
    """
    from kdaudit.cli.documents import emit
    from kdaudit.pipeline.verify import verify as verified

    report_dir = Path(str(given_options(options).get("report_dir", OutputSpec().report_dir)))
    today = datetime.now(UTC).date()
    found = [verified(Path(file), report_dir=report_dir, today=today) for file in files]
    for one in found:
        if one.exit_code or not quiet:
            emit(f"{'ok  ' if not one.exit_code else 'FAIL'}  {one.path}: {one.said}\n")
    raise typer.Exit(worst(one.exit_code for one in found))
