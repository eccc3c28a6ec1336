"""Documents on disk and on standard output: all written beside their places, then renamed; never half a report."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from kdaudit.cli.console import silence
from kdaudit.cli.step_summary import add_to_step_summary
from kdaudit.errors import RenderError, SpecError
from kdaudit.options import OutputSpec
from kdaudit.pipeline.saved import AUDIT, EXAMPLES, INHERITED, save_examples
from kdaudit.render import RENDERERS, render
from kdaudit.render.tables import TABLES, require_table, write_table

if TYPE_CHECKING:
    from kdaudit.pipeline.judged import Audited

REPORT = "report.html"
_UNFINISHED = ".kdaudit-"


def check_writable(output: OutputSpec) -> None:
    """Refuse unwritable places and unknown formats before hours of training, not after.

    Raises:
        SpecError: `--report` without FORMAT=PATH, an unknown format, or a folder without templates.
        RenderError: a folder that cannot be written, a format whose package is missing, or a broken template.
    """
    checked_templates(output.template_dir)
    for format_, _ in _reports(output):
        if format_ in TABLES:
            require_table(format_)
    for folder in {Path(output.report_dir), *(path.parent for _, path in _reports(output))}:
        _make_folder(folder)
    if output.output is not None and not _is_device(Path(output.output)):
        _make_folder(Path(output.output).parent)


def checked_templates(template_dir: str | None) -> Path | None:
    """The folder of `--template-dir`, if any.

    Raises:
        SpecError: it is no folder, or holds no template of ours.
        RenderError: a template is broken.
    """
    if template_dir is None:
        return None
    from kdaudit.render.templates import check_templates

    check_templates(Path(template_dir))
    return Path(template_dir)


def write_documents(
    audits: Sequence[Audited], output: OutputSpec, *, shown: Callable[[Audited, Path], str]
) -> None:
    """Write every report of every audit, and the document that was asked for: all of them, or none.

    With the annotations of `-f github` goes the summary that GitHub Actions shows beside them.

    Args:
        audits: one or more.
        output: where to, and in which formats.
        shown: the text report of an audit whose HTML report lies at the path.

    Raises:
        RenderError: a file or standard output cannot be written; what earlier audits left is as it was.
    """
    several = len(audits) > 1
    templates = checked_templates(output.template_dir)
    texts = []
    with _all_or_none() as files:
        for audited, name in zip(audits, folder_names(audits), strict=True):
            folder = Path(output.report_dir) / name
            _refuse_foreign(folder)
            files.write_text(folder / AUDIT, render(audited.result, "json"))
            files.write(folder / EXAMPLES, partial(save_examples, audited))
            files.write(folder / INHERITED, _inherited(audited, "csv"))
            files.write_text(folder / REPORT, render(audited.result, "html", templates=templates))
            for format_, path in _reports(output):
                target = path.with_stem(f"{path.stem}-{folder.name}") if several else path
                if format_ in TABLES:
                    files.write(target, _inherited(audited, format_))
                else:
                    files.write_text(target, render(audited.result, format_, templates=templates))
            if output.format == "text":
                texts.append(shown(audited, folder / REPORT))
            else:
                texts.append(render(audited.result, output.format, templates=templates))
        text = "\n".join(texts)
        if output.output is not None:
            files.write_text(Path(output.output), text)
    if output.output is None:
        emit(text)
    if output.format == "github":
        add_to_step_summary([audited.result for audited in audits])


def _inherited(audited: Audited, format: str) -> Callable[[Path], None]:
    """Writes the complete list of inherited errors."""
    return lambda path: write_table(audited.inherited, path, format)


def folder_names(audits: Sequence[Audited]) -> list[str]:
    """The folder of each audit: its first student's file name, how many more, and a number where that is taken."""
    names: list[str] = []
    for audited in audits:
        first, *more = audited.result.students
        name = re.sub(r"[^\w.\-]+", "_", Path(first).stem).strip(".") or "student"
        name += f"-and-{len(more)}-more" if more else ""
        numbered = (f"{name}-{k}" for k in count(2))
        names.append(next(free for free in chain([name], numbered) if free not in names))
    return names


def deliver(text: str, output: str | None) -> None:
    """A document to the file that was named for it, else on standard output.

    Raises:
        RenderError: it cannot be written.
    """
    if output is None:
        emit(text)
    else:
        write_text(Path(output), text)


def emit(text: str) -> None:
    """A document on standard output; a reader that closed the pipe early has seen enough.

    Raises:
        RenderError: standard output cannot be written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as failure:
        silence(sys.stdout)
        if not isinstance(failure, BrokenPipeError):
            raise RenderError(
                f"expected to write to standard output, found: {failure.strerror}",
                hint="free some space, or write to a file elsewhere with --output",
            ) from failure


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file whole or not at all.

    Raises:
        RenderError: it cannot be written.
    """
    with _all_or_none() as files:
        files.write(path, write)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        RenderError: it cannot be written.
    """
    with _all_or_none() as files:
        files.write_text(path, text)


class _Files:
    """Files that are complete under other names, beside their places."""

    def __init__(self) -> None:
        self._moves: list[tuple[Path, Path]] = []

    def write_text(self, path: Path, text: str) -> None:
        """As `write`, from text."""
        self.write(path, lambda target: target.write_text(text, encoding="utf-8", newline="\n"))

    def write(self, path: Path, write: Callable[[Path], object]) -> None:
        """Let `write` fill what will be `path`; a device or a pipe is written to at once."""
        with _named(path):
            if _is_device(path):
                write(path)
                return
            place = Path(os.path.realpath(path))  # a link stays one
            _make_folder(place.parent)
            handle, name = tempfile.mkstemp(dir=place.parent, prefix=_UNFINISHED, suffix=path.suffix)
            os.close(handle)
            self._moves.append((Path(name), place))
            write(Path(name))
            Path(name).chmod(0o644)

    def move(self) -> None:
        """Every file to its place."""
        for unfinished, place in self._moves:
            with _named(place):
                unfinished.replace(place)

    def discard(self) -> None:
        """Remove what was not moved."""
        for unfinished, _ in self._moves:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _all_or_none() -> Iterator[_Files]:
    """Files of which none takes its place before all are complete."""
    files = _Files()
    try:
        yield files
        files.move()
    finally:
        files.discard()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Failures of the disk become an error that names the file."""
    try:
        yield
    except OSError as failure:
        raise RenderError(
            f"expected to write {path}, found: {failure.strerror or failure}",
            hint="free some space, or name another place with --report-dir or --output",
        ) from failure


def _is_device(path: Path) -> bool:
    """Whether `path` is there and no plain file, as /dev/stdout: a rename would replace it."""
    return path.exists() and not path.is_file() and not path.is_dir()


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
    with _named(folder):
        found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if AUDIT not in found and any(not name.startswith(_UNFINISHED) for name in found):
        raise RenderError(
            f"expected {folder} to be empty or to hold an earlier audit, found other files",
            hint="name another folder with --report-dir",
        )


def _reports(output: OutputSpec) -> list[tuple[str, Path]]:
    pairs = []
    for asked in output.report:
        format_, equals, path = asked.partition("=")
        if not (equals and path) or format_ not in (*RENDERERS, *TABLES):
            raise SpecError(
                f"expected --report FORMAT=PATH with a format of {', '.join((*RENDERERS, *TABLES))}, "
                f"found {asked!r}"
            )
        pairs.append((format_, Path(path)))
    return pairs
