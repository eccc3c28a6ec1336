"""Documents on disk and on standard output: written to a temporary file, then renamed; never half a report."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kdaudit.errors import RenderError, SpecError
from kdaudit.options import OutputSpec
from kdaudit.render import RENDERERS, render

if TYPE_CHECKING:
    from kdaudit.pipeline.audit import Audited

AUDIT, EXAMPLES, REPORT = "audit.json", "examples.npz", "report.html"


def check_writable(output: OutputSpec) -> None:
    """Refuse unwritable places and unknown formats before hours of training, not after.

    Raises:
        SpecError: `--report` without FORMAT=PATH, or an unknown format.
        RenderError: a folder that cannot be written, or a report folder with something else in it.
    """
    for folder in {Path(output.report_dir), *(path.parent for _, path in _reports(output))}:
        _make_folder(folder)
    if output.output is not None:
        _make_folder(Path(output.output).parent)


def write_documents(
    audits: Sequence[Audited], output: OutputSpec, *, shown: Callable[[Audited, Path], str]
) -> None:
    """Write every report of every audit, then the document that was asked for.

    Args:
        audits: one or more.
        output: where to, and in which formats.
        shown: the text report of an audit whose HTML report lies at the path.

    Raises:
        RenderError: a file cannot be written.
    """
    several = len(audits) > 1
    texts = []
    for audited in audits:
        folder = Path(output.report_dir) / folder_name(audited)
        _refuse_foreign(folder)
        write_text(folder / AUDIT, render(audited.result, "json"))
        _write_examples(folder / EXAMPLES, audited)
        write_text(folder / REPORT, render(audited.result, "html"))
        for format_, path in _reports(output):
            target = path.with_stem(f"{path.stem}-{folder.name}") if several else path
            write_text(target, render(audited.result, format_))
        is_text = output.format == "text"
        texts.append(shown(audited, folder / REPORT) if is_text else render(audited.result, output.format))
    text = "\n".join(texts)
    if output.output is None:
        emit(text)
    else:
        write_text(Path(output.output), text)


def folder_name(audited: Audited) -> str:
    """The folder of an audit: its first student's file name, and how many more."""
    first, *more = audited.result.students
    name = re.sub(r"[^\w.\-]+", "_", Path(first).stem).strip(".") or "student"
    return f"{name}-and-{len(more)}-more" if more else name


def emit(text: str) -> None:
    """A document on standard output; a reader that closed the pipe early has seen enough."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        RenderError: it cannot be written.
    """
    _write(path, lambda stream_path: stream_path.write_text(text, encoding="utf-8", newline="\n"))


def _write_examples(path: Path, audited: Audited) -> None:
    import numpy as np

    largest = int(audited.answers.max(initial=0))
    answers = audited.answers.astype(np.uint16 if largest < 2**16 else np.int32)
    groups = np.empty(0, dtype=np.int64) if audited.groups is None else audited.groups
    _write(
        path,
        lambda target: np.savez_compressed(
            target,
            answers=answers,
            ids=audited.ids,
            labels=audited.labels,
            models=np.array(audited.models),
            groups=groups,
        ),
    )


def _write(path: Path, write: Callable[[Path], object]) -> None:
    _make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
        os.close(handle)
        partial = Path(name)
        try:
            write(partial)
            partial.chmod(0o644)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as failure:
        raise RenderError(
            f"expected to write {path}, found: {failure.strerror or failure}",
            hint="free some space, or name another place with --report-dir or --output",
        ) from failure


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as failure:
        raise RenderError(
            f"expected to write reports to {folder}, found: {failure.strerror or failure}",
            hint="name another folder with --report-dir",
        ) from failure


def _refuse_foreign(folder: Path) -> None:
    """A folder that holds something, but no audit, is not ours to overwrite."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / AUDIT).exists():
        raise RenderError(
            f"expected {folder} to be empty or to hold an earlier audit, found other files",
            hint="name another folder with --report-dir",
        )


def _reports(output: OutputSpec) -> list[tuple[str, Path]]:
    pairs = []
    for asked in output.report:
        format_, equals, path = asked.partition("=")
        if not (equals and path) or format_ not in RENDERERS:
            raise SpecError(
                f"expected --report FORMAT=PATH with a format of {', '.join(RENDERERS)}, found {asked!r}"
            )
        pairs.append((format_, Path(path)))
    return pairs
