"""The Markdown summary on the page of a GitHub Actions run, beside the annotations of `-f github`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from kdaudit.cli.console import say
from kdaudit.errors import RenderError
from kdaudit.render import render
from kdaudit.schema import AuditResult

_VARIABLE = "GITHUB_STEP_SUMMARY"
_LARGEST = 2**20  # GitHub shows nothing of a step whose summary is larger


def add_to_step_summary(results: Sequence[AuditResult]) -> None:
    """Append the Markdown of each audit to the file that GitHub Actions names, if it does.

    Raises:
        RenderError: the file cannot be written.
    """
    name = os.environ.get(_VARIABLE)
    if not name:
        return
    path = Path(name)
    try:
        with path.open("ab") as stream:
            for result in results:
                document = f"{render(result, 'markdown')}\n".encode()
                if stream.tell() + len(document) > _LARGEST:
                    say("kdaudit: the step summary is full (1 MiB); the other summaries are left out")
                    return
                stream.write(document)
    except OSError as failure:
        raise RenderError(
            f"expected to append to {path}, which {_VARIABLE} names, found: {failure.strerror or failure}",
            hint=f"unset {_VARIABLE}, or ask for another format than github",
        ) from failure
