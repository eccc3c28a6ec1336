"""`kdaudit doctor`: what works on this machine, and what to install."""

from __future__ import annotations

import sys
from pathlib import Path

from kdaudit.cli.options import given_options, with_options
from kdaudit.errors import EXIT_CANNOT_RUN, EXIT_PASS
from kdaudit.options import AuditSpec

_MARKS = {"works": "ok", "broken": "BROKEN", "note": "-"}


@with_options(AuditSpec, only=frozenset({"cache_dir", "data_root", "ray_address"}))
def doctor(**options: object) -> None:
    """Say what of this machine works for audits: versions, runtimes, GPU, cache; and what to install.

    With --ray-address also what each node of the cluster lacks.

    Exit codes: 0 everything that is needed is there; 4 something is broken.
    """
    import typer

    from kdaudit.cli.console import fitted, width_of
    from kdaudit.cli.documents import emit
    from kdaudit.pipeline.doctor import examine
    from kdaudit.spec import resolve

    nothing = {"teacher": "", "students": ("",), "data": ""}
    specs = resolve({**nothing, **given_options(options)}, config=None, isolated=False, folder=Path.cwd())
    width, broken = width_of(sys.stdout), False
    for check in examine(specs.audit):
        line = f"{_MARKS[check.state]:<7} {check.what:<13} {check.found}"
        emit(fitted(f"{line}\n" + (f"{'':21} {check.advice}\n" if check.advice else ""), width))
        broken |= check.state == "broken"
    raise typer.Exit(EXIT_CANNOT_RUN if broken else EXIT_PASS)
