"""A log file: one time-stamped line for each thing that happens in a long run, without control characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from kdaudit.cli.console import say
from kdaudit.errors import KDAuditError, RenderError

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Log:
    """Takes lines; without a file it drops them. A run does not end because its log cannot be written any more."""

    def __init__(self, stream: IO[bytes] | None = None) -> None:
        self._stream = stream

    def take(self, text: str) -> None:
        """Append each line of a text, unbuffered: whoever follows the file sees it at once."""
        for line in text.splitlines():
            said = _CONTROL.sub(" ", line).rstrip()
            if self._stream is None or not said:
                continue
            try:
                now = datetime.now().astimezone().isoformat(timespec="seconds")
                self._stream.write(f"{now} {said}\n".encode(errors="replace"))
            except OSError as failure:
                self._stream = None
                say(f"kdaudit: the log file takes no more lines: {failure.strerror or failure}")


@contextmanager
def open_log(path: str | None, command: str) -> Iterator[Log]:
    """The log of one run, appended to the file: the command first, and last why it ended, if it was by an error.

    Raises:
        RenderError: the file cannot be written.
    """
    if path is None:
        yield Log()
        return
    try:
        stream = Path(path).open("ab", buffering=0)  # noqa: SIM115 - closed below
    except OSError as failure:
        raise RenderError(
            f"expected to write a log to {path}, found: {failure.strerror or failure}",
            hint="name another file with --log-file",
        ) from failure
    with stream:
        log = Log(stream)
        log.take(f"started: {command}")
        try:
            yield log
        except KDAuditError as error:
            log.take(f"ended without a verdict: {error.message}")
            raise
        except BaseException as error:
            log.take(f"ended without a verdict: {type(error).__name__}")
            raise
